/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Diagnostics and fault points.  Each case runs in a child: both read the environment once. */
#include "test.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

/* What @fn writes to stderr. */
static char *stderr_of(void (*fn)(void), const char *level) {
        int p[2];
        assert_int_equal(pipe2(p, O_CLOEXEC), 0);
        pid_t pid = fork();
        if (pid == 0) {
                if (level)
                        setenv("SOUK_LOG", level, 1);
                else
                        unsetenv("SOUK_LOG");
                dup2(p[1], STDERR_FILENO);
                log_init("souk");
                fn();
                _exit(0);
        }
        close(p[1]);
        struct buf b = {};
        assert_int_equal(fd_read_to_buf(p[0], &b), 0);
        close(p[0]);
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        return buf_steal(&b);
}

static void all_levels(void) {
        log_debug("d%d", 1);
        log_info("i");
        errno = ENOTTY;
        log_warn("w %s", "x");
        if (errno != ENOTTY)
                _exit(1);
        log_error("e");
}

static void test_levels(void **state) {
        static const char *const rows[][2] = {
                { NULL, "souk: warning: w x\nsouk: error: e\n" },
                { "nonsense", "souk: warning: w x\nsouk: error: e\n" },
                { "warn", "souk: warning: w x\nsouk: error: e\n" },
                { "error", "souk: error: e\n" },
                { "info", "souk: info: i\nsouk: warning: w x\nsouk: error: e\n" },
                { "debug", "souk: debug: d1\nsouk: info: i\nsouk: warning: w x\nsouk: error: e\n" },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *text = stderr_of(all_levels, rows[i][0]);
                assert_string_equal(text, rows[i][1]);
        }
}

static void forged(void) {
        log_warn("file '%s'", "a\nsouk: error: forged\x1b[2J\x7f");
}

static void test_one_line(void **state) {
        _cleanup_free_ char *text = stderr_of(forged, NULL);
        assert_string_equal(text, "souk: warning: file 'a?souk: error: forged?[2J?'\n");
}

static void very_long(void) {
        char big[5000];
        memset(big, 'x', sizeof(big) - 1);
        big[sizeof(big) - 1] = '\0';
        log_init(big);
        log_warn("%s", big);
}

static void test_long(void **state) {
        _cleanup_free_ char *text = stderr_of(very_long, NULL);
        size_t n = strlen(text);
        assert_in_range(n, 1000, 1200);
        assert_ptr_equal(strchr(text, '\n'), text + n - 1);
}

/* How a child ends that passes "a.b" twice and then "c". */
static int fault_status(const char *fault) {
        pid_t pid = fork();
        if (pid == 0) {
                if (fault)
                        setenv("SOUK_FAULT", fault, 1);
                else
                        unsetenv("SOUK_FAULT");
                fault_point("a.b");
                unsetenv("SOUK_FAULT"); /* it is read once */
                fault_point("a.b.c");
                fault_point("a");
                fault_point("a.b");
                fault_point("c");
                _exit(0);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

static void test_fault(void **state) {
        assert_int_equal(fault_status(NULL), 0);
        assert_int_equal(fault_status(""), 0);
        assert_int_equal(fault_status("other"), 0);
        assert_int_equal(fault_status("a."), 0);
        assert_int_equal(fault_status("a.b"), SIGKILL);
        assert_int_equal(fault_status("a.b:1"), SIGKILL);
        assert_int_equal(fault_status("a.b:2"), SIGKILL);
        assert_int_equal(fault_status("a.b:3"), 0);
        assert_int_equal(fault_status("c"), SIGKILL);
}

/* The kernel drops a SIGKILL that the first process of a pid namespace sends to itself. */
static void test_fault_as_init(void **state) {
        pid_t pid = fork();
        if (pid == 0) {
                if (unshare(CLONE_NEWPID) < 0)
                        _exit(77);
                pid_t inner = fork();
                if (inner == 0) {
                        setenv("SOUK_FAULT", "a", 1);
                        fault_point("a");
                        _exit(0);
                }
                int status = 0;
                _exit(waitpid(inner, &status, 0) == inner && WIFEXITED(status) ? WEXITSTATUS(status) : 1);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WEXITSTATUS(status) == 77)
                skip();
        assert_int_equal(WEXITSTATUS(status), 128 + SIGKILL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_levels), cmocka_unit_test(test_one_line), cmocka_unit_test(test_long),
                cmocka_unit_test(test_fault),  cmocka_unit_test(test_fault_as_init),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
