/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk image history */
#include "format.h"
#include "verbs.h"

#include "base/json.h"
#include "base/proc.h"

#define CREATED_BY_WIDTH 45

struct history_args {
        bool human, no_trunc, quiet;
        const char *format;
};

static const struct format_column columns[] = {
        { "ID", "IMAGE" },
        { "CreatedSince", "CREATED" },
        { "CreatedAt", "CREATED AT" },
        { "CreatedBy", "CREATED BY" },
        { "Size", "SIZE" },
        { "Comment", "COMMENT" },
        {},
};
static const struct format_listing listing = { columns,
                                               "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}" };
static const struct format_listing listing_exact = {
        columns, "{{.ID}}\t{{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"
};

/* Instructions span lines; a cell does not. */
static char *one_line(const char *s) {
        char *out = xstrdup(s ? s : ""), *o = out;
        for (const char *p = out; *p; p++) {
                bool space = *p == '\n' || *p == '\t' || *p == ' ';
                if (!space)
                        *o++ = *p;
                else if (o > out && o[-1] != ' ')
                        *o++ = ' ';
        }
        *o = '\0';
        return out;
}

static json_t *history_row(const struct souk_history *h, const struct history_args *a, uint64_t now) {
        json_t *row = json_object();
        _cleanup_free_ char *by = one_line(h->created_by);
        _cleanup_free_ char *shown = column_ellipsis(by, a->no_trunc ? SIZE_MAX : CREATED_BY_WIDTH);
        _cleanup_free_ char *at = column_time(h->created_at), *ago = column_ago(h->created_at, now);
        _cleanup_free_ char *id = column_id(h->id ? h->id : "<missing>", a->no_trunc);
        row_set(row, "Comment", h->comment);
        row_set(row, "CreatedAt", at);
        row_set(row, "CreatedBy", shown);
        row_set(row, "CreatedSince", ago);
        row_set(row, "ID", id);
        if (a->human) {
                _cleanup_free_ char *size = column_size(h->size);
                row_set(row, "Size", size);
        } else
                row_setf(row, "Size", "%llu", (unsigned long long) h->size);
        return row;
}

static int run_history(const struct cli_call *call) {
        const struct history_args *a = call->args;
        _cleanup_souk_ struct souk *s = NULL;
        struct souk_history *v = NULL;
        struct souk_err err = {};
        size_t n = 0;

        const char *format = a->quiet && !a->format ? "{{.ID}}" : a->format;
        if (format_check(format, &err) < 0 || souk_open(call->engine, &s, &err) < 0 ||
            souk_image_history(s, call->operands[0], &v, &n, &err) < 0)
                return cli_fail(&err);
        json_t *rows = json_array();
        uint64_t now = now_wall_usec();
        for (size_t i = 0; i < n; i++)
                json_array_append_new(rows, history_row(&v[i], a, now));
        souk_history_free(v, n);
        int ok = format_rows(stdout, a->human ? &listing : &listing_exact, format, rows, &err);
        json_decref(rows);
        return ok < 0 ? cli_fail(&err) : 0;
}

static const struct cli_option options[] = {
        { "format", 0, CLI_STRING, offsetof(struct history_args, format), "FORMAT",
          "table, json, or a template: see souk-format(7)" },
        { "human", 'H', CLI_FLAG, offsetof(struct history_args, human), NULL,
          "Sizes and times for people (default true)" },
        { "no-trunc", 0, CLI_FLAG, offsetof(struct history_args, no_trunc), NULL, "Show instructions whole" },
        { "quiet", 'q', CLI_FLAG, offsetof(struct history_args, quiet), NULL, "Show ids only" },
};

const struct cli_verb cmd_image_history = {
        .name = "image history",
        .aliases = (const char *const[]){ "history", NULL },
        .topic = CLI_TOPIC_IMAGES,
        .synopsis = "[OPTIONS] IMAGE",
        .summary = "Show how an image was made",
        .description = "Show the instructions that made an image, the newest first, with the size of each one's layer.",
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), {} },
        .defaults = &(const struct history_args){ .human = true },
        .args_size = sizeof(struct history_args),
        .min_operands = 1,
        .max_operands = 1,
        .complete = "images",
        .run = run_history,
};
