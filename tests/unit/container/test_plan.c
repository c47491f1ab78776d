/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plans against files in golden/: no privilege, no effect.  GOLDEN_WRITE=1 writes them anew. */
#include "container/container.h"
#include "container/plan.h"

#include "base/file.h"
#include "base/str.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mount.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define WORD(s) ((char *) (uintptr_t) (s))

struct fixture {
        struct machine_desc d;
        struct machine_mount mounts[16];
        struct machine_idmap map;
};

static void fill(struct fixture *f, const struct container_mounts_request *q) {
        static char *argv[] = { WORD("nginx"), WORD("-g"), WORD("daemon off;"), NULL };
        *f = (struct fixture){ .map = { 0, 1000000, 65536 } };
        f->d = (struct machine_desc){
                .id = "0123456789abcdef",
                .hostname = "web",
                .root = { .n_layers = 3,
                          .upper_fd = -EBADF,
                          .work_fd = -EBADF,
                          .dir_fd = -EBADF,
                          .idmap_layers = q->user_namespace },
                .mounts = f->mounts,
                .masked_paths = container_masked_paths(),
                .readonly_paths = container_readonly_paths(),
                .limits = { MACHINE_UNSET, MACHINE_UNSET, MACHINE_UNSET, MACHINE_UNSET, MACHINE_UNSET, NULL, NULL,
                            MACHINE_UNSET, .filter_devices = true },
                .process = { .argv = argv,
                             .umask = 022,
                             .oom_score_adj = MACHINE_UNSET,
                             .cap_bounding = CAPABILITIES_DEFAULT },
        };
        for (int i = 0; i < MACHINE_NS_MAX; i++)
                f->d.ns[i] = (struct machine_namespace){ i == MACHINE_NS_TIME ? MACHINE_NS_HOST : MACHINE_NS_PRIVATE,
                                                          -EBADF };
        f->d.n_mounts = container_default_mounts(q, f->mounts);
        f->d.n_devices = container_default_devices(&f->d.devices);
        f->d.limits.n_device_rules = container_default_device_rules(&f->d.limits.device_rules);
        if (q->user_namespace) {
                f->d.uid_map = f->d.gid_map = &f->map;
                f->d.n_uid_map = f->d.n_gid_map = 1;
        } else
                f->d.ns[MACHINE_NS_USER].mode = MACHINE_NS_HOST;
}

static void assert_golden(const char *name, const struct machine_desc *d, bool exec) {
        struct machine_plan *plan;
        struct souk_err err = {};
        _cleanup_free_ char *path = xasprintf("%s/golden/%s", TEST_SOURCE_DIR, name), *expected = NULL;
        size_t n;
        if ((exec ? container_plan_exec(d, &plan, &err) : container_backend.plan(d, &plan, &err)) < 0)
                fail_msg("%s", err.msg);
        _cleanup_free_ char *text = container_backend.plan_format(plan);
        container_backend.plan_free(plan);
        if (getenv("GOLDEN_WRITE"))
                assert_int_equal(file_replace(AT_FDCWD, path, 0644, text, strlen(text)), 0);
        assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &expected, &n), 0);
        assert_string_equal(text, expected);
}

static void test_default(void **state) {
        struct fixture f;
        fill(&f, &(struct container_mounts_request){ .user_namespace = true });
        assert_golden("default", &f.d, false);
}

static void test_all_options(void **state) {
        struct fixture f;
        struct machine_pair sysctls[] = { { "net.core.somaxconn", "1024" },
                                          { "net/ipv4/conf/eth0.100/rp_filter", "0" } };
        struct machine_rlimit rlimits[] = { { RLIMIT_NOFILE, 1024, 4096 },
                                            { RLIMIT_CORE, RLIM_INFINITY, RLIM_INFINITY } };
        struct machine_device devices[] = { { "/dev/fuse", "/dev/fuse", 'c', 10, 229, 0666, 0, 0 },
                                            { "/opt/tty", "/dev/tty", 'c', 5, 0, 0666, 0, 0 } };
        fill(&f, &(struct container_mounts_request){ .user_namespace = true, .shm_bytes = 1 << 20 });
        struct machine_desc *d = &f.d;
        f.mounts[d->n_mounts++] = (struct machine_mount){ .kind = MACHINE_MOUNT_BIND,
                                                           .source = "/srv/data",
                                                           .target = "/data",
                                                           .recursive = true,
                                                           .idmap = true,
                                                           .source_is_dir = true,
                                                           .attr = MOUNT_ATTR_RDONLY,
                                                           .propagation = MS_SLAVE };
        f.mounts[d->n_mounts++] = (struct machine_mount){
                .kind = MACHINE_MOUNT_TMPFS, .target = "/run", .copy_up = true, .options = "size=1m"
        };
        f.mounts[d->n_mounts++] =
                (struct machine_mount){ .kind = MACHINE_MOUNT_BIND, .source = "/srv/x", .target = "/dev/x" };
        d->domainname = "example.org";
        d->devices = devices;
        d->n_devices = 2;
        d->sysctls = sysctls;
        d->n_sysctls = 2;
        d->init = true;
        d->new_keyring = true;
        d->root.read_only = true;
        d->seccomp = (struct machine_seccomp){ .insns = "", .n_insns = 500 };
        d->limits.memory_bytes = 64 << 20;
        d->limits.memory_swap_bytes = MACHINE_UNLIMITED;
        d->limits.pids_max = 100;
        d->limits.cpu_quota_usec = 50000;
        d->limits.cpu_period_usec = 100000;
        d->limits.cpu_shares = 512;
        d->limits.cpuset_cpus = "0-1";
        d->process.user = "www-data:www-data";
        d->process.cwd = "/srv";
        d->process.terminal = true;
        d->process.no_new_privileges = true;
        d->process.rlimits = rlimits;
        d->process.n_rlimits = 2;
        assert_golden("all-options", d, false);
        assert_golden("exec", d, true);
}

