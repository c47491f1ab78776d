/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Image configurations, manifests and indexes: JSON to structs by tables, see image_config.h. */
#include "wire/image_config.h"

#include "base/str.h"

#define LIST_MAX 20000 /* layers, history entries, manifests: far above what is real, far below what would hurt */

#define FIELD(k, member, t) { .key = k, .kind = JSON_KIND_##t, .offset = offsetof(struct image_config, member) }
static const struct json_field config_fields[] = {
        FIELD("User", user, STRING),
        FIELD("WorkingDir", working_dir, STRING),
        FIELD("StopSignal", stop_signal, STRING),
        FIELD("Hostname", hostname, STRING),
        FIELD("Env", env, STRV),
        FIELD("Entrypoint", entrypoint, STRV),
        FIELD("Cmd", cmd, STRV),
        FIELD("Volumes", volumes, KEYS),
        FIELD("ExposedPorts", exposed_ports, KEYS),
        FIELD("Labels", labels, MAP),
        FIELD("ArgsEscaped", args_escaped, BOOL),
        {},
};
static const struct json_field image_fields[] = {
        FIELD("architecture", architecture, STRING),
        FIELD("os", os, STRING),
        FIELD("created", created, STRING),
        FIELD("author", author, STRING),
        { .key = "config", .kind = JSON_KIND_OBJECT, .fields = config_fields },
        {},
};
#undef FIELD

#define FIELD(k, member, t) { .key = k, .kind = JSON_KIND_##t, .offset = offsetof(struct image_history, member) }
static const struct json_field history_fields[] = {
        FIELD("created", created, STRING),
        FIELD("created_by", created_by, STRING),
        FIELD("comment", comment, STRING),
        FIELD("empty_layer", empty_layer, BOOL),
        {},
};
#undef FIELD

void image_config_clear(struct image_config *c) {
        free(c->architecture);
        free(c->os);
        free(c->created);
        free(c->author);
        free(c->user);
        free(c->working_dir);
        free(c->stop_signal);
        free(c->hostname);
        strv_free(c->env);
        strv_free(c->entrypoint);
        strv_free(c->cmd);
        strv_free(c->volumes);
        strv_free(c->exposed_ports);
        strv_free(c->labels);
        free(c->diff_ids);
        for (size_t i = 0; i < c->n_history; i++) {
                free(c->history[i].created);
                free(c->history[i].created_by);
                free(c->history[i].comment);
        }
        free(c->history);
        *c = (struct image_config){};
}

static int corrupt(struct souk_err *err, const char *what, const char *why) {
        return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "%s: %s", what, why);
}

static int parse_diff_ids(json_t *j, const char *what, struct image_config *c, struct souk_err *err) {
        json_t *rootfs = json_object_get(j, "rootfs"), *ids = json_object_get(rootfs, "diff_ids"), *item;
        size_t i;
        if (!json_is_object(rootfs))
                return corrupt(err, what, "$.rootfs: expected an object");
        if (ids && !json_is_array(ids) && !json_is_null(ids))
                return corrupt(err, what, "$.rootfs.diff_ids: expected an array");
        if (json_array_size(ids) > LIST_MAX)
                return souk_err_set(err, SOUK_LIMIT, -E2BIG, "%s: $.rootfs.diff_ids: more than %d layers", what,
                                    LIST_MAX);
        c->diff_ids = xcalloc(json_array_size(ids), sizeof(*c->diff_ids));
        json_array_foreach(ids, i, item) {
                if (!json_is_string(item) || digest_parse(json_string_value(item), &c->diff_ids[i]) < 0)
                        return souk_err_set(err, SOUK_CORRUPT, -EBADMSG,
                                            "%s: $.rootfs.diff_ids[%zu]: expected a digest (sha256: and 64 hex digits)",
                                            what, i);
                c->n_diff_ids = i + 1;
        }
        return 0;
}

