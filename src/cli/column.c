/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cells of listings: times, sizes, names, as Docker prints them. */
#include "format.h"

#include "base/str.h"

#include <stdarg.h>
#include <time.h>

#define SHORT_ID 12

void row_set(json_t *row, const char *field, const char *text) {
        json_t *value = json_string(text ? text : "");
        if (!value) { /* not UTF-8 */
                _cleanup_free_ char *safe = str_printable(text);
                value = json_string(safe);
        }
        json_object_set_new(row, field, value);
}

void row_setf(json_t *row, const char *field, const char *fmt, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;
        va_start(ap, fmt);
        if (vasprintf(&text, fmt, ap) < 0)
                abort();
        va_end(ap);
        row_set(row, field, text);
}

char *column_ago(uint64_t at_usec, uint64_t now_usec) {
        char since[64];
        if (at_usec == 0)
                return xstrdup("N/A");
        return xasprintf("%s ago", str_since(now_usec > at_usec ? now_usec - at_usec : 0, since, sizeof(since)));
}

char *column_time(uint64_t at_usec) {
        time_t t = (time_t) (at_usec / 1000000);
        struct tm tm;
        char text[64];
        if (at_usec == 0 || !gmtime_r(&t, &tm)) /* UTC: no time zone file is read */
                return xstrdup("");
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S +0000 UTC", &tm);
        return xstrdup(text);
}

char *column_size(uint64_t bytes) {
        char text[32];
        return xstrdup(str_from_bytes(bytes, text, sizeof(text)));
}

/* Bytes of the first @max characters of @s. */
static size_t prefix_length(const char *s, size_t max) {
        size_t n = 0;
        while (s[n] && max-- > 0)
                for (n++; (s[n] & 0xc0) == 0x80; n++)
                        ;
        return n;
}

char *column_ellipsis(const char *text, size_t max) {
        if (!text[prefix_length(text, max)])
                return xstrdup(text);
        return xasprintf("%.*s…", (int) prefix_length(text, max - 1), text);
}

char *column_id(const char *id, bool whole) {
        if (!id)
                return xstrdup("");
        if (whole)
                return xstrdup(id);
        const char *hex = str_startswith(id, "sha256:");
        return xstrndup(hex ? hex : id, SHORT_ID);
}

char *name_familiar(const char *ref) {
        const char *rest = str_startswith(ref, "docker.io/library/");
        if (!rest)
                rest = str_startswith(ref, "docker.io/");
        return xstrdup(rest ? rest : ref);
}

void name_split(const char *familiar, char **ret_repository, char **ret_tag, char **ret_digest) {
        const char *at = strchr(familiar, '@');
        size_t n = at ? (size_t) (at - familiar) : strlen(familiar);
        size_t colon = n;
        while (colon > 0 && familiar[colon - 1] != ':' && familiar[colon - 1] != '/')
                colon--;
        bool tagged = colon > 0 && familiar[colon - 1] == ':';
        *ret_repository = xstrndup(familiar, tagged ? colon - 1 : n);
        *ret_tag = tagged ? xstrndup(familiar + colon, n - colon) : NULL;
        *ret_digest = at ? xstrdup(at + 1) : NULL;
}
