/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Content files: layers and blobs.
 *
 * Durability.  A layer is written once and then trusted by every start, which reads no more than its superblock, so
 * adopting a layer waits until its data is on disk (fdatasync; syncfs for a tree), and store_image_put() waits for the
 * directory, before a record can name it.  Adopting is the last step of a load, and the disk is asked to begin as soon as a
 * layer is complete (store_layer_writeback), so most of that wait has passed while the other layers were unpacked.
 * Blobs are not waited for: only save and push read them, both hash what they read, and losing one costs no running
 * instance anything.  A blob or layer of the wrong size after a crash counts as missing: the next load brings it again.
 *
 * Removal.  Files leave the store by a rename into a staging directory, inside a transaction that sees that no record
 * names them, so a load that relied on them either finds them or fails cleanly; deleting what was moved comes after it.
 */
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "store/content.h"
#include "store/db.h"

#include <stdio.h>
#include <sys/file.h>

const char *content_layer_path(const char *hex, enum layer_driver driver, char buf[CONTENT_PATH_SIZE]) {
        snprintf(buf, CONTENT_PATH_SIZE, "layers/%.64s%s", hex, driver == LAYER_DRIVER_EROFS ? ".erofs" : "");
        return buf;
}

const char *content_blob_path(const char *hex, char buf[CONTENT_PATH_SIZE]) {
        snprintf(buf, CONTENT_PATH_SIZE, "blobs/sha256/%.64s", hex);
        return buf;
}

bool content_layer_intact(struct store *st, const char *hex, enum layer_driver driver, uint64_t stored_bytes) {
        char path[CONTENT_PATH_SIZE];
        struct stat sb;

        if (fstatat(st->root_fd, content_layer_path(hex, driver, path), &sb, AT_SYMLINK_NOFOLLOW) < 0)
                return false;
        if (driver == LAYER_DRIVER_TREE)
                return S_ISDIR(sb.st_mode);
        return S_ISREG(sb.st_mode) && (uint64_t) sb.st_size == stored_bytes;
}

bool content_blob_exists(struct store *st, const char *hex) {
        char path[CONTENT_PATH_SIZE];

        return faccessat(st->root_fd, content_blob_path(hex, path), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int content_subdir_open(int dirfd, const char *base, const char *path, mode_t mode, struct souk_err *err) {
        int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd >= 0)
                return fd;
        if (errno == ENOENT) {
                _cleanup_free_ char *full = xasprintf("%s/%s", base, path);
                int r = dir_make_all(full, mode);

                if (r < 0)
                        return souk_err_errno(err, r, "make directory '%s'", full);
                fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        }
        if (fd < 0)
                return souk_err_errno(err, errno, "open directory '%s/%s'", base, path);
        return fd;
}

/* ---- in ---- */

void store_layer_writeback(int staging_fd, const struct digest *diff_id) {
        _cleanup_close_ int fd = -EBADF;
        char name[CONTENT_PATH_SIZE];

        snprintf(name, sizeof(name), "layer.%s", diff_id->hex);
        fd = openat(staging_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0)
                (void) sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE); /* refused for a directory: no loss */
}

static int staged_sync(int fd, enum layer_driver driver) {
        if (driver == LAYER_DRIVER_TREE)
                return syncfs(fd) < 0 ? -errno : 0;
        return fdatasync(fd) < 0 ? -errno : 0;
}

/* Rename, also over what an earlier load left there without a record. */
static int staged_move(int staging_fd, const char *name, int root_fd, const char *path) {
        if (renameat(staging_fd, name, root_fd, path) == 0)
                return 0;
        if (errno != ENOTEMPTY && errno != EEXIST && errno != EISDIR && errno != ENOTDIR)
                return -errno;
        /* directories: the old one goes to staging, and away with it */
        return renameat2(staging_fd, name, root_fd, path, RENAME_EXCHANGE) < 0 ? -errno : 0;
}

