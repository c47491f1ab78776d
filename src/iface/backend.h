/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_IFACE_BACKEND_H
#define SOUK_IFACE_BACKEND_H
/*
 * The one interface of both isolations.  A missing entry means "not supported": the engine refuses with the reason.
 * plan is pure and needs no privilege; apply has the effects and undoes them all when it fails.
 */
#include "machine_desc.h"
#include <souk/err.h>

struct machine_plan;                    /* the backend's own */

struct machine_run {                    /* a machine that runs; filled by apply */
        pid_t pid;                      /* of its first process, in the host's pid namespace */
        int pidfd;                      /* [owned]; the caller is its parent and must reap it */
        int terminal_fd;                /* [owned] master of process.terminal, else -EBADF */
        char warning[256];              /* "" or one line: what was done in a lesser way than asked for, and why */
};

struct backend {
        const char *name;               /* "container", "vm" */
        int (*plan)(const struct machine_desc *d, struct machine_plan **ret, struct souk_err *err);
        /* text of a plan: one line a step; [owned] */
        char *(*plan_format)(const struct machine_plan *plan);
        void (*plan_free)(struct machine_plan *plan);
        /**
         * apply() - carry out a plan; returns once the workload's program has been executed.
         * SOUK_COMMAND_NOT_FOUND / SOUK_COMMAND_NOT_EXECUTABLE when that failed.  On failure nothing is left.
         * May be called in a forked child of the engine (which then becomes the shim): uses no thread, no record.
         */
        int (*apply)(const struct machine_plan *plan, struct machine_run *ret, struct souk_err *err);
        /**
         * exec() - one more process in a running machine.  @d: the description it was started with (namespaces, limits,
         * seccomp); @p: the process.  The same result as apply.
         */
        int (*exec)(const struct machine_desc *d, pid_t pid, int pidfd, const struct machine_process *p,
                    struct machine_run *ret, struct souk_err *err);
        int (*signal)(const char *id, int pidfd, int sig, struct souk_err *err);
        int (*pause)(const char *id, struct souk_err *err);
        int (*resume)(const char *id, struct souk_err *err);
        /** destroy() - kill what is left and remove what is named after @id (cgroups).  Idempotent; also after a crash.
         * @ret_oom_killed may be NULL */
        int (*destroy)(const char *id, bool *ret_oom_killed, struct souk_err *err);
        /** list() - ids for which something named after them exists in the system; [owned] strv */
        int (*list)(char ***ret_ids, struct souk_err *err);
};
extern const struct backend container_backend;
#endif
