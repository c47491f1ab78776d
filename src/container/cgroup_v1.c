/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control groups v1: a hierarchy a controller.  Memory, pids, devices, freezer and CPU always have a group
 * (statistics, pause and the end need them); cpuset only when it was asked for.  Spec: kernel
 * Documentation/admin-guide/cgroup-v1. */
#include "container/cgroup.h"

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"

#include <stdio.h>
#include <time.h>

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

static int format_device(char *out, size_t size, const struct machine_device_rule *d) {
        char major[24] = "*", minor[24] = "*";
        if (d->type == 'a')
                return snprintf(out, size, "a");
        if (d->major >= 0)
                snprintf(major, sizeof(major), "%lld", (long long) d->major);
        if (d->minor >= 0)
                snprintf(minor, sizeof(minor), "%lld", (long long) d->minor);
        return snprintf(out, size, "%c %s:%s %s%s%s", d->type, major, minor, d->read ? "r" : "", d->write ? "w" : "",
                        d->mknod ? "m" : "");
}

/* One rule a write; the files stay open between them. */
static int set_devices(int dir, const struct machine_limits *l, struct souk_err *err) {
        if (!l->filter_devices)
                return 0;
        _cleanup_close_ int allow = openat(dir, "devices.allow", O_WRONLY | O_CLOEXEC);
        _cleanup_close_ int deny = openat(dir, "devices.deny", O_WRONLY | O_CLOEXEC);
        if (allow < 0 || deny < 0)
                return souk_err_errno(err, errno, "opening the device list of a control group");
        for (size_t i = 0; i < l->n_device_rules; i++) {
                char text[80];
                int n = format_device(text, sizeof(text), &l->device_rules[i]);
                if (write(l->device_rules[i].allow ? allow : deny, text, (size_t) n) != n)
                        return souk_err_errno(err, errno, "%s the devices '%s'",
                                              l->device_rules[i].allow ? "allowing" : "denying", text);
        }
        return 0;
}

/* A new cpuset has no CPUs and no memory, and takes no process until it has. */
static int inherit(int from, int to, const char *file, struct souk_err *err) {
        _cleanup_free_ char *theirs = NULL, *ours = NULL;
        size_t n;
        int r = file_read(to, file, 4096, &ours, &n);
        if (r >= 0 && *ours && *ours != '\n')
                return 0;
        if (r >= 0)
                r = file_read(from, file, 4096, &theirs, &n);
        return r < 0 ? souk_err_errno(err, r, "reading '%s'", file) : cgroup_set(to, file, theirs, err);
}

static int set_cpuset(int dir, const struct machine_limits *l, struct souk_err *err) {
        _cleanup_close_ int parent = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_close_ int root = openat(dir, "../..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = inherit(root, parent, "cpuset.cpus", err);
        if (r >= 0)
                r = inherit(root, parent, "cpuset.mems", err);
        if (r >= 0)
                r = l->cpuset_cpus ? cgroup_set(dir, "cpuset.cpus", l->cpuset_cpus, err) :
                                     inherit(parent, dir, "cpuset.cpus", err);
        if (r >= 0)
                r = l->cpuset_mems ? cgroup_set(dir, "cpuset.mems", l->cpuset_mems, err) :
                                     inherit(parent, dir, "cpuset.mems", err);
        return r;
}

static const char *const hierarchies[] = { "memory", "pids", "devices", "freezer", "cpu", "cpuacct", "cpuset", NULL };

static const struct {
        int (*set)(int dir, const struct machine_limits *l, struct souk_err *err);
} controllers[] = { { set_memory }, { set_pids }, { set_devices }, { NULL }, { set_cpu }, { NULL }, { set_cpuset } };
_Static_assert(ELEMENTSOF(controllers) + 1 == ELEMENTSOF(hierarchies), "what is made is also removed");
_Static_assert(ELEMENTSOF(controllers) <= CGROUP_DIRS_MAX, "room for all");

static bool wants_cpuset(const struct machine_limits *l) {
        return !str_empty(l->cpuset_cpus) || !str_empty(l->cpuset_mems);
}

/* What a missing hierarchy means: limits that were asked for cannot be kept; the rest can be lived without. */
static bool is_asked_for(const char *hierarchy, const struct machine_limits *l) {
        if (streq(hierarchy, "memory"))
                return l->memory_bytes != MACHINE_UNSET || l->memory_swap_bytes != MACHINE_UNSET;
        if (streq(hierarchy, "pids"))
                return l->pids_max != MACHINE_UNSET && l->pids_max != MACHINE_UNLIMITED;
        if (streq(hierarchy, "devices"))
                return l->filter_devices;
        if (streq(hierarchy, "cpuset"))
                return true;
        return streq(hierarchy, "cpu") && (l->cpu_quota_usec != MACHINE_UNSET || l->cpu_shares != MACHINE_UNSET);
}

static int create_one(size_t i, const char *id, const struct machine_limits *l, struct cgroup *c,
                      struct souk_err *err) {
        const char *h = hierarchies[i];
        int dir = cgroup_dir_make(h, id, NULL, err);
        if (dir < 0) {
                char path[64];
                snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/tasks", h);
                if (access(path, F_OK) == 0)
                        return dir;
                if (is_asked_for(h, l))
                        return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP,
                                            "this system has no '%s' control groups, which the limits need", h);
                return 0;
        }
        c->dirs[i] = dir;
        return controllers[i].set ? controllers[i].set(dir, l, err) : 0;
}

static int create(const char *id, const struct machine_limits *l, struct cgroup *c, struct souk_err *err) {
        for (size_t i = 0; i < ELEMENTSOF(controllers); i++) {
                if (streq(hierarchies[i], "cpuset") && !wants_cpuset(l))
                        continue;
                int r = create_one(i, id, l, c, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* FREEZING is a state on the way, in which a write of FROZEN again helps those that were about to fork. */
static int freeze(int dir, bool frozen, struct souk_err *err) {
        for (int tries = 0; tries < 500; tries++) {
                _cleanup_free_ char *state = NULL;
                size_t n;
                int r = cgroup_set(dir, "freezer.state", frozen ? "FROZEN" : "THAWED", err);
                if (r >= 0)
                        r = file_read(dir, "freezer.state", 32, &state, &n);
                if (r < 0)
                        return r;
                if (!frozen || str_startswith(state, "FROZEN"))
                        return 0;
                nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        }
        (void) cgroup_set(dir, "freezer.state", "THAWED", NULL);
        return souk_err_set(err, SOUK_TIMEOUT, -ETIMEDOUT, "the processes do not freeze within half a second");
}

const struct cgroup_driver cgroup_v1 = {
        .hierarchies = hierarchies,
        .join_file = "tasks",
        .shown = (const char *const[]){ "memory", "cpu", "cpuacct", "pids", "cpuset", NULL },
        .create = create,
        .freeze = freeze,
        .freeze_hierarchy = "freezer",
        .freeze_file = "freezer.state",
        .thawed = 'T',
        .oom_file = "memory.oom_control",
        .oom_hierarchy = "memory",
        .swap_file = "memory.memsw.limit_in_bytes",
};
