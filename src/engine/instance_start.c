/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * create, run, start, plan.  The way of `souk run`: image record -> instance_spec -> record (STARTING, one transaction)
 * -> machine_desc -> plan -> apply -> record (RUNNING) -> monitor, in this process or in a shim -> reap.
 * Only an empty, locked directory comes before the record; all else that a crash can leave is named after a recorded id.
 */
#include "engine/instance.h"
#include "engine/machine.h"
#include "engine/request.h"

#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "shim/attach.h"
#include "shim/monitor.h"

#include <signal.h>
#include <sys/ioctl.h>

/* All that one start needs; zeroed, then closed by launch_clear(). */
struct launch {
        struct souk *souk;
        struct store_instance record;
        struct instance_spec spec;
        struct store_image image;
        struct machine_build *machine;
        struct machine_plan *plan;
        int lock_fd, dir_fd, run_fd;
};
#define LAUNCH_INIT(s) { .souk = (s), .lock_fd = -EBADF, .dir_fd = -EBADF, .run_fd = -EBADF }

static void launch_clear(struct launch *l) {
        if (l->plan)
                container_backend.plan_free(l->plan);
        if (l->machine)
                machine_build_free(l->machine);
        l->run_fd = fd_close(l->run_fd);
        l->dir_fd = fd_close(l->dir_fd);
        l->lock_fd = fd_close(l->lock_fd);
        store_image_clear(&l->image);
        instance_spec_clear(&l->spec);
        store_instance_clear(&l->record);
}

static bool wants_slot(const struct instance_spec *spec) {
        return !streq(spec->userns, "host");
}

/* Image and request -> l->image, l->spec, and a record that is not stored yet. */
static int launch_from_request(struct launch *l, const struct souk_create_request *r, struct souk_err *err) {
        if (str_empty(r->image))
                return souk_err_set(err, SOUK_INVALID, -EINVAL, "an image is needed");
        int rr = r->name ? request_name_check(r->name, err) : 0;
        if (rr >= 0)
                rr = store_image_find(l->souk->store, r->image, &l->image, err);
        if (rr < 0)
                return rr;
        struct image_config config = {};
        rr = image_config_parse(l->image.config_text, l->image.config_len, r->image, &config, err);
        if (rr >= 0) {
                random_hex(l->record.id, DIGEST_HEX_LEN);
                rr = request_to_spec(r, &config, l->record.id, &l->spec, err);
        }
        image_config_clear(&config);
        if (rr >= 0)
                rr = instance_join_resolve(l->souk, &l->spec, err);
        if (rr < 0)
                return rr;
        l->record.name = xstrdup(r->name);
        memcpy(l->record.image_id, l->image.id, sizeof(l->record.image_id));
        l->record.image_ref = xstrdup(r->image);
        l->record.spec = instance_spec_format(&l->spec);
        l->record.autoremove = r->autoremove;
        l->record.slot = -1;
        l->record.created_at = now_wall_usec();
        return 0;
}

static int launch_plan(struct launch *l, bool dry, struct souk_err *err) {
        struct machine_input in = {
                .souk = l->souk,
                .id = l->record.id,
                .spec = &l->spec,
                .image = &l->image,
                .slot = dry && wants_slot(&l->spec) ? 0 : l->record.slot,
                .dir_fd = l->dir_fd,
                .dry = dry,
                .discard = l->record.autoremove,
        };
        int r = machine_build_new(&in, &l->machine, err);
        if (r < 0)
                return r;
        return dry ? container_backend.plan(machine_build_desc(l->machine), &l->plan, err) : 0;
}

/* Directory and lock come before the record: whoever reads STARTING and gets the lock knows that the start was killed. */
static int launch_lock(struct launch *l, struct souk_err *err) {
        int r = store_instance_dir_make(l->souk->store, l->record.id, &l->dir_fd, err);
        if (r < 0)
                return r;
        l->lock_fd = store_instance_lock(l->souk->store, l->record.id, true, err);
        return l->lock_fd < 0 ? l->lock_fd : 0;
}

int souk_plan(struct souk *s, const struct souk_create_request *r, char **ret_text, struct souk_err *err) {
        _cleanup_(launch_clear) struct launch l = LAUNCH_INIT(s);
        int rr = launch_from_request(&l, r, err);
        if (rr >= 0)
                rr = launch_plan(&l, true, err);
        if (rr >= 0)
                *ret_text = container_backend.plan_format(l.plan);
        return rr;
}

int souk_create(struct souk *s, const struct souk_create_request *r, char **ret_id, struct souk_err *err) {
        _cleanup_(launch_clear) struct launch l = LAUNCH_INIT(s);
        int rr = launch_from_request(&l, r, err);
        if (rr >= 0)
                rr = launch_plan(&l, true, err); /* what start would refuse is refused now */
        if (rr < 0)
                return rr;
        l.record.state = SOUK_STATE_CREATED;
        rr = launch_lock(&l, err);
        fault_point("engine.before_record");
        if (rr >= 0)
                rr = store_instance_insert(s->store, &l.record, false, err);
        if (rr < 0) {
                (void) store_instance_dir_remove(s->store, l.record.id, NULL);
                return rr;
        }
        *ret_id = xstrdup(l.record.id);
        return 0;
}

