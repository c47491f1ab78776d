/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host side: clones the child, maps its ids, makes its control groups and its root, and sends the root.
 *
 * A user namespace needs one trick (DESIGN section 5): the overlay is made with the credentials of whoever calls fsopen;
 * with ids that the map does not hold it would silently come up read-only.  So the file system ids are the mapped root's
 * while it is made, and the capabilities that this change drops are taken back.
 */
#include "container/cgroup.h"
#include "container/child.h"
#include "container/container.h"
#include "container/plan.h"
#include "container/userdb.h"

#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "sys/fs.h"

#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct apply {
        const struct machine_plan *plan;
        struct child child;
        struct cgroup cgroup;
        bool cgroup_made;
        int sock, userns_fd, root_fd;
        int *sent;
        size_t n_sent;
        pid_t pid;
        int pidfd;
};

static const struct machine_desc *desc(const struct apply *a) {
        return a->plan->desc;
}

/* ---- clone ------------------------------------------------------------------------------------------------------- */

static int join_namespaces(const struct machine_desc *d, int self[MACHINE_NS_MAX], struct souk_err *err) {
        static const struct { enum machine_ns ns; const char *file; int flag; } joinable[] = {
                { MACHINE_NS_NET, "/proc/self/ns/net", CLONE_NEWNET }, { MACHINE_NS_IPC, "/proc/self/ns/ipc", CLONE_NEWIPC },
                { MACHINE_NS_UTS, "/proc/self/ns/uts", CLONE_NEWUTS }, { MACHINE_NS_CGROUP, "/proc/self/ns/cgroup", CLONE_NEWCGROUP },
                { MACHINE_NS_PID, "/proc/self/ns/pid_for_children", CLONE_NEWPID },
        };
        for (size_t i = 0; i < ELEMENTSOF(joinable); i++) {
                const struct machine_namespace *n = &d->ns[joinable[i].ns];
                if (n->mode != MACHINE_NS_JOIN)
                        continue;
                self[joinable[i].ns] = open(joinable[i].file, O_RDONLY | O_CLOEXEC);
                if (self[joinable[i].ns] < 0 || setns(n->fd, joinable[i].flag) < 0)
                        return souk_err_errno(err, errno, "joining a namespace (%s)", joinable[i].file);
        }
        return 0;
}

static void leave_namespaces(int self[MACHINE_NS_MAX]) {
        for (size_t i = 0; i < MACHINE_NS_MAX; i++)
                if (self[i] >= 0 && setns(self[i], 0) < 0)
                        log_error("cannot return into an own namespace: %m");
        for (size_t i = 0; i < MACHINE_NS_MAX; i++)
                self[i] = fd_close(self[i]);
}

static int clone_child(struct apply *a, uint64_t flags, int peer, struct souk_err *err) {
        struct clone_args args = {
                .flags = (flags & (CLONE_NEWUSER | CLONE_NEWPID)) | CLONE_PIDFD, /* the child makes the others itself */
                .pidfd = (uint64_t) (uintptr_t) &a->pidfd,
                .exit_signal = SIGCHLD,
        };
        int self[MACHINE_NS_MAX];
        for (size_t i = 0; i < MACHINE_NS_MAX; i++)
                self[i] = -EBADF;
        int r = a->child.join_flags ? 0 : join_namespaces(desc(a), self, err);
        if (r < 0) {
                leave_namespaces(self);
                return r;
        }
        if (a->cgroup_made && a->cgroup.clone_into) {
                args.flags |= CLONE_INTO_CGROUP;
                args.cgroup = (uint64_t) a->cgroup.dirs[0];
        }
        a->child.sock = peer;
        pid_t pid = (pid_t) syscall(SYS_clone3, &args, sizeof(args));
        if (pid == 0)
                child_main(&a->child);
        int clone_errno = errno;
        leave_namespaces(self);
        if (pid < 0)
                return souk_err_errno(err, clone_errno, "making a process in new namespaces (clone3)");
        a->pid = pid;
        return 0;
}

