/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What entries mean to each other, and what is refused: through both drivers, which must agree. */
#include "compare.h"
#include "fixture.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>

static struct place place;
static const char *root;

static struct stat stat_of(const char *path) {
        char full[8192];
        struct stat st = {0};
        snprintf(full, sizeof(full), "%s/%s", root, path);
        if (lstat(full, &st) < 0)
                st.st_mode = 0;
        return st;
}

static void assert_content(const char *path, const char *text) {
        char full[8192], got[100] = {0};
        snprintf(full, sizeof(full), "%s/%s", root, path);
        int fd = open(full, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                fail_msg("no file '%s'", path);
        assert_true(read(fd, got, sizeof(got) - 1) >= 0);
        close(fd);
        assert_string_equal(got, text);
}

static bool is_opaque(const char *path) {
        char full[8192], v[8];
        snprintf(full, sizeof(full), "%s/%s", root, path);
        return getxattr(full, "trusted.overlay.opaque", v, sizeof(v)) == 1 && v[0] == 'y';
}

static bool is_whiteout(const char *path) {
        struct stat st = stat_of(path);
        return S_ISCHR(st.st_mode) && st.st_rdev == 0;
}

/* Imports with both drivers, compares the two, and leaves `root` on the mounted one. */
static void layer_of(struct tarball *t) {
        tarball_end(t);
        place_make(&place);
        const char *tree = place_import(&place, LAYER_DRIVER_TREE, t->b.data, t->b.len);
        root = place_import(&place, LAYER_DRIVER_EROFS, t->b.data, t->b.len);
        assert_int_equal(tree_compare(tree, root), 0);
}

static void check_refused(struct tarball *t, enum souk_code code, const char *part) {
        struct souk_err err;
        tarball_end(t);
        for (enum layer_driver d = 0; d < LAYER_DRIVER_MAX; d++) {
                if (d == LAYER_DRIVER_TREE && geteuid() != 0)
                        continue;
                if (import_try(d, t->b.data, t->b.len, &err) >= 0)
                        fail_msg("not refused: %s", part);
                assert_int_equal(err.code, code);
                if (!strstr(err.msg, part))
                        fail_msg("message '%s' without '%s'", err.msg, part);
        }
        buf_reset(&t->b);
}

static void test_replaced(void **state) {
        _cleanup_tarball_ struct tarball t = TARBALL_INIT;
        if (!can_mount())
                skip();
        tarball_file(&t, "file-file", "old");
        tarball_file(&t, "file-file", "new");
        tarball_dir(&t, "dir-file/");
        tarball_dir(&t, "dir-file/sub/");
        tarball_file(&t, "dir-file/sub/x", "x");
        tarball_link(&t, '1', "saved", "dir-file/sub/x");
        tarball_file(&t, "dir-file", "now a file");
        tarball_file(&t, "file-dir", "x");
        tarball_dir(&t, "file-dir/");
        tarball_file(&t, "file-dir/y", "y");
        tarball_dir(&t, "dir-dir/");
        tarball_file(&t, "dir-dir/kept", "kept");
        t.mode = 0700;
        tarball_dir(&t, "dir-dir");
        t.mode = 0;
        tarball_link(&t, '2', "link-dir", "dir-dir");
        tarball_dir(&t, "link-dir/");
        tarball_file(&t, "link-dir/z", "z");
        tarball_file(&t, "first", "one");
        tarball_link(&t, '1', "second", "first");
        tarball_file(&t, "first", "two");
        tarball_dir(&t, "dir-link/");
        tarball_file(&t, "dir-link/x", "x");
        tarball_link(&t, '2', "dir-link", "nowhere");
        layer_of(&t);
        assert_content("file-file", "new");
        assert_content("dir-file", "now a file");
        assert_content("saved", "x");
        assert_int_equal(stat_of("saved").st_nlink, 1);
        assert_content("file-dir/y", "y");
        assert_content("dir-dir/kept", "kept");
        assert_int_equal(stat_of("dir-dir").st_mode, S_IFDIR | 0700);
        assert_true(S_ISDIR(stat_of("link-dir").st_mode));
        assert_int_equal(stat_of("dir-dir/z").st_mode, 0);
        assert_content("second", "one"); /* a hard link is to the object */
        assert_content("first", "two");
        assert_true(S_ISLNK(stat_of("dir-link").st_mode));
        place_remove(&place);
}

static void test_implied_parents(void **state) {
        _cleanup_tarball_ struct tarball t = TARBALL_INIT;
        if (!can_mount())
                skip();
        t.uid = t.gid = 5;
        tarball_file(&t, "a/b/c", "c");
        tarball_file(&t, "/abs//./d", "d");
        layer_of(&t);
        struct stat st = stat_of("a/b");
        assert_int_equal(st.st_mode, S_IFDIR | 0755);
        assert_true(st.st_uid == 0 && st.st_gid == 0 && st.st_mtime == 0);
        assert_int_equal(stat_of("").st_mode, S_IFDIR | 0755);
        assert_content("abs/d", "d");
        place_remove(&place);
}

static void test_hard_links(void **state) {
        _cleanup_tarball_ struct tarball t = TARBALL_INIT;
        if (!can_mount())
                skip();
        tarball_file(&t, "a", "same");
        tarball_link(&t, '1', "b", "./a");
        tarball_link(&t, '1', "d/c", "/b");
        tarball_link(&t, '1', "a", "a"); /* itself: nothing happens */
        tarball_file(&t, "replaced", "x");
        tarball_link(&t, '1', "replaced", "a");
        layer_of(&t);
        assert_int_equal(stat_of("a").st_nlink, 4);
        assert_int_equal(stat_of("d/c").st_ino, stat_of("replaced").st_ino);
        place_remove(&place);
}

static void test_hard_links_refused(void **state) {
        _cleanup_tarball_ struct tarball t = TARBALL_INIT;
        tarball_link(&t, '1', "a", "missing");
        check_refused(&t, SOUK_CORRUPT, "not in the archive");
        tarball_link(&t, '1', "a", "b");
        tarball_link(&t, '1', "b", "a");
        check_refused(&t, SOUK_CORRUPT, "not in the archive");
        tarball_link(&t, '1', "a", "a");
        check_refused(&t, SOUK_CORRUPT, "not in the archive");
        tarball_dir(&t, "d/");
        tarball_link(&t, '1', "a", "d");
        check_refused(&t, SOUK_CORRUPT, "to a directory");
        tarball_link(&t, '1', "a", "../../etc/passwd");
        check_refused(&t, SOUK_CORRUPT, "'..'");
        tarball_link(&t, '1', "a", "/etc/passwd");
        check_refused(&t, SOUK_CORRUPT, "not in the archive");
        tarball_file(&t, ".wh.gone", "");
        tarball_link(&t, '1', "a", "gone");
        check_refused(&t, SOUK_CORRUPT, "not in the archive");
        tarball_file(&t, "d/x", "");
        tarball_link(&t, '1', "d", "d/x");
        check_refused(&t, SOUK_CORRUPT, "its own target");
}

static void test_whiteouts(void **state) {
        _cleanup_tarball_ struct tarball t = TARBALL_INIT;
        if (!can_mount())
                skip();
        tarball_file(&t, ".wh.gone", "");
        tarball_file(&t, "d/.wh.gone-too", "");
        tarball_file(&t, "kept-before", "kept");
        tarball_file(&t, ".wh.kept-before", "");
        tarball_file(&t, ".wh.kept-after", "");
        tarball_file(&t, "kept-after", "kept");
        tarball_dir(&t, "dir-before/");
        tarball_file(&t, ".wh.dir-before", "");
        tarball_file(&t, ".wh.dir-after", "");
        tarball_dir(&t, "dir-after/");
        tarball_file(&t, ".wh.dir-implied", "");
        tarball_file(&t, "dir-implied/f", "f");
        tarball_dir(&t, "opaque/");
        tarball_file(&t, "opaque/.wh..wh..opq", "");
        tarball_dir(&t, "opaque/"); /* listed again: stays opaque */
        tarball_file(&t, "implied-opaque/.wh..wh..opq", "");
        tarball_dir(&t, "./.wh..wh.plnk/");
        tarball_file(&t, ".wh..wh.plnk/123.456", "aufs");
        tarball_file(&t, ".wh..wh.aufs", "");
        tarball_file(&t, ".whatever", "an ordinary name");
        tarball_pax(&t, "SCHILY.xattr.trusted.overlay.opaque", "y", 1);
        tarball_dir(&t, "forged/");
        layer_of(&t);
        assert_true(is_whiteout("gone") && is_whiteout("d/gone-too"));
        assert_content("kept-before", "kept");
        assert_content("kept-after", "kept");
        assert_true(is_opaque("dir-before") && is_opaque("dir-after") && is_opaque("dir-implied"));
        assert_true(is_opaque("opaque") && is_opaque("implied-opaque"));
        assert_false(is_opaque("forged") || is_opaque("d") || is_opaque(""));
        assert_content("dir-implied/f", "f");
        assert_content(".whatever", "an ordinary name");
        assert_int_equal(stat_of(".wh..wh.plnk").st_mode, 0);
        assert_int_equal(stat_of(".wh..wh.aufs").st_mode, 0);
        place_remove(&place);
}

static void test_whiteouts_refused(void **state) {
        static const char *const names[] = {".wh.", ".wh..", ".wh...", "a/.wh../b"};
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_tarball_ struct tarball t = TARBALL_INIT;
                tarball_file(&t, names[i], "");
                check_refused(&t, SOUK_CORRUPT, "whiteout");
        }
        _cleanup_tarball_ struct tarball t = TARBALL_INIT;
        tarball_file(&t, ".wh.d/x", "");
        check_refused(&t, SOUK_CORRUPT, "whiteout");
}

