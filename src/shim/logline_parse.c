/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading of log lines: see logline.h.  The files may also be Docker's own, or damaged by a full disk: members may come in
 * any order, unknown ones are skipped (nested values too, to a depth), and what is no JSON object is an error.
 */
#include "shim/logline.h"

#include "base/proc.h"
#include "base/str.h"

#define DEPTH_MAX 16

struct cursor {
        const char *p, *end;
};

static void skip_space(struct cursor *c) {
        while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\r'))
                c->p++;
}

static bool take(struct cursor *c, char ch) {
        skip_space(c);
        if (c->p >= c->end || *c->p != ch)
                return false;
        c->p++;
        return true;
}

static int hex4(struct cursor *c, uint32_t *ret) {
        uint32_t v = 0;
        if (c->end - c->p < 4)
                return -EBADMSG;
        for (int i = 0; i < 4; i++) {
                char ch = *c->p++;
                if (ch >= '0' && ch <= '9')
                        v = v * 16 + (uint32_t) (ch - '0');
                else if ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'f')
                        v = v * 16 + (uint32_t) ((ch | 0x20) - 'a' + 10);
                else
                        return -EBADMSG;
        }
        *ret = v;
        return 0;
}

static int put_code_point(struct buf *out, uint32_t v) {
        char s[4];
        size_t n = 0;
        if (v < 0x80)
                s[n++] = (char) v;
        else if (v < 0x800)
                s[n++] = (char) (0xc0 | v >> 6);
        else if (v < 0x10000) {
                s[n++] = (char) (0xe0 | v >> 12);
                s[n++] = (char) (0x80 | (v >> 6 & 0x3f));
        } else {
                s[n++] = (char) (0xf0 | v >> 18);
                s[n++] = (char) (0x80 | (v >> 12 & 0x3f));
                s[n++] = (char) (0x80 | (v >> 6 & 0x3f));
        }
        if (v >= 0x80)
                s[n++] = (char) (0x80 | (v & 0x3f));
        return buf_append(out, s, n);
}

/* After "\u".  A lone \udc80..\udcff is one byte; any other lone surrogate becomes U+FFFD. */
static int take_unicode(struct cursor *c, struct buf *out) {
        uint32_t v, low;
        int r = hex4(c, &v);
        if (r < 0)
                return r;
        if (v >= 0xd800 && v <= 0xdbff && c->end - c->p >= 6 && c->p[0] == '\\' && c->p[1] == 'u') {
                struct cursor ahead = { c->p + 2, c->end };
                r = hex4(&ahead, &low);
                if (r < 0)
                        return r;
                if (low >= 0xdc00 && low <= 0xdfff) {
                        c->p = ahead.p;
                        return put_code_point(out, 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00));
                }
        }
        if (v >= 0xdc80 && v <= 0xdcff)
                return buf_append(out, &(char){ (char) (v & 0xff) }, 1);
        return put_code_point(out, v >= 0xd800 && v <= 0xdfff ? 0xfffd : v);
}

static int take_escape(struct cursor *c, struct buf *out) {
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        if (c->p >= c->end)
                return -EBADMSG;
        char ch = *c->p++;
        if (ch == 'u')
                return take_unicode(c, out);
        const char *at = ch ? strchr(from, ch) : NULL;
        return at ? buf_append(out, to + (at - from), 1) : -EBADMSG;
}

static int take_string(struct cursor *c, struct buf *out) {
        buf_reset(out);
        if (!take(c, '"'))
                return -EBADMSG;
        while (c->p < c->end) {
                const char *run = c->p;
                while (c->p < c->end && *c->p != '"' && *c->p != '\\' && (uint8_t) *c->p >= 0x20)
                        c->p++;
                int r = buf_append(out, run, (size_t) (c->p - run));
                if (r < 0)
                        return r;
                if (c->p >= c->end)
                        break;
                char ch = *c->p++;
                if (ch == '"')
                        return 0;
                if (ch != '\\' || take_escape(c, out) < 0)
                        return -EBADMSG;
        }
        return -EBADMSG;
}

