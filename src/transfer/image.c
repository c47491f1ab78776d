/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A finished image as a message to the engine. */
#include "transfer/transfer.h"

#include "base/log.h"
#include "base/str.h"

int image_tell(struct transfer *t, char *const *names, const char *config, const char *manifest,
               const char *manifest_type, const struct layer_job *layers, char *const *layer_types, size_t n,
               struct souk_err *err) {
        _cleanup_free_ struct transfer_layer *list = xcalloc(n, sizeof(*list));
        struct transfer_msg m = { .kind = TRANSFER_IMAGE };
        for (size_t i = 0; i < n; i++)
                list[i] = (struct transfer_layer){
                        .diff_id = layers[i].diff_id,
                        .blob = layers[i].blob_digest,
                        .media_type = layer_types[i],
                        .blob_bytes = layers[i].blob.n,
                        .data_bytes = layers[i].stats.data_bytes,
                        .stored_bytes = layers[i].stats.stored_bytes,
                        .entries = layers[i].stats.entries,
                        .known = layers[i].known,
                        .blob_known = layers[i].blob_known,
                };
        m.image = (struct transfer_image){
                .names = (char **) (uintptr_t) names,
                .config = (char *) (uintptr_t) config,
                .manifest = (char *) (uintptr_t) manifest,
                .manifest_type = (char *) (uintptr_t) manifest_type,
                .layers = list,
                .n_layers = n,
        };
        hash_of(config, strlen(config), &m.image.id);
        hash_of(manifest, strlen(manifest), &m.image.manifest_digest);
        fault_point("transfer.before_image");
        return transfer_tell(t, &m, err);
}