/* Layers on top of each other, as overlayfs sees them. */
static void test_overlay(void **state) {
        _cleanup_tarball_ struct tarball lower = TARBALL_INIT, upper = TARBALL_INIT;
        struct place lower_place;
        if (!can_mount())
                skip();
        tarball_file(&lower, "gone", "old");
        tarball_file(&lower, "opaque/old", "old");
        tarball_file(&lower, "merged/old", "old");
        tarball_end(&lower);
        tarball_file(&upper, ".wh.gone", "");
        tarball_file(&upper, "opaque/.wh..wh..opq", "");
        tarball_file(&upper, "opaque/new", "new");
        tarball_file(&upper, "merged/new", "new");
        place_make(&lower_place);
        char below[128];
        snprintf(below, sizeof(below), "%s", place_import(&lower_place, LAYER_DRIVER_EROFS, lower.b.data, lower.b.len));
        layer_of(&upper);
        char above[128], other[128];
        snprintf(above, sizeof(above), "%s", root);
        snprintf(other, sizeof(other), "%s/other", place.dir);
        assert_int_equal(mkdir(other, 0755), 0);
        assert_int_equal(run_shell("mount -t overlay -o ro,lowerdir=%s:%s overlay %s", above, below, other), 0);
        root = other;
        assert_int_equal(stat_of("gone").st_mode, 0);
        assert_int_equal(stat_of("opaque/old").st_mode, 0);
        assert_content("opaque/new", "new");
        assert_content("merged/old", "old");
        assert_content("merged/new", "new");
        place_remove(&place);
        place_remove(&lower_place);
}

