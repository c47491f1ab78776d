/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers, sizes and durations as people write them: see str.h. */
#include "base/str.h"

#include <stdio.h>
#include <strings.h>

int str_to_u64(const char *s, uint64_t *ret) {
        uint64_t v = 0;
        if (!*s)
                return -EINVAL;
        for (; *s; s++) {
                if (*s < '0' || *s > '9')
                        return -EINVAL;
                if (__builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, (uint64_t) (*s - '0'), &v))
                        return -ERANGE;
        }
        *ret = v;
        return 0;
}

int str_to_i64(const char *s, int64_t *ret) {
        bool negative = *s == '-';
        uint64_t v;
        int r = str_to_u64(s + negative, &v);
        if (r < 0)
                return r;
        if (v > (uint64_t) INT64_MAX + negative)
                return -ERANGE;
        *ret = negative ? (int64_t) (0 - v) : (int64_t) v;
        return 0;
}

int str_to_u32(const char *s, uint32_t *ret) {
        uint64_t v;
        int r = str_to_u64(s, &v);
        if (r < 0)
                return r;
        if (v > UINT32_MAX)
                return -ERANGE;
        *ret = (uint32_t) v;
        return 0;
}

/* Digits with an optional fraction, as thousandths... of @unit: exact, no floating point.  Moves *s. */
static int parse_scaled(const char **s, uint64_t *ret_whole, uint64_t *ret_fraction, uint64_t *ret_divisor) {
        const char *p = *s;
        uint64_t whole = 0, fraction = 0, divisor = 1;
        if (*p < '0' || *p > '9')
                return -EINVAL;
        for (; *p >= '0' && *p <= '9'; p++)
                if (__builtin_mul_overflow(whole, 10u, &whole) || __builtin_add_overflow(whole, (uint64_t) (*p - '0'), &whole))
                        return -ERANGE;
        if (*p == '.') {
                if (p[1] < '0' || p[1] > '9')
                        return -EINVAL;
                for (p++; *p >= '0' && *p <= '9'; p++)
                        if (divisor < 1000000) { /* the rest is below what anyone means */
                                fraction = fraction * 10 + (uint64_t) (*p - '0');
                                divisor *= 10;
                        }
        }
        *s = p;
        *ret_whole = whole;
        *ret_fraction = fraction;
        *ret_divisor = divisor;
        return 0;
}

static int scale(uint64_t whole, uint64_t fraction, uint64_t divisor, uint64_t unit, uint64_t *ret) {
        uint64_t v;
        if (__builtin_mul_overflow(whole, unit, &v))
                return -ERANGE;
        /* unit <= 2^60 and fraction < 10^6: the product is taken in 128 bits */
        uint64_t part = (uint64_t) ((unsigned __int128) unit * fraction / divisor);
        return __builtin_add_overflow(v, part, ret) ? -ERANGE : 0;
}

int str_to_bytes(const char *s, uint64_t *ret) {
        static const char letters[] = "kmgtpe";
        uint64_t whole, fraction, divisor, unit = 1, v;
        int r = parse_scaled(&s, &whole, &fraction, &divisor);
        if (r < 0)
                return r;
        if (*s && strcasecmp(s, "b") != 0) {
                const char *letter = strchr(letters, *s | 0x20);
                if (!letter || (s[1] && strcasecmp(s + 1, "b") != 0 && strcasecmp(s + 1, "ib") != 0))
                        return -EINVAL;
                unit = 1ULL << (10 * (letter - letters + 1));
        }
        r = scale(whole, fraction, divisor, unit, &v);
        if (r >= 0)
                *ret = v;
        return r;
}

int str_to_usec(const char *s, uint64_t *ret) {
        static const struct {
                const char *name;
                uint64_t usec;
        } units[] = { { "us", 1 }, { "ms", 1000 }, { "s", 1000000 }, { "m", 60000000 }, { "h", 3600000000 }, { "d", 86400000000 } };
        uint64_t sum = 0;
        if (!*s)
                return -EINVAL;
        for (bool first = true; *s; first = false) {
                uint64_t whole, fraction, divisor, unit = 0, v;
                int r = parse_scaled(&s, &whole, &fraction, &divisor);
                if (r < 0)
                        return r;
                size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz");
                for (size_t i = 0; i < ELEMENTSOF(units); i++)
                        if (strlen(units[i].name) == n && strncmp(units[i].name, s, n) == 0)
                                unit = units[i].usec;
                if (n == 0 && first && !*s)
                        unit = 1000000;
                if (!unit)
                        return -EINVAL;
                s += n;
                r = scale(whole, fraction, divisor, unit, &v);
                if (r < 0 || __builtin_add_overflow(sum, v, &sum))
                        return -ERANGE;
        }
        *ret = sum;
        return 0;
}

char *str_from_bytes(uint64_t n, char *buf, size_t size) {
        static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
        double v = (double) n;
        size_t i = 0;
        while (v >= 1000 && i + 1 < ELEMENTSOF(units)) {
                v /= 1000;
                i++;
        }
        snprintf(buf, size, "%.4g%s", v, units[i]);
        return buf;
}

char *str_since(uint64_t usec, char *buf, size_t size) {
        uint64_t s = usec / 1000000, m = s / 60, h = (s + 1800) / 3600;
        if (s < 1)
                snprintf(buf, size, "Less than a second");
        else if (s == 1)
                snprintf(buf, size, "1 second");
        else if (s < 60)
                snprintf(buf, size, "%llu seconds", (unsigned long long) s);
        else if (m == 1)
                snprintf(buf, size, "About a minute");
        else if (m < 60)
                snprintf(buf, size, "%llu minutes", (unsigned long long) m);
        else if (h == 1)
                snprintf(buf, size, "About an hour");
        else if (h < 48)
                snprintf(buf, size, "%llu hours", (unsigned long long) h);
        else if (h < 24 * 7 * 2)
                snprintf(buf, size, "%llu days", (unsigned long long) (h / 24));
        else if (h < 24 * 30 * 2)
                snprintf(buf, size, "%llu weeks", (unsigned long long) (h / 24 / 7));
        else if (h < 24 * 365 * 2)
                snprintf(buf, size, "%llu months", (unsigned long long) (h / 24 / 30));
        else
                snprintf(buf, size, "%llu years", (unsigned long long) (h / 24 / 365));
        return buf;
}
