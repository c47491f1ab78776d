/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Extended attributes of one archive entry, and ACLs.
 *
 * A POSIX ACL is kept the way the kernel shows it in system.posix_acl_*: a version word (2), then 8 bytes per entry
 * (tag, permissions, id), little endian, ordered by tag and id.  EROFS stores the same bytes, setxattr takes them,
 * and so one form serves both drivers.  Tar writes ACLs as text (SCHILY.acl.access, SCHILY.acl.default).
 */
#include "xattr.h"
#include "base/str.h"

#include <assert.h>
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>

enum acl_tag {
        ACL_USER_OBJ = 0x01,
        ACL_USER = 0x02,
        ACL_GROUP_OBJ = 0x04,
        ACL_GROUP = 0x08,
        ACL_MASK = 0x10,
        ACL_OTHER = 0x20,
};
#define ACL_VERSION      2u
#define ACL_ID_UNDEFINED UINT32_MAX
#define ACL_ENTRIES_MAX  4096u

struct acl_entry {
        uint16_t tag;
        uint16_t perm;
        uint32_t id;
};
static_assert(sizeof(struct acl_entry) == 8, "as in the kernel's xattr format");

void xattr_list_set(struct xattr_list *l, const char *name, size_t name_len, const void *value, size_t len) {
        struct xattr *x = NULL;
        for (size_t i = 0; i < l->n && !x; i++)
                if (strncmp(l->v[i].name, name, name_len) == 0 && l->v[i].name[name_len] == '\0')
                        x = &l->v[i];
        if (!x) {
                if (l->n == l->cap) {
                        l->cap = l->cap ? l->cap * 2 : 4;
                        l->v = xreallocarray(l->v, l->cap, sizeof(*l->v));
                }
                x = &l->v[l->n++];
                *x = (struct xattr){.name = xstrndup(name, name_len)};
        } else {
                free(x->value);
        }
        x->value = xmalloc(len + 1);
        if (len)
                memcpy(x->value, value, len);
        x->len = len;
}

void xattr_list_remove(struct xattr_list *l, const char *name) {
        for (size_t i = 0; i < l->n; i++) {
                if (!streq(l->v[i].name, name))
                        continue;
                free(l->v[i].name);
                free(l->v[i].value);
                l->n--;
                memmove(&l->v[i], &l->v[i + 1], (l->n - i) * sizeof(*l->v));
                return;
        }
}

const struct xattr *xattr_list_get(const struct xattr_list *l, const char *name) {
        for (size_t i = 0; i < l->n; i++)
                if (streq(l->v[i].name, name))
                        return &l->v[i];
        return NULL;
}

void xattr_list_clear(struct xattr_list *l) {
        for (size_t i = 0; i < l->n; i++) {
                free(l->v[i].name);
                free(l->v[i].value);
        }
        l->n = 0;
}

void xattr_list_free(struct xattr_list *l) {
        xattr_list_clear(l);
        free(l->v);
        *l = (struct xattr_list){0};
}

void xattr_list_copy(struct xattr_list *dst, const struct xattr_list *src) {
        xattr_list_clear(dst);
        for (size_t i = 0; i < src->n; i++)
                xattr_list_set(dst, src->v[i].name, strlen(src->v[i].name), src->v[i].value, src->v[i].len);
}

bool xattr_is_storable(const char *name) {
        if (streq(name, XATTR_ACL_ACCESS) || streq(name, XATTR_ACL_DEFAULT))
                return true;
        /* An archive must not forge what overlayfs believes: redirects, opaque marks, metacopy. */
        if (str_startswith(name, "trusted.overlay."))
                return false;
        static const char *const prefixes[] = {"user.", "security.", "trusted."};
        for (size_t i = 0; i < ELEMENTSOF(prefixes); i++) {
                const char *rest = str_startswith(name, prefixes[i]);
                if (rest)
                        return *rest != '\0';
        }
        return false;
}

