/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The monitor in the foreground, with the caller's own streams. */
#include "test.h"
#include "fixture.h"

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "shim/attach.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

static void test_exit_codes(void **state) {
        struct fixture *f = *state;
        for (int code = 0; code < 256; code++) {
                char script[16];
                int status = -1;
                uint64_t at = 0;
                snprintf(script, sizeof(script), "exit %d", code);
                assert_int_equal(foreground_run(f, sh(script), -EBADF, NULL, NULL), code);
                assert_int_equal(exit_file_read(f->dir_fd, &status, &at), 0);
                assert_int_equal(status, code);
                assert_true(now_wall_usec() - at < 60000000);
        }
        assert_false(file_exists(f->dir_fd, "log")); /* silent: no file */
}

static void test_signals(void **state) {
        static const int signals[] = { SIGTERM, SIGKILL, SIGSEGV, SIGINT, SIGUSR1 };
        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                char script[32];
                snprintf(script, sizeof(script), "kill -%d $$; sleep 5", signals[i]);
                assert_int_equal(foreground_run(*state, sh(script), -EBADF, NULL, NULL), 128 + signals[i]);
        }
}

static void test_streams(void **state) {
        struct fixture *f = *state;
        _cleanup_buf_ struct buf out = {}, err = {};
        _cleanup_free_ char *log = NULL;
        assert_int_equal(foreground_run(f, sh("echo out; echo err >&2; printf tail"), -EBADF, &out, &err), 0);
        assert_string_equal(out.data, "out\ntail");
        assert_string_equal(err.data, "err\n");
        assert_int_equal(file_read(f->dir_fd, "log", 4096, &log, NULL), 0);
        assert_non_null(strstr(log, "{\"log\":\"out\\n\",\"stream\":\"stdout\",\"time\":\"2"));
        assert_non_null(strstr(log, "{\"log\":\"err\\n\",\"stream\":\"stderr\",\"time\":\"2"));
        assert_non_null(strstr(log, "{\"log\":\"tail\",\"stream\":\"stdout\",\"time\":\"2"));
}

#define BIG (5u << 20)

static void check_cat(struct fixture *f, int in, const uint8_t *data, size_t n) {
        _cleanup_buf_ struct buf out = {};
        assert_int_equal(foreground_run(f, ((const char *const[]){ "/bin/cat", NULL }), in, &out, NULL), 0);
        assert_int_equal(out.len, n);
        assert_true(n == 0 || hash_of(out.data, out.len) == hash_of(data, n));
}

static void test_cat_file(void **state) {
        _cleanup_free_ uint8_t *data = xmalloc(BIG);
        fill_random(data, BIG, 1);
        _cleanup_close_ int in = write_fd_of(data, BIG);
        check_cat(*state, in, data, BIG);
}

static void test_cat_pipe(void **state) {
        _cleanup_free_ uint8_t *data = xmalloc(BIG);
        int p[2];
        fill_random(data, BIG, 2);
        assert_int_equal(pipe2(p, O_CLOEXEC), 0);
        pid_t pid = fork();
        if (pid == 0) {
                close(p[0]);
                _exit(fd_write_all(p[1], data, BIG) < 0);
        }
        close(p[1]);
        check_cat(*state, p[0], data, BIG);
        close(p[0]);
        waitpid(pid, NULL, 0);
}

static void test_cat_null(void **state) {
        _cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        check_cat(*state, null, NULL, 0);
        int closed = fcntl(null, F_DUPFD_CLOEXEC, 200);
        close(closed);
        check_cat(*state, closed, NULL, 0);
}

/* A workload that closes its stdin, or never reads it, does not keep us. */
static void test_stdin_unread(void **state) {
        _cleanup_close_ int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
        assert_int_equal(foreground_run(*state, sh("exec <&-; sleep 0.1; exit 3"), zero, NULL, NULL), 3);
        assert_int_equal(foreground_run(*state, sh("sleep 0.1; exit 4"), zero, NULL, NULL), 4);
        int p[2];
        assert_int_equal(pipe2(p, O_CLOEXEC), 0); /* and nobody writes */
        assert_int_equal(foreground_run(*state, sh("exit 5"), p[0], NULL, NULL), 5);
        close(p[0]);
        close(p[1]);
}

