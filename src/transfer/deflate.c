/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gzip for the blobs that an import makes: fast rather than small, and the same bytes each time (no name, no time). */
#include "transfer/transfer.h"

#include "base/str.h"

#include <zlib.h>

#define OUT_BYTES (256u << 10)

struct deflate {
        struct layer_sink out;
        z_stream z;
        uint8_t buf[OUT_BYTES];
};

int deflate_new(const struct layer_sink *out, struct deflate **ret, struct souk_err *err) {
        struct deflate *d = xcalloc(1, sizeof(*d));
        d->out = *out;
        if (deflateInit2(&d->z, 1, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
                free(d);
                return souk_err_set(err, SOUK_INTERNAL, -ENOMEM, "preparing to compress");
        }
        *ret = d;
        return 0;
}

static int step(struct deflate *d, int flush, struct souk_err *err) {
        int z;
        do {
                d->z.next_out = d->buf;
                d->z.avail_out = OUT_BYTES;
                z = deflate(&d->z, flush);
                size_t n = OUT_BYTES - d->z.avail_out;
                int r = n ? d->out.write(d->out.user, d->buf, n, err) : 0;
                if (r < 0)
                        return r;
        } while (d->z.avail_out == 0 || (flush == Z_FINISH && z == Z_OK));
        return 0;
}

int deflate_add(struct deflate *d, const void *p, size_t n, struct souk_err *err) {
        while (n > 0) {
                uInt now = (uInt) MIN(n, (size_t) (1u << 30));
                d->z.next_in = (Bytef *) (uintptr_t) p;
                d->z.avail_in = now;
                int r = step(d, Z_NO_FLUSH, err);
                if (r < 0)
                        return r;
                p = (const char *) p + now;
                n -= now;
        }
        return 0;
}

int deflate_end(struct deflate *d, struct souk_err *err) {
        return step(d, Z_FINISH, err);
}

void deflate_free(struct deflate *d) {
        deflateEnd(&d->z);
        free(d);
}
