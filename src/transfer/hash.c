/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SHA-256 through libcrypto, which uses the CPU's own instructions. */
#include "transfer/transfer.h"

#include "base/str.h"

#include <openssl/evp.h>

struct hash {
        EVP_MD_CTX *ctx;
};

struct hash *hash_new(void) {
        struct hash *h = xcalloc(1, sizeof(*h));
        h->ctx = EVP_MD_CTX_new();
        if (!h->ctx || EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) != 1)
                abort();
        return h;
}

void hash_free(struct hash *h) {
        EVP_MD_CTX_free(h->ctx);
        free(h);
}

void hash_add(struct hash *h, const void *p, size_t n) {
        if (EVP_DigestUpdate(h->ctx, p, n) != 1)
                abort();
}

void hash_end(struct hash *h, struct digest *ret) {
        unsigned char raw[EVP_MAX_MD_SIZE];
        unsigned n;
        if (EVP_DigestFinal_ex(h->ctx, raw, &n) != 1 || n != 32)
                abort();
        hex_from_bytes(raw, n, ret->hex);
}

void hash_of(const void *p, size_t n, struct digest *ret) {
        _cleanup_(hash_freep) struct hash *h = hash_new();
        hash_add(h, p, n);
        hash_end(h, ret);
}