static void test_paths_refused(void **state) {
        static const char *const paths[] = {"..", "a/../b", "../x", "/..", "./../x", "a/.."};
        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                _cleanup_tarball_ struct tarball t = TARBALL_INIT;
                tarball_file(&t, paths[i], "");
                check_refused(&t, SOUK_CORRUPT, "'..'");
        }
        _cleanup_tarball_ struct tarball t = TARBALL_INIT;
        char name[20002] = {0};
        memset(name, 'n', 256);
        tarball_file(&t, name, "");
        check_refused(&t, SOUK_CORRUPT, "256 bytes");
        for (size_t i = 0; i < 20000; i += 2)
                memcpy(name + i, "d/", 2); /* 10,000 deep */
        tarball_file(&t, name, "");
        check_refused(&t, SOUK_CORRUPT, "20000 bytes");
        tarball_file(&t, "./", "");
        tarball_raw(&t, '2', "", "x", 0);
        check_refused(&t, SOUK_CORRUPT, "without a name");
        tarball_pax(&t, "path", "a\0b", 3);
        tarball_file(&t, "x", "");
        check_refused(&t, SOUK_CORRUPT, "'path'");
        tarball_file(&t, "f", "");
        tarball_file(&t, "f/x", "");
        check_refused(&t, SOUK_CORRUPT, "not a directory");
        tarball_link(&t, '2', "s", "");
        check_refused(&t, SOUK_CORRUPT, "symlink");
}

