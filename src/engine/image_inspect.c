/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk image inspect and history: the image's own configuration in the shape that Docker's clients know. */
#include "base/json.h"
#include "base/proc.h"
#include "base/str.h"
#include "engine/engine.h"
#include "wire/image_config.h"
#include "wire/ref.h"

static int image_find_full(struct store *st, const char *ref, struct store_image *ret, struct souk_err *err) {
        struct store_image found = { 0 };
        int r;

        r = store_image_find(st, ref, &found, err);
        if (r < 0)
                return r;
        r = store_image_get(st, found.id, false, ret, err);
        store_image_clear(&found);
        return r;
}

static json_t *inspect_names(const struct store_image *i) {
        json_t *a = json_array();

        for (char **name = i->names; name && *name; name++) {
                _cleanup_free_ char *familiar = image_ref_familiar(*name);

                json_array_append_new(a, json_string(familiar));
        }
        return a;
}

/* "debian@sha256:..." once for each repository that names the image */
static json_t *inspect_digests(const struct store_image *i) {
        _cleanup_strv_ char **seen = NULL;
        json_t *a = json_array();

        for (char **name = i->names; name && *name; name++) {
                _cleanup_free_ char *repository = NULL, *tag = NULL, *text = NULL;

                image_ref_split(*name, &repository, &tag);
                if (strv_has(seen, repository))
                        continue;
                strv_push(&seen, repository);
                text = xasprintf("%s@sha256:%s", repository, i->manifest_digest.hex);
                json_array_append_new(a, json_string(text));
        }
        return a;
}

static json_t *inspect_rootfs(const struct store_image *i) {
        json_t *o = json_object(), *layers = json_array();

        for (size_t k = 0; k < i->n_layers; k++) {
                char digest[DIGEST_STR_SIZE];

                json_array_append_new(layers, json_string(digest_format(&i->layers[k].diff_id, digest)));
        }
        json_object_set_new(o, "Type", json_string("layers"));
        json_object_set_new(o, "Layers", layers);
        return o;
}

static json_t *inspect_driver(struct store *st, const struct store_image *i) {
        json_t *o = json_object(), *data = json_object();
        _cleanup_strv_ char **paths = NULL;
        bool tree = false;

        for (size_t k = i->n_layers; k-- > 0;) { /* uppermost first, as Docker's LowerDir */
                bool is_tree = i->layers[k].driver == LAYER_DRIVER_TREE;

                tree |= is_tree;
                strv_pushf(&paths, "%s/layers/%s%s", st->root, i->layers[k].diff_id.hex, is_tree ? "" : ".erofs");
        }
        if (paths) {
                _cleanup_free_ char *lower = strv_join(paths, ":");

                json_object_set_new(data, "LowerDir", json_string(lower));
        }
        json_object_set_new(o, "Name", json_string(tree ? "tree" : "erofs"));
        json_object_set_new(o, "Data", data);
        return o;
}

static uint64_t image_bytes(const struct store_image *i) {
        uint64_t bytes = 0;

        for (size_t k = 0; k < i->n_layers; k++)
                bytes += i->layers[k].stored_bytes;
        return bytes;
}

static void copy_text(json_t *to, const char *key, const json_t *from, const char *from_key) {
        const char *text = json_string_value(json_object_get(from, from_key));

        json_object_set_new(to, key, json_string(text ? text : ""));
}

