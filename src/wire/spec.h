/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_WIRE_SPEC_H
#define SOUK_WIRE_SPEC_H
/*
 * The specification of an instance, as it stands in its record: the user's request joined with the image's configuration,
 * every option parsed and checked.  Names are still names (images, paths on the host, other instances); they are resolved
 * to fds at each start.  Stored as one JSON object; unknown keys are ignored, so that an older program reads a newer record.
 */
#include "base/json.h"
#include "base/str.h"
#include <souk/err.h>
#include <souk/souk.h>

#define SPEC_UNSET INT64_MIN

enum spec_mount_type { SPEC_MOUNT_BIND, SPEC_MOUNT_TMPFS, SPEC_MOUNT_TYPE_MAX };
struct spec_mount {
        enum spec_mount_type type;
        char *source;           /* bind: absolute path on the host */
        char *target;           /* absolute, normalised */
        char *options;          /* tmpfs: "size=65536,mode=1777" */
        char *propagation;      /* bind: "private" (default), "rprivate", "slave", "rslave", "shared", "rshared" */
        bool read_only, no_suid, no_dev, no_exec;
        bool non_recursive;
        bool no_idmap;          /* bind: ids on disk are the host's */
        bool create_source;     /* bind by -v: a missing source directory is made, as Docker does */
};
struct spec_device {
        char *source, *path;
        bool read, write, mknod;
};
struct spec_rlimit {
        char *name;             /* "nofile" */
        int64_t soft, hard;     /* -1: unlimited */
};

struct instance_spec {
        char *isolation;        /* "container" */
        char **entrypoint, **cmd; /* args = entrypoint + cmd */
        char **env;
        char *cwd, *user;
        char **groups;
        bool tty, open_stdin, init;
        char *stop_signal;      /* "TERM" */
        uint64_t stop_timeout_usec;
        struct spec_rlimit *rlimits;
        size_t n_rlimits;
        char **labels;          /* "key=value" */
        struct spec_mount *mounts;
        size_t n_mounts;
        bool read_only;
        uint64_t shm_bytes;
        struct spec_device *devices;
        size_t n_devices;
        int64_t memory_bytes, memory_swap_bytes;        /* SPEC_UNSET; swap -1: unlimited */
        int64_t cpu_quota_usec, cpu_period_usec, cpu_shares, pids_limit;
        char *cpuset_cpus;
        int64_t oom_score_adj;
        char **cap_add, **cap_drop;
        char *seccomp;          /* NULL: default; "unconfined"; else the text of a JSON profile */
        bool no_new_privileges, privileged;
        char *userns, *pid, *ipc, *uts, *cgroupns, *network; /* "private" ("none" for network), "host", "container:ID" */
        char *hostname, *domainname;
        char **add_host;        /* "name:address" */
        char **dns, **dns_search, **dns_option;
        char **sysctls;         /* "key=value" */
};
void instance_spec_clear(struct instance_spec *s);
char *instance_spec_format(const struct instance_spec *s); /* JSON text [owned] */
int instance_spec_parse(const char *text, struct instance_spec *ret, struct souk_err *err);
/** instance_spec_args() - entrypoint and cmd joined [owned strv] */
char **instance_spec_args(const struct instance_spec *s);
#endif
