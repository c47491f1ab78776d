/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pax records.  A table maps keys to what they set; keys that are not in it do not matter here (atime, uname, comment
 * ...).
 *
 * Values are bytes with a length; a NUL in a path is refused.  An empty value takes an earlier (global) one back,
 * which for us means: the ustar field stays.  hdrcharset needs no handling, as names are passed through as the bytes
 * they are; no conversion and no Unicode normalization, so that two different names never become one.
 * Spec: POSIX.1-2017 pax, "pax Extended Header"; GNU tar manual, "Storing Sparse Files"; star(5) for SCHILY.*.
 */
#include "tar_pax.h"
#include "base/str.h"

#include <inttypes.h>

enum pax_key {
        PAX_PATH,
        PAX_LINKPATH,
        PAX_SIZE,
        PAX_UID,
        PAX_GID,
        PAX_MTIME,
        PAX_ACL_ACCESS,
        PAX_ACL_DEFAULT,
        PAX_SELINUX,
        PAX_SPARSE_MAJOR,
        PAX_SPARSE_MINOR,
        PAX_SPARSE_NAME,
        PAX_SPARSE_REALSIZE,
        PAX_SPARSE_OFFSET,
        PAX_SPARSE_NUMBYTES,
        PAX_SPARSE_MAP,
        PAX_KEY_MAX
};
static const struct {
        const char *name;
        enum pax_key key;
} pax_keys[] = {
        {"path", PAX_PATH},
        {"linkpath", PAX_LINKPATH},
        {"size", PAX_SIZE},
        {"uid", PAX_UID},
        {"gid", PAX_GID},
        {"mtime", PAX_MTIME},
        {"SCHILY.acl.access", PAX_ACL_ACCESS},
        {"SCHILY.acl.default", PAX_ACL_DEFAULT},
        {"RHT.security.selinux", PAX_SELINUX},
        {"GNU.sparse.major", PAX_SPARSE_MAJOR},
        {"GNU.sparse.minor", PAX_SPARSE_MINOR},
        {"GNU.sparse.name", PAX_SPARSE_NAME},
        {"GNU.sparse.realsize", PAX_SPARSE_REALSIZE},
        {"GNU.sparse.size", PAX_SPARSE_REALSIZE},
        {"GNU.sparse.offset", PAX_SPARSE_OFFSET},
        {"GNU.sparse.numbytes", PAX_SPARSE_NUMBYTES},
        {"GNU.sparse.map", PAX_SPARSE_MAP},
};
static const char xattr_prefix[] = "SCHILY.xattr.";

int tar_map_add(struct tar_map *m, uint64_t offset, uint64_t length) {
        if (m->n == TAR_EXTENTS_MAX)
                return -EFBIG;
        if (m->n == m->cap) {
                m->cap = m->cap ? m->cap * 2 : 16;
                m->v = xreallocarray(m->v, m->cap, sizeof(*m->v));
        }
        m->v[m->n++] = (struct tar_extent){offset, length};
        return 0;
}

