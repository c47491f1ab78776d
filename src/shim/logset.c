/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The set of log files: see logset.h. */
#include "shim/logset.h"

#include "base/file.h"
#include "base/str.h"
#include "shim/logfile.h"

#include <stdio.h>

#define BLOCK_BYTES 65536

static const char *file_name(unsigned index, char buf[24]) {
        if (index == 0)
                return LOG_FILE;
        snprintf(buf, 24, LOG_FILE ".%u", index);
        return buf;
}

static int file_open(int dir_fd, unsigned index) {
        char name[24];
        struct stat st;
        _cleanup_close_ int fd = openat(dir_fd, file_name(index, name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        return S_ISREG(st.st_mode) ? TAKE_FD(fd) : -EINVAL;
}

static bool same_file(int a, int b) {
        struct stat x, y;
        return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

void logset_close(struct logset *s) {
        for (size_t i = 0; i < s->n; i++)
                s->fds[i] = fd_close(s->fds[i]);
        s->n = 0;
}

/* From the newest to the oldest: a shift meanwhile shows a file twice, never hides one. */
int logset_open(int dir_fd, struct logset *ret) {
        struct logset s = {};
        for (unsigned i = 0; i < LOGSET_MAX && s.n < LOGSET_MAX; i++) {
                int fd = file_open(dir_fd, i);
                if (fd == -ENOENT && i > 0)
                        break;
                if (fd == -ENOENT) /* between two renames "log" may be missing */
                        continue;
                if (fd < 0) {
                        logset_close(&s);
                        return fd;
                }
                if (s.n && same_file(fd, s.fds[s.n - 1]))
                        close(fd);
                else
                        s.fds[s.n++] = fd;
        }
        for (size_t i = 0; i < s.n / 2; i++) {
                int fd = s.fds[i];
                s.fds[i] = s.fds[s.n - 1 - i];
                s.fds[s.n - 1 - i] = fd;
        }
        *ret = s;
        return 0;
}

/* Which name has it now?  -ENOENT: none, it was shifted out; *ret_oldest is the last index in use. */
static int find_index(int dir_fd, int fd, int *ret_oldest) {
        struct stat own = {}, st;
        char name[24];
        int found = -ENOENT;
        *ret_oldest = -1;
        if (fd >= 0 && fstat(fd, &own) < 0)
                return -errno;
        for (unsigned i = 0; i < LOGSET_MAX; i++) {
                if (fstatat(dir_fd, file_name(i, name), &st, AT_SYMLINK_NOFOLLOW) < 0) {
                        if (i > 0)
                                break;
                        continue;
                }
                *ret_oldest = (int) i;
                if (fd >= 0 && found < 0 && st.st_dev == own.st_dev && st.st_ino == own.st_ino)
                        found = (int) i;
        }
        return found;
}

int logset_next(int dir_fd, int current) {
        for (int tries = 0; tries < 100; tries++) {
                int oldest, again, at = find_index(dir_fd, current, &oldest);
                if (at == 0 || (at < 0 && at != -ENOENT))
                        return at == 0 ? -ENOENT : at;
                int wanted = at > 0 ? at - 1 : oldest;
                if (wanted < 0)
                        return -ENOENT;
                _cleanup_close_ int fd = file_open(dir_fd, (unsigned) wanted);
                if (fd == -ENOENT && wanted == 0)
                        return fd; /* it is just being made */
                if (fd >= 0 && find_index(dir_fd, current, &again) == at && (at > 0 || again == oldest))
                        return TAKE_FD(fd);
        }
        return -EBUSY;
}

/* Counts newlines from the end; the one that ends the file does not begin a line. */
static int tail_of_file(int fd, uint64_t *lines, uint64_t *ret_offset) {
        struct stat st;
        if (fstat(fd, &st) < 0)
                return -errno;
        uint64_t end = (uint64_t) st.st_size, size = end;
        _cleanup_free_ char *block = xmalloc(BLOCK_BYTES);
        while (end > 0) {
                size_t n = MIN(end, (uint64_t) BLOCK_BYTES);
                ssize_t k = pread(fd, block, n, (off_t) (end - n));
                if (k != (ssize_t) n)
                        return k < 0 ? -errno : -EIO;
                for (size_t i = n; i > 0; i--) {
                        uint64_t at = end - n + i; /* offset after this byte */
                        if (block[i - 1] != '\n' || at == size)
                                continue;
                        if (--*lines == 0) {
                                *ret_offset = at;
                                return 1;
                        }
                }
                end -= n;
        }
        if (size && --*lines == 0) {
                *ret_offset = 0;
                return 1;
        }
        return 0;
}

int logset_tail(const struct logset *s, uint64_t lines, size_t *ret_file, uint64_t *ret_offset) {
        *ret_file = 0;
        *ret_offset = 0;
        if (s->n == 0)
                return 0;
        if (lines == 0) {
                off_t end = lseek(s->fds[s->n - 1], 0, SEEK_END);
                if (end < 0)
                        return -errno;
                *ret_file = s->n - 1;
                *ret_offset = (uint64_t) end;
                return 0;
        }
        for (size_t i = s->n; i > 0; i--) {
                int r = tail_of_file(s->fds[i - 1], &lines, ret_offset);
                if (r < 0)
                        return r;
                if (r > 0) {
                        *ret_file = i - 1;
                        return 0;
                }
        }
        return 0;
}
