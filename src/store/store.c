/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The handle of a store: two directories that are made when missing; the database is opened by the first query. */
#include "store/store.h"
#include "base/file.h"
#include "base/str.h"
#include "store/db.h"

static int directory_open(const char *path, const char *what, const char *flag, int *ret, struct souk_err *err) {
        int fd, r;

        if (path[0] != '/')
                return souk_err_set(err, SOUK_INVALID, -EINVAL, "%s '%s' is not an absolute path: give %s a full path",
                                    what, path, flag);
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT) {
                r = dir_make_all(path, 0700);
                if (r < 0)
                        return souk_err_errno(err, r, "make %s '%s'", what, path);
                fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        }
        if (fd < 0)
                return souk_err_errno(err, errno, "open %s '%s'", what, path);
        *ret = fd;
        return 0;
}

int store_open(const char *root, const char *run, struct store **ret, struct souk_err *err) {
        struct store *st = xcalloc(1, sizeof(*st));
        int r;

        st->root = xstrdup(root);
        st->run = xstrdup(run);
        st->root_fd = st->run_fd = -EBADF;
        r = directory_open(root, "store", "--root or SOUK_ROOT", &st->root_fd, err);
        if (r == 0)
                r = directory_open(run, "run directory", "--run or SOUK_RUN", &st->run_fd, err);
        if (r < 0) {
                store_close(st);
                return r;
        }
        *ret = st;
        return 0;
}

void store_close(struct store *st) {
        if (!st)
                return;
        db_close(st);
        fd_close(st->root_fd);
        fd_close(st->run_fd);
        free(st->root);
        free(st->run);
        free(st);
}
