/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk rm */
#include "names.h"
#include "verbs.h"

struct rm_args {
        bool force;
};

static int rm_one(struct souk *s, const char *name, const void *args, struct souk_err *err) {
        const struct rm_args *a = args;
        int r = souk_remove(s, name, a->force, err);
        if (r < 0 && a->force &&
            err->code == SOUK_INSTANCE_NOT_FOUND) { /* as Docker: said, but what was asked for is so */
                cli_fail(err);
                return 0;
        }
        if (r >= 0)
                puts(name);
        return r;
}

static int run_rm(const struct cli_call *call) {
        return names_each(call, rm_one, false);
}

static const struct cli_option options[] = {
        { "force", 'f', CLI_FLAG, offsetof(struct rm_args, force), NULL, "Kill running ones first" },
};

const struct cli_verb cmd_rm = {
        .name = "rm",
        .topic = CLI_TOPIC_INSTANCES,
        .synopsis = "[OPTIONS] INSTANCE [INSTANCE...]",
        .summary = "Remove instances and their writable layers",
        .examples =
                (const struct cli_example[]){
                        { "All that have ended", "souk rm $(souk ps -aq --filter status=exited)" },
                        {},
                },
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), {} },
        .args_size = sizeof(struct rm_args),
        .min_operands = 1,
        .max_operands = CLI_ANY,
        .complete = "instances",
        .run = run_rm,
};
