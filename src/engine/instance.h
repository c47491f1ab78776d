/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_ENGINE_INSTANCE_H
#define SOUK_ENGINE_INSTANCE_H
/*
 * Life of an instance, and who may change its record:
 *
 *   CREATED ---start---> STARTING ---program executed---> RUNNING ---ended---> EXITED ---start---> STARTING ...
 *                            \---start failed----------------------------------^
 *
 * Every change but the insertion is made under the instance's lock (flock on its directory), which a start holds until
 * RUNNING (or EXITED) is recorded.  So whoever gets the lock and reads STARTING sees a start that was killed.  The end is
 * recorded by whoever notices it first and gets the lock: the shim's last act (`souk system reap`), the foreground
 * `souk run`, `souk stop`, or the next command that lists instances.  instance_reap() is the one place that does it.
 */
#include "engine/engine.h"
#include "iface/backend.h"
#include "wire/image_config.h"
#include "wire/spec.h"

#define ID_RANGE_BASE 0x70000000u      /* above what systemd and the distributions hand out */
#define ID_RANGE_SIZE 65536u

/** instance_find() - by name, id or id prefix, with the state refreshed: a record that says RUNNING does run */
int instance_find(struct souk *s, const char *ref, struct store_instance *ret, struct souk_err *err);
/** instance_refresh() - notice an end that nobody recorded (crash, reboot); may reap.  Record is read anew when it did.
 * Return: 0, or -ENOENT when it is gone now (autoremove) */
int instance_refresh(struct souk *s, struct store_instance *i, struct souk_err *err);
/** instance_is_stale() - RUNNING but its process and monitor are gone, or STARTING with nobody at work */
bool instance_is_stale(struct souk *s, const struct store_instance *i);
/** instance_reap() - see above.  @status: exit status when the caller knows it, else -1: from the exit file, else 137.
 * No error when it has been done, or the record is gone. */
int instance_reap(struct souk *s, const char *id, int status, struct souk_err *err);
/** instance_delete() - directory and record of an instance that does not run; the caller holds the lock */
int instance_delete(struct souk *s, const char *id, struct souk_err *err);
/** instance_pidfd() - of a running one, checked to be the process that was started; -ESRCH (SOUK_WRONG_STATE) else */
int instance_pidfd(const struct store_instance *i, struct souk_err *err);
/** instance_not_running() - the error that says so */
int instance_not_running(const struct store_instance *i, const char *to_do, struct souk_err *err);
/** instance_join_resolve() - "container:NAME" -> "container:ID" in place; the other must exist */
int instance_join_resolve(struct souk *s, struct instance_spec *spec, struct souk_err *err);

/* instance_shim.c: a process for which a shim is the parent */
struct shim_start {
        const struct machine_plan *plan;         /* apply this ... */
        const struct machine_desc *desc;         /* ... or add @process to the machine @pid */
        const struct machine_process *process;
        pid_t pid;
        int pidfd;
        const char *id;
        bool terminal;
        bool wait_attach;                        /* this command attaches next: no output is lost before */
        int child_fds[3];                        /* the workload's ends; closed by instance_shim_start() in this process */
        int our_fds[3];                          /* the shim's ends; taken */
        int run_dir_fd, log_dir_fd;              /* borrowed */
        char *const *on_exit;
};
struct shim_report {
        struct souk_err err;                     /* errnum 0: it runs */
        pid_t pid;
        uint64_t pid_start;
        char warning[256];
};
/**
 * instance_shim_start() - fork the future shim, in which the machine is started; returns when the workload's program has
 * been executed or failed.  @commit: called then, in this process; when it fails, or this process dies before it is done,
 * the machine is killed and the shim ends.
 */
int instance_shim_start(struct shim_start *x, int (*commit)(const struct shim_report *report, void *user, struct souk_err *err),
                        void *user, struct shim_report *ret, struct souk_err *err);

/** stdio_pipes() - pipes for a workload's 0, 1, 2: @child ends and @ours; stdin only when @with_stdin */
int stdio_pipes(bool with_stdin, int child[3], int ours[3], struct souk_err *err);
void stdio_close(int fds[3]);
#endif
