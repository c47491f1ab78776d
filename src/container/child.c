/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child, between clone and exec.  It interprets the plan: no allocation, no parsing, no stdio, and nothing that takes a
 * lock.  What it can do without the root it does before the host side has made it: file systems are made detached, and only
 * attached later.  Paths are walked with openat2 inside the root; nothing of the image is trusted: a symlink may point
 * anywhere, but stays inside, and what is expected to be proc or a device is looked at before it is used.
 */
#include "container/child.h"

#include "sys/fs.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <signal.h>

#define check(call) ((call) < 0 ? -errno : 0)

static const struct machine_desc *desc(const struct child *c) {
        return c->plan->desc;
}

/* ---- talking to the host side ------------------------------------------------------------------------------------ */

_Noreturn static void fail(struct child *c, int r) {
        struct child_report report = { CHILD_FAILED, (int32_t) c->step, r };
        (void) !write(c->sock, &report, sizeof(report));
        _exit(127);
}

static int send_fd(int sock, const struct child_report *report, int fd) {
        union {
                char buf[CMSG_SPACE(sizeof(int))];
                struct cmsghdr align;
        } control = {};
        struct iovec iov = { (void *) (uintptr_t) report, sizeof(*report) };
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf, .msg_controllen = sizeof(control.buf) };
        struct cmsghdr *h = CMSG_FIRSTHDR(&m);
        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(h), &fd, sizeof(int));
        return sendmsg(sock, &m, MSG_NOSIGNAL) == (ssize_t) sizeof(*report) ? 0 : -EPIPE;
}

/* The go, with the root and the bind sources.  A host side that died is an end of file: then so do we. */
static int receive_go(struct child *c) {
        union {
                char buf[CMSG_SPACE(sizeof(int) * 253)];
                struct cmsghdr align;
        } control = {};
        struct iovec iov = { &c->go, sizeof(c->go) };
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf, .msg_controllen = sizeof(control.buf) };
        ssize_t n;
        do
                n = recvmsg(c->sock, &m, MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n != (ssize_t) sizeof(c->go))
                _exit(127);
        struct cmsghdr *h = CMSG_FIRSTHDR(&m);
        if (!h)
                return 0;
        int fds[253];
        size_t k = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int), next = 1;
        if (m.msg_flags & MSG_CTRUNC || k > sizeof(fds) / sizeof(fds[0]))
                return -E2BIG;
        memcpy(fds, CMSG_DATA(h), k * sizeof(int));
        c->root_fd = fds[0];
        for (size_t i = c->first; i < c->plan->n_steps && next < k; i++)
                if (c->plan->steps[i].kind == STEP_MOUNT && c->plan->steps[i].slot >= 0)
                        c->step_fds[i] = fds[next++];
        return 0;
}

/* ---- file systems ------------------------------------------------------------------------------------------------ */

static bool is_fs(int fd, long magic) {
        struct statfs s;
        return fstatfs(fd, &s) == 0 && (long) s.f_type == magic;
}

/* What needs no root: a detached file system, or a clone of the host's device node. */
static int prepare_step(struct child *c, size_t i) {
        static const char *const types[] = {
                [MACHINE_MOUNT_TMPFS] = "tmpfs", [MACHINE_MOUNT_PROC] = "proc", [MACHINE_MOUNT_SYSFS] = "sysfs",
                [MACHINE_MOUNT_MQUEUE] = "mqueue", [MACHINE_MOUNT_DEVPTS] = "devpts", [MACHINE_MOUNT_KIND_MAX] = NULL,
        };
        const struct step *s = &c->plan->steps[i];
        int fd = -EBADF;
        if (s->kind == STEP_MOUNT && types[s->mount->kind])
                fd = fs_new(types[s->mount->kind], s->mount->options, s->mount->copy_up ? s->mount->attr & ~(uint64_t) MOUNT_ATTR_RDONLY : s->mount->attr);
        else if (s->kind == STEP_DEVICE)
                fd = fs_clone(AT_FDCWD, s->device->source, false);
        else
                return 0;
        c->step_fds[i] = fd;
        return fd < 0 ? fd : 0;
}

