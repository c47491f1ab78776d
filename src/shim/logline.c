/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing of log lines: see logline.h.  Reading is in logline_parse.c: only the command line needs that. */
#include "shim/logline.h"

#include "base/str.h"

static char *put_number(char *p, uint64_t v, unsigned digits) {
        for (unsigned i = digits; i > 0; i--, v /= 10)
                p[i - 1] = (char) ('0' + v % 10);
        return p + digits;
}

/* Days since 1970 to a date, by Howard Hinnant's method: gmtime_r() would read the zone file into each shim's memory. */
void logline_time(uint64_t wall_nsec, char ret[LOG_TIME_SIZE]) {
        uint64_t secs = wall_nsec / 1000000000, days = secs / 86400 + 719468, of_day = secs % 86400;
        uint64_t era = days / 146097, doe = days % 146097;
        uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
        uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
        uint64_t month = mp < 10 ? mp + 3 : mp - 9;
        char *p = put_number(ret, yoe + era * 400 + (month <= 2), 4);
        *p++ = '-';
        p = put_number(p, month, 2);
        *p++ = '-';
        p = put_number(p, doy - (153 * mp + 2) / 5 + 1, 2);
        *p++ = 'T';
        p = put_number(p, of_day / 3600, 2);
        *p++ = ':';
        p = put_number(p, of_day / 60 % 60, 2);
        *p++ = ':';
        p = put_number(p, of_day % 60, 2);
        *p++ = '.';
        p = put_number(p, wall_nsec % 1000000000, 9);
        *p++ = 'Z';
        *p = '\0';
}

/* Length of the valid UTF-8 sequence at @p (2 .. 4), or 0.  RFC 3629: no overlong forms, no surrogates. */
static size_t utf8_sequence(const uint8_t *p, size_t n) {
        size_t len = p[0] >= 0xc2 && p[0] <= 0xdf ? 2 : p[0] >= 0xe0 && p[0] <= 0xef ? 3 : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : 0;
        if (len == 0 || n < len)
                return 0;
        for (size_t i = 1; i < len; i++)
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
        if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
            (p[0] == 0xf4 && p[1] > 0x8f))
                return 0;
        return len;
}

static char *put_escaped(char *out, uint8_t c) {
        static const char hex[] = "0123456789abcdef";
        *out++ = '\\';
        switch (c) {
        case '"':
        case '\\':
                *out++ = (char) c;
                return out;
        case '\n':
                *out++ = 'n';
                return out;
        case '\r':
                *out++ = 'r';
                return out;
        case '\t':
                *out++ = 't';
                return out;
        }
        *out++ = 'u';
        *out++ = c < 0x80 ? '0' : 'd'; /* 0x80 and above: a byte that is no UTF-8 */
        *out++ = c < 0x80 ? '0' : 'c';
        *out++ = hex[c >> 4];
        *out++ = hex[c & 15];
        return out;
}

static char *put_json(char *out, const uint8_t *p, size_t n) {
        for (size_t i = 0; i < n;) {
                size_t run = i;
                while (run < n && p[run] >= 0x20 && p[run] < 0x7f && p[run] != '"' && p[run] != '\\')
                        run++;
                if (run > i) {
                        out = mempcpy(out, p + i, run - i);
                        i = run;
                        continue;
                }
                size_t len = utf8_sequence(p + i, n - i);
                if (len) {
                        out = mempcpy(out, p + i, len);
                        i += len;
                } else
                        out = put_escaped(out, p[i++]);
        }
        return out;
}

void logline_format(struct buf *b, enum log_stream stream, const char *time, const void *p, size_t n) {
        if (b->cap < b->len + 6 * n + 128) {
                b->cap = b->len + 6 * n + 128;
                b->data = xreallocarray(b->data, b->cap, 1);
        }
        char *out = stpcpy(b->data + b->len, "{\"log\":\"");
        out = put_json(out, p, n);
        out = stpcpy(out, stream == LOG_STDERR ? "\",\"stream\":\"stderr\",\"time\":\"" : "\",\"stream\":\"stdout\",\"time\":\"");
        out = stpcpy(stpcpy(out, time), "\"}\n");
        b->len = (size_t) (out - b->data);
}
