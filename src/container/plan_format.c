/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plans as text: for --dry-run, for the golden tests, and for the message about a step that failed. */
#include "container/plan.h"

#include "base/buf.h"
#include "base/str.h"
#include "container/container.h"

#include <sys/mount.h>
#include <sys/resource.h>

static const char *const namespace_names[] = {
        [MACHINE_NS_USER] = "user",     [MACHINE_NS_MOUNT] = "mount", [MACHINE_NS_PID] = "pid",
        [MACHINE_NS_NET] = "net",       [MACHINE_NS_IPC] = "ipc",     [MACHINE_NS_UTS] = "uts",
        [MACHINE_NS_CGROUP] = "cgroup", [MACHINE_NS_TIME] = "time",
};
_Static_assert(ELEMENTSOF(namespace_names) == MACHINE_NS_MAX, "a name for each namespace");

static const char *const mount_kinds[] = {
        [MACHINE_MOUNT_BIND] = "bind",     [MACHINE_MOUNT_TMPFS] = "tmpfs",   [MACHINE_MOUNT_PROC] = "proc",
        [MACHINE_MOUNT_SYSFS] = "sysfs",   [MACHINE_MOUNT_MQUEUE] = "mqueue", [MACHINE_MOUNT_DEVPTS] = "devpts",
        [MACHINE_MOUNT_CGROUP] = "cgroup",
};
_Static_assert(ELEMENTSOF(mount_kinds) == MACHINE_MOUNT_KIND_MAX, "a name for each kind of mount");

static char *describe_mount(const char *verb, const struct machine_mount *m, bool attach) {
        struct buf b = BUF_INIT(16384);
        buf_addf(&b, "%s %s", verb, mount_kinds[m->kind]);
        if (m->kind == MACHINE_MOUNT_BIND)
                buf_addf(&b, " %s", m->source ? m->source : "?");
        buf_addf(&b, " %s %s", attach ? "at" : "for", m->target);
        if (attach)
                return buf_steal(&b);
        buf_add(&b, m->attr & MOUNT_ATTR_RDONLY ? " ro" : " rw");
        buf_add(&b, m->attr & MOUNT_ATTR_NOSUID ? ",nosuid" : "");
        buf_add(&b, m->attr & MOUNT_ATTR_NODEV ? ",nodev" : "");
        buf_add(&b, m->attr & MOUNT_ATTR_NOEXEC ? ",noexec" : "");
        buf_add(&b, m->attr & MOUNT_ATTR_NOATIME ? ",noatime" : "");
        buf_add(&b, m->idmap ? ",idmap" : "");
        buf_add(&b, m->recursive ? ",recursive" : "");
        buf_add(&b, m->propagation & MS_SHARED ? ",shared" : m->propagation & MS_SLAVE ? ",slave" : "");
        buf_add(&b, m->copy_up ? ",copy-up" : "");
        if (!str_empty(m->options))
                buf_addf(&b, ",%s", m->options);
        return buf_steal(&b);
}

static void add_limit(struct buf *b, const char *name, int64_t value) {
        if (value == MACHINE_UNLIMITED)
                buf_addf(b, " %s=max", name);
        else if (value != MACHINE_UNSET)
                buf_addf(b, " %s=%lld", name, (long long) value);
}

static char *describe_cgroup(const struct machine_desc *d) {
        struct buf b = BUF_INIT(16384);
        const struct machine_limits *l = &d->limits;
        buf_addf(&b, "cgroup souk/%s:", d->id);
        add_limit(&b, "memory", l->memory_bytes);
        add_limit(&b, "memory+swap", l->memory_swap_bytes);
        add_limit(&b, "cpu-quota-usec", l->cpu_quota_usec);
        add_limit(&b, "cpu-period-usec", l->cpu_period_usec);
        add_limit(&b, "cpu-shares", l->cpu_shares);
        if (l->cpuset_cpus)
                buf_addf(&b, " cpus=%s", l->cpuset_cpus);
        if (l->cpuset_mems)
                buf_addf(&b, " mems=%s", l->cpuset_mems);
        add_limit(&b, "pids", l->pids_max);
        if (l->filter_devices)
                buf_addf(&b, " device-rules=%zu", l->n_device_rules);
        else
                buf_add(&b, " all-devices");
        return buf_steal(&b);
}

