/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_SHIM_MONITOR_H
#define SOUK_SHIM_MONITOR_H
/*
 * The monitor of one running process (an instance's first process, or an exec): moves its stdio, writes the log, serves
 * attach on a socket, records the exit status.  It runs in souk-shim for what is detached or has a terminal, and inside
 * `souk run` / `souk exec` itself in the foreground without a terminal.  Single-threaded, small, no record database.
 *
 * In the directory run_dir_fd it owns:  attach.sock  (SOCK_SEQPACKET, see attach.h)
 *                                       exit         ("STATUS WALL_USEC\n", written by file_replace once it has ended)
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <souk/err.h>

#define LOG_MAX_BYTES_DEFAULT (10u << 20)
#define LOG_MAX_FILES_DEFAULT 3u

struct monitor_config {
        pid_t pid;
        int pidfd;                      /* borrowed; this process is the parent */
        int in_fd, out_fd, err_fd;      /* our ends of the workload's pipes; taken.  -EBADF: not connected.
                                           Terminal: in_fd is the master, out_fd and err_fd -EBADF */
        bool terminal;
        bool stdin_once;                /* close the workload's stdin when the (first) attached client ends its own */
        bool wait_attach;               /* somebody attaches right now (the command that started it): nothing is read from
                                           the workload before, and this first client is waited for when it is slow.
                                           When nobody comes in 5 s it goes on without. */
        int run_dir_fd;                 /* borrowed; -EBADF: no attach, no exit file */
        int log_dir_fd;                 /* borrowed; -EBADF: no log */
        uint64_t log_max_bytes;         /* of one file, bytes; 0: default */
        unsigned log_max_files;         /* 0: default */
        /* foreground: the caller's own streams; -EBADF each when there are none */
        int fg_in, fg_out, fg_err;      /* borrowed */
        bool sig_proxy;                 /* forward TERM HUP INT QUIT USR1 USR2 WINCH ... that reach this process */
};
/**
 * monitor_run() - until the process has ended and its output was drained (children that keep the pipes open are waited
 * for at most 500 ms after the first process ended: with an own pid namespace they are gone by then)
 * @ret_status: exit code, or 128+signal
 */
int monitor_run(struct monitor_config *c, int *ret_status, struct souk_err *err);

/* How the engine, in a child forked for it, becomes the shim: exec with the fds in place.  See shim.c for the argv. */
struct shim_exec {
        struct monitor_config monitor;
        char *const *on_exit;           /* argv that the shim executes (as its last act) after the exit file is there */
};
/** shim_exec() - fills argv and executes souk-shim; returns only on failure. */
int shim_exec(const struct shim_exec *x, struct souk_err *err);
#endif
