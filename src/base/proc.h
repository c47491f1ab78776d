/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes as pidfds, clocks, random ids. */
#ifndef SOUK_BASE_PROC_H
#define SOUK_BASE_PROC_H
#include "macro.h"

#include <sys/types.h>

struct proc_fd_map {
        int fd;  /* borrowed, in the parent */
        int as;  /* number in the child */
};
struct proc_spawn {
        const char *path;                /* absolute, or looked up in PATH */
        char *const *argv;
        char *const *env;                /* NULL: the caller's */
        const struct proc_fd_map *fds;   /* everything else that is O_CLOEXEC stays out */
        size_t n_fds;
        bool new_session;
        bool die_with_parent;
};
/** proc_spawn() - fork+exec; reports exec's own failure. @ret_pidfd [owned]. Return: pid (>0) or negative errno. */
_must_check_ int proc_spawn(const struct proc_spawn *s, int *ret_pidfd);
/** proc_wait() - wait for a child by pidfd, EINTR handled. @ret_status as from wait(2): exit code, or 128+signal. */
_must_check_ int proc_wait(int pidfd, int *ret_status);
_must_check_ int proc_pidfd_open(pid_t pid);
_must_check_ int proc_pidfd_signal(int pidfd, int sig);
/** proc_start_time() - field 22 of /proc/PID/stat, clock ticks since boot: tells a reused pid. */
_must_check_ int proc_start_time(pid_t pid, uint64_t *ret_ticks);
/** signal_from_name() - "TERM", "SIGTERM", "15", "RTMIN+3". Return: number or -EINVAL. */
_must_check_ int signal_from_name(const char *name);
const char *signal_to_name(int sig); /* "TERM", or NULL */

uint64_t now_usec(void);       /* CLOCK_MONOTONIC */
uint64_t now_wall_usec(void);  /* CLOCK_REALTIME: for records and people */
/** time_format_rfc3339() - "2026-12-01T14:06:34.123456000Z" from wall usec into @buf (>= 32). */
char *time_format_rfc3339(uint64_t wall_usec, char *buf, size_t size);
_must_check_ int time_parse(const char *s, uint64_t *ret_wall_usec); /* RFC 3339 (no zone: UTC), unix seconds, or "10m" ago */
void random_bytes(void *p, size_t n);
void random_hex(char *out, size_t n_digits); /* n_digits + NUL */
/** exe_sibling() - path of another program of ours: beside this executable, else LIBEXECDIR. [owned] or NULL. */
char *exe_sibling(const char *name);
#endif
