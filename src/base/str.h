/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strings, string vectors, and numbers as people write them. */
#ifndef SOUK_BASE_STR_H
#define SOUK_BASE_STR_H
#include "macro.h"

#include <string.h>

static inline bool streq(const char *a, const char *b) {
        return strcmp(a, b) == 0;
}
static inline bool str_empty(const char *s) {
        return !s || !*s;
}
/** str_startswith() - Return: the rest of @s after @prefix, or NULL. */
static inline const char *str_startswith(const char *s, const char *prefix) {
        size_t n = strlen(prefix);
        return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}
static inline const char *str_endswith(const char *s, const char *suffix) {
        size_t n = strlen(s), m = strlen(suffix);
        return n >= m && strcmp(s + n - m, suffix) == 0 ? s + n - m : NULL;
}

/* Allocation that fails is fatal for command-line programs: these abort with a message instead of returning NULL.
 * Never call them between clone and exec. */
void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xreallocarray(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc)); /* NULL stays NULL */
char *xstrndup(const char *s, size_t n) __attribute__((malloc));
char *xasprintf(const char *fmt, ...) __attribute__((malloc)) _printf_(1, 2);
void *xmemdup(const void *p, size_t n);

/* NULL-terminated vector of owned strings; NULL is the empty vector. */
typedef char **strv;
size_t strv_len(char *const *v);
void strv_free(char **v);
static inline void strv_freep(char ***v) {
        strv_free(*v);
}
#define _cleanup_strv_ _cleanup_(strv_freep)
void strv_push(char ***v, const char *s);          /* copies */
void strv_push_take(char ***v, char *s_take);
void strv_pushf(char ***v, const char *fmt, ...) _printf_(2, 3);
char **strv_dup(char *const *v);
char *strv_join(char *const *v, const char *sep);
bool strv_has(char *const *v, const char *s);
char **str_split(const char *s, char sep);          /* empty fields are kept; "" gives one empty field */
/** env_get() - value of NAME in a "NAME=VALUE" vector, borrowed, or NULL. */
const char *env_get(char *const *env, const char *name);
/** env_set() - replace or append "NAME=VALUE" (@assignment without '=' removes the name). */
void env_set(char ***env, const char *assignment);

/* All parsers: 0, -EINVAL malformed, -ERANGE too large; the whole string must match; no spaces, and no
 * sign but a '-' for str_to_i64(). */
_must_check_ int str_to_u64(const char *s, uint64_t *ret);
_must_check_ int str_to_i64(const char *s, int64_t *ret);
_must_check_ int str_to_u32(const char *s, uint32_t *ret);
/** str_to_bytes() - "512", "64k", "1.5g", "10MiB", "1GB" (units of 1024 as Docker has them), into bytes. */
_must_check_ int str_to_bytes(const char *s, uint64_t *ret);
/** str_to_usec() - "10s", "1m30s", "500ms", "2h"; a bare number is seconds. */
_must_check_ int str_to_usec(const char *s, uint64_t *ret);
/** str_from_bytes() - "4.26MB" as Docker prints sizes (units of 1000). Writes into @buf, returns it. */
char *str_from_bytes(uint64_t n, char *buf, size_t size);
/** str_since() - "3 seconds", "2 minutes", "About an hour", "5 days" as Docker prints them. */
char *str_since(uint64_t usec, char *buf, size_t size);
/** str_nearest() - the entry of @candidates closest to @s by edit distance, or NULL when none is close. */
const char *str_nearest(const char *s, const char *const *candidates, size_t n);
bool str_is_utf8(const char *s);
/** str_printable() - copy of @s with control bytes and invalid UTF-8 escaped as \xNN, safe for a terminal. */
char *str_printable(const char *s);
/** hex_from_bytes() - 2*n lower-case digits and a NUL into @out. */
void hex_from_bytes(const void *p, size_t n, char *out);
/** hex_to_bytes() - exactly 2*n lower- or upper-case digits. 0 or -EINVAL. */
_must_check_ int hex_to_bytes(const char *s, void *out, size_t n);
#endif
