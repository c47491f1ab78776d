/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a container is from the inside: ids, namespaces, mounts, devices, limits, the process. */
#include "box.h"

#include <sys/ioctl.h>
#include <sys/sysmacros.h>

static void test_basics(void **state) {
        BOX_NEED_ROOT();
        for (int userns = 0; userns < 2; userns++) {
                struct box *b = box_new(userns);
                const char *out = box_sh(
                        b, "id; hostname; echo pid $$; cat /proc/self/uid_map; cat /proc/self/status; pwd; env; umask");
                has(out, "uid=0(root) gid=0(root)");
                has(out, "\nbox\n");
                has(out, "pid 1\n");
                has(out, "Seccomp:\t2\n");
                has(out, "CapEff:\t00000000a80425fb\n");
                has(out, "CapPrm:\t00000000a80425fb\n");
                has(out, "CapBnd:\t00000000a80425fb\n");
                has(out, "CapInh:\t0000000000000000\n");
                has(out, "CapAmb:\t0000000000000000\n");
                has(out, "NoNewPrivs:\t0\n");
                has(out, "Groups:\t0 \n");
                has(out, "HOME=/root\n");
                has(out, "0022\n");
                if (userns)
                        has(out, "2000000000");
                else
                        hasnt(out, "2000000000");
                assert_int_equal(b->status, 0);
                assert_string_equal(b->run.warning, "");
                box_free(b);
        }
}

static void test_namespaces_are_new(void **state) {
        BOX_NEED_ROOT();
        static const char *const files[] = { "user", "mnt", "pid", "net", "ipc", "uts", "cgroup" };
        struct box *b = box_new(true);
        const char *out = box_sh(b, "for n in user mnt pid net ipc uts cgroup; do readlink /proc/self/ns/$n; done");
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                char path[32], own[64];
                snprintf(path, sizeof(path), "/proc/self/ns/%s", files[i]);
                ssize_t n = readlink(path, own, sizeof(own) - 1);
                assert_true(n > 0);
                own[n] = '\0';
                hasnt(out, own);
        }
        out = box_sh(b, "ifconfig; ls /sys/class/net; cat /proc/self/cgroup");
        has(out, "127.0.0.1");
        hasnt(out, "eth0");
        hasnt(out, "souk");
        box_free(b);
}

static void test_mounts(void **state) {
        BOX_NEED_ROOT();
        for (int userns = 0; userns < 2; userns++) {
                struct box *b = box_new(userns);
                const char *out = box_sh(b, "cat /proc/self/mountinfo; ls -la /dev /dev/pts; ls /sys/fs/cgroup");
                has(out, " / rw,relatime");
                has(out, " /proc rw,nosuid,nodev,noexec,relatime");
                has(out, " /sys ro,nosuid,nodev,noexec,relatime");
                has(out, " /dev rw,nosuid,relatime");
                has(out, " /dev/pts rw,nosuid,noexec,relatime");
                has(out, " /dev/shm rw,nosuid,nodev,noexec,relatime");
                has(out, "size=65536k");
                has(out, " /dev/mqueue rw,nosuid,nodev,noexec,relatime");
                has(out, "/sys/fs/cgroup");
                hasnt(out, "/oldroot");
                hasnt(out, "ext4");
                has(out, "ptmx -> pts/ptmx");
                has(out, "stdout -> /proc/self/fd/1");
                has(out, "core -> /proc/kcore");
                has(out, "crw-rw-rw-    1 root     root        1,   3");
                box_free(b);
        }
}

static void test_hidden_paths(void **state) {
        BOX_NEED_ROOT();
        for (int userns = 0; userns < 2; userns++) {
                struct box *b = box_new(userns);
                const char *out = box_sh(
                        b, "cat /proc/keys /proc/timer_list /proc/interrupts; ls /sys/firmware /proc/acpi | wc -w; "
                           "echo x > /proc/sys/kernel/msgmax; echo h > /proc/sysrq-trigger; touch /sys/x; echo done");
                hasnt(out, "cpu:");
                hasnt(out, "keyring");
                has(out, "2\n"); /* the two names, nothing in them */
                has(out, "/proc/sys/kernel/msgmax: Read-only file system");
                has(out, "done");
                box_free(b);
        }
}