static int parse_history(json_t *j, const char *what, struct image_config *c, struct souk_err *err) {
        json_t *list = json_object_get(j, "history"), *item;
        size_t i;
        if (!list || json_is_null(list))
                return 0;
        if (!json_is_array(list) || json_array_size(list) > LIST_MAX)
                return corrupt(err, what, "$.history: expected an array, not too long");
        c->history = xcalloc(json_array_size(list), sizeof(*c->history));
        json_array_foreach(list, i, item) {
                char path[40];
                snprintf(path, sizeof(path), "$.history[%zu]", i);
                c->n_history = i + 1;
                int r = json_dispatch(item, history_fields, path, &c->history[i], err);
                if (r < 0)
                        return souk_err_wrap(err, "%s", what);
        }
        return 0;
}

int image_config_parse(const char *text, size_t len, const char *what, struct image_config *ret, struct souk_err *err) {
        _cleanup_json_ json_t *j = NULL;
        struct image_config c = {};
        int r = json_parse_text(text, len, what, &j, err);
        if (r < 0)
                return r;
        r = json_dispatch(j, image_fields, "$", &c, err);
        if (r < 0)
                souk_err_wrap(err, "%s", what);
        if (r >= 0)
                r = parse_diff_ids(j, what, &c, err);
        if (r >= 0)
                r = parse_history(j, what, &c, err);
        if (r < 0) {
                image_config_clear(&c);
                return r;
        }
        *ret = c;
        return 0;
}

/* ---- manifests and indexes --------------------------------------------------------------------------------------- */

void descriptor_clear(struct descriptor *d) {
        free(d->media_type);
        free(d->ref_name);
        free(d->image_name);
        free(d->platform_os);
        free(d->platform_architecture);
        free(d->platform_variant);
        *d = (struct descriptor){};
}

void image_manifest_clear(struct image_manifest *m) {
        free(m->media_type);
        descriptor_clear(&m->config);
        for (size_t i = 0; i < m->n_layers; i++)
                descriptor_clear(&m->layers[i]);
        free(m->layers);
        *m = (struct image_manifest){};
}

void image_index_clear(struct image_index *x) {
        for (size_t i = 0; i < x->n_manifests; i++)
                descriptor_clear(&x->manifests[i]);
        free(x->manifests);
        *x = (struct image_index){};
}

#define FIELD(k, member, t, f)                                                                                         \
        { .key = k, .kind = JSON_KIND_##t, .offset = offsetof(struct descriptor, member), .flags = f }
static const struct json_field annotation_fields[] = {
        FIELD("org.opencontainers.image.ref.name", ref_name, STRING, 0),
        FIELD("io.containerd.image.name", image_name, STRING, 0),
        {},
};
static const struct json_field platform_fields[] = {
        FIELD("os", platform_os, STRING, 0),
        FIELD("architecture", platform_architecture, STRING, 0),
        FIELD("variant", platform_variant, STRING, 0),
        {},
};
static const struct json_field descriptor_fields[] = {
        FIELD("mediaType", media_type, STRING, JSON_MANDATORY),
        FIELD("digest", digest, DIGEST, JSON_MANDATORY),
        FIELD("size", size, U64, JSON_MANDATORY),
        { .key = "annotations", .kind = JSON_KIND_OBJECT, .fields = annotation_fields },
        { .key = "platform", .kind = JSON_KIND_OBJECT, .fields = platform_fields },
        {},
};
#undef FIELD

static int parse_descriptor(json_t *j, const char *path, const char *what, struct descriptor *ret,
                            struct souk_err *err) {
        int r = json_dispatch(j, descriptor_fields, path, ret, err);
        if (r < 0)
                return souk_err_wrap(err, "%s", what);
        if (!ret->media_type)
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "%s: %s.mediaType: is null", what, path);
        return 0;
}

