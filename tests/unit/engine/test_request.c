/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests to specifications: defaults, joining with the image, and that each wrong value is refused by its option's name. */
#include "engine/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

static char *image_cmd[] = { (char *) "sh", (char *) "-c", NULL };
static char *image_entry[] = { (char *) "/init", NULL };
static char *image_env[] = { (char *) "PATH=/bin", (char *) "A=image", NULL };
static char *image_labels[] = { (char *) "k=image", (char *) "x=y", NULL };

static struct image_config image(void) {
        return (struct image_config){ .cmd = image_cmd, .env = image_env, .labels = image_labels };
}

static int to_spec(const struct souk_create_request *r, struct instance_spec *s, struct souk_err *err) {
        struct image_config i = image();
        struct souk_create_request q = *r;
        if (!q.image)
                q.image = "box";
        return request_to_spec(&q, &i, ID, s, err);
}

static void test_defaults(void **state) {
        struct instance_spec s = {};
        struct souk_err err = {};
        assert_int_equal(to_spec(&(struct souk_create_request){}, &s, &err), 0);
        _cleanup_strv_ char **args = instance_spec_args(&s);
        assert_int_equal(strv_len(args), 2);
        assert_string_equal(args[0], "sh");
        assert_string_equal(s.hostname, "0123456789ab");
        assert_string_equal(env_get(s.env, "PATH"), "/bin");
        assert_string_equal(env_get(s.env, "HOSTNAME"), "0123456789ab");
        assert_null(env_get(s.env, "TERM"));
        assert_string_equal(s.userns, "private");
        assert_string_equal(s.network, "private");
        assert_string_equal(s.cwd, "/");
        assert_string_equal(s.stop_signal, "TERM");
        assert_int_equal(s.stop_timeout_usec, 10000000);
        assert_int_equal(s.memory_bytes, SPEC_UNSET);
        assert_int_equal(s.pids_limit, 2048);
        assert_int_equal(s.shm_bytes, 64 << 20);
        instance_spec_clear(&s);
}

static void test_command(void **state) {
        struct instance_spec s = {};
        struct image_config i = image();
        struct souk_err err = {};
        i.entrypoint = image_entry;
        struct souk_create_request r = { .image = "box", .command = LIST("ls", "-l") };
        assert_int_equal(request_to_spec(&r, &i, ID, &s, &err), 0);
        _cleanup_strv_ char **a = instance_spec_args(&s);
        assert_string_equal(a[0], "/init");
        assert_string_equal(a[2], "-l");
        instance_spec_clear(&s);

        r = (struct souk_create_request){ .image = "box", .has_entrypoint = true, .entrypoint = LIST("/bin/echo") };
        assert_int_equal(request_to_spec(&r, &i, ID, &s, &err), 0);
        _cleanup_strv_ char **b = instance_spec_args(&s);
        assert_int_equal(strv_len(b), 1); /* the image's Cmd goes with its Entrypoint */
        instance_spec_clear(&s);

        r = (struct souk_create_request){ .image = "box", .has_entrypoint = true };
        assert_int_equal(request_to_spec(&r, &i, ID, &s, &err), -EINVAL);
        assert_non_null(strstr(err.msg, "no default command"));
}

static void test_joined(void **state) {
        struct instance_spec s = {};
        struct souk_err err = {};
        setenv("FROM_CALLER", "yes", 1);
        unsetenv("NOT_THERE");
        struct souk_create_request r = {
                .env = LIST("A=mine", "FROM_CALLER", "NOT_THERE", "EMPTY="), .labels = LIST("k=mine", "bare"), .tty = true,
                .memory = "64m", .memory_swap = "128m", .cpus = "0.5", .pids_limit = "-1", .workdir = "/a/../b//c/.",
                .ulimits = LIST("nofile=10:20", "core=-1"), .cap_add = LIST("NET_ADMIN"), .hostname = "h1",
                .sysctls = LIST("net/core/somaxconn=5"), .add_host = LIST("db:10.0.0.1", "six:[::1]"),
                .security_opt = LIST("no-new-privileges", "seccomp=unconfined"), .stop_signal = "SIGINT",
        };
        assert_int_equal(to_spec(&r, &s, &err), 0);
        assert_string_equal(env_get(s.env, "A"), "mine");
        assert_string_equal(env_get(s.env, "FROM_CALLER"), "yes");
        assert_null(env_get(s.env, "NOT_THERE"));
        assert_string_equal(env_get(s.env, "EMPTY"), "");
        assert_string_equal(env_get(s.env, "TERM"), "xterm");
        assert_string_equal(env_get(s.labels, "k"), "mine");
        assert_string_equal(env_get(s.labels, "bare"), "");
        assert_string_equal(env_get(s.labels, "x"), "y");
        assert_int_equal(s.memory_bytes, 64 << 20);
        assert_int_equal(s.memory_swap_bytes, 128 << 20);
        assert_int_equal(s.cpu_quota_usec, 50000);
        assert_int_equal(s.pids_limit, -1);
        assert_string_equal(s.cwd, "/b/c");
        assert_int_equal(s.rlimits[0].soft, 10);
        assert_int_equal(s.rlimits[1].hard, -1);
        assert_string_equal(s.sysctls[0], "net.core.somaxconn=5");
        assert_string_equal(s.add_host[1], "six:::1");
        assert_true(s.no_new_privileges);
        assert_string_equal(s.seccomp, "unconfined");

        /* the record gives back what went in */
        struct instance_spec again = {};
        _cleanup_free_ char *text = instance_spec_format(&s);
        assert_int_equal(instance_spec_parse(text, &again, &err), 0);
        _cleanup_free_ char *text2 = instance_spec_format(&again);
        assert_string_equal(text, text2);
        instance_spec_clear(&again);
        instance_spec_clear(&s);
}

