/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Forwarded signals: see sigproxy.h. */
#include "shim/sigproxy.h"

#include "base/file.h"
#include "base/str.h"

#include <stdio.h>
#include <sys/signalfd.h>

static bool is_ignored(int sig) {
        struct sigaction a;
        return sigaction(sig, NULL, &a) == 0 && !(a.sa_flags & SA_SIGINFO) && a.sa_handler == SIG_IGN;
}

void sigproxy_add(sigset_t *set) {
        static const int may_be_ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
        static const int others[] = { SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH };
        for (size_t i = 0; i < ELEMENTSOF(may_be_ignored); i++)
                if (!is_ignored(may_be_ignored[i]))
                        sigaddset(set, may_be_ignored[i]);
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                sigaddset(set, others[i]);
        for (int sig = SIGRTMIN; sig <= SIGRTMAX; sig++)
                sigaddset(set, sig);
}

int sigproxy_open(const sigset_t *set, sigset_t *ret_old) {
        int r = pthread_sigmask(SIG_BLOCK, set, ret_old);
        if (r > 0)
                return -r;
        int fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (fd < 0) {
                r = -errno;
                pthread_sigmask(SIG_SETMASK, ret_old, NULL);
                return r;
        }
        return fd;
}

int sigproxy_next(int signal_fd) {
        struct signalfd_siginfo info;
        return read(signal_fd, &info, sizeof(info)) == (ssize_t) sizeof(info) ? (int) info.ssi_signo : 0;
}

/* "SigCgt:\t0000000000014000" in /proc/PID/status; all bits when it is not there: then nothing is assumed */
static uint64_t status_mask(const char *status, const char *key) {
        const char *line = strstr(status, key);
        return line ? strtoull(line + strlen(key), NULL, 16) : UINT64_MAX;
}

static bool is_namespace_init(const char *status) {
        const char *line = strstr(status, "\nNSpid:"); /* "NSpid:\t4711\t1": outermost first */
        if (!line)
                return false;
        line += strlen("\nNSpid:");
        size_t n = strcspn(line, "\n");
        return n >= 2 && line[n - 1] == '1' && line[n - 2] == '\t' && memrchr(line, '\t', n - 2);
}

bool sigproxy_would_be_lost(pid_t pid, int sig) {
        if (sig != SIGHUP && sig != SIGINT && sig != SIGQUIT && sig != SIGTERM)
                return false;
        char path[32];
        _cleanup_free_ char *status = NULL;
        snprintf(path, sizeof(path), "/proc/%d/status", pid);
        if (file_read(AT_FDCWD, path, 16384, &status, NULL) < 0 || !is_namespace_init(status))
                return false;
        uint64_t handled = status_mask(status, "\nSigCgt:") | status_mask(status, "\nSigIgn:") | status_mask(status, "\nSigBlk:");
        return !(handled >> (sig - 1) & 1);
}
