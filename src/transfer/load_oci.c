/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * OCI layouts: index.json -> (index ->) manifest -> config and layers, all by digest.
 *
 * The outermost index lists images, and an index in it one image for several platforms.  Some tools put the platforms
 * into the outermost one: of entries with one name, the one for this machine is taken.
 * Spec: OCI image-spec 1.1, image-layout.md, image-index.md, manifest.md.
 */
#include "transfer/load.h"

#include "wire/platform.h"

#include <stdio.h>
#include <sys/utsname.h>

#define INDEX_DEPTH_MAX 4

static int blob_get(struct load *l, const struct digest *d, uint64_t size, const char *what, struct bytes *ret,
                    struct souk_err *err) {
        char name[16 + DIGEST_HEX_LEN];
        snprintf(name, sizeof(name), "blobs/sha256/%s", d->hex);
        int r = archive_get(l->archive, name, ret, err);
        if (r < 0)
                return r;
        if (r == 0)
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "%s: its blob sha256:%s is missing", what, d->hex);
        if (ret->n != size)
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG,
                                    "%s: its blob sha256:%.12s has %zu bytes, %llu were promised", what, d->hex, ret->n,
                                    (unsigned long long) size);
        return 0;
}

/* A small blob that is JSON [owned], verified. */
static int text_get(struct load *l, const struct digest *d, uint64_t size, const char *what, char **ret,
                    struct souk_err *err) {
        char name[16 + DIGEST_HEX_LEN];
        _cleanup_free_ char *text = NULL;
        struct digest got;
        struct bytes ignored;
        int r = blob_get(l, d, size, what, &ignored, err);
        snprintf(name, sizeof(name), "blobs/sha256/%s", d->hex);
        if (r >= 0)
                r = load_text(l, name, what, &text, err);
        if (r < 0)
                return r;
        hash_of(text, strlen(text), &got);
        if (!digest_equal(d, &got))
                return souk_err_set(err, SOUK_DIGEST_MISMATCH, -EILSEQ,
                                    "%s: its digest differs: sha256:%s was promised, sha256:%s is there", what, d->hex,
                                    got.hex);
        *ret = TAKE_PTR(text);
        return 0;
}

/* "ref.name" is a tag by the specification, and a full name as others write it. */
static int name_from_annotations(struct image *i, const struct descriptor *d, struct souk_err *err) {
        struct souk_err ignored;
        if (d->image_name)
                return load_add_name(i, d->image_name, err);
        if (d->ref_name && strpbrk(d->ref_name, ":/"))
                (void) !load_add_name(i, d->ref_name, &ignored);
        return 0;
}

static int unknown_type(const char *what, const char *type, const char *why, struct souk_err *err) {
        return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP, "%s: unknown media type '%.150s'%s", what, type, why);
}

static int add_layers(struct load *l, struct image *i, const struct image_manifest *m,
                      const struct image_config *config, const char *what, struct souk_err *err) {
        if (m->n_layers != config->n_diff_ids)
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "%s: has %zu layers, but its config has %zu diff ids",
                                    what, m->n_layers, config->n_diff_ids);
        for (size_t k = 0; k < m->n_layers; k++) {
                const struct descriptor *d = &m->layers[k];
                struct layer_job *j = load_add_layer(
                        l, i, d->media_type, xasprintf("layer %zu (sha256:%.12s) of %s", k + 1, d->digest.hex, what));
                if (media_type_compression(d->media_type, &j->compression) < 0)
                        return unknown_type(j->what, d->media_type, "", err);
                int r = blob_get(l, &d->digest, d->size, j->what, &j->blob, err);
                if (r < 0)
                        return r;
                j->diff_id = config->diff_ids[k];
                j->blob_digest = d->digest;
                j->has_blob_digest = true;
        }
        return 0;
}

/* An image that is listed twice has one more name. */
static struct image *find_image(struct load *l, const struct digest *manifest) {
        for (size_t i = 0; i < l->n_images; i++)
                if (digest_equal(&l->images[i].manifest_digest, manifest))
                        return &l->images[i];
        return NULL;
}

static int add_image(struct load *l, const struct descriptor *d, char **text, const struct image_manifest *m,
                     const char *what, struct souk_err *err) {
        _cleanup_free_ char *config_what = xasprintf("image config sha256:%.12s", m->config.digest.hex);
        _cleanup_(image_config_clear) struct image_config config = {};
        char *config_text;
        if (!streq(m->config.media_type, OCI_CONFIG) && !streq(m->config.media_type, DOCKER_CONFIG))
                return unknown_type(what, m->config.media_type, " of its config: not a container image", err);
        int r = text_get(l, &m->config.digest, m->config.size, config_what, &config_text, err);
        if (r < 0)
                return r;
        struct image *i = load_add_image(l);
        i->manifest = TAKE_PTR(*text);
        i->manifest_type = xstrdup(d->media_type);
        i->manifest_digest = d->digest;
        r = load_set_config(l, i, config_text, config_what, &config, err);
        return r < 0 ? r : add_layers(l, i, m, &config, what, err);
}

