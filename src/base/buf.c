/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A growing byte buffer with a maximum: see buf.h. */
#include "base/buf.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>

#define BUF_MAX_DEFAULT (64u << 20)

static int buf_reserve(struct buf *b, size_t n) {
        size_t max = b->max ? b->max : BUF_MAX_DEFAULT;
        if (n > max || b->len > max - n)
                return -EFBIG;
        if (b->cap > b->len + n) /* one more than needed: the NUL */
                return 0;
        size_t cap = MAX(b->cap * 2, b->len + n + 1);
        cap = MAX(cap, (size_t) 64);
        b->data = xreallocarray(b->data, cap, 1);
        b->cap = cap;
        return 0;
}

int buf_append(struct buf *b, const void *p, size_t n) {
        int r = buf_reserve(b, n);
        if (r < 0)
                return r;
        if (n)
                memcpy(b->data + b->len, p, n);
        b->len += n;
        b->data[b->len] = '\0';
        return 0;
}

_printf_(2, 0) static int buf_vprintf(struct buf *b, const char *fmt, va_list ap) {
        va_list measure;
        va_copy(measure, ap);
        int n = vsnprintf(NULL, 0, fmt, measure);
        va_end(measure);
        if (n < 0)
                return -EINVAL;
        int r = buf_reserve(b, (size_t) n);
        if (r < 0)
                return r;
        vsnprintf(b->data + b->len, (size_t) n + 1, fmt, ap);
        b->len += (size_t) n;
        return 0;
}

int buf_printf(struct buf *b, const char *fmt, ...) {
        va_list ap;
        va_start(ap, fmt);
        int r = buf_vprintf(b, fmt, ap);
        va_end(ap);
        return r;
}

void buf_add(struct buf *b, const char *s) {
        if (buf_append(b, s, strlen(s)) < 0)
                abort();
}

void buf_addf(struct buf *b, const char *fmt, ...) {
        va_list ap;
        va_start(ap, fmt);
        int r = buf_vprintf(b, fmt, ap);
        va_end(ap);
        if (r < 0)
                abort();
}

void buf_consume(struct buf *b, size_t n) {
        n = MIN(n, b->len);
        if (n == 0)
                return;
        memmove(b->data, b->data + n, b->len - n + 1);
        b->len -= n;
}

void buf_reset(struct buf *b) {
        b->len = 0;
        if (b->data)
                b->data[0] = '\0';
}

void buf_free(struct buf *b) {
        free(b->data);
        *b = (struct buf){ .max = b->max };
}

char *buf_steal(struct buf *b) {
        char *p = b->data ? b->data : xstrdup("");
        *b = (struct buf){ .max = b->max };
        return p;
}
