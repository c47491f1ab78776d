/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child, between clone and exec.  It interprets the plan: no allocation, no parsing, no stdio, and nothing that
 * takes a lock.  What it can do without the root it does while the host side makes that: namespaces, and file
 * systems, which are made detached and attached later.
 *
 * Nothing of the image is trusted.  Paths are walked with openat2 inside the root: a symlink may point anywhere, but
 * stays inside.  What belongs to a file system of our own making (/proc, /sys, /dev) is reached through its mount's
 * descriptor.
 */
#include "container/child.h"

#include "base/str.h"
#include "sys/fs.h"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* ---- talking to the host side ------------------------------------------------------------------------------------ */

union control {
        char buf[CMSG_SPACE(sizeof(int) * PLAN_SENT_MAX)];
        struct cmsghdr align;
};

_Noreturn static void fail(struct child *c, int r) {
        struct child_report report = { CHILD_FAILED, (int32_t) c->step, r };
        (void) !write(c->sock, &report, sizeof(report));
        _exit(127);
}

int child_send(struct child *c, enum child_report_kind kind, int fd) {
        struct child_report report = { .kind = kind };
        union {
                char buf[CMSG_SPACE(sizeof(int))];
                struct cmsghdr align;
        } control = {};
        struct iovec iov = { &report, sizeof(report) };
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
        if (fd >= 0) {
                m.msg_control = control.buf;
                m.msg_controllen = sizeof(control.buf);
                struct cmsghdr *h = CMSG_FIRSTHDR(&m);
                h->cmsg_level = SOL_SOCKET;
                h->cmsg_type = SCM_RIGHTS;
                h->cmsg_len = CMSG_LEN(sizeof(int));
                memcpy(CMSG_DATA(h), &fd, sizeof(int));
        }
        return sendmsg(c->sock, &m, MSG_NOSIGNAL) == (ssize_t) sizeof(report) ? 0 : -EPIPE;
}

/* One message of exactly @n bytes; a host side that died is an end of file, then so do we.  Return: number of fds. */
static int receive(struct child *c, void *p, size_t n, int *fds, size_t max_fds) {
        union control control;
        struct iovec iov = { p, n };
        struct msghdr m = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf, .msg_controllen = sizeof(control.buf)
        };
        ssize_t k;
        do
                k = recvmsg(c->sock, &m, MSG_CMSG_CLOEXEC);
        while (k < 0 && errno == EINTR);
        if (k != (ssize_t) n)
                _exit(127);
        struct cmsghdr *h = CMSG_FIRSTHDR(&m);
        if (!h)
                return 0;
        size_t n_fds = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        if (m.msg_flags & MSG_CTRUNC || n_fds > max_fds)
                return -EMFILE;
        memcpy(fds, CMSG_DATA(h), n_fds * sizeof(int));
        return (int) n_fds;
}

