/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk image inspect */
#include "inspect.h"
#include "verbs.h"

struct image_inspect_args {
        const char *format;
};

static int inspect_one(struct souk *s, const char *name, const void *args, char **ret, struct souk_err *err) {
        return souk_image_inspect(s, name, ret, err);
}

static int run_image_inspect(const struct cli_call *call) {
        const struct image_inspect_args *a = call->args;
        return inspect_each(call, inspect_one, a->format);
}

static const struct cli_option options[] = {
        { "format", 'f', CLI_STRING, offsetof(struct image_inspect_args, format), "FORMAT",
          "json, or a template: see souk-format(7)" },
};

const struct cli_verb cmd_image_inspect = {
        .name = "image inspect",
        .topic = CLI_TOPIC_IMAGES,
        .synopsis = "[OPTIONS] IMAGE [IMAGE...]",
        .summary = "Show everything about images, as JSON",
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), {} },
        .args_size = sizeof(struct image_inspect_args),
        .min_operands = 1,
        .max_operands = CLI_ANY,
        .complete = "images",
        .run = run_image_inspect,
};