static void test_paths_accepted(void **state) {
        _cleanup_tarball_ struct tarball t = TARBALL_INIT;
        char name[256] = {0}, deep[4096] = {0};
        if (!can_mount())
                skip();
        memset(name, 'n', 255);
        tarball_file(&t, name, "long");
        for (size_t i = 0; i < 3998; i += 2)
                memcpy(deep + i, "d/", 2);
        deep[3998] = 'f';
        tarball_file(&t, deep, "deep");
        t.mode = 01777;
        t.uid = 7;
        tarball_pax(&t, "SCHILY.xattr.user.root", "r", 1);
        tarball_dir(&t, "./");
        layer_of(&t);
        assert_content(name, "long");
        assert_int_equal(stat_of("").st_mode, S_IFDIR | 01777);
        assert_int_equal(stat_of("").st_uid, 7);
        place_remove(&place);
}

/* Symlinks of the archive are followed inside the layer, never by the kernel, never out of it. */
static void test_symlinked_parents(void **state) {
        _cleanup_tarball_ struct tarball t = TARBALL_INIT;
        if (!can_mount())
                skip();
        tarball_dir(&t, "usr/lib/");
        tarball_link(&t, '2', "lib", "usr/lib");
        tarball_file(&t, "lib/x", "x");
        tarball_link(&t, '2', "usr/up", "../../../../etc");
        tarball_file(&t, "usr/up/passwd", "ours");
        tarball_link(&t, '2', "tmp", "/var/tmp");
        tarball_file(&t, "tmp/y", "y");
        tarball_link(&t, '2', "self", ".");
        tarball_file(&t, "self/self/z", "z");
        tarball_link(&t, '1', "hard", "lib/x");
        layer_of(&t);
        assert_content("usr/lib/x", "x");
        assert_content("etc/passwd", "ours");
        assert_content("var/tmp/y", "y");
        assert_content("z", "z");
        assert_true(S_ISLNK(stat_of("lib").st_mode) && S_ISLNK(stat_of("tmp").st_mode));
        assert_int_equal(stat_of("hard").st_nlink, 2);
        place_remove(&place);
}

static void test_symlink_loops(void **state) {
        _cleanup_tarball_ struct tarball t = TARBALL_INIT;
        tarball_link(&t, '2', "a", "b");
        tarball_link(&t, '2', "b", "a");
        tarball_file(&t, "a/x", "");
        check_refused(&t, SOUK_CORRUPT, "too many symlinks");
        tarball_link(&t, '2', "a", "a/a/a");
        tarball_file(&t, "a/x", "");
        check_refused(&t, SOUK_CORRUPT, "too many symlinks");
}

