/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The EROFS driver: writes a layer as an uncompressed EROFS image in one pass.
 *
 * A file's data goes to consecutive blocks as it arrives; its inode is written when it ends, and only the inode's
 * number stays in memory.  Files up to EROFS_SMALL_MAX bytes and symlinks have their data in the metadata, right
 * after the inode, so that reading one costs one block.  Directories, link counts, and the superblock come last
 * (erofs_dir.c).  An entry that is replaced later leaves its blocks behind as unused space.
 *
 * Sparse files are stored in chunks (erofs_sparse.c).  Times, ids and the UUID depend on the archive only: the same
 * archive gives the same bytes.
 */
#include "erofs_writer.h"
#include "base/str.h"

#include <endian.h>

#define XATTR_BYTES_MAX (sizeof(struct erofs_xattr_header) + 4u * (UINT16_MAX - 1u))

/* Splits a name into the prefix's number and the rest. */
static enum erofs_xattr_index xattr_index(const char *name, const char **ret_rest) {
        static const struct {
                const char *prefix;
                enum erofs_xattr_index index;
        } table[] = {
                {XATTR_ACL_ACCESS, EROFS_XATTR_ACL_ACCESS},
                {XATTR_ACL_DEFAULT, EROFS_XATTR_ACL_DEFAULT},
                {"user.", EROFS_XATTR_USER},
                {"trusted.", EROFS_XATTR_TRUSTED},
                {"security.", EROFS_XATTR_SECURITY},
        };
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                *ret_rest = str_startswith(name, table[i].prefix);
                if (*ret_rest)
                        return table[i].index;
        }
        abort(); /* xattr_is_storable() lets nothing else in */
}

int erofs_xattr_size(const struct xattr_list *l, size_t *ret, struct souk_err *err) {
        size_t n = l && l->n ? sizeof(struct erofs_xattr_header) : 0;
        for (size_t i = 0; l && i < l->n; i++) {
                const char *rest;
                (void) xattr_index(l->v[i].name, &rest);
                n += ALIGN_UP(sizeof(struct erofs_xattr_entry) + strlen(rest) + l->v[i].len, 4u);
        }
        if (n > XATTR_BYTES_MAX)
                return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP, "extended attributes of more than 256 KiB");
        *ret = n;
        return 0;
}

static size_t xattrs_encode(uint8_t *p, const struct xattr_list *l) {
        if (!l || !l->n)
                return 0;
        size_t at = sizeof(struct erofs_xattr_header);
        for (size_t i = 0; i < l->n; i++) {
                const struct xattr *x = &l->v[i];
                const char *rest;
                struct erofs_xattr_entry e = {.name_index = (uint8_t) xattr_index(x->name, &rest),
                                              .value_size = htole16((uint16_t) x->len)};
                e.name_len = (uint8_t) strlen(rest);
                memcpy(p + at, &e, sizeof(e));
                memcpy(p + at + sizeof(e), rest, e.name_len);
                memcpy(p + at + sizeof(e) + e.name_len, x->value, x->len);
                at += ALIGN_UP(sizeof(e) + e.name_len + x->len, 4u);
        }
        return at;
}

size_t erofs_inode_encode(uint8_t *p, uint64_t nid, const struct erofs_inode_spec *s) {
        const struct layer_attr *a = s->attr;
        size_t xattrs = xattrs_encode(p + sizeof(struct erofs_inode), a->xattrs);
        struct erofs_inode i = {
                .format = htole16(EROFS_FORMAT_EXTENDED(s->layout)),
                .xattr_count = htole16((uint16_t) (xattrs ? 1 + (xattrs - sizeof(struct erofs_xattr_header)) / 4 : 0)),
                .mode = htole16((uint16_t) a->mode),
                .size = htole64(s->size),
                .block = htole32(s->block),
                .ino = htole32((uint32_t) nid),
                .uid = htole32(a->uid),
                .gid = htole32(a->gid),
                .mtime = htole64((uint64_t) a->mtime),
                .mtime_nsec = htole32(a->mtime_nsec),
                .nlink = htole32(s->nlink),
        };
        memcpy(p, &i, sizeof(i));
        return sizeof(i) + xattrs;
}

/* An inode, with @tail bytes of @data behind it. */
static int inode_write(struct erofs_writer *w, struct inode *inode, const struct erofs_inode_spec *s, const void *data,
                       size_t tail, struct souk_err *err) {
        size_t xattrs;
        uint8_t *p;
        int r = erofs_xattr_size(s->attr->xattrs, &xattrs, err);
        if (r == 0)
                r = erofs_meta_alloc(&w->out, sizeof(struct erofs_inode) + xattrs + tail, false, &inode->nid, &p, err);
        if (r < 0)
                return r;
        size_t n = erofs_inode_encode(p, inode->nid, s);
        if (tail)
                memcpy(p + n, data, tail);
        return 0;
}

/* May @size bytes follow the inode? */
static int fits_inline(const struct layer_attr *a, uint64_t size, bool *ret, struct souk_err *err) {
        size_t xattrs;
        int r = erofs_xattr_size(a->xattrs, &xattrs, err);
        *ret = r == 0 && size > 0 && sizeof(struct erofs_inode) + xattrs + size <= EROFS_BLOCK;
        return r;
}

static int erofs_open(int dst, struct layer_index *ix, void **ret, struct souk_err *err) {
        struct erofs_writer *w = xcalloc(1, sizeof(*w));
        w->ix = ix;
        *ret = w;
        return erofs_out_open(&w->out, dst);
}

