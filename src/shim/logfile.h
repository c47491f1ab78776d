/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writer of the log files of attach.h: "log" is current, "log.1" the one before ... */
#ifndef SOUK_SHIM_LOGFILE_H
#define SOUK_SHIM_LOGFILE_H
#include "shim/logline.h"

#define LOG_FILE "log"

struct log_file {
        int dir_fd;               /* borrowed */
        int fd;                   /* -EBADF until the first output */
        uint64_t max_bytes, size; /* of one file, bytes */
        unsigned max_files;
        unsigned failures;        /* writes that were lost: disk full ... */
        struct buf text;          /* lines that are not written yet */
        struct buf part[LOG_STREAM_MAX]; /* the beginning of a line */
};
#define LOG_FILE_INIT { .dir_fd = -EBADF, .fd = -EBADF }

/** log_file_init() - costs nothing: files are made on the first output.  0: the defaults of monitor.h */
void log_file_init(struct log_file *l, int dir_fd, uint64_t max_bytes, unsigned max_files);
/** log_file_write() - whole lines go to the file now; the beginning of one is kept until its end, or 16 KiB, has come.
 * A failure to write loses these lines, never the workload's work. */
void log_file_write(struct log_file *l, enum log_stream stream, const void *p, size_t n);
/** log_file_end() - the stream has ended: what is left is a line of its own */
void log_file_end(struct log_file *l, enum log_stream stream);
void log_file_close(struct log_file *l);
#endif
