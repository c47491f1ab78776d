/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk completion */
#include "complete.h"
#include "verbs.h"

static int run_completion(const struct cli_call *call) {
        const char *text = completion_script(call->operands[0]);
        if (!text) {
                struct souk_err err = {};
                souk_err_set(&err, SOUK_USAGE, -EINVAL, "no completion for '%s': known are bash, zsh and fish",
                             call->operands[0]);
                return cli_fail(&err);
        }
        fputs(text, stdout);
        return 0;
}

const struct cli_verb cmd_completion = {
        .name = "completion",
        .topic = CLI_TOPIC_SYSTEM,
        .synopsis = "bash|zsh|fish",
        .summary = "Print the completion script of a shell",
        .examples =
                (const struct cli_example[]){
                        { "For this bash", "source <(souk completion bash)" },
                        { "For every zsh of yours", "souk completion zsh > \"${fpath[1]}/_souk\"" },
                        { "For every fish of yours", "souk completion fish > ~/.config/fish/completions/souk.fish" },
                        {},
                },
        .min_operands = 1,
        .max_operands = 1,
        .complete = "bash zsh fish",
        .run = run_completion,
};
