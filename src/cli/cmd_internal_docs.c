/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk internal docs: a man page as scdoc source; called by the build (man/meson.build) */
#include "man.h"
#include "verbs.h"

#include "base/file.h"

#define TAIL_MAX (1u << 20)

struct docs_args {
        const char *append;
        bool list;
};

static void list_pages(void) {
        puts("souk");
        for (size_t i = 0; i < cli_n_verbs; i++)
                if (cli_verbs[i]->topic != CLI_TOPIC_HIDDEN) {
                        _cleanup_free_ char *page = man_page_name(cli_verbs[i]);
                        puts(page);
                }
}

static int print_page(const char *name, struct souk_err *err) {
        if (streq(name, "souk")) {
                man_top(stdout);
                return 0;
        }
        for (size_t i = 0; i < cli_n_verbs; i++) {
                _cleanup_free_ char *page = man_page_name(cli_verbs[i]);
                if (streq(page, name)) {
                        man_verb(stdout, cli_verbs[i]);
                        return 0;
                }
        }
        return souk_err_set(err, SOUK_USAGE, -EINVAL, "no page is called '%s'", name);
}

static int run_docs(const struct cli_call *call) {
        const struct docs_args *a = call->args;
        struct souk_err err = {};

        if (a->list) {
                list_pages();
                return 0;
        }
        for (size_t i = 0; i < call->n_operands; i++)
                if (print_page(call->operands[i], &err) < 0)
                        return cli_fail(&err);
        if (!a->append)
                return 0;
        _cleanup_free_ char *text = NULL;
        int r = file_read(AT_FDCWD, a->append, TAIL_MAX, &text, NULL);
        if (r < 0) {
                souk_err_errno(&err, r, "cannot read '%s'", a->append);
                return cli_fail(&err);
        }
        fputs(text, stdout);
        return 0;
}

static const struct cli_option options[] = {
        { "append", 0, CLI_STRING, offsetof(struct docs_args, append), "FILE", "Print this file after the page" },
        { "list", 0, CLI_FLAG, offsetof(struct docs_args, list), NULL, "Print the names of all pages" },
};

const struct cli_verb cmd_internal_docs = {
        .name = "internal docs",
        .topic = CLI_TOPIC_HIDDEN,
        .synopsis = "[OPTIONS] PAGE...",
        .summary = "Print man pages as scdoc source",
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), {} },
        .args_size = sizeof(struct docs_args),
        .max_operands = CLI_ANY,
        .run = run_docs,
};