static json_t *inspect_object(struct store *st, const struct store_image *i, const json_t *image) {
        json_t *o = json_object(), *metadata = json_object();
        json_t *config = json_object_get(image, "config");
        _cleanup_free_ char *id = xasprintf("sha256:%s", i->id);
        char added[40];

        json_object_set_new(o, "Id", json_string(id));
        json_object_set_new(o, "RepoTags", inspect_names(i));
        json_object_set_new(o, "RepoDigests", inspect_digests(i));
        json_object_set_new(o, "Parent", json_string(""));
        copy_text(o, "Comment", image, "comment");
        copy_text(o, "Created", image, "created");
        copy_text(o, "DockerVersion", image, "docker_version");
        copy_text(o, "Author", image, "author");
        json_object_set_new(o, "Config", config ? json_incref(config) : json_object());
        copy_text(o, "Architecture", image, "architecture");
        if (json_object_get(image, "variant"))
                copy_text(o, "Variant", image, "variant");
        copy_text(o, "Os", image, "os");
        json_object_set_new(o, "Size", json_integer((json_int_t) image_bytes(i)));
        json_object_set_new(o, "GraphDriver", inspect_driver(st, i));
        json_object_set_new(o, "RootFS", inspect_rootfs(i));
        json_object_set_new(metadata, "LastTagTime", json_string(time_format_rfc3339(i->added_at, added, sizeof(added))));
        json_object_set_new(o, "Metadata", metadata);
        return o;
}

int souk_image_inspect(struct souk *s, const char *ref, char **ret_text, struct souk_err *err) {
        struct store_image i = { 0 };
        json_t *image = NULL, *o;
        int r;

        r = image_find_full(s->store, ref, &i, err);
        if (r < 0)
                return r;
        r = json_parse_text(i.config_text, i.config_len, "image config", &image, err);
        if (r < 0) {
                store_image_clear(&i);
                return souk_err_wrap(err, "image '%s'", ref);
        }
        o = inspect_object(s->store, &i, image);
        *ret_text = json_text(o, true);
        json_decref(o);
        json_decref(image);
        store_image_clear(&i);
        return 0;
}

/* ---- history ---- */

static uint64_t text_to_wall(const char *text) {
        uint64_t at;

        return text && time_parse(text, &at) == 0 ? at : 0;
}

/* History entries are oldest first; those that are not empty_layer belong to the layers in order. */
static struct souk_history *history_build(const struct store_image *i, const struct image_config *c, size_t *ret_n) {
        size_t n = 0, layer = 0;
        struct souk_history *v = xcalloc(c->n_history + i->n_layers + 1, sizeof(*v));

        for (size_t k = 0; k < c->n_history; k++) {
                const struct image_history *h = &c->history[k];

                v[n++] = (struct souk_history){
                        .created_by = xstrdup(h->created_by ? h->created_by : ""),
                        .comment = xstrdup(h->comment ? h->comment : ""),
                        .created_at = text_to_wall(h->created),
                        .size = !h->empty_layer && layer < i->n_layers ? i->layers[layer++].stored_bytes : 0,
                };
        }
        while (layer < i->n_layers) /* layers that the history does not tell of */
                v[n++] = (struct souk_history){
                        .created_by = xstrdup(""),
                        .comment = xstrdup(""),
                        .created_at = i->created_at,
                        .size = i->layers[layer++].stored_bytes,
                };
        for (size_t a = 0, b = n; a + 1 < b; a++) { /* newest first */
                struct souk_history t = v[a];

                v[a] = v[--b];
                v[b] = t;
        }
        if (n > 0)
                v[0].id = xasprintf("sha256:%s", i->id);
        *ret_n = n;
        return v;
}

int souk_image_history(struct souk *s, const char *ref, struct souk_history **ret, size_t *ret_n, struct souk_err *err) {
        struct store_image i = { 0 };
        struct image_config c = { 0 };
        int r;

        r = image_find_full(s->store, ref, &i, err);
        if (r < 0)
                return r;
        r = image_config_parse(i.config_text, i.config_len, ref, &c, err);
        if (r == 0)
                *ret = history_build(&i, &c, ret_n);
        image_config_clear(&c);
        store_image_clear(&i);
        return r;
}

void souk_history_free(struct souk_history *h, size_t n) {
        for (size_t i = 0; i < n; i++) {
                free(h[i].id);
                free(h[i].created_by);
                free(h[i].comment);
        }
        free(h);
}
