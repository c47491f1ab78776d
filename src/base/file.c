/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files and directories by descriptor: see file.h. */
#include "base/file.h"

#include "base/proc.h"
#include "base/str.h"

#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

int fd_read_all(int fd, void *p, size_t n) {
        for (size_t done = 0; done < n;) {
                ssize_t k = read(fd, (char *) p + done, n - done);
                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (k == 0)
                        return -ENODATA;
                done += (size_t) k;
        }
        return 0;
}

int fd_write_all(int fd, const void *p, size_t n) {
        for (size_t done = 0; done < n;) {
                ssize_t k = write(fd, (const char *) p + done, n - done);
                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                done += (size_t) k;
        }
        return 0;
}

int fd_pwrite_all(int fd, const void *p, size_t n, uint64_t offset) {
        for (size_t done = 0; done < n;) {
                ssize_t k = pwrite(fd, (const char *) p + done, n - done, (off_t) (offset + done));
                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                done += (size_t) k;
        }
        return 0;
}

int fd_read_to_buf(int fd, struct buf *b) {
        char chunk[16384];
        for (;;) {
                ssize_t k = read(fd, chunk, sizeof(chunk));
                if (k < 0 && errno == EINTR)
                        continue;
                if (k <= 0)
                        return k < 0 ? -errno : 0;
                int r = buf_append(b, chunk, (size_t) k);
                if (r < 0)
                        return r;
        }
}

int fd_set_cloexec(int fd, bool on) {
        return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) < 0 ? -errno : 0;
}

int fd_set_nonblock(int fd, bool on) {
        int flags = fcntl(fd, F_GETFL);
        if (flags < 0)
                return -errno;
        int wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
        return wanted != flags && fcntl(fd, F_SETFL, wanted) < 0 ? -errno : 0;
}

int fd_move_high(int fd_take, int min) {
        if (fd_take >= min)
                return fd_take;
        int fd = fcntl(fd_take, F_DUPFD_CLOEXEC, min);
        if (fd < 0)
                return -errno;
        close(fd_take);
        return fd;
}

int file_read(int dirfd, const char *path, size_t max, char **ret_text, size_t *ret_len) {
        _cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;
        _cleanup_buf_ struct buf b = BUF_INIT(max);
        int r = fd_read_to_buf(fd, &b);
        if (r < 0)
                return r;
        if (ret_len)
                *ret_len = b.len;
        *ret_text = buf_steal(&b);
        return 0;
}

static int write_once(int dirfd, const char *path, const char *text, size_t n) {
        _cleanup_close_ int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;
        ssize_t k;
        do
                k = write(fd, text, n);
        while (k < 0 && errno == EINTR);
        if (k < 0)
                return -errno;
        return (size_t) k == n ? 0 : -EIO;
}

int file_write(int dirfd, const char *path, const char *text) {
        return write_once(dirfd, path, text, strlen(text));
}

int file_writef(int dirfd, const char *path, const char *fmt, ...) {
        va_list ap;
        va_start(ap, fmt);
        char *text;
        int n = vasprintf(&text, fmt, ap);
        va_end(ap);
        if (n < 0)
                return -ENOMEM;
        int r = write_once(dirfd, path, text, (size_t) n);
        free(text);
        return r;
}

int file_replace(int dirfd, const char *path, mode_t mode, const void *p, size_t n) {
        char temp[PATH_MAX];
        char suffix[9];
        random_hex(suffix, 8);
        if ((size_t) snprintf(temp, sizeof(temp), "%s.%s~", path, suffix) >= sizeof(temp))
                return -ENAMETOOLONG;
        _cleanup_close_ int fd = openat(dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd < 0)
                return -errno;
        int r = fchmod(fd, mode) < 0 ? -errno : 0;
        if (r >= 0)
                r = fd_write_all(fd, p, n);
        if (r >= 0 && renameat(dirfd, temp, dirfd, path) < 0)
                r = -errno;
        if (r < 0)
                unlinkat(dirfd, temp, 0);
        return r;
}

int dir_make_open(int dirfd, const char *path, mode_t mode) {
        if (mkdirat(dirfd, path, mode) < 0 && errno != EEXIST)
                return -errno;
        int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        return fd < 0 ? -errno : fd;
}