static void test_process(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(true);
        b->d.process.user = "web";
        b->d.process.cwd = "/srv/work";
        b->d.process.umask = 027;
        b->d.process.no_new_privileges = true;
        const char *out =
                box_sh(b, "id; pwd; umask; env; cat /proc/self/status; ls -ld /srv/work; echo hello > /dev/stdout");
        has(out, "uid=33(web) gid=34(web) groups=34(web),40(logs)");
        has(out, "/srv/work\n");
        has(out, "0027");
        has(out, "HOME=/srv/web");
        has(out, "NoNewPrivs:\t1");
        has(out, "CapEff:\t0000000000000000");
        has(out, "CapPrm:\t0000000000000000");
        has(out, "CapBnd:\t00000000a80425fb");
        has(out, "hello");
        b->d.process.user = "33:disk";
        b->d.process.extra_groups = (char *const[]){ (char *) (uintptr_t) "logs", (char *) (uintptr_t) "77", NULL };
        b->env[1] = (char *) (uintptr_t) "HOME=/mine";
        out = box_sh(b, "id; env");
        has(out, "uid=33(web) gid=41(disk) groups=40(logs),41(disk),77");
        has(out, "HOME=/mine");
        hasnt(out, "HOME=/srv");
        b->d.process.user = "1234";
        b->d.process.extra_groups = NULL;
        has(box_sh(b, "id"), "uid=1234 gid=0(root) groups=0(root)");
        b->d.process.user = "nobody";
        assert_true(box_start(b, (char *const[]){ (char *) (uintptr_t) "id", NULL }) < 0);
        has(b->err.msg, "user 'nobody'");
        assert_int_equal(b->err.code, SOUK_INVALID);
        box_free(b);
}

static void test_ambient_capabilities(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(true);
        uint64_t bind;
        assert_int_equal(capability_parse("net_bind_service", &bind), 0);
        b->d.process.user = "web";
        b->d.process.cap_inheritable = b->d.process.cap_ambient = bind;
        const char *out = box_sh(b, "cat /proc/self/status");
        has(out, "CapEff:\t0000000000000400");
        has(out, "CapAmb:\t0000000000000400");
        box_free(b);
}

static void test_rlimits(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(true);
        struct machine_rlimit l[] = { { RLIMIT_NOFILE, 100, 200 }, { RLIMIT_CORE, 0, 0 } };
        b->d.process.rlimits = l;
        b->d.process.n_rlimits = 2;
        const char *out = box_sh(b, "cat /proc/self/limits");
        has(out, "Max open files            100                  200 ");
        has(out, "Max core file size        0                    0 ");
        l[0].soft = 300; /* above the hard one */
        assert_true(box_start(b, (char *const[]){ (char *) (uintptr_t) "true", NULL }) < 0);
        assert_int_equal(b->err.code, SOUK_INVALID);
        struct rlimit own;
        getrlimit(RLIMIT_NOFILE, &own);
        l[0].soft = l[0].hard = own.rlim_max * 4;
        if (box_start(b, (char *const[]){ (char *) (uintptr_t) "true", NULL }) < 0)
                has(b->err.msg, "CAP_SYS_RESOURCE");
        else
                box_end(b);
        box_free(b);
}

static void test_limits(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(true);
        b->d.limits.memory_bytes = 64 << 20;
        b->d.limits.pids_max = 10;
        b->d.limits.cpu_quota_usec = 50000;
        b->d.limits.cpu_period_usec = 100000;
        b->d.limits.cpu_shares = 512;
        b->d.limits.cpuset_cpus = "0";
        const char *out = box_sh(
                b,
                "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes pids/pids.max cpu/cpu.cfs_quota_us cpu/cpu.shares "
                "cpuset/cpuset.cpus memory.max pids.max 2>/dev/null; cat /proc/self/cgroup; grep Cpus_allowed_list /proc/self/status");
        has(out, "67108864\n");
        has(out, "\n10\n");
        has(out, "50000");
        has(out, "Cpus_allowed_list:\t0\n");
        out = box_sh(b, "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do sleep 1 & done; echo end");
        has(out, "can't fork");
        b->d.limits.cpuset_cpus = "999";
        assert_true(box_start(b, (char *const[]){ (char *) (uintptr_t) "true", NULL }) < 0);
        has(b->err.msg, "999");
        box_free(b);
}

