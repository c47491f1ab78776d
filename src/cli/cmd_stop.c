/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk stop */
#include "names.h"
#include "verbs.h"

struct stop_args {
        uint64_t timeout_usec;
};

static int stop_one(struct souk *s, const char *name, const void *args, struct souk_err *err) {
        const struct stop_args *a = args;
        return souk_stop(s, name, a->timeout_usec, err);
}

static int run_stop(const struct cli_call *call) {
        return names_each(call, stop_one, true);
}

static const struct cli_option options[] = {
        { "time", 't', CLI_DURATION, offsetof(struct stop_args, timeout_usec), "SECONDS",
          "How long to wait before it is killed (default its own, usually 10)" },
        { "timeout", 0, CLI_DURATION, offsetof(struct stop_args, timeout_usec), "SECONDS", "The same as --time",
          .flags = CLI_OPTION_HIDDEN },
};

const struct cli_verb cmd_stop = {
        .name = "stop",
        .topic = CLI_TOPIC_INSTANCES,
        .synopsis = "[OPTIONS] INSTANCE [INSTANCE...]",
        .summary = "Stop running instances",
        .description = "Stop running instances: send the stop signal, and after a time kill what is left.",
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), {} },
        .defaults = &(const struct stop_args){ .timeout_usec = UINT64_MAX },
        .args_size = sizeof(struct stop_args),
        .min_operands = 1,
        .max_operands = CLI_ANY,
        .complete = "running",
        .run = run_stop,
};
