/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk help */
#include "verbs.h"

static int run_help(const struct cli_call *call) {
        struct souk_err err = {};
        size_t used = 0;

        if (call->n_operands == 0) {
                cli_help_top(stdout);
                return 0;
        }
        const struct cli_verb *verb = cli_verb_find(call->operands, &used);
        if (verb && used == call->n_operands) {
                cli_help_verb(stdout, verb);
                return 0;
        }
        const struct cli_group *group = cli_group_find(call->operands[0]);
        if (group && call->n_operands == 1) {
                cli_help_group(stdout, group);
                return 0;
        }
        _cleanup_free_ char *words = strv_join((char *const *) call->operands, " ");
        const char *nearest = group ? NULL : cli_verb_suggest(call->operands[0], NULL);
        if (nearest)
                souk_err_set(&err, SOUK_USAGE, -EINVAL, "'%s' is not a souk command (did you mean '%s'?)", words,
                             nearest);
        else
                souk_err_set(&err, SOUK_USAGE, -EINVAL, "'%s' is not a souk command", words);
        return cli_fail(&err);
}

const struct cli_verb cmd_help = {
        .name = "help",
        .topic = CLI_TOPIC_SYSTEM,
        .synopsis = "[COMMAND]",
        .summary = "Show help about a command",
        .max_operands = 2,
        .complete = "commands",
        .run = run_help,
};
