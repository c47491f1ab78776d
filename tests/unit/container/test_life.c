/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens around a container that runs: exec, terminals, init, signals, pause, joining, its end. */
#include "box.h"

#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#define WORD(s) ((char *) (uintptr_t) (s))
static char *const sleeper[] = { WORD("sleep"), WORD("1000"), NULL };

static void start_sleeper(struct box *b) {
        if (box_start(b, sleeper) < 0)
                fail_msg("%s", b->err.msg);
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static void assert_command_error(struct box *b, const char *program, enum souk_code code, const char *text) {
        char *argv[] = { WORD(program), NULL };
        assert_true(box_start(b, argv) < 0);
        assert_int_equal(b->err.code, code);
        has(b->err.msg, text);
}

static void test_bad_commands(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(true);
        box_file(b, "bin/plain", 0644, "echo");
        box_file(b, "bin/noformat", 0755, "echo hi\n");
        box_file(b, "bin/nointerpreter", 0755, "#!/no/such/interpreter\n");
        box_file(b, "bin/script", 0755, "#!/bin/sh\necho script $1 $0\n");
        assert_command_error(b, "nosuch", SOUK_COMMAND_NOT_FOUND,
                             "exec: \"nosuch\": executable file not found in $PATH");
        assert_command_error(b, "/bin/nosuch", SOUK_COMMAND_NOT_FOUND, "no such file or directory");
        assert_command_error(b, "/bin/cat/x", SOUK_COMMAND_NOT_FOUND, "exec: \"/bin/cat/x\"");
        assert_command_error(b, "", SOUK_COMMAND_NOT_FOUND, "exec: \"\"");
        assert_command_error(b, "plain", SOUK_COMMAND_NOT_EXECUTABLE, "permission denied");
        assert_command_error(b, "/etc", SOUK_COMMAND_NOT_EXECUTABLE, "is a directory");
        assert_command_error(b, "noformat", SOUK_COMMAND_NOT_EXECUTABLE, "exec format error");
        assert_command_error(b, "nointerpreter", SOUK_COMMAND_NOT_FOUND, "interpreter");
        has(box_run(b, "script arg"), "script arg /bin/script");
        box_run(b, "sh -c exit\t7"); /* one word */
        box_sh(b, "exit 7");
        assert_int_equal(b->status, 7);
        box_sh(b, "kill -9 $$; sleep 1; exit 3");
        assert_int_equal(b->status, 3); /* PID 1 does not die of its own signals */
        box_free(b);
}

/* ---- exec -------------------------------------------------------------------------------------------------------- */

static void test_exec(void **state) {
        BOX_NEED_ROOT();
        for (int userns = 0; userns < 2; userns++) {
                struct box *b = box_new(userns);
                int status;
                start_sleeper(b);
                _cleanup_free_ char *out = box_exec(
                        b, "id; hostname; cat /proc/self/status; ps; ls -l /proc/self/fd; exit 5", "", &status);
                if (status < 0)
                        fail_msg("%s", b->err.msg);
                assert_int_equal(status, 5);
                has(out, "uid=0(root) gid=0(root)");
                has(out, "\nbox\n");
                has(out, "sleep 1000");
                has(out, "Seccomp:\t2\n");
                has(out, "CapEff:\t00000000a80425fb\n");
                hasnt(out, "socket:");
                _cleanup_free_ char *web = box_exec(
                        b,
                        "id; echo w > /dev/stdout; cat /sys/fs/cgroup/memory/cgroup.procs /sys/fs/cgroup/cgroup.procs | wc -l",
                        "web", &status);
                has(web, "uid=33(web) gid=34(web) groups=34(web),40(logs)\nw\n");
                assert_false(str_startswith(strrchr(web, 'w'), "w\n0"));
                box_kill(b);
                box_free(b);
        }
}

static void test_exec_errors(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(true);
        struct machine_process p = b->d.process;
        struct machine_run run;
        char *argv[] = { WORD("nosuch"), NULL };
        start_sleeper(b);
        p.argv = argv;
        assert_true(container_backend.exec(&b->d, b->run.pid, b->run.pidfd, &p, &run, &b->err) < 0);
        assert_int_equal(b->err.code, SOUK_COMMAND_NOT_FOUND);
        p.cwd = "/not/there";
        argv[0] = WORD("true");
        p.make_cwd = false;
        assert_true(container_backend.exec(&b->d, b->run.pid, b->run.pidfd, &p, &run, &b->err) < 0);
        has(b->err.msg, "working directory /not/there");
        p.cwd = "/";
        p.user = "who";
        assert_true(container_backend.exec(&b->d, b->run.pid, b->run.pidfd, &p, &run, &b->err) < 0);
        has(b->err.msg, "user 'who'");
        p.user = "";
        /* dead, but not reaped */
        assert_int_equal(proc_pidfd_signal(b->run.pidfd, SIGKILL), 0);
        struct pollfd dead = { .fd = b->run.pidfd, .events = POLLIN };
        assert_int_equal(poll(&dead, 1, 10000), 1);
        assert_true(container_backend.exec(&b->d, b->run.pid, b->run.pidfd, &p, &run, &b->err) < 0);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), b->run.pid); /* our only child: no exec was left */
        b->run.pidfd = fd_close(b->run.pidfd);
        /* dead and reaped: the number may be someone else's by now */
        assert_true(container_backend.exec(&b->d, getpid(), b->run.pidfd, &p, &run, &b->err) < 0);
        box_free(b);
}

