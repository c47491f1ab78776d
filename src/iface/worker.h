/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_IFACE_WORKER_H
#define SOUK_IFACE_WORKER_H
/*
 * The engine's side of souk-transfer: the confined process in which untrusted bytes are parsed.  A job gets its input
 * (or output) fd and one staging directory and nothing else; what it says back is checked again here (digests are hex,
 * files exist in staging, sizes and counts in limits) because the worker may have been taken over by what it parsed.
 *
 * In staging the worker leaves files named by what they are:  layer.<diff id hex>       EROFS file, or directory (tree)
 *                                                             blob.<digest hex>         layer blob as it came
 * The engine moves them into the store and writes the records.  Manifests and configs come back as text.
 */
#include "base/digest.h"
#include "iface/layer.h"
#include <souk/souk.h>

struct worker_layer {
        struct digest diff_id;          /* of the uncompressed tar */
        struct digest blob;             /* of the blob as it came */
        uint64_t blob_bytes;
        char *media_type;               /* of the blob */
        bool known;                     /* the store had the layer: nothing in staging for diff_id */
        bool blob_known;
        struct layer_stats stats;       /* when not known */
};
struct worker_image {
        char **names;                   /* normalised full references; may be empty */
        struct digest id;               /* digest of config_text */
        char *config_text;
        size_t config_len;
        struct digest manifest_digest;
        char *manifest_text;            /* as it came, or made for docker-archive and import; exact bytes */
        size_t manifest_len;
        char *manifest_media_type;
        struct worker_layer *layers;    /* lowest first */
        size_t n_layers;
};
void worker_images_free(struct worker_image *v, size_t n);

struct worker_limits {                  /* all have defaults: worker_limits_default() */
        uint64_t max_layer_bytes;       /* file data of one layer: 64 GiB */
        uint64_t max_image_bytes;       /* file data of all layers: 256 GiB */
        uint64_t max_entries;           /* of one layer: 10 million */
        uint32_t max_layers;            /* of one image: 500 (overlayfs takes 500 lowers) */
        uint32_t max_images;            /* in one archive: 1000 */
        uint32_t max_ratio;             /* inflated : compressed, above the first 100 MiB: 2000 */
};
struct worker_limits worker_limits_default(void);

struct worker_load {
        int input_fd;                   /* archive: file, pipe; or directory with an OCI layout; borrowed */
        int staging_fd;                 /* empty directory; borrowed */
        enum layer_driver driver;
        const char *name;               /* for an image that carries no name; or NULL */
        bool keep_blobs;                /* keep layer blobs as they came, for save and push */
        const struct worker_limits *limits;
        /* asked while it runs */
        bool (*layer_known)(const struct digest *diff_id, void *user);
        bool (*blob_known)(const struct digest *blob, void *user);
        souk_progress_fn progress;      /* may be NULL */
        void *user;
};
/** worker_load() - docker-archive, oci-archive, OCI layout directory.  One staged file per distinct layer, verified. */
int worker_load(const struct worker_load *job, struct worker_image **ret, size_t *ret_n, struct souk_err *err);

struct worker_import {
        int input_fd;                   /* rootfs tar (plain, gzip, zstd) or directory */
        int staging_fd;
        enum layer_driver driver;
        const char *name;
        const char *message;            /* history comment */
        const char *config_text;        /* image config JSON made by the engine, without rootfs/history; "config" filled */
        const struct worker_limits *limits;
        souk_progress_fn progress;
        void *user;
};
/** worker_import() - one layer, one image; the blob is stored gzip-compressed */
int worker_import(const struct worker_import *job, struct worker_image **ret, struct souk_err *err);

struct worker_save_image {
        char *const *names;
        const char *config_text, *manifest_text, *manifest_media_type;
        size_t config_len, manifest_len;
        const struct digest *diff_ids;
        const int *blob_fds;            /* blobs as they came, borrowed; lowest first */
        const uint64_t *blob_bytes;
        char *const *blob_media_types;
        size_t n_layers;
};
struct worker_save {
        int output_fd;                  /* borrowed */
        enum souk_archive_format format;
        const struct worker_save_image *images;
        size_t n_images;
};
int worker_save(const struct worker_save *job, struct souk_err *err);

/** worker_export() - tar of the tree below @root_fd (a merged root) to @output_fd.  Keeps CAP_DAC_READ_SEARCH only. */
int worker_export(int root_fd, int output_fd, struct souk_err *err);
#endif
