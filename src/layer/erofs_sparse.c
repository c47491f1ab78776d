/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sparse files in EROFS: chunks that hold nothing have no blocks, and SEEK_HOLE finds them, so that neither a copy-up
 * by overlayfs nor an export writes terabytes of zeros.
 *
 * The array of chunks is limited, so a large file has large chunks.  A chunk with any data takes its whole length in
 * the image, but the rest of it is a hole of the image file.  Files come in order: only one chunk is ever open.
 */
#include "erofs_writer.h"
#include "base/str.h"

#include <endian.h>

#define CHUNKS_MAX (32u << 10) /* per file; an array of 128 KiB */
#define HOLE_MIN   (64u << 10) /* shorter gaps inside a chunk are written */

static uint64_t chunk_size(const struct erofs_chunks *c) {
        return (uint64_t) EROFS_BLOCK << c->bits;
}

void erofs_chunks_begin(struct erofs_chunks *c, uint64_t size) {
        c->bits = 0;
        while (c->bits < EROFS_CHUNK_BITS_MAX && (size - 1) / chunk_size(c) >= CHUNKS_MAX)
                c->bits++;
        c->n = (size_t) ((size + chunk_size(c) - 1) / chunk_size(c));
        if (c->n > c->cap) {
                c->v = xreallocarray(c->v, c->n, sizeof(*c->v));
                c->cap = c->n;
        }
        memset(c->v, 0xff, c->n * sizeof(*c->v));
        c->pos = 0;
        c->current = SIZE_MAX;
}

/* Moves on in the image: zeros or a hole. */
static int pad_to(struct erofs_out *o, uint64_t target, struct souk_err *err) {
        static const uint8_t zeros[EROFS_BLOCK];
        uint64_t n = target - erofs_out_pos(o);
        if (n >= HOLE_MIN)
                return erofs_out_skip(o, n, err);
        int r = 0;
        for (size_t m; n > 0 && r == 0; n -= m) {
                m = (size_t) MIN(n, sizeof(zeros));
                r = erofs_out_write(o, zeros, m, err);
        }
        return r;
}

static int chunk_close(struct erofs_chunks *c, struct erofs_out *o, uint64_t length, struct souk_err *err) {
        if (c->current == SIZE_MAX)
                return 0;
        c->current = SIZE_MAX;
        return pad_to(o, c->start + length, err);
}

int erofs_chunks_data(struct erofs_chunks *c, struct erofs_out *o, const uint8_t *p, size_t n, struct souk_err *err) {
        while (n > 0) {
                size_t i = (size_t) (c->pos / chunk_size(c));
                uint64_t inside = c->pos % chunk_size(c);
                size_t m = (size_t) MIN((uint64_t) n, chunk_size(c) - inside);
                int r = 0;
                if (i != c->current) {
                        r = chunk_close(c, o, chunk_size(c), err);
                        if (r == 0)
                                r = erofs_out_align(o, err);
                        c->current = i;
                        c->start = erofs_out_pos(o);
                        c->v[i] = htole32((uint32_t) (c->start >> EROFS_BLOCK_BITS));
                }
                if (r == 0)
                        r = pad_to(o, c->start + inside, err);
                if (r == 0)
                        r = erofs_out_write(o, p, m, err);
                if (r < 0)
                        return r;
                c->pos += m;
                p += m;
                n -= m;
        }
        return 0;
}

int erofs_chunks_end(struct erofs_chunks *c, struct erofs_out *o, uint64_t size, struct souk_err *err) {
        uint64_t first = c->current * chunk_size(c);
        return chunk_close(c, o, MIN(chunk_size(c), ALIGN_UP(size - first, (uint64_t) EROFS_BLOCK)), err);
}
