/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers, sizes and durations: what is accepted, what is refused, and the exact limits. */
#include "test.h"

#include "base/str.h"

#define UNTOUCHED 4711

static void test_integers(void **state) {
        static const char *const malformed[] = { "", "-", "+1", " 1", "1 ", "0x10", "1.0", "1e3", "--1", "a", "1\n" };
        uint64_t u = UNTOUCHED;
        int64_t i = UNTOUCHED;
        uint32_t w = UNTOUCHED;
        for (size_t k = 0; k < ELEMENTSOF(malformed); k++) {
                assert_int_equal(str_to_u64(malformed[k], &u), -EINVAL);
                assert_int_equal(str_to_i64(malformed[k], &i), -EINVAL);
                assert_int_equal(str_to_u32(malformed[k], &w), -EINVAL);
        }
        assert_int_equal(str_to_u64("-1", &u), -EINVAL);
        assert_int_equal(str_to_u64("18446744073709551616", &u), -ERANGE);
        assert_int_equal(str_to_u64("99999999999999999999", &u), -ERANGE);
        assert_int_equal(str_to_i64("9223372036854775808", &i), -ERANGE);
        assert_int_equal(str_to_i64("-9223372036854775809", &i), -ERANGE);
        assert_int_equal(str_to_u32("4294967296", &w), -ERANGE);
        assert_true(u == UNTOUCHED && i == UNTOUCHED && w == UNTOUCHED);
        assert_true(str_to_u64("18446744073709551615", &u) == 0 && u == UINT64_MAX);
        assert_true(str_to_u64("007", &u) == 0 && u == 7);
        assert_true(str_to_i64("9223372036854775807", &i) == 0 && i == INT64_MAX);
        assert_true(str_to_i64("-9223372036854775808", &i) == 0 && i == INT64_MIN);
        assert_true(str_to_i64("-1", &i) == 0 && i == -1);
        assert_true(str_to_u32("4294967295", &w) == 0 && w == UINT32_MAX);
}

static void test_to_bytes(void **state) {
        static const struct {
                const char *text;
                uint64_t bytes;
        } good[] = {
                { "0", 0 }, { "512", 512 }, { "512b", 512 }, { "64k", 65536 }, { "64K", 65536 }, { "64kb", 65536 }, { "64KiB", 65536 },
                { "1.5g", 1610612736 }, { "10MiB", 10485760 }, { "1GB", 1073741824 }, { "0.5k", 512 }, { "1t", 1099511627776 },
                { "15e", 15ULL << 60 }, { "1.999999999999k", 2047 }, { "18446744073709551615", UINT64_MAX },
        };
        static const struct {
                const char *text;
                int r;
        } bad[] = {
                { "", -EINVAL }, { "k", -EINVAL }, { "-1", -EINVAL }, { "1.", -EINVAL }, { ".5k", -EINVAL }, { "1 k", -EINVAL },
                { "1kk", -EINVAL }, { "1x", -EINVAL }, { "1bb", -EINVAL }, { "1kib ", -EINVAL }, { "1.2.3", -EINVAL },
                { "16e", -ERANGE }, { "15.9999999e", 0 }, { "18446744073709551616", -ERANGE }, { "18446744073709551615k", -ERANGE },
        };
        uint64_t v;
        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                assert_int_equal(str_to_bytes(good[i].text, &v), 0);
                assert_int_equal(v, good[i].bytes);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                v = UNTOUCHED;
                assert_int_equal(str_to_bytes(bad[i].text, &v), bad[i].r);
                assert_true(bad[i].r == 0 || v == UNTOUCHED);
        }
}

