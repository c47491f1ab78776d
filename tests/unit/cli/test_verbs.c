/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every verb's table is sane, whoever adds one. */
#include "cmocka_all.h"

#include "base/file.h"
#include "cli/man.h"
#include "cli/cli.h"

#include <ctype.h>

static void check_text(const char *where, const char *text) {
        if (!text || !*text)
                fail_msg("%s: text is missing", where);
        if (text[strlen(text) - 1] == '.' || isspace((unsigned char) text[strlen(text) - 1]))
                fail_msg("%s: '%s' ends with a full stop or a space", where, text);
        if (strchr(text, '\n'))
                fail_msg("%s: '%s' is more than a line", where, text);
}

static void check_option(const struct cli_verb *v, const struct cli_option *o) {
        check_text(v->name, o->help);
        if (!islower((unsigned char) o->long_name[0]) || strchr(o->long_name, '_') || strchr(o->long_name, ' '))
                fail_msg("%s: --%s", v->name, o->long_name);
        if (cli_option_is_flag(o) != (o->metavar == NULL))
                fail_msg("%s --%s: a flag has no metavar, everything else has", v->name, o->long_name);
        if ((o->kind == CLI_CHOICE) != (o->choices != NULL))
                fail_msg("%s --%s: choices", v->name, o->long_name);
        if (o->offset >= v->args_size)
                fail_msg("%s --%s: writes outside of the args", v->name, o->long_name);
}

static void check_options(const struct cli_verb *v) {
        for (const struct cli_options *g = v->options; g && g->table; g++)
                for (size_t i = 0; i < g->n; i++) {
                        const struct cli_option *o = &g->table[i];
                        check_option(v, o);
                        if (cli_option_by_long(v->options, o->long_name, strlen(o->long_name)) != o)
                                fail_msg("%s: --%s twice", v->name, o->long_name);
                        if (o->short_name && cli_option_by_short(v->options, o->short_name) != o)
                                fail_msg("%s: -%c twice", v->name, o->short_name);
                }
}

static void check_verb(const struct cli_verb *v) {
        check_text(v->name, v->summary);
        assert_non_null(v->synopsis);
        assert_non_null(v->run);
        assert_true(v->min_operands <= v->max_operands);
        if (v->options && !strstr(v->synopsis, "[OPTIONS]"))
                fail_msg("%s: [OPTIONS] is missing in the synopsis", v->name);
        if (!v->options && strstr(v->synopsis, "[OPTIONS]"))
                fail_msg("%s: [OPTIONS] in the synopsis, but there are none", v->name);
        for (const struct cli_example *e = v->examples; e && e->command; e++) {
                check_text(v->name, e->what);
                if (!strstr(e->command, "souk"))
                        fail_msg("%s: example '%s'", v->name, e->command);
        }
        check_options(v);
}

static void test_tables(void **state) {
        check_options(&cli_root);
        for (size_t i = 0; i < cli_n_verbs; i++)
                check_verb(cli_verbs[i]);
}

static const struct cli_verb *find(const char *name) {
        _cleanup_strv_ char **words = str_split(name, ' ');
        size_t used = 0;
        const struct cli_verb *v = cli_verb_find((const char *const *) words, &used);
        if (v && used != strv_len(words))
                fail_msg("%s: only %zu words are its name", name, used);
        return v;
}

static void test_names_unique(void **state) {
        for (size_t i = 0; i < cli_n_verbs; i++) {
                if (find(cli_verbs[i]->name) != cli_verbs[i])
                        fail_msg("'%s' finds another verb", cli_verbs[i]->name);
                for (const char *const *a = cli_verbs[i]->aliases; a && *a; a++)
                        if (find(*a) != cli_verbs[i])
                                fail_msg("'%s' finds another verb", *a);
        }
}

static void test_promised(void **state) {
        static const char *const names[] = {
                "run",          "create",      "start",         "stop",          "kill",        "rm",
                "ps",           "logs",        "exec",          "attach",        "wait",        "inspect",
                "export",       "images",      "load",          "import",        "save",        "tag",
                "rmi",          "image ls",    "image inspect", "image history", "image prune", "image bootstrap",
                "image rm",     "image tag",   "image load",    "image import",  "image save",  "image box",
                "system check", "system info", "system reset",  "system reap",   "version",     "completion",
                "help",
        };
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (!find(names[i]))
                        fail_msg("'%s' is missing", names[i]);
}

static void test_suggestions(void **state) {
        assert_string_equal(cli_verb_suggest("rnu", NULL), "run");
        assert_string_equal(cli_verb_suggest("imags", NULL), "images");
        assert_string_equal(cli_verb_suggest("histroy", "image"), "history");
        assert_null(cli_verb_suggest("kubernetes", NULL));
}

/* man/meson.build lists the pages by hand: meson wants to know them before the program exists. */
static void test_man_pages_listed(void **state) {
        const char *path = getenv("SOUK_MAN_PAGES");
        _cleanup_free_ char *text = NULL;
        if (!path)
                skip();
        assert_int_equal(file_read(AT_FDCWD, path, 1 << 16, &text, NULL), 0);
        for (size_t i = 0; i < cli_n_verbs; i++) {
                _cleanup_free_ char *page = man_page_name(cli_verbs[i]);
                _cleanup_free_ char *quoted = xasprintf("'%s',", page);
                if ((cli_verbs[i]->topic != CLI_TOPIC_HIDDEN) != (strstr(text, quoted) != NULL))
                        fail_msg("%s and %s do not fit", path, page);
        }
}

static void test_help_and_man(void **state) {
        for (size_t i = 0; i < cli_n_verbs; i++) {
                char *text = NULL;
                size_t n;
                FILE *f = open_memstream(&text, &n);
                cli_help_verb(f, cli_verbs[i]);
                man_verb(f, cli_verbs[i]);
                fclose(f);
                assert_contains(text, "Usage: souk ");
                assert_contains(text, "# SYNOPSIS");
                free(text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_tables),           cmocka_unit_test(test_names_unique),
                cmocka_unit_test(test_promised),         cmocka_unit_test(test_suggestions),
                cmocka_unit_test(test_man_pages_listed), cmocka_unit_test(test_help_and_man),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
