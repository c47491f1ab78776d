/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk tag */
#include "verbs.h"

static int run_tag(const struct cli_call *call) {
        _cleanup_souk_ struct souk *s = NULL;
        struct souk_err err = {};
        if (souk_open(call->engine, &s, &err) < 0 || souk_image_tag(s, call->operands[0], call->operands[1], &err) < 0)
                return cli_fail(&err);
        return 0;
}

const struct cli_verb cmd_tag = {
        .name = "tag",
        .aliases = (const char *const[]){ "image tag", NULL },
        .topic = CLI_TOPIC_IMAGES,
        .synopsis = "IMAGE NEW_NAME[:TAG]",
        .summary = "Give an image one more name",
        .min_operands = 2,
        .max_operands = 2,
        .complete = "images",
        .run = run_tag,
};
