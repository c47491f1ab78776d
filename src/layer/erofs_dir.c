/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of an EROFS image: directories, link counts, superblock.
 *
 * A directory's entries name inodes by number, ".." included, so every directory gets its number first (its size
 * follows from the names alone), and then they are written.  Entries are sorted by their bytes, "." and ".." among
 * the others, because the kernel searches them by halving.  A directory's last block is kept behind its inode when it
 * fits.
 *
 * The root sits in block 0, behind the superblock: its number must fit 16 bits.
 */
#include "erofs_writer.h"
#include "base/file.h"
#include "base/str.h"

#include <endian.h>

#define ROOT_OFFSET (EROFS_SUPER_OFFSET + sizeof(struct erofs_super))
static_assert(ROOT_OFFSET % EROFS_SLOT == 0, "a node number");

struct dir_plan {
        const struct dentry **entries; /* sorted, with "." and ".." */
        size_t n;
        uint64_t size;
        uint32_t subdirs;
        bool tail_inline;
        uint8_t *p; /* room for inode, xattrs, tail */
};
struct finish {
        struct erofs_writer *w;
        struct dentry *dot, *dotdot;
        uint64_t whiteout_nid;
        uint64_t whiteouts;
        uint64_t inodes;
        uint8_t block0[EROFS_BLOCK];
};

static int entry_compare(const void *a, const void *b) {
        const struct dentry *x = *(const struct dentry *const *) a, *y = *(const struct dentry *const *) b;
        int c = memcmp(x->name, y->name, MIN(x->name_len, y->name_len));
        return c ? c : (int) x->name_len - (int) y->name_len;
}

static struct dentry *dot_entry(struct layer_index *ix, const char *name) {
        size_t n = strlen(name);
        struct dentry *de = arena_alloc(&ix->arena, sizeof(*de) + n + 1);
        if (de) {
                de->name_len = (uint8_t) n;
                memcpy(de->name, name, n);
        }
        return de;
}

static size_t entry_size(const struct dentry *de) {
        return sizeof(struct erofs_dirent) + de->name_len;
}

/* Number of entries from @i on that fill one block. @ret_bytes: what they take */
static size_t block_entries(const struct dir_plan *p, size_t i, size_t *ret_bytes) {
        size_t n = 0;
        *ret_bytes = 0;
        while (i + n < p->n && *ret_bytes + entry_size(p->entries[i + n]) <= EROFS_BLOCK)
                *ret_bytes += entry_size(p->entries[i + n++]);
        return n;
}

static int no_memory(struct souk_err *err) {
        return souk_err_set(err, SOUK_LIMIT, -EFBIG, "the layer has more names and attributes than fit into memory");
}

static int dir_sort(struct finish *f, struct dir *d, struct dir_plan *p, struct souk_err *err) {
        struct arena *arena = &f->w->ix->arena;
        p->entries = arena_alloc(arena, (d->n_children + 2u) * sizeof(*p->entries));
        if (!p->entries)
                return no_memory(err);
        p->entries[p->n++] = f->dot;
        p->entries[p->n++] = f->dotdot;
        for (const struct dentry *de = d->children; de; de = de->next) {
                p->entries[p->n++] = de;
                p->subdirs += inode_is_dir(de->inode);
                f->whiteouts += !de->inode;
        }
        qsort(p->entries, p->n, sizeof(*p->entries), entry_compare);
        size_t bytes = 0;
        for (size_t i = 0; i < p->n;) {
                if (i)
                        p->size += EROFS_BLOCK;
                i += block_entries(p, i, &bytes);
        }
        p->size += bytes;
        return 0;
}

