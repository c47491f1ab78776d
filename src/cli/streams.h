/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The streams of a foreground run, start, exec, attach. */
#ifndef SOUK_CLI_STREAMS_H
#define SOUK_CLI_STREAMS_H
#include "cli.h"

#define DETACH_KEYS_OPTION(offset)                                                     \
        {                                                                              \
                "detach-keys", 0, CLI_STRING, (offset), "KEYS",                        \
                        "Keys that detach from it (default ctrl-p,ctrl-q); \"\": none" \
        }
#define SIG_PROXY_OPTION(offset) \
        { "sig-proxy", 0, CLI_FLAG, (offset), NULL, "Pass received signals on to it (default true)" }

/** streams_fill() - our own stdio.  @interactive: with standard input.  Error: -t -i without a terminal */
_must_check_ int streams_fill(bool interactive, bool tty, const char *detach_keys, bool sig_proxy,
                              struct souk_streams *ret, struct souk_err *err);
/** streams_status() - the workload's status as our exit status; detached is success */
int streams_status(int status);
#endif