/* What the worker staged must be what it says: it may have been taken over by what it parsed. */
static int staged_check(int fd, const char *name, bool directory, struct souk_err *err) {
        struct stat sb;

        if (fstat(fd, &sb) < 0)
                return souk_err_errno(err, errno, "look at staged '%s'", name);
        if (directory ? S_ISDIR(sb.st_mode) : (S_ISREG(sb.st_mode) && sb.st_nlink == 1))
                return 0;
        return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "staged '%s' is not a plain %s", name,
                            directory ? "directory" : "file");
}

int store_layer_adopt(struct store *st, int staging_fd, const struct digest *diff_id, enum layer_driver driver, struct souk_err *err) {
        _cleanup_close_ int fd = -EBADF, dir_fd = -EBADF;
        char name[CONTENT_PATH_SIZE], path[CONTENT_PATH_SIZE];
        int r;

        if (store_layer_exists(st, diff_id))
                return 0;
        snprintf(name, sizeof(name), "layer.%s", diff_id->hex);
        content_layer_path(diff_id->hex, driver, path);
        fd = openat(staging_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT && faccessat(st->root_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                return 0; /* adopted for an image before this one in the same archive */
        if (fd < 0)
                return souk_err_errno(err, errno, "open staged layer sha256:%s", diff_id->hex);
        r = staged_check(fd, name, driver == LAYER_DRIVER_TREE, err);
        if (r < 0)
                return r;
        r = staged_sync(fd, driver);
        if (r < 0)
                return souk_err_errno(err, r, "write layer sha256:%s to disk", diff_id->hex);
        dir_fd = content_subdir_open(st->root_fd, st->root, "layers", 0700, err);
        if (dir_fd < 0)
                return dir_fd;
        r = staged_move(staging_fd, name, st->root_fd, path);
        if (r < 0)
                return souk_err_errno(err, r, "move layer into '%s/%s'", st->root, path);
        fault_point("store.layer_adopt");
        return 0;
}

int store_blob_adopt(struct store *st, int staging_fd, const struct digest *blob, struct souk_err *err) {
        _cleanup_close_ int fd = -EBADF, dir_fd = -EBADF;
        char name[CONTENT_PATH_SIZE], path[CONTENT_PATH_SIZE];
        int r;

        snprintf(name, sizeof(name), "blob.%s", blob->hex);
        content_blob_path(blob->hex, path);
        fd = openat(staging_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT && content_blob_exists(st, blob->hex))
                return 0;
        if (fd < 0)
                return souk_err_errno(err, errno, "open staged blob sha256:%s", blob->hex);
        r = staged_check(fd, name, false, err);
        if (r < 0)
                return r;
        (void) sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
        dir_fd = content_subdir_open(st->root_fd, st->root, "blobs/sha256", 0700, err);
        if (dir_fd < 0)
                return dir_fd;
        r = staged_move(staging_fd, name, st->root_fd, path);
        if (r < 0)
                return souk_err_errno(err, r, "move blob into '%s/%s'", st->root, path);
        fault_point("store.blob_adopt");
        return 0;
}

int content_sync(struct store *st, struct souk_err *err) {
        _cleanup_close_ int fd = openat(st->root_fd, "layers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0 && errno == ENOENT)
                return 0;
        if (fd < 0 || fsync(fd) < 0)
                return souk_err_errno(err, errno, "write directory '%s/layers' to disk", st->root);
        return 0;
}

int store_blob_open(struct store *st, const struct digest *blob, struct souk_err *err) {
        char path[CONTENT_PATH_SIZE];
        int fd;

        fd = openat(st->root_fd, content_blob_path(blob->hex, path), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT)
                return souk_err_set(err, SOUK_NOT_FOUND, -ENOENT,
                                    "layer blob sha256:%s is not in the store (trimmed, or lost): load the image again",
                                    blob->hex);
        return fd < 0 ? souk_err_errno(err, errno, "open '%s/%s'", st->root, path) : fd;
}

/* ---- out ---- */

/* The digest in "layers/<hex>", "layers/<hex>.erofs", "blobs/sha256/<hex>"; NULL for other names. */
static const char *path_hex(const char *path, char buf[DIGEST_HEX_LEN + 1]) {
        const char *base = strrchr(path, '/') + 1;

        snprintf(buf, DIGEST_HEX_LEN + 1, "%.64s", base);
        return digest_is_hex(buf) ? buf : NULL;
}

int content_layer_known(struct store *st, const char *path) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        char hex[DIGEST_HEX_LEN + 1], expected[CONTENT_PATH_SIZE];
        int r;

        if (!path_hex(path, hex))
                return 0;
        r = db_query(st, DB_LAYER_GET, &s, NULL, "s", hex);
        if (r == 0)
                r = db_step(st, s, NULL);
        if (r <= 0)
                return r;
        /* a record of the other driver does not speak for this file */
        return streq(path, content_layer_path(hex, (enum layer_driver) sqlite3_column_int(s, 1), expected));
}

int content_blob_known(struct store *st, const char *path) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        char hex[DIGEST_HEX_LEN + 1];
        int r;

        if (!path_hex(path, hex))
                return 0;
        r = db_query(st, DB_BLOB_KNOWN, &s, NULL, "s", hex);
        return r < 0 ? r : db_step(st, s, NULL);
}

/* Inside the transaction: move what has no record.  Return: files moved, or negative errno. */
static int retire_move(struct store *st, char *const *paths, int (*known)(struct store *, const char *), int staging_fd,
                       struct souk_err *err) {
        int moved = 0;

        for (char *const *path = paths; path && *path; path++) {
                int r = known(st, *path);

                if (r < 0)
                        return souk_err_errno(err, r, "look up '%s' in the records", *path);
                if (r > 0)
                        continue;
                if (renameat(st->root_fd, *path, staging_fd, strrchr(*path, '/') + 1) == 0)
                        moved++;
                else if (errno != ENOENT)
                        return souk_err_errno(err, errno, "remove '%s/%s'", st->root, *path);
        }
        return moved;
}

int content_retire(struct store *st, char *const *paths, int (*known)(struct store *st, const char *path), struct souk_err *err) {
        _cleanup_close_ int staging_fd = -EBADF;
        _cleanup_rollback_ struct store *tx = NULL;
        _cleanup_free_ char *job = NULL;
        int lock_fd, r, moved;

        if (!paths || !*paths)
                return 0;
        r = store_staging_open(st, &staging_fd, &lock_fd, &job, err);
        if (r < 0)
                return r;
        moved = db_begin(st, &tx, err);
        if (moved == 0)
                moved = retire_move(st, paths, known, staging_fd, err);
        db_rollback(&tx); /* nothing was written: the transaction was only the lock */
        fault_point("store.retire");
        store_staging_remove(st, job, lock_fd);
        return moved;
}

void store_layer_files_remove(struct store *st, char *const *diff_ids) {
        _cleanup_strv_ char **paths = NULL;
        struct souk_err err = { 0 };
        char path[CONTENT_PATH_SIZE];

        if (!diff_ids || !*diff_ids)
                return;
        if (store_layers_unmount(st, diff_ids, &err) < 0)
                log_warn("%s", err.msg);
        for (char *const *hex = diff_ids; *hex; hex++) {
                strv_push(&paths, content_layer_path(*hex, LAYER_DRIVER_EROFS, path));
                strv_push(&paths, content_layer_path(*hex, LAYER_DRIVER_TREE, path));
        }
        if (content_retire(st, paths, content_layer_known, &err) < 0)
                log_warn("%s; 'souk system check --repair' will try again", err.msg);
}

void store_blob_files_remove(struct store *st, char *const *blobs) {
        _cleanup_strv_ char **paths = NULL;
        struct souk_err err = { 0 };
        char path[CONTENT_PATH_SIZE];

        for (char *const *hex = blobs; hex && *hex; hex++)
                strv_push(&paths, content_blob_path(*hex, path));
        if (content_retire(st, paths, content_blob_known, &err) < 0)
                log_warn("%s; 'souk system check --repair' will try again", err.msg);
}
