/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The database connection.
 *
 * Every `souk` process opens the database afresh, so opening is on the path of each start.  What that costs, and why the
 * settings are as they are (a 4 KiB page, 2 cores, ext4):
 *
 *  - Write-ahead log, synchronous=NORMAL: a commit is a few pwrite calls and no fsync.  After a crash of the machine the
 *    database is intact, though the last commits may be missing; what they described is then found by store_check().
 *  - The first process to open the database after a while without any rebuilds the log's index from the log: about 4 us
 *    a frame, so the log must stay short.  A checkpoint empties the log for an fdatasync or two.  The balance: when
 *    the last commit left more than WAL_FRAMES_CLOSE frames, closing makes a checkpoint that truncates, without
 *    waiting for anybody; else closing costs nothing (SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE).  A process that stays open
 *    makes passive ones at WAL_FRAMES_OPEN, as SQLite does by default.
 *  - The schema is checked by PRAGMA user_version alone, statements are prepared when first used.
 *  - Writers queue with BEGIN IMMEDIATE and a busy handler that retries after 0.1 ms to 5 ms: a transaction holds the
 *    lock for some 50 us, so SQLite's own steps of 1 to 100 ms would mostly sleep.
 *  - Making and migrating the schema is done under flock on the store's directory, because switching to WAL fails at
 *    once, without asking the busy handler, while another process is about to do the same.
 */
#include "store/db.h"
#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "store/schema.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>

#define DB_FILE "db.sqlite"
#define WAL_FRAMES_CLOSE 128
#define WAL_FRAMES_OPEN 1000
#define BUSY_LIMIT_USEC 30000000u

static const char *const statement_sql[] = {
#define X(name, sql) [DB_##name] = sql,
        DB_STATEMENTS(X)
#undef X
};
static_assert(ELEMENTSOF(statement_sql) == DB_STATEMENT_MAX, "a statement has no SQL");

int db_error(struct store *st, int rc, struct souk_err *err) {
        int se = st->db ? sqlite3_system_errno(st->db) : 0;
        const char *said = st->db ? sqlite3_errmsg(st->db) : sqlite3_errstr(rc);

        switch (rc & 0xff) {
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG,
                                    "database '%s/" DB_FILE "' is damaged (%s): put a backup in its place, or move it "
                                    "and its -wal file away and load the images again",
                                    st->root, said);
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return souk_err_set(err, SOUK_TIMEOUT, -EBUSY,
                                    "database '%s/" DB_FILE "' stayed locked by another program for %u s: 'fuser %s/"
                                    DB_FILE "' shows which",
                                    st->root, BUSY_LIMIT_USEC / 1000000, st->root);
        case SQLITE_FULL:
                return souk_err_set(err, SOUK_NO_SPACE, -ENOSPC, "database '%s/" DB_FILE "': no space left on its disk",
                                    st->root);
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
        case SQLITE_PERM:
        case SQLITE_READONLY:
                if (se > 0)
                        return souk_err_errno(err, se, "database '%s/" DB_FILE "': %s", st->root, said);
                _fallthrough_;
        default:
                return souk_err_set(err, SOUK_INTERNAL, -EIO, "database '%s/" DB_FILE "': %s", st->root, said);
        }
}

static int db_busy(void *user, int n_before) {
        struct store_statements *ss = user;
        uint64_t now = now_usec(), wait_usec = 100u << MIN(n_before, 5);
        uint32_t jitter;

        if (n_before == 0)
                ss->busy_since = now;
        else if (now - ss->busy_since > BUSY_LIMIT_USEC)
                return 0;
        /* spread out those who were woken together */
        jitter = (uint32_t) now ^ (uint32_t) getpid() * 2654435761u;
        wait_usec += jitter % wait_usec;
        nanosleep(&(struct timespec){ .tv_nsec = (long) wait_usec * 1000 }, NULL);
        return 1;
}

static int db_committed(void *user, sqlite3 *db, const char *name, int n_frames) {
        struct store_statements *ss = user;

        ss->wal_frames = n_frames;
        if (n_frames >= WAL_FRAMES_OPEN)
                (void) sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        return SQLITE_OK;
}

int db_exec(struct store *st, const char *sql, struct souk_err *err) {
        int rc = sqlite3_exec(st->db, sql, NULL, NULL, NULL);

        return rc == SQLITE_OK ? 0 : db_error(st, rc, err);
}

