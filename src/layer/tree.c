/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tree driver: unpacks a layer into a directory, for where EROFS cannot be mounted.
 *
 * Places come from the index as chains of directories that this import made, and are walked component by component
 * with O_NOFOLLOW from the root's descriptor: whatever symlinks the archive makes, the kernel never follows one.  The
 * last parent is kept open, since archives list a directory's files together.
 *
 * Directories are made with mode 0700 and get owner, mode, attributes and time at the end, so that nothing that is
 * put into them can change those, and no default ACL leaks into their children. Whiteouts are overlayfs' own: 0/0
 * character devices, and trusted.overlay.opaque.
 */
#include "driver.h"
#include "base/file.h"
#include "base/str.h"

#include <stdio.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define DISK_BLOCK 4096u /* for the estimate of what the tree takes */

struct tree {
        int root; /* borrowed */
        struct layer_index *ix;
        int parent_fd;
        const struct dir *parent; /* that parent_fd is open on; NULL when none */
        uint64_t stored_bytes;

        /* the file that is being written */
        int file_fd;
        struct dentry *file;
        struct layer_attr attr;
        uint64_t pos, size;
};

static int tree_error(const struct dentry *de, const char *what, struct souk_err *err) {
        int saved = errno;
        _cleanup_free_ char *path = dentry_path(de);
        _cleanup_free_ char *shown = str_printable(path);
        return souk_err_errno(err, saved, "%s '%s'", what, shown);
}

