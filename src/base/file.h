/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files and directories by descriptor.  Every fd returned is O_CLOEXEC.  Negative errno on failure. */
#ifndef SOUK_BASE_FILE_H
#define SOUK_BASE_FILE_H
#include "buf.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

_must_check_ int fd_read_all(int fd, void *p, size_t n);          /* exactly n bytes; -ENODATA at an early end */
_must_check_ int fd_write_all(int fd, const void *p, size_t n);   /* EINTR handled; not for O_NONBLOCK fds */
_must_check_ int fd_pwrite_all(int fd, const void *p, size_t n, uint64_t offset);
_must_check_ int fd_read_to_buf(int fd, struct buf *b);           /* to the end; -EFBIG over b->max */
_must_check_ int fd_set_cloexec(int fd, bool on);
_must_check_ int fd_set_nonblock(int fd, bool on);
/** fd_move_high() - dup the fd to a number >= @min, closing the old; so that 0..2 can be reassigned. */
_must_check_ int fd_move_high(int fd_take, int min);

/** file_read() - whole file as text.  @max bytes; -EFBIG when longer. @ret_text [owned], NUL-terminated. */
_must_check_ int file_read(int dirfd, const char *path, size_t max, char **ret_text, size_t *ret_len);
/** file_write() - open (O_WRONLY, no create) and write once: for /proc, /sys, cgroup files. */
_must_check_ int file_write(int dirfd, const char *path, const char *text);
_must_check_ int file_writef(int dirfd, const char *path, const char *fmt, ...) _printf_(3, 4);
/** file_replace() - write a temporary beside it and rename over @path: readers see the old or the new, whole. */
_must_check_ int file_replace(int dirfd, const char *path, mode_t mode, const void *p, size_t n);
/** dir_make_open() - mkdirat that accepts an existing directory (not a symlink to one). Return: a readable fd of it. */
_must_check_ int dir_make_open(int dirfd, const char *path, mode_t mode);
/** dir_make_all() - mkdir -p */
_must_check_ int dir_make_all(const char *path, mode_t mode);
/** tree_remove() - rm -r of @name below @dirfd; follows no symlink; a name that is not there is success.
 * Return: 0; -EXDEV when @name is, or holds, a mount point: what is mounted is left alone, the rest below @name is gone. */
_must_check_ int tree_remove(int dirfd, const char *name);
/** fd_path() - "/proc/self/fd/N" into @buf (at least 32 bytes): for calls that only take a path. */
const char *fd_path(int fd, char *buf, size_t size);
bool file_exists(int dirfd, const char *path);
#endif
