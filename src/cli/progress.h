/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Progress of loading, on standard error: results on standard output stay clean.  On a terminal one line for each layer
 * under way, redrawn in place, and one that stays when it is done; otherwise only the latter.
 */
#ifndef SOUK_CLI_PROGRESS_H
#define SOUK_CLI_PROGRESS_H
#include "cli.h"

struct progress_row {
        char *name;
        uint64_t done, total;
};
struct progress {
        bool quiet, terminal;
        struct progress_row *rows; /* under way */
        size_t n_rows;
        size_t n_drawn; /* lines below which the cursor is */
        uint64_t drawn_usec;
        size_t max_rows, width;
        FILE *out;
};
void progress_init(struct progress *p, bool quiet, FILE *out);
void progress_event(const struct souk_progress *e, void *user); /* souk_progress_fn; @user: struct progress */
void progress_end(struct progress *p);                          /* clears what is under way, frees */
#endif