static char *describe_namespaces(const struct machine_desc *d, const char *verb, uint64_t flags, bool joined) {
        struct buf b = BUF_INIT(1024);
        buf_add(&b, verb);
        for (size_t i = 0; i < MACHINE_NS_MAX; i++)
                if (flags & plan_namespace_flag((enum machine_ns) i))
                        buf_addf(&b, " %s", namespace_names[i]);
        for (size_t i = 0; joined && i < MACHINE_NS_MAX; i++)
                if (d->ns[i].mode == MACHINE_NS_JOIN)
                        buf_addf(&b, ", join %s", namespace_names[i]);
        return buf_steal(&b);
}

static void add_map(struct buf *b, const char *what, const struct machine_idmap *map, size_t n) {
        buf_add(b, what);
        for (size_t i = 0; i < n; i++)
                buf_addf(b, "%s %u+%u at %u", i ? "," : "", map[i].inside, map[i].count, map[i].outside);
}

static char *describe_idmap(const struct machine_desc *d) {
        struct buf b = BUF_INIT(65536);
        add_map(&b, "map uids", d->uid_map, d->n_uid_map);
        add_map(&b, "; gids", d->gid_map, d->n_gid_map);
        return buf_steal(&b);
}

static char *describe_credentials(const struct machine_process *p) {
        struct buf b = BUF_INIT(8192);
        buf_add(&b, "credentials: capabilities");
        for (unsigned i = 0; i < 64; i++)
                if (p->cap_bounding >> i & 1 && capability_name(i))
                        buf_addf(&b, " %s", capability_name(i) + 4);
        if (!p->cap_bounding)
                buf_add(&b, " none");
        buf_addf(&b, ", umask %04o", p->umask);
        if (p->no_new_privileges)
                buf_add(&b, ", no new privileges");
        return buf_steal(&b);
}

static char *describe_root(const struct machine_root *r) {
        if (r->dir_fd >= 0)
                return xasprintf("root: the directory as it is%s", r->idmap_layers ? ", idmapped" : "");
        return xasprintf("root: overlay of %zu layer%s and a writable one%s%s", r->n_layers,
                         r->n_layers == 1 ? "" : "s", r->idmap_layers ? ", idmapped" : "",
                         r->discard_upper ? ", discarded afterwards" : "");
}

static char *describe_dev(const struct machine_plan *p, const struct step *s) {
        struct buf b = BUF_INIT(1u << 20);
        _cleanup_free_ char *mount = describe_mount("make", s->mount, false);
        buf_addf(&b, "%s with", mount);
        for (size_t i = 0; i < p->desc->n_devices; i++) {
                const struct machine_device *d = &p->desc->devices[i];
                const char *name = str_startswith(d->path, "/dev/");
                if (name)
                        buf_addf(&b, " %s(%c %u:%u)", name, d->type, d->major, d->minor);
        }
        buf_add(&b, ", links fd stdin stdout stderr ptmx core");
        return buf_steal(&b);
}

static const char *base_path(const struct machine_plan *p, const struct step *s) {
        return s->base < 0 ? "" : s->base == p->proc_slot ? "/proc/" : s->base == p->sys_slot ? "/sys/" : "/dev/";
}

static const char *rlimit_name(int resource) {
        static const char *const names[] = {
                [RLIMIT_CPU] = "cpu",           [RLIMIT_FSIZE] = "fsize",
                [RLIMIT_DATA] = "data",         [RLIMIT_STACK] = "stack",
                [RLIMIT_CORE] = "core",         [RLIMIT_RSS] = "rss",
                [RLIMIT_NPROC] = "nproc",       [RLIMIT_NOFILE] = "nofile",
                [RLIMIT_MEMLOCK] = "memlock",   [RLIMIT_AS] = "as",
                [RLIMIT_LOCKS] = "locks",       [RLIMIT_SIGPENDING] = "sigpending",
                [RLIMIT_MSGQUEUE] = "msgqueue", [RLIMIT_NICE] = "nice",
                [RLIMIT_RTPRIO] = "rtprio",     [RLIMIT_RTTIME] = "rttime",
        };
        return resource >= 0 && (size_t) resource < ELEMENTSOF(names) && names[resource] ? names[resource] : "?";
}

static char *describe_rlimits(const struct machine_process *p) {
        struct buf b = BUF_INIT(8192);
        buf_add(&b, "resource limits");
        for (size_t i = 0; i < p->n_rlimits; i++) {
                buf_addf(&b, " %s=", rlimit_name(p->rlimits[i].resource));
                if (p->rlimits[i].soft == RLIM_INFINITY)
                        buf_add(&b, "unlimited");
                else
                        buf_addf(&b, "%llu", (unsigned long long) p->rlimits[i].soft);
                if (p->rlimits[i].hard == RLIM_INFINITY)
                        buf_add(&b, ":unlimited");
                else
                        buf_addf(&b, ":%llu", (unsigned long long) p->rlimits[i].hard);
        }
        return buf_steal(&b);
}

