/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * machine_desc -> steps.  Pure: reads nothing but the description, so that plans are compared with files in the
 * tests.
 *
 * Who makes a file system is decided here.  The child can mount procfs, sysfs and mqueue only of namespaces that its
 * user namespace owns; for those of the host, or of another container, the host side makes them.  /dev is always made
 * by the host side: it may make device nodes, which a user namespace may not.
 */
#include "container/plan.h"

#include "base/str.h"

#include <sched.h>
#include <sys/mount.h>

static struct step *add(struct machine_plan *p, struct step s) {
        p->steps = xreallocarray(p->steps, p->n_steps + 1, sizeof(*p->steps));
        p->steps[p->n_steps] = s;
        return &p->steps[p->n_steps++];
}

static struct step *add_kind(struct machine_plan *p, enum step_kind kind) {
        return add(p, (struct step){ .kind = kind, .slot = -1, .base = -1 });
}

static void add_path(struct machine_plan *p, enum step_kind kind, const char *path) {
        add_kind(p, kind)->path = path;
}

uint64_t plan_namespace_flag(enum machine_ns ns) {
        static const uint64_t flags[] = {
                [MACHINE_NS_USER] = CLONE_NEWUSER,     [MACHINE_NS_MOUNT] = CLONE_NEWNS,
                [MACHINE_NS_PID] = CLONE_NEWPID,       [MACHINE_NS_NET] = CLONE_NEWNET,
                [MACHINE_NS_IPC] = CLONE_NEWIPC,       [MACHINE_NS_UTS] = CLONE_NEWUTS,
                [MACHINE_NS_CGROUP] = CLONE_NEWCGROUP, [MACHINE_NS_TIME] = CLONE_NEWTIME,
        };
        _Static_assert(ELEMENTSOF(flags) == MACHINE_NS_MAX, "a flag for each namespace");
        return flags[ns];
}

static bool is_private(const struct machine_desc *d, enum machine_ns ns) {
        return d->ns[ns].mode == MACHINE_NS_PRIVATE;
}

bool plan_has_late_user_ns(const struct machine_desc *d) {
        return is_private(d, MACHINE_NS_USER) && d->ns[MACHINE_NS_PID].mode == MACHINE_NS_JOIN;
}

/* ---- what cannot be done ----------------------------------------------------------------------------------------- */

static int check_id(const char *id, struct souk_err *err) {
        size_t n = id ? strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-+") : 0;
        if (n == 0 || n > 200 || id[n] || id[0] == '.')
                return souk_err_set(err, SOUK_INVALID, -EINVAL,
                                    "container id '%s': it must be letters, digits, '_', '.', '-', '+'", id ? id : "");
        return 0;
}

static int check_namespaces(const struct machine_desc *d, struct souk_err *err) {
        if (!is_private(d, MACHINE_NS_MOUNT))
                return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP,
                                    "a container needs a mount namespace of its own");
        if (d->ns[MACHINE_NS_USER].mode == MACHINE_NS_JOIN)
                return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP,
                                    "joining another container's user namespace is not supported");
        if (d->ns[MACHINE_NS_TIME].mode != MACHINE_NS_HOST)
                return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP, "time namespaces are not supported");
        if (is_private(d, MACHINE_NS_USER) && (!d->n_uid_map || !d->n_gid_map))
                return souk_err_set(err, SOUK_INVALID, -EINVAL, "a user namespace needs a map of ids");
        if (d->init && !is_private(d, MACHINE_NS_PID))
                return souk_err_set(err, SOUK_INVALID, -EINVAL, "--init needs a pid namespace of the container's own");
        return 0;
}

static int check_paths(const struct machine_desc *d, struct souk_err *err) {
        for (size_t i = 0; i < d->n_mounts; i++)
                if (d->mounts[i].target[0] != '/' || !d->mounts[i].target[1])
                        return souk_err_set(err, SOUK_INVALID, -EINVAL,
                                            "mount target '%s': it must be absolute, and not the root",
                                            d->mounts[i].target);
        for (size_t i = 0; i < d->n_devices; i++)
                if (d->devices[i].path[0] != '/')
                        return souk_err_set(err, SOUK_INVALID, -EINVAL, "device '%s': the path must be absolute",
                                            d->devices[i].path);
        for (size_t i = 0; i < d->n_sysctls; i++)
                if (strstr(d->sysctls[i].key, "..") || d->sysctls[i].key[0] == '.' || d->sysctls[i].key[0] == '/')
                        return souk_err_set(err, SOUK_INVALID, -EINVAL, "sysctl '%s': no such name", d->sysctls[i].key);
        return 0;
}

