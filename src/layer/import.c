/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * layer_import(): from a tar stream to a stored layer, the same for every driver.
 *
 * Each entry is checked and given its place in the index; then the driver stores it.  Files go to the driver while
 * their data arrives; directories are stored in its finish, when their last attributes and children are known.
 *
 * Meaning of a layer's names (OCI image-spec, layer.md):
 *  - a later entry replaces an earlier one of the same name, with everything below it; a directory that is listed again
 *    only gets new attributes;
 *  - a whiteout hides what lower layers have, never what this layer brings: for a name that this layer has too, only
 *    the directory that stays is made opaque;
 *  - a hard link is to the object that the name stood for at that moment.
 */
#include "resolve.h"
#include "tar_read.h"
#include "base/str.h"

#include <assert.h>
#include <inttypes.h>

#define INDEX_MEMORY_MAX (512u << 20) /* bytes; some 5 million names */

/* The kernel's rules, so that both drivers agree: which attributes a kind of file can have, and ACLs rule the mode. */
static int xattrs_normalize(struct tar_entry *e, mode_t type, mode_t *mode, struct souk_err *err) {
        struct xattr_list *l = &e->xattrs;
        static const char *const acls[] = {XATTR_ACL_ACCESS, XATTR_ACL_DEFAULT};
        for (size_t i = 0; i < ELEMENTSOF(acls); i++) {
                const struct xattr *x = xattr_list_get(l, acls[i]);
                mode_t implied;
                bool minimal;
                if (!x)
                        continue;
                if (type == S_IFLNK || (i == 1 && type != S_IFDIR) || x->len <= 4) {
                        xattr_list_remove(l, acls[i]);
                        continue;
                }
                if (acl_check(x->value, x->len, &implied, &minimal) < 0)
                        return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "malformed ACL");
                if (i == 0)
                        *mode = (*mode & ~0777u) | implied;
                if (i == 0 && minimal)
                        xattr_list_remove(l, acls[i]);
        }
        for (size_t i = l->n; type != S_IFREG && type != S_IFDIR && i-- > 0;)
                if (str_startswith(l->v[i].name, "user."))
                        xattr_list_remove(l, l->v[i].name);
        for (size_t i = 0; i < l->n; i++)
                if (strlen(l->v[i].name) > LAYER_NAME_MAX || l->v[i].len > UINT16_MAX)
                        return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP, "an extended attribute is too large");
        return 0;
}

static int attr_from_entry(struct tar_entry *e, mode_t type, struct layer_attr *ret, struct souk_err *err) {
        *ret = (struct layer_attr){.mode = type | e->mode,
                                   .uid = e->uid,
                                   .gid = e->gid,
                                   .mtime = e->mtime,
                                   .mtime_nsec = e->mtime_nsec,
                                   .xattrs = &e->xattrs};
        if (type == S_IFCHR || type == S_IFBLK) {
                ret->rdev_major = e->rdev_major;
                ret->rdev_minor = e->rdev_minor;
        }
        if (type == S_IFLNK)
                ret->mode = S_IFLNK | 0777;
        return xattrs_normalize(e, type, &ret->mode, err);
}

/* The name, free to stand for something new. */
static int claim(struct import *im, struct dir *dir, const char *name, size_t len, struct dentry **ret,
                 struct souk_err *err) {
        struct dentry *de = index_lookup(&im->ix, dir, name, len);
        if (de) {
                int r = im->ops->remove(im->driver, de, err);
                if (r < 0)
                        return r;
                index_detach(de);
        } else {
                de = index_add(&im->ix, dir, name, len);
                if (!de)
                        return import_memory_error(err);
        }
        *ret = de;
        return 0;
}

static int dir_set_attr(struct import *im, struct dir *d, const struct layer_attr *a, struct souk_err *err) {
        size_t bytes = 0;
        for (size_t i = 0; i < a->xattrs->n; i++)
                bytes += sizeof(struct xattr) + strlen(a->xattrs->v[i].name) + a->xattrs->v[i].len + 32;
        if (index_charge(&im->ix, bytes) < 0)
                return import_memory_error(err);
        d->attr = *a;
        xattr_list_copy(&d->xattrs, a->xattrs);
        d->attr.xattrs = &d->xattrs;
        return 0;
}