/* One field of an ACL entry: up to ':' or the end. */
static size_t acl_field(const char **p, const char *end, const char **ret) {
        const char *colon = memchr(*p, ':', (size_t) (end - *p));
        const char *stop = colon ? colon : end;
        size_t n = (size_t) (stop - *p);
        *ret = *p;
        *p = colon ? colon + 1 : end;
        return n;
}

static int acl_id(const char *s, size_t n, uint32_t *ret) {
        uint64_t id = 0;
        if (n == 0 || n > 10)
                return -EINVAL;
        for (size_t i = 0; i < n; i++) {
                if (s[i] < '0' || s[i] > '9')
                        return -EINVAL;
                id = id * 10 + (uint64_t) (s[i] - '0');
        }
        if (id >= ACL_ID_UNDEFINED)
                return -EINVAL;
        *ret = (uint32_t) id;
        return 0;
}

static bool field_is(const char *s, size_t n, const char *word) {
        return n == strlen(word) && memcmp(s, word, n) == 0;
}

static int acl_tag_parse(const char *s, size_t n, bool named, uint16_t *ret) {
        if (field_is(s, n, "user") || field_is(s, n, "u"))
                *ret = named ? ACL_USER : ACL_USER_OBJ;
        else if (field_is(s, n, "group") || field_is(s, n, "g"))
                *ret = named ? ACL_GROUP : ACL_GROUP_OBJ;
        else if ((field_is(s, n, "mask") || field_is(s, n, "m")) && !named)
                *ret = ACL_MASK;
        else if ((field_is(s, n, "other") || field_is(s, n, "o")) && !named)
                *ret = ACL_OTHER;
        else
                return -EBADMSG;
        return 0;
}

static int acl_entry_parse(const char *p, const char *end, struct acl_entry *ret) {
        const char *tag, *name, *perm, *id;
        size_t tag_len = acl_field(&p, end, &tag), name_len = acl_field(&p, end, &name);
        /* "other:r--" and "mask:rwx" may leave the empty field out. */
        bool brief = p == end && name_len == 3 && (tag[0] == 'o' || tag[0] == 'm');
        size_t perm_len = brief ? name_len : acl_field(&p, end, &perm);
        if (brief) {
                perm = name;
                name_len = 0;
        }
        size_t id_len = acl_field(&p, end, &id);
        *ret = (struct acl_entry){.id = ACL_ID_UNDEFINED};
        int r = acl_tag_parse(tag, tag_len, name_len > 0, &ret->tag);
        if (r < 0 || p != end || perm_len == 0)
                return -EBADMSG;
        for (size_t i = 0; i < perm_len; i++) {
                switch (perm[i]) {
                case 'r':
                        ret->perm |= 4;
                        break;
                case 'w':
                        ret->perm |= 2;
                        break;
                case 'x':
                        ret->perm |= 1;
                        break;
                case '-':
                        break;
                default:
                        return -EBADMSG;
                }
        }
        if (name_len && acl_id(id, id_len, &ret->id) < 0 && acl_id(name, name_len, &ret->id) < 0) {
                if (!field_is(name, name_len, "root"))
                        return -EOPNOTSUPP;
                ret->id = 0;
        }
        return 0;
}

static int acl_entry_compare(const void *a, const void *b) {
        const struct acl_entry *x = a, *y = b;
        if (x->tag != y->tag)
                return x->tag < y->tag ? -1 : 1;
        return x->id < y->id ? -1 : x->id > y->id;
}

