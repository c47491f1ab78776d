/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk system check */
#include "verbs.h"

struct check_args {
        bool repair;
};

static int run_check(const struct cli_call *call) {
        const struct check_args *a = call->args;
        _cleanup_souk_ struct souk *s = NULL;
        _cleanup_souk_strv_ char **lines = NULL;
        struct souk_err err = {};

        int left = souk_open(call->engine, &s, &err);
        if (left >= 0)
                left = souk_check(s, a->repair, &lines, &err);
        if (left < 0)
                return cli_fail(&err);
        for (char **l = lines; l && *l; l++) {
                _cleanup_free_ char *safe = str_printable(*l);
                puts(safe);
        }
        if (strv_len(lines) == 0)
                puts("No problems found.");
        else if (left > 0 && !a->repair)
                puts("Run 'souk system check --repair' to mend them.");
        return left > 0 ? CLI_EXIT_SOME_FAILED : 0;
}

static const struct cli_option options[] = {
        { "repair", 0, CLI_FLAG, offsetof(struct check_args, repair), NULL, "Mend what is found" },
};

const struct cli_verb cmd_system_check = {
        .name = "system check",
        .topic = CLI_TOPIC_SYSTEM,
        .synopsis = "[OPTIONS]",
        .summary = "Find, and mend, what a crash left behind",
        .description =
                "Compare the records with what is on disk, in cgroups and among mounts, and print what does not fit. "
                "The exit status is 1 when something is left to mend.",
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), {} },
        .args_size = sizeof(struct check_args),
        .run = run_check,
};
