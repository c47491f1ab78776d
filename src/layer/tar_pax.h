/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pax extended headers: "LENGTH KEY=VALUE\n" records applied to an entry.  Part of the tar reader. */
#ifndef SOUK_LAYER_TAR_PAX_H
#define SOUK_LAYER_TAR_PAX_H
#include "tar_read.h"

#define TAR_EXTENTS_MAX (1u << 20)

struct tar_map {
        struct tar_extent *v;
        size_t n;
        size_t cap;
};
/** tar_map_add() - append an extent. Return: 0; -EFBIG over TAR_EXTENTS_MAX. */
_must_check_ int tar_map_add(struct tar_map *m, uint64_t offset, uint64_t length);

/* What pax records say beyond the entry's own fields. */
struct tar_pax_state {
        bool has_size;
        uint64_t size; /* of the stored data */
        bool sparse;
        bool map_in_data; /* GNU.sparse 1.0 */
        bool has_realsize;
        uint64_t sparse_major, sparse_minor;
        uint64_t realsize;
        bool has_pending_offset; /* GNU.sparse 0.0: an offset that waits for its numbytes */
        uint64_t pending_offset;
        const char *sparse_name; /* the file's name, when the path is only a substitute */
        size_t sparse_name_len;
};
/** tar_pax_apply() - @what names the header in messages. Return: 0; -EBADMSG, -EOPNOTSUPP with @err set. */
_must_check_ int tar_pax_apply(const char *records, size_t len, struct tar_entry *e, struct tar_pax_state *s,
                               struct tar_map *map, struct souk_err *err);
/** tar_parse_u64() - decimal digits only. Return: 0 or -EINVAL. */
_must_check_ int tar_parse_u64(const char *p, size_t n, uint64_t *ret);
#endif
