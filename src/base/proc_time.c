/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clocks, and times as people and records write them: see proc.h. */
#include "base/proc.h"

#include "base/str.h"

#include <stdio.h>
#include <time.h>

static uint64_t clock_usec(clockid_t id) {
        struct timespec ts;
        clock_gettime(id, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

uint64_t now_usec(void) {
        return clock_usec(CLOCK_MONOTONIC);
}

uint64_t now_wall_usec(void) {
        return clock_usec(CLOCK_REALTIME);
}

char *time_format_rfc3339(uint64_t wall_usec, char *buf, size_t size) {
        time_t s = (time_t) (wall_usec / 1000000);
        struct tm tm;
        gmtime_r(&s, &tm);
        snprintf(buf, size, "%04d-%02d-%02dT%02d:%02d:%02d.%06u000Z", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                 tm.tm_min, tm.tm_sec, (unsigned) (wall_usec % 1000000));
        return buf;
}

static int parse_digits(const char **s, int n, int *ret) {
        int v = 0;
        for (int i = 0; i < n; i++, (*s)++) {
                if (**s < '0' || **s > '9')
                        return -EINVAL;
                v = v * 10 + (**s - '0');
        }
        *ret = v;
        return 0;
}

static int parse_char(const char **s, char c) {
        if (**s != c)
                return -EINVAL;
        (*s)++;
        return 0;
}

/* "Z", "+02:00", or nothing: the local zone is not used, a record means the same everywhere. */
static int parse_zone(const char *s, int *ret_minutes) {
        int h, m;
        *ret_minutes = 0;
        if (!*s || streq(s, "Z") || streq(s, "z"))
                return 0;
        int sign = *s == '-' ? -1 : 1;
        if (*s != '+' && *s != '-')
                return -EINVAL;
        s++;
        if (parse_digits(&s, 2, &h) < 0 || parse_char(&s, ':') < 0 || parse_digits(&s, 2, &m) < 0 || *s || h > 23 || m > 59)
                return -EINVAL;
        *ret_minutes = sign * (h * 60 + m);
        return 0;
}

/* timegm() makes the 2nd of March of the 30th of February. */
static bool date_exists(const struct tm *tm) {
        struct tm day = { .tm_year = tm->tm_year - 1900, .tm_mon = tm->tm_mon - 1, .tm_mday = tm->tm_mday };
        if (tm->tm_mon < 1 || tm->tm_mon > 12 || tm->tm_mday < 1 || tm->tm_mday > 31)
                return false;
        timegm(&day);
        return day.tm_mday == tm->tm_mday;
}

static int parse_rfc3339(const char *s, uint64_t *ret) {
        struct tm tm = {};
        int zone, usec = 0, scale = 100000;
        if (parse_digits(&s, 4, &tm.tm_year) < 0 || parse_char(&s, '-') < 0 || parse_digits(&s, 2, &tm.tm_mon) < 0 ||
            parse_char(&s, '-') < 0 || parse_digits(&s, 2, &tm.tm_mday) < 0)
                return -EINVAL;
        if (*s == 'T' || *s == 't' || *s == ' ') {
                s++;
                if (parse_digits(&s, 2, &tm.tm_hour) < 0 || parse_char(&s, ':') < 0 || parse_digits(&s, 2, &tm.tm_min) < 0)
                        return -EINVAL;
                if (*s == ':' && (s++, parse_digits(&s, 2, &tm.tm_sec) < 0))
                        return -EINVAL;
                if (*s == '.') {
                        if (s[1] < '0' || s[1] > '9')
                                return -EINVAL;
                        for (s++; *s >= '0' && *s <= '9'; s++, scale /= 10)
                                usec += (*s - '0') * scale;
                }
        }
        if (parse_zone(s, &zone) < 0 || tm.tm_year < 1970 || !date_exists(&tm) || tm.tm_hour > 23 || tm.tm_min > 59 ||
            tm.tm_sec > 60)
                return -EINVAL;
        tm.tm_year -= 1900;
        tm.tm_mon--;
        int64_t t = (int64_t) timegm(&tm) - zone * 60;
        if (t < 0)
                return -ERANGE;
        *ret = (uint64_t) t * 1000000 + (uint64_t) usec;
        return 0;
}

int time_parse(const char *s, uint64_t *ret) {
        uint64_t v;
        const char *dot = strchr(s, '.');
        size_t digits = strspn(s, "0123456789");
        if (digits && (!s[digits] || (dot == s + digits && dot[1] && strspn(dot + 1, "0123456789") == strlen(dot + 1)))) {
                _cleanup_free_ char *whole = xstrndup(s, digits); /* unix seconds, perhaps with a fraction */
                int r = str_to_u64(whole, &v);
                if (r < 0 || __builtin_mul_overflow(v, 1000000u, &v))
                        return -ERANGE;
                uint64_t usec = 0, scale = 100000;
                for (const char *p = dot ? dot + 1 : ""; *p; p++, scale /= 10)
                        usec += (uint64_t) (*p - '0') * scale;
                if (__builtin_add_overflow(v, usec, &v))
                        return -ERANGE;
                *ret = v;
                return 0;
        }
        if (digits == 4 && s[4] == '-')
                return parse_rfc3339(s, ret);
        int r = str_to_usec(s, &v);
        if (r < 0)
                return r;
        uint64_t now = now_wall_usec();
        *ret = v > now ? 0 : now - v;
        return 0;
}
