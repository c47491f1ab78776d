/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmocka_all.h"

#include "cli/cli.h"

struct args {
        bool flag, interactive, tty, on;
        enum cli_tri tri;
        const char *name;
        char **env;
        int choice;
        uint64_t count, bytes, usec;
        int64_t number;
};
static const char *const choices[] = { "red", "green", NULL };
static const struct cli_option options[] = {
        { "flag", 'f', CLI_FLAG, offsetof(struct args, flag), NULL, "h" },
        { "interactive", 'i', CLI_FLAG, offsetof(struct args, interactive), NULL, "h" },
        { "tty", 't', CLI_FLAG, offsetof(struct args, tty), NULL, "h" },
        { "on", 0, CLI_FLAG, offsetof(struct args, on), NULL, "h" },
        { "tri", 0, CLI_TRI, offsetof(struct args, tri), NULL, "h" },
        { "name", 'n', CLI_STRING, offsetof(struct args, name), "NAME", "h" },
        { "env", 'e', CLI_STRV, offsetof(struct args, env), "E", "h" },
        { "choice", 0, CLI_CHOICE, offsetof(struct args, choice), "C", "h", .choices = choices },
        { "count", 0, CLI_U64, offsetof(struct args, count), "N", "h" },
        { "number", 0, CLI_I64, offsetof(struct args, number), "N", "h" },
        { "bytes", 'b', CLI_BYTES, offsetof(struct args, bytes), "N", "h" },
        { "time", 0, CLI_DURATION, offsetof(struct args, usec), "T", "h" },
};
static const struct args defaults = { .on = true };
static const struct cli_verb mixed = {
        .name = "mixed",
        .synopsis = "[OPTIONS] X...",
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), {} },
        .defaults = &defaults,
        .args_size = sizeof(struct args),
        .max_operands = CLI_ANY,
};
static const struct cli_verb stopping = {
        .name = "stopping",
        .flags = CLI_VERB_STOP_AT_OPERAND,
        .synopsis = "IMAGE [ARG...]",
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), {} },
        .defaults = &defaults,
        .args_size = sizeof(struct args),
        .min_operands = 1,
        .max_operands = CLI_ANY,
};

struct result {
        int r;
        struct args *args;
        struct cli_parsed parsed;
        struct souk_err err;
        const struct cli_verb *verb;
};
static struct result parse(const struct cli_verb *verb, const char *const *argv) {
        struct result x = { .args = cli_args_new(verb), .verb = verb };
        x.r = cli_parse(verb, argv, x.args, &x.parsed, &x.err);
        return x;
}
static void result_free(struct result *x) {
        cli_args_free(x->verb, x->args);
        free(x->parsed.operands);
}
#define PARSE(verb, ...) \
        __attribute__((cleanup(result_free))) struct result x = parse(&verb, (const char *const[]){ __VA_ARGS__, NULL })
#define assert_error(text)                                \
        do {                                              \
                assert_int_equal(x.r, -EINVAL);           \
                assert_int_equal(x.err.code, SOUK_USAGE); \
                assert_contains(x.err.msg, text);         \
        } while (0)

static void test_kinds(void **state) {
        PARSE(mixed, "--flag", "--tri=false", "--name=a=b", "-e", "X=1", "-eY=2", "-e=Z=3", "--env", "W", "--choice",
              "green", "--count", "42", "--number", "7", "--bytes", "64k", "--time", "1m30s", "operand");
        assert_int_equal(x.r, 0);
        assert_true(x.args->flag);
        assert_int_equal(x.args->tri, CLI_NO);
        assert_string_equal(x.args->name, "a=b");
        assert_int_equal(strv_len(x.args->env), 4);
        assert_string_equal(x.args->env[0], "X=1");
        assert_string_equal(x.args->env[1], "Y=2");
        assert_string_equal(x.args->env[2], "Z=3");
        assert_string_equal(x.args->env[3], "W");
        assert_int_equal(x.args->choice, 1);
        assert_int_equal(x.args->count, 42);
        assert_int_equal(x.args->number, 7);
        assert_int_equal(x.args->bytes, 65536);
        assert_int_equal(x.args->usec, 90000000);
        assert_int_equal(x.parsed.n_operands, 1);
}

static void test_booleans(void **state) {
        static const struct {
                const char *word;
                bool value;
        } cases[] = { { "--on=false", false },
                      { "--on=0", false },
                      { "--on=F", false },
                      { "--on=True", true },
                      { "--on", true } };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                PARSE(mixed, cases[i].word);
                assert_int_equal(x.r, 0);
                assert_int_equal(x.args->on, cases[i].value);
        }
        PARSE(mixed, "--on=maybe");
        assert_error("invalid value 'maybe' for --on: expected true or false");
}

static void test_defaults_and_unset(void **state) {
        PARSE(mixed, "x");
        assert_true(x.args->on);
        assert_int_equal(x.args->tri, CLI_UNSET);
        assert_null(x.args->env);
}