static void test_out_of_memory(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(true);
        b->d.limits.memory_bytes = 16 << 20;
        b->d.limits.memory_swap_bytes = 16 << 20;
        box_run(b, "dd if=/dev/zero of=/dev/null bs=64M count=1");
        assert_int_equal(b->status, 128 + SIGKILL);
        assert_true(b->oom);
        box_free(b);
}

static void test_devices(void **state) {
        BOX_NEED_ROOT();
        for (int userns = 0; userns < 2; userns++) {
                struct box *b = box_new(userns);
                b->devices[b->d.n_devices++] =
                        (struct machine_device){ "/dev/net/tun", "/dev/null", 'c', 10, 200, 0660, 0, 34 };
                b->devices[b->d.n_devices++] =
                        (struct machine_device){ "/opt/zero", "/dev/zero", 'c', 1, 5, 0666, 0, 0 };
                const char *out = box_sh(
                        b,
                        "echo x > /dev/null && head -c 4 /dev/zero | wc -c; head -c 4 /opt/zero | wc -c; ls -l /dev/net/tun; "
                        "mknod /tmp/kmsg c 1 11 && cat /tmp/kmsg; mknod /tmp/n c 1 3 && echo y > /tmp/n && echo made");
                has(out, "4\n4\n");
                has(out, "crw-rw----    1 root     web        10, 200");
                has(out, "Operation not permitted");
                if (!userns)
                        has(out, "made"); /* a node of an allowed device works */
                box_free(b);
        }
}

static void test_privileged(void **state) {
        BOX_NEED_ROOT();
        for (int userns = 0; userns < 2; userns++) {
                struct box *b = box_new(userns);
                uint64_t all = capability_all();
                b->d.masked_paths = b->d.readonly_paths = NULL;
                b->d.limits.filter_devices = false;
                b->d.process.cap_bounding = b->d.process.cap_effective = b->d.process.cap_permitted = all;
                b->d.n_mounts = container_default_mounts(
                        &(struct container_mounts_request){ .user_namespace = userns, .privileged = true }, b->mounts);
                uint16_t n = b->d.seccomp.n_insns;
                b->d.seccomp.n_insns = 0;
                const char *out = box_sh(
                        b, "cat /proc/self/status; mount -t tmpfs none /tmp && echo mounted; cat /proc/self/mountinfo");
                has(out, "Seccomp:\t0\n");
                has(out, "mounted");
                has(out, " /sys rw,");
                if (!userns) {
                        /* groups of its own, also left behind, go with it */
                        out = box_sh(b, "mkdir -p /sys/fs/cgroup/memory/a/b && echo made");
                        has(out, "made");
                }
                b->d.seccomp.n_insns = n;
                box_free(b);
        }
}

static void test_read_only_root(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(true);
        b->d.root.read_only = true;
        b->d.process.cwd = "/made";
        const char *out = box_sh(b, "touch /x; touch /dev/shm/y && echo shm; pwd");
        has(out, "/x: Read-only file system");
        has(out, "shm");
        has(out, "/made");
        b->d.root.upper_fd = fd_close(b->d.root.upper_fd);
        b->d.root.work_fd = fd_close(b->d.root.work_fd);
        box_free(b);
}

