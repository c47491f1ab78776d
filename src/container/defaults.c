/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every container has unless told otherwise: mounts, devices, hidden paths.  Docker's lists, so that images that
 * run there run here.  Spec: OCI runtime-spec 1.2, config-linux.md "Default Filesystems", "Default Devices". */
#include "container/container.h"

#include "base/str.h"

#include <stdio.h>
#include <sys/mount.h>

#define NOSUID_NODEV_NOEXEC (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

size_t container_default_mounts(const struct container_mounts_request *q,
                                struct machine_mount out[CONTAINER_MOUNTS_MAX]) {
        static char shm_options[64];
        uint64_t sys = NOSUID_NODEV_NOEXEC | (q->privileged ? 0 : MOUNT_ATTR_RDONLY);
        uint64_t shm_bytes = q->shm_bytes ? q->shm_bytes : UINT64_C(64) << 20;
        const struct machine_mount mounts[] = {
                { .kind = MACHINE_MOUNT_PROC, .target = "/proc", .attr = NOSUID_NODEV_NOEXEC },
                { .kind = MACHINE_MOUNT_TMPFS,
                  .target = "/dev",
                  .attr = MOUNT_ATTR_NOSUID,
                  .options = "mode=755,size=65536k" },
                { .kind = MACHINE_MOUNT_DEVPTS,
                  .target = "/dev/pts",
                  .attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
                  .options = "newinstance,ptmxmode=0666,mode=0620,gid=5" },
                { .kind = MACHINE_MOUNT_SYSFS, .target = "/sys", .attr = sys },
                { .kind = MACHINE_MOUNT_CGROUP, .target = "/sys/fs/cgroup", .attr = sys },
                { .kind = MACHINE_MOUNT_MQUEUE, .target = "/dev/mqueue", .attr = NOSUID_NODEV_NOEXEC },
                { .kind = MACHINE_MOUNT_TMPFS,
                  .target = "/dev/shm",
                  .attr = NOSUID_NODEV_NOEXEC,
                  .options = shm_options },
        };
        _Static_assert(ELEMENTSOF(mounts) <= CONTAINER_MOUNTS_MAX, "room for all");
        snprintf(shm_options, sizeof(shm_options), "mode=1777,size=%llu", (unsigned long long) shm_bytes);
        for (size_t i = 0; i < ELEMENTSOF(mounts); i++) {
                out[i] = mounts[i];
                out[i].source_fd = -EBADF;
                out[i].source_is_dir = true;
        }
        return ELEMENTSOF(mounts);
}

size_t container_default_devices(const struct machine_device **ret) {
        static const struct machine_device devices[] = {
                { "/dev/null", "/dev/null", 'c', 1, 3, 0666, 0, 0 },
                { "/dev/zero", "/dev/zero", 'c', 1, 5, 0666, 0, 0 },
                { "/dev/full", "/dev/full", 'c', 1, 7, 0666, 0, 0 },
                { "/dev/random", "/dev/random", 'c', 1, 8, 0666, 0, 0 },
                { "/dev/urandom", "/dev/urandom", 'c', 1, 9, 0666, 0, 0 },
                { "/dev/tty", "/dev/tty", 'c', 5, 0, 0666, 0, 0 },
        };
        *ret = devices;
        return ELEMENTSOF(devices);
}

size_t container_default_device_rules(const struct machine_device_rule **ret) {
        static const struct machine_device_rule rules[] = {
                { false, 'a', -1, -1, true, true, true },
                { true, 'c', -1, -1, false, false, true }, /* making nodes is harmless: opening them is checked */
                { true, 'b', -1, -1, false, false, true },
                { true, 'c', 1, 3, true, true, true },
                { true, 'c', 1, 5, true, true, true },
                { true, 'c', 1, 7, true, true, true },
                { true, 'c', 1, 8, true, true, true },
                { true, 'c', 1, 9, true, true, true },
                { true, 'c', 5, 0, true, true, true },
                { true, 'c', 5, 1, true, true, true },
                { true, 'c', 5, 2, true, true, true },
                { true, 'c', 136, -1, true, true, true }, /* pseudo terminals */
        };
        *ret = rules;
        return ELEMENTSOF(rules);
}

char *const *container_masked_paths(void) {
        static const char *const paths[] = {
                "/proc/acpi",
                "/proc/asound",
                "/proc/interrupts",
                "/proc/kcore",
                "/proc/keys",
                "/proc/latency_stats",
                "/proc/sched_debug",
                "/proc/scsi",
                "/proc/timer_list",
                "/proc/timer_stats",
                "/sys/devices/virtual/powercap",
                "/sys/firmware",
                NULL,
        };
        return (char *const *) paths;
}

char *const *container_readonly_paths(void) {
        static const char *const paths[] = { "/proc/bus",           "/proc/fs", "/proc/irq", "/proc/sys",
                                             "/proc/sysrq-trigger", NULL };
        return (char *const *) paths;
}
