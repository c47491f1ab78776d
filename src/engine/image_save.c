/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk save: images out of the store as one archive.  Layer blobs go out as they came in, so digests stay. */
#include "base/file.h"
#include "base/str.h"
#include "engine/engine.h"
#include "iface/worker.h"
#include "wire/ref.h"

struct save_item {
        struct store_image image;
        char **names;           /* those that were asked for */
        struct digest *diff_ids;
        int *blob_fds;
        uint64_t *blob_bytes;
        char **media_types;     /* borrowed strings */
};
struct save_list {
        struct save_item *v;
        size_t n;
};

static void save_list_clear(struct save_list *l) {
        for (size_t i = 0; i < l->n; i++) {
                struct save_item *it = &l->v[i];

                for (size_t k = 0; it->blob_fds && k < it->image.n_layers; k++)
                        fd_close(it->blob_fds[k]);
                free(it->blob_fds);
                free(it->blob_bytes);
                free(it->media_types);
                free(it->diff_ids);
                strv_free(it->names);
                store_image_clear(&it->image);
        }
        free(l->v);
}

static int save_open_blobs(struct store *st, struct save_item *it, struct souk_err *err) {
        size_t n = it->image.n_layers;

        it->diff_ids = xcalloc(n + 1, sizeof(*it->diff_ids));
        it->blob_fds = xcalloc(n + 1, sizeof(*it->blob_fds));
        it->blob_bytes = xcalloc(n + 1, sizeof(*it->blob_bytes));
        it->media_types = xcalloc(n + 1, sizeof(*it->media_types));
        for (size_t k = 0; k < n; k++)
                it->blob_fds[k] = -EBADF;
        for (size_t k = 0; k < n; k++) {
                const struct store_layer *l = &it->image.layers[k];
                struct stat sb;

                it->diff_ids[k] = l->diff_id;
                it->blob_bytes[k] = l->blob_bytes;
                it->media_types[k] = l->media_type;
                it->blob_fds[k] = store_blob_open(st, &l->blob, err);
                if (it->blob_fds[k] < 0)
                        return it->blob_fds[k];
                if (fstat(it->blob_fds[k], &sb) < 0)
                        return souk_err_errno(err, errno, "look at layer blob sha256:%s", l->blob.hex);
                if ((uint64_t) sb.st_size != l->blob_bytes)
                        return souk_err_set(err, SOUK_CORRUPT, -EBADMSG,
                                            "layer blob sha256:%s has %llu bytes instead of %llu: remove the image and load "
                                            "it again",
                                            l->blob.hex, (unsigned long long) sb.st_size, (unsigned long long) l->blob_bytes);
        }
        return 0;
}

/* The image a reference names, and the name when it is one: several names of one image make one entry of the archive. */
static int save_add(struct store *st, struct save_list *l, const char *ref, struct souk_err *err) {
        _cleanup_free_ char *full = NULL;
        struct store_image found = { 0 };
        struct save_item *it = NULL;
        int r;

        r = store_image_find(st, ref, &found, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < l->n; i++)
                if (streq(l->v[i].image.id, found.id))
                        it = &l->v[i];
        if (!it) {
                l->v = xreallocarray(l->v, l->n + 1, sizeof(*l->v));
                it = &l->v[l->n++];
                *it = (struct save_item){ 0 };
                r = store_image_get(st, found.id, false, &it->image, err);
                if (r == 0)
                        r = save_open_blobs(st, it, err);
        }
        store_image_clear(&found);
        if (r < 0)
                return souk_err_wrap(err, "save '%s'", ref);
        if (image_ref_normalize(ref, &full, NULL) == 0 && strv_has(it->image.names, full) && !strv_has(it->names, full))
                strv_push(&it->names, full);
        return 0;
}

int souk_image_save(struct souk *s, const char *const *refs, int fd, enum souk_archive_format format, struct souk_err *err) {
        _cleanup_(save_list_clear) struct save_list l = { 0 };
        _cleanup_free_ struct worker_save_image *images = NULL;
        int r;

        for (const char *const *ref = refs; ref && *ref; ref++) {
                r = save_add(s->store, &l, *ref, err);
                if (r < 0)
                        return r;
        }
        if (l.n == 0)
                return souk_err_set(err, SOUK_USAGE, -EINVAL, "no image was named to save");
        images = xcalloc(l.n, sizeof(*images));
        for (size_t i = 0; i < l.n; i++) {
                const struct save_item *it = &l.v[i];

                images[i] = (struct worker_save_image){
                        .names = it->names,
                        .config_text = it->image.config_text,
                        .config_len = it->image.config_len,
                        .manifest_text = it->image.manifest_text,
                        .manifest_len = it->image.manifest_len,
                        .manifest_media_type = it->image.manifest_media_type,
                        .diff_ids = it->diff_ids,
                        .blob_fds = it->blob_fds,
                        .blob_bytes = it->blob_bytes,
                        .blob_media_types = it->media_types,
                        .n_layers = it->image.n_layers,
                };
        }
        return worker_save(&(struct worker_save){ .output_fd = fd, .format = format, .images = images, .n_images = l.n }, err);
}
