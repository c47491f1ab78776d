/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes as pidfds, and random ids: see proc.h.  Clocks and times are in proc_time.c. */
#include "base/proc.h"

#include "base/file.h"
#include "base/str.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>

extern char **environ;

/* First above all wanted numbers (so that no dup2 overwrites a source), then into place. */
static int child_fds(const struct proc_spawn *s) {
        int high = 3, moved[32];
        if (s->n_fds > ELEMENTSOF(moved))
                return -E2BIG;
        for (size_t i = 0; i < s->n_fds; i++)
                high = MAX(high, s->fds[i].as + 1);
        for (size_t i = 0; i < s->n_fds; i++) {
                moved[i] = fcntl(s->fds[i].fd, F_DUPFD_CLOEXEC, high);
                if (moved[i] < 0)
                        return -errno;
        }
        for (size_t i = 0; i < s->n_fds; i++)
                if (dup2(moved[i], s->fds[i].as) < 0)
                        return -errno;
        return 0;
}

/* Runs with all signals blocked until the parent's handlers are gone: they would act on what both processes share. */
_noreturn_ static void child(const struct proc_spawn *s, int report, pid_t parent) {
        sigset_t none;
        struct sigaction dfl = { .sa_handler = SIG_DFL };
        for (int sig = 1; sig < NSIG; sig++)
                if (sig != SIGKILL && sig != SIGSTOP)
                        sigaction(sig, &dfl, NULL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        int high = 3;
        for (size_t i = 0; i < s->n_fds; i++)
                high = MAX(high, s->fds[i].as + 1);
        int moved = fcntl(report, F_DUPFD_CLOEXEC, high + (int) s->n_fds + 1);
        int r = moved < 0 ? -errno : child_fds(s);
        if (moved >= 0)
                report = moved;
        if (r >= 0 && s->new_session && setsid() < 0)
                r = -errno;
        if (r >= 0 && s->die_with_parent) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (getppid() != parent) /* it died before the line above */
                        _exit(127);
        }
        if (r >= 0) {
                execvpe(s->path, s->argv, s->env ? s->env : environ);
                r = -errno;
        }
        (void) !write(report, &r, sizeof(r));
        _exit(127);
}

int proc_spawn(const struct proc_spawn *s, int *ret_pidfd) {
        int p[2];
        if (pipe2(p, O_CLOEXEC) < 0)
                return -errno;
        pid_t parent = getpid();
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        pid_t pid = fork();
        if (pid == 0) {
                close(p[0]);
                child(s, p[1], parent);
        }
        int fork_errno = errno, report = 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        close(p[1]);
        _cleanup_close_ int in = p[0];
        if (pid < 0)
                return -fork_errno;
        _cleanup_close_ int pidfd = proc_pidfd_open(pid); /* our child: the number cannot be reused yet */
        int r = fd_read_all(in, &report, sizeof(report));
        if (r >= 0 || pidfd < 0) { /* exec failed, and said why */
                if (pidfd < 0)
                        kill(pid, SIGKILL);
                while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                        ;
                return pidfd < 0 ? pidfd : report;
        }
        *ret_pidfd = TAKE_FD(pidfd);
        return pid;
}

int proc_wait(int pidfd, int *ret_status) {
        siginfo_t info = {};
        while (waitid((idtype_t) P_PIDFD, (id_t) pidfd, &info, WEXITED) < 0)
                if (errno != EINTR)
                        return -errno;
        *ret_status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
        return 0;
}

int proc_pidfd_open(pid_t pid) {
        int fd = (int) syscall(SYS_pidfd_open, pid, 0);
        return fd < 0 ? -errno : fd;
}

int proc_pidfd_signal(int pidfd, int sig) {
        return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) < 0 ? -errno : 0;
}

