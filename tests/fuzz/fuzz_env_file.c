/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any text as a file of environment variables: each of the results is an assignment with a name. */
#include "wire/env_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static char *caller[] = { (char *) "A=1", (char *) "HOME=/", NULL };
        _cleanup_free_ char *copy = xmemdup(data, size);
        _cleanup_strv_ char **env = NULL;
        struct souk_err err = {};
        int r = env_file_parse(copy, size, "file", caller, &env, &err);
        if (r < 0 && (err.errnum != r || err.code != SOUK_INVALID || !err.msg[0]))
                abort();
        for (size_t i = 0; env && env[i]; i++)
                if (!strchr(env[i], '=') || env[i][0] == '=' || strchr(env[i], '\n') || !str_is_utf8(env[i]))
                        abort();
        return 0;
}
