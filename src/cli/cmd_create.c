/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk create */
#include "create_options.h"
#include "verbs.h"

static int run_create(const struct cli_call *call) {
        const struct create_args *a = call->args;
        _cleanup_(cidfile_close) struct cidfile cidfile = { .fd = -EBADF };
        _cleanup_souk_ struct souk *s = NULL;
        _cleanup_souk_free_ char *id = NULL;
        struct create_request request;
        struct souk_err err = {};

        create_request_fill(a, call->operands, &request);
        if (cidfile_open(a->cidfile, &cidfile, &err) < 0 || souk_open(call->engine, &s, &err) < 0)
                return cli_fail(&err);
        int ok = souk_create(s, &request.r, &id, &err);
        if (ok < 0 && create_needs_box(s, request.r.image, &err) > 0)
                ok = souk_create(s, &request.r, &id, &err);
        if (ok < 0)
                return create_fail(request.r.image, &err);
        if (cidfile_write(id, &cidfile, &err) < 0)
                return cli_fail(&err);
        puts(id);
        return 0;
}

const struct cli_verb cmd_create = {
        .name = "create",
        .topic = CLI_TOPIC_INSTANCES,
        .flags = CLI_VERB_STOP_AT_OPERAND,
        .synopsis = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
        .summary = "Create an instance without starting it",
        .description = "Create an instance of an image without starting it, and print its id. 'souk start' starts it.",
        .examples =
                (const struct cli_example[]){
                        { "Create now, start later", "souk create --name job box sleep 60" },
                        {},
                },
        .options = (const struct cli_options[]){ CREATE_OPTIONS, {} },
        .defaults = &(const struct create_args) CREATE_DEFAULTS,
        .args_size = sizeof(struct create_args),
        .min_operands = 1,
        .max_operands = CLI_ANY,
        .complete = "images",
        .run = run_create,
};
