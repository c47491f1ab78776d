/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chunks of 256 KiB, or as large as one allocation needs; nothing is given back before the end. */
#include "arena.h"
#include "base/str.h"

#define CHUNK (256u << 10)

struct arena_chunk {
        struct arena_chunk *next;
        uint64_t data[];
};

void *arena_alloc(struct arena *a, size_t size) {
        size = ALIGN_UP(size, 8u);
        if (size > a->left) {
                size_t want = MAX(size, (size_t) CHUNK);
                if (want > a->max - a->total)
                        return NULL;
                struct arena_chunk *c = xmalloc(sizeof(*c) + want);
                c->next = a->chunks;
                a->chunks = c;
                a->next = (char *) c->data;
                a->left = want;
                a->total += want;
        }
        void *p = a->next;
        a->next += size;
        a->left -= size;
        return memset(p, 0, size);
}

void *arena_dup(struct arena *a, const void *p, size_t n) {
        void *q = arena_alloc(a, n);
        if (q && n)
                memcpy(q, p, n);
        return q;
}

void arena_free(struct arena *a) {
        while (a->chunks) {
                struct arena_chunk *c = a->chunks;
                a->chunks = c->next;
                free(c);
        }
        *a = (struct arena){.max = a->max};
}
