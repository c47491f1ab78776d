/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk inspect: names are looked for among instances first, then images. */
#include "inspect.h"
#include "verbs.h"

enum inspect_type { INSPECT_ANY, INSPECT_INSTANCE, INSPECT_IMAGE, INSPECT_CONTAINER };
static const char *const types[] = {
        [INSPECT_ANY] = "any",
        [INSPECT_INSTANCE] = "instance",
        [INSPECT_IMAGE] = "image",
        [INSPECT_CONTAINER] = "container",
        NULL,
};

struct inspect_args {
        const char *format;
        bool size;
        int type;
};

static int inspect_one(struct souk *s, const char *name, const void *args, char **ret, struct souk_err *err) {
        const struct inspect_args *a = args;
        if (a->type == INSPECT_IMAGE)
                return souk_image_inspect(s, name, ret, err);
        int r = souk_inspect(s, name, a->size, ret, err);
        if (r >= 0 || a->type != INSPECT_ANY || err->code != SOUK_INSTANCE_NOT_FOUND)
                return r;
        *err = (struct souk_err){};
        r = souk_image_inspect(s, name, ret, err);
        if (r < 0 && err->code == SOUK_IMAGE_NOT_FOUND)
                return souk_err_set(err, SOUK_NOT_FOUND, r, "no instance and no image is called '%s'", name);
        return r;
}

static int run_inspect(const struct cli_call *call) {
        const struct inspect_args *a = call->args;
        return inspect_each(call, inspect_one, a->format);
}

static const struct cli_option options[] = {
        { "format", 'f', CLI_STRING, offsetof(struct inspect_args, format), "FORMAT",
          "json, or a template: see souk-format(7)" },
        { "size", 's', CLI_FLAG, offsetof(struct inspect_args, size), NULL, "Measure the writable layer of instances" },
        { "type", 0, CLI_CHOICE, offsetof(struct inspect_args, type), "TYPE",
          "Look only among these: instance (or container), image", .choices = types },
};

const struct cli_verb cmd_inspect = {
        .name = "inspect",
        .topic = CLI_TOPIC_INSTANCES,
        .synopsis = "[OPTIONS] NAME [NAME...]",
        .summary = "Show everything about instances or images, as JSON",
        .description = "Show everything about instances or images, as a JSON array. Names are looked for among "
                       "instances first.",
        .examples =
                (const struct cli_example[]){
                        { "One value", "souk inspect -f '{{.State.Status}}' web" },
                        { "The environment, a variable on a line",
                          "souk inspect -f '{{range .Config.Env}}{{println .}}{{end}}' web" },
                        {},
                },
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), {} },
        .args_size = sizeof(struct inspect_args),
        .min_operands = 1,
        .max_operands = CLI_ANY,
        .complete = "instances",
        .run = run_inspect,
};
