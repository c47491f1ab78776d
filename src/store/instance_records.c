/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records of instances.  The key of a row is the first 60 bits of the instance's random id, see statements.h.
 *
 * States (enum souk_state) and who moves them:
 *   CREATED, EXITED -> STARTING   store_instance_starting(), or inserted as STARTING by `souk run`
 *   STARTING -> RUNNING           store_instance_running()
 *   STARTING, RUNNING -> EXITED   store_instance_exited()
 * A slot (number of the 64 Ki id range) is held from STARTING to EXITED, and unique by an index over slots.
 */
#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "store/db.h"
#include "store/instance_names.h"

#include <assert.h>

#define ID_KEY_DIGITS 15
static_assert(SOUK_STATE_STARTING == 1 && SOUK_STATE_RUNNING == 2 && SOUK_STATE_EXITED == 3, "numbers used in statements.h");

void store_instance_clear(struct store_instance *i) {
        free(i->name);
        free(i->image_ref);
        free(i->spec);
        free(i->error);
        *i = (struct store_instance){ .slot = -1 };
}

/* The range of keys whose ids start with @prefix (lower-case hex digits, at least one). */
static void id_key_range(const char *prefix, int64_t *ret_low, int64_t *ret_high) {
        char low[ID_KEY_DIGITS + 1], high[ID_KEY_DIGITS + 1];
        size_t n = MIN(strlen(prefix), (size_t) ID_KEY_DIGITS);

        memset(low, '0', ID_KEY_DIGITS);
        memset(high, 'f', ID_KEY_DIGITS);
        low[ID_KEY_DIGITS] = high[ID_KEY_DIGITS] = '\0';
        memcpy(low, prefix, n);
        memcpy(high, prefix, n);
        *ret_low = (int64_t) strtoull(low, NULL, 16);
        *ret_high = (int64_t) strtoull(high, NULL, 16);
}

static int64_t id_key(const char *id) {
        int64_t low, high;

        id_key_range(id, &low, &high);
        return low;
}

static void instance_read(sqlite3_stmt *s, struct store_instance *ret) {
        *ret = (struct store_instance){
                .name = column_dup(s, 1, NULL),
                .image_ref = column_dup(s, 3, NULL),
                .state = (enum souk_state) sqlite3_column_int(s, 4),
                .autoremove = sqlite3_column_int(s, 5),
                .pid = sqlite3_column_int64(s, 6),
                .pid_start = (uint64_t) sqlite3_column_int64(s, 7),
                .exit_status = sqlite3_column_int(s, 9),
                .oom_killed = sqlite3_column_int(s, 10),
                .error = column_dup(s, 11, NULL),
                .slot = sqlite3_column_int64(s, 12),
                .created_at = (uint64_t) sqlite3_column_int64(s, 13),
                .started_at = (uint64_t) sqlite3_column_int64(s, 14),
                .finished_at = (uint64_t) sqlite3_column_int64(s, 15),
                .spec = column_dup(s, 16, NULL),
        };
        column_copy(s, 0, ret->id, sizeof(ret->id));
        column_copy(s, 2, ret->image_id, sizeof(ret->image_id));
        column_copy(s, 8, ret->boot_id, sizeof(ret->boot_id));
}

/* Inside a transaction: the lowest slot that is free.  The index is walked in order up to the first gap. */
static int slot_take(struct store *st, int64_t *ret, struct souk_err *err) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int64_t slot = 0;
        int r;

        r = db_query(st, DB_INSTANCE_SLOTS, &s, err, "");
        if (r < 0)
                return r;
        while ((r = db_step(st, s, err)) > 0 && sqlite3_column_int64(s, 0) == slot)
                slot++;
        if (r < 0)
                return r;
        if (slot > STORE_SLOT_MAX)
                return souk_err_set(err, SOUK_LIMIT, -EUSERS,
                                    "all %d id ranges are taken by running instances: stop some, or use --userns=host",
                                    STORE_SLOT_MAX + 1);
        *ret = slot;
        return 0;
}

/* 1 and @ret_holder (an id) when the name is taken */
static int name_holder(struct store *st, const char *name, char ret_holder[DIGEST_HEX_LEN + 1], struct souk_err *err) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query(st, DB_INSTANCE_NAME_HOLDER, &s, err, "s", name);
        if (r < 0)
                return r;
        r = db_step(st, s, err);
        if (r > 0)
                column_copy(s, 0, ret_holder, DIGEST_HEX_LEN + 1);
        return r;
}

