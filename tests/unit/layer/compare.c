/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compares two trees in both directions: names, type, mode, owner, size, mtime to the nanosecond, device number, link
 * count, symlink targets, content, extended attributes, and which names are hard links of which.
 */
#include "compare.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SPACE (1u << 16)

struct pair {
        dev_t dev_a, dev_b;
        ino_t a, b;
};
static struct pair *pairs;
static size_t n_pairs;
static unsigned differences;

__attribute__((format(printf, 2, 3))) static void differ(const char *path, const char *fmt, ...) {
        va_list ap;
        va_start(ap, fmt);
        fprintf(stderr, "DIFFERS %s: ", path);
        vfprintf(stderr, fmt, ap);
        fputc('\n', stderr);
        va_end(ap);
        differences++;
}

/* The same inode on one side must be the same inode on the other. */
static void compare_links(const char *path, const struct stat *a, const struct stat *b) {
        for (size_t i = 0; i < n_pairs; i++) {
                bool same_a = pairs[i].a == a->st_ino && pairs[i].dev_a == a->st_dev;
                bool same_b = pairs[i].b == b->st_ino && pairs[i].dev_b == b->st_dev;
                if (same_a != same_b)
                        differ(path, "hard links differ");
                if (same_a || same_b)
                        return;
        }
        pairs = realloc(pairs, (n_pairs + 1) * sizeof(*pairs));
        pairs[n_pairs++] = (struct pair){a->st_dev, b->st_dev, a->st_ino, b->st_ino};
}

static void compare_xattrs(const char *path, const char *a, const char *b, const char *what) {
        static char names[SPACE], va[SPACE], vb[SPACE];
        ssize_t n = llistxattr(a, names, sizeof(names));
        if (n < 0)
                differ(path, "cannot list attributes of %s: %s", a, strerror(errno));
        for (char *p = names; p < names + (n < 0 ? 0 : n); p += strlen(p) + 1) {
                ssize_t la = lgetxattr(a, p, va, sizeof(va)), lb = lgetxattr(b, p, vb, sizeof(vb));
                if (la != lb || (la > 0 && memcmp(va, vb, (size_t) la) != 0))
                        differ(path, "attribute %s (%s): %zd and %zd bytes", p, what, la, lb);
        }
}

/* By data pieces of @a where it can tell: files of gigabytes are mostly holes. */
static void compare_content(const char *path, const char *a, const char *b, off_t size) {
        static char ba[SPACE], bb[SPACE];
        int fa = open(a, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), fb = open(b, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        off_t at = 0;
        while (fa >= 0 && fb >= 0 && at < size) {
                off_t da = lseek(fa, at, SEEK_DATA), db = lseek(fb, at, SEEK_DATA);
                da = da < 0 ? size : da;
                db = db < 0 ? size : db;
                at = da < db ? da : db;
                ssize_t na = pread(fa, ba, sizeof(ba), at), nb = pread(fb, bb, sizeof(bb), at);
                if (na != nb || na < 0 || (na == 0 && at < size) || memcmp(ba, bb, (size_t) na) != 0) {
                        differ(path, "content differs near byte %lld", (long long) at);
                        break;
                }
                at += na;
        }
        if (fa < 0 || fb < 0)
                differ(path, "cannot open");
        close(fa);
        close(fb);
}

static void compare_entry(const char *a, const char *b, const char *path) {
        struct stat sa, sb;
        static char ta[4097], tb[4097];
        if (lstat(a, &sa) < 0 || lstat(b, &sb) < 0) {
                differ(path, "missing in one of them");
                return;
        }
        if (sa.st_mode != sb.st_mode)
                differ(path, "mode %o and %o", sa.st_mode, sb.st_mode);
        /* Overlayfs looks at nothing else of a whiteout. */
        if (sa.st_mode == S_IFCHR && sa.st_rdev == 0 && sb.st_mode == S_IFCHR && sb.st_rdev == 0)
                return;
        if (sa.st_uid != sb.st_uid || sa.st_gid != sb.st_gid)
                differ(path, "owner %u:%u and %u:%u", sa.st_uid, sa.st_gid, sb.st_uid, sb.st_gid);
        if (sa.st_mtim.tv_sec != sb.st_mtim.tv_sec || sa.st_mtim.tv_nsec != sb.st_mtim.tv_nsec)
                differ(path, "mtime %lld.%09ld and %lld.%09ld", (long long) sa.st_mtim.tv_sec, sa.st_mtim.tv_nsec,
                       (long long) sb.st_mtim.tv_sec, sb.st_mtim.tv_nsec);
        if (sa.st_nlink != sb.st_nlink)
                differ(path, "links %lu and %lu", (unsigned long) sa.st_nlink, (unsigned long) sb.st_nlink);
        if ((S_ISCHR(sa.st_mode) || S_ISBLK(sa.st_mode)) && sa.st_rdev != sb.st_rdev)
                differ(path, "device %lx and %lx", (unsigned long) sa.st_rdev, (unsigned long) sb.st_rdev);
        if ((S_ISREG(sa.st_mode) || S_ISLNK(sa.st_mode)) && sa.st_size != sb.st_size)
                differ(path, "size %lld and %lld", (long long) sa.st_size, (long long) sb.st_size);
        else if (S_ISREG(sa.st_mode) && S_ISREG(sb.st_mode))
                compare_content(path, a, b, sa.st_size);
        if (S_ISLNK(sa.st_mode) && S_ISLNK(sb.st_mode)) {
                ssize_t na = readlink(a, ta, sizeof(ta)), nb = readlink(b, tb, sizeof(tb));
                if (na != nb || na < 0 || memcmp(ta, tb, (size_t) na) != 0)
                        differ(path, "symlink target");
        }
        if (!S_ISDIR(sa.st_mode) && sa.st_nlink > 1)
                compare_links(path, &sa, &sb);
        compare_xattrs(path, a, b, "first");
        compare_xattrs(path, b, a, "second");
}

static void compare_dir(const char *a, const char *b, const char *path, bool both) {
        DIR *d = opendir(a);
        struct dirent *de;
        if (!d) {
                differ(path, "cannot open directory");
                return;
        }
        while ((de = readdir(d))) {
                char *pa, *pb, *rel;
                struct stat st;
                if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
                        continue;
                if (asprintf(&pa, "%s/%s", a, de->d_name) < 0 || asprintf(&pb, "%s/%s", b, de->d_name) < 0 ||
                    asprintf(&rel, "%s/%s", path, de->d_name) < 0)
                        abort();
                if (both)
                        compare_entry(pa, pb, rel);
                else if (lstat(pb, &st) < 0)
                        differ(rel, "only in the second");
                if (lstat(pa, &st) == 0 && S_ISDIR(st.st_mode))
                        compare_dir(pa, pb, rel, both);
                free(pa);
                free(pb);
                free(rel);
        }
        closedir(d);
}

unsigned tree_compare(const char *a, const char *b) {
        differences = 0;
        n_pairs = 0;
        compare_entry(a, b, ".");
        compare_dir(a, b, ".", true);
        compare_dir(b, a, ".", false);
        free(pairs);
        pairs = NULL;
        return differences;
}

#ifdef COMPARE_MAIN
int main(int argc, char **argv) {
        return tree_compare(argv[1], argv[2]) != 0;
}
#endif
