/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * souk-shim: the parent of one detached workload, or of one with a terminal.  It is executed by the process that started
 * the workload (exec keeps children), see shim_exec.c, and needs no privilege of its own.
 *
 *   souk-shim TITLE PID PIDFD,IN,OUT,ERR,RUN,LOG MAX_BYTES,MAX_FILES -FLAGS [ON_EXIT ...]
 *
 *   TITLE      the instance's id; only for ps
 *   PID        of the workload, a child of this process
 *   fds        as in struct monitor_config; negative: none.  0, 1, 2 are /dev/null already.  All others are closed.
 *   limits     of the log files; 0: default
 *   -FLAGS     t: a terminal (IN is its master), o: stdin_once, w: wait_attach
 *   ON_EXIT    what to execute at the end, by absolute path
 *
 * SIGHUP, SIGINT and SIGQUIT are not for us; a SIGTERM (the machine goes down) is given to the workload.
 * Exit status: 0, or what ON_EXIT makes of it; 125 when the arguments are wrong.
 *
 * Linked dynamically, to libc alone.  Measured (glibc 2.36; KiB): dynamic 96 anonymous + 64 of its own file; static-pie 60
 * anonymous, but 770 of its file, which are private as long as only one shim runs.  Static would start 0.12 ms sooner
 * (0.36 instead of 0.48 ms), where nobody waits for it.
 */
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "shim/exit_file.h"
#include "shim/monitor.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>

#define ARG_FIRST_ON_EXIT 6

/* "1,-9,3": @n numbers.  0 or -EINVAL */
static int parse_numbers(const char *s, int64_t *ret, size_t n) {
        for (size_t i = 0; i < n; i++) {
                char *end;
                errno = 0;
                ret[i] = strtoll(s, &end, 10);
                if (errno || end == s || *end != (i + 1 < n ? ',' : '\0'))
                        return -EINVAL;
                s = end + 1;
        }
        return 0;
}

static int parse_argv(int argc, char **argv, struct monitor_config *c) {
        int64_t pid, fds[6], limits[2];
        if (argc < ARG_FIRST_ON_EXIT || parse_numbers(argv[2], &pid, 1) < 0 || parse_numbers(argv[3], fds, 6) < 0 ||
            parse_numbers(argv[4], limits, 2) < 0 || argv[5][0] != '-')
                return -EINVAL;
        if (pid <= 0 || fds[0] < 0 || limits[0] < 0 || limits[1] < 0 || limits[1] > 1000)
                return -EINVAL;
        *c = (struct monitor_config){
                .pid = (pid_t) pid,
                .pidfd = (int) fds[0],
                .in_fd = (int) fds[1], .out_fd = (int) fds[2], .err_fd = (int) fds[3],
                .run_dir_fd = (int) fds[4], .log_dir_fd = (int) fds[5],
                .log_max_bytes = (uint64_t) limits[0], .log_max_files = (unsigned) limits[1],
                .fg_in = -EBADF, .fg_out = -EBADF, .fg_err = -EBADF,
                .sig_proxy = true,
        };
        for (const char *f = argv[5] + 1; *f; f++) {
                if (*f == 't')
                        c->terminal = true;
                else if (*f == 'o')
                        c->stdin_once = true;
                else if (*f == 'w')
                        c->wait_attach = true;
                else
                        return -EINVAL;
        }
        return 0;
}

/* What our starter had inherited (a test harness's pipe, a shell's file) must not stay open in us. */
static void close_others(const struct monitor_config *c) {
        const int keep[] = { c->pidfd, c->in_fd, c->out_fd, c->err_fd, c->run_dir_fd, c->log_dir_fd };
        for (int from = 3;;) {
                int next = INT32_MAX;
                for (size_t i = 0; i < ELEMENTSOF(keep); i++)
                        if (keep[i] >= from)
                                next = MIN(next, keep[i]);
                if (next > from)
                        (void) !close_range((unsigned) from, (unsigned) next - 1, 0);
                if (next == INT32_MAX)
                        return;
                from = next + 1;
        }
}

static void process_setup(void) {
        static const int not_for_us[] = { SIGHUP, SIGINT, SIGQUIT };
        sigset_t none;
        mallopt(M_TRIM_THRESHOLD, 64 << 10); /* a burst of output gives its memory back */
        mallopt(M_TOP_PAD, 4 << 10);
        (void) !chdir("/");
        setsid(); /* our starter may have done so */
        for (size_t i = 0; i < ELEMENTSOF(not_for_us); i++)
                signal(not_for_us[i], SIG_IGN);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The workload must not go on without a monitor. */
static void monitor_failed(const struct monitor_config *c) {
        int status = 128 + SIGKILL;
        (void) !proc_pidfd_signal(c->pidfd, SIGKILL);
        (void) !proc_wait(c->pidfd, &status);
        if (c->run_dir_fd >= 0)
                (void) !exit_file_write(c->run_dir_fd, status, now_wall_usec());
}

int main(int argc, char **argv) {
        struct monitor_config c;
        struct souk_err err = {};
        int status;
        if (parse_argv(argc, argv, &c) < 0) {
                dprintf(STDERR_FILENO, "souk-shim: is started by souk, not by hand\n");
                return 125;
        }
        close_others(&c);
        process_setup();
        if (monitor_run(&c, &status, &err) < 0)
                monitor_failed(&c);
        (void) !close_range(3, ~0U, 0);
        if (argc > ARG_FIRST_ON_EXIT) {
                signal(SIGHUP, SIG_DFL);
                signal(SIGINT, SIG_DFL);
                signal(SIGQUIT, SIG_DFL);
                execv(argv[ARG_FIRST_ON_EXIT], argv + ARG_FIRST_ON_EXIT);
                return 125;
        }
        return 0;
}
