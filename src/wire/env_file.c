/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See env_file.h.  The value is the rest of the line as it is: spaces and quotes belong to it, as in Docker. */
#include "wire/env_file.h"

static int parse_line(char *line, const char *what, size_t number, char *const *caller_env, char ***env,
                      struct souk_err *err) {
        line += strspn(line, " \t");
        if (!*line || *line == '#')
                return 0;
        size_t name = strcspn(line, "=");
        if (name == 0)
                return souk_err_set(err, SOUK_INVALID, -EINVAL, "%s:%zu: there is no name before '='", what, number);
        if (strcspn(line, " \t") < name)
                return souk_err_set(err, SOUK_INVALID, -EINVAL, "%s:%zu: the name has white space in it", what, number);
        if (line[name] == '=') {
                env_set(env, line);
                return 0;
        }
        const char *value = env_get(caller_env, line);
        if (value) {
                _cleanup_free_ char *full = xasprintf("%s=%s", line, value);
                env_set(env, full);
        }
        return 0;
}

int env_file_parse(const char *text, size_t len, const char *what, char *const *caller_env, char ***env,
                   struct souk_err *err) {
        if (memchr(text, '\0', len))
                return souk_err_set(err, SOUK_INVALID, -EINVAL, "%s: has a NUL byte in it", what);
        _cleanup_free_ char *copy = xstrndup(text, len);
        char *line = copy;
        if (str_startswith(line, "\xef\xbb\xbf")) /* a byte order mark, as editors of Windows leave it */
                line += 3;
        for (size_t number = 1; *line; number++) {
                char *end = strchrnul(line, '\n'), *next = *end ? end + 1 : end;
                *end = '\0';
                if (end > line && end[-1] == '\r')
                        end[-1] = '\0';
                if (!str_is_utf8(line))
                        return souk_err_set(err, SOUK_INVALID, -EINVAL, "%s:%zu: is not valid UTF-8", what, number);
                int r = parse_line(line, what, number, caller_env, env, err);
                if (r < 0)
                        return r;
                line = next;
        }
        return 0;
}
