/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk load */
#include "archive_io.h"
#include "format.h"
#include "progress.h"
#include "verbs.h"

struct load_args {
        const char *input, *tag;
        bool quiet;
};

static void print_loaded(const char *name) {
        _cleanup_free_ char *familiar = name_familiar(name), *safe = str_printable(familiar);
        printf(str_startswith(name, "sha256:") ? "Loaded image ID: %s\n" : "Loaded image: %s\n", safe);
}

static int run_load(const struct cli_call *call) {
        const struct load_args *a = call->args;
        _cleanup_souk_ struct souk *s = NULL;
        _cleanup_souk_strv_ char **names = NULL;
        struct progress progress;
        struct souk_err err = {};

        _cleanup_(archive_input_closep) int fd =
                archive_input_open(a->input, "use -i FILE, or redirect standard input", &err);
        if (fd < 0 || souk_open(call->engine, &s, &err) < 0)
                return cli_fail(&err);
        progress_init(&progress, a->quiet, stderr);
        struct souk_load_request r = { .fd = fd, .tag = a->tag, .progress = progress_event, .user = &progress };
        int ok = souk_image_load(s, &r, &names, &err);
        progress_end(&progress);
        if (ok < 0)
                return cli_fail(&err);
        for (char **n = names; n && *n; n++)
                print_loaded(*n);
        return 0;
}

static const struct cli_option options[] = {
        { "input", 'i', CLI_STRING, offsetof(struct load_args, input), "FILE",
          "Read an archive, or an OCI layout directory, not standard input", .complete = "files" },
        { "quiet", 'q', CLI_FLAG, offsetof(struct load_args, quiet), NULL, "Show no progress" },
        { "tag", 't', CLI_STRING, offsetof(struct load_args, tag), "NAME[:TAG]",
          "Name for an image that carries none" },
};

const struct cli_verb cmd_load = {
        .name = "load",
        .aliases = (const char *const[]){ "image load", NULL },
        .topic = CLI_TOPIC_IMAGES,
        .synopsis = "[OPTIONS]",
        .summary = "Load images from an archive",
        .description = "Load images from an archive (docker-archive or oci-archive; plain, gzip or zstd) or from an "
                       "OCI layout directory.",
        .examples =
                (const struct cli_example[]){
                        { "From a file", "souk load -i nginx.tar.gz" },
                        { "From Docker", "docker save nginx | souk load" },
                        {},
                },
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), {} },
        .args_size = sizeof(struct load_args),
        .run = run_load,
};
