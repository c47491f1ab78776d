/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * layer_export(): a directory tree as a tar stream.
 *
 * The walk is by descriptors: each name is opened with O_PATH|O_NOFOLLOW below its directory's descriptor, and all
 * that is said about it comes from that descriptor.  The tree may be alive (an instance that runs): a name that
 * vanishes is left out, a file that shrinks while it is read is filled up with zeros.
 *
 * One descriptor per level stays open; in deep trees those of the upper levels are closed and found again through "..",
 * checked to be the same directory.
 */
#include "tar_write.h"
#include "tar_pax.h"
#include "base/file.h"
#include "base/str.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define READ_BUFFER     (256u << 10)
#define LEVELS_OPEN_MAX 256u
#define XATTR_SPACE     (64u << 10)

struct link_slot {
        dev_t dev;
        ino_t ino;
        char *path; /* NULL: free */
};
struct level {
        int fd; /* -EBADF when closed for being far above */
        dev_t dev;
        ino_t ino;
        char **names;
        size_t n, i;
        size_t path_len; /* of the directory, in path */
};
struct export {
        struct tar_writer w;
        unsigned flags;
        struct level *levels;
        size_t n_levels;
        struct buf path;
        struct link_slot *links;
        size_t links_size, n_links;
        struct xattr_list xattrs;
        struct tar_map map;
        uint8_t *data;
        char *xattr_names, *xattr_value;
};

static int export_error(const struct export *x, const char *what, int errnum, struct souk_err *err) {
        _cleanup_free_ char *shown = str_printable(x->path.len ? x->path.data : "/");
        return souk_err_errno(err, errnum, "%s '%s'", what, shown);
}

static void path_cut(struct export *x, size_t len) {
        x->path.len = len;
        if (x->path.data)
                x->path.data[len] = '\0';
}

static int path_push(struct export *x, const char *name, bool dir, struct souk_err *err) {
        int r = buf_append(&x->path, name, strlen(name));
        if (r == 0 && dir)
                r = buf_append(&x->path, "/", 1);
        return r < 0 ? souk_err_set(err, SOUK_LIMIT, -EFBIG, "a path is too long") : 0;
}

/* The slot of (dev, ino): its own, or a free one. */
static struct link_slot *link_find(struct export *x, dev_t dev, ino_t ino) {
        if (x->n_links * 2 >= x->links_size) {
                struct link_slot *old = x->links;
                size_t n = x->links_size;
                x->links_size = n ? n * 2 : 64;
                x->links = xcalloc(x->links_size, sizeof(*x->links));
                for (size_t i = 0; i < n; i++)
                        if (old[i].path)
                                *link_find(x, old[i].dev, old[i].ino) = old[i];
                free(old);
        }
        uint64_t h = ((uint64_t) ino ^ (uint64_t) dev << 32) * 0x9e3779b97f4a7c15;
        for (size_t i = h >> 20;; i++) {
                struct link_slot *s = &x->links[i & (x->links_size - 1)];
                if (!s->path || (s->dev == dev && s->ino == ino))
                        return s;
        }
}

/* Names that do not matter to a layer, and overlayfs' own marks, are left out (xattr_is_storable()). */
static int xattrs_read(struct export *x, int fd, bool *ret_opaque, struct souk_err *err) {
        char proc[32];
        const char *path = fd_path(fd, proc, sizeof(proc));
        xattr_list_clear(&x->xattrs);
        *ret_opaque = false;
        ssize_t n = listxattr(path, x->xattr_names, XATTR_SPACE);
        if (n < 0)
                return errno == EOPNOTSUPP || errno == ENOENT
                               ? 0
                               : export_error(x, "list extended attributes of", errno, err);
        for (const char *name = x->xattr_names; name < x->xattr_names + n; name += strlen(name) + 1) {
                bool opaque = streq(name, XATTR_OVERLAY_OPAQUE);
                if (!opaque && !xattr_is_storable(name))
                        continue;
                ssize_t len = getxattr(path, name, x->xattr_value, XATTR_SPACE);
                if (len < 0 && (errno == ENODATA || errno == ENOENT))
                        continue;
                if (len < 0)
                        return export_error(x, "read extended attributes of", errno, err);
                if (opaque)
                        *ret_opaque = len == 1 && x->xattr_value[0] == 'y';
                else
                        xattr_list_set(&x->xattrs, name, strlen(name), x->xattr_value, (size_t) len);
        }
        return 0;
}