static int skip_value(struct cursor *c, struct buf *scratch, unsigned depth);

static int skip_members(struct cursor *c, struct buf *scratch, char close, unsigned depth) {
        if (take(c, close))
                return 0;
        do {
                if (close == '}' && (take_string(c, scratch) < 0 || !take(c, ':')))
                        return -EBADMSG;
                if (skip_value(c, scratch, depth + 1) < 0)
                        return -EBADMSG;
        } while (take(c, ','));
        return take(c, close) ? 0 : -EBADMSG;
}

static int skip_value(struct cursor *c, struct buf *scratch, unsigned depth) {
        skip_space(c);
        if (depth > DEPTH_MAX || c->p >= c->end)
                return -EBADMSG;
        if (*c->p == '"')
                return take_string(c, scratch);
        if (take(c, '{'))
                return skip_members(c, scratch, '}', depth);
        if (take(c, '['))
                return skip_members(c, scratch, ']', depth);
        const char *start = c->p; /* number, true, false, null: not ours to judge */
        while (c->p < c->end && ((*c->p >= '0' && *c->p <= '9') || ((*c->p | 0x20) >= 'a' && (*c->p | 0x20) <= 'z') ||
                                 *c->p == '-' || *c->p == '+' || *c->p == '.'))
                c->p++;
        return c->p > start ? 0 : -EBADMSG;
}

enum { HAS_LOG = 1, HAS_STREAM = 2, HAS_TIME = 4 };

static int take_stream(struct cursor *c, struct buf *scratch, struct log_entry *e) {
        if (take_string(c, scratch) < 0 || scratch->len != 6)
                return -EBADMSG;
        if (streq(scratch->data, "stdout"))
                e->stream = LOG_STDOUT;
        else if (streq(scratch->data, "stderr"))
                e->stream = LOG_STDERR;
        else
                return -EBADMSG;
        return HAS_STREAM;
}

static int take_time(struct cursor *c, struct buf *scratch, struct log_entry *e) {
        if (take_string(c, scratch) < 0 || scratch->len >= sizeof(e->time) || scratch->len < 11 || scratch->data[4] != '-' ||
            strspn(scratch->data, "0123456789-+:.TZtz") != scratch->len || time_parse(scratch->data, &e->wall_usec) < 0)
                return -EBADMSG;
        memcpy(e->time, scratch->data, scratch->len + 1);
        return HAS_TIME;
}

/* Return: which member it was (HAS_x), 0 for one that is not ours, -EBADMSG */
static int take_member(struct cursor *c, struct buf *scratch, struct log_entry *e) {
        if (take_string(c, scratch) < 0 || !take(c, ':'))
                return -EBADMSG;
        if (scratch->len == 3 && streq(scratch->data, "log"))
                return take_string(c, &e->text) < 0 ? -EBADMSG : HAS_LOG;
        if (scratch->len == 6 && streq(scratch->data, "stream"))
                return take_stream(c, scratch, e);
        if (scratch->len == 4 && streq(scratch->data, "time"))
                return take_time(c, scratch, e);
        return skip_value(c, scratch, 0);
}

int logline_parse(const char *line, size_t n, struct log_entry *e) {
        struct cursor c = { line, line + n };
        _cleanup_buf_ struct buf scratch = BUF_INIT(LOG_LINE_MAX);
        int has = 0;
        if (!take(&c, '{'))
                return -EBADMSG;
        do {
                int r = take_member(&c, &scratch, e);
                if (r < 0 || (has & r))
                        return -EBADMSG;
                has |= r;
        } while (take(&c, ','));
        if (!take(&c, '}') || has != (HAS_LOG | HAS_STREAM | HAS_TIME))
                return -EBADMSG;
        skip_space(&c);
        return c.p == c.end ? 0 : -EBADMSG;
}
