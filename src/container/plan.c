/* SPDX-License-Identifier: GPL-2.0-or-later */
/* machine_desc -> steps.  Pure: reads nothing but the description, so that plans are compared with files in the tests. */
#include "container/plan.h"

#include "base/buf.h"
#include "base/str.h"
#include "container/container.h"

#include <sched.h>
#include <sys/mount.h>

static struct step *add(struct machine_plan *p, struct step s) {
        p->steps = xreallocarray(p->steps, p->n_steps + 1, sizeof(*p->steps));
        p->steps[p->n_steps] = s;
        return &p->steps[p->n_steps++];
}

static void add_kind(struct machine_plan *p, enum step_kind kind) {
        add(p, (struct step){ .kind = kind, .slot = -1 });
}

static const struct {
        const char *name;
        uint64_t flag;
} namespaces[] = {
        [MACHINE_NS_USER] = { "user", CLONE_NEWUSER },     [MACHINE_NS_MOUNT] = { "mount", CLONE_NEWNS },
        [MACHINE_NS_PID] = { "pid", CLONE_NEWPID },        [MACHINE_NS_NET] = { "net", CLONE_NEWNET },
        [MACHINE_NS_IPC] = { "ipc", CLONE_NEWIPC },        [MACHINE_NS_UTS] = { "uts", CLONE_NEWUTS },
        [MACHINE_NS_CGROUP] = { "cgroup", CLONE_NEWCGROUP }, [MACHINE_NS_TIME] = { "time", CLONE_NEWTIME },
};
_Static_assert(ELEMENTSOF(namespaces) == MACHINE_NS_MAX, "a row for each namespace");

static bool is_private(const struct machine_desc *d, enum machine_ns ns) {
        return d->ns[ns].mode == MACHINE_NS_PRIVATE;
}

static int check(const struct machine_desc *d, struct souk_err *err) {
        size_t sent = 0;
        if (!d->process.argv || !d->process.argv[0])
                return souk_err_set(err, SOUK_INVALID, -EINVAL, "no command to execute");
        if (!is_private(d, MACHINE_NS_MOUNT))
                return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP, "a container needs a mount namespace of its own");
        if (d->ns[MACHINE_NS_USER].mode == MACHINE_NS_JOIN || is_private(d, MACHINE_NS_TIME) || d->ns[MACHINE_NS_TIME].mode == MACHINE_NS_JOIN)
                return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP, "joining a user namespace and time namespaces are not supported yet");
        if (is_private(d, MACHINE_NS_USER) && (!d->n_uid_map || !d->n_gid_map))
                return souk_err_set(err, SOUK_INVALID, -EINVAL, "a user namespace needs a map of ids");
        for (size_t i = 0; i < d->n_mounts; i++) {
                if (d->mounts[i].target[0] != '/')
                        return souk_err_set(err, SOUK_INVALID, -EINVAL, "mount target '%s' is not absolute", d->mounts[i].target);
                sent += d->mounts[i].kind == MACHINE_MOUNT_BIND;
        }
        if (sent > PLAN_SENT_MAX)
                return souk_err_set(err, SOUK_LIMIT, -E2BIG, "%zu mounts from the host: the most is %d", sent, PLAN_SENT_MAX);
        if (d->init && !is_private(d, MACHINE_NS_PID))
                return souk_err_set(err, SOUK_INVALID, -EINVAL, "--init needs a pid namespace of the instance's own");
        return 0;
}

static void plan_host(struct machine_plan *p) {
        const struct machine_desc *d = p->desc;
        uint64_t flags = 0;
        for (size_t i = 0; i < MACHINE_NS_MAX; i++)
                if (is_private(d, (enum machine_ns) i))
                        flags |= namespaces[i].flag;
        add(p, (struct step){ .kind = STEP_CLONE, .flags = flags, .slot = -1 });
        if (is_private(d, MACHINE_NS_USER))
                add_kind(p, STEP_IDMAP);
        add_kind(p, STEP_CGROUP);
        add_kind(p, STEP_ROOT);
        for (size_t i = 0; i < d->n_mounts; i++)
                if (d->mounts[i].kind == MACHINE_MOUNT_BIND)
                        add(p, (struct step){ .kind = STEP_BIND_SOURCE, .mount = &d->mounts[i], .slot = (int) p->n_sent++ });
}