int proc_start_time(pid_t pid, uint64_t *ret_ticks) {
        char path[40], text[1024];
        snprintf(path, sizeof(path), "/proc/%d/stat", pid);
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        ssize_t n = read(fd, text, sizeof(text) - 1);
        if (n < 0)
                return -errno;
        text[n] = '\0';
        const char *p = strrchr(text, ')'); /* the name before it may hold anything */
        for (int field = 2; p && field < 22; field++)
                p = strchr(p + 1, ' ');
        if (!p)
                return -EBADMSG;
        *ret_ticks = strtoull(p + 1, NULL, 10);
        return 0;
}

/* "" or @sign and a number: how far from RTMIN or RTMAX. */
static int parse_realtime_offset(const char *s, char sign) {
        uint32_t n;
        if (!*s)
                return 0;
        if (*s != sign || str_to_u32(s + 1, &n) < 0 || n > (uint32_t) (SIGRTMAX - SIGRTMIN))
                return -EINVAL;
        return (int) n;
}

int signal_from_name(const char *name) {
        uint32_t n;
        int offset;
        if (str_to_u32(name, &n) == 0)
                return n >= 1 && n <= (uint32_t) SIGRTMAX ? (int) n : -EINVAL;
        if (strncasecmp(name, "SIG", 3) == 0)
                name += 3;
        if (strncasecmp(name, "RTMIN", 5) == 0) {
                offset = parse_realtime_offset(name + 5, '+');
                return offset < 0 ? offset : SIGRTMIN + offset;
        }
        if (strncasecmp(name, "RTMAX", 5) == 0) {
                offset = parse_realtime_offset(name + 5, '-');
                return offset < 0 ? offset : SIGRTMAX - offset;
        }
        for (int sig = 1; sig < 32; sig++) {
                const char *known = sigabbrev_np(sig);
                if (known && strcasecmp(known, name) == 0)
                        return sig;
        }
        if (strcasecmp(name, "CLD") == 0)
                return SIGCHLD;
        if (strcasecmp(name, "IO") == 0)
                return SIGIO;
        return strcasecmp(name, "IOT") == 0 ? SIGABRT : -EINVAL;
}

const char *signal_to_name(int sig) {
        return sigabbrev_np(sig);
}

void random_bytes(void *p, size_t n) {
        for (size_t done = 0; done < n;) {
                ssize_t k = getrandom((char *) p + done, n - done, 0);
                if (k < 0 && errno != EINTR)
                        abort(); /* no kernel of ours lacks it */
                if (k > 0)
                        done += (size_t) k;
        }
}

void random_hex(char *out, size_t n_digits) {
        unsigned char raw[64];
        char hex[2 * sizeof(raw) + 1];
        size_t n = MIN((n_digits + 1) / 2, sizeof(raw));
        random_bytes(raw, n);
        hex_from_bytes(raw, n, hex);
        n_digits = MIN(n_digits, 2 * n);
        memcpy(out, hex, n_digits);
        out[n_digits] = '\0';
}

char *exe_sibling(const char *name) {
        char exe[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
        const char *slash = n > 0 ? memrchr(exe, '/', (size_t) n) : NULL;
        if (slash) {
                int dir = (int) (slash - exe);
                const char *role = str_startswith(name, "souk-");
                _cleanup_free_ char *beside = xasprintf("%.*s/%s", dir, exe, name);
                if (access(beside, X_OK) == 0)
                        return TAKE_PTR(beside);
                /* in the build tree each program is in its own folder */
                _cleanup_free_ char *build = xasprintf("%.*s/../%s/%s", dir, exe, role ? role : "cli", name);
                if (access(build, X_OK) == 0)
                        return TAKE_PTR(build);
                _cleanup_free_ char *bin = xasprintf("%.*s/../../bin/%s", dir, exe, name); /* from libexec/souk */
                if (!role && access(bin, X_OK) == 0)
                        return TAKE_PTR(bin);
        }
        char *installed = xasprintf("%s/%s", SOUK_LIBEXECDIR, name);
        if (access(installed, X_OK) == 0)
                return installed;
        free(installed);
        return NULL;
}
