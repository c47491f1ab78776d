/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine's side of souk-transfer: starts it, gives it its job, answers its questions, and believes nothing: what it
 * says was computed from untrusted bytes by a process that may have been taken over.  Messages are checked as they come
 * (wire/transfer_msg.h), images when the worker is dead and can change nothing any more (worker_check.h).
 *
 * An interruption by the user ends the read that waits for the worker, which is then killed; the worker gets the
 * terminal's SIGINT as well, and a SIGTERM that only the engine got is passed on (image_job_child()).
 */
#include "iface/worker.h"

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "engine/image_job.h"
#include "engine/worker_check.h"
#include "wire/channel.h"
#include "wire/image_config.h"

#include <sys/socket.h>

struct worker {
        int sock, pidfd;
        struct worker_check check;
        souk_progress_fn progress;
        void *user;
        bool guarded;                   /* by an image job, which notes signals */
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

/* Nothing of the user's environment but what says how to log, and how to find faults. */
static char **worker_env(void) {
        static const char *const names[] = { "SOUK_LOG", "SOUK_FAULT", "ASAN_OPTIONS", "UBSAN_OPTIONS" };
        char **env = NULL;
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                const char *value = getenv(names[i]);
                if (value)
                        strv_pushf(&env, "%s=%s", names[i], value);
        }
        strv_push(&env, "LANG=C");
        return env;
}

/* @input_fd, @staging_fd: see transfer.h */
static int worker_start(struct worker *w, const char *op, int input_fd, int staging_fd, struct souk_err *err) {
        _cleanup_free_ char *path = exe_sibling("souk-transfer");
        _cleanup_strv_ char **env = worker_env();
        const char *driver = w->check.driver == LAYER_DRIVER_TREE ? "tree" : "erofs";
        int pair[2];
        if (!path)
                return souk_err_set(err, SOUK_NOT_FOUND, -ENOENT,
                                    "the program souk-transfer is not beside souk nor in %s: install Souk again",
                                    SOUK_LIBEXECDIR);
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return souk_err_errno(err, errno, "socketpair");
        const struct proc_fd_map fds[] = { { pair[1], 3 }, { input_fd, 4 }, { staging_fd, 5 } };
        char *const argv[] = { (char *) "souk-transfer", (char *) (uintptr_t) op, (char *) (uintptr_t) driver, NULL };
        const struct proc_spawn spawn = { .path = path, .argv = argv, .env = env, .fds = fds, .n_fds = ELEMENTSOF(fds),
                                          .die_with_parent = true };
        int pid = proc_spawn(&spawn, &w->pidfd);
        close(pair[1]);
        w->sock = pair[0];
        if (pid < 0)
                return souk_err_errno(err, pid, "starting %s", path);
        if (w->guarded)
                image_job_child(pid);
        if (w->guarded && image_job_interrupted()) /* before there was a child */
                return image_job_interrupted_error(err);
        return 0;
}

static void worker_kill(struct worker *w) {
        int status;
        if (w->guarded)
                image_job_child(0);
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
        if (w->guarded)
                image_job_child(0);
        if (proc_wait(w->pidfd, &status) >= 0)
                w->pidfd = fd_close(w->pidfd);
        switch (status - 128) {
        case SIGINT:
        case SIGTERM:
                return souk_err_set(err, SOUK_INTERRUPTED, -EINTR, "interrupted");
        case SIGSYS:
                return souk_err_set(
                        err, SOUK_INTERNAL, -EIO,
                        "souk-transfer, which reads the archive, did what it must not and was killed (seccomp): do "
                        "not trust this archive");
        case SIGBUS:
                return souk_err_set(err, SOUK_CORRUPT, -EIO, "the archive was cut off while it was read");
        case SIGKILL:
        case SIGABRT:
                return souk_err_set(
                        err, SOUK_LIMIT, -ENOMEM,
                        "souk-transfer, which reads the archive, was killed: memory is short, or the archive wants "
                        "too much of it");
        default:
                return souk_err_set(err, SOUK_INTERNAL, -EIO, "souk-transfer, which reads the archive, died (%s %d)",
                                    status > 128 ? "signal" : "status", status > 128 ? status - 128 : status);
        }
}

/* ---- what it says ------------------------------------------------------------------------------------------------ */

static int answer(struct worker *w, const struct transfer_ask *a, struct souk_err *err) {
        const struct worker_load *load = w->check.load;
        if (!load)
                return worker_protocol_error(err, "a question");
        struct transfer_msg reply = { .kind = TRANSFER_KNOWN };
        reply.known = a->blob ? load->blob_known(&a->digest, load->user) : load->layer_known(&a->digest, load->user);
        int r = transfer_send(w->sock, &reply, err);
        return r == -EPIPE ? 0 : r; /* it has ended: it says why */
}

