/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine's side of souk-transfer: starts it, gives it its job, answers its questions, and believes nothing: what it
 * says was computed from untrusted bytes by a process that may have been taken over.  Digests must be digests, texts must
 * hash to nothing here (no libcrypto on this side) but are parsed again by the same limits, files must be in staging.
 */
#include "iface/worker.h"

#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "wire/channel.h"
#include "wire/image_config.h"
#include "wire/ref.h"

#include <signal.h>
#include <sys/socket.h>

#define TOTAL_IMAGES_MAX 100000

struct worker {
        int sock, pidfd;
        const struct worker_load *load;         /* for its questions; NULL when there are none */
        souk_progress_fn progress;
        void *user;
        int staging_fd;
        struct worker_image *images;
        size_t n_images;
};

struct worker_limits worker_limits_default(void) {
        return (struct worker_limits){
                .max_layer_bytes = 64ULL << 30,
                .max_image_bytes = 256ULL << 30,
                .max_entries = 10000000,
                .max_layers = 500,
                .max_images = 1000,
                .max_ratio = 2000,
        };
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

/* ---- start and end ----------------------------------------------------------------------------------------------- */

static int worker_start(struct worker *w, const char *op, enum layer_driver driver, int input_fd, int staging_fd, struct souk_err *err) {
        _cleanup_free_ char *path = exe_sibling("souk-transfer");
        int pair[2];
        if (!path)
                return souk_err_set(err, SOUK_NOT_FOUND, -ENOENT, "the program souk-transfer is not beside souk nor in %s: install Souk again", SOUK_LIBEXECDIR);
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return souk_err_errno(err, errno, "socketpair");
        const struct proc_fd_map fds[] = { { pair[1], 3 }, { input_fd, 4 }, { staging_fd, 5 } };
        char *const argv[] = { (char *) "souk-transfer", (char *) (uintptr_t) op, (char *) (driver == LAYER_DRIVER_TREE ? "tree" : "erofs"), NULL };
        int pid = proc_spawn(&(struct proc_spawn){ .path = path, .argv = argv, .fds = fds, .n_fds = ELEMENTSOF(fds), .die_with_parent = true }, &w->pidfd);
        close(pair[1]);
        w->sock = pair[0];
        w->staging_fd = staging_fd;
        return pid < 0 ? souk_err_errno(err, pid, "starting %s", path) : 0;
}

static void worker_kill(struct worker *w) {
        int status;
        w->sock = fd_close(w->sock);
        if (w->pidfd >= 0) {
                (void) !proc_pidfd_signal(w->pidfd, SIGKILL);
                (void) !proc_wait(w->pidfd, &status);
        }
        w->pidfd = fd_close(w->pidfd);
}

/* The stream ended without a last word. */
static int worker_died(struct worker *w, struct souk_err *err) {
        int status = -1;
        if (proc_wait(w->pidfd, &status) >= 0)
                w->pidfd = fd_close(w->pidfd);
        if (status == 128 + SIGINT || status == 128 + SIGTERM)
                return souk_err_set(err, SOUK_INTERRUPTED, -EINTR, "interrupted");
        if (status == 128 + SIGSYS)
                return souk_err_set(err, SOUK_INTERNAL, -EIO, "the worker that reads the archive did what it must not and was killed (seccomp): do not trust this archive");
        if (status == 128 + SIGBUS)
                return souk_err_set(err, SOUK_CORRUPT, -EIO, "the archive was cut off while it was read");
        if (status == 128 + SIGKILL)
                return souk_err_set(err, SOUK_LIMIT, -ENOMEM, "the worker that reads the archive was killed: is memory short?");
        return souk_err_set(err, SOUK_INTERNAL, -EIO, "the worker that reads the archive died (status %d)", status);
}

static int protocol_error(struct souk_err *err, const char *what) {
        return souk_err_set(err, SOUK_INTERNAL, -EPROTO, "the worker that reads the archive said something malformed (%s)", what);
}

/* ---- what it says ------------------------------------------------------------------------------------------------ */

static int get_hex(json_t *o, const char *key, struct digest *ret) {
        const char *hex = json_string_value(json_object_get(o, key));
        if (!hex || !digest_is_hex(hex))
                return -EPROTO;
        memcpy(ret->hex, hex, sizeof(ret->hex));
        return 0;
}

static int get_number(json_t *o, const char *key, uint64_t *ret) {
        json_t *v = json_object_get(o, key);
        if (!json_is_integer(v) || json_integer_value(v) < 0)
                return -EPROTO;
        *ret = (uint64_t) json_integer_value(v);
        return 0;
}

static bool is_staged(struct worker *w, const char *kind, const struct digest *d) {
        char name[16 + DIGEST_HEX_LEN];
        snprintf(name, sizeof(name), "%s.%s", kind, d->hex);
        return file_exists(w->staging_fd, name);
}

static int take_layer(struct worker *w, json_t *o, struct worker_layer *l, struct souk_err *err) {
        enum blob_compression ignored;
        const char *type = json_string_value(json_object_get(o, "mediaType"));
        if (get_hex(o, "diffId", &l->diff_id) < 0 || get_hex(o, "blob", &l->blob) < 0 || get_number(o, "blobBytes", &l->blob_bytes) < 0 ||
            get_number(o, "dataBytes", &l->stats.data_bytes) < 0 || get_number(o, "storedBytes", &l->stats.stored_bytes) < 0 ||
            get_number(o, "entries", &l->stats.entries) < 0 || !type || media_type_compression(type, &ignored) < 0)
                return protocol_error(err, "layer");
        l->media_type = xstrdup(type);
        l->known = json_is_true(json_object_get(o, "known"));
        l->blob_known = json_is_true(json_object_get(o, "blobKnown"));
        if (l->known && w->load && !w->load->layer_known(&l->diff_id, w->load->user))
                return protocol_error(err, "a layer that is not known");
        if (l->blob_known && w->load && !w->load->blob_known(&l->blob, w->load->user))
                return protocol_error(err, "a blob that is not known");
        if (!l->known && !is_staged(w, "layer", &l->diff_id))
                return protocol_error(err, "a layer that is not there");
        return 0;
}

static int take_text(json_t *o, const char *key, char **ret, size_t *ret_n) {
        json_t *v = json_object_get(o, key);
        if (!json_is_string(v) || json_string_length(v) > JSON_TEXT_MAX)
                return -EPROTO;
        *ret_n = json_string_length(v);
        *ret = xmemdup(json_string_value(v), *ret_n + 1);
        return 0;
}

/* The layers that the config names are the layers that came. */
static int check_config(const struct worker_image *i, struct souk_err *err) {
        struct image_config config = {};
        int r = image_config_parse(i->config_text, i->config_len, "image config", &config, err);
        if (r < 0)
                return r;
        bool same = config.n_diff_ids == i->n_layers;
        for (size_t k = 0; same && k < i->n_layers; k++)
                same = digest_equal(&config.diff_ids[k], &i->layers[k].diff_id);
        image_config_clear(&config);
        return same ? 0 : protocol_error(err, "layers that the config does not name");
}

static int take_image(struct worker *w, json_t *o, struct souk_err *err) {
        json_t *layers = json_object_get(o, "layers"), *names = json_object_get(o, "names"), *item;
        const char *type = json_string_value(json_object_get(o, "manifestType"));
        size_t k;
        if (w->n_images >= TOTAL_IMAGES_MAX || !json_is_array(layers) || !json_is_array(names) || !type || !media_type_is_manifest(type))
                return protocol_error(err, "image");
        w->images = xreallocarray(w->images, w->n_images + 1, sizeof(*w->images));
        struct worker_image *i = &w->images[w->n_images++];
        *i = (struct worker_image){ .manifest_media_type = xstrdup(type) };
        if (take_text(o, "config", &i->config_text, &i->config_len) < 0 || take_text(o, "manifest", &i->manifest_text, &i->manifest_len) < 0 ||
            get_hex(o, "id", &i->id) < 0 || get_hex(o, "manifestDigest", &i->manifest_digest) < 0)
                return protocol_error(err, "image texts");
        json_array_foreach(names, k, item) {
                _cleanup_free_ char *full = NULL;
                if (!json_is_string(item) || image_ref_normalize(json_string_value(item), &full, err) < 0)
                        return protocol_error(err, "image name");
                strv_push(&i->names, full);
        }
        i->layers = xcalloc(json_array_size(layers), sizeof(*i->layers));
        json_array_foreach(layers, k, item) {
                i->n_layers = k + 1;
                int r = take_layer(w, item, &i->layers[k], err);
                if (r < 0)
                        return r;
        }
        return check_config(i, err);
}

static int answer(struct worker *w, json_t *m, const char *kind, struct souk_err *err) {
        struct digest d;
        if (!w->load || get_hex(m, "digest", &d) < 0 || (!streq(kind, "layer") && !streq(kind, "blob")))
                return protocol_error(err, "question");
        bool known = streq(kind, "layer") ? w->load->layer_known(&d, w->load->user) : w->load->blob_known(&d, w->load->user);
        _cleanup_json_ json_t *reply = json_pack("{s:b}", "known", known);
        int r = channel_send(w->sock, reply);
        return r < 0 && r != -EPIPE ? souk_err_errno(err, r, "answering the worker") : 0;
}

static int take_progress(struct worker *w, json_t *o, struct souk_err *err) {
        const char *name = json_string_value(json_object_get(o, "layer"));
        struct souk_progress p = { .kind = SOUK_PROGRESS_LAYER };
        if (!name || strlen(name) > DIGEST_HEX_LEN || get_number(o, "done", &p.done) < 0 || get_number(o, "total", &p.total) < 0)
                return protocol_error(err, "progress");
        _cleanup_free_ char *safe = str_printable(name);
        p.name = safe;
        p.finished = json_is_true(json_object_get(o, "finished"));
        p.cached = json_is_true(json_object_get(o, "cached"));
        if (w->progress)
                w->progress(&p, w->user);
        return 0;
}

static int take_error(json_t *m, struct souk_err *err) {
        json_int_t code = json_integer_value(json_object_get(m, "code")), errnum = json_integer_value(json_object_get(m, "errnum"));
        const char *text = json_string_value(json_object_get(m, "error"));
        if (code <= SOUK_OK || code >= SOUK_CODE_MAX)
                code = SOUK_INTERNAL;
        if (errnum >= 0 || errnum < -4095)
                errnum = -EIO;
        _cleanup_free_ char *safe = str_printable(text ? text : "the worker failed");
        return souk_err_set(err, (enum souk_code) code, (int) errnum, "%s", safe);
}

/* Until its last word.  1: done */
static int take_message(struct worker *w, json_t *m, struct souk_err *err) {
        json_t *v;
        int r = 0;
        if ((v = json_object_get(m, "ask")) && json_is_string(v))
                r = answer(w, m, json_string_value(v), err);
        else if ((v = json_object_get(m, "progress")))
                r = take_progress(w, v, err);
        else if ((v = json_object_get(m, "image")))
                r = take_image(w, v, err);
        else if (json_object_get(m, "error"))
                r = take_error(m, err);
        else
                r = json_is_true(json_object_get(m, "done")) ? 1 : protocol_error(err, "message");
        return r;
}

static int worker_run(struct worker *w, struct souk_err *err) {
        for (;;) {
                _cleanup_json_ json_t *m = NULL;
                int r = channel_receive(w->sock, true, &m);
                if (r == -EINTR)
                        return souk_err_set(err, SOUK_INTERRUPTED, r, "interrupted");
                if (r == 0)
                        return worker_died(w, err);
                if (r < 0)
                        return protocol_error(err, "framing");
                r = take_message(w, m, err);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
}

static json_t *limits_json(const struct worker_limits *given) {
        struct worker_limits l = given ? *given : worker_limits_default();
        return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "layerBytes", (json_int_t) l.max_layer_bytes, "imageBytes", (json_int_t) l.max_image_bytes, "entries",
                         (json_int_t) l.max_entries, "layers", (json_int_t) l.max_layers, "images", (json_int_t) l.max_images, "ratio", (json_int_t) l.max_ratio);
}

static void set_string(json_t *o, const char *key, const char *value) {
        if (value)
                json_object_set_new(o, key, json_string(value));
}

static int worker_job(struct worker *w, json_t *job, struct souk_err *err) {
        int r = channel_send(w->sock, job);
        if (r == -EPIPE) /* it has ended already: it says why */
                r = 0;
        return r < 0 ? souk_err_errno(err, r, "giving the worker its job") : 0;
}

/* ---- jobs -------------------------------------------------------------------------------------------------------- */

#define WORKER_INIT(...) { .sock = -EBADF, .pidfd = -EBADF, __VA_ARGS__ }

int worker_load(const struct worker_load *job, struct worker_image **ret, size_t *ret_n, struct souk_err *err) {
        struct worker w = WORKER_INIT(.load = job, .progress = job->progress, .user = job->user);
        _cleanup_json_ json_t *j = json_pack("{s:s,s:b,s:o}", "driver", job->driver == LAYER_DRIVER_TREE ? "tree" : "erofs", "keepBlobs", job->keep_blobs,
                                             "limits", limits_json(job->limits));
        set_string(j, "name", job->name);
        int r = worker_start(&w, "load", job->driver, job->input_fd, job->staging_fd, err);
        if (r >= 0)
                r = worker_job(&w, j, err);
        if (r >= 0)
                r = worker_run(&w, err);
        worker_kill(&w);
        if (r < 0) {
                worker_images_free(w.images, w.n_images);
                return r;
        }
        *ret = w.images;
        *ret_n = w.n_images;
        return 0;
}

int worker_import(const struct worker_import *job, struct worker_image **ret, struct souk_err *err) {
        struct worker w = WORKER_INIT(.progress = job->progress, .user = job->user);
        _cleanup_json_ json_t *j = json_pack("{s:s,s:s,s:o}", "driver", job->driver == LAYER_DRIVER_TREE ? "tree" : "erofs", "config", job->config_text,
                                             "limits", limits_json(job->limits));
        set_string(j, "name", job->name);
        set_string(j, "message", job->message);
        int r = worker_start(&w, "import", job->driver, job->input_fd, job->staging_fd, err);
        if (r >= 0)
                r = worker_job(&w, j, err);
        if (r >= 0)
                r = worker_run(&w, err);
        worker_kill(&w);
        if (r >= 0 && w.n_images != 1)
                r = protocol_error(err, "not one image");
        if (r < 0) {
                worker_images_free(w.images, w.n_images);
                return r;
        }
        *ret = w.images;
        return 0;
}

static json_t *save_image_json(const struct worker_save_image *i) {
        json_t *layers = json_array();
        for (size_t k = 0; k < i->n_layers; k++)
                json_array_append_new(layers, json_pack("{s:s,s:s}", "diffId", i->diff_ids[k].hex, "mediaType", i->blob_media_types[k]));
        json_t *names = i->names ? json_from_strv(i->names) : json_array();
        return json_pack("{s:o,s:o,s:o,s:s,s:o}", "names", names, "config", json_stringn(i->config_text, i->config_len), "manifest",
                         json_stringn(i->manifest_text, i->manifest_len), "manifestType", i->manifest_media_type, "layers", layers);
}

static int send_blobs(struct worker *w, const struct worker_save *job, struct souk_err *err) {
        for (size_t i = 0; i < job->n_images; i++)
                for (size_t k = 0; k < job->images[i].n_layers; k++) {
                        int r = channel_send_fd(w->sock, job->images[i].blob_fds[k]);
                        if (r == -EPIPE)
                                return 0;
                        if (r < 0)
                                return souk_err_errno(err, r, "giving the worker a blob");
                }
        return 0;
}

/* save and export are not given a directory to write to: an empty one stands in, gone before the worker sees it */
static int empty_directory(struct souk_err *err) {
        char path[] = "/tmp/souk-empty.XXXXXX";
        if (!mkdtemp(path))
                return souk_err_errno(err, errno, "making a temporary directory");
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = fd < 0 ? souk_err_errno(err, errno, "%s", path) : fd;
        rmdir(path);
        return r;
}

int worker_save(const struct worker_save *job, struct souk_err *err) {
        struct worker w = WORKER_INIT();
        _cleanup_close_ int nothing = empty_directory(err);
        if (nothing < 0)
                return nothing;
        json_t *images = json_array();
        for (size_t i = 0; i < job->n_images; i++)
                json_array_append_new(images, save_image_json(&job->images[i]));
        _cleanup_json_ json_t *j = json_pack("{s:s,s:o}", "format", job->format == SOUK_ARCHIVE_OCI ? "oci" : "docker", "images", images);
        int r = worker_start(&w, "save", LAYER_DRIVER_EROFS, job->output_fd, nothing, err);
        if (r >= 0)
                r = worker_job(&w, j, err);
        if (r >= 0)
                r = send_blobs(&w, job, err);
        if (r >= 0)
                r = worker_run(&w, err);
        worker_kill(&w);
        return r;
}

int worker_export(int root_fd, int output_fd, struct souk_err *err) {
        struct worker w = WORKER_INIT();
        _cleanup_close_ int nothing = empty_directory(err);
        _cleanup_close_ int root = nothing < 0 ? -EBADF : openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (nothing < 0)
                return nothing;
        if (root < 0)
                return souk_err_errno(err, errno, "opening the merged root");
        _cleanup_json_ json_t *j = json_object();
        int r = worker_start(&w, "export", LAYER_DRIVER_EROFS, root, nothing, err);
        if (r >= 0)
                r = worker_job(&w, j, err);
        if (r >= 0 && (r = channel_send_fd(w.sock, output_fd)) < 0)
                souk_err_errno(err, r, "giving the worker its output");
        if (r >= 0)
                r = worker_run(&w, err);
        worker_kill(&w);
        return r;
}
