/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_TRANSFER_TRANSFER_H
#define SOUK_TRANSFER_TRANSFER_H
/*
 * souk-transfer: the process in which untrusted bytes are parsed.  It starts with three fds and nothing else:
 *   3  the channel to the engine (wire/channel.h)
 *   4  the input or output: an archive, a directory, a tree
 *   5  the staging directory
 * confines itself (sandbox.c) as the first thing, then reads its one job.
 */
#include "base/digest.h"
#include "iface/layer.h"
#include "iface/worker.h"
#include "wire/image_config.h"
#include "wire/transfer_msg.h"

#include <pthread.h>

#define FD_CHANNEL 3
#define FD_INPUT 4
#define FD_STAGING 5

#define RATIO_FREE_BYTES (100u << 20) /* limits.max_ratio is asked above these */

struct transfer {
        const struct transfer_job *job;
        enum layer_driver driver;
        struct worker_limits limits;
        pthread_mutex_t channel_lock;   /* one question and its answer at a time */
};

/* talk.c */
int transfer_ask(struct transfer *t, bool blob, const struct digest *d, bool *ret_known, struct souk_err *err);
int transfer_tell(struct transfer *t, const struct transfer_msg *m, struct souk_err *err);
int transfer_receive_fd(const char *what, struct souk_err *err); /* a descriptor that belongs to the job [owned] */

/* hash.c: SHA-256 by libcrypto */
struct hash;
struct hash *hash_new(void);
void hash_free(struct hash *h);
DEFINE_CLEANUP(struct hash, hash_free)
void hash_add(struct hash *h, const void *p, size_t n);
void hash_end(struct hash *h, struct digest *ret); /* once */
void hash_of(const void *p, size_t n, struct digest *ret);

/* relay.c: a pull source ahead of its consumer, in a thread */
#define RELAY_PIECES 4
struct relay;
/** relay_new() - @in is used by that thread only, until relay_free(); each of its pieces must stay valid until it has
 * made RELAY_PIECES - 1 more */
int relay_new(const struct layer_source *in, struct relay **ret, struct souk_err *err);
struct layer_source relay_source(struct relay *y);
void relay_free(struct relay *y);
DEFINE_CLEANUP(struct relay, relay_free)

/* inflate.c: a pull source over another; its pieces are good for a relay, if @in's are where nothing is inflated */
struct inflate;
/** inflate_new() - @in's bytes inflated; BLOB_PLAIN gives them as they are.  Truncated or trailing rubbish: -EBADMSG */
int inflate_new(enum blob_compression c, const struct layer_source *in, struct inflate **ret, struct souk_err *err);
struct layer_source inflate_source(struct inflate *i);
void inflate_free(struct inflate *i);
DEFINE_CLEANUP(struct inflate, inflate_free)
enum blob_compression compression_of(const void *p, size_t n); /* by magic */
/** compression_unknown() - by magic: the name of one that is not known here ("xz"), or NULL */
const char *compression_unknown(const void *p, size_t n);

/* deflate.c: gzip, level 1 */
struct deflate;
int deflate_new(const struct layer_sink *out, struct deflate **ret, struct souk_err *err);
int deflate_add(struct deflate *d, const void *p, size_t n, struct souk_err *err);
int deflate_end(struct deflate *d, struct souk_err *err);
void deflate_free(struct deflate *d);
DEFINE_CLEANUP(struct deflate, deflate_free)

/* bytes.c: a file's bytes, mapped */
struct bytes {
        const uint8_t *p;
        size_t n;
        bool mapped;                    /* this object's own mapping */
};
int bytes_map(int fd, const char *what, struct bytes *ret, struct souk_err *err);
/** bytes_forget() - what was read need not stay in this process's memory */
void bytes_forget(const struct bytes *b, size_t at, size_t n);
void bytes_unmap(struct bytes *b);

/* archive.c: names -> bytes, of an archive file, a pipe (spooled into staging), or an OCI layout directory */
struct archive;
int archive_open(struct transfer *t, int fd, struct archive **ret, struct souk_err *err);
void archive_close(struct archive *a);
DEFINE_CLEANUP(struct archive, archive_close)
/** archive_get() - a member; 1, 0 when there is none.  Borrowed from the archive */
int archive_get(struct archive *a, const char *name, struct bytes *ret, struct souk_err *err);

/* layers.c: verify and store one layer */
/** cpus_usable() - how many of this machine's this process may use */
size_t cpus_usable(void);
struct layer_job {
        struct bytes blob;
        struct digest diff_id;
        bool has_blob_digest;           /* verified against it; else computed into .blob_digest */
        struct digest blob_digest;
        enum blob_compression compression;
        char *what;                     /* for messages: the caller's */
        /* results */
        bool known, blob_known, done;
        struct layer_stats stats;
};
/** layers_run() - all of them, in parallel; each diff id once */
int layers_run(struct transfer *t, struct layer_job *jobs, size_t n, struct souk_err *err);

/* jobs: load.c import.c save.c */
int job_load(struct transfer *t, struct souk_err *err);
int job_import(struct transfer *t, struct souk_err *err);
int job_save(struct transfer *t, struct souk_err *err);
int job_export(struct transfer *t, struct souk_err *err);

/* image.c */
/** image_tell() - a finished image, to the engine; @layer_types: media types of the blobs */
int image_tell(struct transfer *t, char *const *names, const char *config, const char *manifest,
               const char *manifest_type, const struct layer_job *layers, char *const *layer_types, size_t n,
               struct souk_err *err);
#endif
