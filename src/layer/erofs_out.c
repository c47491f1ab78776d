/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Output of the EROFS writer.
 *
 * File data is a stream: small pieces are gathered in a buffer that fits the cache, large ones go to the file from
 * where they are.
 *
 * Metadata is packed into regions (64 KiB, growing to 1 MiB) which are set aside in the stream when the one before is
 * full, filled in memory, and written at once.  So inodes, with the small files that live in them, take bounded
 * memory however many there are, and they lie together on disk.  Inside a region an item goes to the fullest block
 * that still has room for it: inline data must not cross a block boundary.
 */
#include "erofs_out.h"
#include "base/file.h"
#include "base/str.h"

#define OUT_BUFFER        (256u << 10)
#define DIRECT_WRITE      (64u << 10)
#define REGION_BLOCKS_MIN 16u
#define REGION_BLOCKS_MAX 256u
#define FIT_WINDOW        32u /* partly filled blocks that are looked at */
#define IMAGE_MAX         ((uint64_t) UINT32_MAX << EROFS_BLOCK_BITS)

struct erofs_region {
        struct erofs_region *next;
        uint64_t offset; /* in the file */
        uint32_t blocks;
        uint32_t touched; /* blocks in use */
        uint16_t *used;   /* bytes, per block */
        uint8_t *mem;
};

int erofs_out_open(struct erofs_out *o, int fd) {
        *o = (struct erofs_out){.fd = fd,
                                .buf_start = EROFS_BLOCK,
                                .region_blocks = REGION_BLOCKS_MIN,
                                .hash = {0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f}};
        o->buf = xmalloc(OUT_BUFFER);
        return 0;
}

static void region_free(struct erofs_region *r) {
        free(r->used);
        free(r->mem);
        free(r);
}

void erofs_out_free(struct erofs_out *o) {
        while (o->region) {
                struct erofs_region *r = o->region;
                o->region = r->next;
                region_free(r);
        }
        free(o->buf);
}

static int file_write_at(struct erofs_out *o, const void *p, size_t n, uint64_t offset, struct souk_err *err) {
        if (offset + n > IMAGE_MAX)
                return souk_err_set(err, SOUK_LIMIT, -EFBIG, "the layer is larger than 16 TiB");
        int r = fd_pwrite_all(o->fd, p, n, offset);
        return r < 0 ? souk_err_errno(err, r, "write layer image") : 0;
}

int erofs_out_flush(struct erofs_out *o, struct souk_err *err) {
        int r = o->fill ? file_write_at(o, o->buf, o->fill, o->buf_start, err) : 0;
        o->buf_start += o->fill;
        o->fill = 0;
        return r;
}

