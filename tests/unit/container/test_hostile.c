/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images and containers that want out.  Each published hole of other runtimes that could be ours has a test here. */
#include "box.h"

#include <sched.h>
#include <sys/wait.h>

#define WORD(s) ((char *) (uintptr_t) (s))

static int start_words(struct box *b, const char *script) {
        char *argv[] = { WORD("sh"), WORD("-c"), WORD(script), NULL };
        return box_start(b, argv);
}

static void assert_refused(struct box *b, const char *script, const char *text) {
        if (start_words(b, script) >= 0)
                fail_msg("started");
        has(b->err.msg, text);
}

/* ---- the image's own files --------------------------------------------------------------------------------------- */

static void test_proc_is_a_symlink(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(true);
        box_remove(b, "proc");
        box_link(b, "/tmp", "proc");
        assert_refused(b, "true", "mount proc at /proc");
        box_remove(b, "proc");
        box_file(b, "proc", 0644, "x");
        assert_refused(b, "true", "mount proc at /proc");
        box_remove(b, "proc");
        box_remove(b, "sys");
        box_link(b, "etc", "sys");
        assert_refused(b, "true", "/sys");
        box_remove(b, "sys"); /* both missing: made */
        has(box_sh(b, "cat /proc/self/stat; ls /sys/fs"), "cgroup");
        box_free(b);
}

