/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk images */
#include "format.h"
#include "verbs.h"

#include "base/json.h"
#include "base/proc.h"

struct images_args {
        bool all, quiet, no_trunc, digests;
        char **filters;
        const char *format;
};
struct images_filter {
        enum cli_tri dangling;
        const char *reference;
};

static const struct format_column columns[] = {
        { "Repository", "REPOSITORY" },
        { "Tag", "TAG" },
        { "Digest", "DIGEST" },
        { "ID", "IMAGE ID" },
        { "CreatedSince", "CREATED" },
        { "Size", "SIZE" },
        { "CreatedAt", "CREATED AT" },
        { "Containers", "INSTANCES" },
        {},
};
static const struct format_listing listing = { columns,
                                               "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}" };
static const struct format_listing listing_with_digests = {
        columns, "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"
};

/* One row for each name.  @name: NULL for a nameless image. */
static json_t *image_row(const struct souk_image *i, const char *name, const struct images_args *a, uint64_t now) {
        json_t *row = json_object();
        _cleanup_free_ char *familiar = name ? name_familiar(name) : NULL, *repository = NULL, *tag = NULL,
                            *digest = NULL;
        _cleanup_free_ char *at = column_time(i->created_at), *ago = column_ago(i->created_at, now),
                            *size = column_size(i->size), *id = column_id(i->id, a->no_trunc);
        if (familiar)
                name_split(familiar, &repository, &tag, &digest);
        row_setf(row, "Containers", "%u", i->n_instances);
        row_set(row, "CreatedAt", at);
        row_set(row, "CreatedSince", ago);
        row_set(row, "Digest", digest ? digest : i->digest ? i->digest : "<none>");
        row_set(row, "ID", id);
        row_set(row, "Repository", repository ? repository : "<none>");
        row_set(row, "Size", size);
        row_set(row, "Tag", tag ? tag : "<none>");
        return row;
}

static json_t *image_rows(const struct souk_image *v, size_t n, const struct images_args *a,
                          const struct images_filter *f) {
        json_t *rows = json_array();
        uint64_t now = now_wall_usec();
        for (size_t i = 0; i < n; i++) {
                bool dangling = strv_len(v[i].names) == 0;
                if (f->dangling != CLI_UNSET && dangling != (f->dangling == CLI_YES))
                        continue;
                if (dangling || a->quiet) /* an id once, however many names */
                        json_array_append_new(rows, image_row(&v[i], dangling ? NULL : v[i].names[0], a, now));
                else
                        for (char **name = v[i].names; *name; name++)
                                json_array_append_new(rows, image_row(&v[i], *name, a, now));
        }
        return rows;
}

static int parse_filters(char *const *filters, struct images_filter *ret, struct souk_err *err) {
        for (; filters && *filters; filters++) {
                const char *value;
                if ((value = str_startswith(*filters, "reference=")))
                        ret->reference = value;
                else if ((value = str_startswith(*filters, "dangling=")) &&
                         (streq(value, "true") || streq(value, "false")))
                        ret->dangling = streq(value, "true") ? CLI_YES : CLI_NO;
                else
                        return souk_err_set(err, SOUK_USAGE, -EINVAL,
                                            "invalid filter '%s': known are dangling=true|false and reference=PATTERN",
                                            *filters);
        }
        return 0;
}

static int run_images(const struct cli_call *call) {
        const struct images_args *a = call->args;
        struct images_filter filter = { .reference = call->operands[0] };
        _cleanup_souk_ struct souk *s = NULL;
        struct souk_image *v = NULL;
        struct souk_err err = {};
        size_t n = 0;

        const char *format = a->quiet && !a->format ? "{{.ID}}" : a->format;
        if (parse_filters(a->filters, &filter, &err) < 0 || format_check(format, &err) < 0 ||
            souk_open(call->engine, &s, &err) < 0 || souk_images(s, filter.reference, &v, &n, &err) < 0)
                return cli_fail(&err);
        json_t *rows = image_rows(v, n, a, &filter);
        souk_images_free(v, n);
        int ok = format_rows(stdout, a->digests ? &listing_with_digests : &listing, format, rows, &err);
        json_decref(rows);
        return ok < 0 ? cli_fail(&err) : 0;
}

static const struct cli_option options[] = {
        { "all", 'a', CLI_FLAG, offsetof(struct images_args, all), NULL,
          "Show all (there are no intermediate images: no effect)" },
        { "digests", 0, CLI_FLAG, offsetof(struct images_args, digests), NULL, "Show the digests of the manifests" },
        { "filter", 'f', CLI_STRV, offsetof(struct images_args, filters), "KEY=VALUE",
          "Show those that match: dangling=true|false, reference=PATTERN" },
        { "format", 0, CLI_STRING, offsetof(struct images_args, format), "FORMAT",
          "table, json, or a template: see souk-format(7)" },
        { "no-trunc", 0, CLI_FLAG, offsetof(struct images_args, no_trunc), NULL, "Show ids whole" },
        { "quiet", 'q', CLI_FLAG, offsetof(struct images_args, quiet), NULL, "Show ids only" },
};

const struct cli_verb cmd_images = {
        .name = "images",
        .aliases = (const char *const[]){ "image ls", "image list", NULL },
        .topic = CLI_TOPIC_IMAGES,
        .synopsis = "[OPTIONS] [NAME[:TAG]]",
        .summary = "List images",
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), {} },
        .args_size = sizeof(struct images_args),
        .max_operands = 1,
        .complete = "images",
        .run = run_images,
};
