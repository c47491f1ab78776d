/* SPDX-License-Identifier: GPL-2.0-or-later */
/* References to images: completion of short names, the grammar, and what is said of a wrong one. */
#include "wire/ref.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX

static void test_normalize(void **state) {
        static const struct {
                const char *given, *full, *familiar;
        } rows[] = {
                { "box", "docker.io/library/box:latest", "box:latest" },
                { "box:1.0", "docker.io/library/box:1.0", "box:1.0" },
                { "user/box", "docker.io/user/box:latest", "user/box:latest" },
                { "library/box", "docker.io/library/box:latest", "box:latest" },
                { "docker.io/box", "docker.io/library/box:latest", "box:latest" },
                { "index.docker.io/box", "docker.io/library/box:latest", "box:latest" },
                { "docker.io/a/b/c", "docker.io/a/b/c:latest", "a/b/c:latest" },
                { "docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest" },
                { "docker.io/reg.example/box", "docker.io/reg.example/box:latest", "docker.io/reg.example/box:latest" }, /* not reg.example's */
                { "docker.io/localhost/box:1", "docker.io/localhost/box:1", "docker.io/localhost/box:1" },
                { "docker.io/library/" HEX, "docker.io/library/" HEX ":latest", "library/" HEX ":latest" }, /* not an id */
                { "localhost/box", "localhost/box:latest", "localhost/box:latest" },
                { "localhost:5000/a/b:v1", "localhost:5000/a/b:v1", "localhost:5000/a/b:v1" },
                { "registry.example/box", "registry.example/box:latest", "registry.example/box:latest" },
                { "REG.example:443/box", "REG.example:443/box:latest", "REG.example:443/box:latest" },
                { "[::1]:5000/box", "[::1]:5000/box:latest", "[::1]:5000/box:latest" },
                { "[2001:db8::1]/box", "[2001:db8::1]/box:latest", "[2001:db8::1]/box:latest" },
                { "box@" DIGEST, "docker.io/library/box@" DIGEST, "box@" DIGEST },
                { "box:t@" DIGEST, "docker.io/library/box:t@" DIGEST, "box:t@" DIGEST },
                { "a-b__c.d---e", "docker.io/library/a-b__c.d---e:latest", "a-b__c.d---e:latest" },
                { "box:_T.-x", "docker.io/library/box:_T.-x", "box:_T.-x" },
                { "0", "docker.io/library/0:latest", "0:latest" },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct souk_err err = {};
                _cleanup_free_ char *full = NULL, *again = NULL;
                assert_int_equal(image_ref_normalize(rows[i].given, &full, &err), 0);
                assert_string_equal(full, rows[i].full);
                _cleanup_free_ char *familiar = image_ref_familiar(full);
                assert_string_equal(familiar, rows[i].familiar);
                assert_int_equal(image_ref_normalize(familiar, &again, &err), 0); /* people can type what they see */
                assert_string_equal(again, full);
        }
}

static void test_parts(void **state) {
        struct image_ref r = {};
        struct souk_err err = {};
        assert_int_equal(image_ref_parse("localhost:5000/a/b:v1@" DIGEST, &r, &err), 0);
        assert_string_equal(r.registry, "localhost:5000");
        assert_string_equal(r.repository, "a/b");
        assert_string_equal(r.tag, "v1");
        assert_string_equal(r.digest, DIGEST);
        image_ref_clear(&r);
        image_ref_clear(&r); /* of nothing */
        assert_int_equal(image_ref_parse("box@" DIGEST, &r, &err), 0);
        assert_null(r.tag);
        image_ref_clear(&r);
}

static void test_refused(void **state) {
        static const struct {
                const char *name, *words;
        } rows[] = {
                { "", "empty" },
                { "Box", "lower case" },
                { "user/boX", "lower case" },
                { "box:", "tag after ':' is empty" },
                { "box:.x", "must start with" },
                { "box:a b", "tag has a character" },
                { "box:a:b", "tag has a character" },
                { "box:\xc3\xa9", "tag" },
                { "b\xc3\xa9x", "not allowed" },
                { "box ", "not allowed" },
                { "/box", "" },
                { "box/", "does not start with" },
                { "a//b", "does not start with" },
                { "../etc", "" },
                { "a/../b", "does not start with" },
                { "-a", "does not start with" },
                { "a-", "does not end with" },
                { "a..b", "does not end with" },
                { "a___b", "not allowed" },
                { "a._b", "does not end with" },
                { "box@", "comes a digest" },
                { "box@sha256:00", "comes a digest" },
                { "box@sha512:" HEX HEX, "comes a digest" },
                { "box@" DIGEST "@" DIGEST, "comes a digest" },
                { HEX, "image's id" },
                { "reg.example:0/box", "port" },
                { "reg.example:65536/box", "port" },
                { "reg.example:x/box", "port" },
                { "-reg.example/box", "host name" },
                { "reg..example/box", "host name" },
                { "[::1/box", "brackets" },
                { "[]/box", "brackets" },
                { "[..]/box", "brackets" },
                { "[1:2]/box", "brackets" },
                { "reg.example/", "empty" },
                { "@" DIGEST, "empty" },
                { ":tag", "empty" },
                { "a\x1b[31m", "\\x1b" },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct souk_err err = {};
                char *full = NULL;
                if (image_ref_normalize(rows[i].name, &full, &err) != -EINVAL || err.code != SOUK_INVALID || !strstr(err.msg, rows[i].words))
                        fail_msg("'%s': %s (%s)", rows[i].name, err.msg, full);
                assert_null(full);
        }
}

static void test_long(void **state) {
        struct souk_err err = {};
        struct { size_t n; const char *prefix; int r; } rows[] = {
                { 128, "box:", 0 }, { 129, "box:", -EINVAL }, { 255 - 8, "", 0 }, { 256 - 8, "", -EINVAL }, { 255 - 2, "a/", 0 }, { 256 - 2, "a/", -EINVAL },
                { 5000, "", -EINVAL },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *x = xcalloc(rows[i].n + 1, 1), *full = NULL;
                memset(x, 'x', rows[i].n);
                _cleanup_free_ char *name = xasprintf("%s%s", rows[i].prefix, x);
                assert_int_equal(image_ref_normalize(name, &full, &err), rows[i].r);
        }
}

static void test_split(void **state) {
        static const struct {
                const char *full, *repository, *tag;
        } rows[] = {
                { "docker.io/library/box:latest", "box", "latest" },
                { "docker.io/user/box:1", "user/box", "1" },
                { "localhost:5000/a:b", "localhost:5000/a", "b" },
                { "localhost:5000/a@" DIGEST, "localhost:5000/a", "" },
                { "docker.io/library/box:1@" DIGEST, "box", "1" },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *repository = NULL, *tag = NULL;
                image_ref_split(rows[i].full, &repository, &tag);
                assert_string_equal(repository, rows[i].repository);
                assert_string_equal(tag, rows[i].tag);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_normalize), cmocka_unit_test(test_parts), cmocka_unit_test(test_refused),
                cmocka_unit_test(test_long),      cmocka_unit_test(test_split),
        };
        return cmocka_run_group_tests_name("ref", tests, NULL, NULL);
}
