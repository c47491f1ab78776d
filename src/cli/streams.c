/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The streams of a foreground run, start, exec, attach. */
#include "streams.h"

int streams_fill(bool interactive, bool tty, const char *detach_keys, bool sig_proxy, struct souk_streams *ret,
                 struct souk_err *err) {
        if (interactive && tty && !isatty(STDIN_FILENO))
                return souk_err_set(err, SOUK_USAGE, -ENOTTY,
                                    "the input device is not a TTY: -it needs a terminal on standard input; use -i "
                                    "alone for a pipe");
        *ret = (struct souk_streams){
                .in = interactive ? STDIN_FILENO : -1,
                .out = STDOUT_FILENO,
                .err = STDERR_FILENO,
                .detach_keys = detach_keys,
                .sig_proxy = sig_proxy,
        };
        return 0;
}

int streams_status(int status) {
        return status == SOUK_EXIT_DETACHED ? 0 : status;
}
