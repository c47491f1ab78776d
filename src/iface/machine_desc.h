/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_IFACE_MACHINE_DESC_H
#define SOUK_IFACE_MACHINE_DESC_H
/*
 * What the engine hands to a backend: one machine, fully resolved.  Names of images, volumes and networks are gone; what
 * is left are fds (borrowed), numeric ids, byte counts, and paths inside the machine.  Strings called "source" are for
 * printing plans and messages only.  A backend turns it into a plan (pure) and applies the plan (effects).
 *
 * Absent values: fds -EBADF, limits UNSET.  Everything is borrowed and outlives plan and apply.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#define MACHINE_UNSET INT64_MIN
#define MACHINE_UNLIMITED (-1)

enum machine_ns {
        MACHINE_NS_USER, MACHINE_NS_MOUNT, MACHINE_NS_PID, MACHINE_NS_NET, MACHINE_NS_IPC, MACHINE_NS_UTS,
        MACHINE_NS_CGROUP, MACHINE_NS_TIME, MACHINE_NS_MAX
};
enum machine_ns_mode { MACHINE_NS_HOST, MACHINE_NS_PRIVATE, MACHINE_NS_JOIN };
struct machine_namespace {
        enum machine_ns_mode mode;
        int fd;                         /* JOIN: an nsfs fd */
};

struct machine_idmap {
        uint32_t inside, outside, count;
};

struct machine_root {
        const int *layer_fds;           /* roots of the layers, lowest first: O_PATH fds of directories */
        size_t n_layers;
        int upper_fd, work_fd;          /* -EBADF: none, the root is read-only by nature */
        bool read_only;                 /* remounted read-only after set-up */
        bool discard_upper;             /* the upper is removed afterwards: its file system is not synced at the end */
        int dir_fd;                     /* instead of layers: one directory that is bound as it is (OCI bundle) */
        bool idmap_layers;              /* false: ids on disk are host ids already */
};

enum machine_mount_kind {
        MACHINE_MOUNT_BIND, MACHINE_MOUNT_TMPFS, MACHINE_MOUNT_PROC, MACHINE_MOUNT_SYSFS, MACHINE_MOUNT_MQUEUE,
        MACHINE_MOUNT_DEVPTS, MACHINE_MOUNT_CGROUP, MACHINE_MOUNT_KIND_MAX
};
struct machine_mount {
        enum machine_mount_kind kind;
        int source_fd;                  /* BIND: O_PATH fd of the file or directory */
        const char *source;
        const char *target;             /* absolute path inside; made when missing */
        uint64_t attr;                  /* MOUNT_ATTR_RDONLY, _NOSUID, _NODEV, _NOEXEC, _NOATIME ... */
        bool recursive;                 /* BIND: submounts too; attr applies to all of them */
        unsigned long propagation;      /* MS_PRIVATE, MS_SLAVE, MS_SHARED; 0: private */
        bool source_is_dir;
        bool idmap;                     /* BIND: ids on disk are the machine's own; falls back to none where the
                                           filesystem cannot, and that is reported */
        const char *options;            /* filesystem options: "size=65536k,mode=1777" */
        bool copy_up;                   /* TMPFS: start with what the image has there */
};

struct machine_device {                 /* a device node that appears inside */
        const char *path;               /* inside */
        const char *source;             /* on the host; bound where nodes cannot be made */
        char type;                      /* 'c' 'b' */
        uint32_t major, minor;
        uint32_t mode, uid, gid;
};
struct machine_device_rule {
        bool allow;
        char type;                      /* 'a' 'b' 'c' */
        int64_t major, minor;           /* -1: all */
        bool read, write, mknod;
};

struct machine_limits {
        int64_t memory_bytes;           /* MACHINE_UNSET, MACHINE_UNLIMITED or bytes */
        int64_t memory_swap_bytes;      /* memory + swap together, as Docker has it */
        int64_t cpu_quota_usec, cpu_period_usec;
        int64_t cpu_shares;             /* 2..262144, v1 scale */
        const char *cpuset_cpus, *cpuset_mems;
        int64_t pids_max;
        const struct machine_device_rule *device_rules; /* in order, the last match wins */
        size_t n_device_rules;
        bool filter_devices;            /* false (privileged): no device rules at all */
};

struct machine_rlimit {
        int resource;                   /* RLIMIT_x */
        rlim_t soft, hard;
};
struct machine_pair {
        const char *key, *value;
};

/* A process: the first one, or one that exec adds.  User and group are names or numbers as the image or user wrote them;
 * they are looked up in the machine's own /etc/passwd and /etc/group, before anything of the machine runs. */
struct machine_process {
        char *const *argv;              /* argv[0] is looked up in the PATH of envp, inside */
        char *const *envp;              /* HOME is added from /etc/passwd when missing */
        const char *cwd;                /* "" or NULL: "/"; made when make_cwd */
        bool make_cwd;
        const char *user;               /* "", "name", "uid", "name:group", "uid:gid" */
        char *const *extra_groups;      /* names or numbers */
        uint32_t umask;
        bool terminal;
        uint16_t rows, cols;
        bool no_new_privileges;
        uint64_t cap_bounding, cap_effective, cap_permitted, cap_inheritable, cap_ambient; /* bit n: capability n */
        const struct machine_rlimit *rlimits;
        size_t n_rlimits;
        int64_t oom_score_adj;          /* MACHINE_UNSET: inherited */
        int stdio[3];                   /* not a terminal: fds that become 0, 1, 2; -EBADF: the machine's /dev/null */
};

struct machine_seccomp {
        const void *insns;              /* struct sock_filter[] */
        uint16_t n_insns;               /* 0: unconfined */
        uint32_t flags;                 /* SECCOMP_FILTER_FLAG_x */
};

struct machine_desc {
        const char *id;                 /* names cgroups and everything else outside the records */
        const char *hostname, *domainname;
        struct machine_namespace ns[MACHINE_NS_MAX];
        const struct machine_idmap *uid_map, *gid_map; /* of a private user namespace */
        size_t n_uid_map, n_gid_map;
        struct machine_root root;
        const struct machine_mount *mounts; /* in order */
        size_t n_mounts;
        const struct machine_device *devices;
        size_t n_devices;
        char *const *masked_paths;
        char *const *readonly_paths;
        const struct machine_pair *sysctls;
        size_t n_sysctls;
        struct machine_limits limits;
        struct machine_seccomp seccomp;
        struct machine_process process;
        bool init;                      /* PID 1 is a reaper of ours, the workload its child */
        bool new_keyring;
        bool die_with_parent;           /* the monitor's death ends the machine */
};
#endif