static void test_writable_layer(void **state) {
        BOX_NEED_ROOT();
        for (int userns = 0; userns < 2; userns++) {
                struct box *b = box_new(userns);
                struct stat st;
                box_sh(b, "echo new > /tmp/file; chown 33:34 /tmp/file; echo more >> /etc/passwd; rm /bin/tty");
                int upper = openat(b->dir_fd, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                assert_int_equal(fstatat(upper, "tmp/file", &st, 0), 0);
                assert_int_equal(st.st_uid, 33); /* ids on disk are the container's */
                assert_int_equal(st.st_gid, 34);
                assert_int_equal(fstatat(upper, "etc/passwd", &st, 0), 0);
                assert_int_equal(st.st_uid, 0);
                assert_int_equal(fstatat(upper, "bin/tty", &st, AT_SYMLINK_NOFOLLOW), 0);
                assert_true(S_ISCHR(st.st_mode)); /* a whiteout */
                close(upper);
                assert_int_equal(fstatat(b->layer_fd, "bin/tty", &st, AT_SYMLINK_NOFOLLOW), 0);
                has(box_sh(b, "cat /tmp/file; ls /bin/tty"), "new\nls: /bin/tty: No such file");
                box_free(b);
        }
}

static void test_directory_root(void **state) {
        BOX_NEED_ROOT();
        for (int userns = 0; userns < 2; userns++) {
                struct box *b = box_new(userns);
                fd_close(b->d.root.upper_fd);
                fd_close(b->d.root.work_fd);
                b->d.root = (struct machine_root){
                        .dir_fd = b->layer_fd, .upper_fd = -EBADF, .work_fd = -EBADF, .idmap_layers = userns
                };
                has(box_sh(b, "id; echo text > /tmp/direct; ls -ln /tmp/direct"), "1 0        0                5");
                assert_true(file_exists(b->layer_fd, "tmp/direct"));
                box_free(b);
        }
}

static void test_binds(void **state) {
        BOX_NEED_ROOT();
        for (int userns = 0; userns < 2; userns++) {
                struct box *b = box_new(userns);
                char dir[96], file[96], sub[96];
                struct stat st;
                snprintf(dir, sizeof(dir), "%s/volume", b->dir);
                snprintf(file, sizeof(file), "%s/volume/host", b->dir);
                snprintf(sub, sizeof(sub), "%s/volume/sub", b->dir);
                close(dir_make_open(b->dir_fd, "volume", 0755));
                close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
                assert_int_equal(mkdir(sub, 0755), 0);
                box_bind(b, dir, "/data");
                box_bind(b, dir, "/deep/er/readonly")->attr = MOUNT_ATTR_RDONLY;
                box_bind(b, file, "/etc/one");
                const char *out = box_sh(
                        b,
                        "echo in > /data/file; ls -n /data; touch /deep/er/readonly/x; echo here > /etc/one; cat /data/host");
                has(out, "1 0        0");
                has(out, "readonly/x: Read-only file system");
                has(out, "here");
                snprintf(file, sizeof(file), "%s/volume/file", b->dir);
                assert_int_equal(stat(file, &st), 0);
                assert_int_equal(st.st_uid, 0);
                assert_string_equal(b->run.warning, "");
                box_free(b);
        }
}

static void test_recursive_bind_is_read_only_all_through(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(true);
        char dir[96], sub[96];
        snprintf(dir, sizeof(dir), "%s/volume", b->dir);
        snprintf(sub, sizeof(sub), "%s/volume/sub", b->dir);
        close(dir_make_open(b->dir_fd, "volume", 0755));
        assert_int_equal(mkdir(sub, 0755), 0);
        assert_int_equal(mount("none", sub, "tmpfs", 0, NULL), 0);
        struct machine_mount *m = box_bind(b, dir, "/data");
        m->attr = MOUNT_ATTR_RDONLY;
        m->recursive = true;
        const char *out = box_sh(b, "touch /data/x /data/sub/y; ls /data");
        has(out, "/data/x: Read-only");
        has(out, "/data/sub/y: Read-only");
        assert_int_equal(umount2(sub, MNT_DETACH), 0);
        box_free(b);
}

static void test_tmpfs_with_content(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(true);
        assert_int_equal(mkdirat(b->layer_fd, "srv", 0750), 0);
        assert_int_equal(mkdirat(b->layer_fd, "srv/a", 0700), 0);
        box_file(b, "srv/a/file", 0640, "content");
        box_link(b, "a/file", "srv/link");
        assert_int_equal(fchownat(b->layer_fd, "srv/a/file", 33, 34, 0), 0);
        assert_int_equal(mkfifoat(b->layer_fd, "srv/fifo", 0600), 0);
        box_mount(b, (struct machine_mount){ .kind = MACHINE_MOUNT_TMPFS,
                                              .target = "/srv",
                                              .source_fd = -EBADF,
                                              .copy_up = true,
                                              .attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY,
                                              .source = "tmpfs" });
        box_mount(b, (struct machine_mount){ .kind = MACHINE_MOUNT_TMPFS,
                                              .target = "/new",
                                              .source_fd = -EBADF,
                                              .copy_up = true,
                                              .options = "size=1m,mode=1700",
                                              .source = "tmpfs" });
        const char *out =
                box_sh(b, "cat /srv/link; ls -ln /srv/a; ls -ld /srv /new; touch /srv/x; touch /new/x; ls /srv");
        has(out, "content");
        has(out, "-rw-r-----    1 33       34               7");
        has(out, "drwxr-x---");
        has(out, "drwx-----T");
        has(out, "/srv/x: Read-only");
        hasnt(out, "fifo");
        box_free(b);
}

static void test_sysctls(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(true);
        struct machine_pair s[] = { { "kernel.msgmax", "4321" }, { "net.ipv4.ip_forward", "1" } };
        b->d.sysctls = s;
        b->d.n_sysctls = 2;
        has(box_sh(b, "cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_forward"), "4321\n1\n");
        s[0].key = "no.such.thing";
        assert_true(box_start(b, (char *const[]){ (char *) (uintptr_t) "true", NULL }) < 0);
        has(b->err.msg, "sysctl /proc/sys/no/such/thing");
        s[0].key = "vm.swappiness"; /* the host's: not this user namespace's to set */
        assert_true(box_start(b, (char *const[]){ (char *) (uintptr_t) "true", NULL }) < 0);
        s[0].key = "kernel/../../sysrq-trigger";
        assert_true(box_start(b, (char *const[]){ (char *) (uintptr_t) "true", NULL }) < 0);
        box_free(b);
}

static void test_oom_score(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(true);
        b->d.process.oom_score_adj = 500;
        has(box_sh(b, "cat /proc/self/oom_score_adj"), "500");
        b->d.process.oom_score_adj = -500;
        if (box_start(b, (char *const[]){ (char *) (uintptr_t) "true", NULL }) < 0)
                has(b->err.msg, "oom_score_adj to -500");
        else
                box_end(b);
        box_free(b);
}

static void test_no_streams(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(true);
        struct machine_plan *plan;
        b->d.process.argv =
                (char *const[]) { (char *) (uintptr_t) "sh", (char *) (uintptr_t) "-c",
                                  (char *) (uintptr_t) "for i in 0 1 2; do readlink /proc/self/fd/$i >> /out; done",
                                  NULL };
        assert_int_equal(container_backend.plan(&b->d, &plan, NULL), 0);
        assert_int_equal(container_backend.apply(plan, &b->run, &b->err), 0);
        container_backend.plan_free(plan);
        assert_int_equal(proc_wait(b->run.pidfd, &b->status), 0);
        b->run.pidfd = fd_close(b->run.pidfd);
        assert_int_equal(container_backend.destroy(b->id, NULL, NULL), 0);
        has(box_sh(b, "cat /out"), "/dev/null\n");
        box_free(b);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_basics),
                cmocka_unit_test(test_namespaces_are_new),
                cmocka_unit_test(test_mounts),
                cmocka_unit_test(test_hidden_paths),
                cmocka_unit_test(test_process),
                cmocka_unit_test(test_ambient_capabilities),
                cmocka_unit_test(test_rlimits),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_out_of_memory),
                cmocka_unit_test(test_devices),
                cmocka_unit_test(test_privileged),
                cmocka_unit_test(test_read_only_root),
                cmocka_unit_test(test_writable_layer),
                cmocka_unit_test(test_directory_root),
                cmocka_unit_test(test_binds),
                cmocka_unit_test(test_recursive_bind_is_read_only_all_through),
                cmocka_unit_test(test_tmpfs_with_content),
                cmocka_unit_test(test_sysctls),
                cmocka_unit_test(test_oom_score),
                cmocka_unit_test(test_no_streams),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
