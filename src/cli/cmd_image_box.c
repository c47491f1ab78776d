/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk image box */
#include "verbs.h"

static int run_box(const struct cli_call *call) {
        _cleanup_souk_ struct souk *s = NULL;
        struct souk_err err = {};
        int r = souk_open(call->engine, &s, &err);
        if (r >= 0)
                r = souk_image_box(s, &err);
        if (r < 0)
                return cli_fail(&err);
        puts(r > 0 ? "Made image: box:latest" : "Image box:latest is already there");
        return 0;
}

const struct cli_verb cmd_image_box = {
        .name = "image box",
        .topic = CLI_TOPIC_IMAGES,
        .synopsis = "",
        .summary = "Make the built-in image 'box'",
        .description = "Make the built-in image 'box' from this machine's static busybox, without a network. 'souk "
                       "run box' does it on first use.",
        .run = run_box,
};
