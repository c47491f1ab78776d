/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may come next on a command line. */
#include "complete.h"

#include "format.h"

struct completion {
        FILE *out;
        const char *typed; /* the word under the cursor */
        struct souk_options engine;
};

static void candidate(const struct completion *c, const char *prefix, const char *word, const char *what) {
        size_t n = strlen(prefix);
        if (strncmp(c->typed, prefix, MIN(n, strlen(c->typed))) != 0)
                return;
        if (strlen(c->typed) > n && !str_startswith(word, c->typed + n))
                return;
        fprintf(c->out, "%s%s%s%s\n", prefix, word, what ? "\t" : "", what ? what : "");
}

static void complete_names(const struct completion *c, const char *prefix, const char *kind) {
        _cleanup_souk_ struct souk *s = NULL;
        _cleanup_souk_strv_ char **names = NULL;
        if (souk_open(&c->engine, &s, NULL) < 0 || souk_names(s, kind, &names, NULL) < 0)
                return; /* a shell has no place for errors */
        for (char **n = names; n && *n; n++) {
                _cleanup_free_ char *familiar = name_familiar(*n);
                candidate(c, prefix, familiar, NULL);
        }
}

static void complete_commands(const struct completion *c) {
        for (size_t i = 0; i < cli_n_verbs; i++)
                if (cli_verbs[i]->topic != CLI_TOPIC_HIDDEN && !strchr(cli_verbs[i]->name, ' '))
                        candidate(c, "", cli_verbs[i]->name, cli_verbs[i]->summary);
        for (size_t i = 0; i < cli_n_groups; i++)
                if (!cli_groups[i].hidden)
                        candidate(c, "", cli_groups[i].name, cli_groups[i].summary);
}

static void complete_group(const struct completion *c, const struct cli_group *group) {
        for (size_t i = 0; i < cli_n_verbs; i++) {
                const struct cli_verb *v = cli_verbs[i];
                const char *rest = str_startswith(v->name, group->name);
                if (v->topic == CLI_TOPIC_HIDDEN)
                        continue;
                if (rest && *rest == ' ')
                        candidate(c, "", rest + 1, v->summary);
                for (const char *const *a = v->aliases; a && *a; a++)
                        if ((rest = str_startswith(*a, group->name)) && *rest == ' ')
                                candidate(c, "", rest + 1, v->summary);
        }
}

/* @kind: see cli_option.complete, or words separated by spaces */
static void complete_kind(const struct completion *c, const char *prefix, const char *kind) {
        if (!kind)
                return;
        if (streq(kind, "files") || streq(kind, "dirs"))
                fprintf(c->out, ":%s\n", kind);
        else if (streq(kind, "commands"))
                complete_commands(c);
        else if (streq(kind, "images") || streq(kind, "instances") || streq(kind, "running"))
                complete_names(c, prefix, kind);
        else {
                _cleanup_strv_ char **words = str_split(kind, ' ');
                for (char **w = words; *w; w++)
                        candidate(c, prefix, *w, NULL);
        }
}

static void complete_value(const struct completion *c, const struct cli_option *o, const char *prefix) {
        for (const char *const *choice = o->choices; choice && *choice; choice++)
                candidate(c, prefix, *choice, NULL);
        complete_kind(c, prefix, o->complete);
}

static void complete_options(const struct completion *c, const struct cli_options *groups) {
        for (const struct cli_options *g = groups; g && g->table; g++)
                for (size_t i = 0; i < g->n; i++) {
                        const struct cli_option *o = &g->table[i];
                        if (!(o->flags & CLI_OPTION_HIDDEN))
                                candidate(c, "--", o->long_name, o->help);
                }
        candidate(c, "--", "help", "Show help");
}

/* The option that takes the next word as its value, if @word is one such. */
static const struct cli_option *awaits_value(const struct cli_verb *verb, const char *word) {
        if (word[0] != '-' || word[1] == '\0')
                return NULL;
        if (word[1] == '-') {
                if (strchr(word, '='))
                        return NULL;
                const struct cli_option *o = cli_option_by_long(verb->options, word + 2, strlen(word + 2));
                return o && !cli_option_is_flag(o) ? o : NULL;
        }
        for (const char *p = word + 1; *p; p++) {
                const struct cli_option *o = cli_option_by_short(verb->options, *p);
                if (!o || p[1] == '=')
                        return NULL;
                if (!cli_option_is_flag(o))
                        return p[1] ? NULL : o;
        }
        return NULL;
}

