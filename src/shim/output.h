/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One output stream of the workload (a pipe or the terminal), on its way to the log, the attached clients and the caller's
 * own stream.
 *
 *   OPEN     read when there is something
 *   HELD     a chunk was not taken whole by the caller's stream or by the owner: the workload is not read meanwhile
 *   ENDED    fd < 0: end of file, or the caller's stream is gone
 */
#ifndef SOUK_SHIM_OUTPUT_H
#define SOUK_SHIM_OUTPUT_H
#include "base/loop.h"
#include "shim/attach_server.h"
#include "shim/logfile.h"

struct output {
        struct loop *loop;
        struct attach_server **server; /* *server may be NULL */
        struct log_file *log;
        void (*changed)(void *user);   /* it has ended, or is no longer held */
        void *user;
        enum log_stream stream;
        bool terminal;                 /* EIO means end of file */

        int fd;                        /* taken */
        struct loop_source *source;
        char *chunk;                   /* ATTACH_PAYLOAD_MAX bytes while something is held, else NULL */
        size_t len, done;              /* of the chunk: bytes, and how many the caller's stream has taken */
        bool owner_waits;              /* the owner has not taken the chunk */
        bool stopped;                  /* output_stop() */
        bool limited;                  /* output_limit() */
        uint64_t left;                 /* then: bytes to read yet */

        int fg;                        /* borrowed, -EBADF: none */
        int fg_watch;                  /* own duplicate, when fg was already watched under the same number; or -EBADF */
        bool fg_known, fg_regular, fg_socket;
        struct loop_source *fg_source; /* while fg is full */
};
#define OUTPUT_INIT { .fd = -EBADF, .fg = -EBADF, .fg_watch = -EBADF }

/** output_start() - fields up to @fg are set */
_must_check_ int output_start(struct output *o);
/** output_stop() - do not read until output_resume() */
void output_stop(struct output *o);
void output_resume(struct output *o);
/** output_owner_ready() - try the held chunk again */
void output_owner_ready(struct output *o);
/** output_limit() - read what is in the pipe now, and no more: somebody who outlived the workload keeps it open */
void output_limit(struct output *o);
void output_close(struct output *o);
#endif
