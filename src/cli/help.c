/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --help, printed from the tables. */
#include "cli.h"

#include <sys/ioctl.h>

#define HELP_COLUMN 30 /* where the text of an option starts */
#define VERB_COLUMN 20

static size_t help_width(void) {
        struct winsize w;
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col == 0)
                return 100;
        return MIN(MAX(w.ws_col, 60), 120);
}

void cli_wrap(FILE *out, const char *text, size_t at, size_t indent, size_t width) {
        bool first = true;
        while (*text) {
                size_t n = strcspn(text, " \n");
                if (n > 0) {
                        if (!first && at + 1 + n > width) {
                                fprintf(out, "\n%*s", (int) indent, "");
                                at = indent;
                        } else if (!first) {
                                fputc(' ', out);
                                at++;
                        }
                        fprintf(out, "%.*s", (int) n, text);
                        at += n;
                        first = false;
                }
                text += n;
                if (text[0] == '\n' && text[1] == '\n') {
                        fprintf(out, "\n\n%*s", (int) indent, "");
                        at = indent;
                        first = true;
                }
                text += strspn(text, " \n");
        }
        fputc('\n', out);
}

char *cli_option_left(const struct cli_option *o) {
        char shorthand[5] = "";
        if (o->short_name)
                snprintf(shorthand, sizeof(shorthand), "-%c, ", o->short_name);
        return xasprintf("%s--%s%s%s", shorthand, o->long_name, o->metavar ? " " : "", o->metavar ? o->metavar : "");
}

static void help_row(FILE *out, const char *left, size_t left_indent, size_t column, const char *text, size_t width) {
        size_t at = left_indent + strlen(left);
        fprintf(out, "%*s%s", (int) left_indent, "", left);
        if (at + 2 > column) {
                fputc('\n', out);
                at = 0;
        }
        fprintf(out, "%*s", (int) (column - at), "");
        cli_wrap(out, text, column, column, width);
}

static bool group_is_hidden(const struct cli_options *g) {
        for (size_t i = 0; i < g->n; i++)
                if (!(g->table[i].flags & CLI_OPTION_HIDDEN))
                        return false;
        return true;
}

static void help_options(FILE *out, const struct cli_options *groups, size_t width) {
        for (const struct cli_options *g = groups; g && g->table; g++) {
                if (group_is_hidden(g))
                        continue;
                fprintf(out, "\n%s:\n", g->heading ? g->heading : "Options");
                for (size_t i = 0; i < g->n; i++) {
                        const struct cli_option *o = &g->table[i];
                        if (o->flags & CLI_OPTION_HIDDEN)
                                continue;
                        _cleanup_free_ char *left = cli_option_left(o);
                        help_row(out, left, o->short_name ? 2 : 6, HELP_COLUMN, o->help, width);
                }
        }
}

void cli_help_verb(FILE *out, const struct cli_verb *verb) {
        size_t width = help_width();

        fprintf(out, "Usage: souk %s %s\n\n", verb->name, verb->synopsis);
        if (verb->description)
                cli_wrap(out, verb->description, 0, 0, width);
        else
                fprintf(out, "%s.\n", verb->summary);
        if (verb->aliases) {
                fprintf(out, "\nAliases:\n  souk %s", verb->name);
                for (const char *const *a = verb->aliases; *a; a++)
                        fprintf(out, ", souk %s", *a);
                fputc('\n', out);
        }
        help_options(out, verb->options, width);
        if (!verb->examples)
                return;
        fputs("\nExamples:\n", out);
        for (const struct cli_example *e = verb->examples; e->command; e++)
                fprintf(out, "  # %s\n  %s\n", e->what, e->command);
}

/* The name under which @v is typed in @group, or NULL when it is not there. */
static const char *name_in_group(const struct cli_verb *v, const char *group) {
        const char *rest = str_startswith(v->name, group);
        if (rest && *rest == ' ')
                return rest + 1;
        for (const char *const *a = v->aliases; a && *a; a++)
                if ((rest = str_startswith(*a, group)) && *rest == ' ')
                        return rest + 1;
        return NULL;
}

void cli_help_group(FILE *out, const struct cli_group *group) {
        size_t width = help_width();

        fprintf(out, "Usage: souk %s COMMAND\n\n%s.\n\nCommands:\n", group->name, group->summary);
        for (size_t i = 0; i < cli_n_verbs; i++) {
                const char *name = name_in_group(cli_verbs[i], group->name);
                if (name && (cli_verbs[i]->topic != CLI_TOPIC_HIDDEN || group->hidden))
                        help_row(out, name, 2, VERB_COLUMN, cli_verbs[i]->summary, width);
        }
        fprintf(out, "\nRun 'souk %s COMMAND --help' for more about a command.\n", group->name);
}

void cli_help_top(FILE *out) {
        static const char *const topics[] = {
                [CLI_TOPIC_INSTANCES] = "Instances",
                [CLI_TOPIC_IMAGES] = "Images",
                [CLI_TOPIC_SYSTEM] = "System",
                [CLI_TOPIC_HIDDEN] = NULL,
        };
        static_assert(ELEMENTSOF(topics) == CLI_TOPIC_MAX, "every topic has a title");
        size_t width = help_width();

        fprintf(out, "Usage: souk %s\n\n%s.\nStart here: souk run -it box sh\n", cli_root.synopsis, cli_root.summary);
        for (size_t t = 0; t < ELEMENTSOF(topics); t++) {
                if (!topics[t])
                        continue;
                fprintf(out, "\n%s:\n", topics[t]);
                for (size_t i = 0; i < cli_n_verbs; i++)
                        if (cli_verbs[i]->topic == t)
                                help_row(out, cli_verbs[i]->name, 2, VERB_COLUMN, cli_verbs[i]->summary, width);
        }
        help_options(out, cli_root.options, width);
        fputs("\nRun 'souk COMMAND --help' for more about a command.\n", out);
}
