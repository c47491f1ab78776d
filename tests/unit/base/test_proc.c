/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spawning, waiting, signals by name, random ids, and the way to our own programs. */
#include "test.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"

#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define ARGV(...) ((char *[]){ __VA_ARGS__, NULL })
#define SH(script) ARGV((char *) "sh", (char *) "-c", (char *) (script))

static int run(const struct proc_spawn *s) {
        int pidfd = -EBADF, status = -1;
        int pid = proc_spawn(s, &pidfd);
        if (pid < 0)
                return pid;
        assert_int_equal(fcntl(pidfd, F_GETFD), FD_CLOEXEC);
        assert_int_equal(proc_wait(pidfd, &status), 0);
        assert_int_equal(proc_wait(pidfd, &status), -ECHILD);
        close(pidfd);
        return status;
}

/* Runs @script with fd @as being a pipe that is read here. */
static char *output_of(struct proc_spawn s, const char *script, int as) {
        int p[2];
        assert_int_equal(pipe2(p, O_CLOEXEC), 0);
        s.path = "/bin/sh";
        s.argv = SH(script);
        s.fds = &(struct proc_fd_map){ .fd = p[1], .as = as };
        s.n_fds = 1;
        int pidfd = -EBADF, status;
        assert_true(proc_spawn(&s, &pidfd) > 0);
        close(p[1]);
        struct buf b = {};
        assert_int_equal(fd_read_to_buf(p[0], &b), 0);
        close(p[0]);
        assert_int_equal(proc_wait(pidfd, &status), 0);
        assert_int_equal(status, 0);
        close(pidfd);
        return buf_steal(&b);
}

static void test_status(void **state) {
        assert_int_equal(run(&(struct proc_spawn){ .path = "/bin/sh", .argv = SH("exit 3") }), 3);
        assert_int_equal(run(&(struct proc_spawn){ .path = "sh", .argv = SH("exit 0") }), 0); /* from PATH */
        assert_int_equal(run(&(struct proc_spawn){ .path = "sh", .argv = SH("kill -TERM $$") }), 128 + SIGTERM);
        assert_int_equal(run(&(struct proc_spawn){ .path = "sh", .argv = SH("kill -KILL $$") }), 128 + SIGKILL);
}

static void test_exec_fails(void **state) {
        static const char *const argv[] = { "x", NULL };
        struct proc_spawn s = { .argv = (char *const *) (uintptr_t) argv };
        s.path = "/nonexistent/program";
        assert_int_equal(run(&s), -ENOENT);
        setenv("PATH", "/usr/bin:/bin", 1); /* not a folder that we may not search: that would be -EACCES */
        s.path = "no-such-program-of-souk";
        assert_int_equal(run(&s), -ENOENT);
        s.path = "/etc/passwd";
        assert_int_equal(run(&s), -EACCES);
        s.path = "/tmp";
        assert_int_equal(run(&s), -EACCES);
        struct proc_fd_map bad = { .fd = 999, .as = 1 };
        s = (struct proc_spawn){ .path = "sh", .argv = SH("exit 0"), .fds = &bad, .n_fds = 1 };
        assert_int_equal(run(&s), -EBADF);
        struct proc_fd_map many[33];
        for (size_t i = 0; i < ELEMENTSOF(many); i++)
                many[i] = (struct proc_fd_map){ .fd = 0, .as = (int) i + 3 };
        s.fds = many;
        s.n_fds = ELEMENTSOF(many);
        assert_int_equal(run(&s), -E2BIG);
        many[0].as = INT_MAX - 100; /* no number for the report, and it is reported all the same */
        s.n_fds = 1;
        assert_int_equal(run(&s), -EINVAL);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie stays */
        assert_int_equal(errno, ECHILD);
}

static void test_env(void **state) {
        static char a[] = "A=1";
        setenv("SOUK_TEST_INHERITED", "yes", 1);
        _cleanup_free_ char *inherited = output_of((struct proc_spawn){}, "printf %s \"$SOUK_TEST_INHERITED\"", 1);
        assert_string_equal(inherited, "yes");
        _cleanup_free_ char *own = output_of((struct proc_spawn){ .env = ARGV(a) }, "printf %s \"$A$SOUK_TEST_INHERITED\"", 1);
        assert_string_equal(own, "1");
}

