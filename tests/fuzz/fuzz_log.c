/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log lines: any text as a file to read, and any bytes as output that must come back as they were. */
#include "base/str.h"
#include "shim/logline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_lines(const char *p, size_t size) {
        struct log_entry e = { .text = BUF_INIT(LOG_LINE_MAX) };
        for (const char *end = p + size; p < end;) {
                const char *newline = memchr(p, '\n', (size_t) (end - p));
                size_t n = (size_t) ((newline ? newline : end) - p);
                if (logline_parse(p, n, &e) == 0 && (e.text.len > n || strlen(e.time) >= LOG_TIME_SIZE))
                        abort();
                p += n + 1;
        }
        buf_free(&e.text);
}

static void round_trip(const void *p, size_t n) {
        struct log_entry e = { .text = BUF_INIT(LOG_LINE_MAX) };
        struct buf b = {};
        n = MIN(n, (size_t) LOG_ENTRY_MAX);
        logline_format(&b, LOG_STDERR, "2026-12-01T14:06:34.123456789Z", p, n);
        if (b.data[b.len - 1] != '\n' || logline_parse(b.data, b.len - 1, &e) < 0 || e.text.len != n || (n && memcmp(e.text.data, p, n) != 0))
                abort();
        buf_free(&e.text);
        buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *copy = xmemdup(data, size); /* exact size: reading past it is seen */
        read_lines(copy, size);
        round_trip(copy, size);
        free(copy);
        return 0;
}
