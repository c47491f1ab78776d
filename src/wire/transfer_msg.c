/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See transfer_msg.h: a table for each kind of message. */
#include "wire/transfer_msg.h"

#include "base/str.h"
#include "wire/channel.h"

#include <assert.h>
#include <stdio.h>

#define LAYERS_MAX 20000
#define NAMES_MAX 20000

#define FIELD(k, type, member, t, f) { .key = k, .kind = JSON_KIND_##t, .offset = offsetof(type, member), .flags = f }
#define M(k, member, t, f) FIELD(k, struct transfer_msg, member, t, f)
static const struct json_field job_fields[] = {
        M("version", job.version, U32, JSON_MANDATORY),
        M("format", job.format, STRING, 0),
        M("name", job.name, STRING, 0),
        M("message", job.message, STRING, 0),
        M("config", job.config, STRING, 0),
        M("keepBlobs", job.keep_blobs, BOOL, 0),
        M("images", job.n_images, U32, 0),
        M("maxLayerBytes", job.max_layer_bytes, U64, JSON_MANDATORY),
        M("maxImageBytes", job.max_image_bytes, U64, JSON_MANDATORY),
        M("maxEntries", job.max_entries, U64, JSON_MANDATORY),
        M("maxLayers", job.max_layers, U32, JSON_MANDATORY),
        M("maxImages", job.max_images, U32, JSON_MANDATORY),
        M("maxRatio", job.max_ratio, U32, JSON_MANDATORY),
        {},
};
static const struct json_field save_fields[] = {
        M("names", image.names, STRV, 0),
        M("config", image.config, STRING, JSON_MANDATORY),
        M("manifest", image.manifest, STRING, JSON_MANDATORY),
        M("manifestType", image.manifest_type, STRING, JSON_MANDATORY),
        {},
};
static const struct json_field image_fields[] = {
        M("id", image.id, DIGEST, JSON_MANDATORY),
        M("manifestDigest", image.manifest_digest, DIGEST, JSON_MANDATORY),
        M("names", image.names, STRV, 0),
        M("config", image.config, STRING, JSON_MANDATORY),
        M("manifest", image.manifest, STRING, JSON_MANDATORY),
        M("manifestType", image.manifest_type, STRING, JSON_MANDATORY),
        {},
};
static const struct json_field known_fields[] = { M("known", known, BOOL, 0), {} };
static const struct json_field ask_fields[] = {
        M("blob", ask.blob, BOOL, 0),
        M("digest", ask.digest, DIGEST, JSON_MANDATORY),
        {},
};
static const struct json_field progress_fields[] = {
        M("name", progress.name, STRING, JSON_MANDATORY),
        M("done", progress.done, U64, JSON_MANDATORY),
        M("total", progress.total, U64, JSON_MANDATORY),
        M("finished", progress.finished, BOOL, 0),
        M("cached", progress.cached, BOOL, 0),
        {},
};
static const struct json_field done_fields[] = { {} };
static const struct json_field failure_fields[] = {
        M("code", failure.code, U32, JSON_MANDATORY),
        M("errnum", failure.errnum, I64, JSON_MANDATORY),
        M("message", failure.message, STRING, JSON_MANDATORY),
        {},
};
#define L(k, member, t) FIELD(k, struct transfer_layer, member, t, JSON_MANDATORY)
static const struct json_field layer_fields[] = {
        L("diffId", diff_id, DIGEST),
        L("blob", blob, DIGEST),
        L("mediaType", media_type, STRING),
        L("blobBytes", blob_bytes, U64),
        L("dataBytes", data_bytes, U64),
        L("storedBytes", stored_bytes, U64),
        L("entries", entries, U64),
        FIELD("known", struct transfer_layer, known, BOOL, 0),
        FIELD("blobKnown", struct transfer_layer, blob_known, BOOL, 0),
        {},
};

static const struct {
        const char *name;
        const struct json_field *fields;
} kinds[] = {
        [TRANSFER_JOB] = { "job", job_fields },
        [TRANSFER_SAVE] = { "save", save_fields },
        [TRANSFER_KNOWN] = { "known", known_fields },
        [TRANSFER_ASK] = { "ask", ask_fields },
        [TRANSFER_PROGRESS] = { "progress", progress_fields },
        [TRANSFER_IMAGE] = { "image", image_fields },
        [TRANSFER_DONE] = { "done", done_fields },
        [TRANSFER_FAILED] = { "failed", failure_fields },
};
static_assert(ELEMENTSOF(kinds) == TRANSFER_KIND_MAX, "a name for each kind");

void transfer_image_clear(struct transfer_image *i) {
        strv_free(i->names);
        free(i->config);
        free(i->manifest);
        free(i->manifest_type);
        for (size_t k = 0; k < i->n_layers; k++)
                free(i->layers[k].media_type);
        free(i->layers);
        *i = (struct transfer_image){};
}

