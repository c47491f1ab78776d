/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host side of a start: carries out the plan's first part, sends the results to the child, and waits for the exec.
 *
 *   this process                                   the child
 *     clone ----------------------------------------> network, IPC, UTS, mount namespaces
 *     id maps ----------------------- 'm' ----------> loopback, procfs, sysfs, tmpfs ...
 *     control groups, limits -------- 'c', fds -----> joins them
 *     root, /dev, binds, user ------- go, mounts ---> pivots, attaches, hides, becomes the user
 *                               <---- READY ---------  filter, exec
 *     end of file: executed
 *
 * What fails is undone: the child is killed and reaped, which takes its namespaces and mounts along, and the control
 * groups are removed.  Mounts that were not sent are detached: their descriptors are all there is of them.
 */
#include "container/apply.h"
#include "container/container.h"

#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"

#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

/* ---- the state --------------------------------------------------------------------------------------------------- */

/* Where the arguments of this program stand in memory: fields 48 and 49 of stat, the 46th and 47th after the name. */
static void find_title(struct child *c) {
        _cleanup_free_ char *text = NULL;
        size_t n;
        char *p = file_read(AT_FDCWD, "/proc/self/stat", 4096, &text, &n) < 0 ? NULL : strrchr(text, ')');
        for (int field = 2; p && field < 48; field++)
                p = strchr(p + 1, ' ');
        if (!p)
                return;
        unsigned long start = strtoul(p, &p, 10), end = strtoul(p, NULL, 10);
        if (start && end > start) {
                c->title = (char *) start;
                c->title_size = end - start;
        }
}

void apply_init(struct apply *a, const struct machine_plan *plan, struct machine_run *run) {
        struct child *c = &a->child;
        a->plan = plan;
        a->run = run;
        a->sock = a->userns_fd = a->pidfd = -EBADF;
        a->pid = -1;
        a->cgroup_made = false;
        a->late = NULL;
        a->n_late = 0;
        a->go = (struct child_go){};
        for (size_t i = 0; i < PLAN_SENT_MAX; i++)
                a->slots[i] = -EBADF;
        cgroup_init(&a->cgroup);
        *run = (struct machine_run){ .pidfd = -EBADF, .terminal_fd = -EBADF };

        c->plan = plan;
        c->sock = c->join_pidfd = c->console_fd = c->empty_fd = -EBADF;
        c->new_user = c->late_user = c->cgroups_by_message = c->empty_attached = false;
        c->n_cgroup_fds = 0;
        c->cgroup_names = cgroup_shown_names();
        c->title = NULL;
        if (plan->desc->init && a->child.join_pidfd < 0)
                find_title(c);
        for (size_t i = 0; i < PLAN_SLOTS_MAX; i++)
                c->fds[i] = -EBADF;
        char *const *env = plan->desc->process.envp;
        c->n_env = strv_len(env);
        c->envp = xcalloc(c->n_env + 2, sizeof(char *));
        for (size_t i = 0; i < c->n_env; i++)
                c->envp[i] = env[i];
}

void apply_close_late(struct apply *a, int fd_take) {
        if (fd_take < 0)
                return;
        a->late = xreallocarray(a->late, a->n_late + 1, sizeof(int));
        a->late[a->n_late++] = fd_take;
}

static void close_late(struct apply *a) {
        while (a->n_late > 0)
                fd_close(a->late[--a->n_late]);
}

void apply_clear(struct apply *a) {
        free(a->child.envp);
        close_late(a);
        free(a->late);
        for (size_t i = 0; i < PLAN_SENT_MAX; i++)
                fd_close(a->slots[i]);
        cgroup_close(&a->cgroup);
        fd_close(a->sock);
        fd_close(a->userns_fd);
        fd_close(a->pidfd);
}

void apply_warn(struct apply *a, const char *fmt, ...) {
        va_list ap;
        if (*a->run->warning)
                return;
        va_start(ap, fmt);
        vsnprintf(a->run->warning, sizeof(a->run->warning), fmt, ap);
        va_end(ap);
}

