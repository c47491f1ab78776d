/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gzip for the blobs that an import makes: fast rather than small (isa-l's level 1, else zlib's), and the same bytes
 * each time on one machine: no name, no time.
 */
#include "transfer/transfer.h"

#include "base/str.h"

#ifdef HAVE_ISAL
#include <isa-l/igzip_lib.h>
#else
#include <zlib.h>
#endif

#define OUT_BYTES (256u << 10)
#define GIVEN_MAX (1u << 30) /* at a time: counters have 32 bits */

struct deflate {
        struct layer_sink out;
        uint8_t buf[OUT_BYTES];
#ifdef HAVE_ISAL
        struct isal_zstream z;
        uint8_t level_buf[ISAL_DEF_LVL1_DEFAULT];
#else
        z_stream z;
#endif
};

static int put(struct deflate *d, size_t left, struct souk_err *err) {
        size_t n = OUT_BYTES - left;
        return n ? d->out.write(d->out.user, d->buf, n, err) : 0;
}

#ifdef HAVE_ISAL
static bool codec_open(struct deflate *d) {
        isal_deflate_init(&d->z);
        d->z.level = 1;
        d->z.level_buf = d->level_buf;
        d->z.level_buf_size = sizeof(d->level_buf);
        d->z.gzip_flag = IGZIP_GZIP;
        return true;
}

static int step(struct deflate *d, bool end, struct souk_err *err) {
        int r;
        d->z.end_of_stream = end;
        do {
                d->z.next_out = d->buf;
                d->z.avail_out = OUT_BYTES;
                if (isal_deflate(&d->z) != COMP_OK)
                        return souk_err_set(err, SOUK_INTERNAL, -EIO, "compressing the layer");
                r = put(d, d->z.avail_out, err);
        } while (r >= 0 && (d->z.avail_in > 0 || d->z.avail_out == 0 ||
                            (end && d->z.internal_state.state != ZSTATE_END)));
        return r;
}

static void codec_close(struct deflate *d) {
}
#else
static bool codec_open(struct deflate *d) {
        return deflateInit2(&d->z, 1, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) == Z_OK;
}

static int step(struct deflate *d, bool end, struct souk_err *err) {
        int z, r;
        do {
                d->z.next_out = d->buf;
                d->z.avail_out = OUT_BYTES;
                z = deflate(&d->z, end ? Z_FINISH : Z_NO_FLUSH);
                r = put(d, d->z.avail_out, err);
        } while (r >= 0 && (d->z.avail_out == 0 || (end && z == Z_OK)));
        return r;
}

static void codec_close(struct deflate *d) {
        deflateEnd(&d->z);
}
#endif

int deflate_new(const struct layer_sink *out, struct deflate **ret, struct souk_err *err) {
        struct deflate *d = xcalloc(1, sizeof(*d));
        d->out = *out;
        if (!codec_open(d)) {
                free(d);
                return souk_err_set(err, SOUK_INTERNAL, -ENOMEM, "preparing to compress");
        }
        *ret = d;
        return 0;
}

int deflate_add(struct deflate *d, const void *p, size_t n, struct souk_err *err) {
        while (n > 0) {
                uint32_t now = (uint32_t) MIN(n, (size_t) GIVEN_MAX);
                d->z.next_in = (uint8_t *) (uintptr_t) p;
                d->z.avail_in = now;
                int r = step(d, false, err);
                if (r < 0)
                        return r;
                p = (const char *) p + now;
                n -= now;
        }
        return 0;
}

int deflate_end(struct deflate *d, struct souk_err *err) {
        d->z.avail_in = 0;
        return step(d, true, err);
}

void deflate_free(struct deflate *d) {
        codec_close(d);
        free(d);
}