static int parse_descriptors(json_t *j, const char *key, const char *what, struct descriptor **ret, size_t *ret_n,
                             struct souk_err *err) {
        json_t *list = json_object_get(j, key), *item;
        size_t i;
        if (!json_is_array(list))
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "%s: $.%s: expected an array", what, key);
        if (json_array_size(list) > LIST_MAX)
                return souk_err_set(err, SOUK_LIMIT, -E2BIG, "%s: $.%s: more than %d entries", what, key, LIST_MAX);
        *ret = xcalloc(json_array_size(list), sizeof(**ret));
        json_array_foreach(list, i, item) {
                char path[64];
                snprintf(path, sizeof(path), "$.%s[%zu]", key, i);
                *ret_n = i + 1;
                int r = parse_descriptor(item, path, what, &(*ret)[i], err);
                if (r < 0)
                        return r;
        }
        return 0;
}

int image_manifest_parse(const char *text, size_t len, const char *what, struct image_manifest *ret,
                         struct souk_err *err) {
        _cleanup_json_ json_t *j = NULL;
        struct image_manifest m = {};
        int r = json_parse_text(text, len, what, &j, err);
        if (r < 0)
                return r;
        if (json_integer_value(json_object_get(j, "schemaVersion")) != 2)
                return corrupt(err, what, "$.schemaVersion: only version 2 is known");
        json_t *type = json_object_get(j, "mediaType");
        if (type && !json_is_string(type) && !json_is_null(type))
                return corrupt(err, what, "$.mediaType: expected a string");
        m.media_type = xstrdup(json_string_value(type));
        r = parse_descriptor(json_object_get(j, "config"), "$.config", what, &m.config, err);
        if (r >= 0)
                r = parse_descriptors(j, "layers", what, &m.layers, &m.n_layers, err);
        if (r < 0) {
                image_manifest_clear(&m);
                return r;
        }
        *ret = m;
        return 0;
}

int image_index_parse(const char *text, size_t len, const char *what, struct image_index *ret, struct souk_err *err) {
        _cleanup_json_ json_t *j = NULL;
        struct image_index x = {};
        int r = json_parse_text(text, len, what, &j, err);
        if (r >= 0)
                r = parse_descriptors(j, "manifests", what, &x.manifests, &x.n_manifests, err);
        if (r < 0) {
                image_index_clear(&x);
                return r;
        }
        *ret = x;
        return 0;
}

/* ---- media types ------------------------------------------------------------------------------------------------- */

int media_type_compression(const char *type, enum blob_compression *ret) {
        static const struct {
                const char *type;
                enum blob_compression compression;
        } known[] = {
                { "application/vnd.oci.image.layer.v1.tar", BLOB_PLAIN },
                { "application/vnd.oci.image.layer.v1.tar+gzip", BLOB_GZIP },
                { "application/vnd.oci.image.layer.v1.tar+zstd", BLOB_ZSTD },
                { "application/vnd.oci.image.layer.nondistributable.v1.tar", BLOB_PLAIN },
                { "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", BLOB_GZIP },
                { "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", BLOB_ZSTD },
                { "application/vnd.docker.image.rootfs.diff.tar", BLOB_PLAIN },
                { "application/vnd.docker.image.rootfs.diff.tar.gzip", BLOB_GZIP },
                { "application/vnd.docker.image.rootfs.diff.tar.zstd", BLOB_ZSTD },
                { "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", BLOB_GZIP },
        };
        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (streq(known[i].type, type)) {
                        *ret = known[i].compression;
                        return 0;
                }
        return -EOPNOTSUPP;
}

bool media_type_is_index(const char *type) {
        return streq(type, "application/vnd.oci.image.index.v1+json") ||
               streq(type, "application/vnd.docker.distribution.manifest.list.v2+json");
}

bool media_type_is_manifest(const char *type) {
        return streq(type, "application/vnd.oci.image.manifest.v1+json") ||
               streq(type, "application/vnd.docker.distribution.manifest.v2+json");
}
