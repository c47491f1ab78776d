/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where archives come from and go to: files, or standard input and output when these are no terminals. */
#ifndef SOUK_CLI_ARCHIVE_IO_H
#define SOUK_CLI_ARCHIVE_IO_H
#include "cli.h"

/** archive_input_open() - @path: NULL or "-": standard input; a directory is opened as such.  Return: fd, to be closed
 * with archive_input_close() */
_must_check_ int archive_input_open(const char *path, const char *how, struct souk_err *err);
void archive_input_closep(int *fd);

/* A regular file is written beside and renamed when whole, so that a failure leaves the old one. */
struct archive_output {
        int fd;
        const char *path; /* NULL: standard output */
        char *temporary;  /* NULL: written in place (a pipe, a device) */
};
_must_check_ int archive_output_open(const char *path, struct archive_output *ret, struct souk_err *err);
_must_check_ int archive_output_commit(struct archive_output *o, struct souk_err *err);
void archive_output_abandon(struct archive_output *o); /* does nothing after a commit */
#endif
