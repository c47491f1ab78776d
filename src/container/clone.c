/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first process of a container, and its ids.
 *
 * Only the user and the pid namespace are made by the clone; the others by the child itself, while this side is at
 * work. A namespace to be joined belongs to someone else's user namespace: this thread enters it before the clone,
 * and returns.
 */
#include "container/apply.h"

#include "base/file.h"
#include "base/str.h"

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#ifndef PIDFD_GET_USER_NAMESPACE /* 6.11 */
#define PIDFD_GET_USER_NAMESPACE _IO(0xFF, 9)
#endif

int namespaces_join(const struct machine_desc *d, struct joined *j, struct souk_err *err) {
        static const char *const files[MACHINE_NS_MAX] = {
                [MACHINE_NS_PID] = "/proc/self/ns/pid",       [MACHINE_NS_NET] = "/proc/self/ns/net",
                [MACHINE_NS_IPC] = "/proc/self/ns/ipc",       [MACHINE_NS_UTS] = "/proc/self/ns/uts",
                [MACHINE_NS_CGROUP] = "/proc/self/ns/cgroup",
        };
        for (size_t i = 0; i < MACHINE_NS_MAX; i++)
                j->own[i] = -EBADF;
        for (size_t i = 0; i < MACHINE_NS_MAX; i++) {
                if (d->ns[i].mode != MACHINE_NS_JOIN || !files[i])
                        continue;
                j->own[i] = open(files[i], O_RDONLY | O_CLOEXEC);
                if (j->own[i] < 0)
                        return souk_err_errno(err, errno, "%s", files[i]);
                if (setns(d->ns[i].fd, (int) plan_namespace_flag((enum machine_ns) i)) < 0) {
                        int r = souk_err_errno(err, errno, "joining the %s namespace", strrchr(files[i], '/') + 1);
                        j->own[i] = fd_close(j->own[i]);
                        return r;
                }
        }
        return 0;
}

int namespaces_leave(struct joined *j, struct souk_err *err) {
        int r = 0;
        for (size_t i = 0; i < MACHINE_NS_MAX; i++) {
                if (j->own[i] >= 0 && setns(j->own[i], 0) < 0)
                        r = souk_err_set(err, SOUK_INTERNAL, -ENOTRECOVERABLE,
                                         "cannot return into an own namespace: %s", strerror(errno));
                j->own[i] = fd_close(j->own[i]);
        }
        return r;
}

static pid_t clone_now(struct apply *a, uint64_t flags) {
        struct clone_args args = {
                .flags = flags | CLONE_PIDFD,
                .pidfd = (uint64_t) (uintptr_t) &a->pidfd,
                .exit_signal = SIGCHLD,
        };
        if (a->cgroup.clone_into) {
                args.flags |= CLONE_INTO_CGROUP;
                args.cgroup = (uint64_t) a->cgroup.dirs[0];
        }
        return (pid_t) syscall(SYS_clone3, &args, sizeof(args));
}

/* In a joined pid namespace others can see the child before it has said that it is not to be looked into. */
int clone_child(struct apply *a, uint64_t flags, int peer, struct souk_err *err) {
        const struct machine_desc *d = apply_desc(a);
        struct joined joined;
        bool seen = a->child.join_pidfd >= 0 || d->ns[MACHINE_NS_PID].mode == MACHINE_NS_JOIN;
        int dumpable = seen ? prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) : -1;
        a->child.sock = peer;
        a->child.new_user = flags & CLONE_NEWUSER;
        a->child.late_user = plan_has_late_user_ns(d) && a->child.new_user;
        flags &= CLONE_NEWUSER | CLONE_NEWPID;
        if (a->child.late_user)
                flags &= ~(uint64_t) CLONE_NEWUSER;
        if (seen)
                prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        int r = a->child.join_pidfd >= 0 ? 0 : namespaces_join(d, &joined, err);
        if (r >= 0) {
                pid_t pid = clone_now(a, flags);
                if (pid == 0) {
                        close(a->sock); /* the host side's end: its death must be an end of file */
                        child_main(&a->child);
                }
                if (pid < 0)
                        r = souk_err_errno(err, errno, "making a process in new namespaces (clone3)");
                else
                        a->pid = pid;
        }
        if (seen)
                prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0);
        int left = a->child.join_pidfd >= 0 ? 0 : namespaces_leave(&joined, err);
        return left < 0 ? left : r;
}

static int write_map(int proc_fd, const char *file, const struct machine_idmap *map, size_t n, struct souk_err *err) {
        char text[4096];
        size_t len = 0;
        for (size_t i = 0; i < n && len < sizeof(text); i++)
                len += (size_t) snprintf(text + len, sizeof(text) - len, "%u %u %u\n", map[i].inside, map[i].outside,
                                         map[i].count);
        int r = len >= sizeof(text) ? -E2BIG : file_write(proc_fd, file, text);
        return r < 0 ? souk_err_errno(err, r, "mapping ids (%s)", file) : 0;
}

int clone_map_ids(struct apply *a, struct souk_err *err) {
        const struct machine_desc *d = apply_desc(a);
        char path[32], byte;
        if (a->child.late_user && (recv(a->sock, &byte, 1, 0) != 1 || byte != 'u'))
                return -EPIPE; /* it has said why */
        snprintf(path, sizeof(path), "/proc/%d", a->pid);
        _cleanup_close_ int proc_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (proc_fd < 0)
                return souk_err_errno(err, errno, "%s", path);
        int r = write_map(proc_fd, "uid_map", d->uid_map, d->n_uid_map, err);
        if (r >= 0)
                r = write_map(proc_fd, "gid_map", d->gid_map, d->n_gid_map, err);
        if (r < 0)
                return r;
        a->userns_fd = ioctl(a->pidfd, PIDFD_GET_USER_NAMESPACE, 0);
        if (a->userns_fd < 0)
                a->userns_fd = openat(proc_fd, "ns/user", O_RDONLY | O_CLOEXEC);
        if (a->userns_fd < 0)
                return souk_err_errno(err, errno, "opening the new user namespace");
        return send(a->sock, "m", 1, MSG_NOSIGNAL) == 1 ? 0 : -EPIPE;
}

uint32_t idmap_outside(const struct machine_idmap *map, size_t n, uint32_t inside) {
        for (size_t i = 0; i < n; i++)
                if (inside >= map[i].inside && inside - map[i].inside < map[i].count)
                        return map[i].outside + (inside - map[i].inside);
        return inside;
}