static int write_map(int proc_fd, const char *file, const struct machine_idmap *map, size_t n, struct souk_err *err) {
        char text[4096];
        size_t len = 0;
        for (size_t i = 0; i < n && len < sizeof(text); i++)
                len += (size_t) snprintf(text + len, sizeof(text) - len, "%u %u %u\n", map[i].inside, map[i].outside, map[i].count);
        int r = len >= sizeof(text) ? -E2BIG : file_write(proc_fd, file, text);
        return r < 0 ? souk_err_errno(err, r, "mapping ids (%s)", file) : 0;
}

static int map_ids(struct apply *a, struct souk_err *err) {
        const struct machine_desc *d = desc(a);
        char path[32];
        snprintf(path, sizeof(path), "/proc/%d", a->pid);
        _cleanup_close_ int proc_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (proc_fd < 0)
                return souk_err_errno(err, errno, "%s", path);
        int r = write_map(proc_fd, "uid_map", d->uid_map, d->n_uid_map, err);
        if (r >= 0)
                r = write_map(proc_fd, "gid_map", d->gid_map, d->n_gid_map, err);
        if (r < 0)
                return r;
        a->userns_fd = openat(proc_fd, "ns/user", O_RDONLY | O_CLOEXEC);
        if (a->userns_fd < 0)
                return souk_err_errno(err, errno, "opening the new user namespace");
        return write(a->sock, "m", 1) == 1 ? 0 : souk_err_errno(err, errno, "talking to the container's first process");
}

/* ---- root -------------------------------------------------------------------------------------------------------- */

static int get_caps(struct __user_cap_data_struct d[2]) {
        struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
        return syscall(SYS_capget, &h, d) < 0 ? -errno : 0;
}

static int set_caps(const struct __user_cap_data_struct d[2]) {
        struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
        return syscall(SYS_capset, &h, d) < 0 ? -errno : 0;
}

static int idmapped_clone(int fd, const char *path, int userns_fd, struct souk_err *err) {
        _cleanup_close_ int clone = fs_clone(fd, path, false);
        if (clone < 0)
                return souk_err_errno(err, clone, "cloning a layer's mount");
        int r = userns_fd < 0 ? 0 : fs_set_attr(clone, 0, 0, 0, userns_fd, false);
        if (r < 0)
                return souk_err_errno(err, r, "mapping the ids of a layer (this needs a file system that can be idmapped; --userns host does without)");
        return TAKE_FD(clone);
}

static int overlay_set(int fs, const char *key, int fd, const char *below, struct souk_err *err) {
        char path[64];
        snprintf(path, sizeof(path), "/proc/self/fd/%d%s", fd, below);
        return fsconfig(fs, FSCONFIG_SET_STRING, key, path, 0) < 0 ? souk_err_errno(err, errno, "overlay: setting %s", key) : 0;
}

static int overlay_lowers(int fs, const int *fds, size_t n, struct souk_err *err) {
        char path[40];
        bool one_by_one = true;
        for (size_t i = n; i-- > 0 && one_by_one;)
                if (fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", fd_path(fds[i], path, sizeof(path)), 0) < 0) {
                        if (i + 1 < n)
                                return souk_err_errno(err, errno, "overlay: adding layer %zu", i);
                        one_by_one = false; /* before 6.5 */
                }
        if (one_by_one)
                return 0;
        _cleanup_strv_ char **paths = NULL;
        for (size_t i = n; i-- > 0;)
                strv_push(&paths, fd_path(fds[i], path, sizeof(path)));
        _cleanup_free_ char *joined = strv_join(paths, ":");
        return fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir", joined, 0) < 0 ? souk_err_errno(err, errno, "overlay: setting the layers") : 0;
}

