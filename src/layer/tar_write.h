/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tar writer: ustar headers, with pax records for what they cannot hold. */
#ifndef SOUK_LAYER_TAR_WRITE_H
#define SOUK_LAYER_TAR_WRITE_H
#include "tar_read.h"

struct tar_writer {
        const struct layer_sink *sink;
        uint8_t *buf;
        size_t fill;
        uint64_t data_left; /* of the current entry */
        unsigned padding;
        struct buf records;
};
void tar_writer_open(struct tar_writer *w, const struct layer_sink *sink);
void tar_writer_free(struct tar_writer *w);
/**
 * tar_writer_entry() - headers of one entry
 * @map: of a sparse file (e->sparse): the pieces that hold data, which is all that follows
 */
_must_check_ int tar_writer_entry(struct tar_writer *w, const struct tar_entry *e, const struct tar_extent *map,
                                  size_t n_map, struct souk_err *err);
/** tar_writer_data() - no more than the entry announced. */
_must_check_ int tar_writer_data(struct tar_writer *w, const void *p, size_t n, struct souk_err *err);
/** tar_writer_zeros() - what is still missing from the entry's data, for a file that shrank. */
_must_check_ int tar_writer_zeros(struct tar_writer *w, uint64_t n, struct souk_err *err);
/** tar_writer_close() - the end-of-archive mark. */
_must_check_ int tar_writer_close(struct tar_writer *w, struct souk_err *err);
#endif