static int db_user_version(struct store *st, int *ret, struct souk_err *err) {
        sqlite3_stmt *s = NULL;
        int rc;

        rc = sqlite3_prepare_v2(st->db, "PRAGMA user_version", -1, &s, NULL);
        if (rc == SQLITE_OK)
                rc = sqlite3_step(s);
        if (rc == SQLITE_ROW) {
                *ret = sqlite3_column_int(s, 0);
                rc = SQLITE_OK;
        }
        sqlite3_finalize(s);
        return rc == SQLITE_OK ? 0 : db_error(st, rc, err);
}

static int db_connect(struct store *st, int flags, struct souk_err *err) {
        char path[4096];
        int rc;

        snprintf(path, sizeof(path), "%s/" DB_FILE, st->root);
        rc = sqlite3_open_v2(path, &st->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | flags, NULL);
        if (rc != SQLITE_OK) {
                int r = db_error(st, rc, err);

                sqlite3_close(st->db);
                st->db = NULL;
                return rc == SQLITE_CANTOPEN && !(flags & SQLITE_OPEN_CREATE) ? -ENOENT : r;
        }
        sqlite3_db_config(st->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        sqlite3_busy_handler(st->db, db_busy, st->statements);
        sqlite3_wal_hook(st->db, db_committed, st->statements);
        return 0;
}

static int db_migrate_steps(struct store *st, int version, struct souk_err *err) {
        _cleanup_rollback_ struct store *tx = NULL;
        char pragma[64];
        int r;

        r = db_begin(st, &tx, err);
        if (r < 0)
                return r;
        for (int v = version + 1; v <= schema_version(); v++) {
                r = db_exec(st, schema_step(v), err);
                if (r < 0)
                        return souk_err_wrap(err, "schema version %d", v);
        }
        snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d", schema_version());
        r = db_exec(st, pragma, err);
        if (r < 0)
                return r;
        fault_point("store.schema");
        return db_commit(&tx, err);
}

/* Under the store's lock: connects when there was no file, and brings the schema up to date. */
static int db_migrate(struct store *st, struct souk_err *err) {
        int version = 0, r;

        if (!st->db) {
                /* Environments of instances are in it.  SQLite gives its other files the mode of this one. */
                _cleanup_close_ int fd = openat(st->root_fd, DB_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

                if (fd < 0)
                        return souk_err_errno(err, errno, "make '%s/" DB_FILE "'", st->root);
                if (fchmod(fd, 0600) < 0)
                        return souk_err_errno(err, errno, "chmod '%s/" DB_FILE "'", st->root);
                r = db_connect(st, SQLITE_OPEN_CREATE, err);
                if (r < 0)
                        return r;
        }
        r = db_user_version(st, &version, err);
        if (r < 0 || version >= schema_version())
                return r;
        if (version == 0) {
                r = db_exec(st, "PRAGMA journal_mode = WAL", err);
                if (r < 0)
                        return r;
        }
        return db_migrate_steps(st, version, err);
}

static int db_open_locked(struct store *st, struct souk_err *err) {
        int r;

        while (flock(st->root_fd, LOCK_EX) < 0)
                if (errno != EINTR)
                        return souk_err_errno(err, errno, "lock store '%s'", st->root);
        r = db_migrate(st, err);
        flock(st->root_fd, LOCK_UN);
        return r;
}

int db_open(struct store *st, struct souk_err *err) {
        int version = 0, r;

        if (st->db)
                return 0;
        if (!st->statements)
                st->statements = xcalloc(1, sizeof(*st->statements));
        r = db_connect(st, 0, err);
        if (r < 0 && r != -ENOENT)
                return r;
        if (r == 0) {
                r = db_user_version(st, &version, err);
                if (r < 0)
                        goto fail;
        }
        if (version > schema_version()) {
                r = souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP,
                                 "store '%s' was written by a newer Souk (schema %d, this one knows %d): upgrade Souk, or "
                                 "use another store with --root",
                                 st->root, version, schema_version());
                goto fail;
        }
        if (version < schema_version()) {
                r = db_open_locked(st, err);
                if (r < 0)
                        goto fail;
        }
        r = db_exec(st, "PRAGMA synchronous = NORMAL; PRAGMA secure_delete = OFF", err);
        if (r < 0)
                goto fail;
        return 0;
fail:
        db_close(st);
        return r;
}

void db_close(struct store *st) {
        if (!st->statements)
                return;
        for (int i = 0; i < DB_STATEMENT_MAX; i++)
                sqlite3_finalize(st->statements->prepared[i]);
        if (st->db && st->statements->wal_frames >= WAL_FRAMES_CLOSE) {
                sqlite3_busy_handler(st->db, NULL, NULL);
                (void) sqlite3_wal_checkpoint_v2(st->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        }
        sqlite3_close(st->db);
        st->db = NULL;
        free(st->statements);
        st->statements = NULL;
}

static int db_bind(sqlite3_stmt *s, const char *types, va_list ap) {
        int rc = SQLITE_OK;

        for (int i = 1; *types && rc == SQLITE_OK; types++, i++)
                switch (*types) {
                case 's':
                        rc = sqlite3_bind_text(s, i, va_arg(ap, const char *), -1, SQLITE_STATIC);
                        break;
                case 'i':
                        rc = sqlite3_bind_int64(s, i, va_arg(ap, int64_t));
                        break;
                case 'b': {
                        const void *p = va_arg(ap, const void *);

                        rc = sqlite3_bind_text64(s, i, p, va_arg(ap, size_t), SQLITE_STATIC, SQLITE_UTF8);
                        break;
                }
                default:
                        rc = SQLITE_MISUSE;
                }
        return rc;
}

static int db_queryv(struct store *st, enum db_statement which, sqlite3_stmt **ret, struct souk_err *err,
                     const char *types, va_list ap) {
        sqlite3_stmt **s;
        int rc, r;

        r = db_open(st, err);
        if (r < 0)
                return r;
        s = &st->statements->prepared[which];
        if (!*s) {
                rc = sqlite3_prepare_v3(st->db, statement_sql[which], -1, SQLITE_PREPARE_PERSISTENT, s, NULL);
                if (rc != SQLITE_OK)
                        return db_error(st, rc, err);
        }
        sqlite3_reset(*s);
        rc = db_bind(*s, types, ap);
        if (rc != SQLITE_OK)
                return db_error(st, rc, err);
        *ret = *s;
        return 0;
}

int db_query(struct store *st, enum db_statement which, sqlite3_stmt **ret, struct souk_err *err, const char *types, ...) {
        va_list ap;
        int r;

        va_start(ap, types);
        r = db_queryv(st, which, ret, err, types, ap);
        va_end(ap);
        return r;
}

int db_step(struct store *st, sqlite3_stmt *s, struct souk_err *err) {
        int rc = sqlite3_step(s);

        if (rc == SQLITE_ROW)
                return 1;
        return rc == SQLITE_DONE ? 0 : db_error(st, rc, err);
}

int db_run(struct store *st, enum db_statement which, struct souk_err *err, const char *types, ...) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        va_list ap;
        int r;

        va_start(ap, types);
        r = db_queryv(st, which, &s, err, types, ap);
        va_end(ap);
        if (r < 0)
                return r;
        r = db_step(st, s, err);
        return r < 0 ? r : sqlite3_changes(st->db);
}

int db_begin(struct store *st, struct store **ret_tx, struct souk_err *err) {
        int r;

        r = db_open(st, err);
        if (r < 0)
                return r;
        r = db_exec(st, "BEGIN IMMEDIATE", err);
        if (r < 0)
                return r;
        *ret_tx = st;
        return 0;
}

int db_commit(struct store **tx, struct souk_err *err) {
        struct store *st = *tx;
        int r;

        r = db_exec(st, "COMMIT", err);
        if (r < 0)
                return r; /* the caller's cleanup rolls back */
        *tx = NULL;
        return 0;
}

void db_rollback(struct store **tx) {
        if (*tx && (*tx)->db && !sqlite3_get_autocommit((*tx)->db))
                (void) sqlite3_exec((*tx)->db, "ROLLBACK", NULL, NULL, NULL);
        *tx = NULL;
}

char *column_dup(sqlite3_stmt *s, int column, size_t *ret_len) {
        const char *text = (const char *) sqlite3_column_text(s, column);
        size_t n = (size_t) sqlite3_column_bytes(s, column);
        char *copy;

        if (ret_len)
                *ret_len = text ? n : 0;
        if (!text)
                return NULL;
        copy = xmalloc(n + 1);
        memcpy(copy, text, n);
        copy[n] = '\0';
        return copy;
}

void column_copy(sqlite3_stmt *s, int column, char *buf, size_t size) {
        const char *text = (const char *) sqlite3_column_text(s, column);

        snprintf(buf, size, "%s", text ? text : "");
}
