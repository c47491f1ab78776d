/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * save: images as one uncompressed tar.
 *   docker-archive  <config>.json, <diff id>/layer.tar (inflated: readers of this format expect plain tars), manifest.json
 *   oci-archive     oci-layout, index.json, blobs/sha256/...: the blobs as they came, so that digests stay
 * Times are zero and the order is fixed: the same images give the same archive.
 */
#include "transfer/transfer.h"

#include "base/file.h"
#include "base/str.h"
#include "layer/tar_write.h"
#include "wire/channel.h"
#include "wire/ref.h"

#include <sys/mman.h>

#define PIECE (1u << 20)

struct save {
        struct transfer *t;
        int out_fd;
        struct tar_writer tar;
        char **written;                 /* member names: each once */
        json_t *list;                   /* of manifest.json or index.json */
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

static int add_text(struct save *s, const char *name, const char *text, size_t n, struct souk_err *err) {
        if (strv_has(s->written, name))
                return 0;
        int r = begin(s, name, n, err);
        return r < 0 ? r : tar_writer_data(&s->tar, text, n, err);
}

struct blob {
        struct bytes bytes;
        size_t at;
        struct hash *hash;
};

static int blob_next(void *user, const void **ret_p, size_t *ret_n, struct souk_err *err) {
        struct blob *b = user;
        size_t n = MIN(b->bytes.n - b->at, (size_t) PIECE);
        *ret_p = b->bytes.p + b->at;
        *ret_n = n;
        b->at += n;
        return n > 0;
}

static int copy_stream(struct save *s, const struct layer_source *from, struct souk_err *err) {
        const void *p;
        size_t n;
        int r;
        while ((r = from->next(from->user, &p, &n, err)) > 0)
                if ((r = tar_writer_data(&s->tar, p, n, err)) < 0)
                        return r;
        return r;
}

static int inflated_size(const struct bytes *b, enum blob_compression c, uint64_t *ret, struct souk_err *err) {
        struct blob blob = { .bytes = *b };
        struct layer_source source = { .next = blob_next, .user = &blob };
        _cleanup_(inflate_freep) struct inflate *i = NULL;
        const void *p;
        size_t n;
        int r = inflate_new(c, &source, &i, err);
        struct layer_source in = i ? inflate_source(i) : source;
        *ret = 0;
        while (r >= 0 && (r = in.next(in.user, &p, &n, err)) > 0)
                *ret += n;
        return r;
}

static int add_layer(struct save *s, const char *name, const struct bytes *b, enum blob_compression c, struct souk_err *err) {
        struct blob blob = { .bytes = *b };
        struct layer_source source = { .next = blob_next, .user = &blob };
        _cleanup_(inflate_freep) struct inflate *i = NULL;
        uint64_t size = b->n;
        if (strv_has(s->written, name))
                return 0;
        int r = c == BLOB_PLAIN ? 0 : inflated_size(b, c, &size, err);
        if (r >= 0)
                r = begin(s, name, size, err);
        if (r >= 0)
                r = inflate_new(c, &source, &i, err);
        if (r < 0)
                return r;
        struct layer_source in = inflate_source(i);
        return copy_stream(s, &in, err);
}

struct layer {
        struct bytes bytes;
        const char *diff_id, *media_type;
        enum blob_compression compression;
};

static int receive_layers(struct save *s, json_t *image, struct layer **ret, size_t *ret_n, struct souk_err *err) {
        json_t *list = json_object_get(image, "layers"), *item;
        size_t k;
        *ret = xcalloc(json_array_size(list), sizeof(**ret));
        json_array_foreach(list, k, item) {
                struct layer *l = &(*ret)[k];
                _cleanup_close_ int fd = channel_receive_fd(FD_CHANNEL);
                l->diff_id = json_string_value(json_object_get(item, "diffId"));
                l->media_type = json_string_value(json_object_get(item, "mediaType"));
                if (fd < 0 || !l->diff_id || !l->media_type || media_type_compression(l->media_type, &l->compression) < 0)
                        return souk_err_set(err, SOUK_INTERNAL, -EINVAL, "the job to save images is malformed");
                int r = bytes_map(fd, "a layer's blob", &l->bytes, err);
                if (r < 0)
                        return r;
                *ret_n = k + 1;
        }
        return 0;
}

static int save_docker(struct save *s, json_t *image, const struct layer *layers, size_t n, struct souk_err *err) {
        json_t *config = json_object_get(image, "config"), *names = json_object_get(image, "names"), *item;
        struct digest d;
        size_t k;
        hash_of(json_string_value(config), json_string_length(config), &d);
        _cleanup_free_ char *config_name = xasprintf("%s.json", d.hex);
        json_t *paths = json_array(), *tags = json_array();
        int r = add_text(s, config_name, json_string_value(config), json_string_length(config), err);
        for (size_t i = 0; i < n && r >= 0; i++) {
                _cleanup_free_ char *name = xasprintf("%s/layer.tar", layers[i].diff_id);
                r = add_layer(s, name, &layers[i].bytes, layers[i].compression, err);
                json_array_append_new(paths, json_string(name));
        }
        json_array_foreach(names, k, item) {
                _cleanup_free_ char *familiar = image_ref_familiar(json_string_value(item));
                json_array_append_new(tags, json_string(familiar));
        }
        json_array_append_new(s->list, json_pack("{s:s,s:o,s:o}", "Config", config_name, "RepoTags", tags, "Layers", paths));
        return r;
}

static int save_oci(struct save *s, json_t *image, const struct layer *layers, size_t n, struct souk_err *err) {
        json_t *config = json_object_get(image, "config"), *manifest = json_object_get(image, "manifest"), *names = json_object_get(image, "names"), *item;
        struct digest d;
        char text[DIGEST_STR_SIZE], path[16 + DIGEST_HEX_LEN];
        size_t k;
        int r = 0;
        for (size_t i = 0; i < n && r >= 0; i++) {
                hash_of(layers[i].bytes.p, layers[i].bytes.n, &d);
                snprintf(path, sizeof(path), "blobs/sha256/%s", d.hex);
                r = add_layer(s, path, &layers[i].bytes, BLOB_PLAIN, err);
        }
        hash_of(json_string_value(config), json_string_length(config), &d);
        snprintf(path, sizeof(path), "blobs/sha256/%s", d.hex);
        if (r >= 0)
                r = add_text(s, path, json_string_value(config), json_string_length(config), err);
        hash_of(json_string_value(manifest), json_string_length(manifest), &d);
        snprintf(path, sizeof(path), "blobs/sha256/%s", d.hex);
        if (r >= 0)
                r = add_text(s, path, json_string_value(manifest), json_string_length(manifest), err);
        json_t *descriptor = json_pack("{s:s,s:s,s:I}", "mediaType", json_string_value(json_object_get(image, "manifestType")), "digest",
                                       digest_format(&d, text), "size", (json_int_t) json_string_length(manifest));
        if (json_array_size(names) == 0)
                json_array_append(s->list, descriptor);
        json_array_foreach(names, k, item) { /* a descriptor a name, as other tools write it */
                json_t *named = json_deep_copy(descriptor);
                const char *name = json_string_value(item);
                _cleanup_free_ char *repository = NULL, *tag = NULL;
                image_ref_split(name, &repository, &tag);
                json_object_set_new(named, "annotations", json_pack("{s:s,s:s}", "io.containerd.image.name", name, "org.opencontainers.image.ref.name", tag));
                json_array_append_new(s->list, named);
        }
        json_decref(descriptor);
        return r;
}

static int save_image(struct save *s, json_t *image, bool oci, struct souk_err *err) {
        struct layer *layers = NULL;
        size_t n = 0;
        int r = receive_layers(s, image, &layers, &n, err);
        if (r >= 0)
                r = oci ? save_oci(s, image, layers, n, err) : save_docker(s, image, layers, n, err);
        for (size_t i = 0; i < n; i++)
                bytes_unmap(&layers[i].bytes);
        free(layers);
        return r;
}

static int save_end(struct save *s, bool oci, struct souk_err *err) {
        static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
        _cleanup_json_ json_t *index = oci ? json_pack("{s:i,s:s,s:O}", "schemaVersion", 2, "mediaType", "application/vnd.oci.image.index.v1+json", "manifests", s->list) :
                                             json_incref(s->list);
        _cleanup_free_ char *text = json_text(index, false);
        int r = oci ? add_text(s, "oci-layout", layout, sizeof(layout) - 1, err) : 0;
        if (r >= 0)
                r = add_text(s, oci ? "index.json" : "manifest.json", text, strlen(text), err);
        return r < 0 ? r : tar_writer_close(&s->tar, err);
}

int job_save(struct transfer *t, struct souk_err *err) {
        struct save s = { .t = t, .out_fd = FD_INPUT, .list = json_array() };
        struct layer_sink sink = { out_write, &s };
        const char *format = json_string_value(json_object_get(t->job, "format"));
        bool oci = format && streq(format, "oci");
        json_t *image;
        size_t k;
        int r = 0;
        tar_writer_open(&s.tar, &sink);
        json_array_foreach(json_object_get(t->job, "images"), k, image)
                if (r >= 0)
                        r = save_image(&s, image, oci, err);
        if (r >= 0)
                r = save_end(&s, oci, err);
        tar_writer_free(&s.tar);
        strv_free(s.written);
        json_decref(s.list);
        return r;
}
