/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a command line in this process and keeps what it printed. */
#ifndef SOUK_TEST_CAPTURE_H
#define SOUK_TEST_CAPTURE_H
#include "cli/cli.h"

struct capture {
        int status;
        char *out, *err;
};
/* The words after "souk", the last one NULL.  Standard input is /dev/null. */
struct capture capture_run(const char *word, ...) __attribute__((sentinel));
void capture_free(struct capture *c);
#define _cleanup_capture_ _cleanup_(capture_free)
#endif
