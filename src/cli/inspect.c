/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `souk inspect` and `souk image inspect` have in common. */
#include "inspect.h"

#include "base/json.h"
#include "format.h"

static int fetch(struct souk *s, const struct cli_call *call, size_t i, inspect_fn fn, json_t *objects,
                 struct souk_err *err) {
        _cleanup_souk_free_ char *text = NULL;
        json_t *object = NULL;
        int r = fn(s, call->operands[i], call->args, &text, err);
        if (r < 0)
                return r;
        r = json_parse_text(text, strlen(text), call->operands[i], &object, err);
        if (r >= 0)
                json_array_append_new(objects, object);
        return r;
}

int inspect_each(const struct cli_call *call, inspect_fn fn, const char *format) {
        _cleanup_souk_ struct souk *s = NULL;
        struct souk_err err = {};
        int status = 0;

        if (format_check(format, &err) < 0 || souk_open(call->engine, &s, &err) < 0)
                return cli_fail(&err);
        json_t *objects = json_array();
        char **failures = NULL;
        for (size_t i = 0; i < call->n_operands; i++) {
                err = (struct souk_err){};
                if (fetch(s, call, i, fn, objects, &err) < 0)
                        strv_push(&failures, err.msg);
        }
        err = (struct souk_err){};
        if (format_objects(stdout, format, objects, &err) < 0)
                strv_push(&failures, err.msg);
        json_decref(objects);
        fflush(stdout);
        for (char **f = failures; f && *f; f++) {
                _cleanup_free_ char *safe = str_printable(*f);
                cli_warn("%s", safe);
                status = CLI_EXIT_SOME_FAILED;
        }
        strv_free(failures);
        return status;
}
