/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_STORE_STORE_H
#define SOUK_STORE_STORE_H
/*
 * The store: records in SQLite (WAL, synchronous=NORMAL), content in files beside it.
 *
 *   ROOT/db.sqlite                    records: the only state that is authoritative
 *   ROOT/layers/<diff id>.erofs       or directory <diff id> (tree driver)
 *   ROOT/blobs/sha256/<hex>           layer blobs as they came
 *   ROOT/instances/<id>/{upper,work,log,...}
 *   ROOT/cache/                       compiled seccomp filters; may be deleted at any time
 *   ROOT/tmp/<job>/                   staging; each held by flock while its job lives, otherwise garbage
 *   RUN/layers/<diff id>/             mounted layers, shared by all instances
 *   RUN/i/<id>/                       attach.sock, exit ... of a running instance
 *
 * A transaction is short and is never held across a system call that can block.
 */
#include "base/digest.h"
#include "iface/layer.h"
#include <souk/souk.h>

struct store {
        struct sqlite3 *db;             /* opened by the first call that needs it */
        char *root, *run;               /* absolute paths */
        int root_fd, run_fd;            /* O_DIRECTORY */
        struct store_statements *statements;
};
int store_open(const char *root, const char *run, struct store **ret, struct souk_err *err);
void store_close(struct store *st);     /* cheap, but for a checkpoint when the log has grown: see db.c */

/* ---- images ---- */
struct store_layer {
        struct digest diff_id, blob;
        uint64_t blob_bytes;
        char *media_type;
        uint64_t data_bytes, stored_bytes;
        enum layer_driver driver;
};
struct store_image {
        char id[DIGEST_HEX_LEN + 1];    /* hex of the config's digest */
        struct digest manifest_digest;
        char *manifest_text, *manifest_media_type, *config_text;
        size_t manifest_len, config_len;
        uint64_t created_at, added_at;
        char **names;
        struct store_layer *layers;     /* lowest first */
        size_t n_layers;
};
void store_image_clear(struct store_image *i);
/** store_image_find() - by name (short or full), "name@digest", "sha256:id", id prefix (>= 4 hex digits; ambiguous is an error
 * that lists the candidates).  A name wins over an id.  SOUK_IMAGE_NOT_FOUND with a hint.
 * Fills what a start needs, as store_image_get(@brief) does; for the rest call that with the id. */
int store_image_find(struct store *st, const char *ref, struct store_image *ret, struct souk_err *err);
/** store_image_get() - by full id hex; only what a start needs when @brief: id, config_text, layers */
int store_image_get(struct store *st, const char *id, bool brief, struct store_image *ret, struct souk_err *err);
/** store_image_put() - one transaction: image, layers, names (which move from whatever had them).  Content must have been
 * adopted; for a layer that the store had, the sizes and the driver may be 0.  An image that is there stays as it came first, unless content
 * of it is missing: then manifest and layers are replaced.  SOUK_CONFLICT when a known layer was removed meanwhile. */
int store_image_put(struct store *st, const struct store_image *i, struct souk_err *err);
/** store_image_whole() - the image is recorded and all its layers and blobs are there */
bool store_image_whole(struct store *st, const char *id);
/** store_image_list() - newest first; without config_text and manifest_text */
int store_image_list(struct store *st, struct store_image **ret, size_t *ret_n, struct souk_err *err);
int store_image_name_set(struct store *st, const char *full_name, const char *id, struct souk_err *err);
int store_image_name_delete(struct store *st, const char *full_name, struct souk_err *err);
/** store_image_delete() - record and names; SOUK_CONFLICT while an instance uses it; unreferenced layers and blobs are
 * returned for removal and forgotten in the same transaction. */
int store_image_delete(struct store *st, const char *id, char ***ret_dead_layers, char ***ret_dead_blobs, struct souk_err *err);
bool store_layer_exists(struct store *st, const struct digest *diff_id);
bool store_blob_exists(struct store *st, const struct digest *blob);

/* ---- instances ---- */
struct store_instance {
        char id[DIGEST_HEX_LEN + 1];
        char *name;
        char image_id[DIGEST_HEX_LEN + 1];
        char *image_ref;                /* as the user wrote it */
        char *spec;                     /* JSON: wire/spec.h */
        enum souk_state state;
        bool autoremove;
        int64_t pid;
        uint64_t pid_start;             /* proc_start_time() */
        char boot_id[37];               /* of the kernel that pid belongs to */
        int exit_status;
        bool oom_killed;
        char *error;
        int64_t slot;                   /* of the id range while running, -1 none */
        uint64_t created_at, started_at, finished_at;
};
void store_instance_clear(struct store_instance *i);
/** store_instance_insert() - SOUK_NAME_IN_USE names the holder.  @i->name NULL: a free one is made up and set.
 * @with_slot: also takes the lowest free id range (0..) into i->slot, in the same transaction */
