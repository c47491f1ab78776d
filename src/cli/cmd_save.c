/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk save */
#include "archive_io.h"
#include "verbs.h"

static const char *const formats[] = {
        [SOUK_ARCHIVE_DOCKER] = "docker-archive", [SOUK_ARCHIVE_OCI] = "oci-archive", NULL
};

struct save_args {
        const char *output;
        int format;
};

static int run_save(const struct cli_call *call) {
        const struct save_args *a = call->args;
        _cleanup_souk_ struct souk *s = NULL;
        _cleanup_(archive_output_abandon) struct archive_output out = { .fd = -EBADF };
        struct souk_err err = {};

        if (souk_open(call->engine, &s, &err) < 0 || archive_output_open(a->output, &out, &err) < 0 ||
            souk_image_save(s, call->operands, out.fd, (enum souk_archive_format) a->format, &err) < 0 ||
            archive_output_commit(&out, &err) < 0)
                return cli_fail(&err);
        return 0;
}

static const struct cli_option options[] = {
        { "format", 0, CLI_CHOICE, offsetof(struct save_args, format), "FORMAT",
          "docker-archive (default) or oci-archive", .choices = formats },
        { "output", 'o', CLI_STRING, offsetof(struct save_args, output), "FILE",
          "Write to a file, not to standard output", .complete = "files" },
};

const struct cli_verb cmd_save = {
        .name = "save",
        .aliases = (const char *const[]){ "image save", NULL },
        .topic = CLI_TOPIC_IMAGES,
        .synopsis = "[OPTIONS] IMAGE [IMAGE...]",
        .summary = "Write images as one archive",
        .examples =
                (const struct cli_example[]){
                        { "To Docker", "souk save web | docker load" },
                        {},
                },
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), {} },
        .args_size = sizeof(struct save_args),
        .min_operands = 1,
        .max_operands = CLI_ANY,
        .complete = "images",
        .run = run_save,
};