static int import_dir(struct import *im, struct tar_entry *e, struct dir *parent, const char *name, size_t len,
                      struct souk_err *err) {
        struct layer_attr a;
        int r = attr_from_entry(e, S_IFDIR, &a, err);
        if (r < 0)
                return r;
        struct dentry *de = name ? index_lookup(&im->ix, parent, name, len) : NULL;
        struct dir *d = !name ? im->ix.root : de && inode_is_dir(de->inode) ? inode_dir(de->inode) : NULL;
        if (!d) {
                r = claim(im, parent, name, len, &de, err);
                if (r == 0)
                        r = import_make_dir(im, de, &d, err);
                if (r < 0)
                        return r;
        }
        return dir_set_attr(im, d, &a, err);
}

static int import_file(struct import *im, struct tar_reader *reader, struct tar_entry *e, struct dentry *de,
                       const struct layer_attr *a, struct souk_err *err) {
        uint64_t at = 0, offset;
        const void *p;
        size_t n;
        uint64_t room = im->limits.max_bytes - im->stats.data_bytes;
        if (!e->sparse && e->size > room)
                return souk_err_set(err, SOUK_LIMIT, -EFBIG, "the layer holds more than %" PRIu64 " bytes of data",
                                    im->limits.max_bytes);
        int r = im->ops->file_begin(im->driver, de, a, e->size, e->sparse, err);
        while (r == 0 && (r = tar_reader_data(reader, &offset, &p, &n, err)) == 1) {
                if (n > room)
                        return souk_err_set(err, SOUK_LIMIT, -EFBIG,
                                            "the layer holds more than %" PRIu64 " bytes of data",
                                            im->limits.max_bytes);
                room -= n;
                im->stats.data_bytes += n;
                r = offset > at ? im->ops->file_hole(im->driver, offset - at, err) : 0;
                if (r == 0)
                        r = im->ops->file_data(im->driver, p, n, err);
                at = offset + n;
        }
        if (r == 0 && at < e->size)
                r = im->ops->file_hole(im->driver, e->size - at, err);
        return r < 0 ? r : im->ops->file_end(im->driver, err);
}

static int import_link(struct import *im, struct tar_entry *e, struct dir *dir, const char *name, size_t len,
                       struct souk_err *err) {
        struct dir *target_dir;
        const char *target_name;
        size_t target_len;
        int kind = path_classify(e->link, e->link_len, err);
        if (kind < 0)
                return kind;
        int r = kind == NAME_PLAIN
                        ? path_resolve(im, e->link, e->link_len, false, &target_dir, &target_name, &target_len, err)
                        : -ENOENT;
        struct dentry *target = r == 0 ? index_lookup(&im->ix, target_dir, target_name, target_len) : NULL;
        if (r < 0 && r != -ENOENT)
                return r;
        if (inode_is_dir(target ? target->inode : NULL))
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "a hard link to a directory");
        if (!target || !target->inode)
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG,
                                    "a hard link to a file that is not in the archive before it");
        struct dentry *de = index_lookup(&im->ix, dir, name, len);
        if (de && de->inode == target->inode)
                return 0;
        if (de && inode_is_dir(de->inode) && index_is_below(target, inode_dir(de->inode)))
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG,
                                    "a hard link that replaces the directory of its own target");
        r = claim(im, dir, name, len, &de, err);
        if (r < 0)
                return r;
        de->inode = target->inode;
        de->inode->nlink++;
        return im->ops->link(im->driver, de, target, err);
}

/* Symlinks, devices, FIFOs and files: an inode of its own. */
static int import_object(struct import *im, struct tar_reader *reader, struct tar_entry *e, struct dir *dir,
                         const char *name, size_t len, struct souk_err *err) {
        static const mode_t types[] = {[TAR_FILE] = S_IFREG,
                                       [TAR_SYMLINK] = S_IFLNK,
                                       [TAR_CHAR] = S_IFCHR,
                                       [TAR_BLOCKDEV] = S_IFBLK,
                                       [TAR_FIFO] = S_IFIFO};
        struct layer_attr a;
        struct dentry *de;
        int r = attr_from_entry(e, types[e->type], &a, err);
        if (r == 0 && e->type == TAR_SYMLINK && (e->link_len == 0 || e->link_len > LAYER_PATH_MAX))
                r = souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "a symlink with a target of %zu bytes", e->link_len);
        if (r == 0)
                r = claim(im, dir, name, len, &de, err);
        if (r < 0)
                return r;
        de->inode = index_new_inode(&im->ix, a.mode);
        if (!de->inode)
                return import_memory_error(err);
        if (e->type == TAR_FILE)
                return import_file(im, reader, e, de, &a, err);
        if (e->type == TAR_SYMLINK) {
                de->inode->link = arena_alloc(&im->ix.arena, e->link_len + 1);
                if (!de->inode->link)
                        return import_memory_error(err);
                memcpy(de->inode->link, e->link, e->link_len);
                de->inode->link_len = (uint16_t) e->link_len;
        }
        return im->ops->special(im->driver, de, &a, err);
}

