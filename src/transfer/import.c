/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * import: a root file system, as a tar (plain, gzip, zstd) or a directory, becomes an image of one layer.  A directory
 * is written as a tar by another thread into a pipe, so that both go the same way, by two threads:
 *
 *   bytes -> inflate -> gzip -> sha256 -> staging blob, and the tar ||-> sha256 (diff id) -> layer_import
 */
#include "transfer/transfer.h"

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "wire/ref.h"

#define PIECE (512u << 10)
#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define OCI_LAYER_GZIP "application/vnd.oci.image.layer.v1.tar+gzip"

struct import {
        struct transfer *t;
        int in_fd;
        char *buf;                      /* RELAY_PIECES of PIECE, by turns */
        unsigned turn;
        struct inflate *inflate;
        struct relay *relay;
        struct deflate *deflate;
        struct hash *tar_hash, *blob_hash;
        int blob_fd;
        uint64_t blob_bytes, tar_bytes;
        uint64_t told_at;
        char first[6];
        size_t n_first;
};

static int read_next(void *user, const void **ret_p, size_t *ret_n, struct souk_err *err) {
        struct import *m = user;
        ssize_t n;
        if (m->n_first > 0) {
                *ret_p = m->first;
                *ret_n = m->n_first;
                m->n_first = 0;
                return 1;
        }
        char *buf = m->buf + (size_t) PIECE * (m->turn++ % RELAY_PIECES);
        do
                n = read(m->in_fd, buf, PIECE);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return souk_err_errno(err, errno, "reading the root file system");
        *ret_p = buf;
        *ret_n = (size_t) n;
        return n > 0;
}

static int blob_write(void *user, const void *p, size_t n, struct souk_err *err) {
        struct import *m = user;
        hash_add(m->blob_hash, p, n);
        m->blob_bytes += n;
        int r = fd_write_all(m->blob_fd, p, n);
        return r < 0 ? souk_err_errno(err, r, "writing the layer's blob") : 0;
}

static int tell_progress(struct import *m, bool finished, struct souk_err *err) {
        uint64_t now = now_usec();
        if (!finished && now - m->told_at < 100000)
                return 0;
        m->told_at = now;
        struct transfer_msg p = { .kind = TRANSFER_PROGRESS };
        p.progress =
                (struct transfer_progress){ .name = (char *) "import", .done = m->tar_bytes, .finished = finished };
        return transfer_tell(m->t, &p, err);
}

/* Each piece goes to the blob on its way to the relay; the end of the stream ends the blob. */
static int tee_next(void *user, const void **ret_p, size_t *ret_n, struct souk_err *err) {
        struct import *m = user;
        struct layer_source in = inflate_source(m->inflate);
        int r = in.next(in.user, ret_p, ret_n, err);
        if (r <= 0)
                return r < 0 ? r : deflate_end(m->deflate, err);
        m->tar_bytes += *ret_n;
        r = deflate_add(m->deflate, *ret_p, *ret_n, err);
        if (r >= 0)
                r = tell_progress(m, false, err);
        return r < 0 ? r : 1;
}

/* What layer_import pulls. */
static int relayed_next(void *user, const void **ret_p, size_t *ret_n, struct souk_err *err) {
        struct import *m = user;
        struct layer_source in = relay_source(m->relay);
        int r = in.next(in.user, ret_p, ret_n, err);
        if (r > 0)
                hash_add(m->tar_hash, *ret_p, *ret_n);
        return r;
}

/* ---- a directory ------------------------------------------------------------------------------------------------- */

struct exporter {
        pthread_t thread;
        bool started;
        int out_fd;
        struct souk_err err;
};

static int pipe_write(void *user, const void *p, size_t n, struct souk_err *err) {
        struct exporter *x = user;
        int r = fd_write_all(x->out_fd, p, n);
        return r < 0 ? souk_err_errno(err, r, "passing the directory on") : 0;
}

static void *export_main(void *user) {
        struct exporter *x = user;
        struct layer_sink sink = { pipe_write, x };
        (void) layer_export(FD_INPUT, 0, &sink, &x->err);
        x->out_fd = fd_close(x->out_fd);
        return NULL;
}