static void test_bundles(void **state) {
        PARSE(mixed, "-itn", "web", "-fnother", "-i=false");
        assert_int_equal(x.r, 0);
        assert_true(x.args->tty && x.args->flag);
        assert_false(x.args->interactive);
        assert_string_equal(x.args->name, "other"); /* the last one wins */
}

static void test_interspersed(void **state) {
        PARSE(mixed, "a", "-f", "b", "-", "--", "-t", "--");
        assert_int_equal(x.r, 0);
        assert_true(x.args->flag);
        assert_false(x.args->tty);
        assert_int_equal(x.parsed.n_operands, 5);
        assert_string_equal(x.parsed.operands[2], "-");
        assert_string_equal(x.parsed.operands[3], "-t");
        assert_string_equal(x.parsed.operands[4], "--");
        assert_null(x.parsed.operands[5]);
}

static void test_stop_at_operand(void **state) {
        PARSE(stopping, "-f", "box", "-t", "--", "--nonsense", "--help");
        assert_int_equal(x.r, 0);
        assert_true(x.args->flag);
        assert_false(x.args->tty);
        assert_int_equal(x.parsed.n_operands, 5);
        assert_string_equal(x.parsed.operands[2], "--");
}

static void test_stop_after_dashes(void **state) {
        PARSE(stopping, "--", "-f", "x");
        assert_int_equal(x.parsed.n_operands, 2);
        assert_false(x.args->flag);
}

static void test_empty_value(void **state) {
        PARSE(mixed, "--name=", "-e", "");
        assert_int_equal(x.r, 0);
        assert_string_equal(x.args->name, "");
        assert_string_equal(x.args->env[0], "");
}

static void test_help(void **state) {
        {
                PARSE(stopping, "--help");
                assert_int_equal(x.r, 0);
                assert_true(x.parsed.help);
        }
        PARSE(stopping, "-h");
        assert_true(x.parsed.help);
}

static void test_unknown(void **state) {
        {
                PARSE(mixed, "--interactiv");
                assert_error("unknown flag: --interactiv (did you mean --interactive?)");
        }
        {
                PARSE(mixed, "--nam"); /* never abbreviated */
                assert_error("unknown flag: --nam");
        }
        {
                PARSE(mixed, "--zzzzzzzzz=1");
                assert_error("unknown flag: --zzzzzzzzz");
                assert_null(strchr(x.err.msg, '('));
        }
        {
                PARSE(mixed, "--root=/x");
                assert_error("global option: put it before 'mixed'");
        }
        {
                PARSE(mixed, "-x");
                assert_error("unknown shorthand flag: -x");
        }
        PARSE(mixed, "-fx");
        assert_error("unknown shorthand flag: -x in -fx");
}

static void test_missing_value(void **state) {
        {
                PARSE(mixed, "--name");
                assert_error("flag needs a value: --name NAME");
        }
        PARSE(mixed, "-fe");
        assert_error("flag needs a value: -e E");
}

static void test_bad_values(void **state) {
        static const char *const cases[][2] = {
                { "--count=x", "invalid value 'x' for --count: expected a whole number" },
                { "--count=-1", "invalid value '-1' for --count" },
                { "--count=99999999999999999999999", "out of range" },
                { "--number=1.5", "for --number: expected a whole number" },
                { "--bytes=12q", "for --bytes: expected a size" },
                { "--time=never", "for --time: expected seconds" },
                { "--choice=blue", "for --choice: expected one of red, green" },
                { "--choice=", "expected one of red, green" },
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                PARSE(mixed, cases[i][0]);
                assert_error(cases[i][1]);
        }
}

static void test_operand_counts(void **state) {
        static const struct cli_verb two = { .name = "two", .synopsis = "A B", .min_operands = 2, .max_operands = 2 };
        static const struct cli_verb none = { .name = "none", .synopsis = "" };
        {
                PARSE(stopping, "-f");
                assert_error("'souk stopping' requires at least 1 argument: souk stopping IMAGE [ARG...]");
        }
        {
                PARSE(two, "a");
                assert_error("requires exactly 2 arguments: souk two A B");
        }
        {
                PARSE(two, "a", "b", "c");
                assert_error("at most 2 arguments");
        }
        PARSE(none, "a");
        assert_error("'souk none' accepts no arguments");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_kinds),
                cmocka_unit_test(test_booleans),
                cmocka_unit_test(test_defaults_and_unset),
                cmocka_unit_test(test_bundles),
                cmocka_unit_test(test_interspersed),
                cmocka_unit_test(test_stop_at_operand),
                cmocka_unit_test(test_stop_after_dashes),
                cmocka_unit_test(test_empty_value),
                cmocka_unit_test(test_help),
                cmocka_unit_test(test_unknown),
                cmocka_unit_test(test_missing_value),
                cmocka_unit_test(test_bad_values),
                cmocka_unit_test(test_operand_counts),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
