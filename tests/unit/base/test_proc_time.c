/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clocks, and times as records and people write them. */
#include "test.h"

#include "base/proc.h"
#include "base/str.h"

static void test_clocks(void **state) {
        uint64_t a = now_usec(), b = now_usec();
        assert_true(a > 0 && b >= a);
        assert_true(now_wall_usec() > 1700000000000000u);
}

static void test_format(void **state) {
        static const struct {
                uint64_t usec;
                const char *text;
        } rows[] = {
                { 0, "1970-01-01T00:00:00.000000000Z" },
                { 1796137944123456, "2026-12-01T15:12:24.123456000Z" },
                { 951782399999999, "2000-02-28T23:59:59.999999000Z" },
                { 951782400000000, "2000-02-29T00:00:00.000000000Z" },
        };
        char text[32];
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint64_t back = 1;
                assert_string_equal(time_format_rfc3339(rows[i].usec, text, sizeof(text)), rows[i].text);
                assert_int_equal(time_parse(text, &back), 0);
                assert_int_equal(back, rows[i].usec);
        }
        assert_true(strlen(time_format_rfc3339(UINT64_MAX, text, sizeof(text))) < sizeof(text));
}

static void test_parse(void **state) {
        static const struct {
                const char *text;
                uint64_t usec;
        } good[] = {
                { "2026-12-01T15:12:24Z", 1796137944000000 },
                { "2026-12-01t15:12:24z", 1796137944000000 },
                { "2026-12-01T15:12:24.5Z", 1796137944500000 },
                { "2026-12-01T15:12:24.123456789Z", 1796137944123456 },
                { "2026-12-01T17:12:24+02:00", 1796137944000000 },
                { "2026-12-01T09:42:24-05:30", 1796137944000000 },
                { "2026-12-01T15:12:24", 1796137944000000 },
                { "2026-12-01 15:12", 1796137920000000 },
                { "1970-01-02", 86400000000 },
                { "2024-02-29", 1709164800000000 },
                { "0", 0 },
                { "1796137944", 1796137944000000 },
                { "1796137944.25", 1796137944250000 },
                { "1796137944.123456789", 1796137944123456 },
        };
        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                uint64_t v = 1;
                assert_int_equal(time_parse(good[i].text, &v), 0);
                assert_int_equal(v, good[i].usec);
        }
}

static void test_parse_refused(void **state) {
        static const char *const bad[] = {
                "", "now", "-5", "2026-", "2026-12", "2026-13-01", "2026-00-01", "2026-01-00", "2026-01-32", "2025-02-29", "2026-04-31",
                "2026-12-01T", "2026-12-01T24:00:00Z", "2026-12-01T14:60:00Z", "2026-12-01T14:32:61Z", "2026-12-01T14:32:24.Z",
                "2026-12-01T14:32:24ZZ", "2026-12-01T14:32:24+2:00", "2026-12-01T14:32:24+0200", "2026-12-01T14:32:24+24:00",
                "2026-12-01T14:32:24 ", "1969-12-31T23:59:59Z", "1796137944.", "1796137944.x", "1.2.3", "5 minutes",
        };
        uint64_t v = 4711;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(time_parse(bad[i], &v), -EINVAL);
        assert_int_equal(time_parse("18446744073709551615", &v), -ERANGE);
        assert_int_equal(time_parse("18446744073709.999999", &v), -ERANGE);
        assert_int_equal(time_parse("1970-01-01T00:00:00+01:00", &v), -ERANGE);
        assert_int_equal(v, 4711);
}

static void test_parse_ago(void **state) {
        uint64_t v, now = now_wall_usec();
        assert_int_equal(time_parse("10m", &v), 0);
        assert_in_range(now - v, 600000000 - 5000000, 600000000);
        assert_int_equal(time_parse("1h30m", &v), 0);
        assert_in_range(now - v, 5400000000 - 5000000, 5400000000);
        assert_int_equal(time_parse("100000d", &v), 0); /* before 1970: the beginning */
        assert_int_equal(v, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_clocks),        cmocka_unit_test(test_format),    cmocka_unit_test(test_parse),
                cmocka_unit_test(test_parse_refused), cmocka_unit_test(test_parse_ago),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
