/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Comparing records with content.
 *
 * Records are right: content without a record is garbage that a crash left, and repairing removes it; a record without
 * its content cannot be mended from here, and the finding says what to do.  While a load is going on (some staging directory is
 * held), layers and blobs without a record may be its own and are left alone.  An instance's
 * directory is made, and locked, before its record, and removed after it: one without a record that nobody holds is garbage.
 */
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "store/content.h"
#include "store/db.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/file.h>

struct check {
        struct store *st;
        bool repair;
        bool loading; /* somebody is */
        store_finding_fn report;
        void *user;
        int left;     /* findings that are not mended */
};

/* r < 0: repairing failed */
static void found_garbage(struct check *c, int r, const char *what, const char *path) {
        if (!c->repair) {
                c->report(c->user, false, "%s '%s' belongs to nothing: --repair removes it", what, path);
                c->left++;
        } else if (r < 0) {
                c->report(c->user, false, "%s '%s' belongs to nothing and cannot be removed: %s", what, path, strerror(-r));
                c->left++;
        } else {
                c->report(c->user, true, "%s '%s' belonged to nothing and was removed", what, path);
        }
}

/* Names in a directory of the store or run directory; a missing directory is empty. */
static int names_read(int dirfd, const char *path, char ***ret, struct souk_err *err) {
        int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct dirent *e;
        DIR *d;

        if (fd < 0)
                return errno == ENOENT ? 0 : souk_err_errno(err, errno, "open directory '%s'", path);
        d = fdopendir(fd);
        if (!d) {
                fd_close(fd);
                return souk_err_errno(err, ENOMEM, "read directory '%s'", path);
        }
        while ((e = readdir(d)))
                if (!streq(e->d_name, ".") && !streq(e->d_name, ".."))
                        strv_push(ret, e->d_name);
        closedir(d);
        return 0;
}

static int check_integrity(struct check *c, struct souk_err *err) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query(c->st, DB_CHECK_INTEGRITY, &s, err, "");
        if (r < 0)
                return r;
        while ((r = db_step(c->st, s, err)) > 0) {
                const char *said = (const char *) sqlite3_column_text(s, 0);

                if (streq(said, "ok"))
                        continue;
                c->report(c->user, false,
                          "database '%s/db.sqlite': %s: put a backup in its place, or move it and its -wal file away and "
                          "load the images again",
                          c->st->root, said);
                c->left++;
        }
        return r;
}

static int check_staging(struct check *c, struct souk_err *err) {
        _cleanup_strv_ char **dead = NULL;
        int r;

        r = staging_sweep(c->st, c->repair, &dead, err);
        for (char **name = dead; r == 0 && name && *name; name++) {
                _cleanup_free_ char *path = xasprintf("%s/tmp/%s", c->st->root, *name);

                found_garbage(c, file_exists(c->st->root_fd, path) ? -EBUSY : 0, "staging directory", path);
        }
        return r;
}

/* Files below @dir that no record names. */
static int check_files(struct check *c, const char *dir, const char *what,
                       int (*known)(struct store *st, const char *path), struct souk_err *err) {
        _cleanup_strv_ char **names = NULL;
        int r;

        if (c->loading)
                return 0;
        r = names_read(c->st->root_fd, dir, &names, err);
        for (char **name = names; r == 0 && name && *name; name++) {
                _cleanup_free_ char *path = xasprintf("%s/%s", dir, *name), *full = xasprintf("%s/%s", c->st->root, path);
                char *const paths[] = { path, NULL };
                int removed = 0;

                r = known(c->st, path);
                if (r != 0) {
                        r = r < 0 ? souk_err_errno(err, r, "look up '%s' in the records", path) : 0;
                        continue;
                }
                if (c->repair)
                        removed = content_retire(c->st, paths, known, NULL);
                found_garbage(c, removed, what, full);
        }
        return r;
}

static bool instance_exists(struct store *st, const char *id) {
        struct store_instance i = { .slot = -1 };
        int r;

        if (!digest_is_hex(id))
                return false;
        r = store_instance_find(st, id, &i, NULL);
        if (r == 0)
                store_instance_clear(&i);
        return r != -ENOENT; /* when in doubt it does */
}

