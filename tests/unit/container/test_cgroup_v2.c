/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The v2 driver on a hybrid machine: in a mount namespace of its own, whose /sys/fs/cgroup is the v2 tree.  That tree
 * has few controllers, so limits are refused by name; the device filter, the freezer, kill and CLONE_INTO_CGROUP are
 * all there.
 */
#include "box.h"

#include "container/cgroup.h"

#include <linux/magic.h>
#include <sched.h>
#include <sys/vfs.h>

static bool enter_v2(void) {
        struct statfs fs;
        if (!box_possible())
                return false;
        if (statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
                return true;
        if (statfs("/sys/fs/cgroup/unified", &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
                return false;
        return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
               mount("/sys/fs/cgroup/unified", "/mnt", NULL, MS_BIND, NULL) == 0 &&
               umount2("/sys/fs/cgroup", MNT_DETACH) == 0 &&
               mount("/mnt", "/sys/fs/cgroup", NULL, MS_BIND, NULL) == 0 && umount2("/mnt", MNT_DETACH) == 0;
}
static bool v2;
#define NEED_V2()                                                                                                      \
        do {                                                                                                           \
                if (!v2)                                                                                               \
                        skip();                                                                                        \
        } while (0)

static void test_start(void **state) {
        NEED_V2();
        for (int userns = 0; userns < 2; userns++) {
                struct box *b = box_new(userns);
                const char *out = box_sh(
                        b,
                        "cat /proc/self/cgroup; cat /sys/fs/cgroup/cgroup.procs; ls /sys/fs/cgroup; cat /proc/self/mountinfo");
                has(out, "0::/\n");
                has(out, "cgroup.events");
                has(out, " /sys/fs/cgroup ro,nosuid,nodev,noexec");
                hasnt(out, "unified");
                box_free(b);
        }
}

static void test_device_filter(void **state) {
        NEED_V2();
        for (int filtered = 0; filtered < 2; filtered++) {
                struct box *b = box_new(false);
                b->d.limits.filter_devices = filtered;
                const char *out = box_sh(
                        b,
                        "mknod /tmp/control c 10 237; head -c 0 /tmp/control && echo control; head -c 1 /dev/zero > /dev/null && echo zero; "
                        "mknod /tmp/loop b 7 0 && echo node; head -c 0 /tmp/loop && echo loop");
                has(out, "zero\n");
                has(out, "node\n");
                if (filtered) {
                        hasnt(out, "\ncontrol\n");
                        has(out, "/tmp/control: Operation not permitted");
                        hasnt(out, "\nloop\n");
                } else
                        has(out, "control\n");
                box_free(b);
        }
}

static void test_read_only_device(void **state) {
        NEED_V2();
        struct box *b = box_new(false);
        size_t n = b->d.limits.n_device_rules;
        b->rules[n++] =
                (struct machine_device_rule){ false, 'c', 1, 5, false, true, false }; /* /dev/zero: no writing */
        b->d.limits.n_device_rules = n;
        const char *out = box_sh(b, "head -c 1 /dev/zero | wc -c; echo x > /dev/zero || echo refused");
        has(out, "1\n");
        has(out, "refused");
        box_free(b);
}

static void test_limits_without_controllers(void **state) {
        NEED_V2();
        struct box *b = box_new(true);
        char *argv[] = { (char *) (uintptr_t) "true", NULL };
        b->d.limits.memory_bytes = 64 << 20;
        if (box_start(b, argv) < 0) {
                has(b->err.msg, "memory.max");
                assert_int_equal(b->err.code, SOUK_UNSUPPORTED);
        } else
                box_end(b);
        box_free(b);
}

static void test_exec_and_pause(void **state) {
        NEED_V2();
        struct box *b = box_new(true);
        char *argv[] = { (char *) (uintptr_t) "sleep", (char *) (uintptr_t) "1000", NULL };
        int status;
        assert_int_equal(box_start(b, argv), 0);
        _cleanup_free_ char *out =
                box_exec(b, "cat /proc/self/cgroup; cat /sys/fs/cgroup/cgroup.procs | wc -l", "", &status);
        has(out, "0::/\n");
        assert_int_equal(container_backend.pause(b->id, NULL), 0);
        box_kill(b); /* frozen */
        box_free(b);
}

static void test_leftovers(void **state) {
        NEED_V2();
        struct box *b = box_new(false);
        b->d.ns[MACHINE_NS_PID].mode = MACHINE_NS_HOST;
        for (size_t i = 0; i < b->d.n_mounts; i++)
                if (b->mounts[i].kind == MACHINE_MOUNT_CGROUP)
                        b->mounts[i].attr = 0;
        char *argv[] = {
                (char *) (uintptr_t) "sh", (char *) (uintptr_t) "-c",
                (char *) (uintptr_t) "mkdir /sys/fs/cgroup/sub; (exec >/dev/null 2>&1; echo 0 > /sys/fs/cgroup/sub/cgroup.procs; while :; do sleep 0.01; done) & exit 0",
                NULL
        };
        assert_int_equal(box_start(b, argv), 0);
        box_end(b);
        box_free(b);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_start),
                cmocka_unit_test(test_device_filter),
                cmocka_unit_test(test_read_only_device),
                cmocka_unit_test(test_limits_without_controllers),
                cmocka_unit_test(test_exec_and_pause),
                cmocka_unit_test(test_leftovers),
        };
        v2 = enter_v2();
        int r = cmocka_run_group_tests(tests, NULL, NULL);
        container_parents_remove();
        return r;
}
