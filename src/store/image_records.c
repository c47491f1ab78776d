/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records of images, their names and layers.
 *
 * A record may only name content that is there.  Content arrives before its record (store_layer_adopt, then
 * store_image_put, which looks again inside its transaction) and leaves after it (store_image_delete, then
 * store_layer_files_remove, which moves a file away only inside a transaction that sees no record of it).  Whatever a
 * crash leaves in between is content without a record, which store_check() finds.
 */
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "store/content.h"
#include "store/db.h"
#include "wire/ref.h"

#include <stdio.h>

static void store_layer_clear(struct store_layer *l) {
        free(l->media_type);
}

void store_image_clear(struct store_image *i) {
        for (size_t k = 0; k < i->n_layers; k++)
                store_layer_clear(&i->layers[k]);
        free(i->layers);
        free(i->manifest_text);
        free(i->manifest_media_type);
        free(i->config_text);
        strv_free(i->names);
        *i = (struct store_image){ 0 };
}

static int image_read_layers(struct store *st, int64_t pk, struct store_image *i, struct souk_err *err) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        size_t cap = 0;
        int r;

        r = db_query(st, DB_IMAGE_LAYERS, &s, err, "i", pk);
        if (r < 0)
                return r;
        while ((r = db_step(st, s, err)) > 0) {
                struct store_layer *l;

                if (i->n_layers == cap) {
                        cap = cap ? 2 * cap : 8;
                        i->layers = xreallocarray(i->layers, cap, sizeof(*i->layers));
                }
                l = &i->layers[i->n_layers++];
                *l = (struct store_layer){
                        .driver = (enum layer_driver) sqlite3_column_int(s, 1),
                        .data_bytes = (uint64_t) sqlite3_column_int64(s, 2),
                        .stored_bytes = (uint64_t) sqlite3_column_int64(s, 3),
                        .blob_bytes = (uint64_t) sqlite3_column_int64(s, 5),
                        .media_type = column_dup(s, 6, NULL),
                };
                column_copy(s, 0, l->diff_id.hex, sizeof(l->diff_id.hex));
                column_copy(s, 4, l->blob.hex, sizeof(l->blob.hex));
        }
        return r;
}

static int image_read_names(struct store *st, int64_t pk, struct store_image *i, struct souk_err *err) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query(st, DB_IMAGE_NAMES, &s, err, "i", pk);
        if (r < 0)
                return r;
        while ((r = db_step(st, s, err)) > 0)
                strv_push_take(&i->names, column_dup(s, 0, NULL));
        return r;
}

static int image_read_row(struct store *st, int64_t pk, bool brief, struct store_image *i, struct souk_err *err) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query(st, brief ? DB_IMAGE_BRIEF : DB_IMAGE_FULL, &s, err, "i", pk);
        if (r < 0)
                return r;
        r = db_step(st, s, err);
        if (r <= 0)
                return r < 0 ? r : souk_err_set(err, SOUK_IMAGE_NOT_FOUND, -ENOENT, "the image was removed meanwhile");
        column_copy(s, 0, i->id, sizeof(i->id));
        i->config_text = column_dup(s, 1, &i->config_len);
        if (brief)
                return 0;
        column_copy(s, 2, i->manifest_digest.hex, sizeof(i->manifest_digest.hex));
        i->manifest_media_type = column_dup(s, 3, NULL);
        i->created_at = (uint64_t) sqlite3_column_int64(s, 4);
        i->added_at = (uint64_t) sqlite3_column_int64(s, 5);
        i->manifest_text = column_dup(s, 6, &i->manifest_len);
        return 0;
}

static int image_read(struct store *st, int64_t pk, bool brief, struct store_image *ret, struct souk_err *err) {
        struct store_image i = { 0 };
        int r;

        r = image_read_row(st, pk, brief, &i, err);
        if (r == 0)
                r = image_read_layers(st, pk, &i, err);
        if (r == 0 && !brief)
                r = image_read_names(st, pk, &i, err);
        if (r < 0) {
                store_image_clear(&i);
                return r;
        }
        *ret = i;
        return 0;
}

/* 1 and the record's key, 0 no such image, negative errno */
static int image_lookup(struct store *st, enum db_statement which, const char *key, int64_t *ret_pk, struct souk_err *err) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query(st, which, &s, err, "s", key);
        if (r < 0)
                return r;
        r = db_step(st, s, err);
        if (r > 0)
                *ret_pk = sqlite3_column_int64(s, which == DB_IMAGE_PK ? 0 : 1);
        return r;
}

