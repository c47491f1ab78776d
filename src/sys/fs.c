/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See fs.h. */
#include "sys/fs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

int fs_open_in(int root, const char *path, uint64_t flags) {
        struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
        for (int tries = 0; tries < 16; tries++) { /* EAGAIN: a rename raced with "..", the kernel asks to try again */
                int fd = (int) syscall(SYS_openat2, root, path, &how, sizeof(how));
                if (fd >= 0)
                        return fd;
                if (errno != EAGAIN)
                        return -errno;
        }
        return -EAGAIN;
}

static int make_path(int root, const char *path, bool directory, unsigned depth);

/* @name of @dir, which is @parent, exists but leads nowhere: a dangling symlink.  What it points to is made instead. */
static int make_link_target(int root, int dir, const char *parent, const char *name, bool directory, unsigned depth) {
        char link[4096], path[8192];
        ssize_t n = readlinkat(dir, name, link, sizeof(link) - 1);
        if (n <= 0)
                return n < 0 ? -errno : -ENOENT;
        link[n] = '\0';
        size_t parent_len = link[0] == '/' ? 0 : strlen(parent);
        memcpy(path, parent, parent_len);
        path[parent_len] = '/';
        memcpy(path + parent_len + 1, link, (size_t) n + 1);
        return make_path(root, path, directory, depth + 1);
}

/* Makes the last component of @path (a prefix of @n bytes) in its parent. */
static int make_one(int root, const char *path, size_t n, bool directory, unsigned depth) {
        char parent[4096], last[256];
        const char *slash = memrchr(path, '/', n), *name = slash ? slash + 1 : path;
        size_t parent_len = (size_t) (name - path), name_len = n - parent_len;
        if (parent_len >= sizeof(parent) || name_len >= sizeof(last))
                return -ENAMETOOLONG;
        memcpy(parent, path, parent_len);
        parent[parent_len] = '\0';
        memcpy(last, name, name_len);
        last[name_len] = '\0';
        _cleanup_close_ int dir = fs_open_in(root, parent_len ? parent : ".", O_PATH | O_DIRECTORY);
        if (dir < 0)
                return dir;
        if (directory && mkdirat(dir, last, 0755) == 0)
                return 0;
        _cleanup_close_ int fd =
                directory ? -1 : openat(dir, last, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (fd >= 0)
                return 0;
        if (errno != EEXIST)
                return -errno;
        char prefix[4096 + 256];
        memcpy(prefix, path, n);
        prefix[n] = '\0';
        _cleanup_close_ int there = fs_open_in(root, prefix, O_PATH);
        return there == -ENOENT && depth < 8 ? make_link_target(root, dir, parent, last, directory, depth) : 0;
}

static int make_path(int root, const char *path, bool directory, unsigned depth) {
        while (*path == '/')
                path++;
        for (const char *p = path;; p++) {
                if (*p && *p != '/')
                        continue;
                if (p > path && p[-1] != '/') {
                        int r = make_one(root, path, (size_t) (p - path), *p || directory, depth);
                        if (r < 0)
                                return r;
                }
                if (!*p)
                        return 0;
        }
}

int fs_make_in(int root, const char *path, bool directory) {
        int fd = fs_open_in(root, path, O_PATH);
        if (fd != -ENOENT)
                return fd;
        int r = make_path(root, path, directory, 0);
        return r < 0 ? r : fs_open_in(root, path, O_PATH);
}

int fs_clone(int fd, const char *path, bool recursive) {
        unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
        int r = open_tree(fd, path, flags);
        return r < 0 ? -errno : r;
}

int fs_set_attr(int mount_fd, uint64_t set, uint64_t clear, uint64_t propagation, int userns_fd, bool recursive) {
        struct mount_attr a = { .attr_set = set, .attr_clr = clear, .propagation = propagation };
        if (userns_fd >= 0) {
                a.attr_set |= MOUNT_ATTR_IDMAP;
                a.userns_fd = (uint64_t) userns_fd;
        }
        return mount_setattr(mount_fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &a, sizeof(a)) < 0 ? -errno :
                                                                                                                0;
}

int fs_attach(int mount_fd, int target_fd) {
        return move_mount(mount_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0 ? -errno :
                                                                                                                0;
}

int fs_attach_at(int mount_fd, int dir, const char *path) {
        return move_mount(mount_fd, "", dir, path, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

int fs_new(const char *type, const char *options, uint64_t attr) {
        char copy[1024];
        _cleanup_close_ int fs = fsopen(type, FSOPEN_CLOEXEC);
        if (fs < 0)
                return -errno;
        (void) fsconfig(fs, FSCONFIG_SET_STRING, "source", type, 0); /* what df and mount show */
        size_t n = options ? strlen(options) : 0;
        if (n >= sizeof(copy))
                return -E2BIG;
        memcpy(copy, options ? options : "", n + 1);
        for (char *p = copy; *p;) {
                char *end = strchrnul(p, ','), *next = *end ? end + 1 : end;
                *end = '\0';
                char *eq = strchr(p, '=');
                if (eq)
                        *eq = '\0';
                if (*p && fsconfig(fs, eq ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, p, eq ? eq + 1 : NULL, 0) < 0)
                        return -errno;
                p = next;
        }
        if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -errno;
        int fd = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned) attr);
        return fd < 0 ? -errno : fd;
}
