/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where archives come from and go to. */
#include "archive_io.h"

#include "base/proc.h"

#include <fcntl.h>
#include <sys/stat.h>

int archive_input_open(const char *path, const char *how, struct souk_err *err) {
        if (!path || streq(path, "-")) {
                if (isatty(STDIN_FILENO))
                        return souk_err_set(err, SOUK_USAGE, -ENOTTY, "standard input is a terminal: %s", how);
                return STDIN_FILENO;
        }
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return souk_err_errno(err, errno, "cannot open '%s'", path);
        return fd;
}

void archive_input_closep(int *fd) {
        if (*fd != STDIN_FILENO)
                *fd = fd_close(*fd);
}

/* What a link points to is replaced, not the link. */
static char *resolve(const char *path) {
        char *real = realpath(path, NULL);
        return real ? real : xstrdup(path);
}

int archive_output_open(const char *path, struct archive_output *ret, struct souk_err *err) {
        *ret = (struct archive_output){ .fd = STDOUT_FILENO };
        if (!path || streq(path, "-")) {
                if (isatty(STDOUT_FILENO))
                        return souk_err_set(
                                err, SOUK_USAGE, -ENOTTY,
                                "refusing to write an archive to a terminal: use -o FILE, or redirect standard output");
                return 0;
        }
        struct stat st;
        bool in_place = stat(path, &st) >= 0 && !S_ISREG(st.st_mode);
        if (!in_place) {
                char tail[9];
                random_hex(tail, 8);
                _cleanup_free_ char *real = resolve(path);
                ret->temporary = xasprintf("%s.%s", real, tail);
        }
        ret->path = path;
        ret->fd =
                open(in_place ? path : ret->temporary, O_WRONLY | O_CLOEXEC | (in_place ? 0 : O_CREAT | O_EXCL), 0666);
        if (ret->fd < 0) {
                int r = -errno;
                free(TAKE_PTR(ret->temporary));
                ret->path = NULL;
                return souk_err_errno(err, r, "cannot write '%s'", path);
        }
        return 0;
}

int archive_output_commit(struct archive_output *o, struct souk_err *err) {
        if (!o->path)
                return 0;
        int fd = TAKE_FD(o->fd);
        if (close(fd) < 0) /* where a network file system reports a full disk */
                return souk_err_errno(err, errno, "cannot write '%s'", o->path);
        if (o->temporary) {
                _cleanup_free_ char *real = resolve(o->path);
                if (rename(o->temporary, real) < 0)
                        return souk_err_errno(err, errno, "cannot write '%s'", o->path);
                free(TAKE_PTR(o->temporary));
        }
        return 0;
}

void archive_output_abandon(struct archive_output *o) {
        if (o->path)
                o->fd = fd_close(o->fd);
        if (o->temporary)
                unlink(o->temporary);
        free(TAKE_PTR(o->temporary));
}
