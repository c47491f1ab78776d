/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the EROFS driver: what erofs_writer.c (inodes) and erofs_dir.c (directories, the end) share. */
#ifndef SOUK_LAYER_EROFS_WRITER_H
#define SOUK_LAYER_EROFS_WRITER_H
#include "driver.h"
#include "erofs_out.h"

#define EROFS_SMALL_MAX 2048u /* files up to this size live beside their inode */

/* A sparse file that is being written. */
struct erofs_chunks {
        uint32_t *v; /* first block of each chunk, or EROFS_CHUNK_HOLE */
        size_t n;
        size_t cap;
        unsigned bits;  /* a chunk is 4 KiB << bits */
        uint64_t pos;   /* in the file */
        size_t current; /* chunk that is being filled, SIZE_MAX when none */
        uint64_t start; /* where it lies in the image */
};
struct erofs_writer {
        struct erofs_out out;
        struct layer_index *ix;
        bool chunked; /* some file is stored in chunks */

        /* the file that is being written */
        struct dentry *file;
        struct layer_attr attr;
        uint64_t file_start;
        uint64_t file_size;
        enum { EROFS_FILE_PLAIN, EROFS_FILE_SMALL, EROFS_FILE_SPARSE } how;
        struct erofs_chunks chunks;
        size_t small_fill;
        uint8_t small_data[EROFS_SMALL_MAX];
};
struct erofs_inode_spec {
        const struct layer_attr *attr;
        enum erofs_layout layout;
        uint64_t size;
        uint32_t block; /* or the device number */
        uint32_t nlink;
};
/** erofs_xattr_size() - bytes that the attributes take after the inode. Return: 0; -EOPNOTSUPP too large. */
_must_check_ int erofs_xattr_size(const struct xattr_list *l, size_t *ret, struct souk_err *err);
/** erofs_inode_encode() - write inode and xattrs at @p. Return: bytes written. */
size_t erofs_inode_encode(uint8_t *p, uint64_t nid, const struct erofs_inode_spec *s);
/* Sparse files: begin, then data and holes in order, then end (which leaves the array in v). */
void erofs_chunks_begin(struct erofs_chunks *c, uint64_t size);
_must_check_ int erofs_chunks_data(struct erofs_chunks *c, struct erofs_out *o, const uint8_t *p, size_t n,
                                   struct souk_err *err);
_must_check_ int erofs_chunks_end(struct erofs_chunks *c, struct erofs_out *o, uint64_t size, struct souk_err *err);
/** erofs_finish() - directories, link counts, superblock. */
_must_check_ int erofs_finish(struct erofs_writer *w, uint64_t *ret_stored_bytes, struct souk_err *err);
#endif