/* "/proc/sys/net/core/somaxconn" for "net.core.somaxconn" */
static char *sysctl_path(struct machine_plan *p, const char *key) {
        char *path = xasprintf("/proc/sys/%s", key);
        for (char *c = path + 10; *c; c++)
                if (*c == '.')
                        *c = '/';
        strv_push_take(&p->owned, path);
        return path;
}

static void plan_files(struct machine_plan *p) {
        const struct machine_desc *d = p->desc;
        bool dev_done = false;
        int slot = 0;
        for (size_t i = 0; i < d->n_mounts; i++) {
                const struct machine_mount *m = &d->mounts[i];
                add(p, (struct step){ .kind = STEP_MOUNT, .mount = m, .slot = m->kind == MACHINE_MOUNT_BIND ? slot++ : -1 });
                if (!streq(m->target, "/dev") || m->kind != MACHINE_MOUNT_TMPFS)
                        continue;
                for (size_t k = 0; k < d->n_devices; k++)
                        add(p, (struct step){ .kind = STEP_DEVICE, .device = &d->devices[k], .slot = -1 });
                add_kind(p, STEP_DEV_LINKS);
                dev_done = true;
        }
        for (size_t k = 0; !dev_done && k < d->n_devices; k++)
                add(p, (struct step){ .kind = STEP_DEVICE, .device = &d->devices[k], .slot = -1 });
        if (d->process.terminal)
                add_kind(p, STEP_CONSOLE);
        for (size_t i = 0; i < d->n_sysctls; i++) /* before /proc/sys becomes read-only */
                add(p, (struct step){ .kind = STEP_SYSCTL, .path = sysctl_path(p, d->sysctls[i].key), .value = d->sysctls[i].value, .slot = -1 });
        for (size_t i = 0; d->masked_paths && d->masked_paths[i]; i++)
                add(p, (struct step){ .kind = STEP_MASK, .path = d->masked_paths[i], .slot = -1 });
        for (size_t i = 0; d->readonly_paths && d->readonly_paths[i]; i++)
                add(p, (struct step){ .kind = STEP_READONLY_PATH, .path = d->readonly_paths[i], .slot = -1 });
        if (d->root.read_only)
                add_kind(p, STEP_READONLY_ROOT);
}

static void plan_child(struct machine_plan *p) {
        const struct machine_desc *d = p->desc;
        if (d->hostname && is_private(d, MACHINE_NS_UTS))
                add(p, (struct step){ .kind = STEP_HOSTNAME, .value = d->hostname, .slot = -1 });
        if (d->domainname && is_private(d, MACHINE_NS_UTS))
                add(p, (struct step){ .kind = STEP_DOMAINNAME, .value = d->domainname, .slot = -1 });
        if (is_private(d, MACHINE_NS_NET))
                add_kind(p, STEP_LOOPBACK);
        if (d->new_keyring)
                add_kind(p, STEP_KEYRING);
        add_kind(p, STEP_PIVOT);
        plan_files(p);
        if (d->process.n_rlimits)
                add_kind(p, STEP_RLIMITS);
        if (d->process.oom_score_adj != MACHINE_UNSET)
                add_kind(p, STEP_OOM_SCORE);
        add(p, (struct step){ .kind = STEP_WORKDIR, .path = str_empty(d->process.cwd) ? "/" : d->process.cwd, .slot = -1 });
        add_kind(p, STEP_CREDENTIALS);
        if (d->seccomp.n_insns)
                add_kind(p, STEP_SECCOMP);
        add_kind(p, STEP_EXEC);
}