int tar_parse_u64(const char *p, size_t n, uint64_t *ret) {
        uint64_t v = 0;
        if (n == 0)
                return -EINVAL;
        for (size_t i = 0; i < n; i++) {
                if (p[i] < '0' || p[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
                    __builtin_add_overflow(v, (uint64_t) (p[i] - '0'), &v))
                        return -EINVAL;
        }
        *ret = v;
        return 0;
}

static int parse_id(const char *p, size_t n, uint32_t *ret) {
        uint64_t v;
        if (tar_parse_u64(p, n, &v) < 0 || v >= UINT32_MAX)
                return -EINVAL;
        *ret = (uint32_t) v;
        return 0;
}

/* "[-]seconds[.fraction]"; digits past nanoseconds are cut off, towards the past as for the integral part. */
static int parse_time(const char *p, size_t n, int64_t *ret_sec, uint32_t *ret_nsec) {
        bool negative = n > 0 && p[0] == '-';
        if (negative) {
                p++;
                n--;
        }
        const char *dot = memchr(p, '.', n);
        size_t whole = dot ? (size_t) (dot - p) : n;
        uint64_t sec = 0;
        if ((whole || !dot) && tar_parse_u64(p, whole, &sec) < 0)
                return -EINVAL;
        if (sec > INT64_MAX / 2)
                return -EINVAL;
        uint32_t nsec = 0, scale = 100000000;
        bool rest = false;
        for (size_t i = whole + 1; i < n; i++, scale /= 10) {
                if (p[i] < '0' || p[i] > '9')
                        return -EINVAL;
                nsec += (uint32_t) (p[i] - '0') * scale;
                rest |= scale == 0 && p[i] != '0';
        }
        *ret_sec = (int64_t) sec;
        *ret_nsec = nsec;
        if (negative) {
                nsec += rest;
                *ret_sec = -(int64_t) sec - (nsec > 0);
                *ret_nsec = nsec ? 1000000000 - nsec : 0;
        }
        return 0;
}

static int set_acl(struct tar_entry *e, const char *name, const char *value, size_t len, struct souk_err *err) {
        _cleanup_buf_ struct buf acl = BUF_INIT(64 * 1024);
        int r = acl_from_text(value, len, &acl);
        if (r == -EOPNOTSUPP)
                return souk_err_set(err, SOUK_UNSUPPORTED, r, "an ACL names a user or group without its number");
        if (r < 0)
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "malformed ACL");
        if (acl.len)
                xattr_list_set(&e->xattrs, name, strlen(name), acl.data, acl.len);
        return 0;
}

/* GNU tar writes '=' and '%' inside attribute names as %3D and %25. */
static int set_xattr(struct tar_entry *e, const char *name, size_t name_len, const char *value, size_t len,
                     struct souk_err *err) {
        char decoded[256 + 32];
        size_t n = 0;
        for (size_t i = 0; i < name_len; n++) {
                if (n == sizeof(decoded) - 1 || name[i] == '\0')
                        return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "malformed extended attribute name");
                bool escape = name_len - i >= 3 && (memcmp(name + i, "%3D", 3) == 0 || memcmp(name + i, "%25", 3) == 0);
                decoded[n] = !escape ? name[i] : name[i + 1] == '3' ? '=' : '%';
                i += escape ? 3 : 1;
        }
        decoded[n] = '\0';
        if (xattr_is_storable(decoded))
                xattr_list_set(&e->xattrs, decoded, n, value, len);
        return 0;
}

static int sparse_map_parse(const char *p, size_t len, struct tar_map *map) {
        const char *end = p + len;
        uint64_t pair[2];
        for (unsigned i = 0; p < end; i ^= 1) {
                const char *comma = memchr(p, ',', (size_t) (end - p));
                const char *stop = comma ? comma : end;
                if (tar_parse_u64(p, (size_t) (stop - p), &pair[i]) < 0)
                        return -EINVAL;
                if (i == 1) {
                        int r = tar_map_add(map, pair[0], pair[1]);
                        if (r < 0)
                                return r;
                } else if (!comma) {
                        return -EINVAL;
                }
                p = comma ? comma + 1 : end;
        }
        return 0;
}

static int set_path(const char **ret, size_t *ret_len, const char *value, size_t len) {
        if (memchr(value, '\0', len))
                return -EINVAL;
        *ret = value;
        *ret_len = len;
        return 0;
}

static int sparse_apply(enum pax_key key, const char *value, size_t len, struct tar_pax_state *s, struct tar_map *map) {
        uint64_t v;
        int r;
        s->sparse = true;
        switch (key) {
        case PAX_SPARSE_MAJOR:
                return tar_parse_u64(value, len, &s->sparse_major);
        case PAX_SPARSE_MINOR:
                return tar_parse_u64(value, len, &s->sparse_minor);
        case PAX_SPARSE_NAME:
                return set_path(&s->sparse_name, &s->sparse_name_len, value, len);
        case PAX_SPARSE_REALSIZE:
                s->has_realsize = true;
                return tar_parse_u64(value, len, &s->realsize);
        case PAX_SPARSE_OFFSET:
                s->has_pending_offset = true;
                return tar_parse_u64(value, len, &s->pending_offset);
        case PAX_SPARSE_NUMBYTES:
                r = tar_parse_u64(value, len, &v);
                if (r < 0 || !s->has_pending_offset)
                        return -EINVAL;
                s->has_pending_offset = false;
                return tar_map_add(map, s->pending_offset, v);
        default:
                map->n = 0;
                return sparse_map_parse(value, len, map);
        }
}

