/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names of one layer.  Lookups go through one open-addressed hash table keyed by (directory, name); children hang
 * in lists, so that what is made from them depends on the archive alone and not on the hash.  Nothing leaves the
 * table: a directory that was replaced keeps its number for itself, so its old children are simply never found again.
 *
 * Names come from untrusted archives: the hash is SipHash-1-3 under a random key, so that no archive can be
 * built that turns the table into a list.
 */
#include "index.h"
#include "base/proc.h"
#include "base/str.h"

static inline uint64_t rotl(uint64_t x, unsigned n) {
        return x << n | x >> (64 - n);
}

static inline void sip_round(uint64_t v[4]) {
        v[0] += v[1];
        v[1] = rotl(v[1], 13) ^ v[0];
        v[0] = rotl(v[0], 32);
        v[2] += v[3];
        v[3] = rotl(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotl(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotl(v[1], 17) ^ v[2];
        v[2] = rotl(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t m) {
        v[3] ^= m;
        sip_round(v);
        v[0] ^= m;
}

static uint32_t name_hash(const struct layer_index *ix, uint32_t dir_id, const char *name, size_t len) {
        uint64_t k0 = ix->key[0], k1 = ix->key[1], m;
        uint64_t v[4] = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
                         k1 ^ 0x7465646279746573};
        sip_word(v, dir_id);
        for (; len >= 8; name += 8, len -= 8) {
                memcpy(&m, name, 8);
                sip_word(v, m);
        }
        m = 0;
        memcpy(&m, name, len);
        sip_word(v, m | (uint64_t) (len + 1) << 56);
        v[2] ^= 0xff;
        sip_round(v);
        sip_round(v);
        sip_round(v);
        uint64_t h = v[0] ^ v[1] ^ v[2] ^ v[3];
        return (uint32_t) (h ^ h >> 32);
}

int index_init(struct layer_index *ix, uint64_t max_memory) {
        *ix = (struct layer_index){.arena.max = max_memory, .table_size = 1024};
        random_bytes(ix->key, sizeof(ix->key));
        ix->table = xcalloc(ix->table_size, sizeof(*ix->table));
        ix->dirs_end = &ix->root;
        return index_new_dir(ix, NULL) ? 0 : -EFBIG;
}

void index_free(struct layer_index *ix) {
        for (struct dir *d = ix->root; d; d = d->next)
                xattr_list_free(&d->xattrs);
        free(ix->table);
        arena_free(&ix->arena);
        *ix = (struct layer_index){0};
}

struct dentry *index_lookup(struct layer_index *ix, const struct dir *dir, const char *name, size_t len) {
        uint32_t hash = name_hash(ix, dir->id, name, len);
        size_t mask = ix->table_size - 1;
        for (size_t i = hash & mask; ix->table[i]; i = (i + 1) & mask) {
                struct dentry *de = ix->table[i];
                if (de->hash == hash && de->parent == dir && de->name_len == len && memcmp(de->name, name, len) == 0)
                        return de;
        }
        return NULL;
}

static void table_put(struct layer_index *ix, struct dentry *de) {
        size_t mask = ix->table_size - 1, i = de->hash & mask;
        while (ix->table[i])
                i = (i + 1) & mask;
        ix->table[i] = de;
}

static bool table_grow(struct layer_index *ix) {
        struct dentry **old = ix->table;
        size_t old_size = ix->table_size;
        if (ix->n_dentries * 3 < old_size * 2)
                return true;
        if (old_size * 2 * sizeof(*old) > ix->arena.max)
                return false;
        ix->table_size *= 2;
        ix->table = xcalloc(ix->table_size, sizeof(*ix->table));
        for (size_t i = 0; i < old_size; i++)
                if (old[i])
                        table_put(ix, old[i]);
        free(old);
        return true;
}

struct dentry *index_add(struct layer_index *ix, struct dir *dir, const char *name, size_t len) {
        struct dentry *de = table_grow(ix) ? arena_alloc(&ix->arena, sizeof(*de) + len + 1) : NULL;
        if (!de)
                return NULL;
        memcpy(de->name, name, len);
        de->name_len = (uint8_t) len;
        de->parent = dir;
        de->hash = name_hash(ix, dir->id, name, len);
        *dir->children_end = de;
        dir->children_end = &de->next;
        dir->n_children++;
        table_put(ix, de);
        ix->n_dentries++;
        return de;
}

struct inode *index_new_inode(struct layer_index *ix, mode_t mode) {
        struct inode *i = arena_alloc(&ix->arena, sizeof(*i));
        if (i)
                *i = (struct inode){.nlink = 1, .type = (uint8_t) (mode >> 12)};
        return i;
}

struct dir *index_new_dir(struct layer_index *ix, struct dentry *self) {
        struct dir *d = arena_alloc(&ix->arena, sizeof(*d));
        if (!d)
                return NULL;
        d->inode = (struct inode){.nlink = 1, .type = S_IFDIR >> 12};
        d->self = self;
        d->id = ix->n_dirs++;
        d->depth = self ? self->parent->depth + 1 : 0;
        d->children_end = &d->children;
        d->attr = (struct layer_attr){.mode = S_IFDIR | 0755};
        *ix->dirs_end = d;
        ix->dirs_end = &d->next;
        if (self)
                self->inode = &d->inode;
        return d;
}

int index_charge(struct layer_index *ix, size_t n) {
        if (n > ix->arena.max - ix->arena.total)
                return -EFBIG;
        ix->arena.total += n;
        return 0;
}

/* Depth-first without recursion: the names lead back up. */
static void dir_kill(struct dir *top) {
        struct dir *d = top;
        struct dentry *de = d->children;
        d->dead = true;
        for (;;) {
                while (!de && d != top) {
                        de = d->self->next;
                        d = d->self->parent;
                }
                if (!de)
                        return;
                struct inode *i = de->inode;
                if (inode_is_dir(i) && !inode_dir(i)->dead) {
                        d = inode_dir(i);
                        d->dead = true;
                        de = d->children;
                        continue;
                }
                if (i && !inode_is_dir(i))
                        i->nlink--;
                de = de->next;
        }
}

void index_detach(struct dentry *de) {
        struct inode *i = de->inode;
        de->inode = NULL;
        if (inode_is_dir(i))
                dir_kill(inode_dir(i));
        else if (i)
                i->nlink--;
}

bool index_is_below(const struct dentry *de, const struct dir *top) {
        for (const struct dir *d = de->parent; d; d = dir_parent(d))
                if (d == top)
                        return true;
        return false;
}

char *dentry_path(const struct dentry *de) {
        size_t n = 0;
        for (const struct dentry *e = de; e; e = e->parent->self)
                n += e->name_len + 1u;
        char *path = xmalloc(n), *p = path + n;
        for (const struct dentry *e = de; e; e = e->parent->self) {
                *--p = e == de ? '\0' : '/';
                p -= e->name_len;
                memcpy(p, e->name, e->name_len);
        }
        return path;
}
