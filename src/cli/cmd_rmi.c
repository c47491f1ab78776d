/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk rmi */
#include "names.h"
#include "verbs.h"

struct rmi_args {
        bool force;
};

static int rmi_one(struct souk *s, const char *name, const void *args, struct souk_err *err) {
        const struct rmi_args *a = args;
        _cleanup_souk_strv_ char **lines = NULL;
        int r = souk_image_remove(s, name, a->force, &lines, err);
        for (char **l = lines; r >= 0 && l && *l; l++) {
                _cleanup_free_ char *safe = str_printable(*l);
                puts(safe);
        }
        return r;
}

static int run_rmi(const struct cli_call *call) {
        return names_each(call, rmi_one, false);
}

static const struct cli_option options[] = {
        { "force", 'f', CLI_FLAG, offsetof(struct rmi_args, force), NULL,
          "Remove an image that has several names by its id" },
};

const struct cli_verb cmd_rmi = {
        .name = "rmi",
        .aliases = (const char *const[]){ "image rm", "image remove", NULL },
        .topic = CLI_TOPIC_IMAGES,
        .synopsis = "[OPTIONS] IMAGE [IMAGE...]",
        .summary = "Remove images",
        .description = "Remove names of images; with its last name the image itself, unless an instance uses it.",
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), {} },
        .args_size = sizeof(struct rmi_args),
        .min_operands = 1,
        .max_operands = CLI_ANY,
        .complete = "images",
        .run = run_rmi,
};
