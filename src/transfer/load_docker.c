/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * docker-archive, as `docker save` writes it: manifest.json -> config and layer files by name.  Nothing has a digest
 * but the diff ids of the config, which verify the layers; layers may be compressed whatever they are called.  A
 * manifest is made, the same each time, whose layers are the files as they came.
 */
#include "transfer/load.h"

struct entry {
        char *config;
        char **layers, **tags;
};
static const struct json_field entry_fields[] = {
        { .key = "Config",
          .kind = JSON_KIND_STRING,
          .offset = offsetof(struct entry, config),
          .flags = JSON_MANDATORY },
        { .key = "Layers", .kind = JSON_KIND_STRV, .offset = offsetof(struct entry, layers), .flags = JSON_MANDATORY },
        { .key = "RepoTags", .kind = JSON_KIND_STRV, .offset = offsetof(struct entry, tags) },
        {},
};

static void entry_clear(struct entry *e) {
        free(e->config);
        strv_free(e->layers);
        strv_free(e->tags);
}

static int entry_parse(json_t *j, size_t number, struct entry *ret, struct souk_err *err) {
        char path[40];
        snprintf(path, sizeof(path), "$[%zu]", number);
        int r = json_dispatch(j, entry_fields, path, ret, err);
        return r < 0 ? souk_err_wrap(err, "manifest.json") : 0;
}

static int manifest_parse(const char *text, json_t **ret, struct souk_err *err) {
        int r = json_parse_text(text, strlen(text), "manifest.json", ret, err);
        if (r >= 0 && (!json_is_array(*ret) || json_array_size(*ret) == 0))
                r = souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "manifest.json: expected an array that is not empty");
        return r;
}

static int add_layer(struct load *l, struct image *i, const char *name, const struct digest *diff_id, size_t k,
                     struct souk_err *err) {
        static const char *const suffix[] = { [BLOB_PLAIN] = "", [BLOB_GZIP] = ".gzip", [BLOB_ZSTD] = ".zstd" };
        struct bytes b;
        _cleanup_free_ char *safe = str_printable(name);
        int r = archive_get(l->archive, name, &b, err);
        if (r == 0)
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG,
                                    "manifest.json names the layer '%.100s', which is missing", safe);
        if (r < 0)
                return r;
        const char *unknown = compression_unknown(b.p, b.n);
        if (unknown)
                return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP,
                                    "layer %zu ('%.100s') is compressed with %s: only gzip and zstd are known", k + 1,
                                    safe, unknown);
        enum blob_compression c = compression_of(b.p, b.n);
        _cleanup_free_ char *type = xasprintf(DOCKER_LAYER "%s", suffix[c]);
        struct layer_job *j = load_add_layer(l, i, type, xasprintf("layer %zu ('%.100s')", k + 1, safe));
        j->blob = b;
        j->compression = c;
        j->diff_id = *diff_id;
        return 0;
}

static int add_image(struct load *l, const struct entry *e, size_t number, struct souk_err *err) {
        _cleanup_(image_config_clear) struct image_config config = {};
        _cleanup_free_ char *what = xasprintf("image config '%.100s'", e->config);
        char *text;
        int r = load_text(l, e->config, what, &text, err);
        if (r == 0)
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG,
                                    "manifest.json names the config '%.100s', which is missing", e->config);
        if (r < 0)
                return r;
        struct image *i = load_add_image(l);
        r = load_set_config(l, i, text, what, &config, err);
        if (r >= 0 && strv_len(e->layers) != config.n_diff_ids)
                r = souk_err_set(err, SOUK_CORRUPT, -EBADMSG,
                                 "manifest.json: $[%zu]: has %zu layers, but its config has %zu diff ids", number,
                                 strv_len(e->layers), config.n_diff_ids);
        for (size_t k = 0; r >= 0 && k < config.n_diff_ids; k++)
                r = add_layer(l, i, e->layers[k], &config.diff_ids[k], k, err);
        for (char *const *tag = e->tags; r >= 0 && tag && *tag; tag++)
                r = load_add_name(i, *tag, err);
        return r;
}

int load_docker(struct load *l, const char *manifest, struct souk_err *err) {
        _cleanup_json_ json_t *j = NULL;
        json_t *item;
        size_t k;
        int r = manifest_parse(manifest, &j, err);
        if (r >= 0 && json_array_size(j) > l->t->limits.max_images)
                r = souk_err_set(err, SOUK_LIMIT, -E2BIG, "manifest.json: holds %zu images: the most is %u",
                                 json_array_size(j), l->t->limits.max_images);
        if (r < 0)
                return r;
        json_array_foreach(j, k, item) {
                _cleanup_(entry_clear) struct entry e = {};
                r = entry_parse(item, k, &e, err);
                if (r >= 0)
                        r = add_image(l, &e, k, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Both know an image by its config's digest. */
int load_docker_names(struct load *l, const char *manifest, struct souk_err *err) {
        _cleanup_json_ json_t *j = NULL;
        json_t *item;
        size_t k;
        int r = manifest_parse(manifest, &j, err);
        if (r < 0)
                return r;
        json_array_foreach(j, k, item) {
                _cleanup_(entry_clear) struct entry e = {};
                r = entry_parse(item, k, &e, err);
                for (size_t i = 0; i < l->n_images && r >= 0; i++)
                        for (char *const *tag = e.tags; r >= 0 && tag && *tag && strstr(e.config, l->images[i].id.hex);
                             tag++)
                                r = load_add_name(&l->images[i], *tag, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

void load_docker_finish(struct load *l, struct image *i) {
        char text[DIGEST_STR_SIZE];
        json_t *layers = json_array();
        for (size_t k = 0; k < i->n_layers; k++) {
                const struct layer_job *j = &l->layers[i->first_layer + k];
                json_array_append_new(layers, json_pack("{s:s,s:I,s:s}", "mediaType", i->layer_types[k], "size",
                                                        (json_int_t) j->blob.n, "digest",
                                                        digest_format(&j->blob_digest, text)));
        }
        _cleanup_json_ json_t *m = json_pack("{s:i,s:s,s:{s:s,s:I,s:s},s:o}", "schemaVersion", 2, "mediaType",
                                             DOCKER_MANIFEST, "config", "mediaType", DOCKER_CONFIG, "size",
                                             (json_int_t) strlen(i->config), "digest", digest_format(&i->id, text),
                                             "layers", layers);
        i->manifest = json_text(m, false);
        i->manifest_type = xstrdup(DOCKER_MANIFEST);
}
