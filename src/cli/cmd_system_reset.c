/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk system reset */
#include "confirm.h"
#include "verbs.h"

struct reset_args {
        bool all, force;
};

static int run_reset(const struct cli_call *call) {
        const struct reset_args *a = call->args;
        _cleanup_souk_ struct souk *s = NULL;
        struct souk_err err = {};

        if (a->all && !a->force && !confirm("this removes ALL instances and images of this store."))
                return 0;
        if (souk_open(call->engine, &s, &err) < 0 || souk_reset(s, a->all, &err) < 0)
                return cli_fail(&err);
        return 0;
}

static const struct cli_option options[] = {
        { "all", 'a', CLI_FLAG, offsetof(struct reset_args, all), NULL, "Also remove all instances and images" },
        { "force", 'f', CLI_FLAG, offsetof(struct reset_args, force), NULL, "Do not ask" },
};

const struct cli_verb cmd_system_reset = {
        .name = "system reset",
        .topic = CLI_TOPIC_SYSTEM,
        .synopsis = "[OPTIONS]",
        .summary = "Release what is only kept for speed; with --all, empty the store",
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), {} },
        .args_size = sizeof(struct reset_args),
        .run = run_reset,
};
