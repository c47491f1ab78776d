/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk images: what the store has, newest first, and how many instances use it. */
#include "base/str.h"
#include "engine/engine.h"
#include "wire/ref.h"

#include <fnmatch.h>

/* "debian" and "debian:book*", "docker.io/library/debian:bookworm", "debian*": the repository alone or the whole name, in
 * their short and full spelling */
static bool name_matches(const char *full, const char *pattern) {
        _cleanup_free_ char *familiar = image_ref_familiar(full), *repository = NULL, *tag = NULL, *full_repository = NULL;
        const char *colon = strrchr(full, ':');

        image_ref_split(full, &repository, &tag);
        full_repository = xstrndup(full, colon ? (size_t) (colon - full) : strlen(full));
        return fnmatch(pattern, full, 0) == 0 || fnmatch(pattern, familiar, 0) == 0 ||
               fnmatch(pattern, repository, 0) == 0 || fnmatch(pattern, full_repository, 0) == 0;
}

static char **names_matching(char *const *names, const char *pattern) {
        char **matching = NULL;

        for (char *const *name = names; name && *name; name++)
                if (name_matches(*name, pattern))
                        strv_push(&matching, *name);
        return matching;
}

static uint32_t count_users(const struct store_instance *v, size_t n, const char *image_id) {
        uint32_t users = 0;

        for (size_t i = 0; i < n; i++)
                users += streq(v[i].image_id, image_id);
        return users;
}

static void image_fill(const struct store_image *i, char **names_take, uint32_t n_instances, struct souk_image *out) {
        *out = (struct souk_image){
                .id = xasprintf("sha256:%s", i->id),
                .digest = xasprintf("sha256:%s", i->manifest_digest.hex),
                .names = names_take,
                .created_at = i->created_at,
                .added_at = i->added_at,
                .n_layers = (uint32_t) i->n_layers,
                .n_instances = n_instances,
        };
        for (size_t k = 0; k < i->n_layers; k++)
                out->size += i->layers[k].stored_bytes;
}

int souk_images(struct souk *s, const char *filter, struct souk_image **ret, size_t *ret_n, struct souk_err *err) {
        struct store_image *images = NULL;
        struct store_instance *users = NULL;
        size_t n_images = 0, n_users = 0, n = 0;
        struct souk_image *out;
        int r;

        r = store_image_list(s->store, &images, &n_images, err);
        if (r < 0)
                return r;
        r = store_instance_list(s->store, &users, &n_users, err);
        out = xcalloc(n_images + 1, sizeof(*out));
        for (size_t i = 0; i < n_images; i++) {
                if (r == 0) {
                        char **names = filter ? names_matching(images[i].names, filter) : strv_dup(images[i].names);

                        if (!filter || names)
                                image_fill(&images[i], names, count_users(users, n_users, images[i].id), &out[n++]);
                }
                store_image_clear(&images[i]);
        }
        for (size_t i = 0; i < n_users; i++)
                store_instance_clear(&users[i]);
        free(users);
        free(images);
        if (r < 0) {
                free(out);
                return r;
        }
        *ret = out;
        *ret_n = n;
        return 0;
}

void souk_images_free(struct souk_image *images, size_t n) {
        for (size_t i = 0; i < n; i++) {
                free(images[i].id);
                free(images[i].digest);
                strv_free(images[i].names);
        }
        free(images);
}