static void entry_from_stat(struct tar_entry *e, const struct export *x, const struct stat *st) {
        *e = (struct tar_entry){
                .path = x->path.len ? x->path.data : "./",
                .path_len = x->path.len ? x->path.len : 2,
                .mode = st->st_mode & 07777,
                .uid = st->st_uid,
                .gid = st->st_gid,
                .mtime = st->st_mtim.tv_sec,
                .mtime_nsec = (uint32_t) st->st_mtim.tv_nsec,
                .xattrs = x->xattrs,
        };
}

static int write_marker(struct export *x, const char *name, const struct stat *st, struct souk_err *err) {
        struct tar_entry e;
        size_t len = x->path.len;
        int r = path_push(x, name, false, err);
        entry_from_stat(&e, x, st);
        e.mode = 0;
        e.xattrs = (struct xattr_list){0};
        if (r == 0)
                r = tar_writer_entry(&x->w, &e, NULL, 0, err);
        path_cut(x, len);
        return r;
}

/* Where the data is. Return: 0; a file without holes has one extent. */
static int map_read(struct export *x, int fd, uint64_t size, struct souk_err *err) {
        x->map.n = 0;
        for (off_t at = 0; (uint64_t) at < size;) {
                off_t data = lseek(fd, at, SEEK_DATA);
                if (data < 0 && errno == ENXIO)
                        break;
                off_t hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
                if (hole < 0) { /* this file system cannot tell */
                        x->map.n = 0;
                        data = 0;
                        hole = (off_t) size;
                }
                hole = (off_t) MIN((uint64_t) hole, size);
                if ((uint64_t) data >= size)
                        break;
                if (tar_map_add(&x->map, (uint64_t) data, (uint64_t) (hole - data)) < 0)
                        return souk_err_set(err, SOUK_LIMIT, -EFBIG, "a sparse file has too many pieces");
                at = hole;
        }
        return 0;
}

static int write_data(struct export *x, int fd, uint64_t offset, uint64_t left, struct souk_err *err) {
        while (left > 0) {
                ssize_t n = pread(fd, x->data, (size_t) MIN(left, (uint64_t) READ_BUFFER), (off_t) offset);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return export_error(x, "read", errno, err);
                if (n == 0)
                        return tar_writer_zeros(&x->w, left, err);
                int r = tar_writer_data(&x->w, x->data, (size_t) n, err);
                if (r < 0)
                        return r;
                offset += (uint64_t) n;
                left -= (uint64_t) n;
        }
        return 0;
}

