/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `souk system check`: the records are the truth; everything else is compared with them.  The store looks at its own files
 * and mounts; here come instances whose process is gone, and things in the system named after ids that nobody knows.
 */
#include "engine/instance.h"

#include "base/file.h"
#include "container/container.h"

#include <stdarg.h>

struct check {
        struct souk *souk;
        bool repair;
        int open;       /* findings that were not mended */
        char **lines;
};

__attribute__((format(printf, 3, 4))) static void report(void *user, bool repaired, const char *fmt, ...) {
        struct check *c = user;
        char text[1024];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        strv_pushf(&c->lines, "%s: %s", repaired ? "repaired" : "found", text);
        c->open += !repaired;
}

/* An instance that the records call alive, but is not: repaired by the way any command would notice it. */
static int check_state(struct check *c, struct store_instance *i, struct souk_err *err) {
        enum souk_state before = i->state;
        _cleanup_free_ char *name = xstrdup(i->name);
        if (!instance_is_stale(c->souk, i))
                return 0;
        int r = c->repair ? instance_refresh(c->souk, i, err) : 0;
        if (r < 0 && r != -ENOENT)
                return r;
        report(c, c->repair, "instance '%s' is recorded as %s, but its process is gone", name, souk_state_name(before));
        return c->repair ? r : 0;
}

/* What is named after an instance that does not run.  Other stores' instances are not ours to judge, so this starts from
 * our records; a record is the last thing of an instance to go. */
static int check_leftovers(struct check *c, const struct store_instance *i, char *const *ids, struct souk_err *err) {
        if (i->state == SOUK_STATE_RUNNING || i->state == SOUK_STATE_STARTING || !strv_has(ids, i->id))
                return 0;
        int r = c->repair ? container_backend.destroy(i->id, NULL, err) : 0;
        if (r >= 0)
                report(c, c->repair, "control groups of instance '%s', which does not run", i->name);
        return r;
}

static int check_instances(struct check *c, struct souk_err *err) {
        _cleanup_strv_ char **ids = NULL;
        struct store_instance *v = NULL;
        size_t n = 0;
        int r = container_backend.list(&ids, err);
        if (r >= 0)
                r = store_instance_list(c->souk->store, &v, &n, err);
        for (size_t k = 0; k < n; k++) {
                if (r >= 0)
                        r = check_state(c, &v[k], err);
                if (r >= 0)
                        r = check_leftovers(c, &v[k], ids, err);
                else if (r == -ENOENT) /* it removed itself */
                        r = 0;
                store_instance_clear(&v[k]);
        }
        free(v);
        return r;
}

int souk_check(struct souk *s, bool repair, char ***ret_lines, struct souk_err *err) {
        struct check c = { .souk = s, .repair = repair };
        int r = check_instances(&c, err);
        if (r >= 0)
                r = store_check(s->store, repair, report, &c, err);
        if (r < 0) {
                strv_free(c.lines);
                return r;
        }
        *ret_lines = c.lines;
        return c.open;
}

int souk_reset(struct souk *s, bool all, struct souk_err *err) {
        struct souk_instance *v = NULL;
        size_t n = 0;
        int r = 0;
        if (all) {
                r = souk_list(s, &(struct souk_list_request){ .all = true }, &v, &n, err);
                for (size_t i = 0; r >= 0 && i < n; i++) {
                        r = souk_remove(s, v[i].id, true, err);
                        if (r == -ENOENT) /* it had --rm, and ended meanwhile */
                                r = 0;
                }
                souk_instances_free(v, n);
        }
        if (r >= 0 && all) {
                _cleanup_strv_ char **lines = NULL;
                uint64_t bytes;
                r = souk_image_prune(s, true, &lines, &bytes, err);
        }
        if (r >= 0)
                r = store_layers_unmount(s->store, NULL, err);
        if (r >= 0)
                r = tree_remove(s->store->root_fd, "cache");
        container_parents_remove();
        return r < 0 ? r : 0;
}