static void test_host_namespaces(void **state) {
        struct fixture f;
        fill(&f, &(struct container_mounts_request){
                         .user_namespace = true, .host_network = true, .host_pid = true, .host_ipc = true });
        f.d.ns[MACHINE_NS_NET].mode = f.d.ns[MACHINE_NS_PID].mode = f.d.ns[MACHINE_NS_IPC].mode = MACHINE_NS_HOST;
        assert_golden("host-namespaces", &f.d, false);
}

static void test_joined(void **state) {
        struct fixture f;
        fill(&f, &(struct container_mounts_request){ .user_namespace = true });
        f.d.ns[MACHINE_NS_NET].mode = f.d.ns[MACHINE_NS_PID].mode = f.d.ns[MACHINE_NS_IPC].mode = MACHINE_NS_JOIN;
        assert_golden("joined", &f.d, false);
}

static void test_privileged(void **state) {
        struct fixture f;
        fill(&f, &(struct container_mounts_request){ .privileged = true });
        f.d.masked_paths = f.d.readonly_paths = NULL;
        f.d.limits.filter_devices = false;
        f.d.process.cap_bounding = 0x1ffffffffff;
        assert_golden("privileged-host-users", &f.d, false);
}

static void test_bundle(void **state) {
        struct fixture f;
        fill(&f, &(struct container_mounts_request){ 0 });
        f.d.root = (struct machine_root){ .dir_fd = 3, .upper_fd = -EBADF, .work_fd = -EBADF };
        f.mounts[1].target = "/elsewhere"; /* no /dev of our own: nodes are bound */
        assert_golden("bundle", &f.d, false);
}

static void assert_refused(const struct machine_desc *d, enum souk_code code, const char *text) {
        struct machine_plan *plan = NULL;
        struct souk_err err = {};
        assert_true(container_backend.plan(d, &plan, &err) < 0);
        assert_null(plan);
        assert_int_equal(err.code, code);
        if (!strstr(err.msg, text))
                fail_msg("expected '%s' in: %s", text, err.msg);
}

static void test_refused(void **state) {
        static const char *const ids[] = { "", "a/b", "..", ".x", "a b", "a\n" };
        struct machine_pair sysctl = { "../x", "1" };
        struct machine_mount many[300];
        struct fixture f;
        const struct container_mounts_request q = { .user_namespace = true };
        for (size_t i = 0; i < ELEMENTSOF(ids); i++) {
                fill(&f, &q);
                f.d.id = ids[i];
                assert_refused(&f.d, SOUK_INVALID, "container id");
        }
        fill(&f, &q);
        f.d.process.argv = (char *const[]){ NULL };
        assert_refused(&f.d, SOUK_INVALID, "no command");
        fill(&f, &q);
        f.d.ns[MACHINE_NS_MOUNT].mode = MACHINE_NS_HOST;
        assert_refused(&f.d, SOUK_UNSUPPORTED, "mount namespace");
        fill(&f, &q);
        f.d.ns[MACHINE_NS_USER].mode = MACHINE_NS_JOIN;
        assert_refused(&f.d, SOUK_UNSUPPORTED, "user namespace");
        fill(&f, &q);
        f.d.ns[MACHINE_NS_TIME].mode = MACHINE_NS_PRIVATE;
        assert_refused(&f.d, SOUK_UNSUPPORTED, "time namespace");
        fill(&f, &q);
        f.d.n_uid_map = 0;
        assert_refused(&f.d, SOUK_INVALID, "map of ids");
        fill(&f, &q);
        f.d.init = true;
        f.d.ns[MACHINE_NS_PID].mode = MACHINE_NS_HOST;
        assert_refused(&f.d, SOUK_INVALID, "--init");
        fill(&f, &q);
        f.mounts[0].target = "relative";
        assert_refused(&f.d, SOUK_INVALID, "relative");
        fill(&f, &q);
        f.mounts[0].target = "/";
        assert_refused(&f.d, SOUK_INVALID, "not the root");
        fill(&f, &q);
        f.d.sysctls = &sysctl;
        f.d.n_sysctls = 1;
        assert_refused(&f.d, SOUK_INVALID, "sysctl");
        fill(&f, &q);
        for (size_t i = 0; i < ELEMENTSOF(many); i++)
                many[i] = (struct machine_mount){ .kind = MACHINE_MOUNT_BIND, .target = "/x" };
        f.d.mounts = many;
        f.d.n_mounts = ELEMENTSOF(many);
        assert_refused(&f.d, SOUK_LIMIT, "300 mounts");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_default),         cmocka_unit_test(test_all_options),
                cmocka_unit_test(test_host_namespaces), cmocka_unit_test(test_joined),
                cmocka_unit_test(test_privileged),      cmocka_unit_test(test_bundle),
                cmocka_unit_test(test_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