/* ---- terminals --------------------------------------------------------------------------------------------------- */

static void test_terminal(void **state) {
        BOX_NEED_ROOT();
        for (int userns = 0; userns < 2; userns++) {
                struct box *b = box_new(userns);
                b->d.process.terminal = true;
                b->d.process.rows = 33;
                b->d.process.cols = 77;
                const char *out = box_sh(
                        b, "tty; stty size; test -t 0 && test -t 1 && test -t 2 && echo all; ls -l /dev/console; "
                           "echo direct > /dev/console; echo mine > /dev/tty; id -u; stat -c %u /dev/pts/0");
                has(out, "/dev/pts/0\r\n33 77\r\nall\r\n");
                has(out, "crw");
                has(out, "direct\r\n");
                has(out, "mine\r\n");
                b->d.process.user = "web";
                has(box_sh(b, "stat -c owner:%U $(tty); echo > $(tty) && echo ok"), "owner:web");
                b->d.process.user = "";
                start_sleeper(b);
                int status;
                _cleanup_free_ char *text = box_exec(b, "tty; stty size; exit 4", "", &status);
                assert_int_equal(status, 4);
                has(text, "/dev/pts/1\r\n33 77\r\n");
                box_kill(b);
                box_free(b);
        }
}

static void test_terminal_signals(void **state) {
        BOX_NEED_ROOT();
        for (int init = 0; init < 2; init++) {
                struct box *b = box_new(true);
                b->d.process.terminal = true;
                b->d.init = init;
                char *argv[] = { WORD("sh"), WORD("-c"),
                                 WORD("trap 'echo int; exit 9' INT; echo ready; while :; do sleep 0.1; done"), NULL };
                assert_int_equal(box_start(b, argv), 0);
                char got[256] = "";
                size_t n = 0;
                while (!strstr(got, "ready")) {
                        ssize_t k = read(b->run.terminal_fd, got + n, sizeof(got) - 1 - n);
                        assert_true(k > 0);
                        got[n += (size_t) k] = '\0';
                }
                assert_int_equal(write(b->run.terminal_fd, "\3", 1), 1); /* Ctrl-C */
                box_end(b);
                has(b->out.data, "int\r\n");
                assert_null(strstr(strstr(b->out.data, "int\r\n") + 3, "int")); /* once */
                assert_int_equal(b->status, 9);
                box_free(b);
        }
}

/* ---- init -------------------------------------------------------------------------------------------------------- */

static void test_init(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(true);
        b->d.init = true;
        const char *out = box_sh(
                b,
                "echo pid $$; (sleep 0 &) ; sleep 0.2; ps; grep -E 'Cap|Seccomp:|NoNew' /proc/1/status; readlink /proc/1/exe; exit 11");
        hasnt(out, "pid 1\n");
        hasnt(out, "[sleep]"); /* orphans are reaped */
        has(out, "CapEff:\t00000000a80425fb");
        has(out, "Seccomp:\t2");
        has(out, "NoNewPrivs:\t1");
        hasnt(out, "test-container"); /* the engine's own file is not to be had through it */
        assert_int_equal(b->status, 11);
        box_sh(b, "kill -TERM $$");
        assert_int_equal(b->status, 128 + SIGTERM);
        char *argv[] = { WORD("sh"), WORD("-c"), WORD("trap 'exit 12' TERM; echo ready; while :; do sleep 0.1; done"),
                         NULL };
        assert_int_equal(box_start(b, argv), 0);
        char got[8];
        assert_int_equal(fd_read_all(b->out_fd, got, 6), 0);
        assert_int_equal(container_backend.signal(b->id, b->run.pidfd, SIGTERM, NULL), 0);
        box_end(b);
        assert_int_equal(b->status, 12);
        assert_command_error(b, "nosuch", SOUK_COMMAND_NOT_FOUND, "nosuch");
        b->d.limits.pids_max = 1;
        assert_true(box_start(b, sleeper) < 0);
        has(b->err.msg, "PID 1 reaps");
        box_free(b);
}

