/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as a layer: must end in an image or in a described error, and touch nothing else.  The first byte sets the
 * size of the pieces that the stream comes in, so that blocks straddle them. */
#include "iface/layer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct input {
        const uint8_t *p;
        size_t left, piece;
        uint8_t *copy;
};

static int input_next(void *user, const void **ret_p, size_t *ret_n, struct souk_err *err) {
        struct input *in = user;
        size_t n = in->left < in->piece ? in->left : in->piece;
        free(in->copy);
        in->copy = malloc(n + !n); /* exact: a read past the piece is seen */
        if (!in->copy)
                abort();
        memcpy(in->copy, in->p, n);
        in->p += n;
        in->left -= n;
        *ret_p = in->copy;
        *ret_n = n;
        return n > 0;
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* Headers get a right checksum again after most mutations; without that, hardly any would be looked at. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
        size = LLVMFuzzerMutate(data, size, max_size);
        for (size_t at = 1; seed % 8 && at + 512 <= size; at += 512) {
                uint8_t *h = data + at;
                char text[9];
                unsigned sum = 0;
                if (memcmp(h + 257, "ustar", 5) != 0)
                        continue;
                memset(h + 148, ' ', 8);
                for (size_t i = 0; i < 512; i++)
                        sum += h[i];
                snprintf(text, sizeof(text), "%06o", sum);
                memcpy(h + 148, text, 7);
        }
        return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct layer_limits limits = {.max_bytes = 16u << 20, .max_entries = 10000};
        struct layer_stats stats;
        struct souk_err err = {0};
        if (size < 1)
                return 0;
        struct input in = {.p = data + 1, .left = size - 1, .piece = 1 + (size_t) data[0] * 37};
        struct layer_source src = {input_next, &in};
        int fd = memfd_create("layer", MFD_CLOEXEC);
        int r = layer_import(LAYER_DRIVER_EROFS, fd, &src, &limits, &stats, &err);
        if (r < 0 && (err.errnum != r || err.code == SOUK_OK || !err.msg[0]))
                abort();
        close(fd);
        free(in.copy);
        return 0;
}
