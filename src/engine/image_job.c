/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A job that brings an image in.  Order, so that a crash leaves the old state or garbage that check finds:
 * staging directory (locked) -> the worker fills it -> each layer is on disk and moved into the store -> one transaction
 * records image, layers and names -> staging is removed.
 */
#include "engine/image_job.h"
#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "wire/image_config.h"

#include <sys/utsname.h>

static const int guarded_signals[] = { SIGINT, SIGTERM, SIGHUP };
static volatile sig_atomic_t interrupted;
static volatile sig_atomic_t child; /* a pid fits: they are below 2^22 */

static void on_signal(int sig) {
        int saved = errno;

        interrupted = sig;
        if (child > 0)
                kill((pid_t) child, SIGTERM);
        errno = saved;
}

static void guard(struct image_job *j) {
        struct sigaction sa = { .sa_handler = on_signal }; /* no SA_RESTART: waits end */

        interrupted = 0;
        child = 0;
        sigemptyset(&sa.sa_mask);
        for (size_t i = 0; i < ELEMENTSOF(guarded_signals); i++) {
                sigaction(guarded_signals[i], NULL, &j->saved[i]);
                if (j->saved[i].sa_handler != SIG_IGN)
                        sigaction(guarded_signals[i], &sa, NULL);
        }
        j->guarded = true;
}

static void unguard(struct image_job *j) {
        if (j->guarded)
                for (size_t i = 0; i < ELEMENTSOF(guarded_signals); i++)
                        sigaction(guarded_signals[i], &j->saved[i], NULL);
        j->guarded = false;
        child = 0;
}

void image_job_child(pid_t pid) {
        child = pid;
}

bool image_job_interrupted(void) {
        return interrupted != 0;
}

int image_job_open(struct souk *s, souk_progress_fn progress, void *user, struct image_job *ret, struct souk_err *err) {
        struct image_job j = { .souk = s, .progress = progress, .user = user, .staging_fd = -EBADF, .lock_fd = -EBADF };
        int r;

        guard(&j);
        j.driver = store_layer_driver(s->store);
        r = store_staging_open(s->store, &j.staging_fd, &j.lock_fd, &j.name, err);
        if (r < 0) {
                unguard(&j);
                return r;
        }
        *ret = j;
        return 0;
}

void image_job_close(struct image_job *j) {
        if (!j->souk)
                return;
        j->staging_fd = fd_close(j->staging_fd);
        store_staging_remove(j->souk->store, j->name, j->lock_fd);
        free(j->name);
        unguard(j);
        j->souk = NULL;
}

void image_job_progress(const struct souk_progress *p, void *user) {
        struct image_job *j = user;
        struct digest diff_id;

        if (p->kind == SOUK_PROGRESS_IMAGE) /* said when it is recorded, by image_job_adopt() */
                return;
        if (p->finished && !p->cached && p->name && digest_parse(p->name, &diff_id) == 0)
                store_layer_writeback(j->staging_fd, &diff_id);
        if (j->progress)
                j->progress(p, j->user);
}

bool image_job_layer_known(const struct digest *diff_id, void *user) {
        struct image_job *j = user;

        return store_layer_exists(j->souk->store, diff_id);
}

bool image_job_blob_known(const struct digest *blob, void *user) {
        struct image_job *j = user;

        return store_blob_exists(j->souk->store, blob);
}

static int adopt_content(struct image_job *j, const struct worker_image *w, struct souk_err *err) {
        struct store *st = j->souk->store;
        int r = 0;

        for (size_t i = 0; i < w->n_layers; i++) /* all at once to the disk, then wait for each */
                if (!w->layers[i].known)
                        store_layer_writeback(j->staging_fd, &w->layers[i].diff_id);
        for (size_t i = 0; r == 0 && i < w->n_layers; i++) {
                const struct worker_layer *l = &w->layers[i];

                if (!l->known)
                        r = store_layer_adopt(st, j->staging_fd, &l->diff_id, j->driver, err);
                if (r == 0 && !l->blob_known)
                        r = store_blob_adopt(st, j->staging_fd, &l->blob, err);
        }
        return r;
}

static uint64_t config_created_at(const struct worker_image *w) {
        struct image_config c = { 0 };
        uint64_t at = 0;

        if (image_config_parse(w->config_text, w->config_len, "image config", &c, NULL) == 0 && c.created)
                if (time_parse(c.created, &at) < 0)
                        at = 0;
        image_config_clear(&c);
        return at;
}

static int record_image(struct image_job *j, const struct worker_image *w, struct souk_err *err) {
        _cleanup_free_ struct store_layer *layers = xcalloc(w->n_layers + 1, sizeof(*layers));
        struct store_image i = {
                .manifest_digest = w->manifest_digest,
                .manifest_text = w->manifest_text,
                .manifest_len = w->manifest_len,
                .manifest_media_type = w->manifest_media_type,
                .config_text = w->config_text,
                .config_len = w->config_len,
                .created_at = config_created_at(w),
                .names = w->names,
                .layers = layers,
                .n_layers = w->n_layers,
        };

        memcpy(i.id, w->id.hex, sizeof(i.id));
        for (size_t k = 0; k < w->n_layers; k++)
                layers[k] = (struct store_layer){
                        .diff_id = w->layers[k].diff_id,
                        .blob = w->layers[k].blob,
                        .blob_bytes = w->layers[k].blob_bytes,
                        .media_type = w->layers[k].media_type,
                        .data_bytes = w->layers[k].stats.data_bytes,
                        .stored_bytes = w->layers[k].stats.stored_bytes,
                        .driver = j->driver,
                };
        return store_image_put(j->souk->store, &i, err); /* borrows all */
}