static void test_links_stay_inside(void **state) {
        BOX_NEED_ROOT();
        for (int userns = 0; userns < 2; userns++) {
                struct box *b = box_new(userns);
                char host[96], target[160];
                snprintf(host, sizeof(host), "%s/outside", b->dir);
                snprintf(target, sizeof(target), "../../../../../../..%s", host);
                close(dir_make_open(b->dir_fd, "outside", 0755));
                box_link(b, host, "absolute");
                box_link(b, target, "relative");
                box_mount(b, (struct machine_mount){ .kind = MACHINE_MOUNT_TMPFS,
                                                      .target = "/absolute/a",
                                                      .source_fd = -EBADF,
                                                      .source = "tmpfs" });
                box_mount(b, (struct machine_mount){ .kind = MACHINE_MOUNT_TMPFS,
                                                      .target = "/relative/b",
                                                      .source_fd = -EBADF,
                                                      .source = "tmpfs" });
                b->d.process.cwd = "/absolute/cwd";
                b->devices[b->d.n_devices++] =
                        (struct machine_device){ "/relative/null", "/dev/null", 'c', 1, 3, 0666, 0, 0 };
                const char *out = box_sh(b, "pwd; ls /absolute");
                has(out, host); /* inside: the same path below the own root */
                has(out, "a\nb\ncwd\nnull\n");
                int fd = open(host, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                assert_false(file_exists(fd, "a"));
                assert_false(file_exists(fd, "b"));
                assert_false(file_exists(fd, "cwd"));
                assert_false(file_exists(fd, "null"));
                close(fd);
                box_free(b);
        }
}

static void test_dev_is_a_symlink(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(true);
        struct stat before, after;
        assert_int_equal(stat("/etc", &before), 0);
        box_remove(b, "dev");
        box_link(b, "/etc", "dev");
        const char *out = box_sh(b, "ls -l /dev/null /dev/fd; cat /proc/keys; echo fine");
        has(out, "1,   3");
        has(out, "fine");
        assert_int_equal(stat("/etc", &after), 0);
        assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
        box_free(b);
}

static void test_user_files(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(true);
        b->d.process.user = "web";
        box_remove(b, "etc/passwd");
        assert_int_equal(mkfifoat(b->layer_fd, "etc/passwd", 0644), 0);
        assert_refused(b, "true", "/etc/passwd is not a regular file");
        box_remove(b, "etc/passwd");
        box_link(b, "/dev/zero", "etc/passwd");
        assert_refused(b, "true", "web");
        box_remove(b, "etc/passwd");
        box_link(b, "../../../../../../../../etc/shadow", "etc/passwd");
        assert_refused(b, "true", "web");
        box_remove(b, "etc/passwd");
        box_link(b, "/proc/self/root/etc/passwd", "etc/passwd");
        assert_refused(b, "true", "web");
        box_remove(b, "etc/passwd");
        box_link(b, "passwd", "etc/passwd"); /* a loop */
        assert_refused(b, "true", "web");
        box_remove(b, "etc/passwd");
        box_file(b, "etc/passwd", 0644, "");
        int large = openat(b->layer_fd, "etc/passwd", O_WRONLY | O_CLOEXEC);
        assert_int_equal(ftruncate(large, 64 << 20), 0);
        close(large);
        assert_refused(b, "true", "larger than 1 MiB");
        box_remove(b, "etc/passwd");
        box_file(b, "etc/passwd", 0644,
                 ":::\nweb\nweb:x\nweb:x:4294967295:9:::\nweb:x:-1:9:::\nweb:x:99999999999:9:::\n\n\n:x:1:1\n");
        assert_refused(b, "true", "web");
        box_file(b, "etc/passwd", 0644, "web:x:33:34:a:relative/home:");
        has(box_sh(b, "id; env"), "HOME=/\n");
        box_free(b);
}

/* ---- programs that are not the image's --------------------------------------------------------------------------- */

/* CVE-2019-5736: the engine's own binary, through the magic link of the process that is about to execute. */
static void test_engine_binary(void **state) {
        BOX_NEED_ROOT();
        for (int userns = 0; userns < 2; userns++) {
                struct box *b = box_new(userns);
                box_link(b, "/proc/self/exe", "bin/link");
                box_file(b, "bin/script", 0755, "#!/proc/self/exe\n");
                box_file(b, "bin/script2", 0755, "#! /bin/script x\n");
                static const char *const programs[] = { "/proc/self/exe", "link",        "/bin/script",
                                                        "script2",        "/proc/1/exe", "/proc/self/fd/0" };
                for (size_t i = 0; i < ELEMENTSOF(programs); i++) {
                        char *argv[] = { WORD(programs[i]), NULL };
                        if (box_start(b, argv) >= 0)
                                fail_msg("%s was executed", programs[i]);
                        assert_true(b->err.code == SOUK_COMMAND_NOT_EXECUTABLE ||
                                    b->err.code == SOUK_COMMAND_NOT_FOUND);
                }
                /* after the exec there is nothing of the engine to be opened */
                has(box_sh(b, "readlink /proc/1/exe"), "/bin/busybox");
                box_free(b);
        }
}

static void test_engine_binary_by_exec(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(true);
        int status;
        char *argv[] = { WORD("sleep"), WORD("1000"), NULL };
        assert_int_equal(box_start(b, argv), 0);
        _cleanup_free_ char *prepared =
                box_exec(b, "rm /bin/id; echo '#!/proc/self/exe' > /bin/id; chmod 755 /bin/id", "", &status);
        assert_int_equal(status, 0);
        struct machine_process p = b->d.process;
        struct machine_run run;
        p.argv = (char *const[]){ WORD("id"), NULL };
        assert_true(container_backend.exec(&b->d, b->run.pid, b->run.pidfd, &p, &run, &b->err) < 0);
        assert_int_equal(b->err.code, SOUK_COMMAND_NOT_EXECUTABLE);
        box_kill(b);
        box_free(b);
}

/* CVE-2024-21626: a working directory, or a descriptor, that is still the host's. */
static void test_host_descriptors(void **state) {
        BOX_NEED_ROOT();
        for (int userns = 0; userns < 2; userns++) {
                struct box *b = box_new(userns);
                int leak = open("/", O_RDONLY | O_DIRECTORY),
                    high = fcntl(leak, F_DUPFD, 300); /* someone forgot O_CLOEXEC */
                assert_true(leak >= 0 && high >= 300);
                b->d.process.make_cwd = false;
                for (int fd = 0; fd < 60; fd++) {
                        char cwd[64];
                        snprintf(cwd, sizeof(cwd), fd % 2 ? "/proc/self/fd/%d" : "/proc/self/fd/%d/../..", fd / 2);
                        b->d.process.cwd = cwd;
                        if (start_words(b, "pwd -P") < 0)
                                continue;
                        box_end(b);
                        fail_msg("%s became the working directory: %s", cwd, b->out.data);
                }
                b->d.process.cwd = "/";
                b->d.process.make_cwd = true;
                const char *out = box_sh(b, "ls -l /proc/self/fd /proc/1/fd; cat /proc/1/fd/300/etc/hostname");
                hasnt(out, "300 ->");
                hasnt(out, "socket:");
                hasnt(out, "anon_inode");
                close(leak);
                close(high);
                box_free(b);
        }
}

/* ---- what covers what -------------------------------------------------------------------------------------------- */

/* CVE-2025-31133: /dev/null is something else when it is used to mask. */
static void test_null_is_swapped(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(true);
        box_drop_mount(b, "/dev/pts");
        box_drop_mount(b, "/dev/shm");
        box_drop_mount(b, "/dev/mqueue");
        box_drop_mount(b, "/dev"); /* /dev is the image's */
        b->d.n_devices = 0;
        box_link(b, "/proc/sysrq-trigger", "dev/null");
        assert_refused(b, "true", "mask /proc/");
        box_remove(b, "dev/null");
        box_file(b, "dev/null", 0666, "no device");
        assert_refused(b, "true", "mask /proc/");
        box_free(b);
}

/* CVE-2025-52565: /dev/console of the image leads elsewhere. */
static void test_console_is_a_symlink(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(true);
        box_link(b, "/proc/sysrq-trigger", "dev/console"); /* below our /dev: not seen */
        b->d.process.terminal = true;
        const char *out = box_sh(b, "ls -l /dev/console; cat /proc/self/mountinfo");
        has(out, " /dev/console rw");
        hasnt(out, "sysrq-trigger rw");
        box_free(b);
}

/* CVE-2025-52881: what is written for a sysctl lands in another file of /proc. */
static void test_sysctl_is_redirected(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(true);
        struct machine_pair s = { "kernel.msgmax", "4242" };
        char file[96];
        b->d.sysctls = &s;
        b->d.n_sysctls = 1;
        snprintf(file, sizeof(file), "%s/victim", b->dir);
        close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0666));
        box_bind(b, file, "/proc/sys/kernel/msgmax"); /* a mount of the user's in the way */
        has(box_sh(b, "ipcs -l; umount /proc/sys/kernel/msgmax; wc -c /proc/sys/kernel/msgmax"),
            "0 /proc/sys/kernel/msgmax");
        struct stat st;
        assert_int_equal(stat(file, &st), 0);
        assert_int_equal(st.st_size, 0); /* the value went to the real one */
        box_drop_mount(b, "/proc/sys/kernel/msgmax");
        box_drop_mount(b, "/proc");
        assert_refused(b, "true", "procfs");
        box_free(b);
}

