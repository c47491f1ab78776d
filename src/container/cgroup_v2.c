/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control groups v2: one tree.  Controllers are handed down once, when the parent is made; devices are filtered by
 * eBPF. Spec: kernel Documentation/admin-guide/cgroup-v2.rst. */
#include "container/cgroup.h"

#include "base/file.h"
#include "base/str.h"

#include <stdio.h>
#include <time.h>

static const char *const hierarchies[] = { "", NULL };

static int enable_controllers(int dir, struct souk_err *err) {
        static const char *const wanted[] = { "memory", "pids", "cpu", "cpuset" };
        _cleanup_free_ char *text = NULL;
        size_t n;
        int r = file_read(dir, "cgroup.controllers", 4096, &text, &n);
        if (r < 0)
                return souk_err_errno(err, r, "reading cgroup.controllers");
        text[strcspn(text, "\n")] = '\0';
        _cleanup_strv_ char **there = str_split(text, ' ');
        for (size_t i = 0; i < ELEMENTSOF(wanted); i++) {
                char enable[32];
                snprintf(enable, sizeof(enable), "+%s", wanted[i]);
                if (strv_has(there, wanted[i]) && (r = cgroup_set(dir, "cgroup.subtree_control", enable, err)) < 0)
                        return r;
        }
        return 0;
}

static int prepare_parent(int root, int parent, struct souk_err *err) {
        int r = enable_controllers(root, err);
        return r < 0 ? r : enable_controllers(parent, err);
}

static int set_bytes(int dir, const char *file, int64_t value, struct souk_err *err) {
        char text[24];
        if (value == MACHINE_UNSET)
                return 0;
        if (value == MACHINE_UNLIMITED)
                return cgroup_set(dir, file, "max", err);
        snprintf(text, sizeof(text), "%lld", (long long) value);
        return cgroup_set(dir, file, text, err);
}

static int set_cpu(int dir, const struct machine_limits *l, struct souk_err *err) {
        char text[64];
        int r = 0;
        long long period = l->cpu_period_usec == MACHINE_UNSET ? 100000 : (long long) l->cpu_period_usec;
        if (l->cpu_quota_usec > 0)
                snprintf(text, sizeof(text), "%lld %lld", (long long) l->cpu_quota_usec, period);
        else
                snprintf(text, sizeof(text), "max %lld", period);
        if (l->cpu_quota_usec != MACHINE_UNSET || l->cpu_period_usec != MACHINE_UNSET)
                r = cgroup_set(dir, "cpu.max", text, err);
        if (r >= 0 && l->cpu_shares != MACHINE_UNSET) {
                /* 2..262144 onto 1..10000, as runc and the kubelet do it */
                snprintf(text, sizeof(text), "%lld", (long long) (1 + (l->cpu_shares - 2) * 9999 / 262142));
                r = cgroup_set(dir, "cpu.weight", text, err);
        }
        return r;
}

static int set_limits(int dir, const struct machine_limits *l, struct souk_err *err) {
        int64_t swap = l->memory_swap_bytes;
        if (swap > 0 && l->memory_bytes > 0)
                swap -= l->memory_bytes; /* v2 counts swap alone */
        int r = set_bytes(dir, "memory.max", l->memory_bytes, err);
        if (r >= 0)
                r = set_bytes(dir, "memory.swap.max", swap, err);
        if (r >= 0)
                r = set_bytes(dir, "pids.max", l->pids_max, err);
        if (r >= 0)
                r = set_cpu(dir, l, err);
        if (r >= 0 && !str_empty(l->cpuset_cpus))
                r = cgroup_set(dir, "cpuset.cpus", l->cpuset_cpus, err);
        if (r >= 0 && !str_empty(l->cpuset_mems))
                r = cgroup_set(dir, "cpuset.mems", l->cpuset_mems, err);
        if (r >= 0 && l->filter_devices)
                r = device_filter_attach(dir, l->device_rules, l->n_device_rules, err);
        return r;
}

static int create(const char *id, const struct machine_limits *l, struct cgroup *c, struct souk_err *err) {
        c->dirs[0] = cgroup_dir_make("", id, prepare_parent, err);
        c->clone_into = c->dirs[0] >= 0;
        return c->dirs[0] < 0 ? c->dirs[0] : set_limits(c->dirs[0], l, err);
}

/* "frozen 1" in cgroup.events tells that the last process has stopped. */
static int freeze(int dir, bool frozen, struct souk_err *err) {
        int r = cgroup_set(dir, "cgroup.freeze", frozen ? "1" : "0", err);
        for (int tries = 0; r >= 0 && frozen && tries < 500; tries++) {
                _cleanup_free_ char *events = NULL;
                size_t n;
                r = file_read(dir, "cgroup.events", 4096, &events, &n);
                if (r >= 0 && strstr(events, "frozen 1"))
                        return 0;
                nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        }
        return r < 0 || !frozen ?
                       r :
                       souk_err_set(err, SOUK_TIMEOUT, -ETIMEDOUT, "the processes do not freeze within half a second");
}

const struct cgroup_driver cgroup_v2 = {
        .hierarchies = hierarchies,
        .join_file = "cgroup.procs",
        .create = create,
        .freeze = freeze,
        .freeze_hierarchy = "",
        .freeze_file = "cgroup.freeze",
        .thawed = '0',
        .oom_file = "memory.events",
        .oom_hierarchy = "",
        .swap_file = "memory.swap.max",
};
