/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load: the three ways in which images come as files.
 *   oci-archive, OCI layout directory   index.json -> (nested index ->) manifest -> config, layers; all by digest
 *   docker-archive                      manifest.json -> config and layer files by name; digests are computed, the diff ids
 *                                       of the config verify them; a manifest is made, the same each time
 * An archive of a recent Docker has both: the OCI side is taken, and the names of manifest.json with it.
 */
#include "transfer/transfer.h"

#include "base/str.h"
#include "wire/ref.h"

#include <sys/utsname.h>

#define INDEX_DEPTH_MAX 4
#define DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar"
#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"

struct image {                          /* found, not yet stored */
        char **names;
        char *config, *manifest;        /* texts */
        size_t config_len, manifest_len;
        char *manifest_type;
        char **layer_types;
        size_t first_layer, n_layers;   /* in load.layers */
};
struct load {
        struct transfer *t;
        struct archive *archive;
        const char *name;               /* for an image without one */
        struct image *images;
        size_t n_images;
        struct layer_job *layers;
        char **layer_whats;             /* owned texts of layers[].what */
        size_t n_layers;
};

static void load_clear(struct load *l) {
        for (size_t i = 0; i < l->n_images; i++) {
                strv_free(l->images[i].names);
                free(l->images[i].config);
                free(l->images[i].manifest);
                free(l->images[i].manifest_type);
                strv_free(l->images[i].layer_types);
        }
        free(l->images);
        free(l->layers);
        strv_free(l->layer_whats);
        if (l->archive)
                archive_close(l->archive);
}

static int blob_get(struct load *l, const struct digest *d, uint64_t size, const char *what, struct bytes *ret, struct souk_err *err) {
        char name[16 + DIGEST_HEX_LEN];
        snprintf(name, sizeof(name), "blobs/sha256/%s", d->hex);
        int r = archive_get(l->archive, name, ret, err);
        if (r < 0)
                return r;
        if (r == 0)
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "%s: its blob sha256:%s is missing", what, d->hex);
        if (ret->n != size)
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "%s: its blob sha256:%.12s has %zu bytes, %llu were promised", what, d->hex, ret->n,
                                    (unsigned long long) size);
        return 0;
}

/* A small blob that is JSON: verified now. */
static int text_get(struct load *l, const struct digest *d, uint64_t size, const char *what, struct bytes *ret, struct souk_err *err) {
        struct digest got;
        int r = blob_get(l, d, size, what, ret, err);
        if (r < 0)
                return r;
        if (ret->n > JSON_TEXT_MAX)
                return souk_err_set(err, SOUK_LIMIT, -EFBIG, "%s: has more than %u bytes", what, JSON_TEXT_MAX);
        hash_of(ret->p, ret->n, &got);
        if (!digest_equal(d, &got))
                return souk_err_set(err, SOUK_DIGEST_MISMATCH, -EILSEQ, "%s: its digest differs: sha256:%s was promised, sha256:%s is there", what, d->hex, got.hex);
        return 0;
}

static struct image *add_image(struct load *l) {
        l->images = xreallocarray(l->images, l->n_images + 1, sizeof(*l->images));
        l->images[l->n_images] = (struct image){ .first_layer = l->n_layers };
        return &l->images[l->n_images++];
}

static struct layer_job *add_layer(struct load *l, struct image *i, const char *media_type, char *what_take) {
        l->layers = xreallocarray(l->layers, l->n_layers + 1, sizeof(*l->layers));
        strv_push_take(&l->layer_whats, what_take);
        strv_push(&i->layer_types, media_type);
        l->layers[l->n_layers] = (struct layer_job){ .what = what_take };
        i->n_layers++;
        return &l->layers[l->n_layers++];
}

static int set_config(struct load *l, struct image *i, struct bytes text, const char *what, struct image_config *config, struct souk_err *err) {
        int r = image_config_parse((const char *) text.p, text.n, what, config, err);
        if (r < 0)
                return r;
        i->config = xstrndup((const char *) text.p, text.n); /* JSON: no NUL is in it */
        i->config_len = text.n;
        if (config->n_diff_ids > l->t->limits.max_layers)
                return souk_err_set(err, SOUK_LIMIT, -E2BIG, "%s: has %zu layers: the most is %u", what, config->n_diff_ids, l->t->limits.max_layers);
        return 0;
}

/* ---- OCI layout -------------------------------------------------------------------------------------------------- */

static int add_name(struct image *i, const char *name, struct souk_err *err) {
        _cleanup_free_ char *full = NULL;
        int r = image_ref_normalize(name, &full, err);
        if (r >= 0 && !strv_has(i->names, full))
                strv_push(&i->names, full);
        return r;
}