static int run_into(struct fixture *f, const char *script, int out, int err) {
        struct monitor_config c;
        struct souk_err se = {};
        int status = -1;
        config_init(&c);
        workload_start(sh(script), 0, &c);
        c.log_dir_fd = f->dir_fd;
        c.fg_out = out;
        c.fg_err = err;
        if (monitor_run(&c, &status, &se) < 0)
                fail_msg("%s", se.msg);
        close(c.pidfd);
        return status;
}

/* The caller's reader ends: so does the workload, by SIGPIPE. */
static void test_closed_output(void **state) {
        int p[2];
        assert_int_equal(pipe2(p, O_CLOEXEC), 0);
        pid_t head = fork();
        if (head == 0) {
                char c[16];
                close(p[1]);
                _exit(read(p[0], c, 2) != 2);
        }
        close(p[0]);
        assert_int_equal(run_into(*state, "exec yes", p[1], -EBADF), 128 + SIGPIPE);
        close(p[1]);
        waitpid(head, NULL, 0);
}

/* A reader that takes its time loses nothing, also after the workload's end, and both streams through one pipe. */
static void test_slow_output(void **state) {
        int p[2], status;
        assert_int_equal(pipe2(p, O_CLOEXEC), 0);
        fcntl(p[1], F_SETPIPE_SZ, 4096);
        pid_t reader = fork();
        if (reader == 0) {
                char chunk[4096];
                size_t n = 0;
                close(p[1]);
                nanosleep(&(struct timespec){ .tv_nsec = 900000000 }, NULL);
                for (ssize_t k; (k = read(p[0], chunk, sizeof(chunk))) > 0; n += (size_t) k)
                        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
                _exit(n != 400000);
        }
        close(p[0]);
        assert_int_equal(fcntl(p[1], F_GETFL) & O_NONBLOCK, 0);
        assert_int_equal(run_into(*state, "head -c 200000 /dev/zero & head -c 200000 /dev/zero >&2; wait", p[1], p[1]), 0);
        assert_int_equal(fcntl(p[1], F_GETFL) & O_NONBLOCK, 0);
        close(p[1]);
        waitpid(reader, &status, 0);
        assert_int_equal(status, 0);
}

static void test_output_to_file(void **state) {
        _cleanup_close_ int fd = write_fd_of("", 0);
        struct stat st;
        assert_int_equal(run_into(*state, "head -c 3000000 /dev/zero; head -c 7 /dev/zero >&2", fd, fd), 0);
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_size, 3000007);
}

/* Somebody outlives the workload and keeps its pipes: not waited for, but what was written is there. */
static void test_survivor(void **state) {
        _cleanup_buf_ struct buf out = {};
        uint64_t start = now_usec();
        assert_int_equal(foreground_run(*state, sh("(echo late; exec sleep 3) & exit 7"), -EBADF, &out, NULL), 7);
        assert_true(now_usec() - start < 2500000);
        assert_string_equal(out.data, "late\n");
        start = now_usec();
        assert_int_equal(foreground_run(*state, sh("(trap '' PIPE; end=$(($(date +%s) + 3)); while [ $(date +%s) -lt $end ]; do "
                                                   "echo x || exit; done) & exit 8"), -EBADF, NULL, NULL), 8);
        assert_true(now_usec() - start < 2500000);
}

