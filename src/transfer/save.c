/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * save: images as one uncompressed tar.
 *   docker-archive  <config>.json, <diff id>/layer.tar (inflated: readers of this format expect plain tars),
 * manifest.json oci-archive     oci-layout, index.json, blobs/sha256/...: the blobs as they came, so that digests stay
 * Times are zero and the order is fixed: the same images give the same archive.
 *
 * Blobs are checked against their digests, so that a damaged store never becomes a damaged archive without a word.  A
 * tar header wants the size first: for docker-archives each blob is inflated twice, the first time only to be measured
 * and checked, all layers in parallel.
 */
#include "transfer/transfer.h"

#include "base/file.h"
#include "base/str.h"
#include "layer/tar_write.h"
#include "wire/ref.h"

#include <stdio.h>

#define PIECE (1u << 20)
#define THREADS_MAX 16

struct save {
        struct transfer *t;
        int out_fd;
        struct tar_writer tar;
        char **written;                 /* member names: each once */
        json_t *list;                   /* of manifest.json or index.json */
};
struct layer {
        struct bytes bytes;
        const struct transfer_layer *about;
        enum blob_compression compression;
        uint64_t tar_bytes;             /* once measured */
};

static int out_write(void *user, const void *p, size_t n, struct souk_err *err) {
        struct save *s = user;
        int r = fd_write_all(s->out_fd, p, n);
        return r < 0 ? souk_err_errno(err, r, "writing the archive") : 0;
}

static int begin(struct save *s, const char *name, uint64_t size, struct souk_err *err) {
        struct tar_entry e = { .type = TAR_FILE, .path = name, .path_len = strlen(name), .mode = 0644, .size = size };
        strv_push(&s->written, name);
        return tar_writer_entry(&s->tar, &e, NULL, 0, err);
}

static int add_text(struct save *s, const char *name, const char *text, struct souk_err *err) {
        if (strv_has(s->written, name))
                return 0;
        int r = begin(s, name, strlen(text), err);
        return r < 0 ? r : tar_writer_data(&s->tar, text, strlen(text), err);
}

/* ---- a layer's blob as a stream ---------------------------------------------------------------------------------- */

struct blob {
        const struct bytes *bytes;
        size_t at;
        struct hash *hash;              /* NULL: not wanted */
};

static int blob_next(void *user, const void **ret_p, size_t *ret_n, struct souk_err *err) {
        struct blob *b = user;
        size_t n = MIN(b->bytes->n - b->at, (size_t) PIECE);
        if (b->at > 0 && b->at % PIECE == 0)
                bytes_forget(b->bytes, b->at - PIECE, PIECE);
        *ret_p = b->bytes->p + b->at;
        *ret_n = n;
        if (b->hash)
                hash_add(b->hash, *ret_p, n);
        b->at += n;
        return n > 0;
}

static int check_digest(struct hash *h, const struct digest *wanted, const char *what, struct souk_err *err) {
        struct digest got;
        hash_end(h, &got);
        if (digest_equal(&got, wanted))
                return 0;
        return souk_err_set(
                err, SOUK_DIGEST_MISMATCH, -EILSEQ,
                "the store's layer is damaged: its %s should be sha256:%s and is sha256:%s; load the image again", what,
                wanted->hex, got.hex);
}

/* Inflated once, for its size and its digests. */
static int measure(struct layer *l, struct souk_err *err) {
        _cleanup_(hash_freep) struct hash *blob_hash = hash_new(), *tar_hash = hash_new();
        struct blob blob = { .bytes = &l->bytes, .hash = blob_hash };
        struct layer_source source = { .next = blob_next, .user = &blob };
        _cleanup_(inflate_freep) struct inflate *i = NULL;
        const void *p;
        size_t n;
        int r = inflate_new(l->compression, &source, &i, err);
        if (r < 0)
                return r;
        struct layer_source in = inflate_source(i);
        while ((r = in.next(in.user, &p, &n, err)) > 0) {
                hash_add(tar_hash, p, n);
                l->tar_bytes += n;
        }
        if (r >= 0)
                r = check_digest(blob_hash, &l->about->blob, "blob's digest", err);
        return r < 0 ? r : check_digest(tar_hash, &l->about->diff_id, "diff id", err);
}

struct measuring {
        struct layer *layers;
        size_t n, next;
        pthread_mutex_t lock;
        struct souk_err err;            /* the first failure */
};

