/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk rmi and souk image prune.  Records go first, in one transaction, then the content that nothing names any more. */
#include "base/log.h"
#include "base/str.h"
#include "engine/engine.h"
#include "wire/ref.h"

static void line_untagged(char ***lines, const char *full_name) {
        _cleanup_free_ char *familiar = image_ref_familiar(full_name);

        strv_pushf(lines, "Untagged: %s", familiar);
}

/* Bytes on disk that removing these layers and blobs of the image gives back. */
static uint64_t dead_bytes(const struct store_image *i, char *const *layers, char *const *blobs) {
        uint64_t bytes = 0;

        for (size_t k = 0; k < i->n_layers; k++) {
                if (strv_has(layers, i->layers[k].diff_id.hex))
                        bytes += i->layers[k].stored_bytes;
                if (strv_has(blobs, i->layers[k].blob.hex))
                        bytes += i->layers[k].blob_bytes;
        }
        return bytes;
}

static int image_delete(struct store *st, const struct store_image *i, char ***lines, uint64_t *bytes, struct souk_err *err) {
        _cleanup_strv_ char **layers = NULL, **blobs = NULL;
        int r;

        r = store_image_delete(st, i->id, &layers, &blobs, err);
        if (r < 0)
                return r;
        for (char **name = i->names; name && *name; name++)
                line_untagged(lines, *name);
        strv_pushf(lines, "Deleted: sha256:%s", i->id);
        for (char **layer = layers; layer && *layer; layer++)
                strv_pushf(lines, "Deleted: sha256:%s", *layer);
        if (bytes)
                *bytes += dead_bytes(i, layers, blobs);
        store_layer_files_remove(st, layers);
        store_blob_files_remove(st, blobs);
        return 0;
}

static int image_remove(struct store *st, const char *ref, bool force, const struct store_image *i, char ***lines,
                        struct souk_err *err) {
        _cleanup_free_ char *full = NULL;
        bool by_name = image_ref_normalize(ref, &full, NULL) == 0 && strv_has(i->names, full);
        size_t n_names = strv_len(i->names);
        int r;

        if (by_name && n_names > 1) {
                r = store_image_name_delete(st, full, err);
                if (r == 0)
                        line_untagged(lines, full);
                return r;
        }
        if (!by_name && n_names > 1 && !force)
                return souk_err_set(err, SOUK_CONFLICT, -EBUSY,
                                    "image %.12s has %zu names: remove them one by one, or all with --force", i->id, n_names);
        return image_delete(st, i, lines, NULL, err);
}

int souk_image_remove(struct souk *s, const char *ref, bool force, char ***ret_lines, struct souk_err *err) {
        struct store_image found = { 0 }, i = { 0 };
        _cleanup_strv_ char **lines = NULL;
        int r;

        r = store_image_find(s->store, ref, &found, err);
        if (r < 0)
                return r;
        r = store_image_get(s->store, found.id, false, &i, err);
        store_image_clear(&found);
        if (r < 0)
                return r;
        r = image_remove(s->store, ref, force, &i, &lines, err);
        store_image_clear(&i);
        if (r == 0 && ret_lines)
                *ret_lines = TAKE_PTR(lines);
        return r;
}

int souk_image_prune(struct souk *s, bool all, char ***ret_lines, uint64_t *ret_bytes, struct souk_err *err) {
        _cleanup_strv_ char **lines = NULL;
        struct store_image *v = NULL;
        uint64_t bytes = 0;
        size_t n = 0;
        int r;

        r = store_image_list(s->store, &v, &n, err);
        for (size_t i = 0; i < n; i++) {
                if (r == 0 && (all || !v[i].names)) {
                        struct souk_err why = { 0 };

                        r = image_delete(s->store, &v[i], &lines, &bytes, &why);
                        if (r < 0 && (why.code == SOUK_CONFLICT || why.code == SOUK_IMAGE_NOT_FOUND))
                                r = 0; /* in use, or somebody else removed it */
                        else if (r < 0 && err)
                                *err = why;
                }
                store_image_clear(&v[i]);
        }
        free(v);
        if (r < 0)
                return r;
        if (ret_lines)
                *ret_lines = TAKE_PTR(lines);
        if (ret_bytes)
                *ret_bytes = bytes;
        return 0;
}
