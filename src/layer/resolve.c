/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the path of an entry becomes a place in the layer.
 *
 * Leading slashes go, as tar has it; "." and empty components go; ".." is refused.  A component that is a symlink
 * made by the same archive is followed within the layer's own names (archives that are put together from packages
 * need it: "lib" -> "usr/lib", then "lib/x").  No symlink is ever followed by the kernel: drivers get the resolved
 * place. Lower layers are not known here; a symlink in one of them has no effect, as with every overlay unpacker.
 */
#include "resolve.h"
#include "base/str.h"

#define SYMLINKS_MAX 40

int import_memory_error(struct souk_err *err) {
        return souk_err_set(err, SOUK_LIMIT, -EFBIG, "the layer has more names and attributes than fit into memory");
}

/* Next component of a path; empty ones and "." are passed over. Return: its length, 0 at the end. */
static size_t component(const char **p, const char *end, const char **ret) {
        for (;;) {
                while (*p < end && **p == '/')
                        (*p)++;
                const char *start = *p;
                const char *slash = memchr(start, '/', (size_t) (end - start));
                *p = slash ? slash : end;
                size_t n = (size_t) (*p - start);
                if (n == 1 && start[0] == '.')
                        continue;
                *ret = start;
                return n;
        }
}

static bool is_dotdot(const char *name, size_t n) {
        return n == 2 && name[0] == '.' && name[1] == '.';
}

static bool has_prefix(const char *name, size_t n, const char *prefix) {
        size_t m = strlen(prefix);
        return n >= m && memcmp(name, prefix, m) == 0;
}

static int whiteout_kind(const char *name, size_t n, struct souk_err *err) {
        if (has_prefix(name, n, ".wh..wh."))
                return n == strlen(".wh..wh..opq") && has_prefix(name, n, ".wh..wh..opq") ? NAME_OPAQUE : NAME_IGNORED;
        if (!has_prefix(name, n, ".wh."))
                return NAME_PLAIN;
        const char *hidden = name + 4;
        n -= 4;
        if (n == 0 || (n == 1 && hidden[0] == '.') || is_dotdot(hidden, n))
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "a whiteout for no name");
        return NAME_WHITEOUT;
}

int path_classify(const char *path, size_t len, struct souk_err *err) {
        const char *p = path, *end = path + len, *name;
        int kind = NAME_ROOT;
        size_t n;
        if (len > LAYER_PATH_MAX)
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "a path of %zu bytes, more than %u", len,
                                    LAYER_PATH_MAX);
        while ((n = component(&p, end, &name)) > 0) {
                if (is_dotdot(name, n))
                        return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "the path leads out of the layer ('..')");
                if (n > LAYER_NAME_MAX)
                        return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "a name of %zu bytes, more than %u", n,
                                            LAYER_NAME_MAX);
                if (kind == NAME_IGNORED || kind == NAME_OPAQUE)
                        kind = NAME_IGNORED;
                else if (kind == NAME_WHITEOUT)
                        return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "the path leads through a whiteout");
                else
                        kind = whiteout_kind(name, n, err);
                if (kind < 0)
                        return kind;
        }
        return kind;
}

int import_make_dir(struct import *im, struct dentry *de, struct dir **ret, struct souk_err *err) {
        if (de->parent->depth >= LAYER_DEPTH_MAX)
                return souk_err_set(err, SOUK_LIMIT, -EFBIG, "directories are nested more than %u deep",
                                    LAYER_DEPTH_MAX);
        struct dir *dir = index_new_dir(&im->ix, de);
        if (!dir)
                return import_memory_error(err);
        *ret = dir;
        return im->ops->dir(im->driver, dir, err);
}

static int implied_dir(struct import *im, struct dir *parent, struct dentry *de, const char *name, size_t n,
                       struct dir **ret, struct souk_err *err) {
        if (de) { /* a whiteout gives way; it stays in force for the lower layers */
                int r = im->ops->remove(im->driver, de, err);
                if (r < 0)
                        return r;
        } else {
                de = index_add(&im->ix, parent, name, n);
        }
        return de ? import_make_dir(im, de, ret, err) : import_memory_error(err);
}

static int walk(struct import *im, struct dir *dir, const char *path, size_t len, unsigned *budget, bool create,
                struct dir **ret, struct souk_err *err);

static int step(struct import *im, struct dir *dir, const char *name, size_t n, unsigned *budget, bool create,
                struct dir **ret, struct souk_err *err) {
        if (is_dotdot(name, n)) { /* in a symlink's target only; the root's parent is the root */
                *ret = dir_parent(dir) ?: dir;
                return 0;
        }
        if (n > LAYER_NAME_MAX)
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG,
                                    "the path leads through a symlink with a name of %zu bytes", n);
        struct dentry *de = index_lookup(&im->ix, dir, name, n);
        if (!de || !de->inode)
                return create ? implied_dir(im, dir, de, name, n, ret, err) : -ENOENT;
        struct inode *inode = de->inode;
        if (inode_is_dir(inode)) {
                *ret = inode_dir(inode);
                return 0;
        }
        if (inode->type != S_IFLNK >> 12)
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG,
                                    "the path leads through something that is not a directory");
        if (*budget == 0)
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "the path leads through too many symlinks");
        --*budget;
        return walk(im, inode->link[0] == '/' ? im->ix.root : dir, inode->link, inode->link_len, budget, create, ret,
                    err);
}

/* Recurses once per symlink, so SYMLINKS_MAX deep. */
static int walk(struct import *im, struct dir *dir, const char *path, size_t len, unsigned *budget, bool create,
                struct dir **ret, struct souk_err *err) {
        const char *p = path, *end = path + len, *name;
        size_t n;
        while ((n = component(&p, end, &name)) > 0) {
                int r = step(im, dir, name, n, budget, create, &dir, err);
                if (r < 0)
                        return r;
        }
        *ret = dir;
        return 0;
}

int path_resolve(struct import *im, const char *path, size_t len, bool create, struct dir **ret_dir,
                 const char **ret_name, size_t *ret_len, struct souk_err *err) {
        const char *p = path, *end = path + len, *name, *last = NULL;
        size_t n, last_len = 0;
        unsigned budget = SYMLINKS_MAX;
        struct dir *dir = im->ix.root;
        while ((n = component(&p, end, &name)) > 0) {
                if (last) {
                        int r = step(im, dir, last, last_len, &budget, create, &dir, err);
                        if (r < 0)
                                return r;
                }
                last = name;
                last_len = n;
        }
        *ret_dir = dir;
        *ret_name = last;
        *ret_len = last_len;
        return 0;
}
