/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_CONTAINER_PLAN_H
#define SOUK_CONTAINER_PLAN_H
/*
 * A plan: the steps that make a container, in order, as data.  HOST steps are carried out by apply.c in the caller's
 * process, CHILD steps by child.c between clone and exec, where nothing may be allocated, parsed or printed.  Both
 * sides work at the same time until the child's RECEIVE, which waits for all that the host side sends.
 *
 * A mount that one step makes and another attaches has a slot: slot 0 is the root, [1, n_sent) are made by the host
 * side and sent, [n_sent, n_slots) the child makes itself.
 */
#include "iface/backend.h"

enum step_kind {
        /* HOST */
        STEP_CLONE,             /* flags: namespaces */
        STEP_IDMAP,
        STEP_CGROUP,
        STEP_ROOT,              /* slot 0: overlay or directory */
        STEP_DEV,               /* slot: tmpfs with device nodes, links and the targets of the mounts in it */
        STEP_HOST_FS,           /* slot: a file system of namespaces that the child does not own */
        STEP_BIND_SOURCE,       /* slot: a clone of the source of a bind */
        STEP_DEVICE_SOURCE,     /* slot: a clone of a device node of the host */
        STEP_CGROUP_FS,         /* slot and PLAN_CGROUP_SLOTS - 1 more: the instance's groups as it sees them */
        STEP_USER,              /* look up the user and groups */
        /* CHILD */
        STEP_NAMESPACES,        /* wait for the id maps; flags: namespaces that the child makes itself */
        STEP_HOSTNAME,
        STEP_DOMAINNAME,
        STEP_LOOPBACK,
        STEP_NEW_FS,            /* slot */
        STEP_JOIN,              /* exec: namespaces of the running container */
        STEP_RECEIVE,
        STEP_CGROUP_NS,
        STEP_KEYRING,
        STEP_SYSCTL,            /* path below /proc, value */
        STEP_PIVOT,
        STEP_MOUNT,             /* attach the slot's mount */
        STEP_MOUNT_CGROUP,
        STEP_DEVICE,            /* a node bound from the host: where /dev is not ours */
        STEP_CONSOLE,           /* terminal: made in the container's own devpts, sent to the host side */
        STEP_MASK,              /* base, path */
        STEP_READONLY_PATH,     /* base, path */
        STEP_RLIMITS,
        STEP_WORKDIR,
        STEP_READONLY_ROOT,
        STEP_STDIO,
        STEP_CREDENTIALS,
        STEP_PROGRAM,           /* find it, as the user that will execute it */
        STEP_INIT,              /* fork: PID 1 stays a reaper */
        STEP_SECCOMP,
        STEP_EXEC,
        STEP_KIND_MAX
};
#define STEP_FIRST_CHILD STEP_NAMESPACES

struct step {
        enum step_kind kind;
        const struct machine_mount *mount;
        const struct machine_device *device;
        const char *path, *value;       /* borrowed, or owned by the plan's list */
        uint64_t flags;
        int slot;                       /* -1: none */
        int base;                       /* slot of a mount that path is below, without a leading "/"; -1: the root */
};

#define PLAN_SENT_MAX 240               /* SCM_RIGHTS takes 253 */
#define PLAN_SLOTS_MAX 320
#define PLAN_CGROUP_SLOTS 6

struct machine_plan {
        const struct machine_desc *desc;
        struct step *steps;
        size_t n_steps;
        size_t first_child;             /* index of the first step of the child */
        char **owned;
        int n_sent, n_slots;
        int proc_slot, sys_slot, dev_slot, pts_slot; /* mounts that can be trusted to be what they are; -1 */
};

int container_plan(const struct machine_desc *d, struct machine_plan **ret, struct souk_err *err);
/** container_plan_exec() - one more process: @d is a copy of the container's, with the process that is added */
int container_plan_exec(const struct machine_desc *d, struct machine_plan **ret, struct souk_err *err);
char *container_plan_format(const struct machine_plan *plan);
void container_plan_free(struct machine_plan *plan);
/** step_describe() - one line of text about a step [owned] */
char *step_describe(const struct machine_plan *plan, const struct step *s);
/** plan_namespace_flag() - CLONE_NEWx */
uint64_t plan_namespace_flag(enum machine_ns ns);
/** plan_has_late_user_ns() - the child makes its user namespace itself, after it has mounted the procfs of a joined pid
 * namespace, which the new one has no power over */
bool plan_has_late_user_ns(const struct machine_desc *d);
#endif
