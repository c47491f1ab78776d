/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk load: archives and OCI layouts, parsed by the confined worker, adopted one image at a time. */
#include "base/str.h"
#include "engine/image_job.h"
#include "wire/ref.h"

static int load_into(struct image_job *j, const struct souk_load_request *r, const char *name, char ***names,
                     struct souk_err *err) {
        struct worker_limits limits = worker_limits_default();
        struct worker_image *images = NULL;
        size_t n = 0;
        int rr;

        rr = worker_load(
                &(struct worker_load){
                        .input_fd = r->fd,
                        .staging_fd = j->staging_fd,
                        .driver = j->driver,
                        .name = name,
                        .keep_blobs = true,
                        .limits = &limits,
                        .layer_known = image_job_layer_known,
                        .blob_known = image_job_blob_known,
                        .progress = image_job_progress,
                        .user = j,
                },
                &images, &n, err);
        if (rr < 0)
                return image_job_interrupted() ? image_job_interrupted_error(err) : rr;
        rr = 0;
        for (size_t i = 0; rr == 0 && i < n; i++)
                rr = image_job_adopt(j, &images[i], names, err);
        worker_images_free(images, n);
        return rr;
}

int souk_image_load(struct souk *s, const struct souk_load_request *r, char ***ret_names, struct souk_err *err) {
        _cleanup_job_ struct image_job j = { 0 };
        _cleanup_strv_ char **names = NULL;
        _cleanup_free_ char *name = NULL;
        int rr;

        if (r->tag) {
                rr = image_ref_normalize(r->tag, &name, err);
                if (rr < 0)
                        return rr;
        }
        rr = image_job_open(s, r->progress, r->user, &j, err);
        if (rr < 0)
                return rr;
        rr = load_into(&j, r, name, &names, err);
        if (rr < 0)
                return rr;
        if (ret_names)
                *ret_names = TAKE_PTR(names);
        return 0;
}
