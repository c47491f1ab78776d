/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stores the entries of a layer, behind the common reading and checking of the archive.  Calls come in the
 * archive's order; the index already shows the new state of the name.  After a failure only free is called.
 */
#ifndef SOUK_LAYER_DRIVER_H
#define SOUK_LAYER_DRIVER_H
#include "iface/layer.h"
#include "index.h"

struct layer_driver_ops {
        /* @dst [borrowed], @ix [borrowed] */
        int (*open)(int dst, struct layer_index *ix, void **ret, struct souk_err *err);
        /* The name is about to stand for something else (or for nothing); still attached. */
        int (*remove)(void *d, struct dentry *de, struct souk_err *err);
        /* A new directory; its attributes count in finish only, when they are final. */
        int (*dir)(void *d, struct dir *dir, struct souk_err *err);
        /* A regular file of @size bytes, then its data and holes in order, then the end. */
        int (*file_begin)(void *d, struct dentry *de, const struct layer_attr *a, uint64_t size, bool sparse,
                          struct souk_err *err);
        int (*file_data)(void *d, const void *p, size_t n, struct souk_err *err);
        int (*file_hole)(void *d, uint64_t n, struct souk_err *err);
        int (*file_end)(void *d, struct souk_err *err);
        /* Symlink (target in the inode), device or FIFO. */
        int (*special)(void *d, struct dentry *de, const struct layer_attr *a, struct souk_err *err);
        /* Another name of @target's inode; @de stands for it already. */
        int (*link)(void *d, struct dentry *de, const struct dentry *target, struct souk_err *err);
        int (*whiteout)(void *d, struct dentry *de, struct souk_err *err);
        int (*finish)(void *d, uint64_t *ret_stored_bytes, struct souk_err *err);
        void (*free)(void *d);
};
extern const struct layer_driver_ops layer_driver_erofs;
extern const struct layer_driver_ops layer_driver_tree;
#endif
