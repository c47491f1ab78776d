/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inflating as a pull source: gzip by isa-l where the build has it, else zlib; zstd by libzstd.  Members (gzip) and
 * frames (zstd) may follow each other.  A stream that ends early, or has something else behind it than zero bytes, is
 * refused.
 */
#include "transfer/transfer.h"

#include "base/str.h"

#ifdef HAVE_ISAL
#include <isa-l/igzip_lib.h>
#else
#include <zlib.h>
#endif
#include <zstd.h>

#define OUT_BYTES (512u << 10)
#define ZSTD_WINDOW_LOG_MAX 27 /* 128 MiB: what the reference command line allows */

struct inflate {
        enum blob_compression compression;
        struct layer_source in;
        const uint8_t *next;
        size_t left;
        bool in_ended;
        bool member_open;       /* inside a member or frame */
        bool any;               /* at least one was complete */
        uint8_t *out;           /* RELAY_PIECES of OUT_BYTES, by turns */
        unsigned turn;
#ifdef HAVE_ISAL
        struct inflate_state *gzip;
#else
        z_stream *gzip;
#endif
        ZSTD_DCtx *zstd;
};

enum blob_compression compression_of(const void *p, size_t n) {
        if (n >= 2 && memcmp(p, "\x1f\x8b", 2) == 0)
                return BLOB_GZIP;
        if (n >= 4 && memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0)
                return BLOB_ZSTD;
        return BLOB_PLAIN;
}

/* Long enough magics: a tar begins with a file's name. */
const char *compression_unknown(const void *p, size_t n) {
        const uint8_t *b = p;
        if (n < 6)
                return NULL;
        if (memcmp(b, "\xfd" "7zXZ", 6) == 0)
                return "xz";
        if (memcmp(b, "BZh", 3) == 0 && b[3] >= '1' && b[3] <= '9' && memcmp(b + 4, "1A", 2) == 0)
                return "bzip2";
        if (memcmp(b, "LZIP\x01", 5) == 0)
                return "lzip";
        return memcmp(b, "\x04\x22\x4d\x18", 4) == 0 ? "lz4" : NULL;
}

static int corrupt(struct souk_err *err, const char *why) {
        return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "the compressed stream %s", why);
}

static int refill(struct inflate *i, struct souk_err *err) {
        const void *p;
        while (i->left == 0 && !i->in_ended) {
                int r = i->in.next(i->in.user, &p, &i->left, err);
                if (r < 0)
                        return r;
                i->next = p;
                i->in_ended = r == 0;
                if (r == 0)
                        i->left = 0;
        }
        return 0;
}