static void test_attributes(void **state) {
        _cleanup_tarball_ struct tarball t = TARBALL_INIT;
        static char large[60000];
        char full[256];
        if (!can_mount())
                skip();
        memset(large, 'L', sizeof(large));
        tarball_pax(&t, "SCHILY.xattr.user.large", large, 3500); /* the inode takes most of a block */
        tarball_file(&t, "large", "data beside");
        tarball_pax(&t, "SCHILY.xattr.trusted.system.label", "s", 1);
        tarball_link(&t, '2', "s", "target");
        tarball_pax(&t, "SCHILY.xattr.user.not-on-links", "s", 1);
        tarball_link(&t, '2', "s2", "target");
        tarball_pax(&t, "SCHILY.xattr.com.apple.x", "s", 1);
        tarball_file(&t, "foreign", "");
        layer_of(&t);
        static char got[sizeof(large)];
        snprintf(full, sizeof(full), "%s/large", root);
        assert_int_equal(getxattr(full, "user.large", got, sizeof(got)), 3500);
        assert_memory_equal(got, large, 3500);
        assert_content("large", "data beside");
        place_remove(&place);

        /* More than ext4 stores, so EROFS alone: inodes of several blocks */
        buf_reset(&t.b);
        tarball_pax(&t, "SCHILY.xattr.user.large", large, sizeof(large));
        tarball_file(&t, "huge", "and data");
        tarball_file(&t, "after", "small");
        tarball_end(&t);
        place_make(&place);
        root = place_import(&place, LAYER_DRIVER_EROFS, t.b.data, t.b.len);
        snprintf(full, sizeof(full), "%s/huge", root);
        assert_int_equal(getxattr(full, "user.large", got, sizeof(got)), sizeof(large));
        assert_memory_equal(got, large, sizeof(large));
        assert_content("huge", "and data");
        assert_content("after", "small");
        place_remove(&place);
}

static void test_attributes_refused(void **state) {
        _cleanup_tarball_ struct tarball t = TARBALL_INIT;
        static char large[70000];
        memset(large, 'x', sizeof(large));
        tarball_pax(&t, "SCHILY.xattr.user.large", large, sizeof(large));
        tarball_file(&t, "a", "");
        check_refused(&t, SOUK_UNSUPPORTED, "too large");
        tarball_pax(&t, "SCHILY.xattr.system.posix_acl_access", "\2\0\0\0rubbish!", 12);
        tarball_file(&t, "a", "");
        check_refused(&t, SOUK_CORRUPT, "ACL");
        tarball_pax(&t, "SCHILY.acl.access", "user::rwx,user:lisa:r--,group::r--,mask::r--,other::r--", 55);
        tarball_file(&t, "a", "");
        check_refused(&t, SOUK_UNSUPPORTED, "without its number");
}

static void test_limits(void **state) {
        _cleanup_tarball_ struct tarball t = TARBALL_INIT;
        struct souk_err err = {0};
        struct layer_stats stats;
        for (int i = 0; i < 20; i++) {
                char name[16];
                snprintf(name, sizeof(name), "f%d", i);
                tarball_file(&t, name, "0123456789");
        }
        tarball_end(&t);
        int fd = memfd_create("layer", MFD_CLOEXEC);
        struct layer_limits limits = {.max_bytes = 200, .max_entries = 20};
        assert_int_equal(import_memory(LAYER_DRIVER_EROFS, fd, t.b.data, t.b.len, 4096, &limits, &stats, &err), 0);
        assert_int_equal(stats.entries, 20);
        assert_int_equal(stats.data_bytes, 200);
        limits.max_bytes = 199;
        assert_int_equal(import_memory(LAYER_DRIVER_EROFS, fd, t.b.data, t.b.len, 4096, &limits, &stats, &err), -EFBIG);
        assert_int_equal(err.code, SOUK_LIMIT);
        limits = (struct layer_limits){.max_bytes = 200, .max_entries = 19};
        assert_int_equal(import_memory(LAYER_DRIVER_EROFS, fd, t.b.data, t.b.len, 4096, &limits, &stats, &err), -EFBIG);
        assert_int_equal(err.code, SOUK_LIMIT);
        /* A header that promises more than the limit is refused before its data comes. */
        buf_reset(&t.b);
        tarball_raw(&t, '0', "bomb", "", 1ull << 40);
        assert_int_equal(import_memory(LAYER_DRIVER_EROFS, fd, t.b.data, t.b.len, 4096, &limits, &stats, &err), -EFBIG);
        assert_int_equal(err.code, SOUK_LIMIT);
        close(fd);
}

static void test_empty(void **state) {
        _cleanup_tarball_ struct tarball t = TARBALL_INIT;
        struct souk_err err;
        assert_int_equal(import_try(LAYER_DRIVER_EROFS, "", 0, &err), 0);
        if (!can_mount())
                skip();
        layer_of(&t);
        assert_int_equal(stat_of("").st_mode, S_IFDIR | 0755);
        place_remove(&place);
}

