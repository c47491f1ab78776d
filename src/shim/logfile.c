/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writer of the log files.  One write() per chunk of output, of whole lines only, so that a reader (and a crash) sees
 * lines, not pieces.  Before a line would take a file over its limit the files are shifted: log.1 -> log.2, log -> log.1;
 * the last one is overwritten by that.  So all together never exceed max_bytes * max_files; the one exception is a single
 * line longer than max_bytes, which gets a file of its own.
 */
#include "shim/logfile.h"

#include "base/file.h"
#include "base/str.h"
#include "shim/monitor.h"

#include <stdio.h>
#include <time.h>

#define TEXT_FLUSH_BYTES 32768u

void log_file_init(struct log_file *l, int dir_fd, uint64_t max_bytes, unsigned max_files) {
        *l = (struct log_file)LOG_FILE_INIT;
        l->dir_fd = dir_fd;
        l->max_bytes = max_bytes ? max_bytes : LOG_MAX_BYTES_DEFAULT;
        l->max_files = max_files ? max_files : LOG_MAX_FILES_DEFAULT;
}

/* A file that a crash or a full disk left with half a line: what comes next must not be glued to it. */
static void finish_torn_line(struct log_file *l) {
        char last;
        if (l->size && pread(l->fd, &last, 1, (off_t) l->size - 1) == 1 && last != '\n' && fd_write_all(l->fd, "\n", 1) == 0)
                l->size++;
}

static int log_open(struct log_file *l) {
        if (l->fd >= 0)
                return 0;
        struct stat st;
        _cleanup_close_ int fd = openat(l->dir_fd, LOG_FILE, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        l->fd = TAKE_FD(fd);
        l->size = (uint64_t) st.st_size;
        finish_torn_line(l);
        return 0;
}

static void log_rotate(struct log_file *l) {
        char from[24], to[24];
        l->fd = fd_close(l->fd);
        if (l->max_files == 1)
                unlinkat(l->dir_fd, LOG_FILE, 0);
        for (unsigned i = l->max_files - 1; i > 0; i--) {
                snprintf(to, sizeof(to), LOG_FILE ".%u", i);
                if (i > 1)
                        snprintf(from, sizeof(from), LOG_FILE ".%u", i - 1);
                else
                        strcpy(from, LOG_FILE);
                (void) !renameat(l->dir_fd, from, l->dir_fd, to); /* ENOENT: not yet so many */
        }
        l->size = 0;
        if (log_open(l) == 0 && l->size > 0 && ftruncate(l->fd, 0) == 0) /* the rename failed: keep the limit all the same */
                l->size = 0;
}

static void log_flush(struct log_file *l) {
        if (l->text.len == 0)
                return;
        int r = log_open(l);
        if (r >= 0) {
                r = fd_write_all(l->fd, l->text.data, l->text.len);
                if (r >= 0)
                        l->size += l->text.len;
                else
                        (void) !ftruncate(l->fd, (off_t) l->size); /* no half line */
        }
        if (r < 0)
                l->failures++;
        l->text.len = 0;
}

static void log_line(struct log_file *l, enum log_stream stream, const char *time, const void *p, size_t n) {
        size_t before = l->text.len;
        logline_format(&l->text, stream, time, p, n);
        uint64_t line = l->text.len - before;
        if (log_open(l) == 0 && l->size + l->text.len > l->max_bytes && l->size + before > 0) {
                char *keep = xmemdup(l->text.data + before, line);
                l->text.len = before;
                log_flush(l);
                log_rotate(l);
                memcpy(l->text.data, keep, line);
                l->text.len = line;
                free(keep);
        }
        if (l->text.len >= TEXT_FLUSH_BYTES)
                log_flush(l);
}

static void now_text(char time[LOG_TIME_SIZE]) {
        struct timespec ts;
        clock_gettime(CLOCK_REALTIME, &ts);
        logline_time((uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec, time);
}

void log_file_write(struct log_file *l, enum log_stream stream, const void *data, size_t n) {
        if (l->dir_fd < 0 || n == 0)
                return;
        struct buf *part = &l->part[stream];
        const char *p = data, *end = p + n;
        char time[LOG_TIME_SIZE];
        now_text(time);
        while (p < end) {
                size_t room = MIN(LOG_ENTRY_MAX - part->len, (size_t) (end - p));
                const char *newline = memchr(p, '\n', room);
                size_t piece = newline ? (size_t) (newline + 1 - p) : room;
                bool whole = newline || part->len + piece == LOG_ENTRY_MAX;
                if (whole && part->len == 0)
                        log_line(l, stream, time, p, piece);
                else
                        (void) !buf_append(part, p, piece); /* below LOG_ENTRY_MAX: cannot fail */
                if (whole && part->len) {
                        log_line(l, stream, time, part->data, part->len);
                        buf_free(part);
                }
                p += piece;
        }
        log_flush(l);
}

void log_file_end(struct log_file *l, enum log_stream stream) {
        struct buf *part = &l->part[stream];
        if (l->dir_fd < 0 || part->len == 0)
                return;
        char time[LOG_TIME_SIZE];
        now_text(time);
        log_line(l, stream, time, part->data, part->len);
        buf_free(part);
        log_flush(l);
}

void log_file_close(struct log_file *l) {
        for (int i = 0; i < LOG_STREAM_MAX; i++) {
                log_file_end(l, i);
                buf_free(&l->part[i]);
        }
        buf_free(&l->text);
        l->fd = fd_close(l->fd);
}
