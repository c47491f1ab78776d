/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load: the ways in which images come as files.
 *   oci-archive, OCI layout directory   index.json, see load_oci.c
 *   docker-archive                      manifest.json, see load_docker.c
 * An archive of a recent Docker has both: the OCI side is taken, and the names of manifest.json with it.
 *
 * First all images are found and their texts verified, then all layers are stored in parallel, each once; the engine
 * hears of images only when everything is there.  Texts are copied before they are hashed: an archive may change under
 * us.
 */
#include "transfer/load.h"

#include "wire/ref.h"

static void load_clear(struct load *l) {
        for (size_t i = 0; i < l->n_images; i++) {
                strv_free(l->images[i].names);
                free(l->images[i].config);
                free(l->images[i].manifest);
                free(l->images[i].manifest_type);
                strv_free(l->images[i].layer_types);
        }
        for (size_t i = 0; i < l->n_layers; i++)
                free(l->layers[i].what);
        free(l->images);
        free(l->layers);
        if (l->archive)
                archive_close(l->archive);
}

int load_text(struct load *l, const char *member, const char *what, char **ret, struct souk_err *err) {
        struct bytes b;
        int r = archive_get(l->archive, member, &b, err);
        if (r <= 0)
                return r;
        if (b.n > JSON_TEXT_MAX)
                return souk_err_set(err, SOUK_LIMIT, -EFBIG, "%s: has more than %u bytes", what, JSON_TEXT_MAX);
        char *text = xmalloc(b.n + 1);
        memcpy(text, b.p ? b.p : (const uint8_t *) "", b.n);
        text[b.n] = '\0';
        if (strlen(text) != b.n) {
                free(text);
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "%s: not valid JSON: a NUL byte is in it", what);
        }
        *ret = text;
        return 1;
}

struct image *load_add_image(struct load *l) {
        l->images = xreallocarray(l->images, l->n_images + 1, sizeof(*l->images));
        l->images[l->n_images] = (struct image){ .first_layer = l->n_layers };
        return &l->images[l->n_images++];
}

struct layer_job *load_add_layer(struct load *l, struct image *i, const char *media_type, char *what_take) {
        l->layers = xreallocarray(l->layers, l->n_layers + 1, sizeof(*l->layers));
        strv_push(&i->layer_types, media_type);
        l->layers[l->n_layers] = (struct layer_job){ .what = what_take };
        i->n_layers++;
        return &l->layers[l->n_layers++];
}

int load_add_name(struct image *i, const char *name, struct souk_err *err) {
        _cleanup_free_ char *full = NULL;
        int r = image_ref_normalize(name, &full, err);
        if (r >= 0 && !strv_has(i->names, full))
                strv_push(&i->names, full);
        return r;
}

int load_set_config(struct load *l, struct image *i, char *text_take, const char *what, struct image_config *ret,
                    struct souk_err *err) {
        i->config = text_take;
        hash_of(text_take, strlen(text_take), &i->id);
        int r = image_config_parse(text_take, strlen(text_take), what, ret, err);
        if (r < 0)
                return r;
        if (ret->n_diff_ids > l->t->limits.max_layers)
                return souk_err_set(err, SOUK_LIMIT, -E2BIG, "%s: has %zu layers: the most is %u", what,
                                    ret->n_diff_ids, l->t->limits.max_layers);
        return 0;
}

static int find_images(struct load *l, struct souk_err *err) {
        _cleanup_free_ char *index = NULL, *manifest = NULL;
        int r = load_text(l, "index.json", "index.json", &index, err);
        if (r >= 0)
                r = load_text(l, "manifest.json", "manifest.json", &manifest, err);
        if (r < 0)
                return r;
        if (!index && !manifest)
                return souk_err_set(
                        err, SOUK_CORRUPT, -EBADMSG,
                        "neither index.json nor manifest.json is in it: not an image archive (for the tar of a "
                        "root file system use 'souk import')");
        if (!index)
                return load_docker(l, manifest, err);
        r = load_oci(l, index, err);
        return r >= 0 && manifest ? load_docker_names(l, manifest, err) : r;
}

int job_load(struct transfer *t, struct souk_err *err) {
        _cleanup_(load_clear) struct load l = { .t = t };
        int r = archive_open(t, FD_INPUT, &l.archive, err);
        if (r >= 0)
                r = find_images(&l, err);
        if (r >= 0 && t->job->name && l.n_images == 1 && !l.images[0].names)
                r = load_add_name(&l.images[0], t->job->name, err);
        if (r >= 0)
                r = layers_run(t, l.layers, l.n_layers, err);
        for (size_t k = 0; k < l.n_images && r >= 0; k++) {
                struct image *i = &l.images[k];
                if (!i->manifest)
                        load_docker_finish(&l, i);
                r = image_tell(t, i->names, i->config, i->manifest, i->manifest_type, l.layers + i->first_layer,
                               i->layer_types, i->n_layers, err);
        }
        return r;
}
