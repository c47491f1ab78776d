/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_SYS_FS_H
#define SOUK_SYS_FS_H
/* The kernel's mount API and openat2, by descriptor.  Negative errno.  All but the *_make calls are safe after fork: no
 * allocation, no locale, no stdio. */
#include "base/macro.h"

#include <linux/openat2.h>
#include <sys/mount.h>

/** fs_open_in() - openat2 below @root as if it were "/": symlinks stay inside, magic links are refused */
_must_check_ int fs_open_in(int root, const char *path, uint64_t flags);
/** fs_make_in() - the same, and a missing path is made: directories 0755 on the way, at the end a directory or an
 * empty file */
_must_check_ int fs_make_in(int root, const char *path, bool directory);
/** fs_clone() - open_tree(OPEN_TREE_CLONE) of what @fd + @path ("" the fd itself) is: a detached mount */
_must_check_ int fs_clone(int fd, const char *path, bool recursive);
_must_check_ int fs_set_attr(int mount_fd, uint64_t set, uint64_t clear, uint64_t propagation, int userns_fd,
                             bool recursive);
_must_check_ int fs_attach(int mount_fd, int target_fd);
/** fs_attach_at() - at @path below @dir, whose last component is not followed: for file systems of our own making */
_must_check_ int fs_attach_at(int mount_fd, int dir, const char *path);
/** fs_new() - fsopen, options ("a=b,c"), fsmount: a detached mount.  @options are copied to the stack, at most 1 KiB */
_must_check_ int fs_new(const char *type, const char *options, uint64_t attr);
#endif