static void tell_progress(struct worker *w, const struct transfer_progress *from) {
        _cleanup_free_ char *safe = str_printable(from->name);
        struct souk_progress p = {
                .kind = SOUK_PROGRESS_LAYER,
                .name = safe,
                .done = from->done,
                .total = from->total,
                .finished = from->finished,
                .cached = from->cached,
        };
        if (w->progress)
                w->progress(&p, w->user);
}

static int take_failure(const struct transfer_failure *f, struct souk_err *err) {
        _cleanup_free_ char *safe = str_printable(f->message);
        return souk_err_set(err, (enum souk_code) f->code, (int) f->errnum, "%s", safe);
}

static int take_image(struct worker *w, struct transfer_image *image_take, struct souk_err *err) {
        if (w->n_images >= w->check.limits.max_images || image_take->n_layers > w->check.limits.max_layers)
                return worker_protocol_error(err, "more than was allowed");
        w->images = xreallocarray(w->images, w->n_images + 1, sizeof(*w->images));
        worker_image_take(image_take, &w->images[w->n_images++]);
        return 0;
}

/* 1: its last word */
static int take_message(struct worker *w, struct transfer_msg *m, struct souk_err *err) {
        switch (m->kind) {
        case TRANSFER_ASK:
                return answer(w, &m->ask, err);
        case TRANSFER_PROGRESS:
                tell_progress(w, &m->progress);
                return 0;
        case TRANSFER_IMAGE:
                return take_image(w, &m->image, err);
        case TRANSFER_FAILED:
                return take_failure(&m->failure, err);
        case TRANSFER_DONE:
                return 1;
        default:
                return worker_protocol_error(err, "an order");
        }
}

