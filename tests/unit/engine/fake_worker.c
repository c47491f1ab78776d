/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_worker.h"

#include "base/file.h"
#include "base/str.h"

#include <signal.h>
#include <stdio.h>

struct fake_worker fake_worker;

void fake_worker_reset(void) {
        free(fake_worker.config_text);
        free(fake_worker.name);
        free(fake_worker.input);
        fake_worker = (struct fake_worker){ 0 };
}

struct digest fake_digest(const char *prefix, unsigned n) {
        struct digest d;
        char number[16];

        memset(d.hex, '0', DIGEST_HEX_LEN);
        d.hex[DIGEST_HEX_LEN] = '\0';
        memcpy(d.hex, prefix, strlen(prefix));
        snprintf(number, sizeof(number), "%08x", n);
        memcpy(d.hex + DIGEST_HEX_LEN - 8, number, 8);
        return d;
}

struct worker_limits worker_limits_default(void) {
        return (struct worker_limits){ .max_layers = 500 };
}

void worker_images_free(struct worker_image *v, size_t n) {
        for (size_t i = 0; i < n; i++) {
                strv_free(v[i].names);
                free(v[i].config_text);
                free(v[i].manifest_text);
                free(v[i].manifest_media_type);
                for (size_t k = 0; k < v[i].n_layers; k++)
                        free(v[i].layers[k].media_type);
                free(v[i].layers);
        }
        free(v);
}

static void stage(int staging_fd, const char *kind, const char *hex, off_t size) {
        _cleanup_free_ char *name = xasprintf("%s.%s", kind, hex);
        _cleanup_close_ int fd = openat(staging_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        if (fd < 0 || ftruncate(fd, size) < 0)
                abort();
        fake_worker.n_staged++;
}

static struct worker_image make(const struct fake_image *f, int staging_fd, const struct worker_load *job) {
        static const char plain[] = "{\"created\":\"2026-01-02T03:04:05Z\",\"architecture\":\"amd64\",\"os\":\"linux\","
                                    "\"config\":{\"Cmd\":[\"sh\"]},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]},\"history\":["
                                    "{\"created\":\"2026-01-01T00:00:00Z\",\"created_by\":\"ADD root\"},"
                                    "{\"created_by\":\"ENV a=b\",\"empty_layer\":true}]}";
        struct worker_image w = {
                .id = fake_digest(f->id, 0),
                .config_text = xstrdup(f->config ? f->config : plain),
                .manifest_digest = fake_digest("fa", f->first_layer),
                .manifest_text = xstrdup("{}"),
                .manifest_len = 2,
                .manifest_media_type = xstrdup("application/vnd.oci.image.manifest.v1+json"),
                .layers = xcalloc(f->n_layers + 1, sizeof(*w.layers)),
                .n_layers = f->n_layers,
        };

        w.config_len = strlen(w.config_text);
        for (size_t i = 0; f->names[i]; i++)
                strv_push(&w.names, f->names[i]);
        for (unsigned k = 0; k < f->n_layers; k++) {
                struct worker_layer *l = &w.layers[k];

                *l = (struct worker_layer){
                        .diff_id = fake_digest("1a", f->first_layer + k),
                        .blob = fake_digest("b10b", f->first_layer + k),
                        .blob_bytes = 100,
                        .media_type = xstrdup("application/vnd.oci.image.layer.v1.tar+gzip"),
                        .stats = { .data_bytes = 10, .stored_bytes = 4096 },
                };
                l->known = job && job->layer_known(&l->diff_id, job->user);
                l->blob_known = job && job->blob_known(&l->blob, job->user);
                if (!l->known)
                        stage(staging_fd, "layer", l->diff_id.hex, 4096);
                if (!l->blob_known)
                        stage(staging_fd, "blob", l->blob.hex, 100);
        }
        return w;
}

static int outcome(struct souk_err *err) {
        if (fake_worker.raise)
                raise(fake_worker.raise);
        if (fake_worker.fail < 0)
                return souk_err_set(err, SOUK_CORRUPT, fake_worker.fail, "the archive is damaged");
        return 0;
}

int worker_load(const struct worker_load *job, struct worker_image **ret, size_t *ret_n, struct souk_err *err) {
        struct worker_image *v = xcalloc(fake_worker.n_images + 1, sizeof(*v));
        int r;

        for (size_t i = 0; i < fake_worker.n_images; i++)
                v[i] = make(&fake_worker.images[i], job->staging_fd, job);
        r = outcome(err);
        if (r < 0) {
                worker_images_free(v, fake_worker.n_images);
                return r;
        }
        *ret = v;
        *ret_n = fake_worker.n_images;
        return 0;
}

static void read_input(int fd) {
        struct buf b = BUF_INIT(64u << 20);

        if (fd_read_to_buf(fd, &b) < 0)
                abort();
        fake_worker.input_len = b.len;
        fake_worker.input = buf_steal(&b);
}

int worker_import(const struct worker_import *job, struct worker_image **ret, struct souk_err *err) {
        struct fake_image f = { .id = "1111", .config = job->config_text, .names = { job->name }, .first_layer = 77, .n_layers = 1 };
        struct worker_image *w = xcalloc(1, sizeof(*w));
        int r;

        fake_worker.config_text = xstrdup(job->config_text);
        fake_worker.name = xstrdup(job->name);
        read_input(job->input_fd);
        *w = make(&f, job->staging_fd, NULL);
        r = outcome(err);
        if (r < 0) {
                worker_images_free(w, 1);
                return r;
        }
        *ret = w;
        return 0;
}

int worker_save(const struct worker_save *job, struct souk_err *err) {
        fake_worker.format = job->format;
        fake_worker.n_saved = job->n_images;
        for (size_t i = 0; i < job->n_images; i++) {
                fake_worker.n_saved_names += strv_len(job->images[i].names);
                fake_worker.n_saved_layers += job->images[i].n_layers;
                for (size_t k = 0; k < job->images[i].n_layers; k++) {
                        struct stat sb;

                        if (fstat(job->images[i].blob_fds[k], &sb) < 0 || (uint64_t) sb.st_size != job->images[i].blob_bytes[k])
                                abort();
                }
        }
        return outcome(err);
}

int worker_export(int root_fd, int output_fd, struct souk_err *err) {
        return outcome(err);
}