static void *measure_main(void *user) {
        struct measuring *m = user;
        for (;;) {
                struct souk_err err = {};
                pthread_mutex_lock(&m->lock);
                size_t i = m->err.errnum ? m->n : m->next++;
                pthread_mutex_unlock(&m->lock);
                if (i >= m->n)
                        return NULL;
                if (measure(&m->layers[i], &err) >= 0)
                        continue;
                pthread_mutex_lock(&m->lock);
                if (!m->err.errnum)
                        m->err = err;
                pthread_mutex_unlock(&m->lock);
        }
}

static int measure_all(struct layer *layers, size_t n, struct souk_err *err) {
        struct measuring m = { .layers = layers, .n = n, .lock = PTHREAD_MUTEX_INITIALIZER };
        pthread_t threads[THREADS_MAX];
        size_t n_threads = 0, wanted = MIN(MIN(cpus_usable(), n), (size_t) THREADS_MAX);
        while (n_threads + 1 < wanted && pthread_create(&threads[n_threads], NULL, measure_main, &m) == 0)
                n_threads++;
        measure_main(&m);
        for (size_t i = 0; i < n_threads; i++)
                pthread_join(threads[i], NULL);
        if (m.err.errnum)
                *err = m.err;
        return m.err.errnum;
}

/* @size: of what @c makes of it; @hash: of the bytes that are read, or NULL */
static int add_layer(struct save *s, const char *name, const struct layer *l, enum blob_compression c, uint64_t size,
                     struct hash *hash, struct souk_err *err) {
        struct blob blob = { .bytes = &l->bytes, .hash = hash };
        struct layer_source source = { .next = blob_next, .user = &blob };
        _cleanup_(inflate_freep) struct inflate *i = NULL;
        const void *p;
        size_t n;
        int r = begin(s, name, size, err);
        if (r >= 0)
                r = inflate_new(c, &source, &i, err);
        if (r < 0)
                return r;
        struct layer_source in = inflate_source(i);
        while ((r = in.next(in.user, &p, &n, err)) > 0)
                if ((r = tar_writer_data(&s->tar, p, n, err)) < 0)
                        return r;
        return r;
}

/* ---- images ------------------------------------------------------------------------------------------------------ */

/* @ret_n: those to be cleared, also on failure */
static int receive_layers(const struct transfer_image *image, struct layer *ret, size_t *ret_n, struct souk_err *err) {
        for (size_t k = 0; k < image->n_layers; k++) {
                struct layer *l = &ret[k];
                _cleanup_close_ int fd = transfer_receive_fd("a layer's blob", err);
                if (fd < 0)
                        return fd;
                l->about = &image->layers[k];
                if (media_type_compression(l->about->media_type, &l->compression) < 0)
                        return souk_err_set(err, SOUK_INTERNAL, -EINVAL, "the job to save images is malformed");
                int r = bytes_map(fd, "a layer's blob", &l->bytes, err);
                if (r < 0)
                        return r;
                *ret_n = k + 1;
                if (l->bytes.n != l->about->blob_bytes)
                        return souk_err_set(
                                err, SOUK_CORRUPT, -EBADMSG,
                                "the store's layer is damaged: blob sha256:%s has %zu bytes, not %llu; load the image "
                                "again",
                                l->about->blob.hex, l->bytes.n, (unsigned long long) l->about->blob_bytes);
        }
        return 0;
}

static int save_docker(struct save *s, const struct transfer_image *image, struct layer *layers, struct souk_err *err) {
        struct digest d;
        hash_of(image->config, strlen(image->config), &d);
        _cleanup_free_ char *config_name = xasprintf("%s.json", d.hex);
        json_t *paths = json_array(), *tags = json_array();
        int r = add_text(s, config_name, image->config, err);
        if (r >= 0)
                r = measure_all(layers, image->n_layers, err);
        for (size_t i = 0; i < image->n_layers && r >= 0; i++) {
                const struct layer *l = &layers[i];
                _cleanup_free_ char *name = xasprintf("%s/layer.tar", l->about->diff_id.hex);
                if (!strv_has(s->written, name))
                        r = add_layer(s, name, l, l->compression, l->tar_bytes, NULL, err);
                json_array_append_new(paths, json_string(name));
        }
        for (char *const *name = image->names; name && *name; name++) {
                _cleanup_free_ char *familiar = image_ref_familiar(*name);
                json_array_append_new(tags, json_string(familiar));
        }
        json_array_append_new(s->list,
                              json_pack("{s:s,s:o,s:o}", "Config", config_name, "RepoTags", tags, "Layers", paths));
        return r;
}