int store_instance_insert(struct store *st, struct store_instance *i, bool with_slot, struct souk_err *err);
/** store_instance_find() - by name, full id, or id prefix; SOUK_INSTANCE_NOT_FOUND */
int store_instance_find(struct store *st, const char *ref, struct store_instance *ret, struct souk_err *err);
int store_instance_list(struct store *st, struct store_instance **ret, size_t *ret_n, struct souk_err *err); /* newest first */
/** store_instance_starting() - state -> STARTING and a slot when @with_slot; SOUK_WRONG_STATE unless created or exited */
int store_instance_starting(struct store *st, const char *id, bool with_slot, int64_t *ret_slot, struct souk_err *err);
int store_instance_running(struct store *st, const char *id, int64_t pid, uint64_t pid_start, struct souk_err *err);
/** store_instance_exited() - frees the slot.  @error may be NULL */
int store_instance_exited(struct store *st, const char *id, int exit_status, bool oom_killed, const char *error,
                          uint64_t finished_at, struct souk_err *err);
int store_instance_delete(struct store *st, const char *id, struct souk_err *err);
#define STORE_SLOT_MAX 32766

/* ---- content ---- */
enum layer_driver store_layer_driver(struct store *st); /* for new layers: by fact, or SOUK_LAYER_DRIVER=erofs|tree */
/** store_staging_open() - new ROOT/tmp/<job>, locked. @ret_fd of the directory, @ret_name for store_staging_remove() */
int store_staging_open(struct store *st, int *ret_fd, int *ret_lock_fd, char **ret_name, struct souk_err *err);
void store_staging_remove(struct store *st, const char *name, int lock_fd_take);
/** store_layer_writeback() - a staged layer is complete: let the disk begin with it (does not wait, cannot fail) */
void store_layer_writeback(int staging_fd, const struct digest *diff_id);
/** store_layer_adopt() - rename staging/layer.<hex> into the store, fsync'd; a layer that is there already wins */
int store_layer_adopt(struct store *st, int staging_fd, const struct digest *diff_id, enum layer_driver driver, struct souk_err *err);
int store_blob_adopt(struct store *st, int staging_fd, const struct digest *blob, struct souk_err *err);
int store_blob_open(struct store *st, const struct digest *blob, struct souk_err *err); /* read-only fd */
void store_layer_files_remove(struct store *st, char *const *diff_ids); /* unmounts, then removes */
void store_blob_files_remove(struct store *st, char *const *blobs);
/** store_layers_open() - O_PATH fds of the roots of mounted (or unpacked) layers, lowest first; mounts those that are not,
 * under a lock that a start does not take when all are mounted.  Detects a stale mount point. @ret_fds [owned array and fds] */
int store_layers_open(struct store *st, const struct store_layer *layers, size_t n, int **ret_fds, struct souk_err *err);
int store_layers_unmount(struct store *st, char *const *diff_ids, struct souk_err *err); /* NULL: all that nobody uses */

/** store_merged_open() - an instance's merged root as a detached read-only mount (or its upper when there are no layers); fd */
int store_merged_open(struct store *st, const char *id, const struct store_layer *layers, size_t n, struct souk_err *err);

/** store_instance_dir_make() - ROOT/instances/<id> with upper (0755) and work; @ret_fd of the directory */
int store_instance_dir_make(struct store *st, const char *id, int *ret_fd, struct souk_err *err);
int store_instance_dir_open(struct store *st, const char *id, struct souk_err *err); /* fd */
int store_instance_dir_remove(struct store *st, const char *id, struct souk_err *err);
/** store_instance_lock() - flock that serialises start, stop, reap and remove of one instance; fd, released by close */
int store_instance_lock(struct store *st, const char *id, bool wait, struct souk_err *err);
int store_run_dir_make(struct store *st, const char *id, struct souk_err *err); /* fd of RUN/i/<id>, 0700 */
int store_run_dir_open(struct store *st, const char *id, struct souk_err *err); /* fd */
void store_run_dir_remove(struct store *st, const char *id);

/* ---- check (content and records only; the engine adds cgroups and processes) ---- */
typedef void (*store_finding_fn)(void *user, bool repaired, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/** store_check() - orphaned layers, blobs, staging, instance and run directories, mounts; records without content;
 * SQLite integrity.  @return findings that are not mended, or negative errno */
int store_check(struct store *st, bool repair, store_finding_fn report, void *user, struct souk_err *err);
#endif