/* "ref.name" is a tag by the specification, and a full name as others write it. */
static int name_from_annotations(struct load *l, struct image *i, const struct descriptor *d, struct souk_err *err) {
        struct souk_err ignored;
        if (d->image_name)
                return add_name(i, d->image_name, err);
        if (d->ref_name && strpbrk(d->ref_name, ":/") && add_name(i, d->ref_name, &ignored) >= 0)
                return 0;
        if (d->ref_name && l->name && !strchr(d->ref_name, '/') && !strchr(d->ref_name, ':') && streq(d->ref_name, "latest"))
                return add_name(i, l->name, err);
        return 0;
}

static int load_manifest_layers(struct load *l, struct image *i, const struct image_manifest *m, const struct image_config *config,
                                const char *what, struct souk_err *err) {
        if (m->n_layers != config->n_diff_ids)
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "%s: has %zu layers, but its config has %zu diff ids", what, m->n_layers, config->n_diff_ids);
        for (size_t k = 0; k < m->n_layers; k++) {
                const struct descriptor *d = &m->layers[k];
                char *layer_what = xasprintf("layer %zu (sha256:%.12s) of %s", k + 1, d->digest.hex, what);
                struct layer_job *j = add_layer(l, i, d->media_type, layer_what);
                if (media_type_compression(d->media_type, &j->compression) < 0) {
                        _cleanup_free_ char *safe = str_printable(d->media_type);
                        return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP, "%s: unknown media type '%.150s'", layer_what, safe);
                }
                int r = blob_get(l, &d->digest, d->size, layer_what, &j->blob, err);
                if (r < 0)
                        return r;
                j->diff_id = config->diff_ids[k];
                j->blob_digest = d->digest;
                j->has_blob_digest = true;
        }
        return 0;
}

static int load_manifest(struct load *l, const struct descriptor *d, const struct descriptor *named, struct souk_err *err) {
        _cleanup_free_ char *what = xasprintf("image manifest sha256:%.12s", d->digest.hex);
        struct bytes text, config_text;
        int r = text_get(l, &d->digest, d->size, what, &text, err);
        if (r < 0)
                return r;
        _cleanup_(image_manifest_clear) struct image_manifest m = {};
        r = image_manifest_parse((const char *) text.p, text.n, what, &m, err);
        if (r < 0)
                return r;
        if (m.media_type && !streq(m.media_type, d->media_type))
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "%s: calls itself '%.80s', the index calls it '%.80s'", what, m.media_type, d->media_type);
        _cleanup_free_ char *config_what = xasprintf("image config sha256:%.12s", m.config.digest.hex);
        if (!streq(m.config.media_type, "application/vnd.oci.image.config.v1+json") && !streq(m.config.media_type, DOCKER_CONFIG))
                return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP, "%s: unknown media type '%.150s' of its config: not a container image", what, m.config.media_type);
        r = text_get(l, &m.config.digest, m.config.size, config_what, &config_text, err);
        if (r < 0)
                return r;
        struct image *i = add_image(l);
        _cleanup_(image_config_clear) struct image_config config = {};
        i->manifest = xstrndup((const char *) text.p, text.n);
        i->manifest_len = text.n;
        i->manifest_type = xstrdup(d->media_type);
        r = set_config(l, i, config_text, config_what, &config, err);
        if (r >= 0)
                r = load_manifest_layers(l, i, &m, &config, what, err);
        return r < 0 ? r : name_from_annotations(l, i, named, err);
}

static const char *machine_architecture(void) {
        static struct utsname u;
        if (uname(&u) < 0 || streq(u.machine, "x86_64"))
                return "amd64";
        return streq(u.machine, "aarch64") ? "arm64" : u.machine;
}

static int load_index(struct load *l, const char *text, size_t len, const char *what, const struct descriptor *outer, unsigned depth, struct souk_err *err);

static int load_descriptor(struct load *l, const struct descriptor *d, const struct descriptor *named, unsigned depth, struct souk_err *err) {
        if (media_type_is_manifest(d->media_type))
                return load_manifest(l, d, named, err);
        if (!media_type_is_index(d->media_type)) {
                _cleanup_free_ char *safe = str_printable(d->media_type);
                return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP, "sha256:%.12s of the index: unknown media type '%.150s'", d->digest.hex, safe);
        }
        if (depth >= INDEX_DEPTH_MAX)
                return souk_err_set(err, SOUK_CORRUPT, -ELOOP, "indexes within indexes, more than %d deep", INDEX_DEPTH_MAX);
        _cleanup_free_ char *what = xasprintf("image index sha256:%.12s", d->digest.hex);
        struct bytes text;
        int r = text_get(l, &d->digest, d->size, what, &text, err);
        return r < 0 ? r : load_index(l, (const char *) text.p, text.n, what, named, depth + 1, err);
}