/* Each source is the other's wanted number. */
static void test_fds_swapped(void **state) {
        int p[2], q[2];
        char to_p[8] = {}, to_q[8] = {};
        assert_int_equal(pipe2(p, O_CLOEXEC), 0);
        assert_int_equal(pipe2(q, O_CLOEXEC), 0);
        struct proc_fd_map map[] = { { p[1], q[1] }, { q[1], p[1] } };
        _cleanup_free_ char *script = xasprintf("printf to-q >&%d; printf to-p >&%d", p[1], q[1]);
        struct proc_spawn s = { .path = "/bin/sh", .argv = SH(script), .fds = map, .n_fds = 2 };
        assert_true(p[1] < 10 && q[1] < 10); /* dash takes one digit */
        assert_int_equal(run(&s), 0);
        assert_int_equal(read(p[0], to_p, 7), 4);
        assert_int_equal(read(q[0], to_q, 7), 4);
        assert_string_equal(to_p, "to-p"); /* the child wrote it to the number that q has here */
        assert_string_equal(to_q, "to-q");
        close(p[1]);
        close(q[1]);
        close(p[0]);
        close(q[0]);
}

/* Nothing gets through that was not asked for, and the child's own pipes do not either. */
static void test_fds_closed(void **state) {
        assert_int_equal(close_range(3, ~0u, CLOSE_RANGE_CLOEXEC), 0); /* whoever runs the tests may leave some open */
        _cleanup_free_ char *list = output_of((struct proc_spawn){}, "exec ls /proc/self/fd >&5", 5);
        assert_string_equal(list, "0\n1\n2\n3\n5\n"); /* 3: the directory being listed */
}

static void on_signal(int sig) {
}

static void test_signals_reset(void **state) {
        sigset_t set, before;
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGUSR1);
        signal(SIGPIPE, SIG_IGN);
        signal(SIGUSR2, on_signal);
        sigprocmask(SIG_BLOCK, &set, &before);
        _cleanup_free_ char *masks = output_of((struct proc_spawn){},
                                                "sed -nE '/^Sig(Blk|Ign|Cgt)/p' /proc/self/status | tr -d '\\n\\t'", 1);
        sigset_t after;
        sigprocmask(SIG_SETMASK, &before, &after);
        assert_true(sigismember(&after, SIGTERM) && !sigismember(&after, SIGHUP)); /* ours is as it was */
        signal(SIGPIPE, SIG_DFL);
        signal(SIGUSR2, SIG_DFL);
        unsigned long long blocked, ignored, caught;
        assert_int_equal(sscanf(masks, "SigBlk:%llxSigIgn:%llxSigCgt:%llx", &blocked, &ignored, &caught), 3);
        ignored &= ~(3ULL << 31); /* 32 and 33 are libc's own: it gives no way to set them, and who started us may ignore them */
        assert_true(blocked == 0 && ignored == 0 && caught == 0);
}

static void test_session(void **state) {
        static const char script[] = "set -- $(sed 's/.*) //' /proc/$$/stat); test $4 = $$ && printf own || printf same";
        _cleanup_free_ char *own = output_of((struct proc_spawn){ .new_session = true }, script, 1);
        _cleanup_free_ char *same = output_of((struct proc_spawn){}, script, 1);
        assert_string_equal(own, "own");
        assert_string_equal(same, "same");
}

