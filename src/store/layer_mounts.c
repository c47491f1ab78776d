/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Layer mounts: RUN/layers/<diff id>, made by the first start that needs them and kept for the next ones.
 *
 * A start opens each mount point and asks fstatfs what it is: EROFS means mounted, since the run directory itself is
 * writable and so never EROFS.  That is two system calls a layer and no lock.  Only when something is missing is the
 * directory RUN/layers locked, by flock, and looked at again.  The descriptors keep the mounts alive: an unmount
 * meanwhile gets EBUSY, or has been before, and then a bare directory was opened and is mounted on.  Overlay mounts
 * hold their own clones of the layers, so unmounting never disturbs a running instance.
 *
 * Layers of the tree driver are directories of the store and need none of this.
 */
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "store/content.h"
#include "store/db.h"
#include "store/mount.h"

#include <dirent.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/vfs.h>

enum layer_driver store_layer_driver(struct store *st) {
        const char *asked = getenv("SOUK_LAYER_DRIVER");

        if (asked && streq(asked, "tree"))
                return LAYER_DRIVER_TREE;
        if (asked && streq(asked, "erofs"))
                return LAYER_DRIVER_EROFS;
        if (asked)
                log_warn("SOUK_LAYER_DRIVER='%s' is neither 'erofs' nor 'tree': ignored", asked);
        return erofs_is_supported() ? LAYER_DRIVER_EROFS : LAYER_DRIVER_TREE;
}

static bool fd_is_erofs(int fd) {
        struct statfs sf;

        return fstatfs(fd, &sf) == 0 && (uint32_t) sf.f_type == EROFS_SUPER_MAGIC_V1;
}

static int mounts_dir_open(struct store *st, struct souk_err *err) {
        return content_subdir_open(st->run_fd, st->run, "layers", 0700, err);
}

static int mounts_lock(struct store *st, int dir_fd, struct souk_err *err) {
        while (flock(dir_fd, LOCK_EX) < 0)
                if (errno != EINTR)
                        return souk_err_errno(err, errno, "lock '%s/layers'", st->run);
        return 0;
}

/* Return: fd of a mounted layer's root, or -ENOENT when it must be mounted */
static int mounted_open(int dir_fd, const char *hex) {
        _cleanup_close_ int fd = openat(dir_fd, hex, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0 || !fd_is_erofs(fd))
                return -ENOENT;
        return TAKE_FD(fd);
}

/* Whatever is mounted over the mount point and is not EROFS: off with it, until the layer or nothing is left.
 * Return: as mounted_open() */
