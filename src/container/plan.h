/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_CONTAINER_PLAN_H
#define SOUK_CONTAINER_PLAN_H
/*
 * A plan: the steps that make a container, in order, as data.  HOST steps are carried out by apply.c in the caller's
 * process, CHILD steps by child.c between clone and exec, where nothing may be allocated, parsed or printed.
 */
#include "iface/backend.h"

enum step_kind {
        /* HOST */
        STEP_CLONE,             /* flags: namespaces */
        STEP_IDMAP,
        STEP_CGROUP,
        STEP_ROOT,              /* overlay or directory -> a detached mount, sent to the child */
        STEP_BIND_SOURCE,       /* mount: a detached clone of a bind's source, sent to the child */
        /* CHILD */
        STEP_HOSTNAME,
        STEP_DOMAINNAME,
        STEP_LOOPBACK,
        STEP_KEYRING,
        STEP_PIVOT,
        STEP_MOUNT,             /* mount */
        STEP_DEVICE,            /* device */
        STEP_DEV_LINKS,         /* /dev/fd, stdin, stdout, stderr, ptmx, core */
        STEP_CONSOLE,           /* terminal: made in the container's own devpts, sent to the host side */
        STEP_MASK,              /* path */
        STEP_READONLY_PATH,     /* path */
        STEP_SYSCTL,            /* path, value */
        STEP_READONLY_ROOT,
        STEP_RLIMITS,
        STEP_OOM_SCORE,
        STEP_WORKDIR,
        STEP_CREDENTIALS,
        STEP_SECCOMP,
        STEP_EXEC,
        STEP_KIND_MAX
};
struct step {
        enum step_kind kind;
        const struct machine_mount *mount;
        const struct machine_device *device;
        const char *path, *value;       /* borrowed, or owned by the plan's list */
        uint64_t flags;
        int slot;                       /* STEP_MOUNT of a bind, STEP_DEVICE: index into the fds that the host side sends; -1 */
};
struct machine_plan {
        const struct machine_desc *desc;
        struct step *steps;
        size_t n_steps;
        char **owned;
        size_t n_sent;                  /* mounts that the host side sends after the root */
};
#define PLAN_SENT_MAX 240               /* SCM_RIGHTS takes 253 */

int container_plan(const struct machine_desc *d, struct machine_plan **ret, struct souk_err *err);
char *container_plan_format(const struct machine_plan *plan);
void container_plan_free(struct machine_plan *plan);
/** step_describe() - one line of text about a step [owned] */
char *step_describe(const struct machine_plan *plan, const struct step *s);
#endif