/* procfs and sysfs must be where their names say, not where a symlink of the image leads. */
static int open_target(struct child *c, const struct machine_mount *m, bool directory) {
        int fd = fs_make_in(c->root_fd, m->target, directory);
        if (fd < 0 || (m->kind != MACHINE_MOUNT_PROC && m->kind != MACHINE_MOUNT_SYSFS))
                return fd;
        struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
        close(fd);
        fd = (int) syscall(SYS_openat2, c->root_fd, m->target + 1, &how, sizeof(how));
        return fd < 0 ? -errno : fd;
}

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
                return check(symlinkat(link, to, name));
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
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* A tmpfs over a directory of the image starts with what the image has there. */
static int copy_up(struct child *c, const struct machine_mount *m, int target, int mount_fd) {
        char self[32] = "/proc/self/fd/";
        (void) self;
        _cleanup_close_ int from = fs_open_in(c->root_fd, m->target, O_RDONLY | O_DIRECTORY);
        _cleanup_close_ int to = openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct stat st;
        if (from < 0 || to < 0 || fstat(target, &st) < 0)
                return from < 0 ? from : -errno;
        int r = copy_directory(from, to, 0);
        if (r >= 0 && !(m->options && strstr(m->options, "mode=")) && fchmod(to, st.st_mode & 07777) < 0)
                r = -errno;
        if (r >= 0 && !(m->options && strstr(m->options, "uid=")) && fchown(to, st.st_uid, st.st_gid) < 0)
                r = -errno;
        if (r >= 0 && m->attr & MOUNT_ATTR_RDONLY)
                r = fs_set_attr(mount_fd, MOUNT_ATTR_RDONLY, 0, 0, -EBADF, false);
        return r;
}

static const char *const v1_hierarchies[] = { "memory", "cpu", "cpuacct", "pids", "cpuset" };
_Static_assert(sizeof(v1_hierarchies) / sizeof(v1_hierarchies[0]) == CHILD_CGROUP_TREES, "a slot for each");

static bool shows_cgroups(const struct child *c, const struct step *s) {
        return s->kind == STEP_MOUNT && s->mount->kind == MACHINE_MOUNT_CGROUP && desc(c)->ns[MACHINE_NS_CGROUP].mode == MACHINE_NS_PRIVATE;
}

/* Detached, as seen from the new cgroup namespace.  v2: the one tree; v1: a small tmpfs, and the hierarchies in which an
 * instance has groups.  One that is mounted together with another, or is not there, is left out. */
static int prepare_cgroups(struct child *c, size_t step) {
        const struct machine_mount *m = c->plan->steps[step].mount;
        if (c->cgroup_v2)
                c->step_fds[step] = fs_new("cgroup2", NULL, m->attr);
        else
                c->step_fds[step] = fs_new("tmpfs", "mode=755,size=16k", m->attr & ~(uint64_t) MOUNT_ATTR_RDONLY);
        for (size_t i = 0; i < CHILD_CGROUP_TREES && !c->cgroup_v2; i++)
                c->cgroup_trees[i] = fs_new("cgroup", v1_hierarchies[i], m->attr);
        return c->step_fds[step];
}

