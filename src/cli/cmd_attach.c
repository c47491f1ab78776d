/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk attach */
#include "streams.h"
#include "verbs.h"

struct attach_args {
        bool no_stdin, sig_proxy;
        const char *detach_keys;
};

static int run_attach(const struct cli_call *call) {
        const struct attach_args *a = call->args;
        _cleanup_souk_ struct souk *s = NULL;
        struct souk_streams streams;
        struct souk_err err = {};
        int status = 0;

        if (streams_fill(!a->no_stdin, false, a->detach_keys, a->sig_proxy, &streams, &err) < 0 ||
            souk_open(call->engine, &s, &err) < 0 ||
            souk_attach(s, call->operands[0], &streams, a->no_stdin, &status, &err) < 0)
                return cli_fail(&err);
        return streams_status(status);
}

static const struct cli_option options[] = {
        DETACH_KEYS_OPTION(offsetof(struct attach_args, detach_keys)),
        { "no-stdin", 0, CLI_FLAG, offsetof(struct attach_args, no_stdin), NULL, "Do not attach standard input" },
        SIG_PROXY_OPTION(offsetof(struct attach_args, sig_proxy)),
};

const struct cli_verb cmd_attach = {
        .name = "attach",
        .topic = CLI_TOPIC_INSTANCES,
        .synopsis = "[OPTIONS] INSTANCE",
        .summary = "Attach to a running instance",
        .description = "Connect standard input, output and error to a running instance. Ctrl-P Ctrl-Q detaches from "
                       "one with a terminal. The exit status is the instance's, or 0 when detached.",
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), {} },
        .defaults = &(const struct attach_args){ .sig_proxy = true },
        .args_size = sizeof(struct attach_args),
        .min_operands = 1,
        .max_operands = 1,
        .complete = "running",
        .run = run_attach,
};
