/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_STORE_STATEMENTS_H
#define SOUK_STORE_STATEMENTS_H
/*
 * All SQL of the store, except the schema (schema.c).
 *
 * instance.pk is made of the first 15 hex digits of the instance's id (which is random), so an id and any shorter prefix
 * of it are looked up as a range of the table itself, and a start maintains two small indexes instead of three.  Image
 * ids come from outside (they are digests), so they get an index of their own.
 */
#define DB_INSTANCE_COLUMNS                                                                                            \
        "id, name, image_id, image_ref, state, autoremove, pid, pid_start, boot_id, exit_status, oom_killed, error, "   \
        "slot, created_at, started_at, finished_at, spec"

#define DB_STATEMENTS(X)                                                                                               \
        /* images */                                                                                                   \
        X(IMAGE_BY_NAME, "SELECT image.id, image.pk FROM name JOIN image ON image.pk = name.image WHERE name.name = ?1") \
        X(IMAGE_BY_DIGEST, "SELECT id, pk FROM image WHERE manifest_digest = ?1 LIMIT 1")                               \
        X(IMAGE_BY_PREFIX, "SELECT id, pk FROM image WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT 6")                   \
        X(IMAGE_PK, "SELECT pk FROM image WHERE id = ?1")                                                              \
        X(IMAGE_BRIEF, "SELECT id, config FROM image WHERE pk = ?1")                                                   \
        X(IMAGE_FULL, "SELECT id, config, manifest_digest, manifest_media_type, created_at, added_at, manifest "        \
                      "FROM image WHERE pk = ?1")                                                                      \
        X(IMAGE_LIST, "SELECT pk, id, manifest_digest, manifest_media_type, created_at, added_at FROM image "           \
                      "ORDER BY created_at DESC, pk DESC")                                                             \
        X(IMAGE_LAYERS, "SELECT layer.diff_id, layer.driver, layer.data_bytes, layer.stored_bytes, image_layer.blob, "  \
                        "image_layer.blob_bytes, image_layer.media_type FROM image_layer JOIN layer "                  \
                        "ON layer.pk = image_layer.layer WHERE image_layer.image = ?1 ORDER BY image_layer.position")   \
        X(IMAGE_NAMES, "SELECT name FROM name WHERE image = ?1 ORDER BY name")                                          \
        X(IMAGE_INSERT, "INSERT INTO image(id, config, manifest_digest, manifest_media_type, created_at, added_at, "    \
                        "manifest) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)")                                                \
        X(IMAGE_UPDATE, "UPDATE image SET manifest_digest = ?2, manifest_media_type = ?3, manifest = ?4 WHERE pk = ?1") \
        X(IMAGE_DELETE, "DELETE FROM image WHERE pk = ?1")                                                             \
        X(IMAGE_USER, "SELECT id, name FROM instance WHERE image_id = ?1 LIMIT 1")                                      \
        X(NAME_SET, "INSERT INTO name(name, image) VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET image = ?2")          \
        X(NAME_DELETE, "DELETE FROM name WHERE name = ?1")                                                             \
        X(NAME_DELETE_IMAGE, "DELETE FROM name WHERE image = ?1")                                                      \
        X(NAME_LIKE, "SELECT name FROM name WHERE name >= ?1 AND name < ?2 ORDER BY name LIMIT 4")                      \
        X(LAYER_GET, "SELECT pk, driver, data_bytes, stored_bytes FROM layer WHERE diff_id = ?1")                       \
        X(LAYER_LIST, "SELECT diff_id, driver, stored_bytes FROM layer")                                               \
        X(LAYER_SET, "INSERT INTO layer(diff_id, driver, data_bytes, stored_bytes) VALUES(?1, ?2, ?3, ?4) "             \
                     "ON CONFLICT(diff_id) DO UPDATE SET driver = ?2, data_bytes = ?3, stored_bytes = ?4")              \
        X(LAYER_DEAD, "SELECT diff_id FROM layer WHERE pk NOT IN (SELECT layer FROM image_layer)")                      \
        X(LAYER_DELETE_DEAD, "DELETE FROM layer WHERE pk NOT IN (SELECT layer FROM image_layer)")                       \
        X(LAYER_IN_USE, "SELECT DISTINCT layer.diff_id FROM instance JOIN image ON image.id = instance.image_id "       \
                        "JOIN image_layer ON image_layer.image = image.pk JOIN layer ON layer.pk = image_layer.layer "  \
                        "WHERE instance.state IN (1, 2)")                                                              \
        X(LAYER_OF_IMAGE, "SELECT image.id, (SELECT min(name.name) FROM name WHERE name.image = image.pk) "             \
                          "FROM image_layer JOIN image ON image.pk = image_layer.image "                               \
                          "JOIN layer ON layer.pk = image_layer.layer WHERE layer.diff_id = ?1 LIMIT 1")                \
        X(IMAGE_LAYER_SET, "INSERT INTO image_layer(image, position, layer, blob, blob_bytes, media_type) "             \
                           "VALUES(?1, ?2, ?3, ?4, ?5, ?6)")                                                           \
        X(IMAGE_LAYER_DELETE, "DELETE FROM image_layer WHERE image = ?1")                                              \
        X(BLOB_KNOWN, "SELECT 1 FROM image_layer WHERE blob = ?1 LIMIT 1")                                             \
        /* instances */                                                                                                \
        X(INSTANCE_INSERT, "INSERT INTO instance(pk, " DB_INSTANCE_COLUMNS ") SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 0, " \
                           "'', 0, 0, NULL, ?8, ?9, 0, 0, ?10 WHERE EXISTS (SELECT 1 FROM image WHERE id = ?4)")        \
        X(INSTANCE_SLOTS, "SELECT slot FROM instance WHERE slot >= 0 ORDER BY slot")                                   \
        X(INSTANCE_BY_NAME, "SELECT " DB_INSTANCE_COLUMNS " FROM instance WHERE name = ?1")                             \
        X(INSTANCE_BY_PK, "SELECT " DB_INSTANCE_COLUMNS " FROM instance WHERE pk BETWEEN ?1 AND ?2 LIMIT 6")            \
        X(INSTANCE_NAME_HOLDER, "SELECT id FROM instance WHERE name = ?1")                                             \
        X(INSTANCE_STATE, "SELECT state, name FROM instance WHERE pk = ?1")                                            \
        X(INSTANCE_LIST, "SELECT " DB_INSTANCE_COLUMNS " FROM instance ORDER BY created_at DESC, pk")                   \
        X(INSTANCE_STARTING, "UPDATE instance SET state = 1, slot = ?2, pid = 0, error = NULL, oom_killed = 0, "        \
                             "exit_status = 0 WHERE pk = ?1")                                                          \
        X(INSTANCE_RUNNING, "UPDATE instance SET state = 2, pid = ?2, pid_start = ?3, boot_id = ?4, started_at = ?5, "  \
                            "finished_at = 0 WHERE pk = ?1")                                                           \
        X(INSTANCE_EXITED, "UPDATE instance SET state = 3, slot = -1, pid = 0, exit_status = ?2, oom_killed = ?3, "     \
                           "error = ?4, finished_at = ?5 WHERE pk = ?1")                                               \
        X(INSTANCE_DELETE, "DELETE FROM instance WHERE pk = ?1")                                                       \
        /* check */                                                                                                    \
        X(CHECK_INSTANCE_IMAGES, "SELECT id, name, image_ref FROM instance WHERE image_id NOT IN (SELECT id FROM image)") \
        X(CHECK_INTEGRITY, "PRAGMA integrity_check(20)")
#endif