static void test_die_with_parent(void **state) {
        int p[2];
        char c;
        assert_int_equal(pipe2(p, O_CLOEXEC), 0);
        pid_t pid = fork();
        if (pid == 0) {
                struct proc_fd_map map = { p[1], 5 };
                struct proc_spawn s = { .path = "sleep", .argv = ARGV((char *) "sleep", (char *) "600"), .fds = &map, .n_fds = 1,
                                        .die_with_parent = true };
                int pidfd;
                _exit(proc_spawn(&s, &pidfd) > 0 ? 0 : 1);
        }
        int status;
        close(p[1]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_int_equal(read(p[0], &c, 1), 0); /* the grandchild held the other end: it is gone */
        close(p[0]);
}

static void test_pidfd(void **state) {
        static char sleep_name[] = "sleep", forever[] = "600";
        struct proc_spawn s = { .path = "sleep", .argv = ARGV(sleep_name, forever) };
        int pidfd = -EBADF, status;
        int pid = proc_spawn(&s, &pidfd);
        assert_true(pid > 0);
        _cleanup_close_ int again = proc_pidfd_open(pid);
        assert_true(again >= 0);
        assert_int_equal(proc_pidfd_signal(again, 0), 0);
        assert_int_equal(proc_pidfd_signal(again, SIGINT), 0);
        assert_int_equal(proc_wait(pidfd, &status), 0);
        assert_int_equal(status, 128 + SIGINT);
        assert_int_equal(proc_pidfd_signal(pidfd, 0), -ESRCH);
        close(pidfd);
        assert_int_equal(proc_pidfd_open(pid), -ESRCH);
        uint64_t ticks = 1;
        assert_int_equal(proc_start_time(pid, &ticks), -ESRCH);
        assert_int_equal(ticks, 1);
}

static void test_start_time(void **state) {
        uint64_t mine = 0, renamed = 0, init = 0;
        assert_int_equal(proc_start_time(getpid(), &mine), 0);
        prctl(PR_SET_NAME, ") R 1 2 (x) y"); /* as a hostile process would */
        assert_int_equal(proc_start_time(getpid(), &renamed), 0);
        assert_int_equal(proc_start_time(1, &init), 0);
        assert_int_equal(mine, renamed);
        assert_true(mine > 0 && init <= mine);
        assert_true(mine <= (now_usec() / 1000000 + 3600) * (uint64_t) sysconf(_SC_CLK_TCK));
}

static void test_signal_names(void **state) {
        static const struct {
                const char *name;
                int sig;
        } good[] = {
                { "TERM", SIGTERM }, { "SIGTERM", SIGTERM }, { "sigterm", SIGTERM }, { "15", 15 }, { "1", 1 }, { "64", 64 },
                { "KILL", SIGKILL }, { "CHLD", SIGCHLD }, { "CLD", SIGCHLD }, { "IOT", SIGABRT }, { "IO", SIGIO }, { "POLL", SIGPOLL },
                { "SIGWINCH", SIGWINCH }, { "PWR", SIGPWR }, { "STKFLT", SIGSTKFLT },
        };
        static const char *const bad[] = {
                "", "0", "65", "-9", "SIG", "SIG15", "TERMX", "TER", "RTMIN+", "RTMIN-1", "RTMIN+31", "RTMAX+1", "RTMAX-31", "RTMINX",
                "4294967295", "4294967305", "RTMIN+4294967290", "RTMIN+2147483647", "RTMAX-4294967290", "99999999999999999999",
        };
        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_int_equal(signal_from_name(good[i].name), good[i].sig);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(signal_from_name(bad[i]), -EINVAL);
        assert_int_equal(signal_from_name("RTMIN"), SIGRTMIN);
        assert_int_equal(signal_from_name("SIGRTMIN+3"), SIGRTMIN + 3);
        assert_int_equal(signal_from_name("RTMAX"), SIGRTMAX);
        assert_int_equal(signal_from_name("RTMAX-14"), SIGRTMAX - 14);
        assert_int_equal(signal_from_name("RTMIN+30"), SIGRTMAX);
        for (int sig = 1; sig < 32; sig++)
                assert_int_equal(signal_from_name(signal_to_name(sig)), sig);
        assert_null(signal_to_name(0));
        assert_null(signal_to_name(1000));
}

static void test_random(void **state) {
        char a[65], b[65], odd[6] = "xxxxx";
        random_hex(a, 64);
        random_hex(b, 64);
        assert_int_equal(strspn(a, "0123456789abcdef"), 64);
        assert_int_equal(strlen(a), 64);
        assert_string_not_equal(a, b);
        random_hex(odd, 3);
        assert_int_equal(strlen(odd), 3);
        assert_int_equal(odd[4], 'x');
        random_hex(odd, 0);
        assert_string_equal(odd, "");
        unsigned char big[100000] = {};
        random_bytes(big, sizeof(big));
        size_t zeros = 0;
        for (size_t i = 0; i < sizeof(big); i++)
                zeros += big[i] == 0;
        assert_in_range(zeros, 200, 600); /* 390 expected, deviation 20 */
}

static void test_sibling(void **state) {
        char exe[PATH_MAX] = {};
        assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
        _cleanup_free_ char *own = exe_sibling(strrchr(exe, '/') + 1);
        assert_string_equal(own, exe);
        assert_null(exe_sibling("souk-no-such-program"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_status),        cmocka_unit_test(test_exec_fails),      cmocka_unit_test(test_env),
                cmocka_unit_test(test_fds_swapped),   cmocka_unit_test(test_fds_closed),      cmocka_unit_test(test_signals_reset),
                cmocka_unit_test(test_session),       cmocka_unit_test(test_die_with_parent), cmocka_unit_test(test_pidfd),
                cmocka_unit_test(test_start_time),    cmocka_unit_test(test_signal_names),    cmocka_unit_test(test_random),
                cmocka_unit_test(test_sibling),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