static int write_file(struct export *x, int path_fd, const struct stat *st, struct souk_err *err) {
        struct tar_entry e;
        char proc[32];
        _cleanup_close_ int fd = open(fd_path(path_fd, proc, sizeof(proc)), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
                return export_error(x, "open", errno, err);
        uint64_t size = (uint64_t) st->st_size;
        int r = map_read(x, fd, size, err);
        if (r < 0)
                return r;
        entry_from_stat(&e, x, st);
        e.type = TAR_FILE;
        e.size = size;
        e.sparse = size > 0 && (x->map.n != 1 || x->map.v[0].length != size);
        if (e.sparse && (!x->map.n || x->map.v[x->map.n - 1].offset + x->map.v[x->map.n - 1].length < size))
                r = tar_map_add(&x->map, size, 0); /* GNU tar marks the end of a file that ends in a hole */
        if (r == 0)
                r = tar_writer_entry(&x->w, &e, x->map.v, x->map.n, err);
        for (size_t i = 0; i < x->map.n && r == 0 && size > 0; i++)
                r = write_data(x, fd, x->map.v[i].offset, x->map.v[i].length, err);
        return r;
}

static int write_special(struct export *x, int fd, const struct stat *st, struct souk_err *err) {
        struct tar_entry e;
        char target[PATH_MAX];
        entry_from_stat(&e, x, st);
        switch (st->st_mode & S_IFMT) {
        case S_IFLNK: {
                ssize_t n = readlinkat(fd, "", target, sizeof(target));
                if (n < 0)
                        return export_error(x, "read symlink", errno, err);
                e.type = TAR_SYMLINK;
                e.link = target;
                e.link_len = (size_t) n;
                break;
        }
        case S_IFCHR:
        case S_IFBLK:
                e.type = S_ISCHR(st->st_mode) ? TAR_CHAR : TAR_BLOCKDEV;
                e.rdev_major = major(st->st_rdev);
                e.rdev_minor = minor(st->st_rdev);
                break;
        case S_IFIFO:
                e.type = TAR_FIFO;
                break;
        default:
                return 0;
        }
        return tar_writer_entry(&x->w, &e, NULL, 0, err);
}

/* A further name of something that was written. Return: 1 it was; 0 it was not. */
static int write_link(struct export *x, const struct stat *st, struct souk_err *err) {
        struct tar_entry e;
        if (st->st_nlink < 2)
                return 0;
        struct link_slot *s = link_find(x, st->st_dev, st->st_ino);
        if (!s->path) {
                *s = (struct link_slot){st->st_dev, st->st_ino, xstrdup(x->path.data)};
                x->n_links++;
                return 0;
        }
        entry_from_stat(&e, x, st);
        e.type = TAR_HARDLINK;
        e.link = s->path;
        e.link_len = strlen(s->path);
        e.xattrs = (struct xattr_list){0};
        int r = tar_writer_entry(&x->w, &e, NULL, 0, err);
        return r < 0 ? r : 1;
}

static int write_whiteout(struct export *x, const char *name, const struct stat *st, struct souk_err *err) {
        if (!(x->flags & LAYER_EXPORT_WHITEOUTS))
                return 0;
        char marker[NAME_MAX + 8];
        path_cut(x, x->path.len - strlen(name));
        snprintf(marker, sizeof(marker), ".wh.%s", name);
        return write_marker(x, marker, st, err);
}

static int name_compare(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static int names_read(struct export *x, int fd, struct level *l, struct souk_err *err) {
        int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = own < 0 ? NULL : fdopendir(own);
        size_t cap = 0;
        struct dirent *de;
        if (!dir) {
                int saved = errno;
                fd_close(own);
                return export_error(x, "open", saved, err);
        }
        while (errno = 0, de = readdir(dir)) {
                if (streq(de->d_name, ".") || streq(de->d_name, ".."))
                        continue;
                if (l->n == cap) {
                        cap = cap ? cap * 2 : 16;
                        l->names = xreallocarray(l->names, cap, sizeof(*l->names));
                }
                l->names[l->n++] = xstrdup(de->d_name);
        }
        int saved = errno;
        closedir(dir);
        if (saved)
                return export_error(x, "read directory", saved, err);
        if (l->n)
                qsort(l->names, l->n, sizeof(*l->names), name_compare);
        return 0;
}

static void level_free(struct level *l) {
        fd_close(l->fd);
        for (size_t i = 0; i < l->n; i++)
                free(l->names[i]);
        free(l->names);
}

/* Writes the directory and makes it the innermost level. */
static int dir_enter(struct export *x, int fd_take, const struct stat *st, struct souk_err *err) {
        struct tar_entry e;
        bool opaque;
        struct level l = {.fd = fd_take, .dev = st->st_dev, .ino = st->st_ino, .path_len = x->path.len};
        x->levels = xreallocarray(x->levels, x->n_levels + 1, sizeof(*x->levels));
        x->levels[x->n_levels++] = l;
        if (x->n_levels > LEVELS_OPEN_MAX) {
                struct level *far = &x->levels[x->n_levels - 1 - LEVELS_OPEN_MAX];
                far->fd = fd_close(far->fd);
        }
        int r = xattrs_read(x, fd_take, &opaque, err);
        entry_from_stat(&e, x, st);
        e.type = TAR_DIR;
        if (r == 0)
                r = tar_writer_entry(&x->w, &e, NULL, 0, err);
        if (r == 0 && opaque && (x->flags & LAYER_EXPORT_WHITEOUTS))
                r = write_marker(x, ".wh..wh..opq", st, err);
        return r < 0 ? r : names_read(x, fd_take, &x->levels[x->n_levels - 1], err);
}

static int dir_leave(struct export *x, struct souk_err *err) {
        struct level *l = &x->levels[--x->n_levels];
        int r = 0;
        if (x->n_levels > 0 && x->levels[x->n_levels - 1].fd < 0) {
                struct level *up = &x->levels[x->n_levels - 1];
                struct stat st;
                up->fd = openat(l->fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (up->fd < 0 || fstat(up->fd, &st) < 0)
                        r = export_error(x, "open the parent of", errno, err);
                else if (st.st_dev != up->dev || st.st_ino != up->ino)
                        r = souk_err_set(err, SOUK_CONFLICT, -EAGAIN, "a directory was moved while the tree was read");
        }
        level_free(l);
        return r;
}

static int write_name(struct export *x, int dirfd, const char *name, struct souk_err *err) {
        _cleanup_close_ int fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;
        bool opaque;
        if (fd < 0 && errno == ENOENT)
                return 0;
        if (fd < 0 || fstat(fd, &st) < 0)
                return export_error(x, "open an entry of", errno, err);
        if (S_ISSOCK(st.st_mode))
                return 0;
        int r = path_push(x, name, S_ISDIR(st.st_mode), err);
        if (r < 0)
                return r;
        if (S_ISDIR(st.st_mode))
                return dir_enter(x, TAKE_FD(fd), &st, err);
        if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0))
                return write_whiteout(x, name, &st, err);
        r = write_link(x, &st, err);
        if (r != 0)
                return MIN(r, 0);
        r = xattrs_read(x, fd, &opaque, err);
        if (r < 0)
                return r;
        return S_ISREG(st.st_mode) ? write_file(x, fd, &st, err) : write_special(x, fd, &st, err);
}

static int export_all(struct export *x, int dirfd, struct souk_err *err) {
        int fd = openat(dirfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) < 0) {
                int saved = errno;
                fd_close(fd);
                return souk_err_errno(err, saved, "open the tree");
        }
        int r = dir_enter(x, fd, &st, err);
        while (r == 0 && x->n_levels > 0) {
                struct level *l = &x->levels[x->n_levels - 1];
                path_cut(x, l->path_len);
                if (l->i < l->n)
                        r = write_name(x, l->fd, l->names[l->i++], err);
                else
                        r = dir_leave(x, err);
        }
        return r < 0 ? r : tar_writer_close(&x->w, err);
}

int layer_export(int dirfd, unsigned flags, const struct layer_sink *sink, struct souk_err *err) {
        struct export x = {.flags = flags, .path = BUF_INIT(16u << 20)};
        tar_writer_open(&x.w, sink);
        x.data = xmalloc(READ_BUFFER);
        x.xattr_names = xmalloc(XATTR_SPACE);
        x.xattr_value = xmalloc(XATTR_SPACE);
        int r = export_all(&x, dirfd, err);
        while (x.n_levels > 0)
                level_free(&x.levels[--x.n_levels]);
        for (size_t i = 0; i < x.links_size; i++)
                free(x.links[i].path);
        free(x.links);
        free(x.levels);
        buf_free(&x.path);
        xattr_list_free(&x.xattrs);
        free(x.map.v);
        free(x.data);
        free(x.xattr_names);
        free(x.xattr_value);
        tar_writer_free(&x.w);
        return r;
}
