/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk internal complete: what the completion scripts call */
#include "complete.h"
#include "verbs.h"

static int run_complete(const struct cli_call *call) {
        complete_words(stdout, call->operands, call->n_operands);
        return 0;
}

const struct cli_verb cmd_internal_complete = {
        .name = "internal complete",
        .topic = CLI_TOPIC_HIDDEN,
        .flags = CLI_VERB_STOP_AT_OPERAND,
        .synopsis = "-- WORD...",
        .summary = "Print what may come next on a command line",
        .max_operands = CLI_ANY,
        .run = run_complete,
};
