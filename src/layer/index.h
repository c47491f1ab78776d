/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names of one layer while it is imported: directories, names in them, and the inodes that they stand for.
 *
 *      struct dentry   a name in a directory; stays when a later entry replaces what it stands for
 *      struct inode    a file, symlink, device ...: one per object, shared by hard links
 *      struct dir      an inode that is a directory: children, and attributes, which are known only at the end
 */
#ifndef SOUK_LAYER_INDEX_H
#define SOUK_LAYER_INDEX_H
#include "arena.h"
#include "xattr.h"

#include <sys/stat.h>

/* Attributes as they are stored; the type is in the mode. */
struct layer_attr {
        mode_t mode;
        uint32_t uid;
        uint32_t gid;
        uint32_t mtime_nsec;
        int64_t mtime;
        uint32_t rdev_major;
        uint32_t rdev_minor;
        const struct xattr_list *xattrs; /* NULL: none */
};
struct inode {
        uint64_t nid;      /* EROFS: where it is */
        uint32_t nlink;    /* names; of directories not kept here */
        uint8_t type;      /* mode >> 12 */
        uint16_t link_len; /* of a symlink */
        char *link;        /* its target, in the arena */
};
struct dentry {
        struct dentry *next; /* in its directory */
        struct dir *parent;
        struct inode *inode; /* NULL: whiteout */
        uint32_t hash;
        uint8_t name_len;
        bool whited; /* a whiteout for this name was seen: what lower layers have here is hidden */
        char name[]; /* name_len bytes and a NUL */
};
struct dir {
        struct inode inode;
        struct dentry *self; /* NULL for the root */
        struct dir *next;    /* in the index's list, in the order of creation */
        struct dentry *children;
        struct dentry **children_end;
        uint32_t id; /* for the hash: never used again */
        uint32_t n_children;
        uint32_t depth;
        bool dead;
        bool opaque;
        struct layer_attr attr;
        struct xattr_list xattrs;
        void *driver; /* for the driver's finish */
};
struct layer_index {
        struct arena arena;
        struct dir *root;
        struct dir **dirs_end;
        struct dentry **table;
        size_t table_size; /* power of two */
        size_t n_dentries;
        uint32_t n_dirs;
        uint64_t key[2];
};
/** index_init() - @max_memory bytes. Return: 0; -EFBIG. */
_must_check_ int index_init(struct layer_index *ix, uint64_t max_memory);
void index_free(struct layer_index *ix);
struct dentry *index_lookup(struct layer_index *ix, const struct dir *dir, const char *name, size_t len);
/* These return NULL when the memory limit is reached. */
struct dentry *index_add(struct layer_index *ix, struct dir *dir, const char *name, size_t len);
struct inode *index_new_inode(struct layer_index *ix, mode_t mode);
struct dir *index_new_dir(struct layer_index *ix, struct dentry *self);
/** index_charge() - count memory that is kept beside the arena against the limit. Return: 0; -EFBIG. */
_must_check_ int index_charge(struct layer_index *ix, size_t n);
/** index_detach() - the name stops standing for its inode; a directory dies with everything below it. */
void index_detach(struct dentry *de);
/** index_is_below() - is @de inside the directory @top, at any depth? */
bool index_is_below(const struct dentry *de, const struct dir *top);
static inline bool inode_is_dir(const struct inode *i) {
        return i && i->type == (S_IFDIR >> 12);
}
static inline struct dir *inode_dir(struct inode *i) {
        return (struct dir *) ((char *) i - offsetof(struct dir, inode));
}
static inline struct dir *dir_parent(const struct dir *d) {
        return d->self ? d->self->parent : NULL;
}
/** dir_is_opaque() - nothing of the lower layers shows through. */
static inline bool dir_is_opaque(const struct dir *d) {
        return d->opaque || (d->self && d->self->whited);
}
/** dentry_path() - for messages and walks, "a/b/c"; [owned] */
char *dentry_path(const struct dentry *de);
#endif
