/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk wait */
#include "names.h"
#include "verbs.h"

static int wait_one(struct souk *s, const char *name, const void *args, struct souk_err *err) {
        int status = 0;
        int r = souk_wait(s, name, &status, err);
        if (r >= 0) {
                printf("%d\n", status);
                fflush(stdout);
        }
        return r;
}

static int run_wait(const struct cli_call *call) {
        return names_each(call, wait_one, false);
}

const struct cli_verb cmd_wait = {
        .name = "wait",
        .topic = CLI_TOPIC_INSTANCES,
        .synopsis = "INSTANCE [INSTANCE...]",
        .summary = "Wait until instances end and print their exit statuses",
        .min_operands = 1,
        .max_operands = CLI_ANY,
        .complete = "instances",
        .run = run_wait,
};