int acl_from_text(const char *text, size_t len, struct buf *ret) {
        _cleanup_free_ struct acl_entry *v = NULL;
        size_t n = 0, cap = 0;
        const char *p = text, *end = text + len;
        while (p < end) {
                const char *stop = p;
                while (stop < end && *stop != ',' && *stop != '\n')
                        stop++;
                const char *last = stop; /* getfacl's comments and blanks */
                while (p < stop && (*p == ' ' || *p == '\t'))
                        p++;
                const char *hash = last > p ? memchr(p, '#', (size_t) (last - p)) : NULL;
                if (hash)
                        last = hash;
                while (last > p && (last[-1] == ' ' || last[-1] == '\t'))
                        last--;
                if (last > p) {
                        if (n == ACL_ENTRIES_MAX)
                                return -EBADMSG;
                        if (n == cap) {
                                cap = cap ? cap * 2 : 8;
                                v = xreallocarray(v, cap, sizeof(*v));
                        }
                        int r = acl_entry_parse(p, last, &v[n]);
                        if (r < 0)
                                return r;
                        n++;
                }
                p = stop + (stop < end);
        }
        if (n == 0)
                return 0;
        qsort(v, n, sizeof(*v), acl_entry_compare);
        uint32_t version = htole32(ACL_VERSION);
        int r = buf_append(ret, &version, sizeof(version));
        for (size_t i = 0; i < n && r == 0; i++) {
                struct acl_entry e = {htole16(v[i].tag), htole16(v[i].perm), htole32(v[i].id)};
                r = buf_append(ret, &e, sizeof(e));
        }
        return r;
}

static struct acl_entry acl_entry_at(const void *acl, size_t i) {
        struct acl_entry e;
        memcpy(&e, (const char *) acl + 4 + i * sizeof(e), sizeof(e));
        return (struct acl_entry){le16toh(e.tag), le16toh(e.perm), le32toh(e.id)};
}

static int acl_count(const void *acl, size_t len, size_t *ret) {
        uint32_t version;
        if (len < sizeof(version) || (len - sizeof(version)) % sizeof(struct acl_entry) != 0)
                return -EBADMSG;
        memcpy(&version, acl, sizeof(version));
        if (le32toh(version) != ACL_VERSION)
                return -EBADMSG;
        *ret = (len - sizeof(version)) / sizeof(struct acl_entry);
        return 0;
}

int acl_check(const void *acl, size_t len, mode_t *ret_mode, bool *ret_minimal) {
        size_t n;
        int r = acl_count(acl, len, &n);
        if (r < 0)
                return r;
        unsigned seen = 0, perm[ACL_OTHER + 1] = {0};
        uint16_t last = 0;
        for (size_t i = 0; i < n; i++) {
                struct acl_entry e = acl_entry_at(acl, i);
                bool named = e.tag == ACL_USER || e.tag == ACL_GROUP;
                if (e.perm & ~7u || e.tag == 0 || e.tag > ACL_OTHER || (e.tag & (e.tag - 1)) != 0)
                        return -EBADMSG;
                if (e.tag < last || (e.tag == last && !named) || (named && e.id == ACL_ID_UNDEFINED))
                        return -EBADMSG;
                seen |= e.tag;
                perm[e.tag] = e.perm;
                last = e.tag;
        }
        unsigned base = ACL_USER_OBJ | ACL_GROUP_OBJ | ACL_OTHER;
        if ((seen & base) != base || ((seen & (ACL_USER | ACL_GROUP)) && !(seen & ACL_MASK)))
                return -EBADMSG;
        unsigned group = seen & ACL_MASK ? perm[ACL_MASK] : perm[ACL_GROUP_OBJ];
        *ret_mode = perm[ACL_USER_OBJ] << 6 | group << 3 | perm[ACL_OTHER];
        *ret_minimal = seen == base;
        return 0;
}

int acl_to_text(const void *acl, size_t len, struct buf *ret) {
        size_t n;
        int r = acl_count(acl, len, &n);
        for (size_t i = 0; i < n && r == 0; i++) {
                struct acl_entry e = acl_entry_at(acl, i);
                char id[16] = "";
                const char *tag = e.tag == ACL_USER_OBJ || e.tag == ACL_USER     ? "user"
                                  : e.tag == ACL_GROUP_OBJ || e.tag == ACL_GROUP ? "group"
                                  : e.tag == ACL_MASK                            ? "mask"
                                                                                 : "other";
                if (e.tag == ACL_USER || e.tag == ACL_GROUP)
                        snprintf(id, sizeof(id), "%" PRIu32, e.id);
                r = buf_printf(ret, "%s%s:%s:%c%c%c", i ? "," : "", tag, id, e.perm & 4 ? 'r' : '-',
                               e.perm & 2 ? 'w' : '-', e.perm & 1 ? 'x' : '-');
        }
        return r;
}
