/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_SHIM_ATTACH_H
#define SOUK_SHIM_ATTACH_H
/*
 * Attach protocol: SOCK_SEQPACKET, one message = one type byte and a payload of at most 32 KiB.
 *   client -> monitor: HELLO {u8 version, u8 flags: want output, want input}, STDIN data, STDIN_EOF, RESIZE {u16 rows, u16 cols}
 *   monitor -> client: STDOUT data, STDERR data, OVERRUN {u64 bytes}, EXIT {i32 status}
 * A client that asks for no output is a waiter: it only gets EXIT.  A client too slow to read is not waited for longer
 * than its buffer: the workload's output must not be lost for others, nor the workload blocked by a stopped client ...
 * except that a foreground client (the one that started it) is waited for: its output is never dropped.  What a slow
 * client missed is counted and told (OVERRUN), so that there is no hole without a notice.
 */
#include <stdbool.h>
#include <stdint.h>
#include <souk/err.h>

struct attach_config {
        int run_dir_fd;                 /* where attach.sock is; borrowed */
        int in, out, err;               /* the user's streams; -1: none; borrowed */
        bool terminal;                  /* the workload has one: raw mode on @in when it is a terminal, resizes are sent */
        const char *detach_keys;        /* NULL: "ctrl-p,ctrl-q"; "": none */
        bool sig_proxy;                 /* without a terminal: forward signals to @pidfd */
        int pidfd;                      /* borrowed; -EBADF: none */
};
/**
 * attach_run() - connect the user's streams until the workload ends, or the detach keys are typed
 * Return: 0 with *ret_status (exit code, or SOUK_EXIT_DETACHED (-1)); -ENOENT/-ECONNREFUSED: no monitor there (it has
 * ended: look for the exit file); -EPIPE: the monitor died.
 * The terminal's mode is always restored, also on signals.
 */
int attach_run(const struct attach_config *c, int *ret_status, struct souk_err *err);
/** attach_keys_check() - are these detach keys well-formed?  To refuse them before anything is started.  NULL: default */
int attach_keys_check(const char *detach_keys, struct souk_err *err);
/** attach_wait() - until the workload ends. @timeout_usec: UINT64_MAX none; -ETIMEDOUT. Other errors as attach_run. */
int attach_wait(int run_dir_fd, uint64_t timeout_usec, int *ret_status, struct souk_err *err);
/** exit_file_read() - 0 and the status, or -ENOENT when it has not ended (or its monitor was killed) */
int exit_file_read(int run_dir_fd, int *ret_status, uint64_t *ret_wall_usec);

/* Log files in log_dir_fd: "log" is current, "log.1" the one before ...  JSON lines as Docker's json-file driver writes
 * them: {"log":"text\n","stream":"stdout","time":"RFC3339Nano"}. */
struct log_read {
        int log_dir_fd;                 /* borrowed */
        bool follow, timestamps;
        int64_t tail;                   /* -1: all */
        uint64_t since_at, until_at;    /* wall usec; 0: none */
        int out, err;                   /* borrowed */
        int run_dir_fd;                 /* follow ends when the instance's monitor is gone; -EBADF: it has ended */
};
int log_read(const struct log_read *r, struct souk_err *err);
#endif
