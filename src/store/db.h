/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_STORE_DB_H
#define SOUK_STORE_DB_H
/* The database connection of a store: opened on demand, statements prepared on demand and kept, short transactions. */
#include "store/statements.h"
#include "store/store.h"

#include <sqlite3.h>

enum db_statement {
#define X(name, sql) DB_##name,
        DB_STATEMENTS(X)
#undef X
                DB_STATEMENT_MAX
};

struct store_statements {
        sqlite3_stmt *prepared[DB_STATEMENT_MAX];
        int wal_frames;  /* length of the write-ahead log at our last commit */
        uint64_t busy_since;
};

/** db_open() - connect; on first use make the database, on an older schema migrate it.  Nothing to do when open. */
int db_open(struct store *st, struct souk_err *err);
void db_close(struct store *st);

/**
 * db_query() - a statement ready to step: prepared, reset, bound
 * @types: a letter for each argument: s text (NULL: SQL NULL), i int64_t, b blob (const void *, size_t).  Text and blobs
 *         are borrowed until the statement is reset, which _cleanup_stmt_ does at the end of the scope.
 */
int db_query(struct store *st, enum db_statement which, sqlite3_stmt **ret, struct souk_err *err, const char *types, ...);
/** db_step() - 1 a row, 0 no more, negative errno */
int db_step(struct store *st, sqlite3_stmt *s, struct souk_err *err);
/** db_run() - db_query() and step to the end.  Return: number of changed rows, or negative errno */
int db_run(struct store *st, enum db_statement which, struct souk_err *err, const char *types, ...);
/** db_exec() - plain SQL without results */
int db_exec(struct store *st, const char *sql, struct souk_err *err);
/** db_error() - what SQLite said, as an error that names the file and what to do */
int db_error(struct store *st, int rc, struct souk_err *err);

/* A write transaction: _cleanup_rollback_ struct store *tx = NULL; db_begin(st, &tx, err) ... db_commit(&tx, err).
 * It takes the write lock at once (BEGIN IMMEDIATE), so that it never fails half-way because another writer was faster. */
int db_begin(struct store *st, struct store **ret_tx, struct souk_err *err);
int db_commit(struct store **tx, struct souk_err *err);
void db_rollback(struct store **tx);
#define _cleanup_rollback_ _cleanup_(db_rollback)

static inline void stmt_resetp(sqlite3_stmt **s) {
        if (*s)
                sqlite3_reset(*s);
}
#define _cleanup_stmt_ _cleanup_(stmt_resetp)

/** column_dup() - text of a column [owned], NULL for SQL NULL; @ret_len may be NULL */
char *column_dup(sqlite3_stmt *s, int column, size_t *ret_len);
/** column_copy() - text of a column into a fixed buffer; cut when too long */
void column_copy(sqlite3_stmt *s, int column, char *buf, size_t size);
#endif