/* @fd_take is the directory above. */
static int open_below(int fd_take, const struct dir *d) {
        int fd = openat(fd_take, d->self->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int r = fd < 0 ? -errno : fd;
        fd_close(fd_take);
        return r;
}

/* A descriptor of its own for @d. */
static int dir_open_path(struct tree *t, const struct dir *d) {
        _cleanup_free_ const struct dir **chain = xmalloc((d->depth + 1) * sizeof(*chain));
        size_t n = 0;
        while (d->self && d != t->parent) {
                chain[n++] = d;
                d = dir_parent(d);
        }
        int fd = openat(d == t->parent ? t->parent_fd : t->root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        while (n > 0 && fd >= 0)
                fd = open_below(fd, chain[--n]);
        return fd;
}

static void forget_parent(struct tree *t) {
        t->parent_fd = fd_close(t->parent_fd);
        t->parent = NULL;
}

/* The directory that holds @de; borrowed until the next call. */
static int parent_open(struct tree *t, const struct dentry *de, struct souk_err *err) {
        if (t->parent == de->parent)
                return t->parent_fd;
        int fd = dir_open_path(t, de->parent);
        if (fd < 0) {
                errno = -fd;
                return tree_error(de, "open the directory of", err);
        }
        forget_parent(t);
        t->parent_fd = fd;
        t->parent = de->parent;
        return fd;
}

/* @path names the object itself: a /proc/self/fd entry, or one below a directory's. */
static int xattrs_set(const struct dentry *de, const char *path, int fd, const struct xattr_list *l,
                      struct souk_err *err) {
        for (size_t i = 0; l && i < l->n; i++) {
                const struct xattr *x = &l->v[i];
                int r = fd >= 0 ? fsetxattr(fd, x->name, x->value, x->len, 0)
                                : lsetxattr(path, x->name, x->value, x->len, 0);
                if (r < 0 && de)
                        return tree_error(de, "set an extended attribute of", err);
                if (r < 0)
                        return souk_err_errno(err, errno, "set an extended attribute of the root");
        }
        return 0;
}

static void attr_times(const struct layer_attr *a, struct timespec ts[2]) {
        ts[0] = ts[1] = (struct timespec){.tv_sec = a->mtime, .tv_nsec = a->mtime_nsec};
}

/* The order matters: chown takes set-user-id bits and capabilities away. */
static int attr_apply_fd(const struct dentry *de, int fd, const struct layer_attr *a, struct souk_err *err) {
        struct timespec ts[2];
        attr_times(a, ts);
        if (fchown(fd, a->uid, a->gid) < 0 || fchmod(fd, a->mode & 07777) < 0)
                return de ? tree_error(de, "set owner and mode of", err)
                          : souk_err_errno(err, errno, "set owner and mode of the root");
        int r = xattrs_set(de, NULL, fd, a->xattrs, err);
        if (r == 0 && futimens(fd, ts) < 0)
                r = de ? tree_error(de, "set the time of", err)
                       : souk_err_errno(err, errno, "set the time of the root");
        return r;
}

static int tree_open(int dst, struct layer_index *ix, void **ret, struct souk_err *err) {
        struct tree *t = xcalloc(1, sizeof(*t));
        *t = (struct tree){.root = dst, .ix = ix, .parent_fd = -EBADF, .file_fd = -EBADF};
        *ret = t;
        return 0;
}

static void tree_free(void *d) {
        struct tree *t = d;
        fd_close(t->parent_fd);
        fd_close(t->file_fd);
        free(t);
}

static int tree_remove_entry(void *d, struct dentry *de, struct souk_err *err) {
        struct tree *t = d;
        int fd = parent_open(t, de, err);
        if (fd < 0)
                return fd;
        if (!inode_is_dir(de->inode))
                return unlinkat(fd, de->name, 0) < 0 ? tree_error(de, "remove", err) : 0;
        int r = tree_remove(fd, de->name);
        if (r < 0) {
                errno = -r;
                return tree_error(de, "remove", err);
        }
        return 0;
}

static int tree_dir(void *d, struct dir *dir, struct souk_err *err) {
        struct tree *t = d;
        int fd = parent_open(t, dir->self, err);
        if (fd < 0)
                return fd;
        t->stored_bytes += DISK_BLOCK;
        return mkdirat(fd, dir->self->name, 0700) < 0 ? tree_error(dir->self, "make directory", err) : 0;
}

static int tree_file_begin(void *d, struct dentry *de, const struct layer_attr *a, uint64_t size, bool sparse,
                           struct souk_err *err) {
        struct tree *t = d;
        int fd = parent_open(t, de, err);
        if (fd < 0)
                return fd;
        t->file_fd = openat(fd, de->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (t->file_fd < 0)
                return tree_error(de, "make file", err);
        t->file = de;
        t->attr = *a;
        t->pos = 0;
        t->size = size;
        return 0;
}

static int tree_file_data(void *d, const void *p, size_t n, struct souk_err *err) {
        struct tree *t = d;
        int r = fd_pwrite_all(t->file_fd, p, n, t->pos);
        if (r < 0) {
                errno = -r;
                return tree_error(t->file, "write", err);
        }
        t->pos += n;
        t->stored_bytes += n;
        return 0;
}

static int tree_file_hole(void *d, uint64_t n, struct souk_err *err) {
        struct tree *t = d;
        t->pos += n;
        if (t->pos == t->size && ftruncate(t->file_fd, (off_t) t->size) < 0)
                return tree_error(t->file, "set the size of", err);
        return 0;
}

static int tree_file_end(void *d, struct souk_err *err) {
        struct tree *t = d;
        int r = attr_apply_fd(t->file, t->file_fd, &t->attr, err);
        t->file_fd = fd_close(t->file_fd);
        t->stored_bytes = ALIGN_UP(t->stored_bytes, (uint64_t) DISK_BLOCK);
        return r;
}

static int tree_special(void *d, struct dentry *de, const struct layer_attr *a, struct souk_err *err) {
        struct tree *t = d;
        struct timespec ts[2];
        char path[32 + 256];
        int fd = parent_open(t, de, err);
        if (fd < 0)
                return fd;
        int r = S_ISLNK(a->mode) ? symlinkat(de->inode->link, fd, de->name)
                                 : mknodat(fd, de->name, a->mode, makedev(a->rdev_major, a->rdev_minor));
        if (r < 0)
                return tree_error(de, "make", err);
        if (fchownat(fd, de->name, a->uid, a->gid, AT_SYMLINK_NOFOLLOW) < 0 ||
            (!S_ISLNK(a->mode) && fchmodat(fd, de->name, a->mode & 07777, 0) < 0))
                return tree_error(de, "set owner and mode of", err);
        snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", fd, de->name);
        r = xattrs_set(de, path, -EBADF, a->xattrs, err);
        attr_times(a, ts);
        if (r == 0 && utimensat(fd, de->name, ts, AT_SYMLINK_NOFOLLOW) < 0)
                r = tree_error(de, "set the time of", err);
        return r;
}

static int tree_link(void *d, struct dentry *de, const struct dentry *target, struct souk_err *err) {
        struct tree *t = d;
        _cleanup_close_ int from = dir_open_path(t, target->parent);
        int to = parent_open(t, de, err);
        if (to < 0)
                return to;
        if (from < 0) {
                errno = -from;
                return tree_error(target, "open the directory of", err);
        }
        return linkat(from, target->name, to, de->name, 0) < 0 ? tree_error(de, "make hard link", err) : 0;
}

static int tree_whiteout(void *d, struct dentry *de, struct souk_err *err) {
        struct tree *t = d;
        int fd = parent_open(t, de, err);
        if (fd < 0)
                return fd;
        return mknodat(fd, de->name, S_IFCHR, makedev(0, 0)) < 0 ? tree_error(de, "make whiteout", err) : 0;
}

static int dir_finish(struct tree *t, struct dir *dir, struct souk_err *err) {
        _cleanup_close_ int fd = -EBADF;
        if (dir->self) {
                int parent = parent_open(t, dir->self, err);
                if (parent < 0)
                        return parent;
                fd = openat(parent, dir->self->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        } else {
                fd = openat(t->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        }
        if (fd < 0)
                return dir->self ? tree_error(dir->self, "open", err) : souk_err_errno(err, errno, "open the root");
        if (dir_is_opaque(dir))
                xattr_list_set(&dir->xattrs, XATTR_OVERLAY_OPAQUE, strlen(XATTR_OVERLAY_OPAQUE), "y", 1);
        dir->attr.xattrs = &dir->xattrs;
        return attr_apply_fd(dir->self, fd, &dir->attr, err);
}

static int tree_finish(void *d, uint64_t *ret_stored_bytes, struct souk_err *err) {
        struct tree *t = d;
        int r = 0;
        for (struct dir *dir = t->ix->root; dir && r == 0; dir = dir->next)
                if (!dir->dead)
                        r = dir_finish(t, dir, err);
        *ret_stored_bytes = t->stored_bytes;
        return r;
}

const struct layer_driver_ops layer_driver_tree = {
        .open = tree_open,
        .remove = tree_remove_entry,
        .dir = tree_dir,
        .file_begin = tree_file_begin,
        .file_data = tree_file_data,
        .file_hole = tree_file_hole,
        .file_end = tree_file_end,
        .special = tree_special,
        .link = tree_link,
        .whiteout = tree_whiteout,
        .finish = tree_finish,
        .free = tree_free,
};
