/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The set of log files as a reader sees it, while the writer may shift them at any moment.  A file is known by its inode:
 * as long as we hold it open, no other gets the same, whatever its name has become.
 */
#ifndef SOUK_SHIM_LOGSET_H
#define SOUK_SHIM_LOGSET_H
#include "base/macro.h"

#define LOGSET_MAX 64

struct logset {
        int fds[LOGSET_MAX]; /* oldest first */
        size_t n;
};
/** logset_open() - all files there are, none twice; none is fine too */
_must_check_ int logset_open(int dir_fd, struct logset *ret);
void logset_close(struct logset *s);
/** logset_next() - the file that was begun after @current (-EBADF: the oldest).  -ENOENT: @current is the newest */
_must_check_ int logset_next(int dir_fd, int current);
/** logset_tail() - where the last @lines lines begin: *ret_file of the set, *ret_offset in it */
_must_check_ int logset_tail(const struct logset *s, uint64_t lines, size_t *ret_file, uint64_t *ret_offset);
#endif
