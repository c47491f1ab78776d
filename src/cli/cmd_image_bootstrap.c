/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk image bootstrap */
#include "verbs.h"

struct bootstrap_args {
        const char *name;
        char **include;
        bool quiet;
};

static int run_bootstrap(const struct cli_call *call) {
        const struct bootstrap_args *a = call->args;
        _cleanup_souk_ struct souk *s = NULL;
        _cleanup_souk_free_ char *id = NULL;
        _cleanup_strv_ char **packages = NULL;
        struct souk_err err = {};

        for (char **i = a->include; i && *i; i++) {
                _cleanup_strv_ char **parts = str_split(*i, ',');
                for (char **p = parts; *p; p++)
                        if (**p)
                                strv_push(&packages, *p);
        }
        const char *name = a->name ? a->name : call->operands[0];
        if (souk_open(call->engine, &s, &err) < 0 ||
            souk_image_bootstrap(s, call->operands[0], name, CONST_STRV(packages), a->quiet, &id, &err) < 0)
                return cli_fail(&err);
        puts(id);
        return 0;
}

static const struct cli_option options[] = {
        { "include", 0, CLI_STRV, offsetof(struct bootstrap_args, include), "PACKAGE,...",
          "Install these packages too (may be repeated)" },
        { "name", 0, CLI_STRING, offsetof(struct bootstrap_args, name), "NAME[:TAG]",
          "Name of the image (default as what it is made of)" },
        { "quiet", 'q', CLI_FLAG, offsetof(struct bootstrap_args, quiet), NULL, "Show no progress" },
};

const struct cli_verb cmd_image_bootstrap = {
        .name = "image bootstrap",
        .topic = CLI_TOPIC_IMAGES,
        .synopsis = "[OPTIONS] debian:SUITE",
        .summary = "Make an image from the packages of a distribution",
        .description = "Make a small image from the packages of a distribution, with mmdebstrap and this machine's "
                       "package sources. Known are debian:bookworm, debian:trixie and debian:sid.",
        .examples =
                (const struct cli_example[]){
                        { "Debian with nginx",
                          "souk image bootstrap --include nginx-light --name nginx debian:bookworm" },
                        {},
                },
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), {} },
        .args_size = sizeof(struct bootstrap_args),
        .min_operands = 1,
        .max_operands = 1,
        .complete = "debian:bookworm debian:trixie debian:sid",
        .run = run_bootstrap,
};
