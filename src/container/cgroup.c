/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The facade over both versions of control groups: see cgroup.h.
 *
 * The end of an instance is the part that needs patience.  Its groups can hold processes that outlived PID 1 (with
 * the host's pid namespace there is none that takes them along), groups that it made itself, and dead processes whose
 * last reference the kernel has not dropped: rmdir says EBUSY.  So: kill, with the freezer holding them so that none
 * forks away, remove from the leaves up, and try again for a limited time.
 */
#include "container/cgroup.h"

#include "base/file.h"
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
        snprintf(buf, size, CGROUP_ROOT "/%s%s" CGROUP_PARENT "%s%s", hierarchy, *hierarchy ? "/" : "", id ? "/" : "",
                 id ? id : "");
        return buf;
}

static int group_open(const char *hierarchy, const char *id) {
        char path[320];
        int fd = open(group_path(path, sizeof(path), hierarchy, id), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

void cgroup_init(struct cgroup *c) {
        *c = (struct cgroup){};
        for (size_t i = 0; i < CGROUP_DIRS_MAX; i++)
                c->dirs[i] = -EBADF;
}

void cgroup_close(struct cgroup *c) {
        for (size_t i = 0; i < CGROUP_DIRS_MAX; i++)
                c->dirs[i] = fd_close(c->dirs[i]);
}

/* ---- the beginning ----------------------------------------------------------------------------------------------- */

int cgroup_set(int dir, const char *file, const char *value, struct souk_err *err) {
        int r = file_write(dir, file, value);
        if (r == -ENOENT)
                return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP,
                                    "this kernel's control groups have no '%s': '%s' cannot be set", file, value);
        if (r == -EBUSY && streq(file, "memory.limit_in_bytes"))
                return souk_err_set(err, SOUK_INVALID, r, "a memory limit of %s bytes is less than what is in use",
                                    value);
        if (r == -EINVAL || r == -ERANGE)
                return souk_err_set(err, SOUK_INVALID, r, "the kernel does not take '%s' for '%s'", value, file);
        return r < 0 ? souk_err_errno(err, r, "setting '%s' to '%s'", file, value) : 0;
}

static int make_parent(const char *hierarchy, int (*prepare)(int, int, struct souk_err *), struct souk_err *err) {
        char path[320];
        group_path(path, sizeof(path), hierarchy, NULL);
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
                return souk_err_errno(err, errno, "making the control group %s", path);
        if (!prepare)
                return 0;
        _cleanup_close_ int parent = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_close_ int root = parent < 0 ? -EBADF : openat(parent, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = root < 0 ? -ENOENT : prepare(root, parent, err);
        return r == -ENOENT ? 0 : r; /* removed meanwhile: the caller tries again */
}

int cgroup_dir_make(const char *hierarchy, const char *id, int (*prepare_parent)(int, int, struct souk_err *),
                    struct souk_err *err) {
        char path[320];
        for (int tries = 0; tries < 8; tries++) { /* the parent may be removed by a `souk system reset` meanwhile */
                group_path(path, sizeof(path), hierarchy, id);
                if (mkdir(path, 0755) == 0) {
                        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                        return fd < 0 ? souk_err_errno(err, errno, "%s", path) : fd;
                }
                if (errno != ENOENT)
                        return souk_err_errno(err, errno, "making the control group %s", path);
                int r = make_parent(hierarchy, prepare_parent, err);
                if (r < 0)
                        return r;
        }
        return souk_err_set(err, SOUK_INTERNAL, -EAGAIN, "the control group %s cannot be made: its parent vanishes",
                            path);
}

int cgroup_create(const char *id, const struct machine_limits *l, struct cgroup *ret, struct souk_err *err) {
        struct cgroup c;
        cgroup_init(&c);
        int r = driver()->create(id, l, &c, err);
        if (r < 0) {
                cgroup_close(&c);
                if (r != -EEXIST) /* another instance's */
                        (void) cgroup_destroy(id, NULL, NULL);
                return r;
        }
        *ret = c;
        return 0;
}

int cgroup_open(const char *id, struct cgroup *ret, struct souk_err *err) {
        struct cgroup c;
        cgroup_init(&c);
        size_t i = 0;
        for (const char *const *h = driver()->hierarchies; *h && i < CGROUP_DIRS_MAX; h++, i++) {
                int fd = group_open(*h, id);
                if (fd >= 0)
                        c.dirs[i] = fd;
                else if (fd != -ENOENT) {
                        cgroup_close(&c);
                        return souk_err_errno(err, fd, "opening the control group of instance %.12s in '%s'", id, *h);
                }
        }
        *ret = c;
        return 0;
}

int cgroup_join_files(const struct cgroup *c, int ret_fds[CGROUP_DIRS_MAX], struct souk_err *err) {
        int n = 0;
        for (size_t i = 0; i < CGROUP_DIRS_MAX; i++) {
                if (c->dirs[i] < 0)
                        continue;
                ret_fds[n] = openat(c->dirs[i], driver()->join_file, O_WRONLY | O_CLOEXEC);
                if (ret_fds[n] < 0) {
                        int r = souk_err_errno(err, errno, "opening '%s' of a control group", driver()->join_file);
                        while (n > 0)
                                close(ret_fds[--n]);
                        return r;
                }
                n++;
        }
        return n;
}

const char *const *cgroup_shown_names(void) {
        return driver()->shown;
}

void cgroup_shown(const struct cgroup *c, int ret_fds[CGROUP_SHOWN_MAX]) {
        for (size_t i = 0; i < CGROUP_SHOWN_MAX; i++)
                ret_fds[i] = -EBADF;
        if (!driver()->shown) {
                ret_fds[0] = c->dirs[0];
                return;
        }
        for (size_t i = 0; i < CGROUP_SHOWN_MAX && driver()->shown[i]; i++)
                for (size_t k = 0; driver()->hierarchies[k]; k++)
                        if (streq(driver()->hierarchies[k], driver()->shown[i]))
                                ret_fds[i] = c->dirs[k];
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
        _cleanup_free_ char *text = NULL;
        size_t n;
        if (file_read(dir, "cgroup.procs", 4u << 20, &text, &n) < 0)
                return;
        for (char *p = text, *end; *p; p = end) {
                long pid = strtol(p, &end, 10);
                if (pid > 1) /* 0: of a pid namespace that is not seen from here */
                        kill((pid_t) pid, SIGKILL);
                end += strspn(end, "\n");
                if (end == p)
                        return;
        }
}

/* Groups below @name of @parent, and it itself.  0, or -EBUSY while something is alive in it. */
static int remove_tree(int parent, const char *name, unsigned depth) {
        if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
                return 0;
        if ((errno != EBUSY && errno != ENOTEMPTY) || depth > 64)
                return -errno;
        _cleanup_close_ int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dir < 0)
                return errno == ENOENT ? 0 : -errno;
        kill_members(dir);
        DIR *d = fdopendir(dup(dir));
        for (struct dirent *e; d && (e = readdir(d));)
                if (e->d_type == DT_DIR && !streq(e->d_name, ".") && !streq(e->d_name, ".."))
                        (void) remove_tree(dir, e->d_name, depth + 1); /* the parent stays busy then */
        if (d)
                closedir(d);
        return unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -errno;
}

/* All processes of the instance at once, before any can fork again. */
static void kill_all(const char *id) {
        _cleanup_close_ int dir = group_open(driver()->freeze_hierarchy, id);
        if (dir < 0 || file_write(dir, "cgroup.kill", "1") >= 0) /* v2, 5.14 */
                return;
        (void) driver()->freeze(dir, true, NULL);
        kill_members(dir);
        (void) driver()->freeze(dir, false, NULL);
}

static int group_remove(const char *hierarchy, const char *id, uint64_t deadline) {
        _cleanup_close_ int parent = group_open(hierarchy, NULL);
        if (parent < 0)
                return parent == -ENOENT ? 0 : parent;
        for (unsigned wait_usec = 50;; wait_usec = MIN(wait_usec * 2, 20000u)) {
                if (unlinkat(parent, id, AT_REMOVEDIR) == 0 || errno == ENOENT)
                        return 0;
                if (errno != EBUSY && errno != ENOTEMPTY)
                        return -errno;
                if (wait_usec >= 200) /* a process that has just been reaped needs no killing */
                        kill_all(id);
                int r = wait_usec >= 200 ? remove_tree(parent, id, 0) : -EBUSY;
                if (r == 0 || (r != -EBUSY && r != -ENOTEMPTY))
                        return r;
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
        _cleanup_close_ int dir = group_open(driver()->freeze_hierarchy, id);
        if (dir < 0)
                return souk_err_errno(err, dir, "the control group of instance %.12s", id);
        return driver()->freeze(dir, frozen, err);
}

bool cgroup_is_frozen(const char *id) {
        char first = driver()->thawed;
        _cleanup_close_ int dir = group_open(driver()->freeze_hierarchy, id);
        _cleanup_close_ int fd = dir < 0 ? -EBADF : openat(dir, driver()->freeze_file, O_RDONLY | O_CLOEXEC);
        return fd >= 0 && read(fd, &first, 1) == 1 && first != driver()->thawed;
}

bool cgroup_accounts_swap(void) {
        char path[320];
        _cleanup_close_ int parent = group_open(driver()->oom_hierarchy, NULL);
        if (parent >= 0)
                return file_exists(parent, driver()->swap_file);
        if (cgroup_is_v2())
                return true; /* the root has no such files to look at */
        snprintf(path, sizeof(path), CGROUP_ROOT "/%s/%s", driver()->oom_hierarchy, driver()->swap_file);
        return access(path, F_OK) == 0;
}

void cgroup_parents_remove(void) {
        char path[320];
        for (const char *const *h = driver()->hierarchies; *h; h++)
                rmdir(group_path(path, sizeof(path), *h, NULL));
}
