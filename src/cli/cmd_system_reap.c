/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk system reap: what the shim runs when the workload has ended */
#include "names.h"
#include "verbs.h"

static int reap_one(struct souk *s, const char *name, const void *args, struct souk_err *err) {
        return souk_reap(s, name, err);
}

static int run_reap(const struct cli_call *call) {
        return names_each(call, reap_one, false);
}

const struct cli_verb cmd_system_reap = {
        .name = "system reap",
        .topic = CLI_TOPIC_HIDDEN,
        .synopsis = "INSTANCE [INSTANCE...]",
        .summary = "Finish instances whose workload has ended",
        .min_operands = 1,
        .max_operands = CLI_ANY,
        .complete = "instances",
        .run = run_reap,
};
