/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmocka_all.h"

#include "base/str.h"
#include "cli/format.h"

static void assert_text(char *text_take, const char *expect) {
        assert_string_equal(text_take, expect);
        free(text_take);
}

static void test_times(void **state) {
        const uint64_t second = 1000000, now = 1796133994 * second;
        assert_text(column_ago(0, now), "N/A");
        assert_text(column_ago(now - 3 * second, now), "3 seconds ago");
        assert_text(column_ago(now - 2 * 60 * second, now), "2 minutes ago");
        assert_text(column_ago(now - 5 * 86400 * second, now), "5 days ago");
        assert_text(column_ago(now + 5 * second, now), "Less than a second ago"); /* a clock that was set back */
        assert_text(column_time(now), "2026-12-01 14:06:34 +0000 UTC");
        assert_text(column_time(0), "");
}

static void test_sizes(void **state) {
        char expect[32];
        assert_text(column_size(4200000), str_from_bytes(4200000, expect, sizeof(expect)));
        assert_text(column_size(0), "0B");
}

static void test_ellipsis(void **state) {
        assert_text(column_ellipsis("short", 20), "short");
        assert_text(column_ellipsis("exactly 20 long text", 20), "exactly 20 long text");
        assert_text(column_ellipsis("exactly 20 long text!", 20), "exactly 20 long tex…");
        assert_text(column_ellipsis("\303\244\303\244\303\244\303\244", 3), "\303\244\303\244…");
        assert_text(column_ellipsis("anything", SIZE_MAX), "anything");
}

static void test_ids(void **state) {
        assert_text(column_id("sha256:0123456789abcdef", false), "0123456789ab");
        assert_text(column_id("0123456789abcdef", false), "0123456789ab");
        assert_text(column_id("sha256:0123456789abcdef", true), "sha256:0123456789abcdef");
        assert_text(column_id(NULL, false), "");
}

static void test_names(void **state) {
        assert_text(name_familiar("docker.io/library/box:latest"), "box:latest");
        assert_text(name_familiar("docker.io/me/box:1"), "me/box:1");
        assert_text(name_familiar("localhost:5000/box:1"), "localhost:5000/box:1");

        static const char *const cases[][4] = {
                { "box:latest", "box", "latest", NULL },
                { "localhost:5000/box", "localhost:5000/box", NULL, NULL },
                { "localhost:5000/box:1", "localhost:5000/box", "1", NULL },
                { "box@sha256:00ff", "box", NULL, "sha256:00ff" },
                { "box:1@sha256:00ff", "box", "1", "sha256:00ff" },
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *repository = NULL, *tag = NULL, *digest = NULL;
                name_split(cases[i][0], &repository, &tag, &digest);
                assert_string_equal(repository, cases[i][1]);
                assert_string_equal(tag ? tag : "-", cases[i][2] ? cases[i][2] : "-");
                assert_string_equal(digest ? digest : "-", cases[i][3] ? cases[i][3] : "-");
        }
}

static void test_rows(void **state) {
        json_t *row = json_object();
        row_set(row, "A", NULL);
        row_set(row, "B", "bad \377 bytes");
        row_setf(row, "C", "%d", 5);
        assert_string_equal(json_string_value(json_object_get(row, "A")), "");
        assert_string_equal(json_string_value(json_object_get(row, "B")), "bad \\xff bytes");
        assert_string_equal(json_string_value(json_object_get(row, "C")), "5");
        json_decref(row);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_times), cmocka_unit_test(test_sizes), cmocka_unit_test(test_ellipsis),
                cmocka_unit_test(test_ids),   cmocka_unit_test(test_names), cmocka_unit_test(test_rows),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
