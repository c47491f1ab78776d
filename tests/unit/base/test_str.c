/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strings, vectors, environments, and text made safe for a terminal. */
#include "test.h"

#include "base/str.h"

#define NEAREST(s, ...) str_nearest(s, (const char *const[]){ __VA_ARGS__ }, ELEMENTSOF(((const char *const[]){ __VA_ARGS__ })))

static void assert_strv(char *const *v, const char *joined) {
        _cleanup_free_ char *text = strv_join(v, "|");
        assert_string_equal(text, joined);
}

static void test_prefix_suffix(void **state) {
        assert_string_equal(str_startswith("sha256:ab", "sha256:"), "ab");
        assert_string_equal(str_startswith("ab", ""), "ab");
        assert_null(str_startswith("sha", "sha256:"));
        assert_string_equal(str_endswith("a.tar.gz", ".gz"), ".gz");
        assert_null(str_endswith("gz", "a.gz"));
        assert_true(str_empty(NULL) && str_empty("") && !str_empty("a"));
}

static void test_alloc(void **state) {
        assert_null(xstrdup(NULL));
        _cleanup_free_ char *none = xmalloc(0), *zero = xcalloc(0, 8), *cut = xstrndup("abc", 2), *whole = xstrndup("abc", 9);
        _cleanup_free_ char *text = xasprintf("%s-%d", "a", 1), *copy = xmemdup("a\0b", 3), *empty = xmemdup("", 0);
        assert_non_null(none);
        assert_non_null(zero);
        assert_non_null(empty);
        assert_string_equal(cut, "ab");
        assert_string_equal(whole, "abc");
        assert_string_equal(text, "a-1");
        assert_memory_equal(copy, "a\0b", 3);
}

static void test_strv(void **state) {
        _cleanup_strv_ char **v = NULL;
        assert_int_equal(strv_len(NULL), 0);
        assert_false(strv_has(NULL, "a"));
        assert_null(strv_dup(NULL));
        strv_free(NULL);
        assert_strv(NULL, "");
        strv_push(&v, "a");
        strv_push_take(&v, xstrdup("b"));
        strv_pushf(&v, "%d", 3);
        strv_push_take(&v, NULL);
        strv_push(&v, "");
        assert_int_equal(strv_len(v), 4);
        assert_strv(v, "a|b|3|");
        assert_true(strv_has(v, "3") && strv_has(v, "") && !strv_has(v, "c"));
        _cleanup_strv_ char **copy = strv_dup(v);
        assert_strv(copy, "a|b|3|");
        assert_ptr_not_equal(copy[0], v[0]);
}

static void test_split(void **state) {
        static const char *const rows[][2] = {
                { "", "" }, { "a", "a" }, { "a:b", "a|b" }, { ":", "|" }, { "a::b:", "a||b|" },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_strv_ char **v = str_split(rows[i][0], ':');
                assert_strv(v, rows[i][1]);
        }
        _cleanup_strv_ char **one = str_split("", ':');
        assert_int_equal(strv_len(one), 1);
}

static void test_env(void **state) {
        _cleanup_strv_ char **env = NULL;
        assert_null(env_get(NULL, "A"));
        env_set(&env, "A"); /* removes what is not there */
        assert_null(env);
        env_set(&env, "A=1");
        env_set(&env, "AB=2");
        env_set(&env, "C=");
        env_set(&env, "D=x=y");
        assert_string_equal(env_get(env, "A"), "1");
        assert_string_equal(env_get(env, "AB"), "2");
        assert_string_equal(env_get(env, "C"), "");
        assert_string_equal(env_get(env, "D"), "x=y");
        assert_null(env_get(env, "B"));
        assert_null(env_get(env, ""));
        env_set(&env, "AB=3");
        assert_strv(env, "A=1|AB=3|C=|D=x=y");
        env_set(&env, "A");
        assert_strv(env, "AB=3|C=|D=x=y");
        env_set(&env, "D");
        env_set(&env, "C");
        env_set(&env, "AB");
        assert_int_equal(strv_len(env), 0);
        env_set(&env, "E=5");
        assert_strv(env, "E=5");
}

static void test_nearest(void **state) {
        assert_string_equal(NEAREST("imagse", "images", "inspect", "kill"), "images");
        assert_string_equal(NEAREST("runn", "rm", "run", "rmi"), "run");
        assert_string_equal(NEAREST("run", "rub", "run"), "run");
        assert_null(NEAREST("frobnicate", "images", "run"));
        assert_null(str_nearest("x", NULL, 0));
        char big[200];
        memset(big, 'a', sizeof(big) - 1);
        big[sizeof(big) - 1] = '\0';
        assert_null(NEAREST(big, "a"));
        assert_string_equal(NEAREST("ab", big, "abc"), "abc");
}

static void test_printable(void **state) {
        static const struct {
                const char *in, *out;
                bool utf8;
        } rows[] = {
                { "", "", true },
                { "plain ~", "plain ~", true },
                { "\x1b[31m\a\t\n", "\\x1b[31m\\x07\\x09\\x0a", true },
                { "\x7f", "\\x7f", true },
                { "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\xb3", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\xb3", true },
                { "\xc2\x9b" "31m", "\\xc2\\x9b" "31m", true },     /* C1: CSI in one character */
                { "\xc2\xa0", "\xc2\xa0", true },
                { "\xff\xfe", "\\xff\\xfe", false },
                { "a\xc3", "a\\xc3", false },                       /* cut short */
                { "\xe2\x82", "\\xe2\\x82", false },
                { "\xf0\x9f\x90", "\\xf0\\x9f\\x90", false },
                { "\xc3(", "\\xc3(", false },
                { "\x80", "\\x80", false },
                { "\xc0\xaf", "\\xc0\\xaf", false },                /* overlong */
                { "\xe0\x80\xaf", "\\xe0\\x80\\xaf", false },
                { "\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf", false },
                { "\xed\xa0\x80", "\\xed\\xa0\\x80", false },       /* a surrogate */
                { "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", false }, /* over U+10FFFF */
                { "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf", true },
                { "\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80", false },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *out = str_printable(rows[i].in);
                assert_string_equal(out, rows[i].out);
                assert_int_equal(str_is_utf8(rows[i].in), rows[i].utf8);
        }
}

static void test_hex(void **state) {
        unsigned char bytes[4] = { 0x00, 0x1f, 0xa0, 0xff }, back[4] = {};
        char text[9];
        hex_from_bytes(bytes, 4, text);
        assert_string_equal(text, "001fa0ff");
        assert_int_equal(hex_to_bytes(text, back, 4), 0);
        assert_memory_equal(back, bytes, 4);
        assert_int_equal(hex_to_bytes("001FA0FF", back, 4), 0);
        assert_memory_equal(back, bytes, 4);
        assert_int_equal(hex_to_bytes("001fa0f", back, 4), -EINVAL);
        assert_int_equal(hex_to_bytes("001fa0ff0", back, 4), -EINVAL);
        assert_int_equal(hex_to_bytes("001fa0fg", back, 4), -EINVAL);
        assert_int_equal(hex_to_bytes("", back, 0), 0);
        hex_from_bytes(NULL, 0, text);
        assert_string_equal(text, "");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_prefix_suffix), cmocka_unit_test(test_alloc),     cmocka_unit_test(test_strv),
                cmocka_unit_test(test_split),         cmocka_unit_test(test_env),       cmocka_unit_test(test_nearest),
                cmocka_unit_test(test_printable),     cmocka_unit_test(test_hex),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
