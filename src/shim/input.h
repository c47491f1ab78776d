/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The workload's standard input: from the caller's stream and from attached clients, into its pipe or terminal. */
#ifndef SOUK_SHIM_INPUT_H
#define SOUK_SHIM_INPUT_H
#include "base/buf.h"
#include "base/loop.h"

struct input {
        struct loop *loop;
        bool terminal;
        void (*full)(void *user, bool full); /* clients are not read while it is */
        void *user;

        int fd;                         /* taken; -EBADF: none, or closed */
        bool nonblock;                  /* set on the first write */
        struct loop_source *source;
        struct buf pending;             /* what the workload has not taken yet */
        bool end_wanted;                /* close once pending is empty */

        int fg;                         /* borrowed; -EBADF: none, or at its end */
        struct loop_source *fg_source;
        bool fg_always_ready;           /* a file: epoll refuses it, read whenever the workload takes input */
};
#define INPUT_INIT { .fd = -EBADF, .fg = -EBADF, .pending.max = 1u << 20 }

_must_check_ int input_start(struct input *in);
/** input_write() - from a client */
void input_write(struct input *in, const void *p, size_t n);
/** input_end() - no more will come: the workload reads end of file (a terminal in line mode gets ^D) */
void input_end(struct input *in);
void input_close(struct input *in);
#endif
