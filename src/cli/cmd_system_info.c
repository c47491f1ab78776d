/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk system info */
#include "format.h"
#include "template.h"
#include "verbs.h"

#include "base/json.h"

struct info_args {
        const char *format;
};

static void print_value(const json_t *v, int indent);

/* Values that need lines of their own: objects, and lists of them or of sentences. */
static bool is_nested(const json_t *v) {
        for (size_t i = 0; i < json_array_size(v); i++) {
                const char *text = json_string_value(json_array_get(v, i));
                if (!text || strchr(text, ' '))
                        return true;
        }
        return json_is_object(v);
}

static char *value_text(const json_t *v) {
        _cleanup_buf_ struct buf b = BUF_INIT(0);
        if (json_is_array(v) && json_array_size(v) == 0)
                buf_add(&b, "none");
        for (size_t i = 0; i < json_array_size(v); i++)
                buf_addf(&b, "%s%s", i ? " " : "", json_string_value(json_array_get(v, i)));
        if (!json_is_array(v) && !json_is_null(v) && template_value_text(v, &b) < 0)
                buf_reset(&b);
        return str_printable(b.len ? b.data : "");
}

static void print_entry(const char *key, const json_t *v, int indent) {
        _cleanup_free_ char *safe = str_printable(key);
        if (is_nested(v)) {
                printf("%*s%s\n", indent, "", safe);
                print_value(v, indent + 2);
                return;
        }
        _cleanup_free_ char *text = value_text(v);
        printf("%*s%s %s\n", indent, "", safe, text);
}

/* Objects as "Key: value" lines, two columns deeper for each level. */
static void print_value(const json_t *v, int indent) {
        const char *key;
        json_t *value;
        json_object_foreach((json_t *) v, key, value) {
                _cleanup_free_ char *label = xasprintf("%s:", key);
                print_entry(label, value, indent);
        }
        for (size_t i = 0; i < json_array_size(v); i++)
                print_entry("-", json_array_get(v, i), indent);
}

static int run_info(const struct cli_call *call) {
        const struct info_args *a = call->args;
        _cleanup_souk_ struct souk *s = NULL;
        _cleanup_souk_free_ char *text = NULL;
        struct souk_err err = {};
        json_t *info = NULL;

        if (format_check(a->format, &err) < 0 || souk_open(call->engine, &s, &err) < 0 ||
            souk_info(s, &text, &err) < 0 || json_parse_text(text, strlen(text), "system info", &info, &err) < 0)
                return cli_fail(&err);
        int r = 0;
        if (a->format) {
                json_t *objects = json_pack("[O]", info);
                r = format_objects(stdout, a->format, objects, &err);
                json_decref(objects);
        } else
                print_value(info, 0);
        json_decref(info);
        return r < 0 ? cli_fail(&err) : 0;
}

static const struct cli_option options[] = {
        { "format", 'f', CLI_STRING, offsetof(struct info_args, format), "FORMAT",
          "json, or a template: see souk-format(7)" },
};

const struct cli_verb cmd_system_info = {
        .name = "system info",
        .aliases = (const char *const[]){ "info", NULL },
        .topic = CLI_TOPIC_SYSTEM,
        .synopsis = "[OPTIONS]",
        .summary = "Show the store, the drivers, and what this kernel can do",
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), {} },
        .args_size = sizeof(struct info_args),
        .run = run_info,
};