static int exporter_start(struct exporter *x, int *ret_fd, struct souk_err *err) {
        int p[2];
        if (pipe2(p, O_CLOEXEC) < 0)
                return souk_err_errno(err, errno, "pipe");
        (void) fcntl(p[1], F_SETPIPE_SZ, 1 << 20);
        x->out_fd = p[1];
        *ret_fd = p[0];
        int r = pthread_create(&x->thread, NULL, export_main, x);
        if (r != 0)
                return souk_err_errno(err, r, "starting a thread");
        x->started = true;
        return 0;
}

/* The reader's end is closed first, so that a writer that still writes ends. */
static int exporter_end(struct exporter *x, int *read_fd, int r, struct souk_err *err) {
        if (!x->started)
                return r;
        *read_fd = fd_close(*read_fd);
        pthread_join(x->thread, NULL);
        if (x->err.errnum && (r >= 0 || x->err.errnum != -EPIPE)) {
                *err = x->err;
                return x->err.errnum;
        }
        return r;
}

/* ---- config and manifest ----------------------------------------------------------------------------------------- */

static char *make_config(struct transfer *t, const struct digest *diff_id, struct souk_err *err) {
        const char *text = t->job->config, *message = t->job->message;
        char digest[DIGEST_STR_SIZE], now[40];
        json_t *j = NULL;
        if (!text || json_parse_text(text, strlen(text), "image config", &j, err) < 0)
                return NULL;
        const char *created = json_string_value(json_object_get(j, "created"));
        if (!created)
                json_object_set_new(j, "created", json_string(time_format_rfc3339(now_wall_usec(), now, sizeof(now))));
        json_object_set_new(j, "rootfs",
                            json_pack("{s:s,s:[s]}", "type", "layers", "diff_ids", digest_format(diff_id, digest)));
        json_t *history = json_pack("{s:O}", "created", json_object_get(j, "created"));
        json_object_set_new(history, "created_by", json_string("souk import"));
        if (message)
                json_object_set_new(history, "comment", json_string(message));
        json_object_set_new(j, "history", json_pack("[o]", history));
        char *out = json_text(j, false);
        json_decref(j);
        return out;
}

static int finish(struct import *m, struct layer_job *layer, struct souk_err *err) {
        char name[16 + DIGEST_HEX_LEN], text[DIGEST_STR_SIZE], text2[DIGEST_STR_SIZE];
        struct digest config_digest;
        _cleanup_free_ char *config = make_config(m->t, &layer->diff_id, err);
        if (!config)
                return err->errnum ? err->errnum : souk_err_set(err, SOUK_INTERNAL, -EINVAL, "the job has no config");
        hash_of(config, strlen(config), &config_digest);
        _cleanup_json_ json_t *j =
                json_pack("{s:i,s:s,s:{s:s,s:s,s:I},s:[{s:s,s:s,s:I}]}", "schemaVersion", 2, "mediaType", OCI_MANIFEST,
                          "config", "mediaType", OCI_CONFIG, "digest", digest_format(&config_digest, text), "size",
                          (json_int_t) strlen(config), "layers", "mediaType", OCI_LAYER_GZIP, "digest",
                          digest_format(&layer->blob_digest, text2), "size", (json_int_t) m->blob_bytes);
        _cleanup_free_ char *manifest = json_text(j, false);
        snprintf(name, sizeof(name), "layer.%s", layer->diff_id.hex);
        if (renameat(FD_STAGING, "part-layer", FD_STAGING, name) < 0)
                return souk_err_errno(err, errno, "naming the layer");
        snprintf(name, sizeof(name), "blob.%s", layer->blob_digest.hex);
        if (renameat(FD_STAGING, "part-blob", FD_STAGING, name) < 0)
                return souk_err_errno(err, errno, "naming the blob");
        _cleanup_strv_ char **names = NULL;
        if (m->t->job->name)
                strv_push(&names, m->t->job->name);
        char *const types[] = { (char *) OCI_LAYER_GZIP, NULL };
        layer->blob.n = m->blob_bytes;
        return image_tell(m->t, names, config, manifest, OCI_MANIFEST, layer, types, 1, err);
}

