/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Directories of instances: ROOT/instances/<id> (writable layer, logs) and RUN/i/<id> (sockets, exit status).
 *
 * The lock of an instance is flock on its directory, so that no lock file outlives it.  Whoever gets the lock looks
 * whether the directory still has its name: the one before may have removed the instance.
 */
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "store/content.h"

#include <stdio.h>
#include <sys/file.h>

#define INSTANCE_PATH_SIZE (16 + DIGEST_HEX_LEN)

static const char *instance_path(const char *id, char buf[INSTANCE_PATH_SIZE]) {
        snprintf(buf, INSTANCE_PATH_SIZE, "instances/%.64s", id);
        return buf;
}

static const char *run_path(const char *id, char buf[INSTANCE_PATH_SIZE]) {
        snprintf(buf, INSTANCE_PATH_SIZE, "i/%.64s", id);
        return buf;
}

/* mkdir that makes the one directory above when that is missing; an existing directory is fine */
static int dir_make_below(int dirfd, const char *parent, const char *path, mode_t mode) {
        if (mkdirat(dirfd, path, mode) == 0 || errno == EEXIST)
                return 0;
        if (errno != ENOENT)
                return -errno;
        if (mkdirat(dirfd, parent, 0700) < 0 && errno != EEXIST)
                return -errno;
        return mkdirat(dirfd, path, mode) == 0 || errno == EEXIST ? 0 : -errno;
}

int store_instance_dir_make(struct store *st, const char *id, int *ret_fd, struct souk_err *err) {
        _cleanup_close_ int fd = -EBADF;
        char path[INSTANCE_PATH_SIZE];
        int r;

        r = dir_make_below(st->root_fd, "instances", instance_path(id, path), 0700);
        if (r < 0)
                return souk_err_errno(err, r, "make '%s/%s'", st->root, path);
        fd = openat(st->root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return souk_err_errno(err, errno, "open '%s/%s'", st->root, path);
        if (mkdirat(fd, "upper", 0755) < 0 && errno != EEXIST)
                return souk_err_errno(err, errno, "make '%s/%s/upper'", st->root, path);
        if (mkdirat(fd, "work", 0700) < 0 && errno != EEXIST)
                return souk_err_errno(err, errno, "make '%s/%s/work'", st->root, path);
        if (fchmodat(fd, "upper", 0755, 0) < 0) /* it is the instance's /: no caller's umask */
                return souk_err_errno(err, errno, "chmod '%s/%s/upper'", st->root, path);
        fault_point("store.instance_dir");
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int store_instance_dir_open(struct store *st, const char *id, struct souk_err *err) {
        char path[INSTANCE_PATH_SIZE];
        int fd = openat(st->root_fd, instance_path(id, path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0)
                return souk_err_errno(err, errno, "open the instance's directory '%s/%s'", st->root, path);
        return fd;
}

int store_instance_dir_remove(struct store *st, const char *id, struct souk_err *err) {
        _cleanup_close_ int fd = openat(st->root_fd, "instances", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int r;

        if (fd < 0)
                return errno == ENOENT ? 0 : souk_err_errno(err, errno, "open '%s/instances'", st->root);
        r = tree_remove(fd, id);
        if (r < 0)
                return souk_err_errno(err, r, "remove '%s/instances/%s'", st->root, id);
        fault_point("store.instance_dir_removed");
        return 0;
}

/* The directory is gone: a lost one of a recorded instance is made again, so that the instance can be removed. */
static int instance_dir_revive(struct store *st, const char *id, const char *path, struct souk_err *err) {
        struct store_instance i = { .slot = -1 };
        int r;

        r = store_instance_find(st, id, &i, err);
        if (r < 0)
                return r;
        store_instance_clear(&i);
        r = dir_make_below(st->root_fd, "instances", path, 0700);
        return r < 0 ? souk_err_errno(err, r, "make '%s/%s'", st->root, path) : 0;
}

static bool fd_has_name(int fd) {
        struct stat sb;

        return fstat(fd, &sb) == 0 && sb.st_nlink > 0;
}

static int fd_lock(int fd, bool wait) {
        while (flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB)) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

int store_instance_lock(struct store *st, const char *id, bool wait, struct souk_err *err) {
        char path[INSTANCE_PATH_SIZE];
        int r;

        instance_path(id, path);
        for (;;) {
                _cleanup_close_ int fd = openat(st->root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

                if (fd < 0 && errno == ENOENT) {
                        r = instance_dir_revive(st, id, path, err);
                        if (r < 0)
                                return r;
                        continue;
                }
                if (fd < 0)
                        return souk_err_errno(err, errno, "open '%s/%s'", st->root, path);
                r = fd_lock(fd, wait);
                if (r == -EWOULDBLOCK)
                        return souk_err_set(err, SOUK_CONFLICT, -EAGAIN,
                                            "another command is working on instance %.12s: try again", id);
                if (r < 0)
                        return souk_err_errno(err, r, "lock '%s/%s'", st->root, path);
                if (fd_has_name(fd))
                        return TAKE_FD(fd);
        }
}

int store_run_dir_make(struct store *st, const char *id, struct souk_err *err) {
        char path[INSTANCE_PATH_SIZE];
        int r;

        r = dir_make_below(st->run_fd, "i", run_path(id, path), 0700);
        if (r < 0)
                return souk_err_errno(err, r, "make '%s/%s'", st->run, path);
        return store_run_dir_open(st, id, err);
}

int store_run_dir_open(struct store *st, const char *id, struct souk_err *err) {
        char path[INSTANCE_PATH_SIZE];
        int fd = openat(st->run_fd, run_path(id, path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        return fd < 0 ? souk_err_errno(err, errno, "open '%s/%s'", st->run, path) : fd;
}

void store_run_dir_remove(struct store *st, const char *id) {
        _cleanup_close_ int fd = openat(st->run_fd, "i", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int r;

        if (fd < 0)
                return;
        r = tree_remove(fd, id);
        if (r < 0)
                log_warn("cannot remove '%s/i/%s': %s", st->run, id, strerror(-r));
}
