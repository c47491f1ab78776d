/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A tmpfs that starts with what the image has at its place.  Runs in the child: no allocation; symlinks are copied,
 * never followed; the depth is bounded; sockets, FIFOs and devices are left for programs to make. */
#include "container/child.h"

#include "base/str.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static int make_file(int dir, const char *name, int from, const struct stat *st) {
        char chunk[65536];
        _cleanup_close_ int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        _cleanup_close_ int out = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (in < 0 || out < 0)
                return -errno;
        for (ssize_t n; (n = read(in, chunk, sizeof(chunk))) != 0;)
                if (n < 0 || write(out, chunk, (size_t) n) != n)
                        return n < 0 ? -errno : -ENOSPC;
        if (fchown(out, st->st_uid, st->st_gid) < 0 || fchmod(out, st->st_mode & 07777) < 0)
                return -errno;
        return 0;
}

struct dirent64 {
        uint64_t d_ino;
        int64_t d_off;
        unsigned short d_reclen;
        unsigned char d_type;
        char d_name[];
};
static int copy_directory(int from, int to, unsigned depth);

static int copy_entry(int from, int to, const char *name, unsigned depth) {
        struct stat st;
        char link[4096];
        if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (S_ISLNK(st.st_mode)) {
                ssize_t n = readlinkat(from, name, link, sizeof(link) - 1);
                if (n < 0)
                        return -errno;
                link[n] = '\0';
                return child_check(symlinkat(link, to, name));
        }
        if (S_ISREG(st.st_mode))
                return make_file(to, name, from, &st);
        if (!S_ISDIR(st.st_mode))
                return 0; /* sockets, FIFOs and devices are made by programs */
        if (depth > 32)
                return -ELOOP;
        if (mkdirat(to, name, 0700) < 0)
                return -errno;
        _cleanup_close_ int a = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        _cleanup_close_ int b = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (a < 0 || b < 0)
                return -errno;
        int r = copy_directory(a, b, depth + 1);
        if (r >= 0 && (fchown(b, st.st_uid, st.st_gid) < 0 || fchmod(b, st.st_mode & 07777) < 0))
                r = -errno;
        return r;
}

static int copy_directory(int from, int to, unsigned depth) {
        char entries[4096];
        for (long n; (n = syscall(SYS_getdents64, from, entries, sizeof(entries))) != 0;) {
                if (n < 0)
                        return -errno;
                for (long k = 0; k < n;) {
                        const struct dirent64 *e = (const struct dirent64 *) (const void *) (entries + k);
                        k += e->d_reclen;
                        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
                                continue;
                        int r = copy_entry(from, to, e->d_name, depth);
                        if (r < 0 && r != -EACCES && r != -EPERM) /* what the container's root may not read stays out */
                                return r;
                }
        }
        return 0;
}

int copy_up_directory(int from, int to) {
        return copy_directory(from, to, 0);
}
