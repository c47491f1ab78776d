/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Digests as text: only the one canonical form is accepted. */
#include "test.h"

#include "base/digest.h"
#include "base/str.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_round_trip(void **state) {
        struct digest d = {};
        char text[DIGEST_STR_SIZE];
        assert_int_equal(digest_parse("sha256:" HEX, &d), 0);
        assert_string_equal(d.hex, HEX);
        assert_string_equal(digest_format(&d, text), "sha256:" HEX);
        struct digest same = d, other = d;
        other.hex[63] = '0';
        assert_true(digest_equal(&d, &same));
        assert_false(digest_equal(&d, &other));
}

static void test_refused(void **state) {
        static const struct {
                const char *text;
                int r;
        } rows[] = {
                { "", -EINVAL },
                { ":" HEX, -EINVAL },
                { HEX, -EINVAL },
                { "sha256:", -EINVAL },
                { "sha256:" HEX "0", -EINVAL },
                { "sha256:" HEX "\n", -EINVAL },
                { "sha256:123", -EINVAL },
                { "sha256: 123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", -EINVAL },
                { "sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", -EINVAL },
                { "sha256:../../../../../../../../../../../../../../../../../../../etc/pwd", -EINVAL },
                { "sha512:" HEX HEX, -EOPNOTSUPP },
                { "SHA256:" HEX, -EOPNOTSUPP },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct digest d = { .hex = "untouched" };
                assert_int_equal(digest_parse(rows[i].text, &d), rows[i].r);
                assert_string_equal(d.hex, "untouched");
        }
}

static void test_is_hex(void **state) {
        assert_true(digest_is_hex(HEX));
        assert_false(digest_is_hex(""));
        assert_false(digest_is_hex(HEX "0"));
        assert_false(digest_is_hex(HEX + 1));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_is_hex),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