static int import_whiteout(struct import *im, struct dir *dir, const char *name, size_t len, struct souk_err *err) {
        struct dentry *de = index_lookup(&im->ix, dir, name, len);
        if (de) { /* this layer's own content stays; a directory no longer merges */
                de->whited = true;
                return 0;
        }
        de = index_add(&im->ix, dir, name, len);
        if (!de)
                return import_memory_error(err);
        de->whited = true;
        return im->ops->whiteout(im->driver, de, err);
}

static int import_entry(struct import *im, struct tar_reader *reader, struct tar_entry *e, struct souk_err *err) {
        struct dir *dir;
        const char *name;
        size_t len;
        if (++im->stats.entries > im->limits.max_entries)
                return souk_err_set(err, SOUK_LIMIT, -EFBIG, "the layer has more than %" PRIu64 " entries",
                                    im->limits.max_entries);
        int kind = path_classify(e->path, e->path_len, err);
        if (kind < 0 || kind == NAME_IGNORED)
                return MIN(kind, 0);
        int r = path_resolve(im, e->path, e->path_len, true, &dir, &name, &len, err);
        if (r < 0)
                return r;
        switch (kind) {
        case NAME_WHITEOUT:
                return import_whiteout(im, dir, name + 4, len - 4, err);
        case NAME_OPAQUE:
                dir->opaque = true;
                return 0;
        case NAME_ROOT:
                if (e->type != TAR_DIR)
                        return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "an entry without a name");
                break;
        default:
                break;
        }
        switch (e->type) {
        case TAR_DIR:
                return import_dir(im, e, dir, name, len, err);
        case TAR_HARDLINK:
                return import_link(im, e, dir, name, len, err);
        default:
                return import_object(im, reader, e, dir, name, len, err);
        }
}

static int wrap_entry(const struct tar_entry *e, struct souk_err *err) {
        _cleanup_free_ char *path = xstrndup(e->path, MIN(e->path_len, 200u));
        _cleanup_free_ char *shown = str_printable(path);
        return souk_err_wrap(err, "layer entry '%s'", shown);
}

static int import_all(struct import *im, struct tar_reader *reader, struct souk_err *err) {
        struct tar_entry *e;
        int r;
        while ((r = tar_reader_next(reader, &e, err)) == 1) {
                r = import_entry(im, reader, e, err);
                if (r < 0) {
                        wrap_entry(e, err);
                        return r;
                }
        }
        return r < 0 ? r : im->ops->finish(im->driver, &im->stats.stored_bytes, err);
}

int layer_import(enum layer_driver driver, int dst, const struct layer_source *src, const struct layer_limits *limits,
                 struct layer_stats *ret, struct souk_err *err) {
        static const struct layer_driver_ops *const drivers[] = {
                [LAYER_DRIVER_EROFS] = &layer_driver_erofs,
                [LAYER_DRIVER_TREE] = &layer_driver_tree,
        };
        static_assert(ELEMENTSOF(drivers) == LAYER_DRIVER_MAX, "one for each");
        struct import im = {.ops = drivers[driver], .limits = *limits};
        _cleanup_(tar_reader_freep) struct tar_reader *reader = NULL;
        int r = index_init(&im.ix, INDEX_MEMORY_MAX);
        if (r < 0)
                r = import_memory_error(err);
        if (r == 0)
                r = im.ops->open(dst, &im.ix, &im.driver, err);
        if (r == 0)
                r = tar_reader_new(src, &reader);
        if (r == 0)
                r = import_all(&im, reader, err);
        if (im.driver)
                im.ops->free(im.driver);
        index_free(&im.ix);
        if (r == 0 && ret)
                *ret = im.stats;
        return r;
}
