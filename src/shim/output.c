/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Output of the workload: see output.h.
 *
 * The caller's streams are shared with other processes (a shell, the other end of a pipeline), so they are never set to
 * O_NONBLOCK.  Instead poll() is asked first, and at most PIPE_BUF bytes are written: a pipe that polls writable has a free
 * page, which takes that much without blocking.  Regular files always take everything.
 */
#include "shim/output.h"

#include "base/log.h"
#include "base/str.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

static bool output_is_held(const struct output *o) {
        return o->owner_waits || (o->fg >= 0 && o->done < o->len);
}

static void output_update(struct output *o) {
        /* EPOLLHUP cannot be masked: edge-triggered it is told once instead of for ever */
        if (o->source)
                (void) !loop_set_events(o->source, o->stopped || output_is_held(o) ? EPOLLET : EPOLLIN);
}

static void output_end(struct output *o) {
        if (o->fd < 0)
                return;
        loop_source_free(TAKE_PTR(o->source));
        o->fd = fd_close(o->fd);
        log_file_end(o->log, o->stream);
}

/* The reader of the caller's stream has gone, so the workload loses its reader as well: SIGPIPE, as without an engine. */
static void foreground_gone(struct output *o, int r) {
        if (r != -EPIPE)
                log_warn("writing the workload's %s: %s", o->stream == LOG_STDERR ? "standard error" : "standard output", strerror(-r));
        loop_source_free(TAKE_PTR(o->fg_source));
        o->fg = -EBADF;
        output_end(o);
}

static void foreground_look(struct output *o) {
        struct stat st;
        o->fg_known = true;
        if (fstat(o->fg, &st) == 0) {
                o->fg_regular = S_ISREG(st.st_mode);
                o->fg_socket = S_ISSOCK(st.st_mode);
        }
}

static ssize_t foreground_write_some(struct output *o) {
        const char *p = o->chunk + o->done;
        size_t n = o->len - o->done;
        if (o->fg_socket)
                return send(o->fg, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (!o->fg_regular) {
                struct pollfd pfd = { .fd = o->fg, .events = POLLOUT };
                if (poll(&pfd, 1, 0) == 0) {
                        errno = EAGAIN;
                        return -1;
                }
                n = MIN(n, (size_t) PIPE_BUF);
        }
        return write(o->fg, p, n);
}

/* 0 when the chunk is written, -EAGAIN, or why the stream is gone */
static int foreground_write(struct output *o) {
        if (!o->fg_known)
                foreground_look(o);
        while (o->done < o->len) {
                ssize_t k = foreground_write_some(o);
                if (k >= 0)
                        o->done += (size_t) k;
                else if (errno != EINTR)
                        return -errno;
        }
        return 0;
}

static void chunk_release(struct output *o) {
        if (output_is_held(o))
                return;
        free(TAKE_PTR(o->chunk));
        o->len = o->done = 0;
        if (o->limited && o->left == 0)
                output_end(o);
}

static int foreground_io(struct loop *loop, struct loop_source *source, uint32_t events, void *user);

static void foreground_push(struct output *o) {
        int r = o->fg >= 0 ? foreground_write(o) : 0;
        if (r == -EAGAIN) {
                if (o->fg_source)
                        return;
                r = loop_add_io(o->loop, o->fg, EPOLLOUT, foreground_io, o, &o->fg_source);
                if (r == -EEXIST && (o->fg_watch = fcntl(o->fg, F_DUPFD_CLOEXEC, 3)) >= 0) /* 1 and 2 given as one number */
                        r = loop_add_io(o->loop, o->fg_watch, EPOLLOUT, foreground_io, o, &o->fg_source);
                if (r >= 0)
                        return;
        }
        loop_source_free(TAKE_PTR(o->fg_source));
        o->fg_watch = fd_close(o->fg_watch);
        if (r < 0)
                foreground_gone(o, r);
}

static int foreground_io(struct loop *loop, struct loop_source *source, uint32_t events, void *user) {
        struct output *o = user;
        foreground_push(o);
        chunk_release(o);
        output_update(o);
        o->changed(o->user);
        return 0;
}

static enum attach_type message_type(const struct output *o) {
        return o->stream == LOG_STDERR ? ATTACH_STDERR : ATTACH_STDOUT;
}

static void output_deliver(struct output *o) {
        log_file_write(o->log, o->stream, o->chunk, o->len);
        if (*o->server)
                o->owner_waits = attach_server_output(*o->server, message_type(o), o->chunk, o->len) == -EAGAIN;
        foreground_push(o);
        if (output_is_held(o))
                output_update(o);
        chunk_release(o);
}

static void output_read(struct output *o) {
        if (!o->chunk)
                o->chunk = xmalloc(ATTACH_PAYLOAD_MAX);
        size_t max = o->limited ? MIN(o->left, (uint64_t) ATTACH_PAYLOAD_MAX) : ATTACH_PAYLOAD_MAX;
        ssize_t n = read(o->fd, o->chunk, max);
        if (n > 0) {
                o->len = (size_t) n;
                o->done = 0;
                if (o->limited)
                        o->left -= (uint64_t) n;
                output_deliver(o);
                return;
        }
        free(TAKE_PTR(o->chunk));
        if (n == 0 || (errno != EINTR && errno != EAGAIN)) /* a terminal ends with EIO */
                output_end(o);
}

static int output_io(struct loop *loop, struct loop_source *source, uint32_t events, void *user) {
        struct output *o = user;
        if (o->stopped || output_is_held(o))
                return 0;
        /* Not by @events: a hang-up that was told while nothing was read may be handled after the reader's stream took the
         * rest, and the pipe is not empty then.  With data or a hang-up a read does not block. */
        output_read(o);
        if (o->fd < 0)
                o->changed(o->user);
        return 0;
}

int output_start(struct output *o) {
        return o->fd < 0 ? 0 : loop_add_io(o->loop, o->fd, o->stopped ? EPOLLET : EPOLLIN, output_io, o, &o->source);
}

void output_stop(struct output *o) {
        o->stopped = true;
        output_update(o);
}

void output_resume(struct output *o) {
        if (!o->stopped)
                return;
        o->stopped = false;
        output_update(o);
}

void output_owner_ready(struct output *o) {
        if (!o->owner_waits)
                return;
        if (*o->server && attach_server_owner_output(*o->server, message_type(o), o->chunk, o->len) == -EAGAIN)
                return;
        o->owner_waits = false;
        chunk_release(o);
        output_update(o);
        o->changed(o->user);
}

void output_limit(struct output *o) {
        int n = 0;
        if (o->fd < 0 || o->limited)
                return;
        o->limited = true;
        if (ioctl(o->fd, FIONREAD, &n) < 0 || n < 0)
                n = 0;
        o->left = (uint64_t) n;
        if (o->left == 0 && !output_is_held(o))
                output_end(o);
}

void output_close(struct output *o) {
        output_end(o);
        o->len = o->done = 0;
        o->owner_waits = false;
        loop_source_free(TAKE_PTR(o->fg_source));
        o->fg_watch = fd_close(o->fg_watch);
        free(TAKE_PTR(o->chunk));
}
