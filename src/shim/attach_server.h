/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The monitor's side of attach.h: accepts clients on attach.sock, fans output out to them, gives their input back. */
#ifndef SOUK_SHIM_ATTACH_SERVER_H
#define SOUK_SHIM_ATTACH_SERVER_H
#include "base/loop.h"
#include "shim/attach_proto.h"

struct attach_server;
struct attach_server_ops {
        void (*input)(void *user, const void *p, size_t n);
        void (*input_end)(void *user);   /* the first client that gave input has ended its own, or has gone */
        void (*resize)(void *user, uint16_t rows, uint16_t cols, bool nudge); /* nudge: make the workload redraw */
        void (*owner_ready)(void *user); /* the owner has arrived, can take output again, or has gone */
};
/**
 * attach_server_open() - make the socket and listen
 * @run_dir_fd: borrowed
 * @expect_owner: the first client that wants output is the one that started the workload: waited for when slow
 */
_must_check_ int attach_server_open(struct loop *loop, int run_dir_fd, bool expect_owner, const struct attach_server_ops *ops,
                                    void *user, struct attach_server **ret);
/** attach_server_close() - connections that still wait are told the exit status when there is one */
void attach_server_close(struct attach_server *s);
DEFINE_CLEANUP(struct attach_server, attach_server_close)
/** attach_server_output() - to all; 0, or -EAGAIN: the owner could not take it, see attach_server_owner_output() */
_must_check_ int attach_server_output(struct attach_server *s, enum attach_type type, const void *p, size_t n);
/** attach_server_owner_output() - again, to the owner only; 0 also when it has gone */
_must_check_ int attach_server_owner_output(struct attach_server *s, enum attach_type type, const void *p, size_t n);
/** attach_server_pause_input() - while paused, clients that give input are not read */
void attach_server_pause_input(struct attach_server *s, bool paused);
/** attach_server_exit_waiters() - tell those that only wait, now and later */
void attach_server_exit_waiters(struct attach_server *s, int status);
/** attach_server_exit() - tell all.  -EAGAIN: not yet, the owner's buffer is full */
_must_check_ int attach_server_exit(struct attach_server *s, int status);

/** attach_server_feed() - handle @n bytes as a message of a client; for fuzzing the receiving side without a socket */
void attach_server_feed(struct attach_server *s, int client_fd_take, const void *p, size_t n);
#endif
