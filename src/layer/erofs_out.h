/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The image file as it grows: a stream of data blocks, and between them regions of metadata that are filled while the
 * data goes by.
 */
#ifndef SOUK_LAYER_EROFS_OUT_H
#define SOUK_LAYER_EROFS_OUT_H
#include "base/macro.h"
#include "erofs_format.h"
#include <souk/err.h>

struct erofs_region;
struct erofs_out {
        int fd; /* borrowed */
        uint8_t *buf;
        size_t fill;
        uint64_t buf_start;          /* offset of buf[0] in the file */
        uint64_t data_end;           /* end of what the stream needs; regions beyond it may end the file early */
        struct erofs_region *region; /* open one; older ones that are kept hang behind it */
        uint32_t region_blocks;      /* size of the next one */
        uint64_t hash[2];            /* of the metadata */
};
int erofs_out_open(struct erofs_out *o, int fd);
void erofs_out_free(struct erofs_out *o);
static inline uint64_t erofs_out_pos(const struct erofs_out *o) {
        return o->buf_start + o->fill;
}
_must_check_ int erofs_out_write(struct erofs_out *o, const void *p, size_t n, struct souk_err *err);
/** erofs_out_skip() - leave a hole. */
_must_check_ int erofs_out_skip(struct erofs_out *o, uint64_t n, struct souk_err *err);
/** erofs_out_align() - zeros up to the next block. */
_must_check_ int erofs_out_align(struct erofs_out *o, struct souk_err *err);
/** erofs_out_flush() - everything that was written is in the file, except metadata regions. */
_must_check_ int erofs_out_flush(struct erofs_out *o, struct souk_err *err);

/**
 * erofs_meta_alloc() - room for an inode and what follows it
 * @size: bytes; up to a block they do not cross a block boundary, more start at one
 * @keep: the memory stays until erofs_meta_flush(); otherwise it may go to the file with the next call
 * @ret_nid: the node number; @ret_p: zeroed memory to fill in
 */
_must_check_ int erofs_meta_alloc(struct erofs_out *o, size_t size, bool keep, uint64_t *ret_nid, uint8_t **ret_p,
                                  struct souk_err *err);
/** erofs_meta_patch() - overwrite bytes of metadata, wherever they are by now. */
_must_check_ int erofs_meta_patch(struct erofs_out *o, uint64_t offset, const void *p, size_t n, struct souk_err *err);
/** erofs_meta_flush() - write all regions. @ret_end: where the last one ends */
_must_check_ int erofs_meta_flush(struct erofs_out *o, uint64_t *ret_end, struct souk_err *err);
#endif
