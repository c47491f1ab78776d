/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record form of a specification: what goes in comes out, and a damaged record is named. */
#include "wire/spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const char full[] =
        "{\"isolation\":\"container\",\"entrypoint\":[\"/e\"],\"cmd\":[\"a\",\"b\"],\"env\":[\"A=1\"],\"cwd\":\"/w\",\"user\":\"1:2\",\"groups\":[\"3\"],"
        "\"tty\":true,\"openStdin\":true,\"init\":true,\"stopSignal\":\"TERM\",\"stopTimeoutUsec\":10000000,\"labels\":[\"k=v\"],\"readOnly\":true,"
        "\"shmBytes\":67108864,\"memoryBytes\":-9223372036854775808,\"memorySwapBytes\":-1,\"cpuQuotaUsec\":50000,\"cpuPeriodUsec\":100000,"
        "\"cpuShares\":512,\"pidsLimit\":2048,\"cpusetCpus\":\"0-1\",\"oomScoreAdj\":-5,\"capAdd\":[\"NET_ADMIN\"],\"capDrop\":[\"ALL\"],"
        "\"seccomp\":\"unconfined\",\"noNewPrivileges\":true,\"privileged\":true,\"userns\":\"private\",\"pid\":\"host\",\"ipc\":\"private\","
        "\"uts\":\"private\",\"cgroupns\":\"private\",\"network\":\"none\",\"hostname\":\"h\",\"domainname\":\"d\",\"addHost\":[\"db:10.0.0.1\"],"
        "\"dns\":[\"1.1.1.1\"],\"dnsSearch\":[\"x\"],\"dnsOption\":[\"ndots:1\"],\"sysctls\":[\"a=b\"],"
        "\"mounts\":[{\"source\":\"/s\",\"target\":\"/t\",\"propagation\":\"rslave\",\"readOnly\":true,\"noSuid\":true,\"noDev\":true,\"noExec\":true,"
        "\"nonRecursive\":true,\"noIdmap\":true,\"createSource\":true,\"type\":\"bind\"},{\"target\":\"/tmp\",\"options\":\"size=1\",\"type\":\"tmpfs\"}],"
        "\"devices\":[{\"source\":\"/dev/null\",\"path\":\"/dev/n\",\"read\":true,\"write\":true,\"mknod\":true}],"
        "\"rlimits\":[{\"name\":\"nofile\",\"soft\":10,\"hard\":-1}]}";

static void test_round_trip(void **state) {
        struct instance_spec s = {};
        struct souk_err err = {};
        assert_int_equal(instance_spec_parse(full, &s, &err), 0);
        assert_true(s.memory_bytes == SPEC_UNSET);
        assert_int_equal(s.n_mounts, 2);
        assert_int_equal(s.mounts[0].type, SPEC_MOUNT_BIND);
        assert_int_equal(s.mounts[1].type, SPEC_MOUNT_TMPFS);
        assert_int_equal(s.rlimits[0].hard, -1);
        _cleanup_free_ char *text = instance_spec_format(&s);
        assert_string_equal(text, full); /* no field is forgotten on either way */
        instance_spec_clear(&s);
        instance_spec_clear(&s);
}

static void test_empty(void **state) {
        struct instance_spec s = {}, again = {};
        struct souk_err err = {};
        _cleanup_free_ char *text = instance_spec_format(&s);
        assert_int_equal(instance_spec_parse(text, &again, &err), 0);
        assert_null(instance_spec_args(&again));
        instance_spec_clear(&again);
        assert_int_equal(instance_spec_parse("{\"newer\":{\"x\":[1]},\"cmd\":[\"x\"]}", &again, &err), 0); /* a record of a newer program */
        _cleanup_strv_ char **args = instance_spec_args(&again);
        assert_int_equal(strv_len(args), 1);
        instance_spec_clear(&again);
}

static void test_texts_of_any_kind(void **state) {
        struct instance_spec s = {}, again = {};
        struct souk_err err = {};
        strv_push(&s.env, "A=\"\\\n\t\x01\x7f \xc3\xa9");
        strv_push(&s.env, "");
        s.user = xstrdup("");
        s.seccomp = xstrdup("{\"defaultAction\":\"SCMP_ACT_ALLOW\"}");
        _cleanup_free_ char *text = instance_spec_format(&s);
        assert_int_equal(instance_spec_parse(text, &again, &err), 0);
        assert_string_equal(again.env[0], s.env[0]);
        assert_string_equal(again.env[1], "");
        assert_string_equal(again.user, "");
        assert_string_equal(again.seccomp, s.seccomp);
        instance_spec_clear(&s);
        instance_spec_clear(&again);
}

static void test_damaged(void **state) {
        static const struct {
                const char *text, *words;
        } rows[] = {
                { "", "not valid JSON" },
                { "[]", "$: expected an object" },
                { "{\"tty\":1}", "$.tty" },
                { "{\"env\":[1]}", "$.env" },
                { "{\"env\":[\"A\"],\"env\":[]}", "not valid JSON" },
                { "{\"shmBytes\":-1}", "$.shmBytes" },
                { "{\"mounts\":{}}", "$.mounts: expected an array" },
                { "{\"mounts\":[1]}", "$.mounts[0]" },
                { "{\"mounts\":[{\"type\":\"bind\"},{\"source\":\"/x\",\"type\":\"nfs\"}]}", "$.mounts[1].type: 'nfs'" },
                { "{\"mounts\":[{}]}", "$.mounts[0].type" },
                { "{\"devices\":[{\"path\":\"/x\"},{\"path\":7}]}", "$.devices[1].path" },
                { "{\"rlimits\":[{\"name\":\"x\",\"soft\":\"1\"}]}", "$.rlimits[0].soft" },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct instance_spec s = {};
                struct souk_err err = {};
                if (instance_spec_parse(rows[i].text, &s, &err) >= 0 || err.code != SOUK_CORRUPT || !strstr(err.msg, rows[i].words))
                        fail_msg("%s: %s", rows[i].text, err.msg);
                assert_null(s.env);
        }
}

/* Cut anywhere, a record is refused, and nothing leaks. */
static void test_truncated(void **state) {
        for (size_t n = 0; n + 1 < sizeof(full) - 1; n++) {
                _cleanup_free_ char *text = xstrndup(full, n);
                struct instance_spec s = {};
                struct souk_err err = {};
                assert_true(instance_spec_parse(text, &s, &err) < 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip), cmocka_unit_test(test_empty), cmocka_unit_test(test_texts_of_any_kind),
                cmocka_unit_test(test_damaged),    cmocka_unit_test(test_truncated),
        };
        return cmocka_run_group_tests_name("spec", tests, NULL, NULL);
}
