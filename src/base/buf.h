/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A growing byte buffer with a maximum.  Always NUL-terminated once anything was appended, so data can be used as text. */
#ifndef SOUK_BASE_BUF_H
#define SOUK_BASE_BUF_H
#include "macro.h"

struct buf {
        char *data;
        size_t len;
        size_t cap;
        size_t max; /* 0: 64 MiB */
};
#define BUF_INIT(maximum) ((struct buf){ .max = (maximum) })
/* 0 or -EFBIG (nothing was appended). */
_must_check_ int buf_append(struct buf *b, const void *p, size_t n);
_must_check_ int buf_printf(struct buf *b, const char *fmt, ...) _printf_(2, 3);
/* For text that is bounded by construction: aborts instead of -EFBIG. */
void buf_add(struct buf *b, const char *s);
void buf_addf(struct buf *b, const char *fmt, ...) _printf_(2, 3);
void buf_consume(struct buf *b, size_t n); /* drops n bytes from the front */
void buf_reset(struct buf *b);             /* len = 0, memory kept */
void buf_free(struct buf *b);
char *buf_steal(struct buf *b);            /* never NULL */
#define _cleanup_buf_ _cleanup_(buf_free)
#endif