int container_plan(const struct machine_desc *d, struct machine_plan **ret, struct souk_err *err) {
        int r = check(d, err);
        if (r < 0)
                return r;
        struct machine_plan *p = xcalloc(1, sizeof(*p));
        p->desc = d;
        plan_host(p);
        plan_child(p);
        *ret = p;
        return 0;
}

void container_plan_free(struct machine_plan *p) {
        strv_free(p->owned);
        free(p->steps);
        free(p);
}

/* ---- printing ---------------------------------------------------------------------------------------------------- */

static const char *const mount_kinds[] = {
        [MACHINE_MOUNT_BIND] = "bind", [MACHINE_MOUNT_TMPFS] = "tmpfs", [MACHINE_MOUNT_PROC] = "proc", [MACHINE_MOUNT_SYSFS] = "sysfs",
        [MACHINE_MOUNT_MQUEUE] = "mqueue", [MACHINE_MOUNT_DEVPTS] = "devpts", [MACHINE_MOUNT_CGROUP] = "cgroup",
};
_Static_assert(ELEMENTSOF(mount_kinds) == MACHINE_MOUNT_KIND_MAX, "a name for each kind of mount");

static char *describe_mount(const struct machine_mount *m) {
        struct buf b = BUF_INIT(8192);
        buf_addf(&b, "mount %s", mount_kinds[m->kind]);
        if (m->kind == MACHINE_MOUNT_BIND)
                buf_addf(&b, " %s", m->source);
        buf_addf(&b, " at %s", m->target);
        buf_add(&b, m->attr & MOUNT_ATTR_RDONLY ? " ro" : " rw");
        buf_add(&b, m->attr & MOUNT_ATTR_NOSUID ? ",nosuid" : "");
        buf_add(&b, m->attr & MOUNT_ATTR_NODEV ? ",nodev" : "");
        buf_add(&b, m->attr & MOUNT_ATTR_NOEXEC ? ",noexec" : "");
        buf_add(&b, m->idmap ? ",idmap" : "");
        buf_add(&b, m->recursive ? ",recursive" : "");
        if (m->options)
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
        struct buf b = BUF_INIT(8192);
        const struct machine_limits *l = &d->limits;
        buf_addf(&b, "cgroup souk/%s:", d->id);
        add_limit(&b, "memory", l->memory_bytes);
        add_limit(&b, "memory+swap", l->memory_swap_bytes);
        add_limit(&b, "cpu-quota-usec", l->cpu_quota_usec);
        add_limit(&b, "cpu-period-usec", l->cpu_period_usec);
        add_limit(&b, "cpu-shares", l->cpu_shares);
        if (l->cpuset_cpus)
                buf_addf(&b, " cpus=%s", l->cpuset_cpus);
        add_limit(&b, "pids", l->pids_max);
        if (l->filter_devices)
                buf_addf(&b, " device-rules=%zu", l->n_device_rules);
        else
                buf_add(&b, " all-devices");
        return buf_steal(&b);
}

static char *describe_clone(const struct machine_desc *d, uint64_t flags) {
        struct buf b = BUF_INIT(1024);
        buf_add(&b, "clone: new namespaces");
        for (size_t i = 0; i < MACHINE_NS_MAX; i++)
                if (flags & namespaces[i].flag)
                        buf_addf(&b, " %s", namespaces[i].name);
        for (size_t i = 0; i < MACHINE_NS_MAX; i++)
                if (d->ns[i].mode == MACHINE_NS_JOIN)
                        buf_addf(&b, ", join %s", namespaces[i].name);
        return buf_steal(&b);
}

static char *describe_idmap(const struct machine_desc *d) {
        struct buf b = BUF_INIT(8192);
        buf_add(&b, "map ids:");
        for (size_t i = 0; i < d->n_uid_map; i++)
                buf_addf(&b, "%s %u..%u are %u..%u on the host", i ? "," : "", d->uid_map[i].inside, d->uid_map[i].inside + d->uid_map[i].count - 1,
                         d->uid_map[i].outside, d->uid_map[i].outside + d->uid_map[i].count - 1);
        return buf_steal(&b);
}

