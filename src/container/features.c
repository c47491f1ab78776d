/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this kernel can do for containers: tried, not read from a version number.  For `souk info`. */
#include "container/container.h"

#include "base/file.h"
#include "base/str.h"
#include "container/cgroup.h"
#include "container/seccomp_profile.h"
#include "sys/fs.h"

#include <linux/magic.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

static bool has_filesystem(const char *name) {
        _cleanup_close_ int fd = fsopen(name, FSOPEN_CLOEXEC);
        return fd >= 0;
}

/* Before 6.5 an overlay takes any option until it is made: one that cannot be made tells an unknown option (EINVAL) from a
 * lower that is no directory. */
static bool overlay_takes_lowerdir_add(void) {
        _cleanup_close_ int fs = fsopen("overlay", FSOPEN_CLOEXEC);
        return fs >= 0 && fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", "/nonexistent/souk", 0) < 0 && errno == ENOENT;
}

/* 6.12 and later say ENOTBLK no more for a regular file: an empty one is then "not EROFS" (EINVAL). */
static bool erofs_from_file(void) {
        _cleanup_close_ int fs = fsopen("erofs", FSOPEN_CLOEXEC);
        if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "source", "/proc/self/exe", 0) < 0)
                return false;
        (void) !fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0);
        return fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 && errno != ENOTBLK && errno != EPERM;
}

static void layout(struct container_features *f) {
        struct statfs fs;
        bool v2 = statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
        bool hybrid = !v2 && statfs("/sys/fs/cgroup/unified", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
        f->cgroup_layout = v2 ? "v2" : hybrid ? "hybrid" : access("/sys/fs/cgroup/memory", F_OK) == 0 ? "v1" : "none";
        _cleanup_free_ char *text = NULL;
        size_t n;
        if (v2 && file_read(AT_FDCWD, "/sys/fs/cgroup/cgroup.controllers", sizeof(f->cgroup_controllers) - 1, &text,
                            &n) >= 0) {
                text[strcspn(text, "\n")] = '\0';
                strncpy(f->cgroup_controllers, text, sizeof(f->cgroup_controllers) - 1);
        }
        for (const char *const *h = cgroup_v1.hierarchies; !v2 && *h; h++) {
                _cleanup_free_ char *path = xasprintf("/sys/fs/cgroup/%s/tasks", *h);
                size_t used = strlen(f->cgroup_controllers);
                if (access(path, F_OK) == 0 && used + strlen(*h) + 2 < sizeof(f->cgroup_controllers))
                        strcat(strcat(f->cgroup_controllers, used ? " " : ""), *h);
        }
        f->clone_into_cgroup = v2 && seccomp_kernel_at_least(5, 7);
        f->cgroup_kill = v2 && seccomp_kernel_at_least(5, 14);
}

/* The administrator's switch. */
static bool user_namespaces_allowed(void) {
        _cleanup_free_ char *text = NULL;
        size_t n;
        int r = file_read(AT_FDCWD, "/proc/sys/user/max_user_namespaces", 32, &text, &n);
        return r < 0 || strtoul(text, NULL, 10) > 0;
}

void container_features_get(struct container_features *f) {
        uint32_t action = SECCOMP_RET_ERRNO;
        layout(f);
        f->swap_accounting = container_accounts_swap();
        f->user_namespaces = access("/proc/self/ns/user", F_OK) == 0 && user_namespaces_allowed();
        f->time_namespaces = access("/proc/self/ns/time", F_OK) == 0;
        f->cgroup_namespaces = access("/proc/self/ns/cgroup", F_OK) == 0;
        f->overlay = has_filesystem("overlay");
        f->overlay_lowerdir_add = overlay_takes_lowerdir_add();
        f->erofs = has_filesystem("erofs");
        f->erofs_file_backed = f->erofs && erofs_from_file();
        f->idmapped_mounts = syscall(SYS_mount_setattr, -1, NULL, 0, NULL, 0) < 0 && errno != ENOSYS;
        f->seccomp_api = (int) seccomp_api_get();
        f->seccomp = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
        f->landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, 1u) > 0;
        f->no_keyrings = access("/proc/keys", F_OK) != 0;
}
