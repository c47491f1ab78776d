/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk ps */
#include "format.h"
#include "verbs.h"

#include "base/json.h"
#include "base/proc.h"

#define COMMAND_WIDTH 20

struct ps_args {
        bool all, quiet, latest, size, no_trunc;
        int64_t last;
        char **filters;
        const char *format;
};

static const struct format_column columns[] = {
        { "ID", "INSTANCE ID" },      { "Image", "IMAGE" },
        { "Command", "COMMAND" },     { "CreatedAt", "CREATED AT" },
        { "RunningFor", "CREATED" },  { "Status", "STATUS" },
        { "State", "STATE" },         { "Names", "NAMES" },
        { "Labels", "LABELS" },       { "Size", "SIZE" },
        { "Isolation", "ISOLATION" }, {},
};
static const struct format_listing listing = {
        columns, "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}"
};
static const struct format_listing listing_with_size = {
        columns, "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}\t{{.Size}}"
};

static char *status_text(const struct souk_instance *i, uint64_t now) {
        char since[64];
        switch (i->state) {
        case SOUK_STATE_CREATED:
                return xstrdup("Created");
        case SOUK_STATE_STARTING:
                return xstrdup("Starting");
        case SOUK_STATE_RUNNING:
                return xasprintf("Up %s",
                                 str_since(now > i->started_at ? now - i->started_at : 0, since, sizeof(since)));
        case SOUK_STATE_EXITED:
                return xasprintf("Exited (%d) %s ago", i->exit_status,
                                 str_since(now > i->finished_at ? now - i->finished_at : 0, since, sizeof(since)));
        case SOUK_STATE_MAX:
                break;
        }
        return xstrdup("Unknown");
}

static void row_set_take(json_t *row, const char *field, char *text_take) {
        row_set(row, field, text_take);
        free(text_take);
}

static char *command_text(const struct souk_instance *i, bool whole) {
        _cleanup_free_ char *line = strv_join(i->command, " ");
        _cleanup_free_ char *shown = column_ellipsis(line ? line : "", whole ? SIZE_MAX : COMMAND_WIDTH);
        return xasprintf("\"%s\"", shown);
}

static json_t *instance_row(const struct souk_instance *i, const struct ps_args *a, uint64_t now) {
        json_t *row = json_object();
        bool by_id = str_startswith(i->image ? i->image : "", "sha256:");
        row_set_take(row, "Command", command_text(i, a->no_trunc));
        row_set_take(row, "CreatedAt", column_time(i->created_at));
        row_set_take(row, "ID", column_id(i->id, a->no_trunc));
        row_set_take(row, "Image", by_id ? column_id(i->image, a->no_trunc) : name_familiar(i->image ? i->image : ""));
        row_set(row, "Isolation", i->isolation == SOUK_ISOLATION_VM ? "vm" : "container");
        row_set_take(row, "Labels", strv_join(i->labels, ","));
        row_set(row, "Names", i->name);
        row_set_take(row, "RunningFor", column_ago(i->created_at, now));
        row_set_take(row, "Size", a->size ? column_size(i->size_rw) : xstrdup(""));
        row_set(row, "State", souk_state_name(i->state));
        row_set_take(row, "Status", status_text(i, now));
        return row;
}

static json_t *instance_rows(const struct souk_instance *v, size_t n, const struct ps_args *a) {
        json_t *rows = json_array();
        uint64_t now = now_wall_usec();
        for (size_t i = 0; i < n; i++)
                json_array_append_new(rows, instance_row(&v[i], a, now));
        return rows;
}

static int run_ps(const struct cli_call *call) {
        const struct ps_args *a = call->args;
        _cleanup_souk_ struct souk *s = NULL;
        struct souk_instance *v = NULL;
        struct souk_err err = {};
        size_t n = 0;
        struct souk_list_request r = {
                .all = a->all || a->latest || a->last >= 0,
                .size = a->size,
                .filters = CONST_STRV(a->filters),
                .last = a->latest     ? 1
                        : a->last > 0 ? (uint32_t) MIN(a->last, UINT32_MAX)
                                      : 0,
        };

        const char *format = a->quiet && !a->format ? "{{.ID}}" : a->format;
        if (format_check(format, &err) < 0 || souk_open(call->engine, &s, &err) < 0 ||
            souk_list(s, &r, &v, &n, &err) < 0)
                return cli_fail(&err);
        json_t *rows = instance_rows(v, a->last == 0 && !a->latest ? 0 : n, a);
        souk_instances_free(v, n);
        int ok = format_rows(stdout, a->size ? &listing_with_size : &listing, format, rows, &err);
        json_decref(rows);
        return ok < 0 ? cli_fail(&err) : 0;
}

static const struct cli_option options[] = {
        { "all", 'a', CLI_FLAG, offsetof(struct ps_args, all), NULL, "Show all, not only running ones" },
        { "filter", 'f', CLI_STRV, offsetof(struct ps_args, filters), "KEY=VALUE",
          "Show those that match: id, name, status, label, ancestor (may be repeated)" },
        { "format", 0, CLI_STRING, offsetof(struct ps_args, format), "FORMAT",
          "table, json, or a template: see souk-format(7)" },
        { "last", 'n', CLI_I64, offsetof(struct ps_args, last), "N", "Show the N newest, in any state" },
        { "latest", 'l', CLI_FLAG, offsetof(struct ps_args, latest), NULL, "Show the newest, in any state" },
        { "no-trunc", 0, CLI_FLAG, offsetof(struct ps_args, no_trunc), NULL, "Show ids and commands whole" },
        { "quiet", 'q', CLI_FLAG, offsetof(struct ps_args, quiet), NULL, "Show ids only" },
        { "size", 's', CLI_FLAG, offsetof(struct ps_args, size), NULL, "Show the sizes of the writable layers" },
};

const struct cli_verb cmd_ps = {
        .name = "ps",
        .topic = CLI_TOPIC_INSTANCES,
        .synopsis = "[OPTIONS]",
        .summary = "List instances",
        .description = "List running instances; with --all, the others too.",
        .examples =
                (const struct cli_example[]){
                        { "Names and states", "souk ps -a --format 'table {{.Names}}\\t{{.Status}}'" },
                        { "For a program", "souk ps -a --format json" },
                        {},
                },
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), {} },
        .defaults = &(const struct ps_args){ .last = -1 },
        .args_size = sizeof(struct ps_args),
        .run = run_ps,
};
