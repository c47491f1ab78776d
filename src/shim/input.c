/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Input of the workload: see input.h.  What the workload does not take is kept, and no source is read meanwhile, so that
 * at most one chunk of the caller's stream, and one message of each client, is in memory.
 */
#include "shim/input.h"

#include "base/file.h"
#include "base/str.h"

#include <sys/epoll.h>
#include <termios.h>

#define CHUNK_BYTES 32768u

static void input_update(struct input *in) {
        bool full = in->pending.len > 0;
        bool wants_room = full || (in->fg_always_ready && in->fg >= 0);
        if (in->source)
                (void) !loop_set_events(in->source, wants_room ? EPOLLOUT : in->terminal ? EPOLLET : 0);
        if (in->fg_source)
                (void) !loop_set_events(in->fg_source, full ? EPOLLET : EPOLLIN);
}

static void foreground_close(struct input *in) {
        loop_source_free(TAKE_PTR(in->fg_source));
        in->fg = -EBADF;
}

/* Nobody reads it (any more): what comes later is dropped, and the caller's stream is left alone. */
void input_close(struct input *in) {
        loop_source_free(TAKE_PTR(in->source));
        foreground_close(in);
        in->fd = fd_close(in->fd);
        bool was_full = in->pending.len > 0;
        buf_free(&in->pending);
        if (was_full && in->full)
                in->full(in->user, false);
}

static int input_io(struct loop *loop, struct loop_source *source, uint32_t events, void *user);

static int input_watch(struct input *in, uint32_t events) {
        return in->source || in->fd < 0 ? 0 : loop_add_io(in->loop, in->fd, events, input_io, in, &in->source);
}

/* Return: bytes taken, 0 when it is full, negative when it is gone. */
static ssize_t input_push(struct input *in, const char *p, size_t n) {
        if (!in->nonblock) {
                if (fd_set_nonblock(in->fd, true) < 0)
                        return -errno;
                in->nonblock = true;
        }
        for (size_t done = 0;;) {
                ssize_t k = write(in->fd, p + done, n - done);
                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0 && errno == EIO && in->terminal)
                        return (ssize_t) n; /* nobody has the terminal open just now */
                if (k < 0)
                        return errno == EAGAIN ? (ssize_t) done : -errno;
                done += (size_t) k;
                if (done == n)
                        return (ssize_t) done;
        }
}

void input_write(struct input *in, const void *p, size_t n) {
        if (in->fd < 0 || in->end_wanted)
                return;
        ssize_t done = in->pending.len ? 0 : input_push(in, p, n);
        if (done < 0) {
                input_close(in);
                return;
        }
        if ((size_t) done == n)
                return;
        bool was_full = in->pending.len > 0;
        if (buf_append(&in->pending, (const char *) p + done, n - (size_t) done) < 0 || input_watch(in, EPOLLOUT) < 0) {
                input_close(in);
                return;
        }
        input_update(in);
        if (!was_full && in->full)
                in->full(in->user, true);
}

static void terminal_end(struct input *in) {
        struct termios t;
        if (tcgetattr(in->fd, &t) == 0 && (t.c_lflag & ICANON) && t.c_cc[VEOF])
                (void) input_push(in, (const char *) &t.c_cc[VEOF], 1);
}

void input_end(struct input *in) {
        foreground_close(in);
        if (in->fd < 0)
                return;
        if (in->pending.len) {
                in->end_wanted = true;
                input_update(in);
        } else if (in->terminal)
                terminal_end(in);
        else
                input_close(in);
}

static void foreground_read(struct input *in) {
        _cleanup_free_ char *chunk = xmalloc(CHUNK_BYTES);
        ssize_t n = read(in->fg, chunk, CHUNK_BYTES);
        if (n > 0)
                input_write(in, chunk, (size_t) n);
        else if (n == 0 || (errno != EINTR && errno != EAGAIN))
                input_end(in);
}

static int foreground_io(struct loop *loop, struct loop_source *source, uint32_t events, void *user) {
        struct input *in = user;
        if (in->pending.len == 0)
                foreground_read(in);
        return 0;
}

static void input_drain(struct input *in) {
        ssize_t k = input_push(in, in->pending.data, in->pending.len);
        if (k < 0) {
                input_close(in);
                return;
        }
        buf_consume(&in->pending, (size_t) k);
        if (in->pending.len)
                return;
        buf_free(&in->pending);
        input_update(in);
        if (in->full)
                in->full(in->user, false);
        if (in->end_wanted)
                input_end(in);
}

static int input_io(struct loop *loop, struct loop_source *source, uint32_t events, void *user) {
        struct input *in = user;
        if ((events & EPOLLERR) && !in->terminal)
                input_close(in); /* the workload closed its stdin */
        else if (!(events & EPOLLOUT))
                return 0;
        else if (in->pending.len)
                input_drain(in);
        else if (in->fg_always_ready && in->fg >= 0)
                foreground_read(in);
        return 0;
}

int input_start(struct input *in) {
        if (in->fg < 0 || in->fd < 0)
                return 0;
        int r = loop_add_io(in->loop, in->fg, EPOLLIN, foreground_io, in, &in->fg_source);
        if (r == -EPERM)
                in->fg_always_ready = true;
        else if (r < 0 && r != -EBADF)
                return r;
        else if (r == -EBADF) /* the caller's stdin is closed: end of file */
                input_end(in);
        return input_watch(in, in->fg_always_ready ? EPOLLOUT : 0);
}
