/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_CONTAINER_CONTAINER_H
#define SOUK_CONTAINER_CONTAINER_H
/*
 * The container backend, besides its vtable (iface/backend.h): what an engine needs to write a machine_desc that
 * behaves as Docker's containers do, and what this kernel can do for containers.
 */
#include "iface/backend.h"

#include <stdio.h>

/* ---- capabilities ------------------------------------------------------------------------------------------------ */

/* What Docker gives by default: chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw
 * sys_chroot mknod audit_write setfcap. */
#define CAPABILITIES_DEFAULT UINT64_C(0x00000000a80425fb)

/** capability_parse() - "NET_ADMIN", "CAP_NET_ADMIN", any case, or "ALL". @ret_bits: bit n is capability n.
 * Return: 0 or -EINVAL no such capability. */
int capability_parse(const char *name, uint64_t *ret_bits);
/** capability_all() - all that this kernel knows */
uint64_t capability_all(void);
/** capability_name() - "CAP_NET_ADMIN", or NULL */
const char *capability_name(unsigned capability);

/* ---- seccomp ----------------------------------------------------------------------------------------------------- */

struct seccomp_request {
        const char *profile;    /* text of a JSON profile (Docker's or OCI's form); NULL: Docker's default */
        uint64_t capabilities;  /* bounding set of the container: profiles allow calls by it */
};
/**
 * seccomp_get() - a filter as BPF, from the cache or compiled
 * @cache_dirfd: [borrowed] directory of compiled filters; negative: no cache.  A broken or foreign file in it is
 *               ignored and replaced; a cache that cannot be written is no failure.
 * @ret_insns:   [owned] struct sock_filter[]
 * @ret_n:       their number, > 0
 * Return: 0; -EINVAL (SOUK_INVALID) a malformed profile, the message names the place; -EOPNOTSUPP.
 */
int seccomp_get(int cache_dirfd, const struct seccomp_request *request, void **ret_insns, uint16_t *ret_n,
                struct souk_err *err);

/* ---- defaults ---------------------------------------------------------------------------------------------------- */

#define CONTAINER_MOUNTS_MAX 8
struct container_mounts_request {
        bool user_namespace;    /* of its own */
        bool host_network;      /* or another container's: /sys of its own cannot be mounted */
        bool host_pid, host_ipc;
        bool privileged;        /* /sys and /sys/fs/cgroup writable */
        uint64_t shm_bytes;     /* 0: 64 MiB */
};
/**
 * container_default_mounts() - /proc /dev /dev/pts /sys /sys/fs/cgroup /dev/mqueue /dev/shm, in this order
 * Fds are absent, strings are static, but that of /dev/shm, which is good until the next call.  A file system that the
 * container could not mount itself (procfs with the host's processes, sysfs with the host's network, mqueue with the
 * host's IPC) is bound from the host by apply.
 * Return: number of mounts.
 */
size_t container_default_mounts(const struct container_mounts_request *q,
                                struct machine_mount ret[CONTAINER_MOUNTS_MAX]);
/** container_default_devices() - null zero full random urandom tty. [static] */
size_t container_default_devices(const struct machine_device **ret);
/** container_default_device_rules() - nothing, but mknod of all, and the default devices, ptys and /dev/console.
 * [static] */
size_t container_default_device_rules(const struct machine_device_rule **ret);
/** container_host_devices() - every device node below the host's /dev (pts, shm, mqueue and console left out), for
 * privileged containers. @ret [owned] array; free with container_devices_free(). Return: number or negative errno. */
ssize_t container_host_devices(struct machine_device **ret);
void container_devices_free(struct machine_device *v, size_t n);
/** Docker's lists.  [static] vectors */
char *const *container_masked_paths(void);
char *const *container_readonly_paths(void);

/* ---- this kernel ------------------------------------------------------------------------------------------------- */

/** container_accounts_swap() - is a limit on memory + swap possible here? */
bool container_accounts_swap(void);

struct container_features {     /* for `souk info`; asking costs some milliseconds, apply does not need it */
        const char *cgroup_layout;      /* "v1", "hybrid", "v2", "none" */
        char cgroup_controllers[192];   /* "cpu cpuacct memory ..." as containers can use them */
        bool swap_accounting;
        bool user_namespaces, time_namespaces, cgroup_namespaces;
        bool overlay, overlay_lowerdir_add, erofs, erofs_file_backed, idmapped_mounts;
        bool seccomp, landlock;
        bool clone_into_cgroup, cgroup_kill;
        bool no_keyrings;
        int seccomp_api;                /* libseccomp's API level */
};
void container_features_get(struct container_features *ret);

/** container_parents_remove() - remove the 'souk' cgroups that hold our groups, where they are empty */
void container_parents_remove(void);

#endif