static int add_blob_text(struct save *s, const char *text, struct digest *ret, struct souk_err *err) {
        char path[16 + DIGEST_HEX_LEN];
        hash_of(text, strlen(text), ret);
        snprintf(path, sizeof(path), "blobs/sha256/%s", ret->hex);
        return add_text(s, path, text, err);
}

static int add_blob(struct save *s, const struct layer *l, struct souk_err *err) {
        _cleanup_(hash_freep) struct hash *hash = hash_new();
        char path[16 + DIGEST_HEX_LEN];
        snprintf(path, sizeof(path), "blobs/sha256/%s", l->about->blob.hex);
        if (strv_has(s->written, path))
                return 0;
        int r = add_layer(s, path, l, BLOB_PLAIN, l->bytes.n, hash, err);
        return r < 0 ? r : check_digest(hash, &l->about->blob, "blob's digest", err);
}

static int save_oci(struct save *s, const struct transfer_image *image, struct layer *layers, struct souk_err *err) {
        struct digest config, manifest;
        char text[DIGEST_STR_SIZE];
        int r = 0;
        for (size_t i = 0; i < image->n_layers && r >= 0; i++)
                r = add_blob(s, &layers[i], err);
        if (r >= 0)
                r = add_blob_text(s, image->config, &config, err);
        if (r >= 0)
                r = add_blob_text(s, image->manifest, &manifest, err);
        if (r < 0)
                return r;
        _cleanup_json_ json_t *descriptor = json_pack("{s:s,s:s,s:I}", "mediaType", image->manifest_type, "digest",
                                                      digest_format(&manifest, text), "size",
                                                      (json_int_t) strlen(image->manifest));
        if (!image->names || !*image->names)
                json_array_append(s->list, descriptor);
        for (char *const *name = image->names; name && *name;
             name++) { /* a descriptor a name, as other tools write it */
                json_t *named = json_deep_copy(descriptor);
                _cleanup_free_ char *repository = NULL, *tag = NULL;
                image_ref_split(*name, &repository, &tag);
                json_object_set_new(named, "annotations", json_pack("{s:s,s:s}", "io.containerd.image.name", *name,
                                                                    "org.opencontainers.image.ref.name", tag));
                json_array_append_new(s->list, named);
        }
        return 0;
}

static int save_image(struct save *s, bool oci, struct souk_err *err) {
        _cleanup_(transfer_msg_clear) struct transfer_msg m = {};
        size_t n = 0;
        int r = transfer_receive(FD_CHANNEL, false, &m, err);
        if (r >= 0 && (r == 0 || m.kind != TRANSFER_SAVE))
                r = souk_err_set(err, SOUK_INTERNAL, -EPIPE, "the engine gave no image to save");
        if (r < 0)
                return r;
        struct layer *layers = xcalloc(m.image.n_layers, sizeof(*layers));
        r = receive_layers(&m.image, layers, &n, err);
        if (r >= 0)
                r = oci ? save_oci(s, &m.image, layers, err) : save_docker(s, &m.image, layers, err);
        for (size_t i = 0; i < n; i++)
                bytes_unmap(&layers[i].bytes);
        free(layers);
        return r;
}

static int save_end(struct save *s, bool oci, struct souk_err *err) {
        _cleanup_json_ json_t *index =
                oci ? json_pack("{s:i,s:s,s:O}", "schemaVersion", 2, "mediaType",
                                "application/vnd.oci.image.index.v1+json", "manifests", s->list) :
                      json_incref(s->list);
        _cleanup_free_ char *text = json_text(index, false);
        int r = oci ? add_text(s, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}", err) : 0;
        if (r >= 0)
                r = add_text(s, oci ? "index.json" : "manifest.json", text, err);
        return r < 0 ? r : tar_writer_close(&s->tar, err);
}

int job_save(struct transfer *t, struct souk_err *err) {
        struct save s = { .t = t, .out_fd = FD_INPUT, .list = json_array() };
        struct layer_sink sink = { out_write, &s };
        bool oci = t->job->format && streq(t->job->format, "oci");
        int r = 0;
        tar_writer_open(&s.tar, &sink);
        for (uint32_t k = 0; k < t->job->n_images && r >= 0; k++)
                r = save_image(&s, oci, err);
        if (r >= 0)
                r = save_end(&s, oci, err);
        tar_writer_free(&s.tar);
        strv_free(s.written);
        json_decref(s.list);
        return r;
}
