/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The growing buffer: its limit, its NUL, and what remains after each call. */
#include "test.h"

#include "base/buf.h"
#include "base/str.h"

static void test_append(void **state) {
        _cleanup_buf_ struct buf b = {};
        assert_int_equal(buf_append(&b, "a\0b", 3), 0);
        assert_int_equal(buf_append(&b, NULL, 0), 0);
        assert_int_equal(b.len, 3);
        assert_memory_equal(b.data, "a\0b", 4); /* the NUL behind it, too */
        for (size_t i = 0; i < 100000; i++)
                assert_int_equal(buf_append(&b, "x", 1), 0);
        assert_int_equal(b.len, 100003);
        assert_int_equal(b.data[b.len], 0);
        assert_int_equal(b.data[b.len - 1], 'x');
}

static void test_max(void **state) {
        _cleanup_buf_ struct buf b = BUF_INIT(4);
        assert_int_equal(buf_append(&b, "abcde", 5), -EFBIG);
        assert_int_equal(b.len, 0);
        assert_int_equal(buf_append(&b, "abc", 3), 0);
        assert_int_equal(buf_printf(&b, "%d", 10), -EFBIG);
        assert_string_equal(b.data, "abc");
        assert_int_equal(buf_append(&b, "x", SIZE_MAX), -EFBIG);
        assert_int_equal(buf_printf(&b, "%d", 1), 0);
        assert_string_equal(b.data, "abc1");
        assert_int_equal(buf_append(&b, "x", 1), -EFBIG);
        buf_reset(&b);
        assert_int_equal(buf_append(&b, "abcd", 4), 0);
}

static void test_default_max(void **state) {
        _cleanup_buf_ struct buf b = {};
        assert_int_equal(buf_append(&b, "x", (64u << 20) + 1), -EFBIG);
        assert_int_equal(b.len, 0);
}

static void test_printf(void **state) {
        _cleanup_buf_ struct buf b = {};
        buf_add(&b, "one");
        buf_addf(&b, " %s %d", "two", 3);
        assert_int_equal(buf_printf(&b, "%s", ""), 0);
        assert_int_equal(buf_printf(&b, "%1000d", 7), 0);
        assert_int_equal(b.len, 9 + 1000);
        assert_memory_equal(b.data, "one two 3", 9);
        assert_int_equal(b.data[b.len - 1], '7');
}

static void test_consume(void **state) {
        _cleanup_buf_ struct buf b = {};
        buf_consume(&b, 10); /* empty, nothing allocated */
        buf_add(&b, "abcdef");
        buf_consume(&b, 0);
        buf_consume(&b, 2);
        assert_string_equal(b.data, "cdef");
        buf_consume(&b, 100);
        assert_int_equal(b.len, 0);
        assert_string_equal(b.data, "");
}

static void test_steal(void **state) {
        struct buf b = BUF_INIT(10);
        _cleanup_free_ char *empty = buf_steal(&b);
        assert_string_equal(empty, "");
        buf_add(&b, "text");
        _cleanup_free_ char *text = buf_steal(&b);
        assert_string_equal(text, "text");
        assert_null(b.data);
        assert_int_equal(b.len, 0);
        assert_int_equal(b.max, 10);
        buf_reset(&b);
        buf_free(&b);
        buf_free(&b);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_append), cmocka_unit_test(test_max),     cmocka_unit_test(test_default_max),
                cmocka_unit_test(test_printf), cmocka_unit_test(test_consume), cmocka_unit_test(test_steal),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