static bool is_id_prefix(const char *s) {
        size_t n = strspn(s, "0123456789abcdef");

        return s[n] == '\0' && n >= 4 && n <= DIGEST_HEX_LEN;
}

static int image_lookup_prefix(struct store *st, const char *prefix, int64_t *ret_pk, struct souk_err *err) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        _cleanup_strv_ char **found = NULL;
        char end[DIGEST_HEX_LEN + 2];
        int r;

        snprintf(end, sizeof(end), "%sg", prefix); /* 'g' sorts after every digit */
        r = db_query(st, DB_IMAGE_BY_PREFIX, &s, err, "ss", prefix, end);
        if (r < 0)
                return r;
        while ((r = db_step(st, s, err)) > 0) {
                *ret_pk = sqlite3_column_int64(s, 1);
                strv_push_take(&found, xstrndup((const char *) sqlite3_column_text(s, 0), strlen(prefix) + 8));
        }
        if (r < 0)
                return r;
        if (strv_len(found) > 1) {
                _cleanup_free_ char *list = strv_join(found, ", ");

                return souk_err_set(err, SOUK_INVALID, -EEXIST,
                                    "image id '%s' is ambiguous: it could be %s; give more digits", prefix, list);
        }
        return strv_len(found) == 1;
}

/* What to say about a name that is not there: other tags of the same repository, or where images come from. */
static int image_not_found(struct store *st, const char *ref, const char *full, struct souk_err *err) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        _cleanup_strv_ char **near = NULL;
        const char *colon = full ? strrchr(full, ':') : NULL;

        if (colon && !strchr(full, '@')) {
                _cleanup_free_ char *from = xstrndup(full, (size_t) (colon - full) + 1);
                _cleanup_free_ char *to = xasprintf("%.*s;", (int) (colon - full), full); /* ';' is ':' + 1 */

                if (db_query(st, DB_NAME_LIKE, &s, NULL, "ss", from, to) == 0)
                        while (db_step(st, s, NULL) > 0)
                                strv_push_take(&near, image_ref_familiar((const char *) sqlite3_column_text(s, 0)));
                sqlite3_reset(s);
                sqlite3_clear_bindings(s);
        }
        if (near) {
                _cleanup_free_ char *list = strv_join(near, ", ");

                return souk_err_set(err, SOUK_IMAGE_NOT_FOUND, -ENOENT, "image '%s' not found; the store has %s", ref, list);
        }
        return souk_err_set(err, SOUK_IMAGE_NOT_FOUND, -ENOENT,
                            "image '%s' not found: 'souk images' lists what is there; 'souk load', 'souk import' and "
                            "'souk image bootstrap' bring images in",
                            ref);
}

static int image_find_pk(struct store *st, const char *ref, int64_t *ret_pk, struct souk_err *err) {
        const char *hex = str_startswith(ref, "sha256:");
        _cleanup_free_ char *full = NULL;
        struct image_ref parsed = { 0 };
        struct souk_err parse_err = { 0 };
        struct digest digest;
        int r;

        if (!hex) {
                r = image_ref_parse(ref, &parsed, &parse_err);
                if (r == 0 && parsed.digest) {
                        r = digest_parse(parsed.digest, &digest);
                        r = r < 0 ? 0 : image_lookup(st, DB_IMAGE_BY_DIGEST, digest.hex, ret_pk, err);
                        full = xstrdup(ref);
                } else if (r == 0) {
                        full = image_ref_format(&parsed);
                        r = image_lookup(st, DB_IMAGE_BY_NAME, full, ret_pk, err);
                } else {
                        r = 0;
                }
                image_ref_clear(&parsed);
                if (r != 0)
                        return r < 0 ? r : 0;
                hex = ref;
        }
        if (is_id_prefix(hex)) {
                r = image_lookup_prefix(st, hex, ret_pk, err);
                if (r != 0)
                        return r < 0 ? r : 0;
        } else if (parse_err.errnum < 0) {
                if (err)
                        *err = parse_err;
                return parse_err.errnum;
        }
        return image_not_found(st, ref, full, err);
}