static int check(const struct machine_desc *d, struct souk_err *err) {
        if (!d->process.argv || !d->process.argv[0])
                return souk_err_set(err, SOUK_INVALID, -EINVAL, "no command to execute");
        int r = check_id(d->id, err);
        if (r >= 0)
                r = check_namespaces(d, err);
        return r < 0 ? r : check_paths(d, err);
}

/* ---- mounts ------------------------------------------------------------------------------------------------------ */

enum origin { FROM_CHILD, FROM_HOST, FROM_BIND, FROM_DEV, FROM_CGROUP };

static bool is_dev(const struct machine_mount *m) {
        return m->kind == MACHINE_MOUNT_TMPFS && streq(m->target, "/dev") && !m->copy_up;
}

/* A file system that shows a namespace: the child's user namespace must own that one. */
static enum origin origin_of(const struct machine_desc *d, enum machine_ns ns) {
        return is_private(d, MACHINE_NS_USER) && !is_private(d, ns) ? FROM_HOST : FROM_CHILD;
}

static enum origin mount_origin(const struct machine_desc *d, const struct machine_mount *m) {
        switch (m->kind) {
        case MACHINE_MOUNT_BIND:
                return FROM_BIND;
        case MACHINE_MOUNT_CGROUP:
                return FROM_CGROUP;
        case MACHINE_MOUNT_PROC: /* of a joined one: the child, before it enters its user namespace */
                return d->ns[MACHINE_NS_PID].mode == MACHINE_NS_JOIN ? FROM_CHILD : origin_of(d, MACHINE_NS_PID);
        case MACHINE_MOUNT_SYSFS: /* with the network of a joined namespace the host side could not know whose it is */
                return d->ns[MACHINE_NS_NET].mode == MACHINE_NS_JOIN ? FROM_HOST : origin_of(d, MACHINE_NS_NET);
        case MACHINE_MOUNT_MQUEUE:
                return d->ns[MACHINE_NS_IPC].mode == MACHINE_NS_JOIN ? FROM_HOST : origin_of(d, MACHINE_NS_IPC);
        default:
                return is_dev(m) ? FROM_DEV : FROM_CHILD;
        }
}

static void add_slot(struct machine_plan *p, enum step_kind kind, const struct machine_mount *m, int slot) {
        struct step *s = add_kind(p, kind);
        s->mount = m;
        s->slot = slot;
}

/* A device that is no node of our own /dev: the host's is bound. */
static bool is_bound_device(const struct machine_plan *p, const struct machine_device *d) {
        return p->dev_slot < 0 || !str_startswith(d->path, "/dev/");
}

/* Slots by mount; the host side's first. */
static void assign_slots(struct machine_plan *p, int *slots) {
        const struct machine_desc *d = p->desc;
        p->n_sent = 1; /* the root */
        for (size_t i = 0; i < d->n_mounts; i++)
                if (is_dev(&d->mounts[i]))
                        p->dev_slot = p->n_sent; /* for now: that there is one */
        for (size_t i = 0; i < d->n_devices; i++)
                p->n_sent += is_bound_device(p, &d->devices[i]); /* [1, ...) in their order */
        for (size_t i = 0; i < d->n_mounts; i++)
                if (mount_origin(d, &d->mounts[i]) != FROM_CHILD) {
                        slots[i] = p->n_sent;
                        p->n_sent += d->mounts[i].kind == MACHINE_MOUNT_CGROUP ? PLAN_CGROUP_SLOTS : 1;
                }
        p->n_slots = p->n_sent;
        for (size_t i = 0; i < d->n_mounts; i++)
                if (mount_origin(d, &d->mounts[i]) == FROM_CHILD)
                        slots[i] = p->n_slots++;
        for (size_t i = 0; i < d->n_mounts; i++) {
                const struct machine_mount *m = &d->mounts[i];
                if (m->kind == MACHINE_MOUNT_PROC && streq(m->target, "/proc"))
                        p->proc_slot = slots[i];
                else if (m->kind == MACHINE_MOUNT_SYSFS && streq(m->target, "/sys"))
                        p->sys_slot = slots[i];
                else if (m->kind == MACHINE_MOUNT_DEVPTS && streq(m->target, "/dev/pts"))
                        p->pts_slot = slots[i];
                else if (is_dev(m))
                        p->dev_slot = slots[i];
        }
}

static void add_devices(struct machine_plan *p, enum step_kind kind) {
        int slot = 1;
        for (size_t i = 0; i < p->desc->n_devices; i++)
                if (is_bound_device(p, &p->desc->devices[i])) {
                        struct step *s = add_kind(p, kind);
                        s->device = &p->desc->devices[i];
                        s->slot = slot++;
                }
}