static int overlay_new(const int *lowers, size_t n, int upper, struct souk_err *err) {
        _cleanup_close_ int fs = fsopen("overlay", FSOPEN_CLOEXEC);
        if (fs < 0)
                return souk_err_errno(err, errno, "overlayfs");
        (void) fsconfig(fs, FSCONFIG_SET_STRING, "source", "overlay", 0);
        int r = overlay_lowers(fs, lowers, n, err);
        if (r >= 0 && upper >= 0)
                r = overlay_set(fs, "upperdir", upper, "/upper", err);
        if (r >= 0 && upper >= 0)
                r = overlay_set(fs, "workdir", upper, "/work", err);
        if (r < 0)
                return r;
        if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return souk_err_errno(err, errno, "mounting the root (overlay)");
        int fd = fsmount(fs, FSMOUNT_CLOEXEC, 0);
        return fd < 0 ? souk_err_errno(err, errno, "mounting the root (overlay)") : fd;
}

static int overlay_as_root_of(const struct machine_desc *d, const int *lowers, size_t n, int upper, struct souk_err *err) {
        struct __user_cap_data_struct caps[2];
        if (d->ns[MACHINE_NS_USER].mode != MACHINE_NS_PRIVATE)
                return overlay_new(lowers, n, upper, err);
        int r = get_caps(caps);
        if (r < 0)
                return souk_err_errno(err, r, "capget");
        int old_uid = setfsuid(d->uid_map[0].outside), old_gid = setfsgid(d->gid_map[0].outside);
        r = set_caps(caps);
        if (r >= 0)
                r = overlay_new(lowers, n, upper, err);
        else
                souk_err_errno(err, r, "capset");
        setfsuid((uid_t) old_uid);
        setfsgid((gid_t) old_gid);
        (void) set_caps(caps);
        return r;
}

static int make_root(struct apply *a, struct souk_err *err) {
        const struct machine_desc *d = desc(a);
        const struct machine_root *root = &d->root;
        int userns = root->idmap_layers ? a->userns_fd : -EBADF;
        if (root->dir_fd >= 0) {
                a->root_fd = idmapped_clone(root->dir_fd, "", userns, err);
                return a->root_fd < 0 ? a->root_fd : 0;
        }
        _cleanup_free_ int *lowers = xcalloc(root->n_layers + 1, sizeof(int));
        _cleanup_close_ int upper = -EBADF;
        size_t n = 0;
        int r = 0;
        for (; n < root->n_layers && r >= 0; n += r >= 0)
                r = lowers[n] = idmapped_clone(root->layer_fds[n], "", userns, err);
        if (r >= 0 && root->upper_fd >= 0) /* upper and work must be on one mount: their parent is cloned */
                r = upper = idmapped_clone(root->upper_fd, "..", userns, err);
        if (r >= 0)
                r = a->root_fd = overlay_as_root_of(d, lowers, n, upper, err);
        for (size_t i = 0; i < n; i++)
                fd_close(lowers[i]);
        return r < 0 ? r : 0;
}