/* Somebody holds the lock: the instance is about to be recorded, or its record has just gone. */
static bool is_locked(int base_fd, const char *path) {
        _cleanup_close_ int fd = openat(base_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static int check_instance_dirs(struct check *c, int base_fd, const char *base, const char *dir, const char *what,
                               struct souk_err *err) {
        _cleanup_strv_ char **names = NULL;
        int r;

        r = names_read(base_fd, dir, &names, err);
        for (char **name = names; r == 0 && name && *name; name++) {
                _cleanup_free_ char *path = NULL, *full = NULL;

                if (instance_exists(c->st, *name))
                        continue;
                path = xasprintf("%s/%s", dir, *name);
                full = xasprintf("%s/%s", base, path);
                if (is_locked(base_fd, path))
                        continue;
                found_garbage(c, c->repair ? tree_remove(base_fd, path) : 0, what, full);
        }
        return r;
}

static bool layer_is_recorded(struct store *st, const char *hex) {
        char path[CONTENT_PATH_SIZE];

        return content_layer_known(st, content_layer_path(hex, LAYER_DRIVER_EROFS, path)) != 0;
}

static int check_mounts(struct check *c, struct souk_err *err) {
        _cleanup_strv_ char **names = NULL;
        _cleanup_free_ bool *mounted = NULL;
        int r;

        r = layer_mounts_list(c->st, &names, &mounted, err);
        if (r < 0)
                return r;
        for (size_t i = 0; names && names[i]; i++) {
                _cleanup_free_ char *path = NULL;
                char *const one[] = { names[i], NULL };

                if (layer_is_recorded(c->st, names[i]))
                        continue;
                path = xasprintf("%s/layers/%s", c->st->run, names[i]);
                found_garbage(c, c->repair ? store_layers_unmount(c->st, one, NULL) : 0,
                              mounted[i] ? "layer mount" : "mount point", path);
        }
        return 0;
}

/* Names the image that has a layer, for people: its name, or its id. */
static char *layer_image(struct store *st, const char *diff_id) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;

        if (db_query(st, DB_LAYER_OF_IMAGE, &s, NULL, "s", diff_id) < 0 || db_step(st, s, NULL) <= 0)
                return NULL;
        if (sqlite3_column_type(s, 1) != SQLITE_NULL)
                return column_dup(s, 1, NULL);
        return xasprintf("%.12s", sqlite3_column_text(s, 0));
}

static int check_layer_records(struct check *c, struct souk_err *err) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query(c->st, DB_LAYER_LIST, &s, err, "");
        if (r < 0)
                return r;
        while ((r = db_step(c->st, s, err)) > 0) {
                const char *hex = (const char *) sqlite3_column_text(s, 0);
                _cleanup_free_ char *image = NULL;

                if (content_layer_intact(c->st, hex, (enum layer_driver) sqlite3_column_int(s, 1),
                                         (uint64_t) sqlite3_column_int64(s, 2)))
                        continue;
                image = layer_image(c->st, hex);
                c->report(c->user, false, "layer sha256:%.12s of image '%s' is missing or has the wrong size: load that "
                          "image again, or remove it with 'souk rmi %s'",
                          hex, image ? image : "?", image ? image : "IMAGE");
                c->left++;
        }
        return r;
}

/* Layer records that no image has: store_image_delete() leaves none, so this is an old defect's or a restored backup's. */
static int check_layer_orphans(struct check *c, struct souk_err *err) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        _cleanup_strv_ char **dead = NULL;
        int r;

        r = db_query(c->st, DB_LAYER_DEAD, &s, err, "");
        if (r < 0)
                return r;
        while ((r = db_step(c->st, s, err)) > 0)
                strv_push_take(&dead, column_dup(s, 0, NULL));
        if (r < 0)
                return r;
        if (dead && c->repair) {
                r = db_run(c->st, DB_LAYER_DELETE_DEAD, err, "");
                if (r < 0)
                        return r;
        }
        for (char **hex = dead; hex && *hex; hex++)
                found_garbage(c, 0, "layer record", *hex);
        return 0;
}

static int check_instance_records(struct check *c, struct souk_err *err) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query(c->st, DB_CHECK_INSTANCE_IMAGES, &s, err, "");
        if (r < 0)
                return r;
        while ((r = db_step(c->st, s, err)) > 0) {
                c->report(c->user, false, "instance %.12s (%s): its image '%s' is not in the store: remove the instance with "
                          "'souk rm %.12s', or load the image again",
                          sqlite3_column_text(s, 0), sqlite3_column_text(s, 1), sqlite3_column_text(s, 2),
                          sqlite3_column_text(s, 0));
                c->left++;
        }
        return r;
}

/* An instance that has run has a writable layer. */
static int check_writable_layers(struct check *c, struct souk_err *err) {
        struct store_instance *v = NULL;
        size_t n = 0;
        int r;

        r = store_instance_list(c->st, &v, &n, err);
        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *path = xasprintf("instances/%s", v[i].id);

                if (v[i].state != SOUK_STATE_CREATED && v[i].state != SOUK_STATE_STARTING && v[i].started_at > 0 &&
                    !file_exists(c->st->root_fd, path)) {
                        c->report(c->user, false, "instance %.12s (%s): its directory '%s/%s' is missing, so its writable layer "
                                  "is lost: remove it with 'souk rm %s'",
                                  v[i].id, v[i].name, c->st->root, path, v[i].name);
                        c->left++;
                }
                store_instance_clear(&v[i]);
        }
        free(v);
        return r;
}

static int check_all(struct check *c, struct souk_err *err) {
        struct store *st = c->st;
        int r;

        r = check_integrity(c, err);
        if (r < 0 || c->left > 0)
                return r; /* damaged records are no ground to remove content on */
        r = check_staging(c, err);
        if (r == 0)
                r = check_layer_orphans(c, err);
        /* mounts go before files: a mount keeps its file */
        if (r == 0)
                r = check_mounts(c, err);
        c->loading = staging_is_live(st);
        if (r == 0)
                r = check_files(c, "layers", "layer", content_layer_known, err);
        if (r == 0)
                r = check_files(c, "blobs/sha256", "blob", content_blob_known, err);
        if (r == 0)
                r = check_instance_dirs(c, st->root_fd, st->root, "instances", "instance directory", err);
        if (r == 0)
                r = check_instance_dirs(c, st->run_fd, st->run, "i", "run directory", err);
        if (r == 0)
                r = check_layer_records(c, err);
        if (r == 0)
                r = check_instance_records(c, err);
        return r == 0 ? check_writable_layers(c, err) : r;
}

int store_check(struct store *st, bool repair, store_finding_fn report, void *user, struct souk_err *err) {
        struct check c = { .st = st, .repair = repair, .report = report, .user = user };
        int r;

        r = check_all(&c, err);
        return r < 0 ? r : c.left;
}