static void test_files(void **state) {
        struct instance_spec s = {};
        struct souk_err err = {};
        struct souk_create_request r = {
                .volumes = LIST("/srv/data:/data:ro,noexec", "./here:/here"),
                .mounts = LIST("type=bind,src=/etc,dst=/host-etc,readonly,bind-propagation=rslave", "type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=700"),
                .tmpfs = LIST("/run:size=64k,mode=1777,exec"),
                .devices = LIST("/dev/null:/dev/zip:r", "/dev/zero:rw"),
                .shm_size = "1m",
        };
        assert_int_equal(to_spec(&r, &s, &err), 0);
        assert_int_equal(s.n_mounts, 5);
        assert_string_equal(s.mounts[0].source, "/srv/data");
        assert_true(s.mounts[0].read_only && s.mounts[0].no_exec && s.mounts[0].create_source);
        assert_int_equal(s.mounts[1].source[0], '/');
        assert_string_equal(s.mounts[2].propagation, "rslave");
        assert_false(s.mounts[2].create_source);
        assert_string_equal(s.mounts[3].options, "size=1048576,mode=700");
        assert_string_equal(s.mounts[4].options, "size=65536,mode=1777");
        assert_false(s.mounts[4].no_exec);
        assert_true(s.mounts[4].no_suid);
        assert_string_equal(s.devices[0].path, "/dev/zip");
        assert_true(s.devices[0].read && !s.devices[0].write);
        assert_string_equal(s.devices[1].path, "/dev/zero");
        assert_int_equal(s.shm_bytes, 1 << 20);
        instance_spec_clear(&s);
}

