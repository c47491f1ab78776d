/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See worker_check.h.  What stays a matter of trust: that a layer's file holds what its diff id promises.  A worker
 * that was taken over can put anything into the layers of the images that it was given, but nothing anywhere else: no
 * other image's texts, no file outside staging, no name that is not a reference.
 */
#include "engine/worker_check.h"

#include "base/file.h"
#include "base/str.h"
#include "wire/image_config.h"
#include "wire/ref.h"
#include "wire/sha256.h"

#include <stdio.h>

int worker_protocol_error(struct souk_err *err, const char *what) {
        return souk_err_set(
                err, SOUK_INTERNAL, -EPROTO,
                "souk-transfer, which reads the archive, said something wrong (%s): do not trust this archive", what);
}

void worker_image_take(struct transfer_image *from_take, struct worker_image *ret) {
        struct transfer_image *f = from_take;
        size_t config_len = strlen(f->config), manifest_len = strlen(f->manifest);
        *ret = (struct worker_image){
                .names = TAKE_PTR(f->names),
                .id = f->id,
                .config_text = TAKE_PTR(f->config),
                .config_len = config_len,
                .manifest_digest = f->manifest_digest,
                .manifest_text = TAKE_PTR(f->manifest),
                .manifest_len = manifest_len,
                .manifest_media_type = TAKE_PTR(f->manifest_type),
                .layers = xcalloc(f->n_layers, sizeof(*ret->layers)),
                .n_layers = f->n_layers,
        };
        for (size_t k = 0; k < f->n_layers; k++)
                ret->layers[k] = (struct worker_layer){
                        .diff_id = f->layers[k].diff_id,
                        .blob = f->layers[k].blob,
                        .blob_bytes = f->layers[k].blob_bytes,
                        .media_type = TAKE_PTR(f->layers[k].media_type),
                        .known = f->layers[k].known,
                        .blob_known = f->layers[k].blob_known,
                        .stats = { f->layers[k].data_bytes, f->layers[k].stored_bytes, f->layers[k].entries },
                };
}

static bool hashes_to(const char *text, size_t n, const struct digest *d) {
        struct digest got;
        sha256_text(text, n, &got);
        return digest_equal(&got, d);
}

/* @size: UINT64_MAX is any */
static bool is_staged(const struct worker_check *c, const char *kind, const struct digest *d, bool directory,
                      uint64_t size) {
        char name[16 + DIGEST_HEX_LEN];
        struct stat st;
        snprintf(name, sizeof(name), "%s.%s", kind, d->hex);
        if (fstatat(c->staging_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return false;
        if (directory)
                return S_ISDIR(st.st_mode);
        return S_ISREG(st.st_mode) && st.st_nlink == 1 && (size == UINT64_MAX || (uint64_t) st.st_size == size);
}

static const char *layer_fault(const struct worker_check *c, const struct worker_layer *l) {
        enum blob_compression ignored;
        bool tree = c->driver == LAYER_DRIVER_TREE;
        if (media_type_compression(l->media_type, &ignored) < 0)
                return "a layer's media type";
        if (l->known && (!c->load || !c->load->layer_known(&l->diff_id, c->load->user)))
                return "a layer that is not in the store";
        if (l->blob_known && (!c->load || !c->load->blob_known(&l->blob, c->load->user)))
                return "a blob that is not in the store";
        if (!l->known && !is_staged(c, "layer", &l->diff_id, tree, tree ? UINT64_MAX : l->stats.stored_bytes))
                return "a layer that is not there";
        if (c->keep_blobs && !l->blob_known && !is_staged(c, "blob", &l->blob, false, l->blob_bytes))
                return "a blob that is not there";
        if (l->stats.data_bytes > c->limits.max_layer_bytes || l->stats.entries > c->limits.max_entries)
                return "a layer beyond the limits";
        return NULL;
}

static const char *names_fault(const struct worker_image *i) {
        for (char *const *name = i->names; name && *name; name++) {
                _cleanup_free_ char *full = NULL;
                if (image_ref_normalize(*name, &full, NULL) < 0 || !streq(full, *name))
                        return "a name that is not a reference";
        }
        return NULL;
}

static const char *manifest_fault(const struct worker_image *i) {
        _cleanup_(image_manifest_clear) struct image_manifest m = {};
        if (!media_type_is_manifest(i->manifest_media_type) ||
            image_manifest_parse(i->manifest_text, i->manifest_len, "manifest", &m, NULL) < 0)
                return "a manifest that is none";
        bool same = digest_equal(&m.config.digest, &i->id) && m.config.size == i->config_len &&
                    m.n_layers == i->n_layers;
        for (size_t k = 0; same && k < i->n_layers; k++)
                same = digest_equal(&m.layers[k].digest, &i->layers[k].blob) &&
                       m.layers[k].size == i->layers[k].blob_bytes &&
                       streq(m.layers[k].media_type, i->layers[k].media_type);
        return same ? NULL : "a manifest of other layers";
}

static const char *config_fault(const struct worker_image *i) {
        _cleanup_(image_config_clear) struct image_config config = {};
        if (image_config_parse(i->config_text, i->config_len, "image config", &config, NULL) < 0)
                return "a config that is none";
        bool same = config.n_diff_ids == i->n_layers;
        for (size_t k = 0; same && k < i->n_layers; k++)
                same = digest_equal(&config.diff_ids[k], &i->layers[k].diff_id);
        return same ? NULL : "a config of other layers";
}

int worker_check_image(const struct worker_check *c, const struct worker_image *i, struct souk_err *err) {
        const char *fault = NULL;
        uint64_t sum = 0;
        if (!hashes_to(i->config_text, i->config_len, &i->id))
                fault = "an id that is not its config's";
        if (!fault && !hashes_to(i->manifest_text, i->manifest_len, &i->manifest_digest))
                fault = "a digest that is not its manifest's";
        if (!fault)
                fault = config_fault(i);
        if (!fault)
                fault = manifest_fault(i);
        if (!fault)
                fault = names_fault(i);
        if (!fault && i->n_layers > c->limits.max_layers)
                fault = "more layers than allowed";
        for (size_t k = 0; !fault && k < i->n_layers; k++) {
                fault = layer_fault(c, &i->layers[k]);
                sum += i->layers[k].stats.data_bytes; /* each below its limit, and few: cannot overflow */
                if (!fault && sum > c->limits.max_image_bytes)
                        fault = "an image beyond the limits";
        }
        return fault ? worker_protocol_error(err, fault) : 0;
}
