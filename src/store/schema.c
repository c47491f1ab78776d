/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The schema and its versions.  Version N of the schema is what steps 1..N make; PRAGMA user_version says which one a
 * database has.  A step that was released is never edited: a change is a new step at the end.
 *
 * References between tables are kept by the transactions in *_records.c, not by foreign keys: those would have to be
 * switched on by every connection and would cost the start path a look-up for each write.
 */
#include "store/schema.h"

static const char *const steps[] = {
        /* 1 */
        "CREATE TABLE image(pk INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, config TEXT NOT NULL,"
        "  manifest_digest TEXT NOT NULL, manifest_media_type TEXT, created_at INTEGER NOT NULL,"
        "  added_at INTEGER NOT NULL, manifest TEXT);"
        "CREATE TABLE name(name TEXT PRIMARY KEY, image INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE layer(pk INTEGER PRIMARY KEY, diff_id TEXT NOT NULL UNIQUE, driver INTEGER NOT NULL,"
        "  data_bytes INTEGER NOT NULL, stored_bytes INTEGER NOT NULL);"
        "CREATE TABLE image_layer(image INTEGER NOT NULL, position INTEGER NOT NULL, layer INTEGER NOT NULL,"
        "  blob TEXT NOT NULL, blob_bytes INTEGER NOT NULL, media_type TEXT, PRIMARY KEY(image, position)) WITHOUT ROWID;"
        "CREATE TABLE instance(pk INTEGER PRIMARY KEY, id TEXT NOT NULL, name TEXT NOT NULL UNIQUE, image_id TEXT NOT NULL,"
        "  image_ref TEXT, state INTEGER NOT NULL, autoremove INTEGER NOT NULL, pid INTEGER NOT NULL,"
        "  pid_start INTEGER NOT NULL, boot_id TEXT NOT NULL, exit_status INTEGER NOT NULL, oom_killed INTEGER NOT NULL,"
        "  error TEXT, slot INTEGER NOT NULL, created_at INTEGER NOT NULL, started_at INTEGER NOT NULL,"
        "  finished_at INTEGER NOT NULL, spec TEXT NOT NULL);"
        "CREATE UNIQUE INDEX instance_slot ON instance(slot) WHERE slot >= 0;",
};

int schema_version(void) {
        return (int) ELEMENTSOF(steps);
}

const char *schema_step(int version) {
        return steps[version - 1];
}