int erofs_out_write(struct erofs_out *o, const void *p, size_t n, struct souk_err *err) {
        const uint8_t *s = p;
        if (n >= DIRECT_WRITE) {
                int r = erofs_out_flush(o, err);
                if (r == 0)
                        r = file_write_at(o, s, n, o->buf_start, err);
                o->buf_start += n;
                o->data_end = o->buf_start;
                return r;
        }
        while (n > 0) {
                size_t m = MIN(n, OUT_BUFFER - o->fill);
                memcpy(o->buf + o->fill, s, m);
                o->fill += m;
                s += m;
                n -= m;
                o->data_end = erofs_out_pos(o);
                if (o->fill == OUT_BUFFER) {
                        int r = erofs_out_flush(o, err);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static int set_aside(struct erofs_out *o, uint64_t n, struct souk_err *err) {
        int r = erofs_out_flush(o, err);
        if (r < 0)
                return r;
        if (n > IMAGE_MAX - o->buf_start)
                return souk_err_set(err, SOUK_LIMIT, -EFBIG, "the layer is larger than 16 TiB");
        o->buf_start += n;
        return 0;
}

int erofs_out_skip(struct erofs_out *o, uint64_t n, struct souk_err *err) {
        int r = set_aside(o, n, err);
        o->data_end = erofs_out_pos(o);
        return r;
}

int erofs_out_align(struct erofs_out *o, struct souk_err *err) {
        static const uint8_t zeros[EROFS_BLOCK];
        return erofs_out_write(o, zeros, (size_t) (-erofs_out_pos(o) & (EROFS_BLOCK - 1)), err);
}

/* Not cryptographic: tells apart the UUIDs of different layers. */
static void hash_words(uint64_t hash[2], const uint8_t *p, size_t n) {
        uint64_t a = hash[0], b = hash[1], w[2];
        for (; n >= sizeof(w); p += sizeof(w), n -= sizeof(w)) {
                memcpy(w, p, sizeof(w));
                a = (a ^ w[0]) * 0xff51afd7ed558ccd;
                b = (b ^ w[1] ^ a >> 32) * 0xc4ceb9fe1a85ec53;
                a ^= b >> 29;
        }
        hash[0] = a;
        hash[1] = b;
}

static int region_write(struct erofs_out *o, struct erofs_region *r, struct souk_err *err) {
        size_t n = (size_t) r->touched << EROFS_BLOCK_BITS;
        hash_words(o->hash, r->mem, n);
        return n ? file_write_at(o, r->mem, n, r->offset, err) : 0;
}

static int region_open(struct erofs_out *o, size_t size, bool keep, struct souk_err *err) {
        struct erofs_region *old = o->region;
        if (old && !keep) {
                int k = region_write(o, old, err);
                o->region = old->next;
                region_free(old);
                if (k < 0)
                        return k;
        }
        uint32_t blocks = MAX(o->region_blocks, (uint32_t) ((size + EROFS_BLOCK - 1) >> EROFS_BLOCK_BITS));
        o->region_blocks = MIN(o->region_blocks * 2, REGION_BLOCKS_MAX);
        int k = erofs_out_align(o, err);
        uint64_t offset = erofs_out_pos(o);
        if (k == 0)
                k = set_aside(o, (uint64_t) blocks << EROFS_BLOCK_BITS, err);
        if (k < 0)
                return k;
        struct erofs_region *r = xcalloc(1, sizeof(*r));
        *r = (struct erofs_region){.next = o->region, .offset = offset, .blocks = blocks};
        r->used = xcalloc(blocks, sizeof(*r->used));
        r->mem = xcalloc(blocks, EROFS_BLOCK);
        o->region = r;
        return 0;
}

/* Return: the block for an item of @size, blocks when there is none. */
static uint32_t region_fit(const struct erofs_region *r, size_t size) {
        uint32_t best = r->blocks;
        uint32_t first = r->touched > FIT_WINDOW ? r->touched - FIT_WINDOW : 0;
        for (uint32_t i = first; i < r->touched; i++)
                if (r->used[i] + size <= EROFS_BLOCK && (best == r->blocks || r->used[i] > r->used[best]))
                        best = i;
        return best == r->blocks ? r->touched : best;
}

int erofs_meta_alloc(struct erofs_out *o, size_t size, bool keep, uint64_t *ret_nid, uint8_t **ret_p,
                     struct souk_err *err) {
        uint32_t need = (uint32_t) ((size + EROFS_BLOCK - 1) >> EROFS_BLOCK_BITS);
        struct erofs_region *r = o->region;
        uint32_t b = !r ? 0 : need > 1 ? r->touched : region_fit(r, size);
        if (!r || b + need > r->blocks) {
                int k = region_open(o, size, keep, err);
                if (k < 0)
                        return k;
                r = o->region;
                b = 0;
        }
        size_t at = ((size_t) b << EROFS_BLOCK_BITS) + (need > 1 ? 0 : r->used[b]);
        if (need > 1)
                for (uint32_t i = 0; i < need; i++)
                        r->used[b + i] = EROFS_BLOCK;
        else
                r->used[b] = (uint16_t) ALIGN_UP(r->used[b] + size, (size_t) EROFS_SLOT);
        r->touched = MAX(r->touched, b + need);
        *ret_nid = (r->offset + at) >> EROFS_SLOT_BITS;
        *ret_p = r->mem + at;
        return 0;
}

int erofs_meta_patch(struct erofs_out *o, uint64_t offset, const void *p, size_t n, struct souk_err *err) {
        for (struct erofs_region *r = o->region; r; r = r->next) {
                if (offset >= r->offset && offset < r->offset + ((uint64_t) r->blocks << EROFS_BLOCK_BITS)) {
                        memcpy(r->mem + (offset - r->offset), p, n);
                        return 0;
                }
        }
        hash_words(o->hash, (const uint8_t *) &(uint64_t[2]){offset, n}, 16);
        return file_write_at(o, p, n, offset, err);
}

int erofs_meta_flush(struct erofs_out *o, uint64_t *ret_end, struct souk_err *err) {
        *ret_end = 0;
        while (o->region) {
                struct erofs_region *r = o->region;
                int k = region_write(o, r, err);
                if (k < 0)
                        return k;
                *ret_end = MAX(*ret_end, r->offset + ((uint64_t) r->touched << EROFS_BLOCK_BITS));
                o->region = r->next;
                region_free(r);
        }
        return 0;
}
