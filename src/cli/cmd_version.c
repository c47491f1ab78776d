/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk version */
#include "format.h"
#include "verbs.h"

#include <sys/utsname.h>

struct version_args {
        const char *format;
};

static int run_version(const struct cli_call *call) {
        const struct version_args *a = call->args;
        struct souk_err err = {};
        struct utsname u = {};

        uname(&u);
        if (!a->format) {
                printf("Version:  %s\nKernel:   %s\nMachine:  %s\n", SOUK_VERSION, u.release, u.machine);
                return 0;
        }
        json_t *objects =
                json_pack("[{s:s, s:s, s:s}]", "Version", SOUK_VERSION, "KernelVersion", u.release, "Arch", u.machine);
        int r = format_objects(stdout, a->format, objects, &err);
        json_decref(objects);
        return r < 0 ? cli_fail(&err) : 0;
}

static const struct cli_option options[] = {
        { "format", 'f', CLI_STRING, offsetof(struct version_args, format), "FORMAT",
          "json, or a template: see souk-format(7)" },
};

const struct cli_verb cmd_version = {
        .name = "version",
        .topic = CLI_TOPIC_SYSTEM,
        .synopsis = "[OPTIONS]",
        .summary = "Show the version",
        .options = (const struct cli_options[]){ CLI_OPTIONS(NULL, options), {} },
        .args_size = sizeof(struct version_args),
        .run = run_version,
};
