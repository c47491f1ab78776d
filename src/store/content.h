/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_STORE_CONTENT_H
#define SOUK_STORE_CONTENT_H
/* Inside the store: names and states of content files, shared by records, mounts and check. */
#include "store/store.h"

#define CONTENT_PATH_SIZE (32 + DIGEST_HEX_LEN)
/** content_layer_path() - relative to the store: "layers/<hex>.erofs", or "layers/<hex>" for a tree */
const char *content_layer_path(const char *hex, enum layer_driver driver, char buf[CONTENT_PATH_SIZE]);
/** content_blob_path() - relative to the store: "blobs/sha256/<hex>" */
const char *content_blob_path(const char *hex, char buf[CONTENT_PATH_SIZE]);
/** content_layer_intact() - there, and of the recorded size (EROFS) */
bool content_layer_intact(struct store *st, const char *hex, enum layer_driver driver, uint64_t stored_bytes);
bool content_blob_exists(struct store *st, const char *hex);

/** content_sync() - the names of adopted layers are on disk */
int content_sync(struct store *st, struct souk_err *err);

/** content_subdir_open() - a directory below the store or run directory, made when missing; fd */
int content_subdir_open(int dirfd, const char *base, const char *path, mode_t mode, struct souk_err *err);
/** content_retire() - move files, given by path relative to the store, out of it and delete them.  @known says, inside
 * the transaction that moves them, which have a record again: those stay.  Return: files removed, or negative errno */
int content_retire(struct store *st, char *const *paths, int (*known)(struct store *st, const char *path), struct souk_err *err);
int content_layer_known(struct store *st, const char *path); /* a layer record exists: 1, 0, negative errno */
int content_blob_known(struct store *st, const char *path);

/** staging_is_live() - some job holds a staging directory now */
bool staging_is_live(struct store *st);
/** staging_sweep() - remove staging directories that nobody holds, or only list them (@remove false) in @ret_dead */
int staging_sweep(struct store *st, bool remove, char ***ret_dead, struct souk_err *err);

/** layer_mounts_list() - diff ids of the directories below RUN/layers; @ret_mounted as many, in the same order */
int layer_mounts_list(struct store *st, char ***ret_hex, bool **ret_mounted, struct souk_err *err);
/** layers_in_use() - diff ids of the layers of starting and running instances */
int layers_in_use(struct store *st, char ***ret, struct souk_err *err);
#endif