/* ---- pause, end -------------------------------------------------------------------------------------------------- */

static void test_pause(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(true);
        char *argv[] = { WORD("sh"), WORD("-c"), WORD("i=0; while :; do i=$((i+1)); echo $i > /tmp/i; done"), NULL };
        assert_int_equal(box_start(b, argv), 0);
        usleep(100000);
        if (container_backend.pause(b->id, &b->err) < 0)
                fail_msg("%s", b->err.msg);
        _cleanup_close_ int upper = openat(b->dir_fd, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_free_ char *first = NULL, *second = NULL;
        size_t n;
        assert_int_equal(file_read(upper, "tmp/i", 100, &first, &n), 0);
        usleep(50000);
        assert_int_equal(file_read(upper, "tmp/i", 100, &second, &n), 0);
        assert_string_equal(first, second);
        int status;
        free(box_exec(b, "true", "", &status)); /* would never come back */
        assert_int_equal(status, -EAGAIN);
        has(b->err.msg, "paused");
        assert_int_equal(container_backend.resume(b->id, NULL), 0);
        assert_int_equal(container_backend.pause("test-no-such-box", &b->err), -ENOENT);
        assert_int_equal(container_backend.pause(b->id, NULL), 0);
        box_free(b); /* also a paused one can be ended */
}

static void test_leftovers_are_killed(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(false);
        b->d.ns[MACHINE_NS_PID].mode = MACHINE_NS_HOST; /* no PID 1 takes them along */
        box_drop_mount(b, "/proc");
        box_mount(b, (struct machine_mount){
                             .kind = MACHINE_MOUNT_PROC, .target = "/proc", .source_fd = -EBADF, .source = "proc" });
        char *argv[] = {
                WORD("sh"), WORD("-c"),
                WORD("for i in 1 2 3 4 5 6 7 8; do (exec >/dev/null 2>&1; while :; do sleep 0.01; done) & done; exit 0"),
                NULL
        };
        assert_int_equal(box_start(b, argv), 0);
        box_end(b); /* destroys, and asserts that it worked */
        assert_int_equal(b->status, 0);
        box_free(b);
}

static void test_dies_with_parent(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(true);
        int p[2];
        assert_int_equal(pipe2(p, O_CLOEXEC), 0);
        pid_t monitor = fork();
        if (monitor == 0) {
                if (box_start(b, sleeper) < 0)
                        _exit(1);
                (void) !write(p[1], &b->run.pid, sizeof(b->run.pid));
                pause();
                _exit(1);
        }
        pid_t pid;
        assert_int_equal(fd_read_all(p[0], &pid, sizeof(pid)), 0);
        int pidfd = proc_pidfd_open(pid);
        assert_true(pidfd >= 0);
        kill(monitor, SIGKILL);
        assert_int_equal(waitpid(monitor, NULL, 0), monitor);
        struct pollfd dead = { .fd = pidfd, .events = POLLIN };
        assert_int_equal(poll(&dead, 1, 10000), 1);
        close(pidfd);
        close(p[0]);
        close(p[1]);
        box_free(b);
}

/* ---- joining ----------------------------------------------------------------------------------------------------- */

static int ns_of(struct box *b, const char *name) {
        char path[48];
        snprintf(path, sizeof(path), "/proc/%d/ns/%s", b->run.pid, name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        return fd;
}

static void own_namespaces(char out[3][64]) {
        static const char *const names[] = { "net", "ipc", "pid_for_children" };
        for (int i = 0; i < 3; i++) {
                char path[48];
                snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
                ssize_t n = readlink(path, out[i], 63);
                out[i][n > 0 ? n : 0] = '\0';
        }
}

static void test_join(void **state) {
        BOX_NEED_ROOT();
        struct box *a = box_new(true), *b = box_new(true);
        char before[3][64] = {}, after[3][64] = {};
        own_namespaces(before);
        a->d.hostname = "first";
        start_sleeper(a);
        b->map.outside += 65536;
        b->d.hostname = NULL;
        b->d.ns[MACHINE_NS_NET] = (struct machine_namespace){ MACHINE_NS_JOIN, ns_of(a, "net") };
        b->d.ns[MACHINE_NS_IPC] = (struct machine_namespace){ MACHINE_NS_JOIN, ns_of(a, "ipc") };
        b->d.ns[MACHINE_NS_UTS] = (struct machine_namespace){ MACHINE_NS_JOIN, ns_of(a, "uts") };
        b->d.ns[MACHINE_NS_PID] = (struct machine_namespace){ MACHINE_NS_JOIN, ns_of(a, "pid") };
        if (box_start(
                    b,
                    (char *const[]) {
                            WORD("sh"), WORD("-c"),
                            WORD("hostname; for n in net ipc uts pid; do readlink /proc/self/ns/$n; done; ps; ls /sys/class/net /dev/mqueue; id"),
                            NULL }) < 0)
                fail_msg("%s", b->err.msg);
        box_end(b);
        const char *out = b->out.data;
        has(out, "first\n");
        has(out, "sleep 1000");
        has(out, "lo");
        has(out, "uid=0(root)");
        static const char *const names[] = { "net", "ipc", "uts", "pid" };
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                char path[48], link[64];
                snprintf(path, sizeof(path), "/proc/%d/ns/%s", a->run.pid, names[i]);
                ssize_t n = readlink(path, link, sizeof(link) - 1);
                assert_true(n > 0);
                link[n] = '\0';
                has(out, link);
        }
        own_namespaces(after);
        assert_memory_equal(before, after, sizeof(before)); /* this process is where it was */
        for (int i = 0; i < MACHINE_NS_MAX; i++)
                fd_close(b->d.ns[i].fd);
        box_free(b);
        box_free(a);
}

static void test_host_namespaces(void **state) {
        BOX_NEED_ROOT();
        for (int userns = 0; userns < 2; userns++) {
                struct box *b = box_new(userns);
                b->d.ns[MACHINE_NS_NET].mode = b->d.ns[MACHINE_NS_IPC].mode = b->d.ns[MACHINE_NS_PID].mode =
                        MACHINE_NS_HOST;
                b->d.ns[MACHINE_NS_UTS].mode = MACHINE_NS_HOST;
                b->d.hostname = NULL;
                b->d.n_mounts = container_default_mounts(
                        &(struct container_mounts_request){
                                .user_namespace = userns, .host_network = true, .host_pid = true, .host_ipc = true },
                        b->mounts);
                char self[32];
                snprintf(self, sizeof(self), "/proc/%d/comm", getpid());
                _cleanup_free_ char *script = xasprintf(
                        "readlink /proc/self/ns/net; cat %s; ls /sys/class/net; ls -d /dev/mqueue; touch /sys/x", self);
                const char *out = box_sh(b, script);
                char link[64];
                ssize_t n = readlink("/proc/self/ns/net", link, sizeof(link) - 1);
                link[n > 0 ? n : 0] = '\0';
                has(out, link);
                has(out, "test-container");
                has(out, "/dev/mqueue");
                has(out, "Read-only");
                box_free(b);
        }
}

/* ---- many -------------------------------------------------------------------------------------------------------- */

static void test_many_at_once(void **state) {
        BOX_NEED_ROOT();
        enum { N = 24 };
        pid_t pids[N];
        for (int i = 0; i < N; i++) {
                pids[i] = fork();
                if (pids[i] == 0) {
                        struct box *b = box_new(true);
                        b->map.outside += 65536 * (uint32_t) i;
                        bool good = strstr(box_sh(b, "echo alive"), "alive") && b->status == 0;
                        box_free(b);
                        _exit(good ? 0 : 1);
                }
        }
        for (int i = 0; i < N; i++) {
                int status;
                assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
                assert_int_equal(status, 0);
        }
}

static void test_tiny_memory(void **state) {
        BOX_NEED_ROOT();
        struct box *b = box_new(true);
        b->d.limits.memory_bytes = b->d.limits.memory_swap_bytes = 64 << 10;
        if (box_start(b, sleeper) < 0) {
                has(b->err.msg, "memory");
                assert_int_equal(b->err.code, SOUK_LIMIT);
        }
        box_free(b);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bad_commands),
                cmocka_unit_test(test_exec),
                cmocka_unit_test(test_exec_errors),
                cmocka_unit_test(test_terminal),
                cmocka_unit_test(test_terminal_signals),
                cmocka_unit_test(test_init),
                cmocka_unit_test(test_pause),
                cmocka_unit_test(test_leftovers_are_killed),
                cmocka_unit_test(test_dies_with_parent),
                cmocka_unit_test(test_join),
                cmocka_unit_test(test_host_namespaces),
                cmocka_unit_test(test_many_at_once),
                cmocka_unit_test(test_tiny_memory),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
