/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_WIRE_IMAGE_CONFIG_H
#define SOUK_WIRE_IMAGE_CONFIG_H
/* Image configuration and manifests as structs.  Spec: OCI image-spec 1.1 config.md, manifest.md, image-index.md;
 * Docker image v1.2 (docker-archive) and schema 2 manifests use the same fields. */
#include "base/digest.h"
#include "base/json.h"
#include <souk/err.h>

struct image_history {
        char *created, *created_by, *comment;
        bool empty_layer;
};
struct image_config {
        char *architecture, *os, *created, *author;
        /* .config */
        char *user, *working_dir, *stop_signal, *hostname;
        char **env, **entrypoint, **cmd;
        char **volumes, **exposed_ports;  /* keys */
        char **labels;                    /* "key=value", sorted */
        bool args_escaped;
        struct digest *diff_ids;          /* .rootfs.diff_ids, lowest first */
        size_t n_diff_ids;
        struct image_history *history;
        size_t n_history;
};
void image_config_clear(struct image_config *c);
/** image_config_parse() - SOUK_CORRUPT names the JSON path.  @what: for messages */
int image_config_parse(const char *text, size_t len, const char *what, struct image_config *ret, struct souk_err *err);
/** image_config_change() - apply one Dockerfile instruction ("CMD [\"sh\"]", "ENV A=b") to a config JSON's "config"
 * object: CMD ENTRYPOINT ENV EXPOSE LABEL STOPSIGNAL USER VOLUME WORKDIR; JSON and shell forms */
int image_config_change(json_t *config, const char *instruction, struct souk_err *err);

struct descriptor {
        char *media_type;
        struct digest digest;
        uint64_t size;
        char *ref_name;                   /* annotation org.opencontainers.image.ref.name */
        char *image_name;                 /* annotation io.containerd.image.name */
        char *platform_os, *platform_architecture, *platform_variant;
};
void descriptor_clear(struct descriptor *d);
struct image_manifest {
        char *media_type;                 /* of the manifest; given or derived */
        struct descriptor config;
        struct descriptor *layers;        /* lowest first */
        size_t n_layers;
};
void image_manifest_clear(struct image_manifest *m);
int image_manifest_parse(const char *text, size_t len, const char *what, struct image_manifest *ret,
                         struct souk_err *err);
struct image_index {
        struct descriptor *manifests;
        size_t n_manifests;
};
void image_index_clear(struct image_index *i);
int image_index_parse(const char *text, size_t len, const char *what, struct image_index *ret, struct souk_err *err);

enum blob_compression { BLOB_PLAIN, BLOB_GZIP, BLOB_ZSTD };
/** media_type_compression() - of a layer media type, OCI or Docker; -EOPNOTSUPP for an unknown one (never skipped) */
int media_type_compression(const char *media_type, enum blob_compression *ret);
bool media_type_is_index(const char *media_type);
bool media_type_is_manifest(const char *media_type);
#endif