void transfer_msg_clear(struct transfer_msg *m) {
        free(m->job.format);
        free(m->job.name);
        free(m->job.message);
        free(m->job.config);
        free(m->progress.name);
        transfer_image_clear(&m->image);
        free(m->failure.message);
        *m = (struct transfer_msg){};
}

static int malformed(struct souk_err *err, const char *kind, const char *why) {
        return souk_err_set(err, SOUK_INTERNAL, -EPROTO, "message '%s': %s", kind, why);
}

static int parse_layers(json_t *j, struct transfer_image *image, const char *kind, struct souk_err *err) {
        json_t *list = json_object_get(j, "layers"), *item;
        struct souk_err why = {};
        size_t i;
        if (!json_is_array(list) || json_array_size(list) > LAYERS_MAX)
                return malformed(err, kind, "$.layers: expected an array, not too long");
        image->layers = xcalloc(json_array_size(list), sizeof(*image->layers));
        json_array_foreach(list, i, item) {
                char path[40];
                snprintf(path, sizeof(path), "$.layers[%zu]", i);
                image->n_layers = i + 1;
                if (json_dispatch(item, layer_fields, path, &image->layers[i], &why) < 0)
                        return malformed(err, kind, why.msg);
        }
        return 0;
}

static const char *check(const struct transfer_msg *m) {
        switch (m->kind) {
        case TRANSFER_JOB:
                return m->job.version != TRANSFER_VERSION ? "$.version: another version of Souk" : NULL;
        case TRANSFER_PROGRESS:
                return strlen(m->progress.name) > DIGEST_HEX_LEN ? "$.name: too long" : NULL;
        case TRANSFER_SAVE:
        case TRANSFER_IMAGE:
                if (strv_len(m->image.names) > NAMES_MAX)
                        return "$.names: too many";
                return strlen(m->image.config) > JSON_TEXT_MAX || strlen(m->image.manifest) > JSON_TEXT_MAX ?
                               "a text is too long" :
                               NULL;
        case TRANSFER_FAILED:
                if (m->failure.code <= SOUK_OK || m->failure.code >= SOUK_CODE_MAX)
                        return "$.code: unknown";
                return m->failure.errnum >= 0 || m->failure.errnum < -4095 ? "$.errnum: not a negative errno" : NULL;
        default:
                return NULL;
        }
}

int transfer_msg_parse(json_t *j, struct transfer_msg *ret, struct souk_err *err) {
        const char *kind = json_string_value(json_object_get(j, "kind")), *why;
        struct souk_err inner = {};
        *ret = (struct transfer_msg){ .kind = TRANSFER_KIND_MAX };
        for (size_t i = 0; kind && i < ELEMENTSOF(kinds); i++)
                if (streq(kinds[i].name, kind))
                        ret->kind = (enum transfer_kind) i;
        if (ret->kind == TRANSFER_KIND_MAX)
                return malformed(err, "?", "$.kind: unknown");
        if (json_dispatch(j, kinds[ret->kind].fields, "$", ret, &inner) < 0)
                return malformed(err, kind, inner.msg);
        bool layers = ret->kind == TRANSFER_SAVE || ret->kind == TRANSFER_IMAGE;
        int r = layers ? parse_layers(j, &ret->image, kind, err) : 0;
        if (r < 0)
                return r;
        why = check(ret);
        return why ? malformed(err, kind, why) : 0;
}

json_t *transfer_msg_build(const struct transfer_msg *m) {
        json_t *j = json_build(kinds[m->kind].fields, m);
        json_object_set_new(j, "kind", json_string(kinds[m->kind].name));
        if (m->kind == TRANSFER_SAVE || m->kind == TRANSFER_IMAGE) {
                json_t *list = json_array();
                for (size_t i = 0; i < m->image.n_layers; i++)
                        json_array_append_new(list, json_build(layer_fields, &m->image.layers[i]));
                json_object_set_new(j, "layers", list);
        }
        return j;
}

int transfer_send(int sock, const struct transfer_msg *m, struct souk_err *err) {
        _cleanup_json_ json_t *j = transfer_msg_build(m);
        int r = channel_send(sock, j);
        return r < 0 ? souk_err_errno(err, r, "the channel between the engine and its worker") : 0;
}

int transfer_receive(int sock, bool interruptible, struct transfer_msg *ret, struct souk_err *err) {
        _cleanup_json_ json_t *j = NULL;
        *ret = (struct transfer_msg){};
        int r = channel_receive(sock, interruptible, &j);
        if (r == 0 || r == -EINTR)
                return r;
        if (r == -EBADMSG)
                return souk_err_set(err, SOUK_INTERNAL, -EPROTO, "malformed framing");
        if (r < 0)
                return souk_err_errno(err, r, "the channel between the engine and its worker");
        r = transfer_msg_parse(j, ret, err);
        return r < 0 ? r : 1;
}