/* Until its last word, or its death. */
static int worker_listen(struct worker *w, struct souk_err *err) {
        for (;;) {
                _cleanup_(transfer_msg_clear) struct transfer_msg m = {};
                struct souk_err why = {};
                int r = transfer_receive(w->sock, true, &m, &why);
                if (r == -EINTR || (w->guarded && image_job_interrupted()))
                        return image_job_interrupted_error(err);
                if (r == 0)
                        return worker_died(w, err);
                r = r < 0 ? worker_protocol_error(err, why.msg) : take_message(w, &m, err);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
}

static int worker_finish(struct worker *w, int r, struct souk_err *err) {
        if (r >= 0)
                r = worker_listen(w, err);
        worker_kill(w);
        for (size_t i = 0; i < w->n_images && r >= 0; i++)
                r = worker_check_image(&w->check, &w->images[i], err);
        if (r < 0) {
                worker_images_free(w->images, w->n_images);
                w->images = NULL;
                w->n_images = 0;
        }
        return r;
}

static int worker_say(struct worker *w, const struct transfer_msg *m, struct souk_err *err) {
        int r = transfer_send(w->sock, m, err);
        return r == -EPIPE ? 0 : r; /* it has ended: it says why */
}

static int worker_hand(struct worker *w, int fd, struct souk_err *err) {
        int r = channel_send_fd(w->sock, fd);
        return r < 0 && r != -EPIPE ? souk_err_errno(err, r, "handing a descriptor to souk-transfer") : 0;
}

/* ---- jobs -------------------------------------------------------------------------------------------------------- */

#define WORKER_INIT(...) { .sock = -EBADF, .pidfd = -EBADF, .check = { __VA_ARGS__ } }

/* The job's message, with the limits; strings are the caller's: not cleared. */
static struct transfer_msg job_message(const struct worker_limits *l) {
        return (struct transfer_msg){
                .kind = TRANSFER_JOB,
                .job = {
                        .version = TRANSFER_VERSION,
                        .max_layer_bytes = l->max_layer_bytes,
                        .max_image_bytes = l->max_image_bytes,
                        .max_entries = l->max_entries,
                        .max_layers = l->max_layers,
                        .max_images = l->max_images,
                        .max_ratio = l->max_ratio,
                },
        };
}

int worker_load(const struct worker_load *job, struct worker_image **ret, size_t *ret_n, struct souk_err *err) {
        struct worker w =
                WORKER_INIT(.staging_fd = job->staging_fd, .driver = job->driver, .keep_blobs = job->keep_blobs,
                            .limits = job->limits ? *job->limits : worker_limits_default(), .load = job);
        struct transfer_msg m = job_message(&w.check.limits);
        m.job.keep_blobs = job->keep_blobs;
        m.job.name = (char *) (uintptr_t) job->name;
        w.progress = job->progress;
        w.user = job->user;
        w.guarded = true;
        int r = worker_start(&w, "load", job->input_fd, job->staging_fd, err);
        if (r >= 0)
                r = worker_say(&w, &m, err);
        r = worker_finish(&w, r, err);
        if (r < 0)
                return r;
        *ret = w.images;
        *ret_n = w.n_images;
        return 0;
}

int worker_import(const struct worker_import *job, struct worker_image **ret, struct souk_err *err) {
        struct worker w = WORKER_INIT(.staging_fd = job->staging_fd, .driver = job->driver, .keep_blobs = true,
                                      .limits = job->limits ? *job->limits : worker_limits_default());
        struct transfer_msg m = job_message(&w.check.limits);
        m.job.name = (char *) (uintptr_t) job->name;
        m.job.message = (char *) (uintptr_t) job->message;
        m.job.config = (char *) (uintptr_t) job->config_text;
        w.progress = job->progress;
        w.user = job->user;
        w.guarded = true;
        int r = worker_start(&w, "import", job->input_fd, job->staging_fd, err);
        if (r >= 0)
                r = worker_say(&w, &m, err);
        r = worker_finish(&w, r, err);
        if (r >= 0 && w.n_images != 1) {
                worker_images_free(w.images, w.n_images);
                return worker_protocol_error(err, "not one image");
        }
        if (r >= 0)
                *ret = w.images;
        return r;
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

static int say_save_image(struct worker *w, const struct worker_save_image *i, struct souk_err *err) {
        struct transfer_msg m = { .kind = TRANSFER_SAVE };
        _cleanup_free_ struct transfer_layer *layers = xcalloc(i->n_layers, sizeof(*layers));
        _cleanup_(image_manifest_clear) struct image_manifest manifest = {};
        int r = image_manifest_parse(i->manifest_text, i->manifest_len, "the image's manifest", &manifest, err);
        if (r >= 0 && manifest.n_layers != i->n_layers)
                r = souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "the image's manifest has %zu layers, its record has %zu",
                                 manifest.n_layers, i->n_layers);
        if (r < 0)
                return r;
        for (size_t k = 0; k < i->n_layers; k++)
                layers[k] = (struct transfer_layer){ .diff_id = i->diff_ids[k], .blob = manifest.layers[k].digest,
                                                     .media_type = i->blob_media_types[k],
                                                     .blob_bytes = i->blob_bytes[k] };
        m.image = (struct transfer_image){
                .names = (char **) (uintptr_t) i->names,
                .config = (char *) (uintptr_t) i->config_text,
                .manifest = (char *) (uintptr_t) i->manifest_text,
                .manifest_type = (char *) (uintptr_t) i->manifest_media_type,
                .layers = layers,
                .n_layers = i->n_layers,
        };
        r = worker_say(w, &m, err);
        for (size_t k = 0; k < i->n_layers && r >= 0; k++)
                r = worker_hand(w, i->blob_fds[k], err);
        return r;
}

int worker_save(const struct worker_save *job, struct souk_err *err) {
        struct worker w = WORKER_INIT(.limits = worker_limits_default());
        struct transfer_msg m = job_message(&w.check.limits);
        _cleanup_close_ int nothing = empty_directory(err);
        if (nothing < 0)
                return nothing;
        m.job.format = (char *) (job->format == SOUK_ARCHIVE_OCI ? "oci" : "docker");
        m.job.n_images = (uint32_t) job->n_images;
        int r = worker_start(&w, "save", job->output_fd, nothing, err);
        if (r >= 0)
                r = worker_say(&w, &m, err);
        for (size_t i = 0; i < job->n_images && r >= 0; i++)
                r = say_save_image(&w, &job->images[i], err);
        return worker_finish(&w, r, err);
}

int worker_export(int root_fd, int output_fd, struct souk_err *err) {
        struct worker w = WORKER_INIT(.limits = worker_limits_default());
        struct transfer_msg m = job_message(&w.check.limits);
        _cleanup_close_ int nothing = empty_directory(err);
        if (nothing < 0)
                return nothing;
        _cleanup_close_ int root = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (root < 0)
                return souk_err_errno(err, errno, "opening the merged root");
        int r = worker_start(&w, "export", root, nothing, err);
        if (r >= 0)
                r = worker_say(&w, &m, err);
        if (r >= 0)
                r = worker_hand(&w, output_fd, err);
        return worker_finish(&w, r, err);
}
