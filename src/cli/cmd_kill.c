/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk kill */
#include "names.h"
#include "verbs.h"

#include "base/proc.h"

struct kill_args {
        const char *signal;
};

static int kill_one(struct souk *s, const char *name, const void *args, struct souk_err *err) {
        const struct kill_args *a = args;
        return souk_kill(s, name, signal_from_name(a->signal), err);
}

static int run_kill(const struct cli_call *call) {
        const struct kill_args *a = call->args;
        if (signal_from_name(a->signal) <= 0) {
                struct souk_err err = {};
                souk_err_set(&err, SOUK_USAGE, -EINVAL,
                             "--signal: '%s' is no signal; use a name such as TERM, or a number", a->signal);
                return cli_fail(&err);
        }
        return names_each(call, kill_one, true);
}

static const struct cli_option options[] = {
        { "signal", 's', CLI_STRING, offsetof(struct kill_args, signal), "SIGNAL",
          "Signal to send, by name or number (default KILL)" },
};

const struct cli_verb cmd_kill = {
        .name = "kill",
        .topic = CLI_TOPIC_INSTANCES,
        .synopsis = "[OPTIONS] INSTANCE [INSTANCE...]",
        .summary = "Kill running instances, or send them a signal",
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), {} },
        .defaults = &(const struct kill_args){ .signal = "KILL" },
        .args_size = sizeof(struct kill_args),
        .min_operands = 1,
        .max_operands = CLI_ANY,
        .complete = "running",
        .run = run_kill,
};
