/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A finished image as a message to the engine. */
#include "transfer/transfer.h"

#include "base/str.h"

static json_t *layer_message(const struct layer_job *j, const char *media_type) {
        return json_pack("{s:s,s:s,s:I,s:s,s:b,s:b,s:I,s:I,s:I}", "diffId", j->diff_id.hex, "blob", j->blob_digest.hex, "blobBytes",
                         (json_int_t) j->blob.n, "mediaType", media_type, "known", j->known, "blobKnown", j->blob_known, "dataBytes",
                         (json_int_t) j->stats.data_bytes, "storedBytes", (json_int_t) j->stats.stored_bytes, "entries", (json_int_t) j->stats.entries);
}

json_t *image_message(char *const *names, const char *config, size_t config_len, const char *manifest, size_t manifest_len,
                      const char *manifest_type, const struct layer_job *layers, char *const *layer_types, size_t n) {
        struct digest id, digest;
        json_t *list = json_array();
        hash_of(config, config_len, &id);
        hash_of(manifest, manifest_len, &digest);
        for (size_t i = 0; i < n; i++)
                json_array_append_new(list, layer_message(&layers[i], layer_types[i]));
        json_t *all_names = names ? json_from_strv(names) : json_array();
        return json_pack("{s:{s:s,s:s,s:o,s:o,s:o,s:s,s:o}}", "image", "id", id.hex, "manifestDigest", digest.hex, "names", all_names, "config", json_stringn(config, config_len), "manifest",
                         json_stringn(manifest, manifest_len), "manifestType", manifest_type, "layers", list);
}
