/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dockerfile instructions that change an image's configuration, for `souk import --change`. */
#include "base/proc.h"
#include "base/str.h"
#include "wire/image_config.h"

#include <ctype.h>
#include <strings.h>

static int bad(struct souk_err *err, const char *why) {
        return souk_err_set(err, SOUK_INVALID, -EINVAL, "%s", why);
}

/* "[...]": a JSON array of strings, and nothing else. */
static int parse_words(const char *rest, json_t **ret, struct souk_err *err) {
        _cleanup_json_ json_t *words = NULL;
        struct souk_err why = {};
        json_t *word;
        size_t i;
        if (json_parse_text(rest, strlen(rest), "the array", &words, &why) < 0)
                return bad(err, why.msg); /* what the user typed is wrong, not corrupt */
        json_array_foreach(words, i, word)
                if (!json_is_string(word))
                        return bad(err, "the array must hold strings");
        *ret = TAKE_PTR(words);
        return 0;
}

/* CMD and ENTRYPOINT: a JSON array of words, or a line for the shell. */
static int set_command(json_t *config, const char *key, const char *rest, struct souk_err *err) {
        if (*rest == '[') {
                json_t *words;
                int r = parse_words(rest, &words, err);
                if (r >= 0)
                        json_object_set_new(config, key, words);
                return r;
        }
        json_object_set_new(config, key, json_pack("[s,s,s]", "/bin/sh", "-c", rest));
        return 0;
}

/* One word of "A=b c=\"d e\"": quotes are taken away.  Moves *p.  1 and a word [owned], 0 at the end, -EINVAL for an
 * open quote */
static int next_word(const char **p, char **ret, struct souk_err *err) {
        *p += strspn(*p, " \t");
        if (!**p)
                return 0;
        char *word = xmalloc(strlen(*p) + 1), *o = word, quote = 0;
        for (; **p && (quote || (**p != ' ' && **p != '\t')); (*p)++) {
                if (quote ? **p == quote : **p == '"' || **p == '\'')
                        quote = quote ? 0 : **p;
                else {
                        if (**p == '\\' && quote != '\'' && (*p)[1])
                                (*p)++;
                        *o++ = **p;
                }
        }
        *o = '\0';
        if (quote) {
                free(word);
                return bad(err, "a quote is not closed");
        }
        *ret = word;
        return 1;
}

static json_t *member(json_t *config, const char *key, json_t *(*make)(void)) {
        json_t *v = json_object_get(config, key);
        if (!v || json_is_null(v)) {
                json_object_set_new(config, key, make());
                v = json_object_get(config, key);
        }
        return v;
}

static void set_env(json_t *config, const char *name, const char *value) {
        json_t *env = member(config, "Env", json_array), *item;
        _cleanup_free_ char *full = xasprintf("%s=%s", name, value);
        size_t i, n = strlen(name) + 1;
        json_array_foreach(env, i, item)
                if (strncmp(json_string_value(item), full, n) == 0) {
                        json_array_set_new(env, i, json_string(full));
                        return;
                }
        json_array_append_new(env, json_string(full));
}

static void set_label(json_t *config, const char *name, const char *value) {
        json_object_set_new(member(config, "Labels", json_object), name, json_string(value));
}

/* "A=b C=d", or "A the rest of the line" */
static int set_pairs(json_t *config, const char *rest, void (*set)(json_t *, const char *, const char *),
                     struct souk_err *err) {
        size_t name = strcspn(rest, "= \t");
        if (name == 0 || !rest[name])
                return bad(err, "expected NAME=VALUE");
        if (rest[name] != '=') {
                _cleanup_free_ char *key = xstrndup(rest, name);
                set(config, key, rest + name + strspn(rest + name, " \t"));
                return 0;
        }
        for (const char *p = rest;;) {
                _cleanup_free_ char *word = NULL;
                int r = next_word(&p, &word, err);
                if (r <= 0)
                        return r;
                char *eq = strchr(word, '=');
                if (!eq || eq == word)
                        return bad(err, "expected NAME=VALUE");
                *eq = '\0';
                set(config, word, eq + 1);
        }
}

static int set_keys(json_t *config, const char *key, const char *rest, const char *suffix, struct souk_err *err) {
        json_t *set = member(config, key, json_object);
        if (*rest == '[') {
                json_t *words, *word;
                size_t i;
                int r = parse_words(rest, &words, err);
                if (r < 0)
                        return r;
                json_array_foreach(words, i, word)
                        json_object_set_new(set, json_string_value(word), json_object());
                json_decref(words);
                return 0;
        }
        for (const char *p = rest;;) {
                _cleanup_free_ char *word = NULL;
                int r = next_word(&p, &word, err);
                if (r <= 0)
                        return r;
                _cleanup_free_ char *full = xasprintf("%s%s", word, strchr(word, '/') ? "" : suffix);
                json_object_set_new(set, full, json_object());
        }
}

static int set_port(json_t *config, const char *rest, struct souk_err *err) {
        uint32_t port;
        for (const char *p = rest;;) {
                _cleanup_free_ char *word = NULL;
                int r = next_word(&p, &word, err);
                if (r < 0)
                        return r;
                if (r == 0)
                        break;
                size_t digits = strcspn(word, "/");
                _cleanup_free_ char *number = xstrndup(word, digits);
                const char *proto = word + digits;
                if (str_to_u32(number, &port) < 0 || !port || port > 65535 ||
                    (*proto && !streq(proto, "/tcp") && !streq(proto, "/udp") && !streq(proto, "/sctp")))
                        return bad(err, "expected PORT[/tcp|udp|sctp]");
        }
        return set_keys(config, "ExposedPorts", rest, "/tcp", err);
}

int image_config_change(json_t *config, const char *instruction, struct souk_err *err) {
        const char *rest = instruction + strspn(instruction, " \t");
        size_t n = strcspn(rest, " \t");
        _cleanup_free_ char *verb = xstrndup(rest, n);
        rest += n;
        rest += strspn(rest, " \t");
        if (!str_is_utf8(instruction))
                return bad(err, "is not valid UTF-8");
        if (!*rest)
                return bad(err, "expected an instruction and its value, as in 'USER app'");
        if (strcasecmp(verb, "CMD") == 0)
                return set_command(config, "Cmd", rest, err);
        if (strcasecmp(verb, "ENTRYPOINT") == 0)
                return set_command(config, "Entrypoint", rest, err);
        if (strcasecmp(verb, "ENV") == 0)
                return set_pairs(config, rest, set_env, err);
        if (strcasecmp(verb, "LABEL") == 0)
                return set_pairs(config, rest, set_label, err);
        if (strcasecmp(verb, "EXPOSE") == 0)
                return set_port(config, rest, err);
        if (strcasecmp(verb, "VOLUME") == 0)
                return set_keys(config, "Volumes", rest, "", err);
        if (strcasecmp(verb, "USER") == 0)
                json_object_set_new(config, "User", json_string(rest));
        else if (strcasecmp(verb, "WORKDIR") == 0) {
                if (*rest != '/')
                        return bad(err, "the path must be absolute");
                json_object_set_new(config, "WorkingDir", json_string(rest));
        } else if (strcasecmp(verb, "STOPSIGNAL") == 0) {
                if (signal_from_name(rest) < 0)
                        return bad(err, "not a signal's name or number");
                json_object_set_new(config, "StopSignal", json_string(rest));
        } else
                return bad(err, "unknown instruction; known are CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, "
                                "VOLUME, WORKDIR");
        return 0;
}
