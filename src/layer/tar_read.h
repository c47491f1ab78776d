/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tar reader: a pull source of bytes in, entries and pieces of their data out, without copying the data.
 *
 *      tar_reader_next() -> entry;  then tar_reader_data() until it gives 0, or not at all (the rest is skipped)
 */
#ifndef SOUK_LAYER_TAR_READ_H
#define SOUK_LAYER_TAR_READ_H
#include "iface/layer.h"
#include "tar_format.h"
#include "xattr.h"

enum tar_type {
        TAR_FILE,
        TAR_HARDLINK,
        TAR_SYMLINK,
        TAR_CHAR,
        TAR_BLOCKDEV,
        TAR_DIR,
        TAR_FIFO,
};
struct tar_extent {
        uint64_t offset;
        uint64_t length;
};
/* Paths are bytes, not terminated, and checked for nothing but NUL; valid until the next tar_reader_next(). */
struct tar_entry {
        enum tar_type type;
        const char *path;
        size_t path_len;
        const char *link;
        size_t link_len;
        mode_t mode; /* permission bits only */
        uint32_t uid;
        uint32_t gid;
        int64_t mtime;
        uint32_t mtime_nsec;
        uint32_t rdev_major;
        uint32_t rdev_minor;
        uint64_t size; /* of the file once unpacked, bytes */
        bool sparse;
        struct xattr_list xattrs;
};
struct tar_reader;
int tar_reader_new(const struct layer_source *src, struct tar_reader **ret);
void tar_reader_free(struct tar_reader *r);
DEFINE_CLEANUP(struct tar_reader, tar_reader_free)
/**
 * tar_reader_next() - the next entry
 * @ret: [borrowed] the caller may change its xattrs
 * Return: 1; 0 at the end of the archive, when the stream has been read to its end as well; -EBADMSG malformed
 * (SOUK_CORRUPT), -EOPNOTSUPP a kind of entry that is not known, or the source's own error.
 */
_must_check_ int tar_reader_next(struct tar_reader *r, struct tar_entry **ret, struct souk_err *err);
/**
 * tar_reader_data() - the next piece of the current entry's data
 * @ret_offset: where it belongs in the file; a jump forward is a hole
 * Return: 1; 0 at the end of the data (a hole may follow, up to the entry's size); negative errno.
 */
_must_check_ int tar_reader_data(struct tar_reader *r, uint64_t *ret_offset, const void **ret_p, size_t *ret_n,
                                 struct souk_err *err);
#endif