static int mount_cgroups(struct child *c, const struct step *s) {
        const struct machine_mount *m = s->mount;
        _cleanup_close_ int target = fs_make_in(c->root_fd, m->target, true);
        if (target < 0)
                return target;
        if (!shows_cgroups(c, s))
                return 0; /* the host's groups are not shown */
        int top = c->step_fds[c->step], r = fs_attach(top, target);
        for (size_t i = 0; r >= 0 && i < CHILD_CGROUP_TREES && !c->cgroup_v2; i++) {
                if (c->cgroup_trees[i] < 0)
                        continue;
                r = check(mkdirat(top, v1_hierarchies[i], 0755));
                _cleanup_close_ int at = openat(top, v1_hierarchies[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (r >= 0)
                        r = at < 0 ? -errno : fs_attach(c->cgroup_trees[i], at);
        }
        if (r >= 0 && !c->cgroup_v2 && m->attr & MOUNT_ATTR_RDONLY)
                r = fs_set_attr(top, MOUNT_ATTR_RDONLY, 0, 0, -EBADF, false);
        return r;
}

static int do_mount(struct child *c, const struct step *s) {
        const struct machine_mount *m = s->mount;
        if (m->kind == MACHINE_MOUNT_CGROUP)
                return mount_cgroups(c, s);
        bool directory = m->kind != MACHINE_MOUNT_BIND || m->source_is_dir;
        int fd = c->step_fds[c->step];
        _cleanup_close_ int target = open_target(c, m, directory);
        if (target < 0)
                return target;
        int r = m->copy_up ? copy_up(c, m, target, fd) : 0;
        if (r == -EACCES || r == -EPERM)
                r = 0; /* what root of the container may not read is not copied */
        if (r >= 0)
                r = fs_attach(fd, target);
        if (r >= 0 && m->propagation && m->propagation != MS_PRIVATE)
                r = fs_set_attr(fd, 0, 0, m->propagation, -EBADF, m->recursive);
        return r;
}

static int do_device(struct child *c, const struct step *s) {
        _cleanup_close_ int target = fs_make_in(c->root_fd, s->device->path, false);
        return target < 0 ? target : fs_attach(c->step_fds[c->step], target);
}

static int do_dev_links(struct child *c) {
        static const char *const links[][2] = {
                { "/proc/self/fd", "fd" },         { "/proc/self/fd/0", "stdin" }, { "/proc/self/fd/1", "stdout" },
                { "/proc/self/fd/2", "stderr" },   { "pts/ptmx", "ptmx" },         { "/proc/kcore", "core" },
        };
        _cleanup_close_ int dev = fs_open_in(c->root_fd, "dev", O_PATH | O_DIRECTORY);
        if (dev < 0)
                return dev;
        for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
                if (symlinkat(links[i][0], dev, links[i][1]) < 0 && errno != EEXIST)
                        return -errno;
        return 0;
}

static int do_console(struct child *c) {
        int unlock = 0;
        _cleanup_close_ int master = fs_open_in(c->root_fd, "dev/pts/ptmx", O_RDWR | O_NOCTTY);
        if (master < 0)
                return master;
        if (!is_fs(master, DEVPTS_SUPER_MAGIC))
                return -ENOTTY;
        if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
                return -errno;
        c->console_fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (c->console_fd < 0)
                return -errno;
        const struct machine_process *p = &desc(c)->process;
        struct winsize ws = { .ws_row = p->rows, .ws_col = p->cols };
        if (ws.ws_row && ioctl(master, TIOCSWINSZ, &ws) < 0)
                return -errno;
        if (fchown(c->console_fd, c->go.uid, (gid_t) -1) < 0)
                return -errno;
        if (!c->join_flags) {
                _cleanup_close_ int target = fs_make_in(c->root_fd, "dev/console", false);
                _cleanup_close_ int node = target < 0 ? target : fs_clone(c->console_fd, "", false);
                int r = node < 0 ? node : fs_attach(node, target);
                if (r < 0)
                        return r;
        }
        return send_fd(c->sock, &(struct child_report){ .kind = CHILD_CONSOLE }, master);
}

static bool needs_proc(const char *path) {
        return strncmp(path, "/proc/", 6) == 0;
}

static int do_mask(struct child *c, const struct step *s) {
        struct stat st;
        _cleanup_close_ int target = fs_open_in(c->root_fd, s->path, O_PATH);
        if (target == -ENOENT || target == -ENOTDIR)
                return 0;
        if (target < 0)
                return target;
        if (needs_proc(s->path) && !is_fs(target, PROC_SUPER_MAGIC))
                return -EXDEV;
        if (fstat(target, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode)) {
                _cleanup_close_ int empty = fs_new("tmpfs", "size=0k,mode=555", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
                return empty < 0 ? empty : fs_attach(empty, target);
        }
        _cleanup_close_ int null = fs_open_in(c->root_fd, "dev/null", O_PATH | O_NOFOLLOW);
        if (null < 0 || fstat(null, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
                return -ENODEV; /* not what we have put there */
        _cleanup_close_ int clone = fs_clone(null, "", false);
        return clone < 0 ? clone : fs_attach(clone, target);
}

static int do_readonly_path(struct child *c, const struct step *s) {
        _cleanup_close_ int target = fs_open_in(c->root_fd, s->path, O_PATH);
        if (target == -ENOENT || target == -ENOTDIR)
                return 0;
        if (target < 0)
                return target;
        if (needs_proc(s->path) && !is_fs(target, PROC_SUPER_MAGIC))
                return -EXDEV;
        _cleanup_close_ int clone = fs_clone(target, "", true);
        int r = clone < 0 ? clone : fs_set_attr(clone, MOUNT_ATTR_RDONLY, 0, 0, -EBADF, true);
        return r < 0 ? r : fs_attach(clone, target);
}

static int do_sysctl(struct child *c, const struct step *s) {
        _cleanup_close_ int fd = fs_open_in(c->root_fd, s->path, O_WRONLY);
        if (fd < 0)
                return fd;
        if (!is_fs(fd, PROC_SUPER_MAGIC))
                return -EXDEV;
        size_t n = strlen(s->value);
        return write(fd, s->value, n) == (ssize_t) n ? 0 : -errno;
}

static int do_pivot(struct child *c) {
        /* A root of our own over the old one; then nothing of the host is reachable by name. */
        _cleanup_close_ int slash = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (slash < 0)
                return -errno;
        if (!c->new_user && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
                return -errno;
        int r = fs_attach(c->root_fd, slash);
        if (r < 0)
                return r;
        if (fchdir(c->root_fd) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
                return -errno;
        if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
                return -errno;
        return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
}

/* ---- the process ------------------------------------------------------------------------------------------------- */

static int do_loopback(void) {
        _cleanup_close_ int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
        if (sock < 0)
                return -errno;
        return check(ioctl(sock, SIOCSIFFLAGS, &ifr));
}

static int do_rlimits(struct child *c) {
        const struct machine_process *p = &desc(c)->process;
        for (size_t i = 0; i < p->n_rlimits; i++)
                if (setrlimit((__rlimit_resource_t) p->rlimits[i].resource, &(struct rlimit){ p->rlimits[i].soft, p->rlimits[i].hard }) < 0)
                        return -errno;
        return 0;
}

static int do_workdir(struct child *c, const struct step *s) {
        char cwd[4096];
        int fd = desc(c)->process.make_cwd ? fs_make_in(c->root_fd, s->path, true) : fs_open_in(c->root_fd, s->path, O_PATH | O_DIRECTORY);
        if (fd < 0)
                return fd;
        int r = check(fchdir(fd));
        close(fd);
        if (r < 0)
                return r;
        /* The kernel says "(unreachable)" of a directory outside the root: the mark of CVE-2024-21626. */
        long n = syscall(SYS_getcwd, cwd, sizeof(cwd));
        return n < 0 ? -errno : cwd[0] == '/' ? 0 : -EXDEV;
}

static int set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
        struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct d[2] = {
                { (uint32_t) effective, (uint32_t) permitted, (uint32_t) inheritable },
                { (uint32_t) (effective >> 32), (uint32_t) (permitted >> 32), (uint32_t) (inheritable >> 32) },
        };
        return check((int) syscall(SYS_capset, &h, d));
}

static int current_capabilities(uint64_t *ret) {
        struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct d[2];
        if (syscall(SYS_capget, &h, d) < 0)
                return -errno;
        *ret = d[0].permitted | (uint64_t) d[1].permitted << 32;
        return 0;
}

static int drop_bounding(uint64_t keep) {
        for (int cap = 0; cap < 64; cap++) {
                if (keep >> cap & 1)
                        continue;
                if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
                        return errno == EINVAL ? 0 : -errno; /* EINVAL: past the last one that this kernel has */
        }
        return 0;
}

/* Bounding set, ids, then the sets.  CAP_SYS_ADMIN stays permitted until exec, which takes it away again: the seccomp filter
 * is installed with it, so that no_new_privs need not be set.  */
static int do_credentials(struct child *c) {
        const struct machine_process *p = &desc(c)->process;
        uint64_t have = 0, admin = 1ULL << CAP_SYS_ADMIN;
        int r = current_capabilities(&have);
        if (r >= 0)
                r = drop_bounding(p->cap_bounding);
        if (r >= 0)
                r = check(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
        if (r >= 0)
                r = check((int) syscall(SYS_setgroups, (size_t) c->go.n_groups, c->go.groups));
        if (r >= 0)
                r = check((int) syscall(SYS_setresgid, c->go.gid, c->go.gid, c->go.gid));
        if (r >= 0)
                r = check((int) syscall(SYS_setresuid, c->go.uid, c->go.uid, c->go.uid));
        if (r < 0)
                return r;
        umask((mode_t) p->umask);
        if (p->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        r = set_capabilities((p->cap_effective & have) | (admin & have), (p->cap_permitted & have) | (admin & have), p->cap_inheritable & have);
        for (int cap = 0; r >= 0 && cap < 64; cap++)
                if (p->cap_ambient >> cap & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
                        r = -errno;
        if (r >= 0 && desc(c)->die_with_parent) /* a change of ids has cleared it */
                r = check(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
        if (r >= 0)
                r = check(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
        return r;
}

static int do_seccomp(struct child *c) {
        const struct machine_seccomp *s = &desc(c)->seccomp;
        struct sock_fprog prog = { s->n_insns, (struct sock_filter *) (uintptr_t) s->insns };
        return check((int) syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, s->flags, &prog));
}

/* Is @path a program that may be executed?  No magic links: /proc/self/exe is still the engine's own file (CVE-2019-5736). */
static int probe_program(const char *path) {
        struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS };
        struct stat st;
        _cleanup_close_ int fd = (int) syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
        if (fd < 0)
                return errno == ELOOP ? -EACCES : -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        return check((int) syscall(SYS_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS));
}

static const char *path_variable(const struct child *c) {
        for (size_t i = 0; c->envp[i]; i++)
                if (strncmp(c->envp[i], "PATH=", 5) == 0)
                        return c->envp[i] + 5;
        return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/* Looks argv[0] up in PATH, as the user that the workload will be; the result in c->program. */
static int find_program(struct child *c) {
        const char *name = desc(c)->process.argv[0];
        size_t n = strlen(name);
        if (n >= sizeof(c->program))
                return -ENAMETOOLONG;
        if (strchr(name, '/')) {
                memcpy(c->program, name, n + 1);
                return probe_program(c->program);
        }
        int worst = -ENOENT;
        for (const char *p = path_variable(c); *p && n;) {
                size_t dir = strcspn(p, ":");
                if (dir > 0 && dir + n + 2 <= sizeof(c->program)) {
                        memcpy(c->program, p, dir);
                        c->program[dir] = '/';
                        memcpy(c->program + dir + 1, name, n + 1);
                        int r = probe_program(c->program);
                        if (r == 0)
                                return 0;
                        if (r == -EACCES || r == -EPERM)
                                worst = -EACCES;
                }
                p += dir;
                p += *p == ':';
        }
        return worst;
}

static int place_stdio(struct child *c) {
        int stdio[3];
        if (setsid() < 0 && errno != EPERM)
                return -errno;
        if (c->console_fd >= 0) {
                if (ioctl(c->console_fd, TIOCSCTTY, 0) < 0)
                        return -errno;
                stdio[0] = stdio[1] = stdio[2] = c->console_fd;
        } else
                memcpy(stdio, desc(c)->process.stdio, sizeof(stdio));
        for (int i = 0; i < 3; i++)
                if (stdio[i] < 0) {
                        stdio[i] = fs_open_in(c->root_fd, "dev/null", O_RDWR | O_NOCTTY);
                        if (stdio[i] < 0)
                                return stdio[i];
                }
        for (int i = 0; i < 3; i++) /* out of the way of the three numbers first */
                if (stdio[i] < 3 && (stdio[i] = fcntl(stdio[i], F_DUPFD_CLOEXEC, 3)) < 0)
                        return -errno;
        for (int i = 0; i < 3; i++)
                if (dup2(stdio[i], i) < 0)
                        return -errno;
        /* No descriptor of the host outlives the exec, whoever has forgotten its O_CLOEXEC (CVE-2024-21626). */
        return check((int) syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC));
}

static void reset_signals(void) {
        struct sigaction dfl = { .sa_handler = SIG_DFL };
        sigset_t none;
        for (int sig = 1; sig < NSIG; sig++)
                if (sig != SIGKILL && sig != SIGSTOP)
                        sigaction(sig, &dfl, NULL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
}

static int do_exec(struct child *c) {
        reset_signals();
        if (desc(c)->init && !c->join_flags) {
                pid_t pid = fork();
                if (pid < 0)
                        return -errno;
                if (pid > 0) {
                        close(c->sock);
                        init_main(pid);
                }
                prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0); /* it dies with PID 1 */
                setpgid(0, 0);
        }
        if (*c->go.home)
                c->envp[c->n_env] = c->go.home;
        execve(c->program, desc(c)->process.argv, c->envp);
        return -errno;
}

static int do_step(struct child *c, const struct step *s) {
        switch (s->kind) {
        case STEP_HOSTNAME:
                return check(sethostname(s->value, strlen(s->value)));
        case STEP_DOMAINNAME:
                return check(setdomainname(s->value, strlen(s->value)));
        case STEP_LOOPBACK:
                return do_loopback();
        case STEP_KEYRING: {
                int r = check((int) syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL, 0, 0, 0));
                return r == -ENOSYS || r == -EDQUOT ? 0 : r; /* no keys in this kernel, or no quota: then none are shared */
        }
        case STEP_PIVOT:
                return do_pivot(c);
        case STEP_MOUNT:
                return do_mount(c, s);
        case STEP_DEVICE:
                return do_device(c, s);
        case STEP_DEV_LINKS:
                return do_dev_links(c);
        case STEP_CONSOLE:
                return do_console(c);
        case STEP_MASK:
                return do_mask(c, s);
        case STEP_READONLY_PATH:
                return do_readonly_path(c, s);
        case STEP_SYSCTL:
                return do_sysctl(c, s);
        case STEP_READONLY_ROOT:
                return fs_set_attr(c->root_fd, MOUNT_ATTR_RDONLY, 0, 0, -EBADF, false);
        case STEP_RLIMITS:
                return do_rlimits(c);
        case STEP_WORKDIR:
                return do_workdir(c, s);
        case STEP_CREDENTIALS: {
                int r = place_stdio(c);
                return r < 0 ? r : do_credentials(c);
        }
        case STEP_SECCOMP:
                return do_seccomp(c);
        case STEP_EXEC:
                return do_exec(c);
        default:
                return 0; /* the host side's */
        }
}

static size_t find_step(const struct child *c, enum step_kind kind) {
        size_t i = c->first;
        while (i < c->plan->n_steps && c->plan->steps[i].kind != kind)
                i++;
        return i;
}

/* Steps [c->step, end); the last part of the way does not return. */
static void run_steps(struct child *c, size_t end) {
        for (; c->step < end; c->step++) {
                int r = do_step(c, &c->plan->steps[c->step]);
                if (r < 0)
                        fail(c, r);
        }
}

/* A host side that died is an end of file: then so do we. */
static void await(struct child *c) {
        char m;
        ssize_t n;
        do
                n = read(c->sock, &m, 1);
        while (n < 0 && errno == EINTR);
        if (n != 1)
                _exit(127);
}

static void become_root(struct child *c) {
        await(c);
        if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)
                fail(c, -errno);
}

_Noreturn void child_main(struct child *c) {
        size_t exec_step = find_step(c, STEP_EXEC), seccomp = find_step(c, STEP_SECCOMP);
        int r;
        c->step = c->first;
        /* Not readable through /proc by what runs in the container's pid namespace already. */
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        if (desc(c)->die_with_parent)
                prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        if (c->new_user)
                become_root(c);
        if (c->unshare_flags && unshare(c->unshare_flags) < 0)
                fail(c, -errno);
        size_t pivot = find_step(c, STEP_PIVOT);
        if (pivot < c->plan->n_steps)
                run_steps(c, pivot); /* hostname, loopback, keyring: while the host side makes the root */
        for (size_t i = c->step; i < exec_step; i++) {
                c->step = i;
                if ((r = prepare_step(c, i)) < 0)
                        fail(c, r);
        }
        if (!c->join_flags)
                await(c);
        if (c->unshare_cgroup && unshare(CLONE_NEWCGROUP) < 0)
                fail(c, -errno);
        for (size_t i = c->first; i < exec_step; i++) {
                c->step = i;
                if (shows_cgroups(c, &c->plan->steps[i]) && (r = prepare_cgroups(c, i)) < 0)
                        fail(c, r);
        }
        c->step = pivot < c->plan->n_steps ? pivot : c->first;
        if ((r = receive_go(c)) < 0)
                fail(c, r);
        if (c->join_flags && ((r = check(setns(c->join_pidfd, c->join_flags))) < 0))
                fail(c, r);
        if (c->join_flags && (c->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
                fail(c, -errno);
        run_steps(c, MIN(seccomp, exec_step));
        /* The program is looked for before the filter is there: it may forbid looking. */
        size_t here = c->step;
        c->step = exec_step;
        if ((r = find_program(c)) < 0)
                fail(c, r);
        c->step = here;
        run_steps(c, exec_step + 1);
        fail(c, -ENOSYS);
}