static void plan_host(struct machine_plan *p, const int *slots) {
        static const enum step_kind kinds[] = {
                [FROM_HOST] = STEP_HOST_FS,
                [FROM_BIND] = STEP_BIND_SOURCE,
                [FROM_DEV] = STEP_DEV,
                [FROM_CGROUP] = STEP_CGROUP_FS,
        };
        const struct machine_desc *d = p->desc;
        uint64_t flags = 0;
        for (size_t i = 0; i < MACHINE_NS_MAX; i++)
                if (is_private(d, (enum machine_ns) i))
                        flags |= plan_namespace_flag((enum machine_ns) i);
        add_kind(p, STEP_CLONE)->flags = flags;
        if (is_private(d, MACHINE_NS_USER))
                add_kind(p, STEP_IDMAP);
        add_kind(p, STEP_CGROUP);
        add_kind(p, STEP_ROOT)->slot = 0;
        for (size_t i = 0; i < d->n_mounts; i++) {
                enum origin from = mount_origin(d, &d->mounts[i]);
                if (from != FROM_CHILD)
                        add_slot(p, kinds[from], &d->mounts[i], slots[i]);
        }
        add_devices(p, STEP_DEVICE_SOURCE);
        add_kind(p, STEP_USER);
}

/* ---- the child --------------------------------------------------------------------------------------------------- */

/* "sys/net/core/somaxconn" for "net.core.somaxconn"; a key that has slashes is a path already, and keeps its dots */
static char *sysctl_path(struct machine_plan *p, const char *key) {
        char *path = xasprintf("sys/%s", key);
        for (char *c = path + 4; *c && !strchr(key, '/'); c++)
                if (*c == '.')
                        *c = '/';
        strv_push_take(&p->owned, path);
        return path;
}

/* Below a file system that we made ourselves the path is taken from there: nothing of the image can redirect it. */
static void add_hidden(struct machine_plan *p, enum step_kind kind, const char *path) {
        const char *rest;
        struct step *s = add_kind(p, kind);
        s->path = path;
        if (p->proc_slot >= 0 && (rest = str_startswith(path, "/proc/"))) {
                s->base = p->proc_slot;
                s->path = rest;
        } else if (p->sys_slot >= 0 && (rest = str_startswith(path, "/sys/"))) {
                s->base = p->sys_slot;
                s->path = rest;
        }
}

static void plan_mounts(struct machine_plan *p, const int *slots) {
        const struct machine_desc *d = p->desc;
        for (size_t i = 0; i < d->n_mounts; i++) {
                const struct machine_mount *m = &d->mounts[i];
                const char *below_dev = p->dev_slot >= 0 ? str_startswith(m->target, "/dev/") : NULL;
                add_slot(p, m->kind == MACHINE_MOUNT_CGROUP ? STEP_MOUNT_CGROUP : STEP_MOUNT, m, slots[i]);
                /* pts, shm, mqueue: the host side has made the directory */
                if (below_dev && !strchr(below_dev, '/') && m->kind != MACHINE_MOUNT_BIND) {
                        p->steps[p->n_steps - 1].base = p->dev_slot;
                        p->steps[p->n_steps - 1].path = below_dev;
                }
        }
        add_devices(p, STEP_DEVICE);
}

/* What both a new container and an exec end with. */
static void plan_process(struct machine_plan *p, bool first) {
        const struct machine_process *w = &p->desc->process;
        if (w->n_rlimits)
                add_kind(p, STEP_RLIMITS);
        add_path(p, STEP_WORKDIR, str_empty(w->cwd) ? "/" : w->cwd);
        if (first && p->desc->root.read_only)
                add_kind(p, STEP_READONLY_ROOT);
        add_kind(p, STEP_STDIO);
        add_kind(p, STEP_CREDENTIALS);
        add_kind(p, STEP_PROGRAM);
        if (first && p->desc->init)
                add_kind(p, STEP_INIT);
        if (p->desc->seccomp.n_insns)
                add_kind(p, STEP_SECCOMP);
        add_kind(p, STEP_EXEC);
}

/* Only an owner of the pid namespace can mount its procfs: the child is one until it enters a user namespace of its
 * own. */
static bool is_early(const struct machine_desc *d, const struct machine_mount *m) {
        return m->kind == MACHINE_MOUNT_PROC && d->ns[MACHINE_NS_PID].mode == MACHINE_NS_JOIN;
}

