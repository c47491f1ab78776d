/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk start */
#include "names.h"
#include "streams.h"
#include "verbs.h"

struct start_args {
        bool attach, interactive, sig_proxy;
        const char *detach_keys;
};

static int start_one(struct souk *s, const char *name, const void *args, struct souk_err *err) {
        int status;
        return souk_start(s, name, NULL, &status, err);
}

static int start_attached(const struct cli_call *call) {
        const struct start_args *a = call->args;
        _cleanup_souk_ struct souk *s = NULL;
        struct souk_streams streams;
        struct souk_err err = {};
        int status = 0;

        if (call->n_operands > 1) {
                souk_err_set(&err, SOUK_USAGE, -EINVAL, "-a and -i attach to one instance: give one name");
                return cli_fail(&err);
        }
        if (streams_fill(a->interactive, false, a->detach_keys, a->sig_proxy, &streams, &err) < 0 ||
            souk_open(call->engine, &s, &err) < 0 || souk_start(s, call->operands[0], &streams, &status, &err) < 0)
                return cli_fail(&err);
        return streams_status(status);
}

static int run_start(const struct cli_call *call) {
        const struct start_args *a = call->args;
        return a->attach || a->interactive ? start_attached(call) : names_each(call, start_one, true);
}

static const struct cli_option options[] = {
        { "attach", 'a', CLI_FLAG, offsetof(struct start_args, attach), NULL,
          "Attach its output, pass signals on, exit with its status" },
        { "interactive", 'i', CLI_FLAG, offsetof(struct start_args, interactive), NULL, "Attach standard input too" },
        DETACH_KEYS_OPTION(offsetof(struct start_args, detach_keys)),
        SIG_PROXY_OPTION(offsetof(struct start_args, sig_proxy)),
};

const struct cli_verb cmd_start = {
        .name = "start",
        .topic = CLI_TOPIC_INSTANCES,
        .synopsis = "[OPTIONS] INSTANCE [INSTANCE...]",
        .summary = "Start instances that were created or have ended",
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), {} },
        .defaults = &(const struct start_args){ .sig_proxy = true },
        .args_size = sizeof(struct start_args),
        .min_operands = 1,
        .max_operands = CLI_ANY,
        .complete = "instances",
        .run = run_start,
};