static void undo(struct apply *a) {
        int status;
        a->run->terminal_fd = fd_close(a->run->terminal_fd);
        if (a->pid > 0) {
                a->sock = fd_close(a->sock);
                (void) !proc_pidfd_signal(a->pidfd, SIGKILL);
                (void) !proc_wait(a->pidfd, &status);
        }
        cgroup_close(&a->cgroup);
        if (a->cgroup_made)
                (void) cgroup_destroy(apply_desc(a)->id, NULL, NULL);
}

/* ---- what is sent ------------------------------------------------------------------------------------------------ */

static int send_with_fds(int sock, const void *p, size_t n, const int *fds, size_t n_fds) {
        union {
                char buf[CMSG_SPACE(sizeof(int) * PLAN_SENT_MAX)];
                struct cmsghdr align;
        } control;
        struct iovec iov = { (void *) (uintptr_t) p, n };
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
        if (n_fds > 0) {
                memset(&control, 0, CMSG_SPACE(n_fds * sizeof(int)));
                m.msg_control = control.buf;
                m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
                struct cmsghdr *h = CMSG_FIRSTHDR(&m);
                h->cmsg_level = SOL_SOCKET;
                h->cmsg_type = SCM_RIGHTS;
                h->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
                memcpy(CMSG_DATA(h), fds, n_fds * sizeof(int));
        }
        return sendmsg(sock, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int send_go(struct apply *a, struct souk_err *err) {
        int fds[PLAN_SENT_MAX], r;
        struct child_go *go = &a->go;
        go->n_slots = 0;
        for (int i = 0; i < a->plan->n_sent; i++)
                if (a->slots[i] >= 0) {
                        fds[go->n_slots] = a->slots[i];
                        go->slots[go->n_slots++] = (uint16_t) i;
                }
        r = send_with_fds(a->sock, go, sizeof(*go), fds, go->n_slots);
        return r < 0 && r != -EPIPE ? souk_err_errno(err, r, "talking to the container's first process") : r;
}

/* v2 with CLONE_INTO_CGROUP: it is there already. */
static int send_cgroups(struct apply *a, struct souk_err *err) {
        int fds[CGROUP_DIRS_MAX];
        if (!a->child.cgroups_by_message)
                return 0;
        int n = cgroup_join_files(&a->cgroup, fds, err);
        if (n < 0)
                return n;
        int r = send_with_fds(a->sock, "c", 1, fds, (size_t) n);
        for (int i = 0; i < n; i++)
                close(fds[i]);
        return r < 0 && r != -EPIPE ? souk_err_errno(err, r, "talking to the container's first process") : r;
}

/* ---- limits that take privilege of the host ---------------------------------------------------------------------- */

static int raise_rlimits(struct apply *a, struct souk_err *err) {
        const struct machine_process *p = &apply_desc(a)->process;
        for (size_t i = 0; i < p->n_rlimits; i++) {
                __rlimit_resource_t resource = (__rlimit_resource_t) p->rlimits[i].resource;
                struct rlimit now;
                if (p->rlimits[i].soft > p->rlimits[i].hard)
                        return souk_err_set(err, SOUK_INVALID, -EINVAL,
                                            "a resource limit whose soft value is above its hard one");
                if (getrlimit(resource, &now) < 0)
                        return souk_err_errno(err, errno, "reading a resource limit");
                if (p->rlimits[i].hard <= now.rlim_max)
                        continue;
                now.rlim_max = p->rlimits[i].hard;
                if (prlimit(a->pid, resource, &now, NULL) < 0)
                        return souk_err_errno(
                                err, errno,
                                "raising resource limit %d above this process's own (that needs CAP_SYS_RESOURCE)",
                                p->rlimits[i].resource);
        }
        return 0;
}

static int set_oom_score(struct apply *a, struct souk_err *err) {
        char path[48];
        int64_t score = apply_desc(a)->process.oom_score_adj;
        if (score == MACHINE_UNSET)
                return 0;
        snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", a->pid);
        int r = file_writef(AT_FDCWD, path, "%lld", (long long) score);
        return r < 0 ? souk_err_errno(err, r, "setting oom_score_adj to %lld (lowering it needs CAP_SYS_RESOURCE)",
                                      (long long) score) :
                       0;
}

/* ---- the steps --------------------------------------------------------------------------------------------------- */

static int do_cgroup(struct apply *a, struct souk_err *err) {
        if (a->cgroup.dirs[0] >= 0 || a->child.join_pidfd >= 0)
                return 0; /* v2, and exec: before the clone */
        int r = cgroup_create(apply_desc(a)->id, &apply_desc(a)->limits, &a->cgroup, err);
        a->cgroup_made = r >= 0;
        fault_point("container.after_cgroup");
        return r < 0 ? r : send_cgroups(a, err);
}

static int do_clone(struct apply *a, const struct step *s, int peer, struct souk_err *err) {
        int r = 0;
        if (cgroup_is_v2() && a->child.join_pidfd < 0) {
                r = cgroup_create(apply_desc(a)->id, &apply_desc(a)->limits, &a->cgroup, err);
                a->cgroup_made = r >= 0;
        }
        a->child.cgroups_by_message = a->child.join_pidfd < 0 && !cgroup_is_v2();
        return r < 0 ? r : clone_child(a, s->flags, peer, err);
}

static int do_step(struct apply *a, const struct step *s, struct souk_err *err) {
        switch (s->kind) {
        case STEP_IDMAP:
                return clone_map_ids(a, err);
        case STEP_CGROUP:
                return do_cgroup(a, err);
        case STEP_ROOT:
                return root_make(a, err);
        case STEP_DEV:
                return root_make_dev(a, s, err);
        case STEP_HOST_FS:
                return mounts_host_fs(a, s, err);
        case STEP_BIND_SOURCE:
                return mounts_bind_source(a, s, err);
        case STEP_CGROUP_FS:
                return mounts_cgroup_fs(a, s, err);
        case STEP_DEVICE_SOURCE:
                return mounts_device_source(a, s, err);
        case STEP_USER:
                return exec_find_user(a, err);
        default:
                return -ENOSYS;
        }
}

static int host_steps(struct apply *a, int peer, struct souk_err *err) {
        const struct step *steps = a->plan->steps;
        int r = do_clone(a, &steps[0], peer, err);
        close(peer);
        fault_point("container.after_clone");
        for (size_t i = 1; r >= 0 && i < a->plan->first_child; i++)
                r = do_step(a, &steps[i], err);
        if (r >= 0)
                r = raise_rlimits(a, err);
        if (r >= 0)
                r = set_oom_score(a, err);
        fault_point("container.before_go");
        return r < 0 ? r : send_go(a, err);
}

/* ---- the answer -------------------------------------------------------------------------------------------------- */

static int program_error(const struct machine_desc *d, enum step_kind kind, int r, struct souk_err *err) {
        const char *program = d->process.argv[0];
        if (kind == STEP_EXEC && (r == -ENOENT || r == -ENOTDIR))
                return souk_err_set(err, SOUK_COMMAND_NOT_FOUND, r,
                                    "exec: \"%.300s\": its interpreter does not exist in the image", program);
        if (r == -ENOENT || r == -ENOTDIR)
                return souk_err_set(err, SOUK_COMMAND_NOT_FOUND, r,
                                    strchr(program, '/') ? "exec: \"%.300s\": stat %.100s: no such file or directory" :
                                                           "exec: \"%.300s\": executable file not found in $PATH",
                                    program, program);
        if (r == -ENOEXEC)
                return souk_err_set(
                        err, SOUK_COMMAND_NOT_EXECUTABLE, r,
                        "exec: \"%.300s\": exec format error (another architecture, or a script without '#!')",
                        program);
        static const char *const words[] = { "permission denied", "is a directory" };
        const char *why = r == -EACCES || r == -EPERM ? words[0] : r == -EISDIR ? words[1] : strerror(-r);
        return souk_err_set(err, SOUK_COMMAND_NOT_EXECUTABLE, r, "exec: \"%.300s\": %s", program, why);
}

static int child_error(struct apply *a, const struct child_report *report, struct souk_err *err) {
        const struct machine_plan *p = a->plan;
        if (report->step < 0 || (size_t) report->step >= p->n_steps)
                return souk_err_errno(err, report->errnum, "starting the container");
        const struct step *s = &p->steps[report->step];
        if (s->kind == STEP_EXEC || s->kind == STEP_PROGRAM)
                return program_error(apply_desc(a), s->kind, report->errnum, err);
        _cleanup_free_ char *what = step_describe(p, s);
        return souk_err_errno(err, report->errnum, "%.400s", what);
}

static int child_died(struct apply *a, struct souk_err *err) {
        int status = 0;
        bool oom = false;
        int r = proc_wait(a->pidfd, &status);
        a->pid = -1;
        if (a->cgroup_made)
                (void) cgroup_destroy(apply_desc(a)->id, &oom, NULL);
        a->cgroup_made = false;
        if (r >= 0 && status == 128 + SIGKILL && oom)
                return souk_err_set(
                        err, SOUK_LIMIT, -ENOMEM,
                        "the memory limit is too low: the kernel killed the container's first process");
        return souk_err_set(err, SOUK_INTERNAL, -ECHILD,
                            "the container's first process ended during set-up (status %d)", status);
}

/* Until the exec has closed the socket, or the child has said what failed. */
static int wait_exec(struct apply *a, struct souk_err *err) {
        for (bool ready = false;;) {
                struct child_report report;
                union {
                        char buf[CMSG_SPACE(sizeof(int))];
                        struct cmsghdr align;
                } control = {};
                struct iovec iov = { &report, sizeof(report) };
                struct msghdr m = { .msg_iov = &iov,
                                    .msg_iovlen = 1,
                                    .msg_control = control.buf,
                                    .msg_controllen = sizeof(control.buf) };
                ssize_t n = recvmsg(a->sock, &m, MSG_CMSG_CLOEXEC);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n == 0)
                        return ready ? 0 : child_died(a, err);
                if (n < 0 || (size_t) n != sizeof(report))
                        return souk_err_set(err, SOUK_INTERNAL, -EPROTO,
                                            "the container's first process said something unexpected");
                if (report.kind == CHILD_FAILED)
                        return child_error(a, &report, err);
                ready |= report.kind == CHILD_READY;
                struct cmsghdr *h = CMSG_FIRSTHDR(&m);
                if (h && h->cmsg_type == SCM_RIGHTS)
                        memcpy(&a->run->terminal_fd, CMSG_DATA(h), sizeof(int));
        }
}

int apply_steps(struct apply *a, struct souk_err *err) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return souk_err_errno(err, errno, "socketpair");
        a->sock = pair[0];
        int r = host_steps(a, pair[1], err);
        close_late(a);
        if (r == -EPIPE || r >= 0) /* a child that failed first has said why */
                r = wait_exec(a, err);
        if (r < 0) {
                undo(a);
                return r;
        }
        a->run->pid = a->pid;
        a->run->pidfd = TAKE_FD(a->pidfd);
        return 0;
}

