/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk run */
#include "create_options.h"
#include "streams.h"
#include "verbs.h"

struct run_args {
        struct create_args create; /* first: the shared tables' offsets */
        bool detach, dry_run, sig_proxy;
        const char *detach_keys;
};
static_assert(offsetof(struct run_args, create) == 0, "the shared options write into struct create_args");

static int plan(const struct cli_call *call, const struct souk_create_request *r) {
        _cleanup_souk_ struct souk *s = NULL;
        _cleanup_souk_free_ char *text = NULL;
        struct souk_err err = {};

        if (souk_open(call->engine, &s, &err) < 0)
                return cli_fail(&err);
        int ok = souk_plan(s, r, &text, &err);
        if (ok < 0 && create_needs_box(s, r->image, &err) > 0)
                ok = souk_plan(s, r, &text, &err);
        if (ok < 0)
                return create_fail(r->image, &err);
        fputs(text, stdout);
        return 0;
}

static int run(const struct cli_call *call, const struct souk_create_request *r, struct cidfile *cidfile) {
        const struct run_args *a = call->args;
        struct souk_streams streams;
        _cleanup_souk_ struct souk *s = NULL;
        _cleanup_souk_free_ char *id = NULL;
        struct souk_err err = {};
        int status = 0;

        if (!a->detach && streams_fill(r->open_stdin, r->tty, a->detach_keys, a->sig_proxy, &streams, &err) < 0)
                return cli_fail(&err);
        if (cidfile_open(a->create.cidfile, cidfile, &err) < 0 || souk_open(call->engine, &s, &err) < 0)
                return cli_fail(&err);

        const struct souk_streams *foreground = a->detach ? NULL : &streams;
        int ok = souk_run(s, r, foreground, cidfile_write, cidfile, &id, &status, &err);
        if (ok < 0 && create_needs_box(s, r->image, &err) > 0)
                ok = souk_run(s, r, foreground, cidfile_write, cidfile, &id, &status, &err);
        if (ok < 0)
                return create_fail(r->image, &err);
        if (!a->detach)
                return streams_status(status);
        puts(id);
        return 0;
}

static int run_run(const struct cli_call *call) {
        const struct run_args *a = call->args;
        _cleanup_(cidfile_close) struct cidfile cidfile = { .fd = -EBADF };
        struct create_request request;

        create_request_fill(&a->create, call->operands, &request);
        return a->dry_run ? plan(call, &request.r) : run(call, &request.r, &cidfile);
}

static const struct cli_option options[] = {
        { "detach", 'd', CLI_FLAG, offsetof(struct run_args, detach), NULL,
          "Run in the background and print the instance's id" },
        { "dry-run", 0, CLI_FLAG, offsetof(struct run_args, dry_run), NULL,
          "Print what would be done, and do nothing" },
        DETACH_KEYS_OPTION(offsetof(struct run_args, detach_keys)),
        SIG_PROXY_OPTION(offsetof(struct run_args, sig_proxy)),
};

const struct cli_verb cmd_run = {
        .name = "run",
        .topic = CLI_TOPIC_INSTANCES,
        .flags = CLI_VERB_STOP_AT_OPERAND,
        .synopsis = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
        .summary = "Run a command in a new instance of an image",
        .description =
                "Run a command in a new instance of an image. The instance gets its own users, processes, network, host "
                "name and a writable layer on top of the image, which is never changed.\n\n"
                "The exit status is the command's own; 125 when Souk failed, 126 when the command cannot be executed, "
                "127 when it is not found, 128+N when signal N ended it.\n\n"
                "The image 'box' is built in: it is made on first use.",
        .examples =
                (const struct cli_example[]){
                        { "A shell in the built-in image, gone when it ends", "souk run --rm -it box sh" },
                        { "A service in the background, with limits",
                          "souk run -d --name web --network host -m 256m --cpus 0.5 nginx" },
                        { "A directory of the host, read-only", "souk run --rm -v /srv/data:/data:ro box ls /data" },
                        { "What would be done, step by step", "souk run --dry-run --read-only box true" },
                        {},
                },
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), CREATE_OPTIONS, {} },
        .defaults = &(const struct run_args){ .create = CREATE_DEFAULTS, .sig_proxy = true },
        .args_size = sizeof(struct run_args),
        .min_operands = 1,
        .max_operands = CLI_ANY,
        .complete = "images",
        .run = run_run,
};