int store_image_find(struct store *st, const char *ref, struct store_image *ret, struct souk_err *err) {
        int64_t pk = 0;
        int r;

        r = image_find_pk(st, ref, &pk, err);
        if (r < 0)
                return r;
        return image_read(st, pk, true, ret, err);
}

int store_image_get(struct store *st, const char *id, bool brief, struct store_image *ret, struct souk_err *err) {
        int64_t pk;
        int r;

        r = image_lookup(st, DB_IMAGE_PK, id, &pk, err);
        if (r < 0)
                return r;
        if (r == 0)
                return souk_err_set(err, SOUK_IMAGE_NOT_FOUND, -ENOENT, "image sha256:%s is not in the store", id);
        return image_read(st, pk, brief, ret, err);
}

int store_image_list(struct store *st, struct store_image **ret, size_t *ret_n, struct souk_err *err) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        struct store_image *v = NULL;
        size_t n = 0, cap = 0;
        int r;

        r = db_query(st, DB_IMAGE_LIST, &s, err, "");
        if (r < 0)
                return r;
        while ((r = db_step(st, s, err)) > 0) {
                int64_t pk = sqlite3_column_int64(s, 0);
                struct store_image *i;

                if (n == cap) {
                        cap = cap ? 2 * cap : 16;
                        v = xreallocarray(v, cap, sizeof(*v));
                }
                i = &v[n++];
                *i = (struct store_image){
                        .manifest_media_type = column_dup(s, 3, NULL),
                        .created_at = (uint64_t) sqlite3_column_int64(s, 4),
                        .added_at = (uint64_t) sqlite3_column_int64(s, 5),
                };
                column_copy(s, 1, i->id, sizeof(i->id));
                column_copy(s, 2, i->manifest_digest.hex, sizeof(i->manifest_digest.hex));
                r = image_read_layers(st, pk, i, err);
                if (r == 0)
                        r = image_read_names(st, pk, i, err);
                if (r < 0)
                        break;
        }
        if (r < 0) {
                for (size_t k = 0; k < n; k++)
                        store_image_clear(&v[k]);
                free(v);
                return r;
        }
        *ret = v;
        *ret_n = n;
        return 0;
}

/* The record of a layer that is in the store: 1 and @ret, 0 none, negative errno.  @ret_pk may be NULL. */
static int layer_lookup(struct store *st, const struct digest *diff_id, struct store_layer *ret, int64_t *ret_pk,
                        struct souk_err *err) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query(st, DB_LAYER_GET, &s, err, "s", diff_id->hex);
        if (r < 0)
                return r;
        r = db_step(st, s, err);
        if (r <= 0)
                return r;
        *ret = (struct store_layer){
                .diff_id = *diff_id,
                .driver = (enum layer_driver) sqlite3_column_int(s, 1),
                .data_bytes = (uint64_t) sqlite3_column_int64(s, 2),
                .stored_bytes = (uint64_t) sqlite3_column_int64(s, 3),
        };
        if (ret_pk)
                *ret_pk = sqlite3_column_int64(s, 0);
        return 1;
}

bool store_layer_exists(struct store *st, const struct digest *diff_id) {
        struct store_layer l;

        return layer_lookup(st, diff_id, &l, NULL, NULL) > 0 &&
               content_layer_intact(st, diff_id->hex, l.driver, l.stored_bytes);
}

bool store_blob_exists(struct store *st, const struct digest *blob) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;

        return db_query(st, DB_BLOB_KNOWN, &s, NULL, "s", blob->hex) == 0 && db_step(st, s, NULL) > 0 &&
               content_blob_exists(st, blob->hex);
}

/* Inside a transaction: the layer's record, for content that is there now. */
static int image_put_layer(struct store *st, const struct store_layer *l, int64_t *ret_pk, struct souk_err *err) {
        struct store_layer known;
        int r;

        r = layer_lookup(st, &l->diff_id, &known, ret_pk, err);
        if (r < 0)
                return r;
        if (r > 0 && content_layer_intact(st, l->diff_id.hex, known.driver, known.stored_bytes))
                return 0;
        if (!content_layer_intact(st, l->diff_id.hex, l->driver, l->stored_bytes))
                return souk_err_set(err, SOUK_CONFLICT, -ESTALE,
                                    "layer sha256:%s was removed from the store while the image came in: load it again",
                                    l->diff_id.hex);
        r = db_run(st, DB_LAYER_SET, err, "siii", l->diff_id.hex, (int64_t) l->driver, (int64_t) l->data_bytes,
                   (int64_t) l->stored_bytes);
        if (r < 0)
                return r;
        r = layer_lookup(st, &l->diff_id, &known, ret_pk, err);
        return r < 0 ? r : 0;
}