/* ---- starting ---------------------------------------------------------------------------------------------------- */

static void terminal_size(const struct souk_streams *streams, struct machine_process *p) {
        struct winsize ws;
        if (streams && ((streams->out >= 0 && ioctl(streams->out, TIOCGWINSZ, &ws) == 0) ||
                        (streams->in >= 0 && ioctl(streams->in, TIOCGWINSZ, &ws) == 0))) {
                p->rows = ws.ws_row;
                p->cols = ws.ws_col;
        }
}

static void record_running(struct launch *l, pid_t pid, uint64_t pid_start, const char *warning) {
        l->record.state = SOUK_STATE_RUNNING;
        l->record.pid = pid;
        l->record.pid_start = pid_start;
        if (*warning)
                log_warn("%s", warning);
}

/* The machine is this process's child, and so is its monitor's job. */
static int start_inline(struct launch *l, const struct souk_streams *streams, int *ret_status, struct souk_err *err) {
        struct machine_desc *d = machine_build_desc(l->machine);
        int ours[3], *child = d->process.stdio;
        int r = stdio_pipes(l->spec.open_stdin && streams->in >= 0, child, ours, err);
        if (r < 0)
                return r;
        struct machine_run run = { .pidfd = -EBADF, .terminal_fd = -EBADF };
        r = container_backend.plan(d, &l->plan, err);
        if (r >= 0)
                r = container_backend.apply(l->plan, &run, err);
        stdio_close(child);
        if (r < 0) {
                stdio_close(ours);
                return r;
        }
        fault_point("engine.after_apply");
        uint64_t pid_start = 0;
        r = proc_start_time(run.pid, &pid_start); /* our child: also a zombie has one */
        if (r >= 0)
                r = store_instance_running(l->souk->store, l->record.id, run.pid, pid_start, err);
        else
                souk_err_errno(err, r, "instance %.12s: reading its start time", l->record.id);
        if (r < 0) {
                int status;
                (void) !proc_pidfd_signal(run.pidfd, SIGKILL);
                (void) !proc_wait(run.pidfd, &status);
                run.pidfd = fd_close(run.pidfd);
                stdio_close(ours);
                return r;
        }
        record_running(l, run.pid, pid_start, run.warning);
        l->lock_fd = fd_close(l->lock_fd);
        struct monitor_config m = {
                .pid = run.pid,
                .pidfd = run.pidfd,
                .in_fd = ours[0], .out_fd = ours[1], .err_fd = ours[2],
                .run_dir_fd = l->run_fd,
                .log_dir_fd = l->dir_fd,
                .fg_in = l->spec.open_stdin ? streams->in : -EBADF,
                .fg_out = streams->out,
                .fg_err = streams->err,
                .sig_proxy = streams->sig_proxy,
        };
        r = monitor_run(&m, ret_status, err);
        fd_close(run.pidfd);
        fault_point("engine.before_reap");
        int rr = instance_reap(l->souk, l->record.id, r < 0 ? -1 : *ret_status, r < 0 ? NULL : err);
        return r < 0 ? r : rr;
}

static int commit_running(const struct shim_report *report, void *user, struct souk_err *err) {
        struct launch *l = user;
        fault_point("engine.before_commit");
        int r = store_instance_running(l->souk->store, l->record.id, report->pid, report->pid_start, err);
        if (r >= 0)
                record_running(l, report->pid, report->pid_start, report->warning);
        return r;
}

/* The command that the shim executes when the workload has ended. */
static char **reap_command(struct launch *l) {
        char **argv = NULL;
        strv_push_take(&argv, exe_sibling("souk"));
        strv_push(&argv, "--root");
        strv_push(&argv, l->souk->store->root);
        strv_push(&argv, "--run");
        strv_push(&argv, l->souk->store->run);
        strv_push(&argv, "system");
        strv_push(&argv, "reap");
        strv_push(&argv, l->record.id);
        return argv;
}

