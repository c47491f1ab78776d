/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reader of the log files: see attach.h.
 *
 * The files that are there at the beginning are opened at once, so that a shift takes none away.  At the end of a
 * file comes the one that was begun after it (logset_next); before the step the old one is read again, since the
 * writer's last line may have come between our end of file and the shift.  To follow is to wait for inotify's word that
 * something was written, or for the monitor's EXIT, which comes after the last line; then the same step again.
 */
#include "shim/attach.h"

#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "shim/attach_connect.h"
#include "shim/attach_proto.h"
#include "shim/logfile.h"
#include "shim/logset.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>

#define BLOCK_BYTES 65536
#define PATIENCE_USEC 5000000u

struct reader {
        const struct log_read *request;
        int fd;                 /* being read; -EBADF: there is no file yet */
        int inotify, monitor;   /* to follow */
        bool monitor_gone, finished;
        char *block;
        struct buf line;        /* the beginning of one */
        bool too_long;          /* skip to its end */
        uint64_t malformed;
        struct log_entry entry;
        struct buf text;        /* to be written to ... */
        int text_fd;            /* ... this */
        bool in_line[LOG_STREAM_MAX];
};

static int text_flush(struct reader *d) {
        int r = d->text.len && d->text_fd >= 0 ? fd_write_all(d->text_fd, d->text.data, d->text.len) : 0;
        buf_reset(&d->text);
        return r;
}

static int entry_print(struct reader *d) {
        const struct log_entry *e = &d->entry;
        int fd = e->stream == LOG_STDERR ? d->request->err : d->request->out;
        int r = 0;
        if (fd != d->text_fd || d->text.len >= BLOCK_BYTES)
                r = text_flush(d);
        d->text_fd = fd;
        if (r >= 0 && d->request->timestamps && !d->in_line[e->stream])
                r = buf_printf(&d->text, "%s ", e->time);
        if (r >= 0)
                r = buf_append(&d->text, e->text.data, e->text.len);
        if (e->text.len)
                d->in_line[e->stream] = e->text.data[e->text.len - 1] != '\n';
        return r;
}

static int handle_line(struct reader *d, const char *p, size_t n) {
        const struct log_read *q = d->request;
        if (n == 0)
                return 0;
        if (logline_parse(p, n, &d->entry) < 0) {
                d->malformed++;
                return 0;
        }
        if (q->since_at && d->entry.wall_usec < q->since_at)
                return 0;
        if (q->until_at && d->entry.wall_usec > q->until_at) {
                d->finished = true;
                return 0;
        }
        return entry_print(d);
}

static int handle_block(struct reader *d, const char *p, size_t n) {
        for (const char *end = p + n; p < end && !d->finished;) {
                const char *newline = memchr(p, '\n', (size_t) (end - p));
                size_t piece = (size_t) ((newline ? newline : end) - p);
                int r = 0;
                if (newline && d->line.len == 0 && !d->too_long)
                        r = handle_line(d, p, piece);
                else if (!d->too_long && buf_append(&d->line, p, piece) < 0) {
                        d->too_long = true;
                        d->malformed++;
                } else if (newline && !d->too_long)
                        r = handle_line(d, d->line.data, d->line.len);
                if (newline) {
                        buf_reset(&d->line);
                        d->too_long = false;
                }
                if (r < 0)
                        return r;
                p += piece + 1;
        }
        return 0;
}

