/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child's steps that concern the process: limits, standard streams, credentials, the program, the filter.
 *
 * Order matters.  The working directory and the streams come before the ids change: both may belong to root.  The
 * program is looked for as its user, and before the filter, which may forbid looking.  CAP_SYS_ADMIN stays permitted
 * until exec, which takes it away again: the filter is installed with it, so that no_new_privs need not be set.
 */
#include "container/child.h"

#include "base/str.h"
#include "sys/fs.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

int child_loopback(void) {
        _cleanup_close_ int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
        return sock < 0 ? -errno : child_check(ioctl(sock, SIOCSIFFLAGS, &ifr));
}

int child_rlimits(struct child *c) {
        const struct machine_process *p = &child_desc(c)->process;
        for (size_t i = 0; i < p->n_rlimits; i++) {
                struct rlimit l = { p->rlimits[i].soft, p->rlimits[i].hard };
                if (setrlimit((__rlimit_resource_t) p->rlimits[i].resource, &l) < 0)
                        return -errno;
        }
        return 0;
}

int child_workdir(struct child *c, const struct step *s) {
        char cwd[4096];
        bool make = child_desc(c)->process.make_cwd;
        _cleanup_close_ int fd =
                make ? fs_make_in(c->fds[0], s->path, true) : fs_open_in(c->fds[0], s->path, O_PATH | O_DIRECTORY);
        if (fd < 0)
                return fd;
        if (fchdir(fd) < 0)
                return -errno;
        /* The kernel says "(unreachable)" of a directory outside the root: the mark of CVE-2024-21626. */
        long n = syscall(SYS_getcwd, cwd, sizeof(cwd));
        return n < 0 ? -errno : cwd[0] == '/' ? 0 : -EXDEV;
}

/* ---- signals and standard streams -------------------------------------------------------------------------------- */

static void block_signals(bool block) {
        sigset_t set;
        if (block)
                sigfillset(&set);
        else
                sigemptyset(&set);
        sigprocmask(SIG_SETMASK, &set, NULL);
}

/* An exec resets handlers, but not what is ignored or blocked. */
static void reset_signals(void) {
        struct sigaction dfl = { .sa_handler = SIG_DFL };
        for (int sig = 1; sig < NSIG; sig++)
                if (sig != SIGKILL && sig != SIGSTOP)
                        sigaction(sig, &dfl, NULL);
        block_signals(false);
}

int child_stdio(struct child *c) {
        int stdio[3];
        reset_signals();
        if (setsid() < 0 && errno != EPERM)
                return -errno;
        if (c->console_fd >= 0) {
                if (ioctl(c->console_fd, TIOCSCTTY, 0) < 0)
                        return -errno;
                stdio[0] = stdio[1] = stdio[2] = c->console_fd;
        } else
                memcpy(stdio, child_desc(c)->process.stdio, sizeof(stdio));
        for (int i = 0; i < 3; i++)
                if (stdio[i] < 0) {
                        stdio[i] = fs_open_in(c->fds[0], "dev/null", O_RDWR | O_NOCTTY);
                        if (stdio[i] < 0)
                                return stdio[i];
                }
        if (c->sock < 3 && (c->sock = fcntl(c->sock, F_DUPFD_CLOEXEC, 3)) < 0)
                return -errno;
        for (int i = 0; i < 3; i++) /* out of the way of the three numbers first */
                if (stdio[i] < 3 && (stdio[i] = fcntl(stdio[i], F_DUPFD_CLOEXEC, 3)) < 0)
                        return -errno;
        for (int i = 0; i < 3; i++)
                if (dup2(stdio[i], i) < 0)
                        return -errno;
        /* No descriptor of the host outlives the exec, whoever has forgotten its O_CLOEXEC (CVE-2024-21626). */
        return child_check((int) syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC));
}

/* ---- credentials ------------------------------------------------------------------------------------------------- */

static int set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
        struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct d[2] = {
                { (uint32_t) effective, (uint32_t) permitted, (uint32_t) inheritable },
                { (uint32_t) (effective >> 32), (uint32_t) (permitted >> 32), (uint32_t) (inheritable >> 32) },
        };
        return child_check((int) syscall(SYS_capset, &h, d));
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

static int change_ids(const struct child_go *go) {
        int r = child_check((int) syscall(SYS_setgroups, (size_t) go->n_groups, go->groups));
        if (r >= 0)
                r = child_check((int) syscall(SYS_setresgid, go->gid, go->gid, go->gid));
        return r < 0 ? r : child_check((int) syscall(SYS_setresuid, go->uid, go->uid, go->uid));
}

/* A change of ids has cleared the signal; and the host side may have died before it was armed, which our socket
 * shows. */
static int arm_death_signal(struct child *c) {
        struct pollfd p = { .fd = c->sock };
        if (!child_desc(c)->die_with_parent)
                return 0;
        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
                return -errno;
        if (poll(&p, 1, 0) == 1 && p.revents & POLLHUP)
                _exit(127);
        return 0;
}