static int record_apply(enum pax_key key, const char *value, size_t len, struct tar_entry *e, struct tar_pax_state *s,
                        struct tar_map *map, struct souk_err *err) {
        switch (key) {
        case PAX_PATH:
                return set_path(&e->path, &e->path_len, value, len);
        case PAX_LINKPATH:
                return set_path(&e->link, &e->link_len, value, len);
        case PAX_SIZE:
                s->has_size = true;
                return tar_parse_u64(value, len, &s->size);
        case PAX_UID:
                return parse_id(value, len, &e->uid);
        case PAX_GID:
                return parse_id(value, len, &e->gid);
        case PAX_MTIME:
                return parse_time(value, len, &e->mtime, &e->mtime_nsec);
        case PAX_ACL_ACCESS:
                return set_acl(e, XATTR_ACL_ACCESS, value, len, err);
        case PAX_ACL_DEFAULT:
                return set_acl(e, XATTR_ACL_DEFAULT, value, len, err);
        case PAX_SELINUX: {
                /* The label is kept with its NUL, as setfilecon() does. */
                _cleanup_free_ char *label = xstrndup(value, len);
                xattr_list_set(&e->xattrs, "security.selinux", strlen("security.selinux"), label, strlen(label) + 1);
                return 0;
        }
        default:
                return sparse_apply(key, value, len, s, map);
        }
}

static int key_apply(const char *key, size_t key_len, const char *value, size_t len, struct tar_entry *e,
                     struct tar_pax_state *s, struct tar_map *map, struct souk_err *err) {
        size_t prefix = sizeof(xattr_prefix) - 1;
        if (key_len > prefix && memcmp(key, xattr_prefix, prefix) == 0)
                return set_xattr(e, key + prefix, key_len - prefix, value, len, err);
        for (size_t i = 0; len > 0 && i < ELEMENTSOF(pax_keys); i++) {
                if (strlen(pax_keys[i].name) != key_len || memcmp(pax_keys[i].name, key, key_len) != 0)
                        continue;
                int r = record_apply(pax_keys[i].key, value, len, e, s, map, err);
                if (r == -EINVAL)
                        r = souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "pax header: bad value of '%s'",
                                         pax_keys[i].name);
                if (r == -EFBIG)
                        r = souk_err_set(err, SOUK_LIMIT, -EFBIG, "pax header: the sparse map has too many extents");
                return r;
        }
        return 0;
}

int tar_pax_apply(const char *records, size_t len, struct tar_entry *e, struct tar_pax_state *s, struct tar_map *map,
                  struct souk_err *err) {
        const char *p = records, *end = records + len;
        while (p < end) {
                /* Some writers pad the last record with NULs up to the block. */
                if (*p == '\0')
                        break;
                const char *space = memchr(p, ' ', MIN((size_t) (end - p), 20u));
                uint64_t n = 0;
                if (!space || tar_parse_u64(p, (size_t) (space - p), &n) < 0 || n > (uint64_t) (end - p) ||
                    n < (uint64_t) (space - p) + 3 || p[n - 1] != '\n')
                        return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "malformed pax header");
                const char *key = space + 1, *stop = p + n - 1;
                const char *equals = memchr(key, '=', (size_t) (stop - key));
                if (!equals || equals == key)
                        return souk_err_set(err, SOUK_CORRUPT, -EBADMSG,
                                            "malformed pax header: a record without a key");
                int r = key_apply(key, (size_t) (equals - key), equals + 1, (size_t) (stop - equals - 1), e, s, map,
                                  err);
                if (r < 0)
                        return r;
                p += n;
        }
        return 0;
}
