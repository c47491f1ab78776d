/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From argv to a verb: global options, the search for the verb, its arguments, its exit status. */
#include "cli.h"

#include "base/log.h"

static const char *const log_levels[] = { "warn", "debug", "info", "error", NULL };

struct root_args {
        const char *root, *run;
        int log_level;
        bool version;
};
static const struct cli_option root_options[] = {
        { "root", 0, CLI_STRING, offsetof(struct root_args, root), "DIR",
          "Where images and instances are stored (default $SOUK_ROOT or /var/lib/souk)", .complete = "dirs" },
        { "run", 0, CLI_STRING, offsetof(struct root_args, run), "DIR",
          "Where state lives until the next boot (default $SOUK_RUN or /run/souk)", .complete = "dirs" },
        { "log-level", 'l', CLI_CHOICE, offsetof(struct root_args, log_level), "LEVEL",
          "What to tell on standard error: debug, info, warn, error (default $SOUK_LOG or warn)",
          .choices = log_levels },
        { "version", 'v', CLI_FLAG, offsetof(struct root_args, version), NULL, "Print the version" },
};
static const struct root_args root_defaults = { .log_level = -1 };

const struct cli_verb cli_root = {
        .name = "souk",
        .topic = CLI_TOPIC_HIDDEN,
        .flags = CLI_VERB_STOP_AT_OPERAND,
        .synopsis = "[OPTIONS] COMMAND [ARG...]",
        .summary = "Run applications from images, isolated",
        .options = (const struct cli_options[]){ CLI_OPTIONS("Global options", root_options), {} },
        .defaults = &root_defaults,
        .args_size = sizeof(struct root_args),
        .max_operands = CLI_ANY,
};

/* "souk: MESSAGE", then where to read on. */
static int usage_error(const struct souk_err *err, const char *verb) {
        cli_fail(err);
        fprintf(stderr, "See 'souk%s%s --help'.\n", verb ? " " : "", verb ? verb : "");
        return CLI_EXIT_USAGE;
}

static int unknown_verb(const char *word, const char *group) {
        struct souk_err err = {};
        const char *nearest = cli_verb_suggest(word, group);
        const char *space = group ? " " : "", *in = group ? group : "";
        if (nearest)
                souk_err_set(&err, SOUK_USAGE, -EINVAL, "'%s' is not a souk%s%s command (did you mean 'souk%s%s %s'?)",
                             word, space, in, space, in, nearest);
        else
                souk_err_set(&err, SOUK_USAGE, -EINVAL, "'%s' is not a souk%s%s command", word, space, in);
        return usage_error(&err, group);
}

static int dispatch_group(const struct cli_group *group, const char *word) {
        if (word && word[0] != '-')
                return unknown_verb(word, group->name);
        if (word && !streq(word, "--help") && !streq(word, "-h")) {
                struct souk_err err = {};
                souk_err_set(&err, SOUK_USAGE, -EINVAL, "unknown flag: %s", word);
                return usage_error(&err, group->name);
        }
        cli_help_group(stdout, group);
        return 0;
}

static int dispatch_verb(const struct cli_verb *verb, const char *const *argv, const struct souk_options *engine) {
        struct souk_err err = {};
        struct cli_parsed parsed = {};
        void *args = cli_args_new(verb);
        int status;

        if (cli_parse(verb, argv, args, &parsed, &err) < 0)
                status = usage_error(&err, verb->name);
        else if (parsed.help) {
                cli_help_verb(stdout, verb);
                status = 0;
        } else {
                struct cli_call call = { .verb = verb,
                                         .engine = engine,
                                         .args = args,
                                         .operands = parsed.operands,
                                         .n_operands = parsed.n_operands };
                status = verb->run(&call);
        }
        free(parsed.operands);
        cli_args_free(verb, args);
        return status;
}

static int dispatch(const char *const *words, const struct souk_options *engine) {
        size_t used = 0;
        const struct cli_verb *verb = cli_verb_find(words, &used);
        if (verb)
                return dispatch_verb(verb, words + used, engine);
        const struct cli_group *group = cli_group_find(words[0]);
        if (group)
                return dispatch_group(group, words[1]);
        return unknown_verb(words[0], NULL);
}

int cli_main(const char *const *argv) {
        struct souk_err err = {};
        struct cli_parsed parsed = {};
        struct root_args *args = cli_args_new(&cli_root);
        int status = 0;

        if (cli_parse(&cli_root, argv + 1, args, &parsed, &err) < 0)
                status = usage_error(&err, NULL);
        else if (args->version)
                printf("souk version %s\n", SOUK_VERSION);
        else if (parsed.help || parsed.n_operands == 0)
                cli_help_top(stdout);
        else {
                if (args->log_level >= 0) /* the environment: the shim and the worker read it too */
                        setenv("SOUK_LOG", log_levels[args->log_level], 1);
                log_init("souk");
                struct souk_options engine = { .root = args->root, .run = args->run };
                status = dispatch(parsed.operands, &engine);
        }
        free(parsed.operands);
        cli_args_free(&cli_root, args);
        return status;
}