static void test_to_usec(void **state) {
        static const struct {
                const char *text;
                uint64_t usec;
        } good[] = {
                { "0", 0 }, { "10", 10000000 }, { "1.5", 1500000 }, { "10s", 10000000 }, { "1m30s", 90000000 }, { "500ms", 500000 },
                { "2h", 7200000000 }, { "1.5h", 5400000000 }, { "7us", 7 }, { "1d", 86400000000 }, { "0.000001s", 1 },
        };
        static const char *const bad[] = { "", "s", "-1s", "1m30", "1 s", "1s ", "1y", "1S", "1.s", "1e3s", "1mm" };
        uint64_t v;
        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                assert_int_equal(str_to_usec(good[i].text, &v), 0);
                assert_int_equal(v, good[i].usec);
        }
        v = UNTOUCHED;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(str_to_usec(bad[i], &v), -EINVAL);
        assert_int_equal(str_to_usec("18446744073709551615s", &v), -ERANGE);
        assert_int_equal(str_to_usec("213503982d213503982d", &v), -ERANGE);
        assert_int_equal(v, UNTOUCHED);
}

/* Values from go-units' own tests, and from `docker images`. */
static void test_from_bytes(void **state) {
        static const struct {
                uint64_t n;
                const char *text;
        } rows[] = {
                { 0, "0B" }, { 999, "999B" }, { 1000, "1kB" }, { 1024, "1.024kB" }, { 1000000, "1MB" }, { 1048576, "1.049MB" },
                { 2000000, "2MB" }, { 3420000000, "3.42GB" }, { 5372000000000, "5.372TB" }, { 2220000000000000, "2.22PB" },
                { 4260000, "4.26MB" }, { 999999, "1000kB" }, { UINT64_MAX, "18.45EB" },
        };
        char text[32], small[4];
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_string_equal(str_from_bytes(rows[i].n, text, sizeof(text)), rows[i].text);
        assert_string_equal(str_from_bytes(1024, small, sizeof(small)), "1.0");
}

/* The rows of go-units' TestHumanDuration. */
static void test_since(void **state) {
        enum { second = 1, minute = 60, hour = 3600, day = 24 * hour, week = 7 * day, month = 30 * day, year = 365 * day };
        static const struct {
                uint64_t seconds;
                const char *text;
        } rows[] = {
                { 1, "1 second" }, { 45, "45 seconds" }, { 59, "59 seconds" }, { minute, "About a minute" },
                { minute + 30, "About a minute" }, { 3 * minute, "3 minutes" }, { 35 * minute, "35 minutes" },
                { 35 * minute + 40, "35 minutes" }, { 59 * minute, "59 minutes" }, { hour, "About an hour" },
                { hour + 29 * minute, "About an hour" }, { hour + 31 * minute, "2 hours" }, { hour + 45 * minute, "2 hours" },
                { 3 * hour, "3 hours" }, { 3 * hour + 29 * minute, "3 hours" }, { 3 * hour + 31 * minute, "4 hours" },
                { 3 * hour + 59 * minute, "4 hours" }, { 24 * hour, "24 hours" }, { day + 12 * hour, "36 hours" },
                { 2 * day, "2 days" }, { 7 * day, "7 days" }, { 13 * day + 5 * hour, "13 days" }, { 2 * week, "2 weeks" },
                { 2 * week + 4 * day, "2 weeks" }, { 3 * week, "3 weeks" }, { 4 * week, "4 weeks" }, { 4 * week + 3 * day, "4 weeks" },
                { month, "4 weeks" }, { month + 2 * week, "6 weeks" }, { 2 * month, "2 months" }, { 2 * month + 2 * week, "2 months" },
                { 3 * month, "3 months" }, { 5 * month, "5 months" }, { 13 * month, "13 months" }, { 23 * month, "23 months" },
                { 24 * month, "24 months" }, { 24 * month + 2 * week, "2 years" }, { 3 * (uint64_t) year + 2 * month, "3 years" },
        };
        char text[32];
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_string_equal(str_since(rows[i].seconds * 1000000, text, sizeof(text)), rows[i].text);
        assert_string_equal(str_since(0, text, sizeof(text)), "Less than a second");
        assert_string_equal(str_since(999999, text, sizeof(text)), "Less than a second");
        assert_string_equal(str_since(1999999, text, sizeof(text)), "1 second");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_integers),   cmocka_unit_test(test_to_bytes), cmocka_unit_test(test_to_usec),
                cmocka_unit_test(test_from_bytes), cmocka_unit_test(test_since),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