static void plan_child(struct machine_plan *p, const int *slots) {
        const struct machine_desc *d = p->desc;
        p->first_child = p->n_steps;
        for (size_t i = 0; i < d->n_mounts; i++)
                if (is_early(d, &d->mounts[i]))
                        add_slot(p, STEP_NEW_FS, &d->mounts[i], slots[i]);
        struct step *namespaces = add_kind(p, STEP_NAMESPACES);
        for (size_t i = 0; i < MACHINE_NS_MAX; i++)
                if (is_private(d, (enum machine_ns) i) && i != MACHINE_NS_USER && i != MACHINE_NS_PID &&
                    i != MACHINE_NS_CGROUP)
                        namespaces->flags |= plan_namespace_flag((enum machine_ns) i);
        if (d->hostname && is_private(d, MACHINE_NS_UTS))
                add_kind(p, STEP_HOSTNAME)->value = d->hostname;
        if (d->domainname && is_private(d, MACHINE_NS_UTS))
                add_kind(p, STEP_DOMAINNAME)->value = d->domainname;
        if (is_private(d, MACHINE_NS_NET))
                add_kind(p, STEP_LOOPBACK);
        for (size_t i = 0; i < d->n_mounts; i++)
                if (mount_origin(d, &d->mounts[i]) == FROM_CHILD && !is_early(d, &d->mounts[i]))
                        add_slot(p, STEP_NEW_FS, &d->mounts[i], slots[i]);
        if (d->new_keyring)
                add_kind(p, STEP_KEYRING);
        add_kind(p, STEP_RECEIVE);
        if (is_private(d, MACHINE_NS_CGROUP))
                add_kind(p, STEP_CGROUP_NS);
        for (size_t i = 0; i < d->n_sysctls; i++) {
                struct step *s = add_kind(p, STEP_SYSCTL);
                s->path = sysctl_path(p, d->sysctls[i].key);
                s->value = d->sysctls[i].value;
                s->base = p->proc_slot;
        }
        add_kind(p, STEP_PIVOT);
        plan_mounts(p, slots);
        if (d->process.terminal)
                add_kind(p, STEP_CONSOLE);
        for (size_t i = 0; d->masked_paths && d->masked_paths[i]; i++)
                add_hidden(p, STEP_MASK, d->masked_paths[i]);
        for (size_t i = 0; d->readonly_paths && d->readonly_paths[i]; i++)
                add_hidden(p, STEP_READONLY_PATH, d->readonly_paths[i]);
        plan_process(p, true);
}

static struct machine_plan *plan_new(const struct machine_desc *d) {
        struct machine_plan *p = xcalloc(1, sizeof(*p));
        p->desc = d;
        p->proc_slot = p->sys_slot = p->dev_slot = p->pts_slot = -1;
        return p;
}

int container_plan(const struct machine_desc *d, struct machine_plan **ret, struct souk_err *err) {
        int r = check(d, err);
        if (r < 0)
                return r;
        struct machine_plan *p = plan_new(d);
        _cleanup_free_ int *slots = xcalloc(d->n_mounts + 1, sizeof(int));
        assign_slots(p, slots);
        if (p->n_sent > PLAN_SENT_MAX || p->n_slots > PLAN_SLOTS_MAX)
                r = souk_err_set(err, SOUK_LIMIT, -E2BIG, "%zu mounts: the most is about %d", d->n_mounts,
                                 PLAN_SENT_MAX);
        if (r >= 0 && d->n_sysctls && p->proc_slot < 0)
                r = souk_err_set(err, SOUK_INVALID, -EINVAL, "setting a sysctl needs a procfs at /proc");
        if (r < 0) {
                container_plan_free(p);
                return r;
        }
        plan_host(p, slots);
        plan_child(p, slots);
        *ret = p;
        return 0;
}

int container_plan_exec(const struct machine_desc *d, struct machine_plan **ret, struct souk_err *err) {
        if (!d->process.argv || !d->process.argv[0])
                return souk_err_set(err, SOUK_INVALID, -EINVAL, "no command to execute");
        struct machine_plan *p = plan_new(d);
        p->n_sent = p->n_slots = 1;
        add_kind(p, STEP_CLONE);
        add_kind(p, STEP_CGROUP);
        add_kind(p, STEP_USER);
        p->first_child = p->n_steps;
        struct step *join = add_kind(p, STEP_JOIN);
        for (size_t i = 0; i < MACHINE_NS_MAX; i++)
                if (d->ns[i].mode != MACHINE_NS_HOST)
                        join->flags |= plan_namespace_flag((enum machine_ns) i);
        if (d->new_keyring)
                add_kind(p, STEP_KEYRING);
        add_kind(p, STEP_RECEIVE);
        if (d->process.terminal)
                add_kind(p, STEP_CONSOLE);
        plan_process(p, false);
        *ret = p;
        return 0;
}

void container_plan_free(struct machine_plan *p) {
        strv_free(p->owned);
        free(p->steps);
        free(p);
}