static int image_put_layers(struct store *st, int64_t image, const struct store_image *i, struct souk_err *err) {
        int64_t layer = 0;
        int r;

        for (size_t k = 0; k < i->n_layers; k++) {
                const struct store_layer *l = &i->layers[k];

                r = image_put_layer(st, l, &layer, err);
                if (r < 0)
                        return r;
                r = db_run(st, DB_IMAGE_LAYER_SET, err, "iiisis", image, (int64_t) k, layer, l->blob.hex,
                           (int64_t) l->blob_bytes, l->media_type);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Is everything that the recorded image consists of there? */
static int image_is_whole(struct store *st, int64_t pk, bool *ret, struct souk_err *err) {
        struct store_image i = { 0 };
        int r;

        r = image_read_layers(st, pk, &i, err);
        *ret = true;
        for (size_t k = 0; r == 0 && k < i.n_layers; k++)
                if (!content_layer_intact(st, i.layers[k].diff_id.hex, i.layers[k].driver, i.layers[k].stored_bytes) ||
                    !content_blob_exists(st, i.layers[k].blob.hex))
                        *ret = false;
        store_image_clear(&i);
        return r;
}

bool store_image_whole(struct store *st, const char *id) {
        bool whole = false;
        int64_t pk;

        return image_lookup(st, DB_IMAGE_PK, id, &pk, NULL) > 0 && image_is_whole(st, pk, &whole, NULL) == 0 && whole;
}

static int image_put_record(struct store *st, const struct store_image *i, int64_t *ret_pk, struct souk_err *err) {
        bool whole;
        int r;

        r = image_lookup(st, DB_IMAGE_PK, i->id, ret_pk, err);
        if (r < 0)
                return r;
        if (r == 0) {
                r = db_run(st, DB_IMAGE_INSERT, err, "sbssiib", i->id, i->config_text, i->config_len,
                           i->manifest_digest.hex, i->manifest_media_type, (int64_t) i->created_at,
                           (int64_t) (i->added_at ? i->added_at : now_wall_usec()), i->manifest_text, i->manifest_len);
                if (r < 0)
                        return r;
                *ret_pk = sqlite3_last_insert_rowid(st->db);
                return image_put_layers(st, *ret_pk, i, err);
        }
        /* The same image again.  It stays as it came first, unless something of it was lost. */
        r = image_is_whole(st, *ret_pk, &whole, err);
        if (r < 0 || whole)
                return r;
        r = db_run(st, DB_IMAGE_UPDATE, err, "issb", *ret_pk, i->manifest_digest.hex, i->manifest_media_type,
                   i->manifest_text, i->manifest_len);
        if (r >= 0)
                r = db_run(st, DB_IMAGE_LAYER_DELETE, err, "i", *ret_pk);
        return r < 0 ? r : image_put_layers(st, *ret_pk, i, err);
}

int store_image_put(struct store *st, const struct store_image *i, struct souk_err *err) {
        _cleanup_rollback_ struct store *tx = NULL;
        int64_t pk = 0;
        int r;

        r = content_sync(st, err);
        if (r < 0)
                return r;
        r = db_begin(st, &tx, err);
        if (r < 0)
                return r;
        r = image_put_record(st, i, &pk, err);
        if (r < 0)
                return r;
        for (char **name = i->names; name && *name; name++) {
                r = db_run(st, DB_NAME_SET, err, "si", *name, pk);
                if (r < 0)
                        return r;
        }
        fault_point("store.image_put");
        return db_commit(&tx, err);
}

int store_image_name_set(struct store *st, const char *full_name, const char *id, struct souk_err *err) {
        _cleanup_rollback_ struct store *tx = NULL;
        int64_t pk;
        int r;

        r = db_begin(st, &tx, err);
        if (r < 0)
                return r;
        r = image_lookup(st, DB_IMAGE_PK, id, &pk, err);
        if (r < 0)
                return r;
        if (r == 0)
                return souk_err_set(err, SOUK_IMAGE_NOT_FOUND, -ENOENT, "image sha256:%s is not in the store", id);
        r = db_run(st, DB_NAME_SET, err, "si", full_name, pk);
        return r < 0 ? r : db_commit(&tx, err);
}

int store_image_name_delete(struct store *st, const char *full_name, struct souk_err *err) {
        int r;

        r = db_run(st, DB_NAME_DELETE, err, "s", full_name);
        if (r < 0)
                return r;
        if (r == 0)
                return souk_err_set(err, SOUK_IMAGE_NOT_FOUND, -ENOENT, "no image is named '%s'", full_name);
        return 0;
}

static int image_refuse_used(struct store *st, const char *id, struct souk_err *err) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query(st, DB_IMAGE_USER, &s, err, "s", id);
        if (r < 0)
                return r;
        r = db_step(st, s, err);
        if (r <= 0)
                return r;
        return souk_err_set(err, SOUK_CONFLICT, -EBUSY,
                            "image %.12s is used by instance %s (%.12s): remove that first with 'souk rm %s'", id,
                            sqlite3_column_text(s, 1), sqlite3_column_text(s, 0), sqlite3_column_text(s, 1));
}

static int image_delete_rows(struct store *st, int64_t pk, struct souk_err *err) {
        static const enum db_statement deletes[] = { DB_NAME_DELETE_IMAGE, DB_IMAGE_LAYER_DELETE, DB_IMAGE_DELETE };
        int r;

        for (size_t k = 0; k < ELEMENTSOF(deletes); k++) {
                r = db_run(st, deletes[k], err, "i", pk);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Layers that no image has any more: listed, and their records deleted. */
static int layers_forget_dead(struct store *st, char ***ret, struct souk_err *err) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query(st, DB_LAYER_DEAD, &s, err, "");
        if (r < 0)
                return r;
        while ((r = db_step(st, s, err)) > 0)
                strv_push_take(ret, column_dup(s, 0, NULL));
        return r < 0 ? r : db_run(st, DB_LAYER_DELETE_DEAD, err, "");
}

static int blob_is_known(struct store *st, const char *hex, struct souk_err *err) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query(st, DB_BLOB_KNOWN, &s, err, "s", hex);
        return r < 0 ? r : db_step(st, s, err);
}

static int blobs_now_dead(struct store *st, const struct store_image *i, char ***ret, struct souk_err *err) {
        int r;

        for (size_t k = 0; k < i->n_layers; k++) {
                r = blob_is_known(st, i->layers[k].blob.hex, err);
                if (r < 0)
                        return r;
                if (r == 0 && !strv_has(*ret, i->layers[k].blob.hex))
                        strv_push(ret, i->layers[k].blob.hex);
        }
        return 0;
}

static int image_delete_in_tx(struct store *st, const char *id, char ***layers, char ***blobs, struct souk_err *err) {
        struct store_image i = { 0 };
        int64_t pk;
        int r;

        r = image_lookup(st, DB_IMAGE_PK, id, &pk, err);
        if (r < 0)
                return r;
        if (r == 0)
                return souk_err_set(err, SOUK_IMAGE_NOT_FOUND, -ENOENT, "image sha256:%s is not in the store", id);
        r = image_refuse_used(st, id, err);
        if (r < 0)
                return r;
        r = image_read_layers(st, pk, &i, err);
        if (r == 0)
                r = image_delete_rows(st, pk, err);
        if (r == 0)
                r = layers_forget_dead(st, layers, err);
        if (r >= 0)
                r = blobs_now_dead(st, &i, blobs, err);
        store_image_clear(&i);
        return r;
}

int store_image_delete(struct store *st, const char *id, char ***ret_dead_layers, char ***ret_dead_blobs, struct souk_err *err) {
        _cleanup_rollback_ struct store *tx = NULL;
        _cleanup_strv_ char **layers = NULL, **blobs = NULL;
        int r;

        r = db_begin(st, &tx, err);
        if (r < 0)
                return r;
        r = image_delete_in_tx(st, id, &layers, &blobs, err);
        if (r < 0)
                return r;
        r = db_commit(&tx, err);
        if (r < 0)
                return r;
        fault_point("store.image_deleted");
        *ret_dead_layers = TAKE_PTR(layers);
        *ret_dead_blobs = TAKE_PTR(blobs);
        return 0;
}
