/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Progress of loading. */
#include "progress.h"

#include "base/buf.h"
#include "base/proc.h"
#include "format.h"

#include <sys/ioctl.h>

#define REDRAW_USEC 100000

void progress_init(struct progress *p, bool quiet, FILE *out) {
        struct winsize w = {};
        int fd = fileno(out);
        *p = (struct progress){ .quiet = quiet, .out = out, .max_rows = 16, .width = 80 };
        p->terminal = !quiet && fd >= 0 && isatty(fd);
        if (p->terminal && ioctl(fd, TIOCGWINSZ, &w) >= 0 && w.ws_row > 2 && w.ws_col > 20) {
                p->max_rows = w.ws_row - 2u;
                p->width = w.ws_col;
        }
}

static struct progress_row *row_find(struct progress *p, const char *name) {
        for (size_t i = 0; i < p->n_rows; i++)
                if (streq(p->rows[i].name, name))
                        return &p->rows[i];
        return NULL;
}

static struct progress_row *row_get(struct progress *p, const char *name) {
        struct progress_row *row = row_find(p, name);
        if (row)
                return row;
        p->rows = xreallocarray(p->rows, p->n_rows + 1, sizeof(*p->rows));
        row = &p->rows[p->n_rows++];
        *row = (struct progress_row){ .name = xstrdup(name) };
        return row;
}

static void row_remove(struct progress *p, const char *name) {
        struct progress_row *row = row_find(p, name);
        if (!row)
                return;
        free(row->name);
        memmove(row, row + 1, (size_t) (p->rows + p->n_rows - (row + 1)) * sizeof(*row));
        p->n_rows--;
}

static char *row_text(const struct progress_row *row) {
        _cleanup_free_ char *id = column_id(row->name, false), *safe = str_printable(id);
        _cleanup_free_ char *done = column_size(row->done), *total = column_size(row->total);
        if (row->total == 0)
                return xasprintf("%s  loading  %s", safe, done);
        unsigned percent = (unsigned) (MIN(row->done, row->total) * 100.0 / row->total);
        return xasprintf("%s  loading  %s / %s  %u%%", safe, done, total, percent);
}

/* One write for the frame: up over the old lines, a line that stays (or NULL), then what is under way. */
static void draw(struct progress *p, const char *stays) {
        _cleanup_buf_ struct buf b = BUF_INIT(0);
        if (p->n_drawn > 0)
                buf_addf(&b, "\r\033[%zuA", p->n_drawn);
        buf_add(&b, "\033[J");
        if (stays)
                buf_addf(&b, "%s\n", stays);
        p->n_drawn = MIN(p->n_rows, p->max_rows);
        for (size_t i = 0; i < p->n_drawn; i++) {
                _cleanup_free_ char *text = row_text(&p->rows[i]);
                buf_addf(&b, "%.*s\n", (int) p->width - 1, text);
        }
        fwrite(b.data, 1, b.len, p->out);
        fflush(p->out);
        p->drawn_usec = now_usec();
}

void progress_event(const struct souk_progress *e, void *user) {
        struct progress *p = user;
        if (p->quiet || e->kind != SOUK_PROGRESS_LAYER || !e->name)
                return;
        if (!e->finished) {
                bool is_new = !row_find(p, e->name);
                struct progress_row *row = row_get(p, e->name);
                row->done = e->done;
                row->total = e->total;
                if (p->terminal && (is_new || now_usec() - p->drawn_usec >= REDRAW_USEC))
                        draw(p, NULL);
                return;
        }
        row_remove(p, e->name);
        _cleanup_free_ char *id = column_id(e->name, false), *safe = str_printable(id),
                            *size = column_size(MAX(e->done, e->total));
        _cleanup_free_ char *line =
                e->cached ? xasprintf("%s  already there", safe) : xasprintf("%s  loaded  %s", safe, size);
        if (p->terminal)
                draw(p, line);
        else
                fprintf(p->out, "%s\n", line);
}

void progress_end(struct progress *p) {
        while (p->n_rows > 0)
                row_remove(p, p->rows[0].name);
        if (p->terminal && p->n_drawn > 0)
                draw(p, NULL);
        free(TAKE_PTR(p->rows));
}
