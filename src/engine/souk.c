/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The handle of libsouk: which store, which run directory. */
#include "base/str.h"
#include "engine/engine.h"

#define DEFAULT_ROOT "/var/lib/souk"
#define DEFAULT_RUN "/run/souk"

static const char *choose(const char *given, const char *variable, const char *otherwise) {
        if (!str_empty(given))
                return given;
        given = getenv(variable);
        return str_empty(given) ? otherwise : given;
}

int souk_open(const struct souk_options *options, struct souk **ret, struct souk_err *err) {
        const char *root = choose(options ? options->root : NULL, "SOUK_ROOT", DEFAULT_ROOT);
        const char *run = choose(options ? options->run : NULL, "SOUK_RUN", DEFAULT_RUN);
        struct store *store;
        int r;

        r = store_open(root, run, &store, err);
        if (r < 0)
                return r;
        *ret = xcalloc(1, sizeof(**ret));
        (*ret)->store = store;
        return 0;
}

void souk_close(struct souk *s) {
        if (!s)
                return;
        store_close(s->store);
        free(s);
}

void souk_free(void *p) {
        free(p);
}

void souk_strv_free(char **v) {
        strv_free(v);
}
