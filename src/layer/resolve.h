/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths of an archive -> places in the index. */
#ifndef SOUK_LAYER_RESOLVE_H
#define SOUK_LAYER_RESOLVE_H
#include "driver.h"

#define LAYER_PATH_MAX  4095u
#define LAYER_NAME_MAX  255u
#define LAYER_DEPTH_MAX 2048u

struct import {
        const struct layer_driver_ops *ops;
        void *driver;
        struct layer_index ix;
        struct layer_limits limits;
        struct layer_stats stats;
};

enum name_kind {
        NAME_ROOT, /* the layer's own root directory */
        NAME_PLAIN,
        NAME_WHITEOUT, /* .wh.NAME */
        NAME_OPAQUE,   /* .wh..wh..opq */
        NAME_IGNORED,  /* aufs' own books: .wh..wh.* */
};
/**
 * path_classify() - check a path as an archive gives it, and say what its last component means
 * Return: enum name_kind; -EBADMSG with @err set: "..", a name over 255 bytes, a path over 4095.
 */
_must_check_ int path_classify(const char *path, size_t len, struct souk_err *err);
/**
 * path_resolve() - the directory that holds the last component, and that component
 * Symlinks on the way are followed inside the layer, as a chroot would; the last component never is.
 * @create: directories that were never listed are made (0755, root, mtime 0); else -ENOENT without a message
 * @ret_name: [borrowed from @path]
 * Return: 0; -EBADMSG through a file, or too many symlinks; -EFBIG too deep.
 */
_must_check_ int path_resolve(struct import *im, const char *path, size_t len, bool create, struct dir **ret_dir,
                              const char **ret_name, size_t *ret_len, struct souk_err *err);
/** import_make_dir() - make @de, which stands for nothing, a new directory. */
_must_check_ int import_make_dir(struct import *im, struct dentry *de, struct dir **ret, struct souk_err *err);
int import_memory_error(struct souk_err *err);
#endif