static int start_with_shim(struct launch *l, const struct souk_streams *streams, int *ret_status, struct souk_err *err) {
        struct machine_desc *d = machine_build_desc(l->machine);
        struct shim_start x = {
                .id = l->record.id,
                .terminal = l->spec.tty,
                .wait_attach = streams != NULL,
                .child_fds = { -EBADF, -EBADF, -EBADF }, .our_fds = { -EBADF, -EBADF, -EBADF },
                .run_dir_fd = l->run_fd,
                .log_dir_fd = l->dir_fd,
        };
        int r = 0;
        d->process.terminal = l->spec.tty;
        terminal_size(streams, &d->process);
        if (!l->spec.tty)
                r = stdio_pipes(l->spec.open_stdin, x.child_fds, x.our_fds, err);
        if (r < 0)
                return r;
        memcpy(d->process.stdio, x.child_fds, sizeof(x.child_fds));
        struct machine_plan *plan = NULL;
        r = container_backend.plan(d, &plan, err);
        if (r < 0) {
                stdio_close(x.child_fds);
                stdio_close(x.our_fds);
                return r;
        }
        l->plan = plan;
        x.plan = plan;
        _cleanup_strv_ char **on_exit = reap_command(l);
        x.on_exit = on_exit;
        struct shim_report report;
        r = instance_shim_start(&x, commit_running, l, &report, err);
        if (r < 0)
                return r;
        l->lock_fd = fd_close(l->lock_fd);
        if (!streams)
                return 0;
        r = souk_attach(l->souk, l->record.id, streams, !l->spec.open_stdin, ret_status, err);
        return r;
}

/* A start that failed is an end: exit status 125, 126 or 127, and the reason stays in the record. */
static void launch_failed(struct launch *l, const struct souk_err *why) {
        struct store *st = l->souk->store;
        (void) container_backend.destroy(l->record.id, NULL, NULL);
        store_run_dir_remove(st, l->record.id);
        if (l->record.autoremove)
                (void) instance_delete(l->souk, l->record.id, NULL);
        else
                (void) store_instance_exited(st, l->record.id, souk_code_exit_status(why->code), false, why->msg,
                                             now_wall_usec(), NULL);
}

/* The record says STARTING.  Takes it to RUNNING (and, with streams, to its end) or to EXITED. */
static int launch_start(struct launch *l, const struct souk_streams *streams, int *ret_status, struct souk_err *err) {
        struct souk_err local = {};
        int r = 0;
        fault_point("engine.after_record");
        if (l->dir_fd < 0)
                r = l->dir_fd = store_instance_dir_open(l->souk->store, l->record.id, &local);
        if (r >= 0)
                r = l->run_fd = store_run_dir_make(l->souk->store, l->record.id, &local);
        fault_point("engine.after_dirs");
        if (r >= 0)
                r = launch_plan(l, false, &local);
        if (r >= 0) {
                if (streams && !l->spec.tty)
                        r = start_inline(l, streams, ret_status, &local);
                else
                        r = start_with_shim(l, streams, ret_status, &local);
        }
        if (r < 0 && l->record.state == SOUK_STATE_STARTING)
                launch_failed(l, &local);
        if (r < 0 && err)
                *err = local;
        return r;
}

int souk_run(struct souk *s, const struct souk_create_request *r, const struct souk_streams *streams,
             int (*on_created)(const char *id, void *user, struct souk_err *err), void *user, char **ret_id, int *ret_status,
             struct souk_err *err) {
        _cleanup_(launch_clear) struct launch l = LAUNCH_INIT(s);
        int rr = launch_from_request(&l, r, err);
        if (rr < 0)
                return rr;
        l.record.state = SOUK_STATE_STARTING;
        rr = launch_lock(&l, err);
        if (rr >= 0)
                rr = store_instance_insert(s->store, &l.record, wants_slot(&l.spec), err);
        if (rr < 0) {
                (void) store_instance_dir_remove(s->store, l.record.id, NULL);
                return rr;
        }
        if (ret_id)
                *ret_id = xstrdup(l.record.id);
        rr = on_created ? on_created(l.record.id, user, err) : 0;
        if (rr < 0) {
                (void) instance_delete(s, l.record.id, NULL);
                return rr;
        }
        return launch_start(&l, streams, ret_status, err);
}

int souk_start(struct souk *s, const char *ref, const struct souk_streams *streams, int *ret_status, struct souk_err *err) {
        _cleanup_(launch_clear) struct launch l = LAUNCH_INIT(s);
        int r = instance_find(s, ref, &l.record, err);
        if (r < 0)
                return r;
        l.lock_fd = store_instance_lock(s->store, l.record.id, true, err);
        if (l.lock_fd < 0)
                return l.lock_fd;
        char id[DIGEST_HEX_LEN + 1];
        memcpy(id, l.record.id, sizeof(id));
        store_instance_clear(&l.record); /* it may have changed while we waited for the lock */
        r = store_instance_find(s->store, id, &l.record, err);
        if (r < 0)
                return r;
        if (l.record.state == SOUK_STATE_RUNNING)
                return souk_err_set(err, SOUK_WRONG_STATE, -EALREADY, "instance '%s' runs already", l.record.name);
        r = instance_spec_parse(l.record.spec, &l.spec, err);
        if (r >= 0)
                r = store_image_get(s->store, l.record.image_id, true, &l.image, err);
        if (r >= 0)
                r = store_instance_starting(s->store, id, wants_slot(&l.spec), &l.record.slot, err);
        if (r < 0)
                return r;
        l.record.state = SOUK_STATE_STARTING;
        return launch_start(&l, streams, ret_status, err);
}
