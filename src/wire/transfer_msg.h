/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_WIRE_TRANSFER_MSG_H
#define SOUK_WIRE_TRANSFER_MSG_H
/*
 * What the engine and souk-transfer say to each other, as structs; the channel (channel.h) carries them as JSON
 * objects.
 *
 *   engine -> worker   JOB, then for save one SAVE an image, then the descriptors that the job has, one byte each;
 *                      KNOWN answers ASK
 *   worker -> engine   ASK, PROGRESS, IMAGE; last of all DONE or FAILED, then the end of the stream
 *
 * Parsing checks all that can be checked without knowing the job: kinds, types, digests, ranges, lengths.
 */
#include "base/digest.h"
#include "base/json.h"
#include <souk/err.h>

#define TRANSFER_VERSION 1

enum transfer_kind {
        TRANSFER_JOB,
        TRANSFER_SAVE,
        TRANSFER_KNOWN,
        TRANSFER_ASK,
        TRANSFER_PROGRESS,
        TRANSFER_IMAGE,
        TRANSFER_DONE,
        TRANSFER_FAILED,
        TRANSFER_KIND_MAX
};

struct transfer_job {
        uint32_t version;               /* TRANSFER_VERSION: another one is refused */
        char *format;                   /* save: "docker" or "oci" */
        char *name, *message;           /* load, import: name of an image without one; import: history comment */
        char *config;                   /* import: image config as JSON text */
        bool keep_blobs;                /* load */
        uint32_t n_images;              /* save: that many SAVE follow */
        uint64_t max_layer_bytes, max_image_bytes, max_entries;
        uint32_t max_layers, max_images, max_ratio;
};
struct transfer_ask {
        bool blob;                      /* else by diff id */
        struct digest digest;
};
struct transfer_progress {
        char *name;                     /* diff id in hex, or "import" */
        uint64_t done, total;
        bool finished, cached;
};
struct transfer_layer {
        struct digest diff_id, blob;
        char *media_type;
        uint64_t blob_bytes, data_bytes, stored_bytes, entries;
        bool known, blob_known;
};
struct transfer_image {
        char **names;
        char *config, *manifest, *manifest_type;
        struct digest id, manifest_digest; /* IMAGE only */
        struct transfer_layer *layers;  /* lowest first */
        size_t n_layers;
};
struct transfer_failure {
        uint32_t code;                  /* enum souk_code */
        int64_t errnum;
        char *message;
};
/* Only the member of the kind is set. */
struct transfer_msg {
        enum transfer_kind kind;
        struct transfer_job job;
        struct transfer_ask ask;
        bool known;
        struct transfer_progress progress;
        struct transfer_image image;    /* SAVE, IMAGE */
        struct transfer_failure failure;
};
void transfer_image_clear(struct transfer_image *i);
void transfer_msg_clear(struct transfer_msg *m);
/** transfer_msg_parse() - @ret to be cleared, also on failure; -EPROTO and SOUK_INTERNAL name what is malformed */
_must_check_ int transfer_msg_parse(json_t *j, struct transfer_msg *ret, struct souk_err *err);
/** transfer_msg_build() - the inverse [owned]; strings that are not UTF-8 are left out */
json_t *transfer_msg_build(const struct transfer_msg *m);
/** transfer_send(), transfer_receive() - through the channel.  Return: as channel.h, -EPROTO malformed; receive: 0 is
 * the end of the stream */
_must_check_ int transfer_send(int sock, const struct transfer_msg *m, struct souk_err *err);
_must_check_ int transfer_receive(int sock, bool interruptible, struct transfer_msg *ret, struct souk_err *err);
#endif