/* The image was there in part; blobs that its new record does not name are no use any more. */
static int record_again(struct image_job *j, const struct worker_image *w, struct store_image *old, struct souk_err *err) {
        _cleanup_strv_ char **blobs = NULL;
        int r;

        for (size_t k = 0; k < old->n_layers; k++)
                strv_push(&blobs, old->layers[k].blob.hex);
        r = record_image(j, w, err);
        if (r == 0)
                store_blob_files_remove(j->souk->store, blobs); /* leaves those that are recorded */
        return r;
}

static void adopt_report(struct image_job *j, const struct worker_image *w, bool cached, char ***names) {
        _cleanup_free_ char *id = xasprintf("sha256:%s", w->id.hex);
        char *nameless[] = { id, NULL };
        char **name = w->names && *w->names ? w->names : nameless;

        for (; *name; name++) {
                strv_push(names, *name);
                if (j->progress)
                        j->progress(&(struct souk_progress){ .kind = SOUK_PROGRESS_IMAGE, .name = *name, .image_id = id,
                                                             .finished = true, .cached = cached }, j->user);
        }
}

int image_job_interrupted_error(struct souk_err *err) {
        return souk_err_set(err, SOUK_INTERRUPTED, -EINTR, "interrupted; nothing was changed");
}

int image_job_adopt(struct image_job *j, const struct worker_image *w, char ***names, struct souk_err *err) {
        struct store_image old = { 0 };
        bool whole;
        int r;

        if (image_job_interrupted())
                return image_job_interrupted_error(err);
        whole = store_image_whole(j->souk->store, w->id.hex);
        if (whole) {
                r = record_image(j, w, err); /* names only */
        } else {
                r = adopt_content(j, w, err);
                if (r < 0)
                        return r;
                if (store_image_get(j->souk->store, w->id.hex, true, &old, NULL) == 0)
                        r = record_again(j, w, &old, err);
                else
                        r = record_image(j, w, err);
                store_image_clear(&old);
        }
        if (r == 0)
                adopt_report(j, w, whole, names);
        return r;
}

const char *image_architecture(void) {
        static const struct {
                const char *machine, *name;
        } table[] = {
                { "x86_64", "amd64" },  { "aarch64", "arm64" },  { "armv7l", "arm" },   { "armv6l", "arm" },
                { "i686", "386" },      { "i586", "386" },       { "ppc64le", "ppc64le" }, { "s390x", "s390x" },
                { "riscv64", "riscv64" }, { "loongarch64", "loong64" }, { "mips64", "mips64le" },
        };
        struct utsname u;

        if (uname(&u) < 0)
                return "unknown";
        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (streq(u.machine, table[i].machine))
                        return table[i].name;
        return "unknown";
}

json_t *image_config_base(const char *const *cmd, uint64_t created_at) {
        json_t *root = json_object(), *config = json_object(), *env = json_array(), *args = json_array();
        char created[40];

        time_format_rfc3339(created_at, created, sizeof(created));
        json_object_set_new(root, "created", json_string(created));
        json_object_set_new(root, "architecture", json_string(image_architecture()));
        json_object_set_new(root, "os", json_string("linux"));
        json_object_set_new(root, "config", config);
        json_object_set_new(config, "Env", env);
        json_array_append_new(env, json_string("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
        for (; cmd && *cmd; cmd++)
                json_array_append_new(args, json_string(*cmd));
        if (json_array_size(args) > 0)
                json_object_set_new(config, "Cmd", args);
        else
                json_decref(args);
        return root;
}

int image_job_unpack(struct image_job *j, int input_fd, const json_t *config, const char *name, const char *message,
                     struct worker_image **ret, struct souk_err *err) {
        _cleanup_free_ char *config_text = json_text(config, false);
        struct worker_limits limits = worker_limits_default();
        int r;

        r = worker_import(
                &(struct worker_import){
                        .input_fd = input_fd,
                        .staging_fd = j->staging_fd,
                        .driver = j->driver,
                        .name = name,
                        .message = message,
                        .config_text = config_text,
                        .limits = &limits,
                        .progress = image_job_progress,
                        .user = j,
                },
                ret, err);
        return r < 0 && image_job_interrupted() ? image_job_interrupted_error(err) : r;
}

int image_job_import(struct image_job *j, int input_fd, const json_t *config, const char *name, const char *message,
                     char **ret_id, struct souk_err *err) {
        _cleanup_strv_ char **names = NULL;
        struct worker_image *w = NULL;
        int r;

        r = image_job_unpack(j, input_fd, config, name, message, &w, err);
        if (r < 0)
                return r;
        r = image_job_adopt(j, w, &names, err);
        if (r == 0 && ret_id)
                *ret_id = xasprintf("sha256:%s", w->id.hex);
        worker_images_free(w, 1);
        return r;
}