int dir_make_all(const char *path, mode_t mode) {
        char copy[PATH_MAX];
        size_t n = strlen(path);
        if (n == 0)
                return -ENOENT;
        if (n >= sizeof(copy))
                return -ENAMETOOLONG;
        memcpy(copy, path, n + 1);
        for (char *p = copy + 1; *p; p++) {
                if (*p != '/')
                        continue;
                *p = '\0';
                if (mkdir(copy, mode) < 0 && errno != EEXIST)
                        return -errno;
                *p = '/';
        }
        if (mkdir(copy, mode) == 0)
                return 0;
        struct stat st;
        if (errno != EEXIST)
                return -errno;
        if (stat(copy, &st) < 0)
                return -errno;
        return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

/*
 * Removing a tree.  Each directory is opened, never named twice by path, and only if it is no mount point: a bind mount
 * has the st_dev of what it shows, so the attribute is asked, too.  One fd is open for each level, TREE_DEPTH of them
 * at most: a directory deeper down is renamed up into the top, where another round finds it (-EAGAIN asks for that round).
 */
#define TREE_DEPTH 64

struct tree {
        int fd; /* the top */
        uint32_t major, minor;
};

static int tree_open(int parent, const char *name, struct statx *ret_st) {
        _cleanup_close_ int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, ret_st) < 0)
                return -errno;
        if (ret_st->stx_attributes & STATX_ATTR_MOUNT_ROOT)
                return -EXDEV;
        return TAKE_FD(fd);
}

static int tree_empty(const struct tree *t, int fd_take, unsigned depth);

/* Moves a directory from a hostile depth to the top. */
static int tree_flatten(const struct tree *t, int parent, const char *name) {
        char flat[32] = ".deep.";
        random_hex(flat + strlen(flat), 16);
        return renameat(parent, name, t->fd, flat) < 0 ? -errno : -EAGAIN;
}

static int tree_remove_entry(const struct tree *t, int parent, const char *name, unsigned depth) {
        struct statx st;
        if (unlinkat(parent, name, 0) == 0)
                return 0;
        if (errno != EISDIR && errno != EPERM)
                return -errno;
        int fd = tree_open(parent, name, &st);
        if (fd < 0)
                return fd == -ENOTDIR ? -EPERM : fd;
        if (st.stx_dev_major != t->major || st.stx_dev_minor != t->minor) {
                close(fd);
                return -EXDEV;
        }
        if (depth >= TREE_DEPTH) {
                close(fd);
                return tree_flatten(t, parent, name);
        }
        int r = tree_empty(t, fd, depth + 1);
        if (r < 0 && r != -EAGAIN)
                return r;
        return unlinkat(parent, name, AT_REMOVEDIR) < 0 ? -errno : r;
}

/* Goes on after an entry that fails, to free what can be freed; the first failure is returned. */
static int tree_empty(const struct tree *t, int fd_take, unsigned depth) {
        DIR *d = fdopendir(fd_take);
        if (!d) {
                int r = -errno;
                close(fd_take);
                return r;
        }
        int r = 0;
        for (struct dirent *e; (e = readdir(d));) {
                if (streq(e->d_name, ".") || streq(e->d_name, ".."))
                        continue;
                int k = tree_remove_entry(t, dirfd(d), e->d_name, depth);
                if (k < 0 && k != -ENOENT && (r == 0 || r == -EAGAIN)) /* gone: somebody else removes it, too */
                        r = k;
        }
        closedir(d);
        return r;
}

int tree_remove(int dirfd, const char *name) {
        struct statx st;
        if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
                return 0;
        if (errno != EISDIR && errno != EPERM)
                return -errno;
        _cleanup_close_ int top = tree_open(dirfd, name, &st);
        if (top < 0)
                return top == -ENOENT ? 0 : top == -ENOTDIR ? -EPERM : top;
        struct tree t = { .fd = top, .major = st.stx_dev_major, .minor = st.stx_dev_minor };
        for (int r = -EAGAIN; r == -EAGAIN;) {
                int fd = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (fd < 0)
                        return errno == ENOENT ? 0 : -errno;
                r = tree_empty(&t, fd, 0);
                if (r < 0 && r != -EAGAIN)
                        return r;
        }
        if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
                return -errno;
        return 0;
}

const char *fd_path(int fd, char *buf, size_t size) {
        snprintf(buf, size, "/proc/self/fd/%d", fd);
        return buf;
}

bool file_exists(int dirfd, const char *path) {
        return faccessat(dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}