static int bind_source(struct apply *a, const struct machine_mount *m, struct machine_run *run, struct souk_err *err) {
        _cleanup_close_ int opened = m->source_fd >= 0 ? -EBADF : open(m->source, O_PATH | O_CLOEXEC);
        int fd = m->source_fd >= 0 ? m->source_fd : opened;
        if (fd < 0)
                return souk_err_errno(err, errno, "%s", m->source);
        _cleanup_close_ int clone = fs_clone(fd, "", m->recursive);
        if (clone < 0)
                return souk_err_errno(err, clone, "binding '%s'", m->source);
        if (m->idmap && a->userns_fd >= 0) {
                int r = fs_set_attr(clone, 0, 0, 0, a->userns_fd, m->recursive);
                if (r < 0 && m->recursive) /* a submount that cannot: the top is what matters */
                        r = fs_set_attr(clone, 0, 0, 0, a->userns_fd, false);
                if (r < 0)
                        snprintf(run->warning, sizeof(run->warning), "the file system of '%.120s' cannot map ids: its files appear to "
                                 "belong to nobody", m->source);
        }
        int r = fs_set_attr(clone, m->attr, 0, MS_PRIVATE, -EBADF, m->recursive);
        if (r < 0)
                return souk_err_errno(err, r, "setting the options of the mount of '%s'", m->source);
        a->sent[a->n_sent++] = TAKE_FD(clone);
        return 0;
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

static uint32_t outside_id(const struct machine_idmap *map, size_t n, uint32_t id) {
        for (size_t i = 0; i < n; i++)
                if (id >= map[i].inside && id - map[i].inside < map[i].count)
                        return map[i].outside + (id - map[i].inside);
        return id;
}

/* The workload opens /dev/stdout anew (nginx's logs do): its pipe must be its user's. */
static void give_stdio(const struct machine_desc *d, uint32_t uid) {
        struct stat st;
        for (int i = 0; i < 3; i++)
                if (d->process.stdio[i] >= 0 && fstat(d->process.stdio[i], &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
                        (void) !fchown(d->process.stdio[i], outside_id(d->uid_map, d->n_uid_map, uid), (gid_t) -1);
}

static int find_user(struct apply *a, int root_fd, struct child_go *go, struct souk_err *err) {
        const struct machine_desc *d = desc(a);
        struct userdb_result u;
        int r = userdb_lookup(root_fd, &d->process, &u, err);
        if (r < 0)
                return r;
        *go = (struct child_go){ .uid = u.uid, .gid = u.gid, .n_groups = u.n_groups };
        memcpy(go->groups, u.groups, sizeof(go->groups));
        if (!env_get(d->process.envp, "HOME"))
                snprintf(go->home, sizeof(go->home), "HOME=%s", u.home);
        give_stdio(d, u.uid);
        return 0;
}

static int send_go(struct apply *a, const struct child_go *go, struct souk_err *err) {
        int fds[253];
        size_t n = 0;
        union {
                char buf[CMSG_SPACE(sizeof(fds))];
                struct cmsghdr align;
        } control = {};
        struct iovec iov = { (void *) (uintptr_t) go, sizeof(*go) };
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
        if (a->root_fd >= 0)
                fds[n++] = a->root_fd;
        for (size_t i = 0; i < a->n_sent; i++)
                fds[n++] = a->sent[i];
        if (n > 0) {
                m.msg_control = control.buf;
                m.msg_controllen = CMSG_SPACE(n * sizeof(int));
                struct cmsghdr *h = CMSG_FIRSTHDR(&m);
                h->cmsg_level = SOL_SOCKET;
                h->cmsg_type = SCM_RIGHTS;
                h->cmsg_len = CMSG_LEN(n * sizeof(int));
                memcpy(CMSG_DATA(h), fds, n * sizeof(int));
        }
        return sendmsg(a->sock, &m, MSG_NOSIGNAL) < 0 ? souk_err_errno(err, errno, "talking to the container's first process") : 0;
}

/* Raising a hard limit takes CAP_SYS_RESOURCE of the host, which the child does not have any more. */
static int raise_rlimits(struct apply *a, struct souk_err *err) {
        const struct machine_process *p = &desc(a)->process;
        for (size_t i = 0; i < p->n_rlimits; i++) {
                struct rlimit now;
                if (prlimit(a->pid, (__rlimit_resource_t) p->rlimits[i].resource, NULL, &now) < 0)
                        return souk_err_errno(err, errno, "reading a resource limit");
                if (p->rlimits[i].hard <= now.rlim_max)
                        continue;
                now.rlim_max = p->rlimits[i].hard;
                if (prlimit(a->pid, (__rlimit_resource_t) p->rlimits[i].resource, &now, NULL) < 0)
                        return souk_err_errno(err, errno, "raising resource limit %d above this process's own (it needs CAP_SYS_RESOURCE)", p->rlimits[i].resource);
        }
        return 0;
}

static int set_oom_score(struct apply *a, struct souk_err *err) {
        char path[48];
        snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", a->pid);
        int r = file_writef(AT_FDCWD, path, "%lld", (long long) desc(a)->process.oom_score_adj);
        return r < 0 ? souk_err_errno(err, r, "setting oom_score_adj to %lld (lowering it needs CAP_SYS_RESOURCE)", (long long) desc(a)->process.oom_score_adj) : 0;
}

static int child_error(struct apply *a, const struct child_report *report, struct souk_err *err) {
        const struct machine_plan *p = a->plan;
        int r = report->errnum;
        const char *program = desc(a)->process.argv[0];
        if (report->step < 0 || (size_t) report->step >= p->n_steps)
                return souk_err_errno(err, r, "starting the container");
        const struct step *s = &p->steps[report->step];
        if (s->kind == STEP_EXEC && (r == -ENOENT || r == -ENOTDIR))
                return souk_err_set(err, SOUK_COMMAND_NOT_FOUND, r, strchr(program, '/') ? "exec: \"%s\": no such file in the image" :
                                    "exec: \"%s\": executable file not found in $PATH", program);
        if (s->kind == STEP_EXEC)
                return souk_err_set(err, SOUK_COMMAND_NOT_EXECUTABLE, r, "exec: \"%s\": %s", program, strerror(-r));
        _cleanup_free_ char *what = step_describe(p, s);
        return souk_err_errno(err, r, "%s", what);
}

/* Until the exec has closed the socket, or the child has said what failed. */
static int wait_exec(struct apply *a, struct machine_run *run, struct souk_err *err) {
        for (;;) {
                struct child_report report;
                union {
                        char buf[CMSG_SPACE(sizeof(int))];
                        struct cmsghdr align;
                } control = {};
                struct iovec iov = { &report, sizeof(report) };
                struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf, .msg_controllen = sizeof(control.buf) };
                ssize_t n = recvmsg(a->sock, &m, MSG_CMSG_CLOEXEC);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n == 0)
                        return 0;
                if (n != (ssize_t) sizeof(report))
                        return souk_err_set(err, SOUK_INTERNAL, -EIO, "the container's first process said something unexpected");
                if (report.kind == CHILD_FAILED)
                        return child_error(a, &report, err);
                struct cmsghdr *h = CMSG_FIRSTHDR(&m);
                if (h && h->cmsg_type == SCM_RIGHTS)
                        memcpy(&run->terminal_fd, CMSG_DATA(h), sizeof(int));
        }
}

static void child_init(struct apply *a) {
        struct child *c = &a->child;
        const struct machine_plan *p = a->plan;
        c->plan = p;
        c->root_fd = c->console_fd = -EBADF;
        while (c->first < p->n_steps && p->steps[c->first].kind < STEP_HOSTNAME)
                c->first++;
        c->step_fds = xcalloc(p->n_steps + 1, sizeof(int));
        for (size_t i = 0; i < p->n_steps; i++)
                c->step_fds[i] = -EBADF;
        c->cgroup_v2 = cgroup_is_v2();
        c->n_env = strv_len(p->desc->process.envp);
        c->envp = xcalloc(c->n_env + 2, sizeof(char *));
        for (size_t i = 0; i < c->n_env; i++)
                c->envp[i] = p->desc->process.envp[i];
        a->sent = xcalloc(p->n_sent + 1, sizeof(int));
}

static void apply_clear(struct apply *a) {
        free(a->child.step_fds);
        free(a->child.envp);
        for (size_t i = 0; i < a->n_sent; i++)
                fd_close(a->sent[i]);
        free(a->sent);
        cgroup_close(&a->cgroup);
        fd_close(a->sock);
        fd_close(a->userns_fd);
        fd_close(a->root_fd);
        fd_close(a->pidfd);
}

/* The child as it stands is ended, and what was made for it goes. */
static void undo(struct apply *a, bool destroy) {
        int status;
        if (a->pid > 0) {
                a->sock = fd_close(a->sock);
                (void) !proc_pidfd_signal(a->pidfd, SIGKILL);
                (void) !proc_wait(a->pidfd, &status);
        }
        cgroup_close(&a->cgroup);
        if (destroy && a->cgroup_made)
                (void) cgroup_destroy(desc(a)->id, NULL, NULL);
}

static int host_steps(struct apply *a, struct machine_run *run, int peer, struct souk_err *err) {
        struct child_go go;
        int r = 0;
        for (size_t i = 0; i < a->child.first && r >= 0; i++) {
                const struct step *s = &a->plan->steps[i];
                switch (s->kind) {
                case STEP_CLONE:
                        a->child.new_user = s->flags & CLONE_NEWUSER;
                        a->child.unshare_cgroup = s->flags & CLONE_NEWCGROUP;
                        a->child.unshare_flags = (int) (s->flags & ~(uint64_t) (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWCGROUP));
                        r = clone_child(a, s->flags, peer, err);
                        close(peer);
                        break;
                case STEP_IDMAP:
                        r = map_ids(a, err);
                        break;
                case STEP_CGROUP:
                        r = cgroup_create(desc(a)->id, &desc(a)->limits, &a->cgroup, err);
                        a->cgroup_made = r >= 0;
                        if (r >= 0)
                                r = cgroup_attach(&a->cgroup, a->pid, err);
                        if (r >= 0 && write(a->sock, "c", 1) != 1)
                                r = souk_err_errno(err, errno, "talking to the container's first process");
                        break;
                case STEP_ROOT:
                        r = make_root(a, err);
                        break;
                case STEP_BIND_SOURCE:
                        r = bind_source(a, s->mount, run, err);
                        break;
                default:
                        break;
                }
        }
        if (r >= 0)
                r = raise_rlimits(a, err);
        if (r >= 0 && desc(a)->process.oom_score_adj != MACHINE_UNSET)
                r = set_oom_score(a, err);
        if (r >= 0)
                r = find_user(a, a->root_fd, &go, err);
        return r < 0 ? r : send_go(a, &go, err);
}

#define APPLY_INIT(p)                                                                                                   \
        { .plan = (p), .sock = -EBADF, .userns_fd = -EBADF, .root_fd = -EBADF, .pidfd = -EBADF,                          \
          .cgroup.dirs = { -EBADF, -EBADF, -EBADF, -EBADF, -EBADF, -EBADF, -EBADF, -EBADF } }

static int apply(const struct machine_plan *plan, struct machine_run *run, struct souk_err *err) {
        _cleanup_(apply_clear) struct apply a = APPLY_INIT(plan);
        int pair[2];
        *run = (struct machine_run){ .pidfd = -EBADF, .terminal_fd = -EBADF };
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return souk_err_errno(err, errno, "socketpair");
        a.sock = pair[0];
        child_init(&a);
        int r = host_steps(&a, run, pair[1], err);
        fault_point("container.before_exec");
        if (r == -EPIPE || r >= 0) { /* a child that failed first has said why */
                struct souk_err said = {};
                int k = wait_exec(&a, run, &said);
                if (k < 0) {
                        if (err)
                                *err = said;
                        r = k;
                }
        }
        if (r < 0) {
                run->terminal_fd = fd_close(run->terminal_fd);
                undo(&a, true);
                return r;
        }
        run->pid = a.pid;
        run->pidfd = TAKE_FD(a.pidfd);
        return 0;
}

/* ---- exec -------------------------------------------------------------------------------------------------------- */

static int namespace_flags(const struct machine_desc *d) {
        static const int flags[] = {
                [MACHINE_NS_USER] = CLONE_NEWUSER, [MACHINE_NS_MOUNT] = CLONE_NEWNS, [MACHINE_NS_PID] = CLONE_NEWPID, [MACHINE_NS_NET] = CLONE_NEWNET,
                [MACHINE_NS_IPC] = CLONE_NEWIPC, [MACHINE_NS_UTS] = CLONE_NEWUTS, [MACHINE_NS_CGROUP] = CLONE_NEWCGROUP, [MACHINE_NS_TIME] = CLONE_NEWTIME,
        };
        int all = 0;
        for (size_t i = 0; i < ELEMENTSOF(flags); i++)
                if (d->ns[i].mode != MACHINE_NS_HOST)
                        all |= flags[i];
        return all;
}

static struct machine_plan exec_plan(const struct machine_desc *d, struct step steps[8]) {
        size_t n = 0;
        if (d->process.terminal)
                steps[n++] = (struct step){ .kind = STEP_CONSOLE, .slot = -1 };
        if (d->process.n_rlimits)
                steps[n++] = (struct step){ .kind = STEP_RLIMITS, .slot = -1 };
        steps[n++] = (struct step){ .kind = STEP_WORKDIR, .path = str_empty(d->process.cwd) ? "/" : d->process.cwd, .slot = -1 };
        steps[n++] = (struct step){ .kind = STEP_CREDENTIALS, .slot = -1 };
        if (d->seccomp.n_insns)
                steps[n++] = (struct step){ .kind = STEP_SECCOMP, .slot = -1 };
        steps[n++] = (struct step){ .kind = STEP_EXEC, .slot = -1 };
        return (struct machine_plan){ .desc = d, .steps = steps, .n_steps = n };
}

static int clone_into_pid_ns(struct apply *a, int pidfd, int peer, int flags, struct souk_err *err) {
        _cleanup_close_ int self = -EBADF;
        if (flags & CLONE_NEWPID) { /* only children of this process change */
                self = open("/proc/self/ns/pid_for_children", O_RDONLY | O_CLOEXEC);
                if (self < 0 || setns(pidfd, CLONE_NEWPID) < 0)
                        return souk_err_errno(err, errno, "joining the instance's pid namespace");
        }
        int r = clone_child(a, 0, peer, err);
        if (self >= 0 && setns(self, CLONE_NEWPID) < 0 && r >= 0)
                r = souk_err_errno(err, errno, "returning into the own pid namespace");
        return r;
}

static int exec_host_steps(struct apply *a, pid_t pid, int pidfd, int peer, int flags, struct souk_err *err) {
        struct child_go go;
        char path[40];
        int r = cgroup_open(desc(a)->id, &a->cgroup, err);
        a->cgroup.clone_into = false;
        if (r >= 0)
                r = clone_into_pid_ns(a, pidfd, peer, flags, err);
        close(peer);
        if (r >= 0)
                r = cgroup_attach(&a->cgroup, a->pid, err);
        if (r >= 0)
                r = raise_rlimits(a, err);
        if (r < 0)
                return r;
        snprintf(path, sizeof(path), "/proc/%d/root", pid);
        _cleanup_close_ int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root < 0)
                return souk_err_errno(err, errno, "opening the instance's root");
        r = find_user(a, root, &go, err);
        return r < 0 ? r : send_go(a, &go, err);
}

