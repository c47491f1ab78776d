/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of an index's platforms is for this machine. */
#include "wire/platform.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static unsigned fit(const char *machine, const char *os, const char *architecture, const char *variant) {
        struct descriptor d = {
                .platform_os = (char *) (uintptr_t) os,
                .platform_architecture = (char *) (uintptr_t) architecture,
                .platform_variant = (char *) (uintptr_t) variant,
        };
        return platform_fit(machine, &d);
}

static void test_names(void **state) {
        assert_string_equal(platform_architecture("x86_64"), "amd64");
        assert_string_equal(platform_architecture("aarch64"), "arm64");
        assert_string_equal(platform_architecture("armv7l"), "arm");
        assert_string_equal(platform_architecture("loongarch64"), "loong64");
        assert_string_equal(platform_architecture("newcpu"), "newcpu");
}

static void test_fit(void **state) {
        assert_int_equal(fit("x86_64", "windows", "amd64", NULL), 0);
        assert_int_equal(fit("x86_64", "linux", "arm64", NULL), 0);
        assert_int_equal(fit("x86_64", "unknown", "unknown", NULL), 0);
        assert_true(fit("x86_64", NULL, NULL, NULL) > 0);
        assert_true(fit("x86_64", "linux", "amd64", NULL) > fit("x86_64", NULL, NULL, NULL));
        assert_true(fit("x86_64", "linux", "amd64", NULL) > fit("x86_64", "linux", "amd64", "v3"));
        assert_true(fit("x86_64", "linux", "amd64", "v3") > 0);
        assert_int_equal(fit("aarch64", "linux", "arm64", NULL), fit("aarch64", "linux", "arm64", "v8"));
        assert_true(fit("newcpu", "linux", "newcpu", "v9") > 0);
}

static void test_arm(void **state) {
        assert_true(fit("armv7l", "linux", "arm", "v7") > fit("armv7l", "linux", "arm", "v6"));
        assert_true(fit("armv7l", "linux", "arm", "v6") > fit("armv7l", "linux", "arm", "v5"));
        assert_int_equal(fit("armv6l", "linux", "arm", "v7"), 0); /* it would not run */
        assert_true(fit("armv6l", "linux", "arm", "v6") > 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_fit),
                cmocka_unit_test(test_arm),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
