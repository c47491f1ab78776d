/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Man pages as scdoc source, from the tables. */
#include "man.h"

#include <ctype.h>

void man_escape(FILE *out, const char *text) {
        bool line_start = true;
        for (; *text; text++) {
                if (strchr("\\*_~`", *text) || (line_start && strchr("#-|[];.!+", *text)))
                        fputc('\\', out);
                fputc(*text, out);
                line_start = *text == '\n';
        }
}

char *man_page_name(const struct cli_verb *verb) {
        char *name = verb == &cli_root ? xstrdup("souk") : xasprintf("souk-%s", verb->name);
        for (char *p = name; *p; p++)
                if (*p == ' ')
                        *p = '-';
        return name;
}

static void man_option(FILE *out, const struct cli_option *o) {
        if (o->short_name)
                fprintf(out, "*-%c*, ", o->short_name);
        fputs("*--", out);
        man_escape(out, o->long_name);
        fputc('*', out);
        if (o->metavar) {
                fputc(' ', out);
                man_escape(out, o->metavar);
        }
        fputs("\n\t", out);
        man_escape(out, o->help);
        fputs(".\n\n", out);
}

static void man_options(FILE *out, const struct cli_options *groups) {
        for (const struct cli_options *g = groups; g && g->table; g++) {
                if (g == groups)
                        fputs("# OPTIONS\n\n", out);
                if (g->heading)
                        fprintf(out, "## %s\n\n", g->heading);
                for (size_t i = 0; i < g->n; i++)
                        if (!(g->table[i].flags & CLI_OPTION_HIDDEN))
                                man_option(out, &g->table[i]);
        }
}

static void man_head(FILE *out, const char *page, const char *summary) {
        fprintf(out, "%s(1)\n\n# NAME\n\n", page);
        fprintf(out, "%s - ", page);
        for (const char *p = summary; *p; p++) { /* "Run a command" -> "run a command", as whatis(1) lists it */
                char one[2] = { p == summary ? (char) tolower((unsigned char) *p) : *p, 0 };
                man_escape(out, one);
        }
        fputs("\n\n# SYNOPSIS\n\n", out);
}

void man_verb(FILE *out, const struct cli_verb *verb) {
        _cleanup_free_ char *page = man_page_name(verb);

        man_head(out, page, verb->summary);
        fprintf(out, "*souk %s* ", verb->name);
        man_escape(out, verb->synopsis);
        for (const char *const *a = verb->aliases; a && *a; a++) {
                fprintf(out, "++\n*souk %s* ", *a);
                man_escape(out, verb->synopsis);
        }
        fputs("\n\n# DESCRIPTION\n\n", out);
        man_escape(out, verb->description ? verb->description : verb->summary);
        fputs(verb->description ? "\n\n" : ".\n\n", out);
        man_options(out, verb->options);
        if (verb->examples)
                fputs("# EXAMPLES\n\n", out);
        for (const struct cli_example *e = verb->examples; e && e->command; e++) {
                man_escape(out, e->what);
                fprintf(out, ":\n\n```\n%s\n```\n\n", e->command);
        }
        fputs("# SEE ALSO\n\n*souk*(1), *souk-format*(7)\n", out);
}

void man_top(FILE *out) {
        static const char *const topics[] = { "Instances", "Images", "System", NULL };
        static_assert(ELEMENTSOF(topics) == CLI_TOPIC_MAX, "every topic has a title");

        man_head(out, "souk", cli_root.summary);
        fputs("*souk* ", out);
        man_escape(out, cli_root.synopsis);
        fputs("\n\n", out);
        man_options(out, cli_root.options);
        fputs("# COMMANDS\n\n", out);
        for (size_t t = 0; topics[t]; t++) {
                fprintf(out, "## %s\n\n", topics[t]);
                for (size_t i = 0; i < cli_n_verbs; i++) {
                        if (cli_verbs[i]->topic != t)
                                continue;
                        _cleanup_free_ char *page = man_page_name(cli_verbs[i]);
                        fprintf(out, "*%s*(1)\n\t", page);
                        man_escape(out, cli_verbs[i]->summary);
                        fputs(".\n\n", out);
                }
        }
}