static int container_exec(const struct machine_desc *d, pid_t pid, int pidfd, const struct machine_process *p, struct machine_run *run,
                          struct souk_err *err) {
        struct machine_desc changed = *d;
        struct step steps[8];
        changed.process = *p;
        changed.init = false;
        struct machine_plan plan = exec_plan(&changed, steps);
        _cleanup_(apply_clear) struct apply a = APPLY_INIT(&plan);
        int pair[2];
        *run = (struct machine_run){ .pidfd = -EBADF, .terminal_fd = -EBADF };
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return souk_err_errno(err, errno, "socketpair");
        a.sock = pair[0];
        child_init(&a);
        a.child.join_pidfd = pidfd;
        a.child.join_flags = namespace_flags(d) & ~CLONE_NEWPID;
        int r = exec_host_steps(&a, pid, pidfd, pair[1], namespace_flags(d), err);
        if (r >= 0)
                r = wait_exec(&a, run, err);
        if (r < 0) {
                run->terminal_fd = fd_close(run->terminal_fd);
                undo(&a, false);
                return r;
        }
        run->pid = a.pid;
        run->pidfd = TAKE_FD(a.pidfd);
        return 0;
}

/* ---- vtable ------------------------------------------------------------------------------------------------------ */

static int container_signal(const char *id, int pidfd, int sig, struct souk_err *err) {
        int r = proc_pidfd_signal(pidfd, sig);
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
        .apply = apply,
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