/* --root, --run: names come from the store that was asked for */
static void note_global(struct completion *c, const struct cli_option *o, const char *value) {
        if (streq(o->long_name, "root"))
                c->engine.root = value;
        else if (streq(o->long_name, "run"))
                c->engine.run = value;
}

/* Walk over the options and operands in front of the typed word.  @ret_pending: it is the value of this option.
 * Return: how many words were used; in front of it, when the verb stops at an operand */
static size_t walk(struct completion *c, const struct cli_verb *verb, const char *const *words, size_t n,
                   const struct cli_option **ret_pending, size_t *ret_operands, bool *ret_options_end) {
        size_t i = 0;
        *ret_pending = NULL;
        for (; i + 1 < n; i++) {
                const char *word = words[i];
                if (*ret_options_end || word[0] != '-' || word[1] == '\0') {
                        if (verb == &cli_root)
                                break;
                        (*ret_operands)++;
                        *ret_options_end |= verb->flags & CLI_VERB_STOP_AT_OPERAND;
                        continue;
                }
                if (streq(word, "--")) {
                        *ret_options_end = true;
                        continue;
                }
                const struct cli_option *o = awaits_value(verb, word);
                if (!o)
                        continue;
                if (i + 2 >= n) {
                        *ret_pending = o;
                        i++;
                        break;
                }
                if (verb == &cli_root)
                        note_global(c, o, words[i + 1]);
                i++;
        }
        return i;
}

/* Options, or the value after "--name=".  Return: was it one of these. */
static bool complete_dash(const struct completion *c, const struct cli_verb *verb) {
        const char *equals = strchr(c->typed, '=');
        if (c->typed[0] != '-')
                return false;
        if (!equals) {
                complete_options(c, verb->options);
                return true;
        }
        const struct cli_option *o =
                str_startswith(c->typed, "--")
                        ? cli_option_by_long(verb->options, c->typed + 2, (size_t) (equals - c->typed) - 2)
                        : NULL;
        if (o) {
                _cleanup_free_ char *prefix = xstrndup(c->typed, (size_t) (equals - c->typed) + 1);
                complete_value(c, o, prefix);
        }
        return true;
}

static void complete_verb(struct completion *c, const struct cli_verb *verb, const char *const *words, size_t n) {
        const struct cli_option *pending;
        bool options_end = false;
        size_t operands = 0;

        walk(c, verb, words, n, &pending, &operands, &options_end);
        if (pending) {
                complete_value(c, pending, "");
                return;
        }
        if (!options_end && complete_dash(c, verb))
                return;
        if (verb->flags & CLI_VERB_STOP_AT_OPERAND && operands > 0)
                complete_kind(c, "", "files");
        else if (operands < verb->max_operands)
                complete_kind(c, "", verb->complete);
}

void complete_words(FILE *out, const char *const *words, size_t n) {
        if (n == 0)
                return;
        struct completion c = { .out = out, .typed = words[n - 1] };
        const struct cli_option *pending;
        bool options_end = false;
        size_t operands = 0;

        size_t i = walk(&c, &cli_root, words, n, &pending, &operands, &options_end);
        if (pending) {
                complete_value(&c, pending, "");
                return;
        }
        if (i + 1 >= n) { /* the typed word is the verb */
                if (!complete_dash(&c, &cli_root))
                        complete_commands(&c);
                return;
        }
        const struct cli_group *group = cli_group_find(words[i]);
        if (group && i + 2 >= n) {
                complete_group(&c, group);
                return;
        }
        const char *path[3] = { words[i], group ? words[i + 1] : NULL, NULL };
        size_t used = 0;
        const struct cli_verb *verb = cli_verb_find(path, &used);
        if (verb)
                complete_verb(&c, verb, words + i + used, n - i - used);
}
