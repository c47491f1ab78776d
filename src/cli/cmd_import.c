/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk import */
#include "archive_io.h"
#include "progress.h"
#include "verbs.h"

struct import_args {
        char **changes;
        const char *message;
        bool quiet;
};

static int run_import(const struct cli_call *call) {
        const struct import_args *a = call->args;
        const char *source = call->operands[0];
        _cleanup_souk_ struct souk *s = NULL;
        _cleanup_souk_free_ char *id = NULL;
        struct progress progress;
        struct souk_err err = {};

        if (str_startswith(source, "http://") || str_startswith(source, "https://")) {
                souk_err_set(&err, SOUK_UNSUPPORTED, -EOPNOTSUPP,
                             "cannot import from a URL: pipe it in, as in 'curl -fsSL %s | souk import -'", source);
                return cli_fail(&err);
        }
        _cleanup_(archive_input_closep) int fd =
                archive_input_open(source, "give a file or a directory, or redirect standard input", &err);
        if (fd < 0 || souk_open(call->engine, &s, &err) < 0)
                return cli_fail(&err);
        progress_init(&progress, a->quiet || !isatty(STDERR_FILENO), stderr);
        struct souk_import_request r = {
                .fd = fd,
                .name = call->operands[1],
                .message = a->message,
                .changes = CONST_STRV(a->changes),
                .progress = progress_event,
                .user = &progress,
        };
        int ok = souk_image_import(s, &r, &id, &err);
        progress_end(&progress);
        if (ok < 0)
                return cli_fail(&err);
        puts(id);
        return 0;
}

static const struct cli_option options[] = {
        { "change", 'c', CLI_STRV, offsetof(struct import_args, changes), "INSTRUCTION",
          "Set the image's configuration: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME or WORKDIR" },
        { "message", 'm', CLI_STRING, offsetof(struct import_args, message), "TEXT",
          "Comment for the image's history" },
        { "quiet", 'q', CLI_FLAG, offsetof(struct import_args, quiet), NULL, "Show no progress" },
};

const struct cli_verb cmd_import = {
        .name = "import",
        .aliases = (const char *const[]){ "image import", NULL },
        .topic = CLI_TOPIC_IMAGES,
        .synopsis = "[OPTIONS] FILE|DIRECTORY|- [NAME[:TAG]]",
        .summary = "Make an image from a tar archive or a directory of files",
        .description = "Make an image of one layer from a root file system: a tar archive (plain, gzip or zstd; - is "
                       "standard input) or a directory. Prints the image's id.",
        .examples =
                (const struct cli_example[]){
                        { "With a default command", "souk import -c 'CMD [\"/bin/sh\"]' rootfs.tar.gz mybox:1.0" },
                        {},
                },
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), {} },
        .args_size = sizeof(struct import_args),
        .min_operands = 1,
        .max_operands = 2,
        .complete = "files",
        .run = run_import,
};
