/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_ENGINE_IMAGE_JOB_H
#define SOUK_ENGINE_IMAGE_JOB_H
/*
 * What load, import, box and bootstrap share: a job with a staging directory of its own, whose result becomes an image of
 * the store.  While a job is open, SIGINT, SIGTERM and SIGHUP do not end the process: they are noted (and passed on to
 * job_child), so that the job's files are removed and the caller gets SOUK_INTERRUPTED.
 */
#include "base/json.h"
#include "engine/engine.h"
#include "iface/worker.h"

#include <signal.h>

struct image_job {
        struct souk *souk;
        enum layer_driver driver;       /* for new layers */
        int staging_fd;
        souk_progress_fn progress;      /* the caller's, may be NULL */
        void *user;
        /* private */
        int lock_fd;
        char *name;
        struct sigaction saved[3];
        bool guarded;
};
int image_job_open(struct souk *s, souk_progress_fn progress, void *user, struct image_job *ret, struct souk_err *err);
void image_job_close(struct image_job *j);
#define _cleanup_job_ _cleanup_(image_job_close)

/** image_job_child() - a process that gets SIGTERM when the job is interrupted; 0: none */
void image_job_child(pid_t pid);
bool image_job_interrupted(void);
int image_job_interrupted_error(struct souk_err *err); /* SOUK_INTERRUPTED, -EINTR */
/** image_job_progress() - for the worker: passes progress on, and starts writing finished layers to disk.  @user: the job */
void image_job_progress(const struct souk_progress *p, void *user);
/** image_job_layer_known(), image_job_blob_known() - for the worker.  @user: the job */
bool image_job_layer_known(const struct digest *diff_id, void *user);
bool image_job_blob_known(const struct digest *blob, void *user);
/** image_job_adopt() - move an image's content into the store and record it.  Names are appended to @names (its names, or
 * "sha256:<id>" when it has none) */
int image_job_adopt(struct image_job *j, const struct worker_image *w, char ***names, struct souk_err *err);

/** image_config_base() - config JSON for an image made here: this machine's architecture, PATH, @cmd; [owned]
 * @created_at: wall usec */
json_t *image_config_base(const char *const *cmd, uint64_t created_at);
/** image_job_unpack() - worker_import() with @config (see above) and this job's settings; @ret for image_job_adopt() and
 * worker_images_free(w, 1) */
int image_job_unpack(struct image_job *j, int input_fd, const json_t *config, const char *name, const char *message,
                     struct worker_image **ret, struct souk_err *err);
/** image_job_import() - image_job_unpack() with @config (see above), adopted.  @ret_id: "sha256:<id>" [owned] */
int image_job_import(struct image_job *j, int input_fd, const json_t *config, const char *name, const char *message,
                     char **ret_id, struct souk_err *err);
/** image_architecture() - this machine's, as image configs spell it: "amd64", "arm64" ... */
const char *image_architecture(void);
#endif
