/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control groups v1: a hierarchy a controller.  Memory, pids, devices, freezer and CPU always have a group (statistics,
 * pause and the end need them); cpuset only when it was asked for.  Spec: kernel Documentation/admin-guide/cgroup-v1. */
#include "container/cgroup.h"

#include "base/file.h"
#include "base/str.h"

#include <stdio.h>

static const char *const hierarchies[] = { "memory", "pids", "devices", "freezer", "cpu", "cpuacct", "cpuset", NULL };

static int set_number(int dir, const char *file, int64_t value, struct souk_err *err) {
        char text[24];
        if (value == MACHINE_UNSET)
                return 0;
        snprintf(text, sizeof(text), "%lld", (long long) value);
        return cgroup_set(dir, file, text, err);
}

static int set_memory(int dir, const struct machine_limits *l, struct souk_err *err) {
        int r = set_number(dir, "memory.limit_in_bytes", l->memory_bytes, err);
        return r < 0 ? r : set_number(dir, "memory.memsw.limit_in_bytes", l->memory_swap_bytes, err);
}

static int set_pids(int dir, const struct machine_limits *l, struct souk_err *err) {
        if (l->pids_max == MACHINE_UNLIMITED)
                return cgroup_set(dir, "pids.max", "max", err);
        return set_number(dir, "pids.max", l->pids_max, err);
}

static int set_cpu(int dir, const struct machine_limits *l, struct souk_err *err) {
        int r = set_number(dir, "cpu.shares", l->cpu_shares, err);
        if (r >= 0)
                r = set_number(dir, "cpu.cfs_period_us", l->cpu_period_usec, err);
        return r < 0 ? r : set_number(dir, "cpu.cfs_quota_us", l->cpu_quota_usec, err);
}

static void format_device(char *out, size_t size, const struct machine_device_rule *d) {
        char major[24] = "*", minor[24] = "*";
        if (d->type == 'a') {
                snprintf(out, size, "a");
                return;
        }
        if (d->major >= 0)
                snprintf(major, sizeof(major), "%lld", (long long) d->major);
        if (d->minor >= 0)
                snprintf(minor, sizeof(minor), "%lld", (long long) d->minor);
        snprintf(out, size, "%c %s:%s %s%s%s", d->type, major, minor, d->read ? "r" : "", d->write ? "w" : "", d->mknod ? "m" : "");
}

static int set_devices(int dir, const struct machine_limits *l, struct souk_err *err) {
        char text[80];
        for (size_t i = 0; l->filter_devices && i < l->n_device_rules; i++) {
                format_device(text, sizeof(text), &l->device_rules[i]);
                int r = cgroup_set(dir, l->device_rules[i].allow ? "devices.allow" : "devices.deny", text, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A new cpuset has no CPUs and no memory, and takes no process until it has. */
static int copy_file(int from, int to, const char *file, struct souk_err *err) {
        _cleanup_free_ char *text = NULL;
        size_t n;
        int r = file_read(from, file, 4096, &text, &n);
        if (r < 0)
                return souk_err_errno(err, r, "reading '%s'", file);
        return cgroup_set(to, file, text, err);
}

static int prepare_cpuset_parent(int root, int parent, struct souk_err *err) {
        int r = copy_file(root, parent, "cpuset.cpus", err);
        return r < 0 ? r : copy_file(root, parent, "cpuset.mems", err);
}

static int set_cpuset(int dir, const struct machine_limits *l, struct souk_err *err) {
        _cleanup_close_ int parent = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = l->cpuset_cpus ? cgroup_set(dir, "cpuset.cpus", l->cpuset_cpus, err) : copy_file(parent, dir, "cpuset.cpus", err);
        if (r >= 0)
                r = l->cpuset_mems ? cgroup_set(dir, "cpuset.mems", l->cpuset_mems, err) : copy_file(parent, dir, "cpuset.mems", err);
        return r;
}

static const struct {
        const char *hierarchy;
        int (*set)(int dir, const struct machine_limits *l, struct souk_err *err);
        int (*prepare_parent)(int root, int parent, struct souk_err *err);
} controllers[] = {
        { "memory", set_memory, NULL },   { "pids", set_pids, NULL }, { "devices", set_devices, NULL },
        { "freezer", NULL, NULL },        { "cpu", set_cpu, NULL },   { "cpuacct", NULL, NULL },
        { "cpuset", set_cpuset, prepare_cpuset_parent },
};
_Static_assert(ELEMENTSOF(controllers) + 1 == ELEMENTSOF(hierarchies), "what is made is also removed");
_Static_assert(ELEMENTSOF(controllers) <= CGROUP_DIRS_MAX, "room for all");

/* What a missing hierarchy means: limits that were asked for cannot be kept; the rest can be lived without. */
static bool is_asked_for(const char *hierarchy, const struct machine_limits *l) {
        if (streq(hierarchy, "memory"))
                return l->memory_bytes != MACHINE_UNSET || l->memory_swap_bytes != MACHINE_UNSET;
        if (streq(hierarchy, "pids"))
                return l->pids_max > 0;
        if (streq(hierarchy, "devices"))
                return l->filter_devices;
        return streq(hierarchy, "cpu") && (l->cpu_quota_usec != MACHINE_UNSET || l->cpu_shares != MACHINE_UNSET);
}

static int create(const char *id, const struct machine_limits *l, struct cgroup *c, struct souk_err *err) {
        for (size_t i = 0; i < ELEMENTSOF(controllers); i++) {
                const char *h = controllers[i].hierarchy;
                char path[64];
                bool cpuset = streq(h, "cpuset");
                if (cpuset && !l->cpuset_cpus && !l->cpuset_mems)
                        continue;
                int dir = cgroup_dir_make(h, id, controllers[i].prepare_parent, err);
                if (dir < 0) {
                        snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/tasks", h);
                        if (access(path, F_OK) == 0)
                                return dir;
                        if (cpuset || is_asked_for(h, l))
                                return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP,
                                                    "this system has no '%s' control groups, which the limits need", h);
                        continue;
                }
                c->dirs[c->n_dirs++] = dir;
                int r = controllers[i].set ? controllers[i].set(dir, l, err) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

static int freeze(const char *id, bool frozen, struct souk_err *err) {
        char path[160];
        snprintf(path, sizeof(path), "/sys/fs/cgroup/freezer/" CGROUP_PARENT "/%s", id);
        _cleanup_close_ int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return souk_err_errno(err, errno, "%s", path);
        return cgroup_set(dir, "freezer.state", frozen ? "FROZEN" : "THAWED", err);
}

const struct cgroup_driver cgroup_v1 = {
        .create = create,
        .hierarchies = hierarchies,
        .freeze = freeze,
        .oom_file = "memory.oom_control",
        .oom_hierarchy = "memory",
        .swap_file = "memory.memsw.limit_in_bytes",
};