/* Between members: another one, or padding of zero bytes to the end.  1: go on, 0: the end */
static int between_members(struct inflate *i, struct souk_err *err) {
        int r = refill(i, err);
        if (r < 0)
                return r;
        if (i->left == 0)
                return i->any ? 0 : corrupt(err, "is empty");
        if (!i->any || *i->next != 0)
                return 1;
        while (i->left > 0) {
                for (; i->left > 0; i->next++, i->left--)
                        if (*i->next != 0)
                                return corrupt(err, "has something behind its end");
                r = refill(i, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

#ifdef HAVE_ISAL
static int gzip_open(struct inflate *i) {
        i->gzip = xcalloc(1, sizeof(*i->gzip));
        isal_inflate_init(i->gzip);
        i->gzip->crc_flag = ISAL_GZIP;
        return 0;
}

/* Inflates into out; 1 when something came or the member ended. */
static int gzip_step(struct inflate *i, uint8_t *out, size_t *ret_n, struct souk_err *err) {
        struct inflate_state *s = i->gzip;
        uint32_t given = (uint32_t) MIN(i->left, (size_t) (1u << 30));
        s->next_in = (uint8_t *) (uintptr_t) i->next;
        s->avail_in = given;
        s->next_out = out;
        s->avail_out = OUT_BYTES;
        int r = isal_inflate(s);
        i->next += given - s->avail_in;
        i->left -= given - s->avail_in;
        *ret_n = OUT_BYTES - s->avail_out;
        if (r != ISAL_DECOMP_OK && r != ISAL_END_INPUT)
                return corrupt(err, r == ISAL_INCORRECT_CHECKSUM ? "has a wrong checksum" : "is damaged");
        if (s->block_state == ISAL_BLOCK_FINISH) {
                i->member_open = false;
                i->any = true;
                isal_inflate_reset(s);
                s->crc_flag = ISAL_GZIP;
        }
        return 0;
}

static void gzip_close(struct inflate *i) {
        free(i->gzip);
}
#else
static int gzip_open(struct inflate *i) {
        i->gzip = xcalloc(1, sizeof(*i->gzip));
        return inflateInit2(i->gzip, 15 + 16) == Z_OK ? 0 : -ENOMEM;
}

static int gzip_step(struct inflate *i, uint8_t *out, size_t *ret_n, struct souk_err *err) {
        z_stream *s = i->gzip;
        uInt given = (uInt) MIN(i->left, (size_t) (1u << 30));
        s->next_in = (Bytef *) (uintptr_t) i->next;
        s->avail_in = given;
        s->next_out = out;
        s->avail_out = OUT_BYTES;
        int r = inflate(s, Z_NO_FLUSH);
        i->next += given - s->avail_in;
        i->left -= given - s->avail_in;
        *ret_n = OUT_BYTES - s->avail_out;
        if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
                return corrupt(err, "is damaged");
        if (r == Z_STREAM_END) {
                i->member_open = false;
                i->any = true;
                inflateReset(s);
        }
        return 0;
}

static void gzip_close(struct inflate *i) {
        if (i->gzip)
                inflateEnd(i->gzip);
        free(i->gzip);
}
#endif

static int zstd_step(struct inflate *i, uint8_t *to, size_t *ret_n, struct souk_err *err) {
        ZSTD_inBuffer in = { i->next, i->left, 0 };
        ZSTD_outBuffer out = { to, OUT_BYTES, 0 };
        size_t r = ZSTD_decompressStream(i->zstd, &out, &in);
        i->next += in.pos;
        i->left -= in.pos;
        *ret_n = out.pos;
        if (ZSTD_isError(r))
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "the compressed stream is damaged (zstd: %s)",
                                    ZSTD_getErrorName(r));
        if (r == 0) {
                i->member_open = false;
                i->any = true;
        }
        return 0;
}

static int inflate_next(void *user, const void **ret_p, size_t *ret_n, struct souk_err *err) {
        struct inflate *i = user;
        if (i->compression == BLOB_PLAIN)
                return i->in.next(i->in.user, ret_p, ret_n, err);
        for (size_t n = 0;;) {
                int r;
                if (!i->member_open) {
                        r = between_members(i, err);
                        if (r <= 0)
                                return r;
                        i->member_open = true;
                }
                r = refill(i, err);
                if (r < 0)
                        return r;
                bool starved = i->left == 0;
                uint8_t *out = i->out + (size_t) OUT_BYTES * i->turn;
                r = i->compression == BLOB_GZIP ? gzip_step(i, out, &n, err) : zstd_step(i, out, &n, err);
                if (r < 0)
                        return r;
                if (n > 0) {
                        i->turn = (i->turn + 1) % RELAY_PIECES;
                        *ret_p = out;
                        *ret_n = n;
                        return 1;
                }
                if (starved && i->member_open)
                        return corrupt(err, "ends too early");
        }
}

int inflate_new(enum blob_compression c, const struct layer_source *in, struct inflate **ret, struct souk_err *err) {
        struct inflate *i = xcalloc(1, sizeof(*i));
        i->compression = c;
        i->in = *in;
        i->out = c == BLOB_PLAIN ? NULL : xmalloc((size_t) RELAY_PIECES * OUT_BYTES);
        int r = c == BLOB_GZIP ? gzip_open(i) : 0;
        if (c == BLOB_ZSTD) {
                i->zstd = ZSTD_createDCtx();
                if (!i->zstd || ZSTD_isError(ZSTD_DCtx_setParameter(i->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX)))
                        r = -ENOMEM;
        }
        if (r < 0) {
                inflate_free(i);
                return souk_err_errno(err, r, "preparing to inflate");
        }
        *ret = i;
        return 0;
}

struct layer_source inflate_source(struct inflate *i) {
        return (struct layer_source){ .next = inflate_next, .user = i };
}

void inflate_free(struct inflate *i) {
        gzip_close(i);
        ZSTD_freeDCtx(i->zstd);
        free(i->out);
        free(i);
}