/* @named: the entry of the outermost index, which has the name */
static int load_manifest(struct load *l, const struct descriptor *d, const struct descriptor *named,
                         struct souk_err *err) {
        if (!find_image(l, &d->digest)) {
                _cleanup_free_ char *what = xasprintf("image manifest sha256:%.12s", d->digest.hex), *text = NULL;
                _cleanup_(image_manifest_clear) struct image_manifest m = {};
                int r = text_get(l, &d->digest, d->size, what, &text, err);
                if (r >= 0)
                        r = image_manifest_parse(text, strlen(text), what, &m, err);
                if (r >= 0 && m.media_type && !streq(m.media_type, d->media_type))
                        r = souk_err_set(err, SOUK_CORRUPT, -EBADMSG,
                                         "%s: calls itself '%.80s', the index calls it '%.80s'", what, m.media_type,
                                         d->media_type);
                if (r >= 0)
                        r = add_image(l, d, &text, &m, what, err);
                if (r < 0)
                        return r;
        }
        return name_from_annotations(find_image(l, &d->digest), named, err);
}

/* ---- indexes ----------------------------------------------------------------------------------------------------- */

static const char *this_machine(void) {
        static struct utsname u;
        return uname(&u) < 0 ? "x86_64" : u.machine;
}

static int load_index(struct load *l, const char *text, const char *what, const struct descriptor *named,
                      unsigned depth, struct souk_err *err);

static int load_entry(struct load *l, const struct descriptor *d, const struct descriptor *named, unsigned depth,
                      struct souk_err *err) {
        _cleanup_free_ char *what = xasprintf("image index sha256:%.12s", d->digest.hex), *text = NULL;
        if (media_type_is_manifest(d->media_type))
                return load_manifest(l, d, named, err);
        if (!media_type_is_index(d->media_type)) {
                _cleanup_free_ char *entry = xasprintf("sha256:%.12s of the index", d->digest.hex);
                return unknown_type(entry, d->media_type, "", err);
        }
        if (depth >= INDEX_DEPTH_MAX)
                return souk_err_set(err, SOUK_CORRUPT, -ELOOP, "indexes within indexes, more than %d deep",
                                    INDEX_DEPTH_MAX);
        int r = text_get(l, &d->digest, d->size, what, &text, err);
        return r < 0 ? r : load_index(l, text, what, named, depth + 1, err);
}

static int no_platform(const char *what, struct souk_err *err) {
        return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP, "%s: has no image for linux/%s", what,
                            platform_architecture(this_machine()));
}

static bool same_text(const char *a, const char *b) {
        return a && b ? streq(a, b) : a == b;
}

/* Entries of the outermost index that are one image for several platforms. */
static bool same_image(const struct descriptor *a, const struct descriptor *b) {
        return a->platform_architecture && b->platform_architecture && same_text(a->image_name, b->image_name) &&
               same_text(a->ref_name, b->ref_name);
}

/* 1: entry @i is to be loaded; 0: another one of its platforms is, or stands for all that do not fit */
static int is_wanted(const struct image_index *x, size_t i, const char *what, struct souk_err *err) {
        const struct descriptor *d = &x->manifests[i];
        unsigned fit = platform_fit(this_machine(), d), best = fit;
        bool named = d->image_name || d->ref_name, first = true, alone = true;
        if (x->n_manifests > 1 && d->platform_architecture && streq(d->platform_architecture, "unknown"))
                return 0; /* what is said about an image: attestations */
        for (size_t k = 0; k < x->n_manifests; k++) {
                const struct descriptor *other = &x->manifests[k];
                if (k == i || !same_image(d, other))
                        continue;
                unsigned other_fit = platform_fit(this_machine(), other);
                alone = false;
                first = first && (k > i || other_fit < fit || (fit > 0 && !named));
                best = MAX(best, other_fit);
        }
        if (!alone && best == 0)
                return no_platform(what, err);
        return fit == best && first; /* an image of another platform, alone, is what the user asked for */
}

static int load_all(struct load *l, const struct image_index *x, const char *what, struct souk_err *err) {
        for (size_t i = 0; i < x->n_manifests; i++) {
                int r = is_wanted(x, i, what, err);
                if (r > 0)
                        r = load_entry(l, &x->manifests[i], &x->manifests[i], 0, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* @named: NULL for the outermost */
static int load_index(struct load *l, const char *text, const char *what, const struct descriptor *named,
                      unsigned depth, struct souk_err *err) {
        _cleanup_(image_index_clear) struct image_index x = {};
        const struct descriptor *best = NULL;
        int r = image_index_parse(text, strlen(text), what, &x, err);
        if (r < 0)
                return r;
        if (x.n_manifests == 0)
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "%s: holds no image", what);
        if (x.n_manifests > l->t->limits.max_images)
                return souk_err_set(err, SOUK_LIMIT, -E2BIG, "%s: holds %zu images: the most is %u", what,
                                    x.n_manifests, l->t->limits.max_images);
        if (!named)
                return load_all(l, &x, what, err);
        for (size_t i = 0; i < x.n_manifests; i++)
                if (platform_fit(this_machine(), &x.manifests[i]) > (best ? platform_fit(this_machine(), best) : 0))
                        best = &x.manifests[i];
        return best ? load_entry(l, best, named, depth, err) : no_platform(what, err);
}

int load_oci(struct load *l, const char *index, struct souk_err *err) {
        _cleanup_free_ char *text = NULL;
        _cleanup_json_ json_t *j = NULL;
        int r = load_text(l, "oci-layout", "oci-layout", &text, err);
        if (r == 0)
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "there is an index.json, but no oci-layout");
        if (r >= 0)
                r = json_parse_text(text, strlen(text), "oci-layout", &j, err);
        if (r < 0)
                return r;
        const char *version = json_string_value(json_object_get(j, "imageLayoutVersion"));
        if (!version || !str_startswith(version, "1."))
                return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP,
                                    "oci-layout: imageLayoutVersion '%.20s' is not 1.x", version ? version : "");
        return load_index(l, index, "index.json", NULL, 0, err);
}
