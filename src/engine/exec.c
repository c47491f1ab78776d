/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One more process in a running instance, with the instance's own limits, capabilities and seccomp filter.
 * Without a terminal and in the foreground it is this process's child; else it gets a shim of its own, whose attach socket
 * is in RUN/i/<id>/exec-<random>/.
 */
#include "engine/instance.h"
#include "engine/machine.h"
#include "engine/request.h"

#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "shim/attach.h"
#include "shim/monitor.h"

#include <sys/ioctl.h>

#define ALL_CAPABILITIES UINT64_MAX

struct exec {
        struct souk *souk;
        const struct souk_exec_request *request;
        struct store_instance record;
        struct instance_spec spec;
        struct machine_build *machine;
        struct machine_process process;
        char **env;
        char *cwd;
        int pidfd;
};

static void exec_clear(struct exec *x) {
        if (x->machine)
                machine_build_free(x->machine);
        strv_free(x->env);
        free(x->cwd);
        x->pidfd = fd_close(x->pidfd);
        instance_spec_clear(&x->spec);
        store_instance_clear(&x->record);
}

static int exec_prepare(struct exec *x, const char *ref, struct souk_err *err) {
        const struct souk_exec_request *q = x->request;
        if (!q->command || !q->command[0] || !q->command[0][0])
                return souk_err_set(err, SOUK_INVALID, -EINVAL, "a command to execute is needed");
        int r = instance_find(x->souk, ref, &x->record, err);
        if (r < 0)
                return r;
        x->pidfd = instance_pidfd(&x->record, err);
        if (x->pidfd < 0)
                return x->pidfd;
        r = instance_spec_parse(x->record.spec, &x->spec, err);
        if (r < 0)
                return r;
        struct machine_input in = {
                .souk = x->souk,
                .id = x->record.id,
                .spec = &x->spec,
                .slot = x->record.slot,
                .dir_fd = -EBADF,
                .exec = true,
        };
        r = machine_build_new(&in, &x->machine, err);
        if (r < 0)
                return r;
        x->env = strv_dup(x->spec.env);
        if (q->tty && !env_get(x->env, "TERM"))
                strv_push(&x->env, "TERM=xterm");
        r = request_env(&x->env, q->env_files, q->env, err);
        if (r < 0)
                return r;
        if (q->workdir && !(x->cwd = path_normalize(q->workdir)))
                return souk_err_set(err, SOUK_INVALID, -EINVAL, "--workdir %s: the path must be absolute", q->workdir);
        x->process = machine_build_desc(x->machine)->process;
        x->process.argv = (char *const *) q->command;
        x->process.envp = x->env;
        x->process.make_cwd = false;
        x->process.terminal = q->tty;
        if (x->cwd)
                x->process.cwd = x->cwd;
        if (q->user)
                x->process.user = q->user;
        if (q->privileged)
                x->process.cap_bounding = x->process.cap_effective = x->process.cap_permitted = ALL_CAPABILITIES;
        for (int i = 0; i < 3; i++)
                x->process.stdio[i] = -EBADF;
        return 0;
}

static int exec_inline(struct exec *x, int *ret_status, struct souk_err *err) {
        const struct souk_streams *streams = x->request->streams;
        bool with_stdin = x->request->open_stdin && streams->in >= 0;
        int ours[3];
        int r = stdio_pipes(with_stdin, x->process.stdio, ours, err);
        if (r < 0)
                return r;
        struct machine_run run = { .pidfd = -EBADF, .terminal_fd = -EBADF };
        r = container_backend.exec(machine_build_desc(x->machine), (pid_t) x->record.pid, x->pidfd, &x->process, &run, err);
        stdio_close(x->process.stdio);
        if (r < 0) {
                stdio_close(ours);
                return r;
        }
        if (*run.warning)
                log_warn("%s", run.warning);
        struct monitor_config m = {
                .pid = run.pid,
                .pidfd = run.pidfd,
                .in_fd = ours[0], .out_fd = ours[1], .err_fd = ours[2],
                .run_dir_fd = -EBADF,
                .log_dir_fd = -EBADF,
                .fg_in = with_stdin ? streams->in : -EBADF,
                .fg_out = streams->out,
                .fg_err = streams->err,
                .sig_proxy = streams->sig_proxy,
        };
        r = monitor_run(&m, ret_status, err);
        fd_close(run.pidfd);
        return r;
}

static int exec_with_shim(struct exec *x, int *ret_status, struct souk_err *err) {
        const struct souk_streams *streams = x->request->streams;
        _cleanup_close_ int run_fd = store_run_dir_open(x->souk->store, x->record.id, err);
        _cleanup_close_ int exec_fd = -EBADF;
        if (run_fd < 0)
                return run_fd;
        char name[16] = "exec-";
        random_hex(name + 5, 8);
        if (streams) {
                exec_fd = dir_make_open(run_fd, name, 0700);
                if (exec_fd < 0)
                        return souk_err_errno(err, exec_fd, "instance '%s': making '%s' in its run directory", x->record.name, name);
        }
        struct winsize ws;
        if (streams && streams->out >= 0 && ioctl(streams->out, TIOCGWINSZ, &ws) == 0) {
                x->process.rows = ws.ws_row;
                x->process.cols = ws.ws_col;
        }
        struct shim_start s = {
                .desc = machine_build_desc(x->machine),
                .process = &x->process,
                .pid = (pid_t) x->record.pid,
                .pidfd = x->pidfd,
                .id = x->record.id,
                .terminal = x->request->tty,
                .wait_attach = streams != NULL,
                .child_fds = { -EBADF, -EBADF, -EBADF }, .our_fds = { -EBADF, -EBADF, -EBADF },
                .run_dir_fd = exec_fd,
                .log_dir_fd = -EBADF,
        };
        struct shim_report report;
        int r = instance_shim_start(&s, NULL, NULL, &report, err);
        if (r >= 0 && *report.warning)
                log_warn("%s", report.warning);
        if (r >= 0 && streams) {
                struct attach_config c = {
                        .run_dir_fd = exec_fd,
                        .in = x->request->open_stdin ? streams->in : -1,
                        .out = streams->out,
                        .err = streams->err,
                        .terminal = x->request->tty,
                        .detach_keys = streams->detach_keys,
                        .pidfd = -EBADF,
                };
                r = attach_run(&c, ret_status, err);
                if (r == -ENOENT || r == -ECONNREFUSED || r == -EPIPE) /* it ended before we got there */
                        r = exit_file_read(exec_fd, ret_status, NULL) < 0 ? r : 0;
        }
        if (streams && (r < 0 || *ret_status != SOUK_EXIT_DETACHED))
                (void) !tree_remove(run_fd, name);
        return r;
}

int souk_exec(struct souk *s, const char *ref, const struct souk_exec_request *r, int *ret_status, struct souk_err *err) {
        _cleanup_(exec_clear) struct exec x = { .souk = s, .request = r, .pidfd = -EBADF };
        int rr = exec_prepare(&x, ref, err);
        if (rr < 0)
                return rr;
        return r->streams && !r->tty ? exec_inline(&x, ret_status, err) : exec_with_shim(&x, ret_status, err);
}
