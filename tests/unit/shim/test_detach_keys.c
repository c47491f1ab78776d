/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "base/str.h"
#include "shim/attach.h"
#include "shim/detach_keys.h"

static void test_parse(void **state) {
        struct detach_keys d;
        struct souk_err err = {};
        assert_int_equal(detach_keys_parse(NULL, &d, &err), 0);
        assert_int_equal(d.n, 2);
        assert_int_equal(d.keys[0], 16);
        assert_int_equal(d.keys[1], 17);
        assert_int_equal(detach_keys_parse("", &d, &err), 0);
        assert_int_equal(d.n, 0);
        assert_int_equal(detach_keys_parse("a,ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_,ctrl-z,ctrl-A,B", &d, &err), 0);
        assert_int_equal(d.n, 10);
        assert_memory_equal(d.keys, ((uint8_t[]){ 'a', 0, 27, 28, 29, 30, 31, 26, 1, 'B' }), 10);
}

static void test_parse_bad(void **state) {
        static const char *const bad[] = { "ctrl-", "ctrl-1", "ctrl-pq", "foo", "a,,b", ",", "a,", "alt-p", "ctrl-p ctrl-q",
                                           "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", "\xc3\xa4" };
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                struct souk_err err = {};
                assert_int_equal(attach_keys_check(bad[i], &err), -EINVAL);
                assert_int_equal(err.code, SOUK_USAGE);
                assert_non_null(strstr(err.msg, "detach keys"));
        }
        assert_int_equal(attach_keys_check("ctrl-x,d", NULL), 0);
}

/* Types @typed in pieces of @step; Return: what came out, as text */
static bool type(const char *keys, const char *typed, size_t step, char out[128]) {
        struct detach_keys d;
        size_t len = 0, n = strlen(typed);
        assert_int_equal(detach_keys_parse(keys, &d, NULL), 0);
        bool detached = false;
        for (size_t i = 0; i < n && !detached; i += step) {
                size_t k;
                detached = detach_keys_filter(&d, (const uint8_t *) typed + i, MIN(step, n - i), (uint8_t *) out + len, &k);
                len += k;
        }
        out[len] = '\0';
        return detached;
}

static void test_filter(void **state) {
        static const struct {
                const char *keys, *typed, *out;
                bool detached;
        } cases[] = {
                { NULL, "hello", "hello", false },
                { NULL, "ab\x10\x11" "cd", "ab", true },
                { NULL, "ab\x10", "ab", false },           /* held back */
                { NULL, "ab\x10x\x11", "ab\x10x\x11", false },
                { NULL, "\x10\x10\x11", "\x10", true },
                { "a,a,b", "aaab", "a", true },
                { "a,b,a,c", "ababac", "ab", true },
                { "a,b,a,c", "abaxabac", "abax", true },
                { "", "\x10\x11", "\x10\x11", false },
                { "q", "q", "", true },
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                for (size_t step = 1; step < 10; step++) {
                        char out[128];
                        assert_int_equal(type(cases[i].keys, cases[i].typed, step, out), cases[i].detached);
                        assert_string_equal(out, cases[i].out);
                }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_parse_bad),
                cmocka_unit_test(test_filter),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