static int import_stream(struct import *m, int dst, struct layer_job *layer, struct souk_err *err) {
        struct layer_source raw = { .next = read_next, .user = m }, tee = { .next = tee_next, .user = m };
        struct layer_source relayed = { .next = relayed_next, .user = m };
        struct layer_sink blob = { blob_write, m };
        struct layer_limits limits = { m->t->limits.max_layer_bytes, m->t->limits.max_entries };
        while (m->n_first < sizeof(m->first)) {
                ssize_t n = read(m->in_fd, m->first + m->n_first, sizeof(m->first) - m->n_first);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return souk_err_errno(err, errno, "reading the root file system");
                if (n == 0)
                        break;
                m->n_first += (size_t) n;
        }
        const char *unknown = compression_unknown(m->first, m->n_first);
        if (unknown)
                return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP,
                                    "the root file system is compressed with %s: only gzip and zstd are known",
                                    unknown);
        int r = m->n_first == 0 ? souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "the root file system's tar is empty") : 0;
        if (r >= 0)
                r = inflate_new(compression_of(m->first, m->n_first), &raw, &m->inflate, err);
        if (r >= 0)
                r = deflate_new(&blob, &m->deflate, err);
        if (r >= 0)
                r = relay_new(&tee, &m->relay, err);
        if (r >= 0)
                r = layer_import(m->t->driver, dst, &relayed, &limits, &layer->stats, err);
        if (r < 0)
                return r;
        hash_end(m->tar_hash, &layer->diff_id);
        hash_end(m->blob_hash, &layer->blob_digest);
        return tell_progress(m, true, err);
}

static int make_targets(struct transfer *t, int *ret_layer, int *ret_blob, struct souk_err *err) {
        *ret_layer = t->driver == LAYER_DRIVER_TREE ?
                             dir_make_open(FD_STAGING, "part-layer", 0755) :
                             openat(FD_STAGING, "part-layer", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        *ret_blob = openat(FD_STAGING, "part-blob", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        return *ret_layer < 0 || *ret_blob < 0 ? souk_err_errno(err, errno, "making the layer's files") : 0;
}

int job_import(struct transfer *t, struct souk_err *err) {
        struct import m = {
                .t = t, .in_fd = FD_INPUT, .blob_fd = -EBADF, .buf = xmalloc((size_t) RELAY_PIECES * PIECE)
        };
        struct exporter x = { .out_fd = -EBADF };
        struct layer_job layer = {};
        struct stat st;
        _cleanup_close_ int dst = -EBADF;
        int pipe_fd = -EBADF;
        int r = fstat(FD_INPUT, &st) < 0 ? souk_err_errno(err, errno, "the root file system") :
                                           make_targets(t, &dst, &m.blob_fd, err);
        if (r >= 0 && S_ISDIR(st.st_mode)) {
                r = exporter_start(&x, &pipe_fd, err);
                m.in_fd = pipe_fd;
        }
        m.tar_hash = hash_new();
        m.blob_hash = hash_new();
        if (r >= 0)
                r = import_stream(&m, dst, &layer, err);
        if (m.relay && (r >= 0 || x.started))
                relay_free(m.relay);
        r = exporter_end(&x, &pipe_fd, r, err);
        if (r >= 0)
                r = finish(&m, &layer, err);
        if (r < 0)
                return r; /* the process ends; a thread may still wait for what a pipe never brings */
        inflate_free(m.inflate);
        deflate_free(m.deflate);
        hash_free(m.tar_hash);
        hash_free(m.blob_hash);
        fd_close(m.blob_fd);
        free(m.buf);
        return r;
}

/* ---- export: the tree's tar, as it comes ------------------------------------------------------------------------- */

static int output_write(void *user, const void *p, size_t n, struct souk_err *err) {
        int r = fd_write_all(*(int *) user, p, n);
        return r < 0 ? souk_err_errno(err, r, "writing the archive") : 0;
}

int job_export(struct transfer *t, struct souk_err *err) {
        int out = transfer_receive_fd("the output", err);
        if (out < 0)
                return out;
        struct layer_sink sink = { output_write, &out };
        int r = layer_export(FD_INPUT, 0, &sink, err);
        fd_close(out);
        return r;
}
