/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * argv into an args struct, with the semantics Docker users know (Go's pflag): --name=x, --name x, -e X, -eX, -e=X,
 * bundles (-it), --flag=false, "--", "-" is an operand.  Names are never abbreviated: a script must not change its
 * meaning when an option is added.
 */
#include "cli.h"

const struct cli_option *cli_option_by_long(const struct cli_options *groups, const char *name, size_t len) {
        for (const struct cli_options *g = groups; g && g->table; g++)
                for (size_t i = 0; i < g->n; i++)
                        if (strlen(g->table[i].long_name) == len && memcmp(g->table[i].long_name, name, len) == 0)
                                return &g->table[i];
        return NULL;
}

const struct cli_option *cli_option_by_short(const struct cli_options *groups, char c) {
        for (const struct cli_options *g = groups; g && g->table; g++)
                for (size_t i = 0; i < g->n; i++)
                        if (g->table[i].short_name == c)
                                return &g->table[i];
        return NULL;
}

void *cli_args_new(const struct cli_verb *verb) {
        void *args = xcalloc(1, MAX(verb->args_size, (size_t) 1));
        if (verb->defaults)
                memcpy(args, verb->defaults, verb->args_size);
        return args;
}

void cli_args_free(const struct cli_verb *verb, void *args) {
        if (!args)
                return;
        for (const struct cli_options *g = verb->options; g && g->table; g++)
                for (size_t i = 0; i < g->n; i++)
                        if (g->table[i].kind == CLI_STRV)
                                strv_free(*(char ***) ((char *) args + g->table[i].offset));
        free(args);
}

/* Go's strconv.ParseBool */
static int parse_bool(const char *s, bool *ret) {
        static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
        static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };
        for (size_t i = 0; i < ELEMENTSOF(yes); i++) {
                if (streq(s, yes[i]) || streq(s, no[i])) {
                        *ret = streq(s, yes[i]);
                        return 0;
                }
        }
        return -EINVAL;
}

static int parse_choice(const char *const *choices, const char *s, int *ret) {
        for (int i = 0; choices[i]; i++)
                if (streq(choices[i], s)) {
                        *ret = i;
                        return 0;
                }
        return -EINVAL;
}

static int bad_value(const struct cli_option *o, const char *value, int r, struct souk_err *err) {
        static const char *const expected[] = {
                [CLI_FLAG] = "true or false",
                [CLI_TRI] = "true or false",
                [CLI_STRING] = "text",
                [CLI_STRV] = "text",
                [CLI_CHOICE] = "one of a list",
                [CLI_U64] = "a whole number",
                [CLI_I64] = "a whole number",
                [CLI_BYTES] = "a size such as 512, 64k, 1.5g",
                [CLI_DURATION] = "seconds, or a duration such as 1m30s",
        };
        static_assert(ELEMENTSOF(expected) == CLI_KIND_MAX, "every kind says what it expects");
        if (o->kind == CLI_CHOICE) {
                _cleanup_free_ char *list = strv_join((char *const *) o->choices, ", ");
                return souk_err_set(err, SOUK_USAGE, -EINVAL, "invalid value '%s' for --%s: expected one of %s", value,
                                    o->long_name, list);
        }
        return souk_err_set(err, SOUK_USAGE, -EINVAL, "invalid value '%s' for --%s: %s%s", value, o->long_name,
                            r == -ERANGE ? "out of range; expected " : "expected ", expected[o->kind]);
}

static int option_set(const struct cli_option *o, const char *value, void *args, struct souk_err *err) {
        void *p = (char *) args + o->offset;
        bool b = true;
        int r = 0;

        switch (o->kind) {
        case CLI_FLAG:
                r = parse_bool(value, p);
                break;
        case CLI_TRI:
                r = parse_bool(value, &b);
                if (r >= 0)
                        *(enum cli_tri *) p = b ? CLI_YES : CLI_NO;
                break;
        case CLI_STRING:
                *(const char **) p = value;
                break;
        case CLI_STRV:
                strv_push(p, value);
                break;
        case CLI_CHOICE:
                r = parse_choice(o->choices, value, p);
                break;
        case CLI_U64:
                r = str_to_u64(value, p);
                break;
        case CLI_I64:
                r = str_to_i64(value, p);
                break;
        case CLI_BYTES:
                r = str_to_bytes(value, p);
                break;
        case CLI_DURATION:
                r = str_to_usec(value, p);
                break;
        case CLI_KIND_MAX:
                abort();
        }
        return r < 0 ? bad_value(o, value, r, err) : 0;
}

