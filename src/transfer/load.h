/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_TRANSFER_LOAD_H
#define SOUK_TRANSFER_LOAD_H
/* What the formats of load share: images that were found in an archive, and their layers, not stored yet. */
#include "base/str.h"
#include "transfer/transfer.h"

#define DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar"
#define OCI_CONFIG "application/vnd.oci.image.config.v1+json"

struct image {
        char **names;                   /* full references */
        char *config, *manifest;        /* texts; no manifest: to be made */
        struct digest id, manifest_digest;
        char *manifest_type;
        char **layer_types;
        size_t first_layer, n_layers;   /* in load.layers */
};
struct load {
        struct transfer *t;
        struct archive *archive;
        struct image *images;
        size_t n_images;
        struct layer_job *layers;       /* .what is owned */
        size_t n_layers;
};

/* load.c */
/** load_text() - a member that is JSON, copied [owned]; 1, 0 when there is none, -EFBIG */
int load_text(struct load *l, const char *member, const char *what, char **ret, struct souk_err *err);
struct image *load_add_image(struct load *l);
struct layer_job *load_add_layer(struct load *l, struct image *i, const char *media_type, char *what_take);
int load_add_name(struct image *i, const char *name, struct souk_err *err);
/** load_set_config() - parse and keep it, within the limits */
int load_set_config(struct load *l, struct image *i, char *text_take, const char *what, struct image_config *ret,
                    struct souk_err *err);

/* load_oci.c: @index is the text of index.json */
int load_oci(struct load *l, const char *index, struct souk_err *err);

/* load_docker.c: @manifest is the text of manifest.json */
int load_docker(struct load *l, const char *manifest, struct souk_err *err);
/** load_docker_names() - its names for images that were found otherwise */
int load_docker_names(struct load *l, const char *manifest, struct souk_err *err);
/** load_docker_finish() - once the layers are stored: a manifest like a registry's */
void load_docker_finish(struct load *l, struct image *i);
#endif