/* Gives a directory its number and its room. */
static int dir_plan(struct finish *f, struct dir *d, struct souk_err *err) {
        struct dir_plan *p = arena_alloc(&f->w->ix->arena, sizeof(*p));
        size_t xattrs, n, tail;
        if (!p)
                return no_memory(err);
        d->driver = p;
        if (dir_is_opaque(d))
                xattr_list_set(&d->xattrs, XATTR_OVERLAY_OPAQUE, strlen(XATTR_OVERLAY_OPAQUE), "y", 1);
        d->attr.xattrs = &d->xattrs;
        int r = dir_sort(f, d, p, err);
        if (r == 0)
                r = erofs_xattr_size(&d->xattrs, &xattrs, err);
        if (r < 0)
                return r;
        tail = p->size & (EROFS_BLOCK - 1);
        n = sizeof(struct erofs_inode) + xattrs;
        size_t room = d->self ? EROFS_BLOCK : EROFS_BLOCK - ROOT_OFFSET;
        p->tail_inline = tail && n + tail <= room;
        if (d->self)
                return erofs_meta_alloc(&f->w->out, n + (p->tail_inline ? tail : 0), true, &d->inode.nid, &p->p, err);
        if (n > room)
                return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP,
                                    "extended attributes of more than %zu bytes at the root",
                                    room - sizeof(struct erofs_inode));
        d->inode.nid = ROOT_OFFSET >> EROFS_SLOT_BITS;
        p->p = f->block0 + ROOT_OFFSET;
        return 0;
}

static uint8_t file_type(const struct inode *i) {
        switch ((mode_t) i->type << 12) {
        case S_IFREG:
                return EROFS_FT_REG;
        case S_IFCHR:
                return EROFS_FT_CHR;
        case S_IFBLK:
                return EROFS_FT_BLK;
        case S_IFIFO:
                return EROFS_FT_FIFO;
        case S_IFLNK:
                return EROFS_FT_LNK;
        default:
                return EROFS_FT_DIR;
        }
}

/* The number a name stands for; on the way, inodes with several names get their final link count, once. */
static int entry_target(struct finish *f, const struct dir *d, const struct dentry *de, struct erofs_dirent *e,
                        struct souk_err *err) {
        struct inode *i = de->inode;
        if (de == f->dot || de == f->dotdot) {
                const struct dir *target = de == f->dot || !d->self ? d : dir_parent(d);
                *e = (struct erofs_dirent){.nid = target->inode.nid, .type = EROFS_FT_DIR};
                return 0;
        }
        if (!i) {
                *e = (struct erofs_dirent){.nid = f->whiteout_nid, .type = EROFS_FT_CHR};
                return 0;
        }
        *e = (struct erofs_dirent){.nid = i->nid, .type = file_type(i)};
        f->inodes += i->nlink > 0;
        if (inode_is_dir(i) || i->nlink <= 1)
                return 0;
        uint32_t nlink = htole32(i->nlink);
        i->nlink = 0;
        return erofs_meta_patch(&f->w->out, (i->nid << EROFS_SLOT_BITS) + EROFS_NLINK_OFFSET, &nlink, sizeof(nlink),
                                err);
}

static int block_encode(struct finish *f, const struct dir *d, const struct dir_plan *p, size_t first, size_t n,
                        uint8_t *out, struct souk_err *err) {
        size_t name_at = n * sizeof(struct erofs_dirent);
        for (size_t i = 0; i < n; i++) {
                const struct dentry *de = p->entries[first + i];
                struct erofs_dirent e;
                int r = entry_target(f, d, de, &e, err);
                if (r < 0)
                        return r;
                e.nid = htole64(e.nid);
                e.name_offset = htole16((uint16_t) name_at);
                memcpy(out + i * sizeof(e), &e, sizeof(e));
                memcpy(out + name_at, de->name, de->name_len);
                name_at += de->name_len;
        }
        return 0;
}

static int dir_write(struct finish *f, struct dir *d, struct souk_err *err) {
        struct dir_plan *p = d->driver;
        struct erofs_out *out = &f->w->out;
        struct erofs_inode_spec s = {.attr = &d->attr,
                                     .size = p->size,
                                     .nlink = 2 + p->subdirs,
                                     .layout = p->tail_inline ? EROFS_FLAT_INLINE : EROFS_FLAT_PLAIN};
        int r = erofs_out_align(out, err);
        uint64_t full = p->size >> EROFS_BLOCK_BITS;
        if (!p->tail_inline || full)
                s.block = (uint32_t) (erofs_out_pos(out) >> EROFS_BLOCK_BITS);
        uint8_t *tail = p->p + erofs_inode_encode(p->p, d->inode.nid, &s);
        size_t n, bytes;
        for (size_t i = 0; i < p->n && r == 0; i += n) {
                uint8_t block[EROFS_BLOCK] = {0};
                n = block_entries(p, i, &bytes);
                bool last = i + n == p->n;
                r = block_encode(f, d, p, i, n, last && p->tail_inline ? tail : block, err);
                if (r == 0 && !(last && p->tail_inline))
                        r = erofs_out_write(out, block, sizeof(block), err);
        }
        return r;
}

