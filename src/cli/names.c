/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs over several names. */
#include "names.h"

int names_each(const struct cli_call *call, name_fn fn, bool echo) {
        _cleanup_souk_ struct souk *s = NULL;
        struct souk_err err = {};
        int status = 0;

        if (souk_open(call->engine, &s, &err) < 0)
                return cli_fail(&err);
        for (size_t i = 0; i < call->n_operands; i++) {
                err = (struct souk_err){};
                if (fn(s, call->operands[i], call->args, &err) < 0) {
                        cli_fail(&err);
                        status = CLI_EXIT_SOME_FAILED;
                } else if (echo) {
                        puts(call->operands[i]);
                        fflush(stdout); /* the next one may take its time */
                }
        }
        return status;
}
