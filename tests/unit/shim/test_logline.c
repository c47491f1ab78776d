/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"
#include "fixture.h"

#include "base/json.h"
#include "base/proc.h"
#include "base/str.h"
#include "shim/logline.h"

#include <stdio.h>

static void round_trip(const void *p, size_t n, enum log_stream stream) {
        struct buf b = {};
        struct log_entry e = {};
        char time[LOG_TIME_SIZE];
        logline_time(1796137944123456789u, time);
        logline_format(&b, stream, time, p, n);
        assert_int_equal(b.data[b.len - 1], '\n');
        assert_null(memchr(b.data, '\n', b.len - 1));
        assert_int_equal(logline_parse(b.data, b.len - 1, &e), 0);
        assert_int_equal(e.stream, stream);
        assert_int_equal(e.text.len, n);
        if (n)
                assert_memory_equal(e.text.data, p, n);
        assert_string_equal(e.time, time);
        assert_int_equal(e.wall_usec, 1796137944123456u);
        buf_free(&b);
        buf_free(&e.text);
}

static void test_round_trip(void **state) {
        uint8_t all[512], big[16384];
        for (size_t i = 0; i < 256; i++)
                all[i] = (uint8_t) i;
        for (size_t i = 0; i < 256; i++)
                all[256 + i] = (uint8_t) (255 - i);
        round_trip("", 0, LOG_STDOUT);
        round_trip("hello\n", 6, LOG_STDERR);
        round_trip(all, sizeof(all), LOG_STDOUT);
        for (uint64_t seed = 0; seed < 20; seed++) {
                fill_random(big, sizeof(big), seed);
                round_trip(big, sizeof(big), LOG_STDOUT);
        }
        static const char *const texts[] = { "g\xc3\xbcn \xe2\x82\xac \xf0\x9f\x98\x80\n", "\xed\xb2\x80" /* a surrogate */, "\xc0\x80",
                                             "\xe0\x80\x80", "\xf4\x90\x80\x80", "\xc3", "\xf0\x9f\x98", "\\udc80", "\"\\/\b\f\r\t\x7f" };
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                round_trip(texts[i], strlen(texts[i]), LOG_STDOUT);
}

/* Valid text is valid for any JSON reader, and stands readable in the file. */
static void test_is_json(void **state) {
        struct buf b = {};
        const char *text = "g\xc3\xbcn \"q\" \\ \x1b[1m\t\xf0\x9f\x98\x80\r\n";
        logline_format(&b, LOG_STDERR, "2026-12-01T14:06:34.000000001Z", text, strlen(text));
        json_t *j = NULL;
        struct souk_err err = {};
        assert_int_equal(json_parse_text(b.data, b.len, "line", &j, &err), 0);
        assert_string_equal(json_string_value(json_object_get(j, "log")), text);
        assert_string_equal(json_string_value(json_object_get(j, "stream")), "stderr");
        assert_string_equal(json_string_value(json_object_get(j, "time")), "2026-12-01T14:06:34.000000001Z");
        assert_non_null(strstr(b.data, "g\xc3\xbcn"));
        json_decref(j);
        buf_reset(&b);
        logline_format(&b, LOG_STDOUT, "T", "\xff\n", 2);
        assert_non_null(strstr(b.data, "\"\\udcff\\n\""));
        buf_free(&b);
}

static void test_time(void **state) {
        static const uint64_t secs[] = { 0, 1, 951782399, 951782400, 951868800, 1709164800, 1735689599, 1735689600, 4102444800 };
        for (size_t i = 0; i < ELEMENTSOF(secs); i++) {
                char mine[LOG_TIME_SIZE], theirs[40];
                logline_time(secs[i] * 1000000000 + 123456000, mine);
                assert_string_equal(mine, time_format_rfc3339(secs[i] * 1000000 + 123456, theirs, sizeof(theirs)));
        }
}

static int parse(const char *s) {
        struct log_entry e = {};
        int r = logline_parse(s, strlen(s), &e);
        buf_free(&e.text);
        return r;
}

#define T "\"time\":\"2026-12-01T14:06:34.1Z\""

static void test_parse(void **state) {
        static const char *const good[] = {
                "{\"log\":\"x\",\"stream\":\"stdout\"," T "}",
                " { " T " , \"stream\" : \"stderr\" , \"log\":\"\\ud83d\\ude00\\/\" } \r",
                "{\"log\":\"x\",\"stream\":\"stdout\",\"attrs\":{\"a\":[1,-2.5e3,true,null,{}],\"b\":\"c\"}," T "}",
                "{\"log\":\"x\",\"stream\":\"stdout\",\"time\":\"2026-12-01T14:06:34+02:00\"}",
        };
        static const char *const bad[] = {
                "", "{", "{}", "[]", "x", "{\"log\":\"x\"}", "{\"log\":\"x\",\"stream\":\"stdout\"," T "} x",
                "{\"log\":\"x\",\"log\":\"y\",\"stream\":\"stdout\"," T "}",
                "{\"log\":\"x,\"stream\":\"stdout\"," T "}",
                "{\"log\":\"\\x\",\"stream\":\"stdout\"," T "}",
                "{\"log\":\"\\u12\",\"stream\":\"stdout\"," T "}",
                "{\"log\":\"\\ud83d\\u\",\"stream\":\"stdout\"," T "}",
                "{\"log\":\"a\tb\",\"stream\":\"stdout\"," T "}",
                "{\"log\":1,\"stream\":\"stdout\"," T "}",
                "{\"log\":\"x\",\"stream\":\"stdin0\"," T "}",
                "{\"log\":\"x\",\"stream\":\"stdout\",\"time\":\"yesterday\"}",
                "{\"log\":\"x\",\"stream\":\"stdout\",\"time\":\"10m\"}",
                "{\"log\":\"x\",\"stream\":\"stdout\",\"time\":\"2026-12-01T14:06:34Z\\u001b[2J\"}",
                "{\"log\":\"x\",\"stream\":\"stdout\",\"a\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]," T "}",
                "{\"log\":\"x\",\"stream\":\"stdout\"," T,
        };
        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                if (parse(good[i]) != 0)
                        fail_msg("refused: %s", good[i]);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (parse(bad[i]) != -EBADMSG)
                        fail_msg("accepted: %s", bad[i]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_is_json),
                cmocka_unit_test(test_time),
                cmocka_unit_test(test_parse),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
