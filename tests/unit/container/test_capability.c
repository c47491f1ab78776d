/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "container/container.h"

#include "base/str.h"

#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void test_parse(void **state) {
        uint64_t bits;
        assert_int_equal(capability_parse("NET_ADMIN", &bits), 0);
        assert_int_equal(bits, UINT64_C(1) << CAP_NET_ADMIN);
        assert_int_equal(capability_parse("cap_net_admin", &bits), 0);
        assert_int_equal(bits, UINT64_C(1) << CAP_NET_ADMIN);
        assert_int_equal(capability_parse("Cap_Checkpoint_Restore", &bits), 0);
        assert_int_equal(bits, UINT64_C(1) << 40);
        assert_int_equal(capability_parse("all", &bits), 0);
        assert_int_equal(bits, capability_all());
        assert_true(bits & UINT64_C(1) << CAP_BPF);
        assert_false(bits & UINT64_C(1) << 63);
        static const char *const bad[] = { "", "CAP_", "NET", "CAP_CAP_KILL", "NET_ADMIN ", "12" };
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(capability_parse(bad[i], &bits), -EINVAL);
}

static void test_names(void **state) {
        for (unsigned i = 0; i <= 40; i++) {
                uint64_t bits;
                assert_int_equal(capability_parse(capability_name(i), &bits), 0);
                assert_int_equal(bits, UINT64_C(1) << i);
        }
        assert_null(capability_name(41));
        assert_string_equal(capability_name(CAP_SYS_ADMIN), "CAP_SYS_ADMIN");
}

static void test_default_set(void **state) {
        static const char *const names[] = {
                "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "NET_BIND_SERVICE", "NET_RAW", "SYS_CHROOT",
                "MKNOD", "AUDIT_WRITE", "SETFCAP",
        };
        uint64_t all = 0, bits;
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                assert_int_equal(capability_parse(names[i], &bits), 0);
                all |= bits;
        }
        assert_int_equal(all, CAPABILITIES_DEFAULT);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_parse), cmocka_unit_test(test_names), cmocka_unit_test(test_default_set) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