static int await(struct child *c, char wanted) {
        char byte = 0;
        int r = receive(c, &byte, 1, NULL, 0);
        return r < 0 ? r : byte == wanted ? 0 : -EPROTO;
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

static int do_namespaces(struct child *c, const struct step *s) {
        int r = 0;
        if (c->late_user) {
                r = child_check(unshare(CLONE_NEWUSER));
                if (r >= 0)
                        r = write(c->sock, "u", 1) == 1 ? 0 : -EPIPE;
        }
        if (r >= 0 && s->flags)
                r = child_check(unshare((int) s->flags)); /* before the maps: it owns them anyway */
        if (r < 0 || !c->new_user)
                return r;
        r = await(c, 'm');
        if (r >= 0)
                r = child_check((int) syscall(SYS_setresgid, 0, 0, 0));
        return r < 0 ? r : child_check((int) syscall(SYS_setresuid, 0, 0, 0));
}

/* A thread that moves itself ("tasks" of v1) spares the kernel a lock over all forks and exits of the system. */
static int join_cgroups(struct child *c) {
        if (c->cgroups_by_message) {
                char byte;
                int n = receive(c, &byte, 1, c->cgroup_fds, CHILD_CGROUPS_MAX);
                if (n < 0)
                        return n;
                c->n_cgroup_fds = (size_t) n;
        }
        for (size_t i = 0; i < c->n_cgroup_fds; i++) {
                if (write(c->cgroup_fds[i], "0", 1) != 1)
                        return -errno;
                close(c->cgroup_fds[i]);
        }
        return 0;
}

static int do_join(struct child *c, const struct step *s) {
        int r = child_check(setns(c->join_pidfd, (int) s->flags));
        if (r >= 0 && s->flags & CLONE_NEWUSER) { /* still an id of the host's, which owns nothing here */
                r = child_check((int) syscall(SYS_setresgid, 0, 0, 0));
                if (r >= 0)
                        r = child_check((int) syscall(SYS_setresuid, 0, 0, 0));
        }
        if (r < 0)
                return r;
        c->fds[0] = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        return child_check(c->fds[0]);
}

static int do_receive(struct child *c) {
        int fds[PLAN_SENT_MAX];
        int r = join_cgroups(c);
        if (r >= 0)
                r = child_prepare_empty(c);
        if (r >= 0)
                r = receive(c, &c->go, sizeof(c->go), fds, PLAN_SENT_MAX);
        if (r < 0)
                return r;
        if (r != c->go.n_slots)
                return -EPROTO;
        for (int i = 0; i < r; i++)
                c->fds[c->go.slots[i]] = fds[i];
        return 0;
}

/* No keys in this kernel, or no quota for one more ring: then none are shared either. */
static int do_keyring(void) {
        int r = child_check((int) syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL, 0, 0, 0));
        return r == -ENOSYS || r == -EDQUOT || r == -EPERM ? 0 : r;
}

static int do_step(struct child *c, const struct step *s) {
        switch (s->kind) {
        case STEP_NAMESPACES:
                return do_namespaces(c, s);
        case STEP_HOSTNAME:
                return child_check(sethostname(s->value, strlen(s->value)));
        case STEP_DOMAINNAME:
                return child_check(setdomainname(s->value, strlen(s->value)));
        case STEP_LOOPBACK:
                return child_loopback();
        case STEP_NEW_FS:
                return child_new_fs(c, s);
        case STEP_JOIN:
                return do_join(c, s);
        case STEP_RECEIVE:
                return do_receive(c);
        case STEP_CGROUP_NS:
                return child_check(unshare(CLONE_NEWCGROUP));
        case STEP_KEYRING:
                return do_keyring();
        case STEP_SYSCTL:
                return child_sysctl(c, s);
        case STEP_PIVOT:
                return child_pivot(c);
        case STEP_MOUNT:
                return child_mount(c, s);
        case STEP_MOUNT_CGROUP:
                return child_mount_cgroup(c, s);
        case STEP_DEVICE:
                return child_device(c, s);
        case STEP_CONSOLE:
                return child_console(c);
        case STEP_MASK:
                return child_mask(c, s);
        case STEP_READONLY_PATH:
                return child_readonly_path(c, s);
        case STEP_RLIMITS:
                return child_rlimits(c);
        case STEP_WORKDIR:
                return child_workdir(c, s);
        case STEP_READONLY_ROOT:
                return fs_set_attr(c->fds[0], MOUNT_ATTR_RDONLY, 0, 0, -EBADF, false);
        case STEP_STDIO:
                return child_stdio(c);
        case STEP_CREDENTIALS:
                return child_credentials(c);
        case STEP_PROGRAM: {
                int r = child_find_program(c);
                return r < 0 ? r : child_send(c, CHILD_READY, -EBADF);
        }
        case STEP_INIT:
                return child_fork_init(c);
        case STEP_SECCOMP:
                return child_seccomp(c);
        case STEP_EXEC:
                return child_exec(c);
        default:
                return -ENOSYS;
        }
}

_Noreturn void child_main(struct child *c) {
        /* Not to be read through /proc by what runs in a joined pid namespace already; the exec ends it. */
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        if (child_desc(c)->die_with_parent)
                prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        for (c->step = c->plan->first_child; c->step < c->plan->n_steps; c->step++) {
                int r = do_step(c, &c->plan->steps[c->step]);
                if (r < 0)
                        fail(c, r);
        }
        fail(c, -ENOSYS);
}
