/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bump allocation for the many small things of one import: freed all at once, with a maximum. */
#ifndef SOUK_LAYER_ARENA_H
#define SOUK_LAYER_ARENA_H
#include "base/macro.h"

struct arena_chunk;
struct arena {
        struct arena_chunk *chunks;
        char *next;
        size_t left;
        uint64_t total; /* bytes taken from malloc */
        uint64_t max;
};
/** arena_alloc() - zeroed, 8-byte aligned; NULL over the maximum. */
void *arena_alloc(struct arena *a, size_t size);
void *arena_dup(struct arena *a, const void *p, size_t n);
void arena_free(struct arena *a);
#endif
