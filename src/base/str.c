/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strings and string vectors: see str.h.  Numbers and times as people write them are in str_number.c. */
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>

_noreturn_ static void out_of_memory(void) {
        static const char text[] = "souk: out of memory\n";
        (void) !write(STDERR_FILENO, text, sizeof(text) - 1);
        abort();
}

void *xmalloc(size_t size) {
        void *p = malloc(size ? size : 1);
        if (!p)
                out_of_memory();
        return p;
}

void *xcalloc(size_t n, size_t size) {
        void *p = calloc(n ? n : 1, size ? size : 1);
        if (!p)
                out_of_memory();
        return p;
}

void *xreallocarray(void *p, size_t n, size_t size) {
        void *q = reallocarray(p, n ? n : 1, size ? size : 1);
        if (!q)
                out_of_memory();
        return q;
}

void *xmemdup(const void *p, size_t n) {
        void *q = xmalloc(n);
        if (n)
                memcpy(q, p, n);
        return q;
}

char *xstrdup(const char *s) {
        return s ? xmemdup(s, strlen(s) + 1) : NULL;
}

char *xstrndup(const char *s, size_t n) {
        size_t len = strnlen(s, n);
        char *p = xmalloc(len + 1);
        memcpy(p, s, len);
        p[len] = '\0';
        return p;
}

char *xasprintf(const char *fmt, ...) {
        va_list ap;
        char *p;
        va_start(ap, fmt);
        int n = vasprintf(&p, fmt, ap);
        va_end(ap);
        if (n < 0)
                out_of_memory();
        return p;
}

size_t strv_len(char *const *v) {
        size_t n = 0;
        while (v && v[n])
                n++;
        return n;
}

void strv_free(char **v) {
        for (size_t i = 0; v && v[i]; i++)
                free(v[i]);
        free(v);
}

void strv_push_take(char ***v, char *s_take) {
        if (!s_take)
                return;
        size_t n = strv_len(*v);
        *v = xreallocarray(*v, n + 2, sizeof(char *));
        (*v)[n] = s_take;
        (*v)[n + 1] = NULL;
}

void strv_push(char ***v, const char *s) {
        strv_push_take(v, xstrdup(s));
}

void strv_pushf(char ***v, const char *fmt, ...) {
        va_list ap;
        char *p;
        va_start(ap, fmt);
        int n = vasprintf(&p, fmt, ap);
        va_end(ap);
        if (n < 0)
                out_of_memory();
        strv_push_take(v, p);
}

char **strv_dup(char *const *v) {
        if (!v)
                return NULL;
        size_t n = strv_len(v);
        char **copy = xcalloc(n + 1, sizeof(char *));
        for (size_t i = 0; i < n; i++)
                copy[i] = xstrdup(v[i]);
        return copy;
}

char *strv_join(char *const *v, const char *sep) {
        size_t size = 1, sep_len = strlen(sep);
        for (size_t i = 0; v && v[i]; i++)
                size += strlen(v[i]) + sep_len;
        char *out = xmalloc(size), *p = out;
        for (size_t i = 0; v && v[i]; i++)
                p = stpcpy(stpcpy(p, i ? sep : ""), v[i]);
        *p = '\0';
        return out;
}

bool strv_has(char *const *v, const char *s) {
        for (size_t i = 0; v && v[i]; i++)
                if (streq(v[i], s))
                        return true;
        return false;
}

char **str_split(const char *s, char sep) {
        char **v = NULL;
        for (;;) {
                const char *end = strchrnul(s, sep);
                strv_push_take(&v, xstrndup(s, (size_t) (end - s)));
                if (!*end)
                        return v;
                s = end + 1;
        }
}

static size_t name_len(const char *assignment) {
        return strcspn(assignment, "=");
}

const char *env_get(char *const *env, const char *name) {
        size_t n = strlen(name);
        for (size_t i = 0; env && env[i]; i++)
                if (name_len(env[i]) == n && env[i][n] == '=' && memcmp(env[i], name, n) == 0)
                        return env[i] + n + 1;
        return NULL;
}

