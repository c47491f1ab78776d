/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk image prune */
#include "confirm.h"
#include "format.h"
#include "verbs.h"

struct prune_args {
        bool all, force;
};

static int run_prune(const struct cli_call *call) {
        const struct prune_args *a = call->args;
        _cleanup_souk_ struct souk *s = NULL;
        _cleanup_souk_strv_ char **lines = NULL;
        struct souk_err err = {};
        uint64_t bytes = 0;

        if (!a->force && !confirm(a->all ? "this removes all images that no instance uses."
                                         : "this removes all images that have no name and that no instance uses."))
                return 0;
        if (souk_open(call->engine, &s, &err) < 0 || souk_image_prune(s, a->all, &lines, &bytes, &err) < 0)
                return cli_fail(&err);
        for (char **l = lines; l && *l; l++) {
                _cleanup_free_ char *safe = str_printable(*l);
                puts(safe);
        }
        _cleanup_free_ char *size = column_size(bytes);
        printf("Total reclaimed space: %s\n", size);
        return 0;
}

static const struct cli_option options[] = {
        { "all", 'a', CLI_FLAG, offsetof(struct prune_args, all), NULL,
          "Remove all that no instance uses, not only nameless ones" },
        { "force", 'f', CLI_FLAG, offsetof(struct prune_args, force), NULL, "Do not ask" },
};

const struct cli_verb cmd_image_prune = {
        .name = "image prune",
        .topic = CLI_TOPIC_IMAGES,
        .synopsis = "[OPTIONS]",
        .summary = "Remove images that nothing uses",
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), {} },
        .args_size = sizeof(struct prune_args),
        .run = run_prune,
};
