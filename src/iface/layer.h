/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_IFACE_LAYER_H
#define SOUK_IFACE_LAYER_H
/*
 * Layers: contract between what produces tar streams (transfer: inflate, verify) and what stores them (layer: EROFS file
 * or unpacked tree).  DESIGN section 4.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <souk/err.h>

enum layer_driver { LAYER_DRIVER_EROFS, LAYER_DRIVER_TREE, LAYER_DRIVER_MAX };

/* Pull source of an uncompressed tar stream. */
struct layer_source {
        /* Next piece of the stream: 1 with ret_p and ret_n set (borrowed until the next call), 0 at the end, negative errno
         * (with *err set).  Pieces of 64 KiB to 1 MiB are best. */
        int (*next)(void *user, const void **ret_p, size_t *ret_n, struct souk_err *err);
        void *user;
        /* A digest over the stream is checked, so its end is the archive's: some tools leave out the last padding and the
         * end-of-archive mark.  Without a digest that cannot be told from an archive that was cut off, and is refused. */
        bool end_is_verified;
};
struct layer_limits {
        uint64_t max_bytes;     /* file data, after inflation */
        uint64_t max_entries;   /* files, directories ... */
};
struct layer_stats {
        uint64_t data_bytes;    /* file data in the layer */
        uint64_t stored_bytes;  /* EROFS: length of the file; TREE: what its files take on disk */
        uint64_t entries;
};
/**
 * layer_import() - store one layer
 * @driver:  EROFS: @dst is an empty regular file, read-write; TREE: an empty directory (needs CAP_CHOWN, CAP_MKNOD,
 *           CAP_FOWNER, CAP_DAC_OVERRIDE, CAP_SETFCAP)
 * @src:     read to the end of the tar archive, and then to the end of the stream, so that a digest over it is complete
 * Return: 0; -EBADMSG malformed tar or a path that escapes (SOUK_CORRUPT); -EFBIG over a limit (SOUK_LIMIT);
 * -EOPNOTSUPP an entry that cannot be stored.  On failure @dst holds rubbish; the caller removes it.
 * Blocks.  Writes nothing outside @dst.
 * Spec: OCI image-spec 1.1, layer.md "Applying Changesets", "Whiteouts".
 */
int layer_import(enum layer_driver driver, int dst, const struct layer_source *src, const struct layer_limits *limits,
                 struct layer_stats *ret, struct souk_err *err);

struct layer_sink {
        int (*write)(void *user, const void *p, size_t n, struct souk_err *err); /* 0 or negative errno */
        void *user;
};
enum layer_export_flags {
        LAYER_EXPORT_WHITEOUTS = 1, /* overlay whiteouts (0/0 char devices, opaque xattr) become .wh. entries; else skipped */
};
/**
 * layer_export() - write a directory tree as a tar stream (pax), entries sorted, hard links kept, sparse files kept
 * @dirfd: root of the tree: a directory, a mounted layer, or a merged overlay; never followed out of
 */
int layer_export(int dirfd, unsigned flags, const struct layer_sink *sink, struct souk_err *err);
#endif
