/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk import: a rootfs tar or directory becomes an image of one layer; --change edits its configuration. */
#include "base/proc.h"
#include "base/str.h"
#include "engine/image_job.h"
#include "wire/image_config.h"
#include "wire/ref.h"

int souk_image_import(struct souk *s, const struct souk_import_request *r, char **ret_id, struct souk_err *err) {
        _cleanup_json_ json_t *config = NULL;
        _cleanup_job_ struct image_job j = { 0 };
        _cleanup_free_ char *name = NULL;
        int rr;

        if (r->name) {
                rr = image_ref_normalize(r->name, &name, err);
                if (rr < 0)
                        return rr;
        }
        config = image_config_base(NULL, now_wall_usec());
        for (const char *const *change = r->changes; change && *change; change++) {
                rr = image_config_change(json_object_get(config, "config"), *change, err);
                if (rr < 0)
                        return souk_err_wrap(err, "--change '%s'", *change);
        }
        rr = image_job_open(s, r->progress, r->user, &j, err);
        if (rr < 0)
                return rr;
        return image_job_import(&j, r->fd, config, name, r->message, ret_id, err);
}