static int name_settle(struct store *st, struct store_instance *i, struct souk_err *err) {
        char holder[DIGEST_HEX_LEN + 1];
        int r;

        if (i->name) {
                r = name_holder(st, i->name, holder, err);
                if (r <= 0)
                        return r;
                return souk_err_set(err, SOUK_NAME_IN_USE, -EEXIST,
                                    "the name '%s' is used by instance %.12s: choose another, or remove that one with "
                                    "'souk rm %s'",
                                    i->name, holder, i->name);
        }
        for (unsigned attempt = 0;; attempt++) {
                _cleanup_free_ char *name = instance_name_make(attempt);

                r = name_holder(st, name, holder, err);
                if (r < 0)
                        return r;
                if (r == 0) {
                        i->name = TAKE_PTR(name);
                        return 0;
                }
        }
}

static int instance_insert_in_tx(struct store *st, struct store_instance *i, bool with_slot, struct souk_err *err) {
        int r;

        r = name_settle(st, i, err);
        if (r < 0)
                return r;
        i->slot = -1;
        if (with_slot) {
                r = slot_take(st, &i->slot, err);
                if (r < 0)
                        return r;
        }
        if (i->created_at == 0)
                i->created_at = now_wall_usec();
        r = db_run(st, DB_INSTANCE_INSERT, err, "issssiiiis", id_key(i->id), i->id, i->name, i->image_id, i->image_ref,
                   (int64_t) i->state, (int64_t) i->autoremove, i->slot, (int64_t) i->created_at, i->spec ? i->spec : "");
        if (r < 0)
                return r;
        if (r == 0)
                return souk_err_set(err, SOUK_IMAGE_NOT_FOUND, -ENOENT, "image '%s' was removed meanwhile",
                                    i->image_ref ? i->image_ref : i->image_id);
        return 0;
}

int store_instance_insert(struct store *st, struct store_instance *i, bool with_slot, struct souk_err *err) {
        _cleanup_rollback_ struct store *tx = NULL;
        int r;

        if (!digest_is_hex(i->id))
                return souk_err_set(err, SOUK_INTERNAL, -EINVAL, "instance id '%s' is not 64 hex digits", i->id);
        r = db_begin(st, &tx, err);
        if (r < 0)
                return r;
        r = instance_insert_in_tx(st, i, with_slot, err);
        if (r < 0)
                return r;
        fault_point("store.instance_insert");
        return db_commit(&tx, err);
}

static int instance_not_found(const char *ref, struct souk_err *err) {
        return souk_err_set(err, SOUK_INSTANCE_NOT_FOUND, -ENOENT, "no instance '%s': 'souk ps -a' lists them all", ref);
}

static int instance_find_name(struct store *st, const char *ref, struct store_instance *ret, struct souk_err *err) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query(st, DB_INSTANCE_BY_NAME, &s, err, "s", ref);
        if (r < 0)
                return r;
        r = db_step(st, s, err);
        if (r > 0)
                instance_read(s, ret);
        return r;
}

/* 1 found, 0 none, -EEXIST several */
static int instance_find_id(struct store *st, const char *prefix, struct store_instance *ret, struct souk_err *err) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        struct store_instance found = { .slot = -1 };
        int64_t low, high;
        int r, n = 0;

        id_key_range(prefix, &low, &high);
        r = db_query(st, DB_INSTANCE_BY_PK, &s, err, "ii", low, high);
        if (r < 0)
                return r;
        while ((r = db_step(st, s, err)) > 0) {
                if (!str_startswith((const char *) sqlite3_column_text(s, 0), prefix))
                        continue;
                if (n++ == 0) {
                        instance_read(s, &found);
                        continue;
                }
                r = souk_err_set(err, SOUK_INVALID, -EEXIST,
                                 "instance id '%s' is ambiguous: it could be %.16s or %.16s; give more digits", prefix,
                                 found.id, sqlite3_column_text(s, 0));
                break;
        }
        if (r < 0 || n == 0) {
                store_instance_clear(&found);
                return r;
        }
        *ret = found;
        return 1;
}