static int proxied_status(const char *script, int flags, int sig) {
        int status;
        pid_t pid = fork();
        if (pid == 0) {
                struct monitor_config c;
                int p[2];
                config_init(&c);
                if (pipe2(p, O_CLOEXEC) < 0)
                        _exit(200);
                pid_t self = getpid();
                if (fork() == 0) { /* a reader that sends the signal at the first byte: once it has set its traps */
                        char chunk[4096];
                        close(p[1]);
                        if (read(p[0], chunk, 1) == 1)
                                kill(self, sig);
                        while (read(p[0], chunk, sizeof(chunk)) > 0)
                                ;
                        _exit(0);
                }
                workload_start(sh(script), flags, &c);
                c.fg_out = p[1];
                c.sig_proxy = true;
                _exit(monitor_run(&c, &status, NULL) < 0 ? 201 : status);
        }
        waitpid(pid, &status, 0);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static void test_sig_proxy(void **state) {
        const char *script = "trap 'exit 41' INT; trap 'exit 42' TERM; trap 'exit 43' USR2; echo; while :; do sleep 0.02; done";
        assert_int_equal(proxied_status(script, 0, SIGINT), 41);
        assert_int_equal(proxied_status(script, 0, SIGTERM), 42);
        assert_int_equal(proxied_status(script, 0, SIGUSR2), 43);
        assert_int_equal(proxied_status("echo; exec sleep 20", 0, SIGTERM), 128 + SIGTERM);
}

/* As the first process of a pid namespace: the kernel would drop a signal that it does not handle. */
static void test_sig_proxy_init(void **state) {
        pid_t pid = fork();
        if (pid == 0)
                _exit(unshare(CLONE_NEWPID) < 0);
        int status;
        waitpid(pid, &status, 0);
        if (status) {
                print_message("no privilege for a pid namespace\n");
                skip();
        }
        /* `yes` itself says that it is there: before, dash handles SIGINT for a moment */
        assert_int_equal(proxied_status("exec yes", WITH_NEWPID, SIGINT), 128 + SIGINT);
        assert_int_equal(proxied_status("trap 'exit 44' INT; echo; while :; do sleep 0.02; done", WITH_NEWPID, SIGINT), 44);
}

/* The reader does not read, the workload has ended: Ctrl-C ends us as well. */
static void test_impatient(void **state) {
        struct fixture *f = *state;
        int status = -1;
        pid_t pid = fork();
        if (pid == 0) {
                struct monitor_config c;
                int p[2];
                config_init(&c);
                if (pipe2(p, O_CLOEXEC) < 0)
                        _exit(200);
                workload_start(sh("head -c 100000 /dev/zero; exit 17"), 0, &c);
                c.fg_out = p[1];
                c.sig_proxy = true;
                c.run_dir_fd = f->dir_fd;
                _exit(monitor_run(&c, &status, NULL) < 0 ? 201 : status);
        }
        assert_int_equal(attach_wait(f->dir_fd, 10000000, &status, NULL), 0); /* others are told in time */
        assert_int_equal(status, 17);
        assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
        kill(pid, SIGINT);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(WEXITSTATUS(status), 17);
}

/* The signal mask and SIGPIPE's action are as before. */
static void test_leaves_no_trace(void **state) {
        sigset_t before, after;
        struct sigaction a;
        signal(SIGPIPE, SIG_DFL);
        sigprocmask(SIG_SETMASK, NULL, &before);
        int lowest = dup(0);
        close(lowest);
        foreground_run(*state, sh("echo hi"), -EBADF, NULL, NULL);
        int again = dup(0);
        close(again);
        assert_int_equal(lowest, again); /* no fd left */
        sigprocmask(SIG_SETMASK, NULL, &after);
        assert_memory_equal(&before, &after, sizeof(unsigned long));
        sigaction(SIGPIPE, NULL, &a);
        assert_ptr_equal(a.sa_handler, SIG_DFL);
}

#define test(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
int main(void) {
        const struct CMUnitTest tests[] = {
                test(test_exit_codes), test(test_signals), test(test_streams), test(test_cat_file), test(test_cat_pipe),
                test(test_cat_null), test(test_stdin_unread), test(test_closed_output), test(test_slow_output),
                test(test_output_to_file), test(test_survivor), test(test_sig_proxy), test(test_sig_proxy_init), test(test_impatient),
                test(test_leaves_no_trace),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
