/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_STORE_MOUNT_H
#define SOUK_STORE_MOUNT_H
/* One EROFS file as a detached, read-only mount. */
#include "base/macro.h"
#include <souk/err.h>

/** erofs_mount_file() - mount the file at @path (absolute); by the kernel directly where it can (6.12), else on a loop
 * device that goes away with the mount.  SOUK_LAYER_MOUNT=loop asks for the latter.
 * Return: fd of the mount, attached nowhere yet; -ENODEV no EROFS in this kernel; -ENOENT no such file.  Needs CAP_SYS_ADMIN. */
int erofs_mount_file(const char *path, struct souk_err *err);
/** erofs_is_supported() - this kernel and this user can mount EROFS */
bool erofs_is_supported(void);
#endif
