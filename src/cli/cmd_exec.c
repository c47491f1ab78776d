/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk exec */
#include "streams.h"
#include "verbs.h"

struct exec_args {
        bool detach, interactive, tty, privileged;
        char **env, **env_files;
        const char *user, *workdir, *detach_keys;
};

static int run_exec(const struct cli_call *call) {
        const struct exec_args *a = call->args;
        _cleanup_souk_ struct souk *s = NULL;
        struct souk_streams streams;
        struct souk_err err = {};
        int status = 0;
        struct souk_exec_request r = {
                .command = call->operands + 1,
                .env = CONST_STRV(a->env),
                .env_files = CONST_STRV(a->env_files),
                .workdir = a->workdir,
                .user = a->user,
                .tty = a->tty,
                .open_stdin = a->interactive,
                .privileged = a->privileged,
                .streams = a->detach ? NULL : &streams,
        };

        if (!a->detach && streams_fill(a->interactive, a->tty, a->detach_keys, true, &streams, &err) < 0)
                return cli_fail(&err);
        if (souk_open(call->engine, &s, &err) < 0 || souk_exec(s, call->operands[0], &r, &status, &err) < 0)
                return cli_fail(&err);
        return a->detach ? 0 : streams_status(status);
}

static const struct cli_option options[] = {
        { "detach", 'd', CLI_FLAG, offsetof(struct exec_args, detach), NULL, "Run it in the background" },
        DETACH_KEYS_OPTION(offsetof(struct exec_args, detach_keys)),
        { "env", 'e', CLI_STRV, offsetof(struct exec_args, env), "NAME=VALUE",
          "Set an environment variable; NAME alone takes it from here" },
        { "env-file", 0, CLI_STRV, offsetof(struct exec_args, env_files), "FILE",
          "Read environment variables from a file", .complete = "files" },
        { "interactive", 'i', CLI_FLAG, offsetof(struct exec_args, interactive), NULL, "Keep standard input open" },
        { "privileged", 0, CLI_FLAG, offsetof(struct exec_args, privileged), NULL, "Give it all capabilities" },
        { "tty", 't', CLI_FLAG, offsetof(struct exec_args, tty), NULL, "Give it a terminal" },
        { "user", 'u', CLI_STRING, offsetof(struct exec_args, user), "USER[:GROUP]",
          "User, and group, by name or number" },
        { "workdir", 'w', CLI_STRING, offsetof(struct exec_args, workdir), "DIR", "Working directory inside" },
};

const struct cli_verb cmd_exec = {
        .name = "exec",
        .topic = CLI_TOPIC_INSTANCES,
        .flags = CLI_VERB_STOP_AT_OPERAND,
        .synopsis = "[OPTIONS] INSTANCE COMMAND [ARG...]",
        .summary = "Run a command in a running instance",
        .description = "Run a command in a running instance, beside what runs there. The exit status is the command's "
                       "own, or as with 'souk run'.",
        .examples =
                (const struct cli_example[]){
                        { "A shell in a running instance", "souk exec -it web sh" },
                        {},
                },
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), {} },
        .args_size = sizeof(struct exec_args),
        .min_operands = 2,
        .max_operands = CLI_ANY,
        .complete = "running",
        .run = run_exec,
};