static bool is_for_this_machine(const struct descriptor *d) {
        return (!d->platform_os || streq(d->platform_os, "linux")) && (!d->platform_architecture || streq(d->platform_architecture, machine_architecture()));
}

/* The outermost index lists images; an inner one lists one image for several platforms. */
static int load_index(struct load *l, const char *text, size_t len, const char *what, const struct descriptor *outer, unsigned depth, struct souk_err *err) {
        _cleanup_(image_index_clear) struct image_index x = {};
        int r = image_index_parse(text, len, what, &x, err);
        if (r < 0)
                return r;
        if (x.n_manifests == 0)
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "%s: holds no image", what);
        if (x.n_manifests > l->t->limits.max_images)
                return souk_err_set(err, SOUK_LIMIT, -E2BIG, "%s: holds %zu images: the most is %u", what, x.n_manifests, l->t->limits.max_images);
        if (!outer) {
                for (size_t i = 0; i < x.n_manifests && r >= 0; i++)
                        r = load_descriptor(l, &x.manifests[i], &x.manifests[i], depth, err);
                return r;
        }
        for (size_t i = 0; i < x.n_manifests; i++)
                if (is_for_this_machine(&x.manifests[i]))
                        return load_descriptor(l, &x.manifests[i], outer, depth, err);
        return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP, "%s: has no image for linux/%s", what, machine_architecture());
}

static int load_layout(struct load *l, struct bytes index, struct souk_err *err) {
        struct bytes version;
        int r = archive_get(l->archive, "oci-layout", &version, err);
        if (r < 0)
                return r;
        _cleanup_json_ json_t *j = NULL;
        r = r == 0 ? souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "there is an index.json, but no oci-layout") :
                     json_parse_text((const char *) version.p, version.n, "oci-layout", &j, err);
        if (r < 0)
                return r;
        const char *v = json_string_value(json_object_get(j, "imageLayoutVersion"));
        if (!v || !str_startswith(v, "1."))
                return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP, "oci-layout: imageLayoutVersion '%.20s' is not 1.x", v ? v : "");
        return load_index(l, (const char *) index.p, index.n, "index.json", NULL, 0, err);
}

/* ---- docker-archive ---------------------------------------------------------------------------------------------- */

/* The manifest that a registry would have: deterministic, so that the same archive gives the same digest. */
static void make_docker_manifest(struct load *l, struct image *i) {
        struct digest config;
        char text[DIGEST_STR_SIZE];
        hash_of(i->config, i->config_len, &config);
        json_t *layers = json_array();
        for (size_t k = 0; k < i->n_layers; k++) {
                const struct layer_job *j = &l->layers[i->first_layer + k];
                json_array_append_new(layers, json_pack("{s:s,s:I,s:s}", "mediaType", i->layer_types[k], "size", (json_int_t) j->blob.n, "digest",
                                                        digest_format(&j->blob_digest, text)));
        }
        _cleanup_json_ json_t *m = json_pack("{s:i,s:s,s:{s:s,s:I,s:s},s:o}", "schemaVersion", 2, "mediaType", DOCKER_MANIFEST, "config", "mediaType",
                                             DOCKER_CONFIG, "size", (json_int_t) i->config_len, "digest", digest_format(&config, text), "layers", layers);
        i->manifest = json_text(m, false);
        i->manifest_len = strlen(i->manifest);
        i->manifest_type = xstrdup(DOCKER_MANIFEST);
}

static int docker_layer(struct load *l, struct image *i, const char *name, const struct digest *diff_id, size_t k, struct souk_err *err) {
        static const char *const suffix[] = { [BLOB_PLAIN] = "", [BLOB_GZIP] = ".gzip", [BLOB_ZSTD] = ".zstd" };
        struct bytes b;
        _cleanup_free_ char *safe = str_printable(name);
        int r = archive_get(l->archive, name, &b, err);
        if (r == 0)
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "manifest.json names the layer '%.100s', which is missing", safe);
        if (r < 0)
                return r;
        enum blob_compression c = compression_of(b.p, b.n);
        _cleanup_free_ char *type = xasprintf(DOCKER_LAYER "%s", suffix[c]);
        struct layer_job *j = add_layer(l, i, type, xasprintf("layer %zu ('%.100s')", k + 1, safe));
        j->blob = b;
        j->compression = c;
        j->diff_id = *diff_id;
        return 0;
}