static int unknown_long(const struct cli_verb *verb, const char *name, size_t len, struct souk_err *err) {
        _cleanup_free_ char *copy = xstrndup(name, len);
        const char *names[128];
        size_t n = 0;

        if (verb != &cli_root && cli_option_by_long(cli_root.options, name, len))
                return souk_err_set(err, SOUK_USAGE, -EINVAL,
                                    "unknown flag: --%s (it is a global option: put it before '%s')", copy, verb->name);
        for (const struct cli_options *g = verb->options; g && g->table; g++)
                for (size_t i = 0; i < g->n && n < ELEMENTSOF(names); i++)
                        if (!(g->table[i].flags & CLI_OPTION_HIDDEN))
                                names[n++] = g->table[i].long_name;
        const char *nearest = str_nearest(copy, names, n);
        if (nearest)
                return souk_err_set(err, SOUK_USAGE, -EINVAL, "unknown flag: --%s (did you mean --%s?)", copy, nearest);
        return souk_err_set(err, SOUK_USAGE, -EINVAL, "unknown flag: --%s", copy);
}

static int missing_value(const struct cli_option *o, const char *shown, struct souk_err *err) {
        return souk_err_set(err, SOUK_USAGE, -EINVAL, "flag needs a value: %s %s", shown,
                            o->metavar ? o->metavar : "VALUE");
}

/* One "--name" or "--name=value".  Return: 1 when the next word was its value, 0, 2 for --help, or an error. */
static int parse_long(const struct cli_verb *verb, const char *word, const char *next, void *args,
                      struct souk_err *err) {
        const char *name = word + 2, *equals = strchr(name, '=');
        size_t len = equals ? (size_t) (equals - name) : strlen(name);
        const struct cli_option *o = cli_option_by_long(verb->options, name, len);

        if (!o && streq(name, "help"))
                return 2;
        if (!o)
                return unknown_long(verb, name, len, err);
        if (equals)
                return option_set(o, equals + 1, args, err);
        if (cli_option_is_flag(o))
                return option_set(o, "true", args, err);
        if (!next)
                return missing_value(o, word, err);
        int r = option_set(o, next, args, err);
        return r < 0 ? r : 1;
}

/* A bundle "-itv/x:/y".  Return: as parse_long(). */
static int parse_short(const struct cli_verb *verb, const char *word, const char *next, void *args,
                       struct souk_err *err) {
        for (const char *p = word + 1; *p; p++) {
                const struct cli_option *o = cli_option_by_short(verb->options, *p);
                if (!o && *p == 'h')
                        return 2;
                if (!o && p == word + 1)
                        return souk_err_set(err, SOUK_USAGE, -EINVAL, "unknown shorthand flag: -%c", *p);
                if (!o)
                        return souk_err_set(err, SOUK_USAGE, -EINVAL, "unknown shorthand flag: -%c in %s", *p, word);
                if (p[1] == '=')
                        return option_set(o, p + 2, args, err);
                if (cli_option_is_flag(o)) {
                        int r = option_set(o, "true", args, err);
                        if (r < 0)
                                return r;
                        continue;
                }
                if (p[1])
                        return option_set(o, p + 1, args, err);
                if (!next) {
                        char shown[3] = { '-', *p, 0 };
                        return missing_value(o, shown, err);
                }
                int r = option_set(o, next, args, err);
                return r < 0 ? r : 1;
        }
        return 0;
}

static int check_count(const struct cli_verb *verb, size_t n, struct souk_err *err) {
        if (n < verb->min_operands)
                return souk_err_set(err, SOUK_USAGE, -EINVAL, "'souk %s' requires %s %zu argument%s: souk %s %s",
                                    verb->name, verb->min_operands == verb->max_operands ? "exactly" : "at least",
                                    verb->min_operands, verb->min_operands == 1 ? "" : "s", verb->name, verb->synopsis);
        if (n <= verb->max_operands)
                return 0;
        if (verb->max_operands == 0)
                return souk_err_set(err, SOUK_USAGE, -EINVAL, "'souk %s' accepts no arguments", verb->name);
        return souk_err_set(err, SOUK_USAGE, -EINVAL, "'souk %s' requires at most %zu argument%s: souk %s %s",
                            verb->name, verb->max_operands, verb->max_operands == 1 ? "" : "s", verb->name,
                            verb->synopsis);
}

int cli_parse(const struct cli_verb *verb, const char *const *argv, void *args, struct cli_parsed *ret,
              struct souk_err *err) {
        size_t n = 0;
        while (argv[n])
                n++;
        *ret = (struct cli_parsed){ .operands = xcalloc(n + 1, sizeof(char *)) };

        bool options_end = false;
        for (size_t i = 0; i < n; i++) {
                const char *word = argv[i];
                int r;
                if (options_end || word[0] != '-' || word[1] == '\0') {
                        ret->operands[ret->n_operands++] = word;
                        options_end |= verb->flags & CLI_VERB_STOP_AT_OPERAND;
                        continue;
                }
                if (word[1] != '-')
                        r = parse_short(verb, word, argv[i + 1], args, err);
                else if (word[2] != '\0')
                        r = parse_long(verb, word, argv[i + 1], args, err);
                else {
                        options_end = true;
                        continue;
                }
                if (r < 0)
                        return r;
                if (r == 2) {
                        ret->help = true;
                        return 0;
                }
                i += (size_t) r;
        }
        return check_count(verb, ret->n_operands, err);
}