int child_credentials(struct child *c) {
        const struct machine_process *p = &child_desc(c)->process;
        uint64_t have = 0, admin = UINT64_C(1) << CAP_SYS_ADMIN;
        int r = current_capabilities(&have);
        if (r >= 0)
                r = drop_bounding(p->cap_bounding);
        if (r >= 0)
                r = child_check(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
        if (r >= 0)
                r = change_ids(&c->go);
        if (r < 0)
                return r;
        umask((mode_t) p->umask);
        if (p->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        r = set_capabilities((p->cap_effective | admin) & have, (p->cap_permitted | admin) & have,
                             p->cap_inheritable & have);
        for (int cap = 0; r >= 0 && cap < 64; cap++)
                if (p->cap_ambient & have & p->cap_permitted & p->cap_inheritable & UINT64_C(1) << cap)
                        r = child_check(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0));
        if (r >= 0)
                r = child_check(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
        return r < 0 ? r : arm_death_signal(c);
}

int child_seccomp(struct child *c) {
        const struct machine_seccomp *s = &child_desc(c)->seccomp;
        struct sock_fprog prog = { s->n_insns, (struct sock_filter *) (uintptr_t) s->insns };
        return child_check((int) syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, s->flags, &prog));
}

/* ---- the program ------------------------------------------------------------------------------------------------- */

/* No magic links: until the exec, /proc/self/exe is the engine's own file (CVE-2019-5736). */
static int open_program(const char *path, uint64_t flags) {
        struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS };
        int fd = (int) syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
        return fd >= 0 ? fd : errno == ELOOP ? -EACCES : -errno;
}

/* The same trick one line further: "#!/proc/self/exe". */
static int check_interpreter(const char *path, unsigned depth) {
        char line[257];
        _cleanup_close_ int fd = open_program(path, O_RDONLY | O_NONBLOCK);
        ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof(line) - 1);
        if (n < 3 || line[0] != '#' || line[1] != '!' || depth > 4)
                return 0; /* no script, or unreadable: the exec will tell */
        line[n] = '\0';
        char *start = line + 2 + strspn(line + 2, " \t");
        start[strcspn(start, " \t\n")] = '\0';
        _cleanup_close_ int interpreter = open_program(start, O_PATH);
        if (interpreter == -EACCES)
                return -EACCES;
        return check_interpreter(start, depth + 1);
}

static int probe_program(const char *path) {
        struct stat st;
        _cleanup_close_ int fd = open_program(path, O_PATH);
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        if (!S_ISREG(st.st_mode))
                return -EACCES;
        int r = child_check((int) syscall(SYS_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS));
        return r < 0 ? r : check_interpreter(path, 0);
}

static const char *path_variable(const struct child *c) {
        for (size_t i = 0; c->envp[i]; i++)
                if (str_startswith(c->envp[i], "PATH="))
                        return c->envp[i] + 5;
        return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/* Looks argv[0] up in PATH, as the user that the workload will be; the result in c->program. */
int child_find_program(struct child *c) {
        const char *name = child_desc(c)->process.argv[0];
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

/* ---- init and exec ----------------------------------------------------------------------------------------------- */

/* The reaper: no more capabilities than the workload, the workload's filter, no descriptor of anything. */
_Noreturn static void become_init(struct child *c, pid_t pid) {
        const struct machine_process *p = &child_desc(c)->process;
        if (set_capabilities(p->cap_effective, p->cap_permitted, 0) < 0)
                (void) !set_capabilities(0, 0, 0);
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); /* it executes nothing, and a filter takes it */
        (void) !child_seccomp(c);
        syscall(SYS_close_range, 0u, ~0u, 0);
        if (c->title) { /* the engine's arguments are none of the container's business */
                memset(c->title, 0, c->title_size);
                memcpy(c->title, "init", MIN(c->title_size, sizeof("init")));
        }
        prctl(PR_SET_NAME, "init", 0, 0, 0);
        init_main(pid);
}

int child_fork_init(struct child *c) {
        block_signals(true); /* none may come between the fork and the loop */
        pid_t pid = fork();
        if (pid < 0)
                return -errno;
        if (pid > 0)
                become_init(c, pid);
        prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0); /* it dies with PID 1 anyway */
        if (setpgid(0, 0) < 0)
                return -errno;
        /* Ctrl-C is for the workload: init would forward it a second time. */
        if (c->console_fd >= 0 && ioctl(STDIN_FILENO, TIOCSPGRP, &(pid_t){ getpid() }) < 0)
                return -errno;
        block_signals(false);
        return 0;
}

int child_exec(struct child *c) {
        if (*c->go.home)
                c->envp[c->n_env] = c->go.home;
        execve(c->program, child_desc(c)->process.argv, c->envp);
        return -errno;
}
