/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SHA-256 of texts: the examples of FIPS 180-4, and each length around the ends of blocks against sha256sum's answers. */
#include "wire/sha256.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void test_known(void **state) {
        static const struct {
                const char *text, *hex;
        } rows[] = {
                { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
                { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
                { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
                { "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrst"
                  "nopqrstu",
                  "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1" },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct digest d;
                sha256_text(rows[i].text, strlen(rows[i].text), &d);
                assert_string_equal(d.hex, rows[i].hex);
        }
}

static void test_million(void **state) {
        _cleanup_free_ char *text = xmalloc(1000000);
        struct digest d;
        memset(text, 'a', 1000000);
        sha256_text(text, 1000000, &d);
        assert_string_equal(d.hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* The digest of the digests of "", "x", "xx" ... up to 300: made by
 * for i in $(seq 0 299); do head -c $i /dev/zero | tr '\0' x | sha256sum | cut -c1-64 | tr -d '\n'; done | sha256sum */
static void test_lengths(void **state) {
        char text[300], all[300 * DIGEST_HEX_LEN];
        struct digest d;
        memset(text, 'x', sizeof(text));
        for (size_t n = 0; n < sizeof(text); n++) {
                sha256_text(text, n, &d);
                memcpy(all + n * DIGEST_HEX_LEN, d.hex, DIGEST_HEX_LEN);
        }
        sha256_text(all, sizeof(all), &d);
        assert_string_equal(d.hex, "3d495ac8356e73941898cd69a28db2416d82a39572f771b3306e99afe7e013e0");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_known),
                cmocka_unit_test(test_million),
                cmocka_unit_test(test_lengths),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