static uint32_t crc32c(const uint8_t *p, size_t n) {
        uint32_t crc = UINT32_MAX;
        while (n--) {
                crc ^= *p++;
                for (int i = 0; i < 8; i++)
                        crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
        }
        return crc;
}

static int super_write(struct finish *f, uint64_t end, struct souk_err *err) {
        struct erofs_writer *w = f->w;
        struct erofs_super sb = {
                .magic = htole32(EROFS_MAGIC),
                .feature_compat = htole32(EROFS_COMPAT_SB_CHECKSUM | EROFS_COMPAT_MTIME),
                .block_bits = EROFS_BLOCK_BITS,
                .feature_incompat = htole32(w->chunked ? EROFS_INCOMPAT_CHUNKED_FILE : 0),
                .root_nid = htole16(ROOT_OFFSET >> EROFS_SLOT_BITS),
                .inodes = htole64(f->inodes),
                .blocks = htole32((uint32_t) (end >> EROFS_BLOCK_BITS)),
        };
        uint64_t hash[2] = {htole64(w->out.hash[0]), htole64(w->out.hash[1] ^ end)};
        memcpy(sb.uuid, hash, sizeof(sb.uuid));
        sb.uuid[6] = (sb.uuid[6] & 0x0f) | 0x80; /* version 8: derived in a way of our own */
        sb.uuid[8] = (sb.uuid[8] & 0x3f) | 0x80;
        memcpy(f->block0 + EROFS_SUPER_OFFSET, &sb, sizeof(sb));
        uint32_t crc = htole32(crc32c(f->block0 + EROFS_SUPER_OFFSET, EROFS_BLOCK - EROFS_SUPER_OFFSET));
        memcpy(f->block0 + EROFS_SUPER_OFFSET + offsetof(struct erofs_super, checksum), &crc, sizeof(crc));
        int r = fd_pwrite_all(w->out.fd, f->block0, sizeof(f->block0), 0);
        return r < 0 ? souk_err_errno(err, r, "write layer image") : 0;
}

static int whiteout_inode(struct finish *f, struct souk_err *err) {
        struct layer_attr a = {.mode = S_IFCHR};
        struct erofs_inode_spec s = {.attr = &a, .nlink = (uint32_t) MIN(f->whiteouts, UINT32_MAX)};
        uint8_t *p;
        if (!f->whiteouts)
                return 0;
        int r = erofs_meta_alloc(&f->w->out, sizeof(struct erofs_inode), true, &f->whiteout_nid, &p, err);
        if (r == 0)
                erofs_inode_encode(p, f->whiteout_nid, &s);
        f->inodes++;
        return r;
}

int erofs_finish(struct erofs_writer *w, uint64_t *ret_stored_bytes, struct souk_err *err) {
        _cleanup_free_ struct finish *f = xcalloc(1, sizeof(*f));
        *f = (struct finish){.w = w, .dot = dot_entry(w->ix, "."), .dotdot = dot_entry(w->ix, ".."), .inodes = 1};
        if (!f->dot || !f->dotdot)
                return no_memory(err);
        int r = 0;
        for (struct dir *d = w->ix->root; d && r == 0; d = d->next)
                if (!d->dead)
                        r = dir_plan(f, d, err);
        if (r == 0)
                r = whiteout_inode(f, err);
        for (struct dir *d = w->ix->root; d && r == 0; d = d->next)
                if (!d->dead)
                        r = dir_write(f, d, err);
        uint64_t meta_end = 0;
        if (r == 0)
                r = erofs_out_align(&w->out, err);
        if (r == 0)
                r = erofs_out_flush(&w->out, err);
        if (r == 0)
                r = erofs_meta_flush(&w->out, &meta_end, err);
        if (r < 0)
                return r;
        uint64_t end = MAX(MAX(w->out.data_end, meta_end), (uint64_t) EROFS_BLOCK);
        r = super_write(f, end, err);
        if (r < 0)
                return r;
        struct stat st;
        if (ftruncate(w->out.fd, (off_t) end) < 0 || fstat(w->out.fd, &st) < 0)
                return souk_err_errno(err, errno, "finish layer image");
        *ret_stored_bytes = (uint64_t) st.st_size;
        return 0;
}