void env_set(char ***env, const char *assignment) {
        size_t n = name_len(assignment);
        for (size_t i = 0; *env && (*env)[i]; i++) {
                if (name_len((*env)[i]) != n || memcmp((*env)[i], assignment, n) != 0)
                        continue;
                free((*env)[i]);
                if (assignment[n] == '=')
                        (*env)[i] = xstrdup(assignment);
                else
                        memmove(*env + i, *env + i + 1, strv_len(*env + i + 1) * sizeof(char *) + sizeof(char *));
                return;
        }
        if (assignment[n] == '=')
                strv_push(env, assignment);
}

/* Edit distance (insert, delete, replace) with two rows; names of flags are short. */
static size_t edit_distance(const char *a, const char *b) {
        size_t row[64], n = strlen(b);
        if (n >= ELEMENTSOF(row) || strlen(a) >= ELEMENTSOF(row))
                return SIZE_MAX;
        for (size_t j = 0; j <= n; j++)
                row[j] = j;
        for (size_t i = 1; a[i - 1]; i++) {
                size_t diagonal = row[0];
                row[0] = i;
                for (size_t j = 1; j <= n; j++) {
                        size_t replace = diagonal + (a[i - 1] != b[j - 1]);
                        diagonal = row[j];
                        row[j] = MIN(MIN(row[j], row[j - 1]) + 1, replace);
                }
        }
        return row[n];
}

const char *str_nearest(const char *s, const char *const *candidates, size_t n) {
        const char *best = NULL;
        size_t best_distance = strlen(s) / 3 + 2; /* farther than this is no help */
        for (size_t i = 0; i < n; i++) {
                size_t d = edit_distance(s, candidates[i]);
                if (d < best_distance) {
                        best_distance = d;
                        best = candidates[i];
                }
        }
        return best;
}

/* Length of the valid UTF-8 sequence at @s (no overlong forms, no surrogates, at most U+10FFFF), or 0. */
static size_t utf8_len(const unsigned char *s) {
        unsigned char c = s[0];
        if (c < 0x80)
                return 1;
        size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
        if (c < 0xc2 || c > 0xf4)
                return 0;
        for (size_t i = 1; i < n; i++)
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
        if ((c == 0xe0 && s[1] < 0xa0) || (c == 0xed && s[1] > 0x9f) || (c == 0xf0 && s[1] < 0x90) || (c == 0xf4 && s[1] > 0x8f))
                return 0;
        return n;
}

bool str_is_utf8(const char *s) {
        for (const unsigned char *p = (const unsigned char *) s; *p;) {
                size_t n = utf8_len(p);
                if (!n)
                        return false;
                p += n;
        }
        return true;
}

char *str_printable(const char *s) {
        char *out = xmalloc(strlen(s) * 4 + 1), *o = out;
        for (const unsigned char *p = (const unsigned char *) s; *p;) {
                size_t n = utf8_len(p);
                bool c1 = n == 2 && p[0] == 0xc2 && p[1] < 0xa0; /* C1 controls: terminals obey them, too */
                if (n == 0 || c1 || *p < 0x20 || *p == 0x7f) {
                        for (size_t k = 0; k < MAX(n, (size_t) 1); k++)
                                o += sprintf(o, "\\x%02x", p[k]);
                } else {
                        memcpy(o, p, n);
                        o += n;
                }
                p += MAX(n, (size_t) 1);
        }
        *o = '\0';
        return out;
}

void hex_from_bytes(const void *p, size_t n, char *out) {
        static const char digits[] = "0123456789abcdef";
        const unsigned char *b = p;
        for (size_t i = 0; i < n; i++) {
                out[2 * i] = digits[b[i] >> 4];
                out[2 * i + 1] = digits[b[i] & 15];
        }
        out[2 * n] = '\0';
}

static int hex_digit(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int hex_to_bytes(const char *s, void *out, size_t n) {
        if (strlen(s) != 2 * n)
                return -EINVAL;
        for (size_t i = 0; i < n; i++) {
                int high = hex_digit(s[2 * i]), low = hex_digit(s[2 * i + 1]);
                if (high < 0 || low < 0)
                        return -EINVAL;
                ((unsigned char *) out)[i] = (unsigned char) (high << 4 | low);
        }
        return 0;
}