static void test_not_tar(void **state) {
        struct souk_err err;
        char rubbish[10240];
        for (size_t i = 0; i < sizeof(rubbish); i++)
                rubbish[i] = (char) (i * 7 + i / 251);
        assert_int_equal(import_try(LAYER_DRIVER_EROFS, rubbish, sizeof(rubbish), &err), -EBADMSG);
        assert_int_equal(err.code, SOUK_CORRUPT);
        assert_non_null(strstr(err.msg, "not a tar archive"));
        assert_int_equal(import_try(LAYER_DRIVER_EROFS, rubbish, 100, &err), -EBADMSG);
}

static size_t import_bytes(const struct tarball *t, size_t piece, char **ret) {
        struct souk_err err;
        struct stat st;
        int fd = memfd_create("layer", MFD_CLOEXEC);
        assert_int_equal(import_memory(LAYER_DRIVER_EROFS, fd, t->b.data, t->b.len, piece, NULL, NULL, &err), 0);
        assert_int_equal(fstat(fd, &st), 0);
        *ret = malloc((size_t) st.st_size);
        assert_int_equal(pread(fd, *ret, (size_t) st.st_size, 0), st.st_size);
        close(fd);
        return (size_t) st.st_size;
}

/* The same archive gives the same image, whatever the pieces that it comes in; another one has another UUID. */
static void test_reproducible(void **state) {
        _cleanup_tarball_ struct tarball t = TARBALL_INIT;
        _cleanup_free_ char *text = calloc(1, 200001), *a = NULL, *b = NULL, *c = NULL;
        memset(text, 'x', 200000);
        for (int i = 0; i < 300; i++) {
                char name[32];
                snprintf(name, sizeof(name), "d%d/f%d", i % 17, i);
                tarball_file(&t, name, text + 200000 - i * 500);
        }
        size_t open_end = t.b.len;
        tarball_end(&t);
        size_t na = import_bytes(&t, 1000, &a), nb = import_bytes(&t, 200000, &b);
        assert_int_equal(na, nb);
        assert_memory_equal(a, b, na);
        t.b.len = open_end;
        tarball_file(&t, "more", "");
        tarball_end(&t);
        import_bytes(&t, 4096, &c);
        assert_memory_not_equal(a + 1024 + 48, c + 1024 + 48, 16);
}

/* 100,000 names, with collisions of every kind that a plain hash table would have. */
static void test_many(void **state) {
        _cleanup_tarball_ struct tarball t = TARBALL_INIT;
        struct souk_err err;
        struct layer_stats stats;
        char name[128];
        for (int i = 0; i < 100000; i++) {
                snprintf(name, sizeof(name), "dir%d/sub%d/file-number-%d", i % 10, i % 1000, i);
                tarball_raw(&t, i % 7 ? '0' : '2', name, i % 7 ? "" : "target", 0);
        }
        tarball_end(&t);
        place_make(&place);
        snprintf(name, sizeof(name), "%s/image", place.dir);
        int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(import_memory(LAYER_DRIVER_EROFS, fd, t.b.data, t.b.len, 1u << 18, NULL, &stats, &err), 0);
        close(fd);
        assert_int_equal(stats.entries, 100000);
        assert_int_equal(run_shell("fsck.erofs %s", name), 0);
        place_remove(&place);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_replaced),
                cmocka_unit_test(test_implied_parents),
                cmocka_unit_test(test_hard_links),
                cmocka_unit_test(test_hard_links_refused),
                cmocka_unit_test(test_whiteouts),
                cmocka_unit_test(test_whiteouts_refused),
                cmocka_unit_test(test_overlay),
                cmocka_unit_test(test_paths_refused),
                cmocka_unit_test(test_paths_accepted),
                cmocka_unit_test(test_symlinked_parents),
                cmocka_unit_test(test_symlink_loops),
                cmocka_unit_test(test_attributes),
                cmocka_unit_test(test_attributes_refused),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_empty),
                cmocka_unit_test(test_not_tar),
                cmocka_unit_test(test_reproducible),
                cmocka_unit_test(test_many),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