/* A masked file below a mount of the user's is his own affair, a masked path through a symlink of the image is not. */
static void test_masked_paths_elsewhere(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(true);
        char *masked[] = { WORD("/etc/secret"), WORD("/opt/link/x"), WORD("/not/there"), WORD("/etc/passwd/below"),
                           NULL };
        char *read_only[] = { WORD("/srv"), WORD("/not/there"), NULL };
        b->d.masked_paths = masked;
        b->d.readonly_paths = read_only;
        box_file(b, "etc/secret", 0644, "secret");
        assert_int_equal(mkdirat(b->layer_fd, "srv", 0755), 0);
        assert_int_equal(mkdirat(b->layer_fd, "opt", 0755), 0);
        box_link(b, "../../../../../../../../tmp", "opt/link");
        const char *out = box_sh(b, "cat /etc/secret; touch /srv/x; echo end");
        hasnt(out, "secret\n");
        has(out, "/srv/x: Read-only");
        has(out, "end");
        box_free(b);
}

/* ---- from the inside --------------------------------------------------------------------------------------------- */

static void test_host_is_out_of_reach(void **state) {
        BOX_NEED_ROOT();
        for (int userns = 0; userns < 2; userns++) {
                struct box *b = box_new(userns);
                const char *out = box_sh(
                        b,
                        "mount -t tmpfs none /tmp; umount /proc/keys; echo c > /sys/fs/cgroup/memory/cgroup.procs; "
                        "echo 1 > /proc/sys/vm/drop_caches; hostname other; cat /proc/self/mountinfo; ls /proc/1/root/..");
                has(out, "permission denied");
                has(out, "umount: can't unmount /proc/keys");
                hasnt(out, b->dir);
                has(out, "bin\ndev\netc");
                box_free(b);
        }
}

/* With CAP_SYS_ADMIN of its own user namespace it may mount cgroups, but sees only its own. */
static void test_cgroups_of_others(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(true);
        uint64_t admin;
        assert_int_equal(capability_parse("SYS_ADMIN", &admin), 0);
        b->d.process.cap_bounding |= admin;
        b->d.process.cap_effective |= admin;
        b->d.process.cap_permitted |= admin;
        uint16_t n = b->d.seccomp.n_insns;
        b->d.seccomp.n_insns = 0;
        const char *out = box_sh(
                b,
                "mkdir /tmp/p; mount -t cgroup -o memory none /tmp/p && cat /tmp/p/memory.limit_in_bytes; ls /tmp/p/souk /tmp/p/process_api; echo end");
        has(out, "end");
        hasnt(out, "process_api:\n");
        b->d.seccomp.n_insns = n;
        box_free(b);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_proc_is_a_symlink),    cmocka_unit_test(test_links_stay_inside),
                cmocka_unit_test(test_dev_is_a_symlink),     cmocka_unit_test(test_user_files),
                cmocka_unit_test(test_engine_binary),        cmocka_unit_test(test_engine_binary_by_exec),
                cmocka_unit_test(test_host_descriptors),     cmocka_unit_test(test_null_is_swapped),
                cmocka_unit_test(test_console_is_a_symlink), cmocka_unit_test(test_sysctl_is_redirected),
                cmocka_unit_test(test_masked_paths_elsewhere), cmocka_unit_test(test_host_is_out_of_reach),
                cmocka_unit_test(test_cgroups_of_others),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