/* Each row: a request that must be refused, and words that the message must have. */
static void test_refused(void **state) {
        const struct {
                struct souk_create_request r;
                const char *words;
        } rows[] = {
                { { .memory = "12q" }, "--memory 12q" },
                { { .memory = "1k" }, "--memory 1k" },
                { { .memory_swap = "1g" }, "--memory-swap 1g: needs --memory" },
                { { .memory = "1g", .memory_swap = "1m" }, "--memory-swap 1m: is below" },
                { { .cpus = "100000" }, "--cpus 100000" },
                { { .cpus = "nan" }, "--cpus nan" },
                { { .cpus = "-1" }, "--cpus -1" },
                { { .cpu_shares = "1" }, "--cpu-shares" },
                { { .cpuset_cpus = "3-1" }, "--cpuset-cpus" },
                { { .cpuset_cpus = "1,," }, "--cpuset-cpus" },
                { { .pids_limit = "many" }, "--pids-limit" },
                { { .ulimits = LIST("nofile") }, "--ulimit nofile" },
                { { .ulimits = LIST("nofiles=1") }, "no such limit" },
                { { .ulimits = LIST("nofile=5:4") }, "above the hard" },
                { { .workdir = "relative" }, "--workdir relative" },
                { { .stop_signal = "SIGNOPE" }, "--stop-signal SIGNOPE" },
                { { .hostname = "a b" }, "--hostname" },
                { { .hostname = "x", .uts = "host" }, "--uts host" },
                { { .userns = "keep-id" }, "--userns keep-id" },
                { { .pid = "container:" }, "--pid" },
                { { .network = "bridge" }, "no bridge networks yet" },
                { { .network = "nope" }, "no such network" },
                { { .volumes = LIST("data:/x") }, "named volumes are not supported yet" },
                { { .volumes = LIST("/a:b") }, "must be absolute" },
                { { .volumes = LIST("/a:/b:what") }, "unknown option 'what'" },
                { { .volumes = LIST("/a:/") }, "cannot be '/'" },
                { { .volumes = LIST("/a:/proc") }, "/proc" },
                { { .volumes = LIST("/a:/x/../proc//sys/") }, "/proc" },
                { { .tmpfs = LIST("/proc/meminfo") }, "/proc" },
                { { .tmpfs = LIST("/dev") }, "needs what is there" },
                { { .volumes = LIST("/a:/b", "/c:/b/") }, "same target" },
                { { .mounts = LIST("type=volume,dst=/x") }, "type=volume is not supported yet" },
                { { .mounts = LIST("type=bind,dst=/x") }, "source=PATH is missing" },
                { { .mounts = LIST("type=bind,src=/x") }, "target=PATH is missing" },
                { { .mounts = LIST("type=tmpfs,dst=/x,src=/y") }, "'src' is not an option" },
                { { .tmpfs = LIST("/x:size=big") }, "--tmpfs" },
                { { .tmpfs = LIST("/x:frob") }, "unknown option 'frob'" },
                { { .devices = LIST("/dev/null:/x:q") }, "--device" },
                { { .devices = LIST("null") }, "--device" },
                { { .shm_size = "0" }, "--shm-size" },
                { { .shm_size = "15e" }, "--shm-size" }, /* more than a record can hold */
                { { .memory = "15e" }, "--memory 15e" },
                { { .memory = "1g", .memory_swap = "15e" }, "--memory-swap 15e" },
                { { .stop_timeout_usec = UINT64_MAX }, "--stop-timeout" },
                { { .security_opt = LIST("apparmor=x") }, "not supported yet" },
                { { .security_opt = LIST("frob") }, "--security-opt frob" },
                { { .security_opt = LIST("seccomp=/nonexistent.json") }, "seccomp=/nonexistent.json" },
                { { .sysctls = LIST("kernel.panic=1") }, "not a setting of a namespace" },
                { { .sysctls = LIST("net.ipv4.ip_forward=1"), .network = "host" }, "network namespace" },
                { { .sysctls = LIST("net..x=1") }, "--sysctl" },
                { { .add_host = LIST("a:b") }, "--add-host a:b" },
                { { .dns = LIST("not-an-address") }, "--dns" },
                { { .labels = LIST("=v") }, "--label" },
                { { .env = LIST("=v") }, "--env" },
                { { .env_files = LIST("/nonexistent") }, "--env-file /nonexistent" },
                { { .isolation = SOUK_ISOLATION_VM }, "--isolation vm" },
                { { .oom_score_adj = 2000 }, "--oom-score-adj" },
                { { .command = LIST("echo", "\xff") }, "not valid UTF-8" },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct instance_spec s = {};
                struct souk_err err = {};
                int r = to_spec(&rows[i].r, &s, &err);
                if (r >= 0 || !strstr(err.msg, rows[i].words))
                        fail_msg("row %zu: expected '%s', got %d '%s'", i, rows[i].words, r, err.msg);
        }
}

/* What is accepted at its extremes is still there when the record is read again. */
static void test_extremes(void **state) {
        struct instance_spec s = {}, again = {};
        struct souk_err err = {};
        struct souk_create_request r = {
                .shm_size = "7e", .memory = "7e", .memory_swap = "-1", .cpu_shares = "262144", .ulimits = LIST("nofile=0:9223372036854775807"),
                .stop_timeout_usec = INT64_MAX, .oom_score_adj = -1000, .env = LIST("A=\xc3\xa9\n\t\"\\\x01"),
        };
        if (to_spec(&r, &s, &err) < 0)
                fail_msg("%s", err.msg);
        _cleanup_free_ char *text = instance_spec_format(&s);
        if (instance_spec_parse(text, &again, &err) < 0)
                fail_msg("%s", err.msg);
        assert_true(again.shm_bytes == s.shm_bytes && again.memory_bytes == 7ll << 60 && again.memory_swap_bytes == -1);
        assert_true(again.stop_timeout_usec == INT64_MAX && again.oom_score_adj == -1000 && again.rlimits[0].hard == INT64_MAX);
        assert_string_equal(env_get(again.env, "A"), "\xc3\xa9\n\t\"\\\x01");
        instance_spec_clear(&s);
        instance_spec_clear(&again);
}

static void test_names(void **state) {
        struct souk_err err = {};
        assert_int_equal(request_name_check("web-1.a_b", &err), 0);
        assert_int_equal(request_name_check("-web", &err), -EINVAL);
        assert_int_equal(request_name_check("", &err), -EINVAL);
        assert_int_equal(request_name_check("a/b", &err), -EINVAL);
}

static void test_paths(void **state) {
        static const char *const rows[][2] = { { "/", "/" }, { "//a//b/", "/a/b" }, { "/a/./b", "/a/b" }, { "/../..", "/" },
                                               { "/a/b/../../c", "/c" }, { "/...", "/..." }, { "/a/..b", "/a/..b" } };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *p = path_normalize(rows[i][0]);
                assert_string_equal(p, rows[i][1]);
        }
        assert_null(path_normalize("a"));
        assert_null(path_normalize(""));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_defaults), cmocka_unit_test(test_command), cmocka_unit_test(test_joined),
                cmocka_unit_test(test_files),    cmocka_unit_test(test_refused), cmocka_unit_test(test_names),
                cmocka_unit_test(test_paths),    cmocka_unit_test(test_extremes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