static char *describe_execute(const struct machine_desc *d) {
        _cleanup_free_ char *args = strv_join(d->process.argv, " ");
        return xasprintf("execute %.4000s", args);
}

/* Steps whose text needs more than a word. */
static char *describe_with_data(const struct machine_plan *p, const struct step *s) {
        const struct machine_desc *d = p->desc;
        switch (s->kind) {
        case STEP_CLONE:
                return describe_namespaces(d, "clone: new namespaces", s->flags, true);
        case STEP_IDMAP:
                return describe_idmap(d);
        case STEP_CGROUP:
                return describe_cgroup(d);
        case STEP_ROOT:
                return describe_root(&d->root);
        case STEP_DEV:
                return describe_dev(p, s);
        case STEP_HOST_FS:
        case STEP_NEW_FS:
                return describe_mount("make", s->mount, false);
        case STEP_BIND_SOURCE:
                return describe_mount("open", s->mount, false);
        case STEP_CGROUP_FS:
                return describe_mount("open", s->mount, false);
        case STEP_MOUNT:
        case STEP_MOUNT_CGROUP:
                return describe_mount("mount", s->mount, true);
        case STEP_NAMESPACES:
                return describe_namespaces(d, "namespaces", s->flags, false);
        case STEP_JOIN:
                return describe_namespaces(d, "join namespaces", s->flags, false);
        case STEP_RLIMITS:
                return describe_rlimits(&d->process);
        case STEP_CREDENTIALS:
                return describe_credentials(&d->process);
        case STEP_DEVICE:
        case STEP_DEVICE_SOURCE:
                return xasprintf(s->kind == STEP_DEVICE ? "device %s (%c %u:%u)" : "open the device for %s (%c %u:%u)",
                                 s->device->path, s->device->type, s->device->major, s->device->minor);
        case STEP_USER:
                return xasprintf("look up user %s", str_empty(d->process.user) ? "0" : d->process.user);
        case STEP_SECCOMP:
                return xasprintf("seccomp filter of %u instructions", d->seccomp.n_insns);
        case STEP_EXEC:
                return describe_execute(d);
        default:
                return NULL;
        }
}

/* The others: a format of base, path and value, of which it uses what it needs. */
static const char *const simple[STEP_KIND_MAX] = {
        [STEP_HOSTNAME] = "hostname",
        [STEP_DOMAINNAME] = "domain name",
        [STEP_LOOPBACK] = "loopback interface up",
        [STEP_RECEIVE] = "receive the root, the mounts, the user",
        [STEP_CGROUP_NS] = "cgroup namespace",
        [STEP_KEYRING] = "new session keyring",
        [STEP_SYSCTL] = "sysctl",
        [STEP_PIVOT] = "pivot into the root, detach the host's",
        [STEP_CONSOLE] = "terminal and /dev/console",
        [STEP_MASK] = "mask",
        [STEP_READONLY_PATH] = "read-only",
        [STEP_WORKDIR] = "working directory",
        [STEP_READONLY_ROOT] = "root read-only",
        [STEP_STDIO] = "standard streams, close all others",
        [STEP_PROGRAM] = "find the program",
        [STEP_INIT] = "fork: PID 1 reaps",
};

char *step_describe(const struct machine_plan *p, const struct step *s) {
        char *text = describe_with_data(p, s);
        if (text)
                return text;
        struct buf b = BUF_INIT(65536);
        buf_add(&b, simple[s->kind] ? simple[s->kind] : "?");
        if (s->path)
                buf_addf(&b, " %s%s", base_path(p, s), s->path);
        if (s->value)
                buf_addf(&b, s->path ? " = %s" : " %s", s->value);
        return buf_steal(&b);
}

char *container_plan_format(const struct machine_plan *p) {
        struct buf b = BUF_INIT(8u << 20);
        for (size_t i = 0; i < p->n_steps; i++) {
                _cleanup_free_ char *text = step_describe(p, &p->steps[i]);
                buf_addf(&b, "%-6s%s\n", p->steps[i].kind < STEP_FIRST_CHILD ? "host" : "child", text);
        }
        return buf_steal(&b);
}
