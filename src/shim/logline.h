/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line of a log file, as Docker's json-file driver has it: {"log":"text\n","stream":"stdout","time":"RFC3339Nano"}
 *
 * A workload's output is bytes, JSON is text.  Valid UTF-8 stands as it is; each byte that is not part of a valid sequence
 * is written as the lone surrogate \udc80 .. \udcff (Python's "surrogateescape").  So our reader gives back the
 * very bytes, and any other reader shows a replacement character in the same place, as it would in Docker's own files.
 */
#ifndef SOUK_SHIM_LOGLINE_H
#define SOUK_SHIM_LOGLINE_H
#include "base/buf.h"

#define LOG_ENTRY_MAX 16384u /* bytes of output in one entry; longer lines continue in the next, as Docker splits them */
#define LOG_LINE_MAX (1u << 20) /* what the reader accepts, with the JSON around it */
#define LOG_TIME_SIZE 36

enum log_stream { LOG_STDOUT, LOG_STDERR, LOG_STREAM_MAX };

/** logline_time() - "2026-12-01T14:06:34.123456789Z"; no time zone file is read for it */
void logline_time(uint64_t wall_nsec, char ret[LOG_TIME_SIZE]);
/** logline_format() - append one line to @b, which must have room (6 * n + 128 bytes) */
void logline_format(struct buf *b, enum log_stream stream, const char *time, const void *p, size_t n);

struct log_entry {
        enum log_stream stream;
        struct buf text;              /* reused from line to line */
        char time[LOG_TIME_SIZE];
        uint64_t wall_usec;
};
/** logline_parse() - one line without its newline.  0 or -EBADMSG */
_must_check_ int logline_parse(const char *line, size_t n, struct log_entry *e);
#endif
