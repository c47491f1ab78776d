/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Extended attributes of one entry, and POSIX ACLs between tar's text and the kernel's binary form. */
#ifndef SOUK_LAYER_XATTR_H
#define SOUK_LAYER_XATTR_H
#include "base/buf.h"
#include "base/macro.h"
#include <souk/err.h>
#include <sys/stat.h>

#define XATTR_ACL_ACCESS     "system.posix_acl_access"
#define XATTR_ACL_DEFAULT    "system.posix_acl_default"
#define XATTR_OVERLAY_OPAQUE "trusted.overlay.opaque"

struct xattr {
        char *name;  /* with its namespace: "user.foo" */
        void *value; /* never NULL, also when len is 0 */
        size_t len;
};
struct xattr_list {
        struct xattr *v;
        size_t n;
        size_t cap;
};
/** xattr_list_set() - add, or replace the value of the same name; copies both. */
void xattr_list_set(struct xattr_list *l, const char *name, size_t name_len, const void *value, size_t len);
void xattr_list_remove(struct xattr_list *l, const char *name);
const struct xattr *xattr_list_get(const struct xattr_list *l, const char *name);
void xattr_list_clear(struct xattr_list *l); /* the vector is kept */
void xattr_list_free(struct xattr_list *l);
void xattr_list_copy(struct xattr_list *dst, const struct xattr_list *src);
#define _cleanup_xattr_list_ _cleanup_(xattr_list_free)
/** xattr_is_storable() - user., security., trusted. (not trusted.overlay., which is the engine's own) and the two ACLs.
 */
bool xattr_is_storable(const char *name);

/**
 * acl_from_text() - "user::rwx,user:1000:r-x,group::r-x,mask::rwx,other::r--" into the kernel's xattr format
 * Ids are numbers: in the name's place, or as star's fourth field.  Names cannot be resolved: they belong to the image.
 * Return: 0; -EBADMSG malformed; -EOPNOTSUPP a user or group by name only.
 */
_must_check_ int acl_from_text(const char *text, size_t len, struct buf *ret);
/** acl_to_text() - the inverse, ids as numbers. Return: 0; -EBADMSG malformed. */
_must_check_ int acl_to_text(const void *acl, size_t len, struct buf *ret);
/**
 * acl_check() - is this a well-formed ACL in the kernel's xattr format, as the kernel itself would accept?
 * @ret_mode:     permission bits that it implies (the kernel puts them into the inode's mode)
 * @ret_minimal:  says no more than those bits: the kernel does not store such an access ACL
 * Return: 0 or -EBADMSG.
 */
_must_check_ int acl_check(const void *acl, size_t len, mode_t *ret_mode, bool *ret_minimal);
#endif
