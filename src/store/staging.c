/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Staging: ROOT/tmp/<job>, where content is made before it belongs to the store.
 *
 * A job holds its directory by flock.  The lock is taken on an open file description of its own that nobody inherits,
 * so it ends with the process, however that ends; a directory that can be locked is garbage.  Whoever removes garbage
 * holds the lock while he does, and whoever makes a directory looks, after locking it, whether it is still there.  Each
 * new job first removes what dead ones left.
 */
#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "store/content.h"

#include <dirent.h>
#include <sys/file.h>

static int tmp_open(struct store *st, struct souk_err *err) {
        return content_subdir_open(st->root_fd, st->root, "tmp", 0700, err);
}

/* A locked open file description of the directory, or -EWOULDBLOCK, -ENOENT ... */
static int staging_lock(int tmp_fd, const char *name) {
        _cleanup_close_ int fd = openat(tmp_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;

        if (fd < 0)
                return -errno;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_nlink == 0)
                return -ENOENT;
        return TAKE_FD(fd);
}

/* Calls back for each entry: 0 go on, 1 stop.  Return: what the last call returned. */
static int tmp_each(int tmp_fd, int (*fn)(int tmp_fd, const char *name, void *user), void *user) {
        DIR *d;
        struct dirent *e;
        int fd, r = 0;

        fd = openat(tmp_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        d = fdopendir(fd);
        if (!d) {
                r = -errno;
                fd_close(fd);
                return r;
        }
        while (r == 0 && (e = readdir(d)))
                if (e->d_name[0] != '.')
                        r = fn(tmp_fd, e->d_name, user);
        closedir(d);
        return r;
}

static int entry_is_live(int tmp_fd, const char *name, void *user) {
        _cleanup_close_ int lock = staging_lock(tmp_fd, name);

        return lock == -EWOULDBLOCK;
}

bool staging_is_live(struct store *st) {
        _cleanup_close_ int tmp_fd = openat(st->root_fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return tmp_fd >= 0 && tmp_each(tmp_fd, entry_is_live, NULL) > 0;
}

struct sweep {
        bool remove;
        char ***dead;
};

static int entry_sweep(int tmp_fd, const char *name, void *user) {
        struct sweep *sw = user;
        _cleanup_close_ int lock = staging_lock(tmp_fd, name);

        if (lock == -EWOULDBLOCK || lock == -ENOENT)
                return 0;
        if (sw->remove && tree_remove(tmp_fd, name) < 0)
                log_warn("cannot remove staging directory '%s'", name);
        if (sw->dead)
                strv_push(sw->dead, name);
        return 0;
}

int staging_sweep(struct store *st, bool remove, char ***ret_dead, struct souk_err *err) {
        _cleanup_close_ int tmp_fd = tmp_open(st, err);
        struct sweep sw = { .remove = remove, .dead = ret_dead };
        int r;

        if (tmp_fd < 0)
                return tmp_fd;
        r = tmp_each(tmp_fd, entry_sweep, &sw);
        return r < 0 ? souk_err_errno(err, r, "read directory '%s/tmp'", st->root) : 0;
}

static int staging_make(struct store *st, int tmp_fd, char **ret_name, struct souk_err *err) {
        for (;;) {
                char name[17];
                int lock;

                random_hex(name, 16);
                if (mkdirat(tmp_fd, name, 0700) < 0) {
                        if (errno == EEXIST)
                                continue;
                        return souk_err_errno(err, errno, "make '%s/tmp/%s'", st->root, name);
                }
                lock = staging_lock(tmp_fd, name);
                if (lock >= 0) {
                        *ret_name = xstrdup(name);
                        return lock;
                }
                if (lock != -EWOULDBLOCK && lock != -ENOENT) /* those: a sweeper was quicker */
                        return souk_err_errno(err, lock, "lock '%s/tmp/%s'", st->root, name);
        }
}

int store_staging_open(struct store *st, int *ret_fd, int *ret_lock_fd, char **ret_name, struct souk_err *err) {
        _cleanup_close_ int tmp_fd = tmp_open(st, err), lock = -EBADF, fd = -EBADF;
        _cleanup_free_ char *name = NULL;

        if (tmp_fd < 0)
                return tmp_fd;
        (void) staging_sweep(st, true, NULL, NULL);
        lock = staging_make(st, tmp_fd, &name, err);
        if (lock < 0)
                return lock;
        fd = openat(tmp_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return souk_err_errno(err, errno, "open '%s/tmp/%s'", st->root, name);
        fault_point("store.staging_made");
        *ret_fd = TAKE_FD(fd);
        *ret_lock_fd = TAKE_FD(lock);
        *ret_name = TAKE_PTR(name);
        return 0;
}

void store_staging_remove(struct store *st, const char *name, int lock_fd_take) {
        _cleanup_close_ int tmp_fd = openat(st->root_fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (tmp_fd >= 0 && name && tree_remove(tmp_fd, name) < 0)
                log_warn("cannot remove '%s/tmp/%s': 'souk system check --repair' will try again", st->root, name);
        fd_close(lock_fd_take);
}
