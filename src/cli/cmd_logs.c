/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk logs */
#include "verbs.h"

#include "base/proc.h"

struct logs_args {
        bool follow, timestamps;
        const char *tail, *since, *until;
};

static int parse_time(const char *option, const char *text, uint64_t *ret, struct souk_err *err) {
        if (text && time_parse(text, ret) < 0)
                return souk_err_set(
                        err, SOUK_USAGE, -EINVAL,
                        "invalid value '%s' for %s: expected a time such as 2026-12-01T14:06:34Z, or 10m ago as 10m",
                        text, option);
        return 0;
}

static int parse_tail(const char *text, int64_t *ret, struct souk_err *err) {
        *ret = -1;
        if (!text || streq(text, "all") || streq(text, "-1"))
                return 0;
        if (str_to_i64(text, ret) < 0 || *ret < 0)
                return souk_err_set(err, SOUK_USAGE, -EINVAL,
                                    "invalid value '%s' for --tail: expected a number of lines, or all", text);
        return 0;
}

static int run_logs(const struct cli_call *call) {
        const struct logs_args *a = call->args;
        _cleanup_souk_ struct souk *s = NULL;
        struct souk_err err = {};
        struct souk_logs_request r = {
                .follow = a->follow,
                .timestamps = a->timestamps,
                .out = STDOUT_FILENO,
                .err = STDERR_FILENO,
        };

        if (parse_tail(a->tail, &r.tail, &err) < 0 || parse_time("--since", a->since, &r.since_at, &err) < 0 ||
            parse_time("--until", a->until, &r.until_at, &err) < 0 || souk_open(call->engine, &s, &err) < 0 ||
            souk_logs(s, call->operands[0], &r, &err) < 0)
                return cli_fail(&err);
        return 0;
}

static const struct cli_option options[] = {
        { "follow", 'f', CLI_FLAG, offsetof(struct logs_args, follow), NULL, "Go on until the instance ends" },
        { "since", 0, CLI_STRING, offsetof(struct logs_args, since), "TIME",
          "From this time on: 2026-12-01T14:06:34Z, or 10m for 10 minutes ago" },
        { "tail", 'n', CLI_STRING, offsetof(struct logs_args, tail), "N", "Only the last N lines (default all)" },
        { "timestamps", 't', CLI_FLAG, offsetof(struct logs_args, timestamps), NULL, "Show the time of each line" },
        { "until", 0, CLI_STRING, offsetof(struct logs_args, until), "TIME", "Up to this time" },
};

const struct cli_verb cmd_logs = {
        .name = "logs",
        .topic = CLI_TOPIC_INSTANCES,
        .synopsis = "[OPTIONS] INSTANCE",
        .summary = "Print what an instance wrote",
        .description = "Print what a detached instance wrote to its standard output and standard error, each to ours.",
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), {} },
        .args_size = sizeof(struct logs_args),
        .min_operands = 1,
        .max_operands = 1,
        .complete = "instances",
        .run = run_logs,
};