static void erofs_free(void *d) {
        struct erofs_writer *w = d;
        erofs_out_free(&w->out);
        free(w->chunks.v);
        free(w);
}

static int erofs_remove(void *d, struct dentry *de, struct souk_err *err) {
        return 0; /* its blocks stay behind, unused */
}

static int erofs_dir(void *d, struct dir *dir, struct souk_err *err) {
        return 0; /* all in finish */
}

static int erofs_file_begin(void *d, struct dentry *de, const struct layer_attr *a, uint64_t size, bool sparse,
                            struct souk_err *err) {
        struct erofs_writer *w = d;
        bool fits;
        int r = fits_inline(a, size, &fits, err);
        if (r < 0)
                return r;
        w->file = de;
        w->attr = *a;
        w->file_size = size;
        w->how = fits && size <= EROFS_SMALL_MAX ? EROFS_FILE_SMALL
                 : sparse && size                ? EROFS_FILE_SPARSE
                                                 : EROFS_FILE_PLAIN;
        w->small_fill = 0;
        if (w->how == EROFS_FILE_SPARSE)
                erofs_chunks_begin(&w->chunks, size);
        else if (w->how == EROFS_FILE_PLAIN && size)
                r = erofs_out_align(&w->out, err);
        w->file_start = erofs_out_pos(&w->out);
        return r;
}

static int erofs_file_data(void *d, const void *p, size_t n, struct souk_err *err) {
        struct erofs_writer *w = d;
        if (w->how == EROFS_FILE_SPARSE)
                return erofs_chunks_data(&w->chunks, &w->out, p, n, err);
        if (w->how == EROFS_FILE_PLAIN)
                return erofs_out_write(&w->out, p, n, err);
        memcpy(w->small_data + w->small_fill, p, n);
        w->small_fill += n;
        return 0;
}

static int erofs_file_hole(void *d, uint64_t n, struct souk_err *err) {
        struct erofs_writer *w = d;
        if (w->how == EROFS_FILE_SPARSE) {
                w->chunks.pos += n;
                return 0;
        }
        memset(w->small_data + w->small_fill, 0, (size_t) n); /* plain files have none */
        w->small_fill += (size_t) n;
        return 0;
}

static int erofs_file_end(void *d, struct souk_err *err) {
        struct erofs_writer *w = d;
        struct inode *inode = w->file->inode;
        struct erofs_inode_spec s = {.attr = &w->attr, .size = w->file_size, .nlink = 1};
        if (w->how == EROFS_FILE_SMALL) {
                s.layout = EROFS_FLAT_INLINE;
                return inode_write(w, inode, &s, w->small_data, (size_t) w->file_size, err);
        }
        if (w->how == EROFS_FILE_PLAIN) {
                s.block = w->file_size ? (uint32_t) (w->file_start >> EROFS_BLOCK_BITS) : 0;
                return inode_write(w, inode, &s, NULL, 0, err);
        }
        w->chunked = true;
        s.layout = EROFS_CHUNKED;
        s.block = w->chunks.bits;
        int r = erofs_chunks_end(&w->chunks, &w->out, w->file_size, err);
        return r < 0 ? r : inode_write(w, inode, &s, w->chunks.v, w->chunks.n * sizeof(*w->chunks.v), err);
}

static uint32_t device_number(const struct layer_attr *a) {
        return (a->rdev_minor & 0xff) | a->rdev_major << 8 | (a->rdev_minor & ~0xffu) << 12;
}

static int erofs_special(void *d, struct dentry *de, const struct layer_attr *a, struct souk_err *err) {
        struct erofs_writer *w = d;
        struct inode *inode = de->inode;
        struct erofs_inode_spec s = {.attr = a, .block = device_number(a), .nlink = 1};
        if (!S_ISLNK(a->mode))
                return inode_write(w, inode, &s, NULL, 0, err);
        bool fits;
        s.size = inode->link_len;
        s.block = 0;
        int r = fits_inline(a, s.size, &fits, err);
        if (r == 0 && fits) {
                s.layout = EROFS_FLAT_INLINE;
        } else if (r == 0) {
                r = erofs_out_align(&w->out, err);
                s.block = (uint32_t) (erofs_out_pos(&w->out) >> EROFS_BLOCK_BITS);
                if (r == 0)
                        r = erofs_out_write(&w->out, inode->link, inode->link_len, err);
        }
        return r < 0 ? r : inode_write(w, inode, &s, inode->link, fits ? inode->link_len : 0, err);
}

static int erofs_link(void *d, struct dentry *de, const struct dentry *target, struct souk_err *err) {
        return 0; /* counted in the index */
}

static int erofs_whiteout(void *d, struct dentry *de, struct souk_err *err) {
        return 0; /* all are names of one inode, which is made in the end */
}

static int erofs_driver_finish(void *d, uint64_t *ret_stored_bytes, struct souk_err *err) {
        return erofs_finish(d, ret_stored_bytes, err);
}

const struct layer_driver_ops layer_driver_erofs = {
        .open = erofs_open,
        .remove = erofs_remove,
        .dir = erofs_dir,
        .file_begin = erofs_file_begin,
        .file_data = erofs_file_data,
        .file_hole = erofs_file_hole,
        .file_end = erofs_file_end,
        .special = erofs_special,
        .link = erofs_link,
        .whiteout = erofs_whiteout,
        .finish = erofs_driver_finish,
        .free = erofs_free,
};
