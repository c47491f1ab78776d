/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Becoming souk-shim, in a child of the engine: see shim.c for its argv. */
#include "shim/monitor.h"

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

/* "3f2a..." of RUN/i/3f2a..., or "3f2a.../exec-1234": only a title, for people who read ps */
static char *shim_title(int run_dir_fd) {
        char link[32], path[PATH_MAX];
        ssize_t n = run_dir_fd < 0 ? -1 : readlink(fd_path(run_dir_fd, link, sizeof(link)), path, sizeof(path) - 1);
        if (n <= 0)
                return xstrdup("-");
        path[n] = '\0';
        const char *slash = strrchr(path, '/');
        if (slash && str_startswith(slash, "/exec-"))
                slash = memrchr(path, '/', (size_t) (slash - path));
        return xstrdup(slash && slash[1] ? slash + 1 : "-");
}

static char **shim_argv(const struct shim_exec *x) {
        const struct monitor_config *c = &x->monitor;
        char **argv = NULL;
        strv_push(&argv, "souk-shim");
        strv_push_take(&argv, shim_title(c->run_dir_fd));
        strv_pushf(&argv, "%d", c->pid);
        strv_pushf(&argv, "%d,%d,%d,%d,%d,%d", c->pidfd, c->in_fd, c->out_fd, c->err_fd, c->run_dir_fd, c->log_dir_fd);
        strv_pushf(&argv, "%" PRIu64 ",%u", c->log_max_bytes, c->log_max_files);
        strv_pushf(&argv, "-%s%s%s", c->terminal ? "t" : "", c->stdin_once ? "o" : "", c->wait_attach ? "w" : "");
        for (size_t i = 0; x->on_exit && x->on_exit[i]; i++)
                strv_push(&argv, x->on_exit[i]);
        return argv;
}

int shim_exec(const struct shim_exec *x, struct souk_err *err) {
        const struct monitor_config *c = &x->monitor;
        const int fds[] = { c->pidfd, c->in_fd, c->out_fd, c->err_fd, c->run_dir_fd, c->log_dir_fd };
        _cleanup_free_ char *path = exe_sibling("souk-shim");
        if (!path)
                return souk_err_set(err, SOUK_INTERNAL, -ENOENT, "souk-shim is not installed beside this program or in %s", SOUK_LIBEXECDIR);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                if (fds[i] >= 0 && fd_set_cloexec(fds[i], false) < 0)
                        return souk_err_errno(err, errno, "passing file descriptor %d to souk-shim", fds[i]);
        _cleanup_strv_ char **argv = shim_argv(x);
        execv(path, argv);
        return souk_err_errno(err, errno, "executing %s", path);
}