static int read_to_end(struct reader *d) {
        while (d->fd >= 0 && !d->finished) {
                ssize_t n = read(d->fd, d->block, BLOCK_BYTES);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : 0;
                int r = handle_block(d, d->block, (size_t) n);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void use_file(struct reader *d, int fd_take) {
        if (d->line.len)
                d->malformed++; /* a crash left half a line at the end of the file before */
        buf_reset(&d->line);
        d->too_long = false;
        fd_close(d->fd);
        d->fd = fd_take;
}

/* All that is there now. */
static int read_available(struct reader *d) {
        for (;;) {
                int r = read_to_end(d);
                if (r < 0 || d->finished)
                        return r;
                int next = logset_next(d->request->log_dir_fd, d->fd);
                if (next < 0)
                        return next == -ENOENT || next == -EBUSY ? 0 : next;
                r = read_to_end(d);
                if (r < 0) {
                        close(next);
                        return r;
                }
                use_file(d, next);
        }
}

/* The files of the beginning, from the place where the tail begins; the newest stays open as d->fd. */
static int read_set(struct reader *d) {
        struct logset set;
        size_t first = 0;
        uint64_t offset = 0;
        int r = logset_open(d->request->log_dir_fd, &set);
        if (r < 0)
                return r;
        if (d->request->tail >= 0)
                r = logset_tail(&set, (uint64_t) d->request->tail, &first, &offset);
        for (size_t i = first; i < set.n && r >= 0; i++) {
                use_file(d, TAKE_FD(set.fds[i]));
                if (i == first && offset && lseek(d->fd, (off_t) offset, SEEK_SET) < 0)
                        r = -errno;
                if (r >= 0)
                        r = read_to_end(d);
        }
        logset_close(&set);
        return r;
}

/* ---- following --------------------------------------------------------------------------------------------------- */

static void monitor_connect(struct reader *d) {
        int dir = d->request->run_dir_fd;
        if (d->monitor >= 0)
                return;
        d->monitor = dir < 0 ? -EBADF : attach_connect(dir, 0, PATIENCE_USEC, -EBADF);
        if (d->monitor < 0)
                d->monitor_gone = true;
}

static int until_timeout(const struct reader *d) {
        uint64_t now = now_wall_usec(), until = d->request->until_at;
        if (!until)
                return -1;
        return until <= now ? 0 : (int) MIN((until - now) / 1000 + 1, (uint64_t) 3600000);
}

/* Until there may be something new.  -EPIPE: nobody reads us any more */
static int follow_wait(struct reader *d) {
        char events[4096];
        struct pollfd p[4] = {
                { .fd = d->inotify, .events = POLLIN },
                { .fd = d->monitor, .events = POLLIN },
                { .fd = d->request->out, .events = 0 },
                { .fd = d->request->err, .events = 0 },
        };
        int n = poll(p, ELEMENTSOF(p), until_timeout(d));
        if (n < 0)
                return errno == EINTR ? 0 : -errno;
        if (n == 0 && d->request->until_at && now_wall_usec() > d->request->until_at)
                d->monitor_gone = true; /* what is there now is the last */
        if (p[0].revents)
                (void) !read(d->inotify, events, sizeof(events));
        if (p[1].revents) /* it says EXIT, or nothing for ever */
                d->monitor_gone = true;
        return (p[2].revents | p[3].revents) & POLLERR ? -EPIPE : 0;
}

static int follow(struct reader *d) {
        for (;;) {
                bool last = d->monitor_gone;
                int r = read_available(d);
                if (r >= 0)
                        r = text_flush(d);
                if (r < 0 || d->finished || last)
                        return r;
                monitor_connect(d);
                if (!d->monitor_gone)
                        r = follow_wait(d);
                if (r < 0)
                        return r;
        }
}

static int start_follow(struct reader *d) {
        char path[32];
        d->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (d->inotify < 0)
                return -errno;
        int wd = inotify_add_watch(d->inotify, fd_path(d->request->log_dir_fd, path, sizeof(path)),
                                   IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
        return wd < 0 ? -errno : 0;
}

static int run(struct reader *d) {
        int r = d->request->follow ? start_follow(d) : 0;
        if (r >= 0)
                r = read_set(d);
        if (r >= 0)
                r = d->request->follow ? follow(d) : read_available(d);
        int flushed = text_flush(d);
        return r < 0 ? r : flushed;
}

int log_read(const struct log_read *q, struct souk_err *err) {
        struct reader d = {
                .request = q,
                .fd = -EBADF, .inotify = -EBADF, .monitor = -EBADF, .text_fd = -EBADF,
                .line = BUF_INIT(LOG_LINE_MAX),
                .entry.text = BUF_INIT(LOG_LINE_MAX),
        };
        struct sigaction ignore = { .sa_handler = SIG_IGN }, old_pipe;
        d.block = xmalloc(BLOCK_BYTES);
        sigaction(SIGPIPE, &ignore, &old_pipe);
        int r = run(&d);
        sigaction(SIGPIPE, &old_pipe, NULL);
        if (d.malformed)
                log_warn("%" PRIu64 " damaged lines of the log were skipped", d.malformed);
        fd_close(d.fd);
        fd_close(d.inotify);
        fd_close(d.monitor);
        free(d.block);
        buf_free(&d.line);
        buf_free(&d.text);
        buf_free(&d.entry.text);
        return r < 0 && r != -EPIPE ? souk_err_errno(err, r, "reading the log") : 0;
}