static int docker_image(struct load *l, json_t *entry, size_t number, struct souk_err *err) {
        const char *config_name = json_string_value(json_object_get(entry, "Config"));
        json_t *layers = json_object_get(entry, "Layers"), *tags = json_object_get(entry, "RepoTags"), *item;
        struct bytes text;
        size_t k;
        if (!config_name || !json_is_array(layers))
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "manifest.json: $[%zu]: expected Config and Layers", number);
        int r = archive_get(l->archive, config_name, &text, err);
        if (r == 0)
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "manifest.json names the config '%.100s', which is missing", config_name);
        if (r < 0)
                return r;
        struct image *i = add_image(l);
        _cleanup_(image_config_clear) struct image_config config = {};
        _cleanup_free_ char *what = xasprintf("image config '%.100s'", config_name);
        r = set_config(l, i, text, what, &config, err);
        if (r >= 0 && json_array_size(layers) != config.n_diff_ids)
                r = souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "manifest.json: $[%zu]: has %zu layers, but its config has %zu diff ids", number,
                                 json_array_size(layers), config.n_diff_ids);
        json_array_foreach(layers, k, item) {
                if (r >= 0 && !json_is_string(item))
                        r = souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "manifest.json: $[%zu].Layers[%zu]: expected a string", number, k);
                if (r >= 0)
                        r = docker_layer(l, i, json_string_value(item), &config.diff_ids[k], k, err);
        }
        json_array_foreach(tags, k, item)
                if (r >= 0 && json_is_string(item))
                        r = add_name(i, json_string_value(item), err);
        return r;
}

static int docker_manifest_parse(struct bytes text, json_t **ret, struct souk_err *err) {
        int r = json_parse_text((const char *) text.p, text.n, "manifest.json", ret, err);
        if (r < 0)
                return r;
        if (!json_is_array(*ret) || json_array_size(*ret) == 0)
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "manifest.json: expected an array that is not empty");
        return 0;
}

static int load_docker(struct load *l, struct bytes text, struct souk_err *err) {
        _cleanup_json_ json_t *j = NULL;
        json_t *entry;
        size_t k;
        int r = docker_manifest_parse(text, &j, err);
        if (r >= 0 && json_array_size(j) > l->t->limits.max_images)
                r = souk_err_set(err, SOUK_LIMIT, -E2BIG, "manifest.json: holds %zu images: the most is %u", json_array_size(j), l->t->limits.max_images);
        json_array_foreach(j, k, entry)
                if (r >= 0)
                        r = docker_image(l, entry, k, err);
        return r;
}

/* Names of manifest.json for images that the index has without one: both know an image by its config's digest. */
static int names_from_docker(struct load *l, struct bytes text, struct souk_err *err) {
        _cleanup_json_ json_t *j = NULL;
        json_t *entry, *tag;
        size_t k, n;
        int r = docker_manifest_parse(text, &j, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < l->n_images; i++) {
                struct digest config;
                hash_of(l->images[i].config, l->images[i].config_len, &config);
                json_array_foreach(j, k, entry) {
                        const char *name = json_string_value(json_object_get(entry, "Config"));
                        if (!name || !strstr(name, config.hex))
                                continue;
                        json_array_foreach(json_object_get(entry, "RepoTags"), n, tag)
                                if (r >= 0 && json_is_string(tag))
                                        r = add_name(&l->images[i], json_string_value(tag), err);
                }
        }
        return r;
}

/* ---- the job ----------------------------------------------------------------------------------------------------- */

static int find_images(struct load *l, struct souk_err *err) {
        struct bytes index, manifest;
        int has_index = archive_get(l->archive, "index.json", &index, err);
        int has_manifest = has_index < 0 ? has_index : archive_get(l->archive, "manifest.json", &manifest, err);
        if (has_manifest < 0)
                return has_manifest;
        if (!has_index && !has_manifest)
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "neither index.json nor manifest.json is in it: not an image archive (for the tar of a "
                                    "root file system use 'souk import')");
        if (!has_index)
                return load_docker(l, manifest, err);
        int r = load_layout(l, index, err);
        return r >= 0 && has_manifest ? names_from_docker(l, manifest, err) : r;
}

int job_load(struct transfer *t, struct souk_err *err) {
        _cleanup_(load_clear) struct load l = { .t = t, .name = t->job->name };
        int r = archive_open(t, FD_INPUT, &l.archive, err);
        if (r >= 0)
                r = find_images(&l, err);
        if (r >= 0)
                r = layers_run(t, l.layers, l.n_layers, err);
        for (size_t k = 0; k < l.n_images && r >= 0; k++) {
                struct image *i = &l.images[k];
                if (!i->names && l.name && l.n_images == 1)
                        r = add_name(i, l.name, err);
                if (!i->manifest)
                        make_docker_manifest(&l, i);
                if (r >= 0)
                        r = image_tell(t, i->names, i->config, i->manifest, i->manifest_type, l.layers + i->first_layer,
                                       i->layer_types, i->n_layers, err);
        }
        return r;
}
