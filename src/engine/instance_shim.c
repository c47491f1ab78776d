/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A detached workload, or one with a terminal, needs a parent that outlives this command.  So the engine forks; the child
 * starts the machine (it is the machine's parent), tells the result over a socket pair, waits until the engine has
 * recorded it, and then executes souk-shim: an exec keeps children, so the shim is the parent with none of our memory.
 *
 *   engine                         child (future shim)
 *     fork -------------------------> setsid, apply
 *     <------------------ report ----- (error: exit)
 *     record RUNNING
 *     ------ one byte: go on -------> exec souk-shim
 *   An end of file instead of the byte means that the record was not made: the machine is killed.
 */
#include "engine/instance.h"

#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "shim/monitor.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

void stdio_close(int fds[3]) {
        for (int i = 0; i < 3; i++)
                fds[i] = fd_close(fds[i]);
}

int stdio_pipes(bool with_stdin, int child[3], int ours[3], struct souk_err *err) {
        for (int i = 0; i < 3; i++)
                child[i] = ours[i] = -EBADF;
        for (int i = with_stdin ? 0 : 1; i < 3; i++) {
                int p[2];
                if (pipe2(p, O_CLOEXEC) < 0) {
                        int r = souk_err_errno(err, errno, "making a pipe for the workload's output");
                        stdio_close(child);
                        stdio_close(ours);
                        return r;
                }
                child[i] = i == 0 ? p[0] : p[1];
                ours[i] = i == 0 ? p[1] : p[0];
        }
        return 0;
}

static int machine_start(struct shim_start *x, struct machine_run *run, struct souk_err *err) {
        if (x->plan)
                return container_backend.apply(x->plan, run, err);
        return container_backend.exec(x->desc, x->pid, x->pidfd, x->process, run, err);
}

/* Standard streams of the shim: the user's terminal must not stay open in it. */
static void detach_stdio(void) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null < 0)
                return;
        for (int fd = 0; fd < 3; fd++)
                dup2(null, fd);
        if (null > 2)
                close(null);
}

_noreturn_ static void machine_abandon(struct shim_start *x, struct machine_run *run) {
        (void) !proc_pidfd_signal(run->pidfd, SIGKILL);
        int status;
        (void) !proc_wait(run->pidfd, &status);
        if (x->plan)
                (void) container_backend.destroy(x->id, NULL, NULL);
        _exit(1);
}

_noreturn_ static void future_shim(struct shim_start *x, int sock) {
        struct shim_report report = {};
        struct machine_run run = { .pidfd = -EBADF, .terminal_fd = -EBADF };
        setsid();
        int r = machine_start(x, &run, &report.err);
        if (r >= 0) {
                report.pid = run.pid;
                r = proc_start_time(run.pid, &report.pid_start);
                if (r == -ENOENT || r == -ESRCH)
                        r = 0; /* it has ended already: the shim will tell */
                memcpy(report.warning, run.warning, sizeof(report.warning));
        }
        if (r >= 0)
                report.err = (struct souk_err){}; /* of something that was tried first, and done in another way */
        else if (report.err.errnum == 0)
                souk_err_errno(&report.err, r, "starting instance %.12s", x->id);
        if (fd_write_all(sock, &report, sizeof(report)) < 0 || r < 0) {
                if (run.pidfd >= 0)
                        machine_abandon(x, &run);
                _exit(1);
        }
        char go;
        if (fd_read_all(sock, &go, 1) < 0)
                machine_abandon(x, &run);
        stdio_close(x->child_fds);
        struct shim_exec shim = {
                .monitor = {
                        .pid = run.pid,
                        .pidfd = run.pidfd,
                        .in_fd = x->terminal ? run.terminal_fd : x->our_fds[0],
                        .out_fd = x->our_fds[1],
                        .err_fd = x->our_fds[2],
                        .terminal = x->terminal,
                        .wait_attach = x->wait_attach,
                        .run_dir_fd = x->run_dir_fd,
                        .log_dir_fd = x->log_dir_fd,
                        .fg_in = -EBADF, .fg_out = -EBADF, .fg_err = -EBADF,
                },
                .on_exit = x->on_exit,
        };
        fault_point("engine.before_shim_exec");
        struct souk_err e = {};
        detach_stdio();
        shim_exec(&shim, &e);
        machine_abandon(x, &run);
}

int instance_shim_start(struct shim_start *x, int (*commit)(const struct shim_report *report, void *user, struct souk_err *err),
                        void *user, struct shim_report *ret, struct souk_err *err) {
        int sock[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock) < 0)
                return souk_err_errno(err, errno, "starting instance %.12s: socketpair", x->id);
        pid_t pid = fork();
        if (pid == 0) {
                close(sock[0]);
                future_shim(x, sock[1]);
        }
        int fork_errno = errno;
        close(sock[1]);
        _cleanup_close_ int ours = sock[0];
        stdio_close(x->child_fds);
        stdio_close(x->our_fds);
        if (pid < 0)
                return souk_err_errno(err, fork_errno, "starting instance %.12s: fork", x->id);
        int r = fd_read_all(ours, ret, sizeof(*ret));
        if (r < 0) {
                waitpid(pid, NULL, 0);
                return souk_err_set(err, SOUK_INTERNAL, -EIO, "starting instance %.12s: the process that starts it died", x->id);
        }
        if (ret->err.errnum < 0) {
                waitpid(pid, NULL, 0);
                if (err)
                        *err = ret->err;
                return ret->err.errnum;
        }
        r = commit ? commit(ret, user, err) : 0;
        if (r >= 0 && fd_write_all(ours, "", 1) < 0)
                r = souk_err_set(err, SOUK_INTERNAL, -EPIPE, "starting instance %.12s: its shim died", x->id);
        if (r < 0) {
                ours = fd_close(ours); /* end of file: it kills the machine and exits */
                waitpid(pid, NULL, 0);
        }
        return r;
}