static int container_apply(const struct machine_plan *plan, struct machine_run *run, struct souk_err *err) {
        struct apply *a = xmalloc(sizeof(*a));
        apply_init(a, plan, run);
        int r = apply_steps(a, err);
        apply_clear(a);
        free(a);
        return r;
}

/* ---- vtable ------------------------------------------------------------------------------------------------------ */

static int container_signal(const char *id, int pidfd, int sig, struct souk_err *err) {
        int r = proc_pidfd_signal(pidfd, sig);
        if (r >= 0 && sig == SIGKILL) /* what is frozen does not die before it is thawed */
                (void) cgroup_freeze(id, false, NULL);
        return r < 0 ? souk_err_errno(err, r, "sending signal %d to instance %.12s", sig, id) : 0;
}

static int container_pause(const char *id, struct souk_err *err) {
        return cgroup_freeze(id, true, err);
}

static int container_resume(const char *id, struct souk_err *err) {
        return cgroup_freeze(id, false, err);
}

const struct backend container_backend = {
        .name = "container",
        .plan = container_plan,
        .plan_format = container_plan_format,
        .plan_free = container_plan_free,
        .apply = container_apply,
        .exec = container_exec,
        .signal = container_signal,
        .pause = container_pause,
        .resume = container_resume,
        .destroy = cgroup_destroy,
        .list = cgroup_list,
};

bool container_accounts_swap(void) {
        return cgroup_accounts_swap();
}

void container_parents_remove(void) {
        cgroup_parents_remove();
}
