/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk export */
#include "archive_io.h"
#include "verbs.h"

struct export_args {
        const char *output;
};

static int run_export(const struct cli_call *call) {
        const struct export_args *a = call->args;
        _cleanup_souk_ struct souk *s = NULL;
        _cleanup_(archive_output_abandon) struct archive_output out = { .fd = -EBADF };
        struct souk_err err = {};

        if (souk_open(call->engine, &s, &err) < 0 || archive_output_open(a->output, &out, &err) < 0 ||
            souk_export(s, call->operands[0], out.fd, &err) < 0 || archive_output_commit(&out, &err) < 0)
                return cli_fail(&err);
        return 0;
}

static const struct cli_option options[] = {
        { "output", 'o', CLI_STRING, offsetof(struct export_args, output), "FILE",
          "Write to a file, not to standard output", .complete = "files" },
};

const struct cli_verb cmd_export = {
        .name = "export",
        .topic = CLI_TOPIC_INSTANCES,
        .synopsis = "[OPTIONS] INSTANCE",
        .summary = "Write an instance's files as a tar archive",
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), {} },
        .args_size = sizeof(struct export_args),
        .min_operands = 1,
        .max_operands = 1,
        .complete = "instances",
        .run = run_export,
};
