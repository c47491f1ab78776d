/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The facade over both versions of control groups: see cgroup.h. */
#include "container/cgroup.h"

#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"

#include <dirent.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <time.h>

#define CGROUP_ROOT "/sys/fs/cgroup"
#define RMDIR_PATIENCE_USEC 3000000ULL

static const struct cgroup_driver *driver(void) {
        static const struct cgroup_driver *chosen;
        struct statfs fs;
        if (!chosen)
                chosen = statfs(CGROUP_ROOT, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC ? &cgroup_v2 : &cgroup_v1;
        return chosen;
}

bool cgroup_is_v2(void) {
        return driver() == &cgroup_v2;
}

static const char *group_path(char *buf, size_t size, const char *hierarchy, const char *id) {
        snprintf(buf, size, CGROUP_ROOT "/%s%s" CGROUP_PARENT "%s%s", hierarchy, *hierarchy ? "/" : "", id ? "/" : "", id ? id : "");
        return buf;
}

static int group_open(const char *hierarchy, const char *id) {
        char path[256];
        int fd = open(group_path(path, sizeof(path), hierarchy, id), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

int cgroup_set(int dir, const char *file, const char *value, struct souk_err *err) {
        int r = file_write(dir, file, value);
        if (r == -ENOENT)
                return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP, "this kernel's control groups have no '%s': '%s' cannot be set", file, value);
        if (r < 0)
                return souk_err_errno(err, r, "setting '%s' to '%s'", file, value);
        return 0;
}

int cgroup_dir_make(const char *hierarchy, const char *id, int (*prepare_parent)(int, int, struct souk_err *), struct souk_err *err) {
        char path[256];
        for (int tries = 0; tries < 8; tries++) { /* the parent may be removed by a `souk system reset` meanwhile */
                group_path(path, sizeof(path), hierarchy, id);
                if (mkdir(path, 0755) == 0) {
                        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                        return fd < 0 ? souk_err_errno(err, errno, "%s", path) : fd;
                }
                if (errno != ENOENT)
                        return souk_err_errno(err, errno, "making the control group %s", path);
                group_path(path, sizeof(path), hierarchy, NULL);
                if (mkdir(path, 0755) < 0 && errno != EEXIST)
                        return souk_err_errno(err, errno, "making the control group %s", path);
                if (!prepare_parent)
                        continue;
                _cleanup_close_ int parent = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                _cleanup_close_ int root = parent < 0 ? -EBADF : openat(parent, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                int r = root < 0 ? -ENOENT : prepare_parent(root, parent, err);
                if (r < 0 && r != -ENOENT)
                        return r;
        }
        return souk_err_set(err, SOUK_INTERNAL, -EAGAIN, "the control group %s cannot be made: its parent vanishes", path);
}

int cgroup_create(const char *id, const struct machine_limits *l, struct cgroup *ret, struct souk_err *err) {
        struct cgroup c = {};
        for (size_t i = 0; i < CGROUP_DIRS_MAX; i++)
                c.dirs[i] = -EBADF;
        int r = driver()->create(id, l, &c, err);
        if (r < 0) {
                cgroup_close(&c);
                (void) cgroup_destroy(id, NULL, NULL);
                return r;
        }
        *ret = c;
        return 0;
}

int cgroup_open(const char *id, struct cgroup *ret, struct souk_err *err) {
        struct cgroup c = {};
        for (size_t i = 0; i < CGROUP_DIRS_MAX; i++)
                c.dirs[i] = -EBADF;
        for (const char *const *h = driver()->hierarchies; *h && c.n_dirs < CGROUP_DIRS_MAX; h++) {
                int fd = group_open(*h, id);
                if (fd >= 0)
                        c.dirs[c.n_dirs++] = fd;
                else if (fd != -ENOENT) {
                        cgroup_close(&c);
                        return souk_err_errno(err, fd, "opening the control group of instance %.12s in '%s'", id, *h);
                }
        }
        *ret = c;
        return 0;
}

int cgroup_attach(const struct cgroup *c, pid_t pid, struct souk_err *err) {
        char text[16];
        snprintf(text, sizeof(text), "%d", pid);
        for (size_t i = 0; i < c->n_dirs; i++) {
                int r = file_write(c->dirs[i], "cgroup.procs", text);
                if (r < 0)
                        return souk_err_errno(err, r, "putting process %d into its control group", pid);
        }
        return 0;
}

void cgroup_close(struct cgroup *c) {
        for (size_t i = 0; i < CGROUP_DIRS_MAX; i++)
                c->dirs[i] = fd_close(c->dirs[i]);
        c->n_dirs = 0;
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static bool oom_happened(const char *id) {
        _cleanup_close_ int dir = group_open(driver()->oom_hierarchy, id);
        _cleanup_free_ char *text = NULL;
        size_t n;
        if (dir < 0 || file_read(dir, driver()->oom_file, 4096, &text, &n) < 0)
                return false;
        const char *p = strstr(text, "oom_kill ");
        return p && strtoul(p + 9, NULL, 10) > 0;
}

static void kill_members(int dir) {
        if (file_write(dir, "cgroup.kill", "1") >= 0) /* v2, 5.14 */
                return;
        _cleanup_free_ char *text = NULL;
        size_t n;
        if (file_read(dir, "cgroup.procs", 1u << 20, &text, &n) < 0)
                return;
        for (char *p = text; *p;) {
                pid_t pid = (pid_t) strtol(p, &p, 10);
                if (pid > 1)
                        kill(pid, SIGKILL);
                p += strspn(p, "\n");
        }
}

/* rmdir of a group that is dying: EBUSY until the last process is really gone. */
static int group_remove(const char *hierarchy, const char *id, uint64_t deadline) {
        char path[256];
        group_path(path, sizeof(path), hierarchy, id);
        for (unsigned wait_usec = 50;; wait_usec = MIN(wait_usec * 2, 20000u)) {
                if (rmdir(path) == 0 || errno == ENOENT)
                        return 0;
                if (errno != EBUSY)
                        return -errno;
                _cleanup_close_ int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (dir >= 0)
                        kill_members(dir);
                if (now_usec() > deadline)
                        return -EBUSY;
                nanosleep(&(struct timespec){ .tv_nsec = wait_usec * 1000L }, NULL);
        }
}

int cgroup_destroy(const char *id, bool *ret_oom_killed, struct souk_err *err) {
        if (ret_oom_killed)
                *ret_oom_killed = oom_happened(id);
        uint64_t deadline = now_usec() + RMDIR_PATIENCE_USEC;
        int result = 0;
        for (const char *const *h = driver()->hierarchies; *h; h++) {
                int r = group_remove(*h, id, deadline);
                if (r < 0)
                        result = souk_err_errno(err, r, "removing the control group of instance %.12s in '%s'", id, *h);
        }
        return result;
}

int cgroup_list(char ***ret_ids, struct souk_err *err) {
        for (const char *const *h = driver()->hierarchies; *h; h++) {
                int fd = group_open(*h, NULL);
                DIR *d = fd < 0 ? NULL : fdopendir(fd);
                if (!d) {
                        fd_close(fd);
                        continue;
                }
                for (struct dirent *e; (e = readdir(d));)
                        if (e->d_type == DT_DIR && e->d_name[0] != '.' && !strv_has(*ret_ids, e->d_name))
                                strv_push(ret_ids, e->d_name);
                closedir(d);
        }
        return 0;
}

int cgroup_freeze(const char *id, bool frozen, struct souk_err *err) {
        return driver()->freeze(id, frozen, err);
}

bool cgroup_accounts_swap(void) {
        if (!driver()->swap_file)
                return true;
        char path[256];
        snprintf(path, sizeof(path), CGROUP_ROOT "/%s/%s", driver()->oom_hierarchy, driver()->swap_file);
        return access(path, F_OK) == 0;
}

void cgroup_parents_remove(void) {
        char path[256];
        for (const char *const *h = driver()->hierarchies; *h; h++)
                rmdir(group_path(path, sizeof(path), *h, NULL));
}