static int mount_point_uncover(struct store *st, int dir_fd, const char *hex) {
        _cleanup_free_ char *path = xasprintf("%s/layers/%s", st->run, hex);
        int fd;

        while ((fd = mounted_open(dir_fd, hex)) < 0 && umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
                log_warn("'%s' was covered by a foreign mount, which is detached now", path);
        return fd;
}

/* With RUN/layers locked. */
static int layer_mount(struct store *st, int dir_fd, const char *hex, struct souk_err *err) {
        struct mount_attr private = { .propagation = MS_PRIVATE };
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *file = NULL;
        char path[CONTENT_PATH_SIZE];

        fd = mount_point_uncover(st, dir_fd, hex);
        if (fd >= 0)
                return TAKE_FD(fd);
        file = xasprintf("%s/%s", st->root, content_layer_path(hex, LAYER_DRIVER_EROFS, path));
        fd = erofs_mount_file(file, err);
        if (fd < 0)
                return fd;
        if (mkdirat(dir_fd, hex, 0755) < 0 && errno != EEXIST)
                return souk_err_errno(err, errno, "make mount point '%s/layers/%s'", st->run, hex);
        fault_point("store.layer_mount");
        if (move_mount(fd, "", dir_fd, hex, MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return souk_err_errno(err, errno, "attach layer mount at '%s/layers/%s'", st->run, hex);
        (void) mount_setattr(fd, "", AT_EMPTY_PATH, &private, sizeof(private)); /* before 5.12: as its parent is */
        return TAKE_FD(fd);
}

static int tree_open(struct store *st, const char *hex, struct souk_err *err) {
        char path[CONTENT_PATH_SIZE];
        int fd = openat(st->root_fd, content_layer_path(hex, LAYER_DRIVER_TREE, path),
                        O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0 && errno == ENOENT)
                return souk_err_set(err, SOUK_NOT_FOUND, -ENOENT,
                                    "layer directory '%s/%s' is missing: load the image again; 'souk system check' lists "
                                    "what else is lost",
                                    st->root, path);
        return fd < 0 ? souk_err_errno(err, errno, "open layer directory '%s/%s'", st->root, path) : fd;
}

struct fd_array {
        int *fd;
        size_t n;
};

static void fd_array_clear(struct fd_array *a) {
        for (size_t i = 0; i < a->n; i++)
                fd_close(a->fd[i]);
        free(a->fd);
}

/* First pass, no lock.  Return: how many are not mounted, or negative errno. */
static int layers_open_ready(struct store *st, int dir_fd, const struct store_layer *layers, struct fd_array *a,
                             struct souk_err *err) {
        int missing = 0;

        for (size_t i = 0; i < a->n; i++) {
                const char *hex = layers[i].diff_id.hex;

                if (layers[i].driver == LAYER_DRIVER_TREE) {
                        a->fd[i] = tree_open(st, hex, err);
                        if (a->fd[i] < 0)
                                return a->fd[i];
                        continue;
                }
                a->fd[i] = mounted_open(dir_fd, hex);
                missing += a->fd[i] < 0;
        }
        return missing;
}

int store_layers_open(struct store *st, const struct store_layer *layers, size_t n, int **ret_fds, struct souk_err *err) {
        _cleanup_(fd_array_clear) struct fd_array a = { .fd = xcalloc(n + 1, sizeof(int)), .n = n };
        _cleanup_close_ int dir_fd = -EBADF;
        int r;

        for (size_t i = 0; i < n; i++)
                a.fd[i] = -EBADF;
        dir_fd = mounts_dir_open(st, err);
        if (dir_fd < 0)
                return dir_fd;
        r = layers_open_ready(st, dir_fd, layers, &a, err);
        if (r < 0)
                return r;
        if (r > 0) {
                r = mounts_lock(st, dir_fd, err);
                for (size_t i = 0; r == 0 && i < n; i++)
                        if (a.fd[i] < 0) {
                                a.fd[i] = layer_mount(st, dir_fd, layers[i].diff_id.hex, err);
                                r = MIN(a.fd[i], 0);
                        }
                if (r < 0)
                        return r;
        }
        *ret_fds = TAKE_PTR(a.fd);
        a.n = 0;
        return 0;
}

int layers_in_use(struct store *st, char ***ret, struct souk_err *err) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query(st, DB_LAYER_IN_USE, &s, err, "");
        if (r < 0)
                return r;
        while ((r = db_step(st, s, err)) > 0)
                strv_push_take(ret, column_dup(s, 0, NULL));
        return r;
}

int layer_mounts_list(struct store *st, char ***ret_hex, bool **ret_mounted, struct souk_err *err) {
        int dir_fd = mounts_dir_open(st, err);
        struct dirent *e;
        size_t n = 0;
        DIR *d;

        if (dir_fd < 0)
                return dir_fd;
        d = fdopendir(dir_fd);
        if (!d) {
                fd_close(dir_fd);
                return souk_err_errno(err, ENOMEM, "read directory '%s/layers'", st->run);
        }
        while ((e = readdir(d))) {
                int fd;

                if (e->d_name[0] == '.')
                        continue;
                strv_push(ret_hex, e->d_name);
                fd = mounted_open(dirfd(d), e->d_name);
                if (ret_mounted) {
                        *ret_mounted = xreallocarray(*ret_mounted, n + 1, sizeof(bool));
                        (*ret_mounted)[n++] = fd >= 0;
                }
                fd_close(fd);
        }
        closedir(d);
        return 0;
}

/* With RUN/layers locked.  A mount that somebody is inside of stays, unless @detach. */
static int layer_unmount(struct store *st, const char *hex, bool detach, struct souk_err *err) {
        _cleanup_free_ char *path = xasprintf("%s/layers/%s", st->run, hex);

        if (umount2(path, UMOUNT_NOFOLLOW) < 0 && errno == EBUSY) {
                if (!detach)
                        return 0;
                if (umount2(path, UMOUNT_NOFOLLOW | MNT_DETACH) < 0)
                        return souk_err_errno(err, errno, "unmount '%s'", path);
        }
        if (rmdir(path) < 0 && errno != ENOENT)
                return souk_err_errno(err, errno, "remove mount point '%s'", path);
        return 0;
}

int store_layers_unmount(struct store *st, char *const *diff_ids, struct souk_err *err) {
        _cleanup_strv_ char **all = NULL, **used = NULL;
        _cleanup_close_ int dir_fd = -EBADF;
        int r = 0;

        dir_fd = openat(st->run_fd, "layers", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dir_fd < 0)
                return errno == ENOENT ? 0 : souk_err_errno(err, errno, "open '%s/layers'", st->run);
        r = mounts_lock(st, dir_fd, err);
        if (r < 0)
                return r;
        if (!diff_ids) {
                r = layers_in_use(st, &used, err);
                if (r == 0)
                        r = layer_mounts_list(st, &all, NULL, err);
        }
        for (char *const *hex = diff_ids ? diff_ids : all; r == 0 && hex && *hex; hex++)
                if (!strv_has(used, *hex))
                        r = layer_unmount(st, *hex, diff_ids != NULL, err);
        return r;
}