int store_instance_find(struct store *st, const char *ref, struct store_instance *ret, struct souk_err *err) {
        size_t n = strspn(ref, "0123456789abcdef");
        bool is_hex = n > 0 && ref[n] == '\0' && n <= DIGEST_HEX_LEN;
        int r = 0;

        if (n != DIGEST_HEX_LEN)
                r = instance_find_name(st, ref, ret, err);
        if (r == 0 && is_hex)
                r = instance_find_id(st, ref, ret, err);
        if (r < 0)
                return r;
        return r > 0 ? 0 : instance_not_found(ref, err);
}

int store_instance_list(struct store *st, struct store_instance **ret, size_t *ret_n, struct souk_err *err) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        struct store_instance *v = NULL;
        size_t n = 0, cap = 0;
        int r;

        r = db_query(st, DB_INSTANCE_LIST, &s, err, "");
        if (r < 0)
                return r;
        while ((r = db_step(st, s, err)) > 0) {
                if (n == cap) {
                        cap = cap ? 2 * cap : 16;
                        v = xreallocarray(v, cap, sizeof(*v));
                }
                instance_read(s, &v[n++]);
        }
        if (r < 0) {
                for (size_t k = 0; k < n; k++)
                        store_instance_clear(&v[k]);
                free(v);
                return r;
        }
        *ret = v;
        *ret_n = n;
        return 0;
}

static int instance_require_stopped(struct store *st, const char *id, struct souk_err *err) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r, state;

        r = db_query(st, DB_INSTANCE_STATE, &s, err, "i", id_key(id));
        if (r < 0)
                return r;
        r = db_step(st, s, err);
        if (r < 0)
                return r;
        if (r == 0)
                return instance_not_found(id, err);
        state = sqlite3_column_int(s, 0);
        if (state != SOUK_STATE_CREATED && state != SOUK_STATE_EXITED)
                return souk_err_set(err, SOUK_WRONG_STATE, -EALREADY, "instance '%s' is already %s",
                                    sqlite3_column_text(s, 1), state == SOUK_STATE_RUNNING ? "running" : "starting");
        return 0;
}

int store_instance_starting(struct store *st, const char *id, bool with_slot, int64_t *ret_slot, struct souk_err *err) {
        _cleanup_rollback_ struct store *tx = NULL;
        int64_t slot = -1;
        int r;

        r = db_begin(st, &tx, err);
        if (r < 0)
                return r;
        r = instance_require_stopped(st, id, err);
        if (r == 0 && with_slot)
                r = slot_take(st, &slot, err);
        if (r == 0)
                r = db_run(st, DB_INSTANCE_STARTING, err, "ii", id_key(id), slot);
        if (r >= 0)
                r = db_commit(&tx, err);
        if (r < 0)
                return r;
        if (ret_slot)
                *ret_slot = slot;
        return 0;
}

static int boot_id_read(char buf[37], struct souk_err *err) {
        _cleanup_free_ char *text = NULL;
        size_t n;
        int r;

        r = file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &text, &n);
        if (r < 0 || n < 36)
                return souk_err_errno(err, r < 0 ? r : -EIO, "read /proc/sys/kernel/random/boot_id");
        memcpy(buf, text, 36);
        buf[36] = '\0';
        return 0;
}

int store_instance_running(struct store *st, const char *id, int64_t pid, uint64_t pid_start, struct souk_err *err) {
        char boot_id[37];
        int r;

        r = boot_id_read(boot_id, err);
        if (r < 0)
                return r;
        r = db_run(st, DB_INSTANCE_RUNNING, err, "iiisi", id_key(id), pid, (int64_t) pid_start, boot_id,
                   (int64_t) now_wall_usec());
        if (r < 0)
                return r;
        return r == 0 ? instance_not_found(id, err) : 0;
}

int store_instance_exited(struct store *st, const char *id, int exit_status, bool oom_killed, const char *error,
                          uint64_t finished_at, struct souk_err *err) {
        int r;

        r = db_run(st, DB_INSTANCE_EXITED, err, "iiisi", id_key(id), (int64_t) exit_status, (int64_t) oom_killed, error,
                   (int64_t) (finished_at ? finished_at : now_wall_usec()));
        if (r < 0)
                return r;
        return r == 0 ? instance_not_found(id, err) : 0;
}

int store_instance_delete(struct store *st, const char *id, struct souk_err *err) {
        int r;

        r = db_run(st, DB_INSTANCE_DELETE, err, "i", id_key(id));
        if (r < 0)
                return r;
        fault_point("store.instance_deleted");
        return r == 0 ? instance_not_found(id, err) : 0;
}