static char *describe_credentials(const struct machine_process *p) {
        struct buf b = BUF_INIT(8192);
        buf_addf(&b, "credentials: user %s, capabilities", str_empty(p->user) ? "0" : p->user);
        for (unsigned i = 0; i < 64; i++)
                if (p->cap_effective >> i & 1 && capability_name(i))
                        buf_addf(&b, " %s", capability_name(i) + 4);
        if (!p->cap_effective)
                buf_add(&b, " none");
        if (p->no_new_privileges)
                buf_add(&b, ", no new privileges");
        return buf_steal(&b);
}

static char *describe_root(const struct machine_root *r) {
        if (!r->n_layers && r->dir_fd >= 0)
                return xstrdup("root: the directory as it is");
        return xasprintf("root: overlay of %zu layer%s and a writable one%s", r->n_layers, r->n_layers == 1 ? "" : "s", r->idmap_layers ? ", idmapped" : "");
}

char *step_describe(const struct machine_plan *plan, const struct step *s) {
        const struct machine_desc *d = plan->desc;
        switch (s->kind) {
        case STEP_CLONE:
                return describe_clone(d, s->flags);
        case STEP_IDMAP:
                return describe_idmap(d);
        case STEP_CGROUP:
                return describe_cgroup(d);
        case STEP_ROOT:
                return describe_root(&d->root);
        case STEP_BIND_SOURCE:
                return xasprintf("open the source %s of the mount at %s", s->mount->source, s->mount->target);
        case STEP_HOSTNAME:
                return xasprintf("hostname %s", s->value);
        case STEP_DOMAINNAME:
                return xasprintf("domain name %s", s->value);
        case STEP_LOOPBACK:
                return xstrdup("loopback interface up");
        case STEP_KEYRING:
                return xstrdup("new session keyring");
        case STEP_PIVOT:
                return xstrdup("pivot into the root, detach the host's");
        case STEP_MOUNT:
                return describe_mount(s->mount);
        case STEP_DEVICE:
                return xasprintf("device %s (%c %u:%u)", s->device->path, s->device->type, s->device->major, s->device->minor);
        case STEP_DEV_LINKS:
                return xstrdup("links /dev/fd, stdin, stdout, stderr, ptmx, core");
        case STEP_CONSOLE:
                return xstrdup("terminal and /dev/console");
        case STEP_MASK:
                return xasprintf("mask %s", s->path);
        case STEP_READONLY_PATH:
                return xasprintf("read-only %s", s->path);
        case STEP_SYSCTL:
                return xasprintf("sysctl %s = %s", s->path, s->value);
        case STEP_READONLY_ROOT:
                return xstrdup("root read-only");
        case STEP_RLIMITS:
                return xasprintf("%zu resource limit%s", d->process.n_rlimits, d->process.n_rlimits == 1 ? "" : "s");
        case STEP_OOM_SCORE:
                return xasprintf("oom_score_adj %lld", (long long) d->process.oom_score_adj);
        case STEP_WORKDIR:
                return xasprintf("working directory %s", s->path);
        case STEP_CREDENTIALS:
                return describe_credentials(&d->process);
        case STEP_SECCOMP:
                return xasprintf("seccomp filter of %u instructions", d->seccomp.n_insns);
        case STEP_EXEC: {
                _cleanup_free_ char *args = strv_join(d->process.argv, " ");
                return xasprintf("%s%s", d->init ? "init, then execute " : "execute ", args);
        }
        case STEP_KIND_MAX:
                break;
        }
        return xstrdup("?");
}

char *container_plan_format(const struct machine_plan *p) {
        struct buf b = BUF_INIT(8u << 20);
        for (size_t i = 0; i < p->n_steps; i++) {
                _cleanup_free_ char *text = step_describe(p, &p->steps[i]);
                buf_addf(&b, "%-6s%s\n", p->steps[i].kind < STEP_HOSTNAME ? "host" : "child", text);
        }
        return buf_steal(&b);
}
