/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors for people, and the last look at standard output. */
#include "cli.h"

#include <stdarg.h>

int cli_fail(const struct souk_err *err) {
        /* messages quote names from archives and other programs' output */
        _cleanup_free_ char *safe =
                str_printable(err->msg[0] ? err->msg : "failed without a reason (a defect of Souk)");
        fflush(stdout);
        fprintf(stderr, "souk: %s\n", safe);
        int status = souk_code_exit_status(err->code);
        return status ? status : CLI_EXIT_USAGE;
}

void cli_warn(const char *fmt, ...) {
        va_list ap;
        va_start(ap, fmt);
        fflush(stdout);
        fputs("souk: ", stderr);
        vfprintf(stderr, fmt, ap);
        fputc('\n', stderr);
        va_end(ap);
}

int cli_finish(int status) {
        bool failed = ferror(stdout);
        errno = 0;
        if (fclose(stdout) == 0 && !failed)
                return status;
        fprintf(stderr, "souk: cannot write to standard output: %s\n", errno ? strerror(errno) : "write error");
        return status ? status : CLI_EXIT_USAGE;
}
