/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A mounted layer equals what GNU tar extracts, and so does an unpacked one: names, attributes, times, links,
 * content.  The tree is made by nasty_tree.sh; the archives are GNU tar's in each of its formats, and our own export.
 */
#include "compare.h"
#include "fixture.h"
#include "base/file.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static char nasty[80]; /* the tree that all archives are made from */
static struct place source;

static int make_source(void **state) {
        if (!can_mount())
                return 0;
        place_make(&source);
        snprintf(nasty, sizeof(nasty), "%s/nasty", source.dir);
        assert_int_equal(mkdir(nasty, 0755), 0);
        return run_shell("sh " TEST_SOURCE_DIR "/nasty_tree.sh %s", nasty);
}

static int remove_source(void **state) {
        if (can_mount())
                place_remove(&source);
        return 0;
}

static char *read_archive(const struct place *p, size_t *ret_len) {
        char path[128], *text;
        snprintf(path, sizeof(path), "%s/tar", p->dir);
        assert_int_equal(file_read(AT_FDCWD, path, 1u << 30, &text, ret_len), 0);
        return text;
}

/* One archive through GNU tar and through both drivers. */
static void check_archive(const char *create, const char *extract) {
        struct place p;
        size_t n;
        if (!can_mount())
                skip();
        place_make(&p);
        assert_int_equal(run_shell("%s -cf %s/tar -C %s . 2>/dev/null", create, p.dir, nasty), 0);
        assert_int_equal(run_shell("mkdir %s/gnu && tar %s --numeric-owner -xpf %s/tar -C %s/gnu 2>/dev/null", p.dir,
                                   extract, p.dir, p.dir),
                         0);
        _cleanup_free_ char *tar = read_archive(&p, &n);
        char gnu[80];
        snprintf(gnu, sizeof(gnu), "%s/gnu", p.dir);
        const char *mounted = place_import(&p, LAYER_DRIVER_EROFS, tar, n);
        assert_int_equal(tree_compare(gnu, mounted), 0);
        const char *unpacked = place_import(&p, LAYER_DRIVER_TREE, tar, n);
        assert_int_equal(tree_compare(gnu, unpacked), 0);
        place_remove(&p);
}

#define ALL_ATTRIBUTES "--xattrs --xattrs-include='*' --acls --numeric-owner"
static void test_pax(void **state) {
        check_archive("tar --format=pax --xattrs --acls --numeric-owner -S --xattrs-include='*'", ALL_ATTRIBUTES);
}
static void test_pax_sparse_00(void **state) {
        check_archive("tar --format=pax --sparse-version=0.0 -S --numeric-owner", "");
}
static void test_pax_sparse_01(void **state) {
        check_archive("tar --format=pax --sparse-version=0.1 -S --numeric-owner", "");
}
static void test_gnu(void **state) {
        check_archive("tar --format=gnu -S --numeric-owner", "");
}
static void test_oldgnu(void **state) {
        check_archive("tar --format=oldgnu -S --numeric-owner --exclude=far-future --exclude=before-epoch", "");
}
static void test_ustar(void **state) {
        check_archive("tar --format=ustar --numeric-owner --exclude='sparse-*' --exclude=big-ids --exclude=bigger-ids "
                      "--exclude=dangling"
                      " --exclude=far-future --exclude=before-epoch --exclude='ppp*' --exclude='nnn*' "
                      "--exclude='long*-target' --exclude=bigdev",
                      "");
}

static int buf_sink(void *user, const void *p, size_t n, struct souk_err *err) {
        return buf_append(user, p, n);
}

static void export_tree(const char *root, unsigned flags, struct buf *ret) {
        struct souk_err err = {0};
        struct layer_sink sink = {buf_sink, ret};
        int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (layer_export(fd, flags, &sink, &err) < 0)
                fail_msg("export: %s", err.msg);
        close(fd);
}

/* A tree, exported and imported again, is the same tree; and GNU tar reads the export. */
static void test_export(void **state) {
        struct place p;
        struct buf tar = BUF_INIT(1u << 30), again = BUF_INIT(1u << 30);
        if (!can_mount())
                skip();
        place_make(&p);
        export_tree(nasty, 0, &tar);
        const char *mounted = place_import(&p, LAYER_DRIVER_EROFS, tar.data, tar.len);
        assert_int_equal(tree_compare(nasty, mounted), 0);
        export_tree(mounted, 0, &again);
        assert_true(again.len < tar.len + (1u << 20)); /* EROFS shows holes too, if only those of whole chunks */

        char path[128];
        snprintf(path, sizeof(path), "%s/tar", p.dir);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(fd_write_all(fd, tar.data, tar.len), 0);
        close(fd);
        assert_int_equal(run_shell("mkdir %s/gnu && tar " ALL_ATTRIBUTES " -xpf %s/tar -C %s/gnu 2>/dev/null", p.dir,
                                   p.dir, p.dir),
                         0);
        snprintf(path, sizeof(path), "%s/gnu", p.dir);
        assert_int_equal(tree_compare(nasty, path), 0);
        buf_free(&tar);
        buf_free(&again);
        place_remove(&p);
}

/* What overlayfs made of an upper directory goes out as .wh. entries and comes back as it was. */
static void test_export_whiteouts(void **state) {
        struct place p;
        struct buf tar = BUF_INIT(1u << 20), plain = BUF_INIT(1u << 20);
        char upper[80];
        if (!can_mount())
                skip();
        place_make(&p);
        snprintf(upper, sizeof(upper), "%s/upper", p.dir);
        assert_int_equal(
                run_shell("mkdir -p %s/opaque %s/merged && mknod %s/gone c 0 0 && mknod %s/merged/gone-too c 0 0 && "
                          "setfattr -n trusted.overlay.opaque -v y %s/opaque && echo x > %s/opaque/new && chmod 0 "
                          "%s/gone",
                          upper, upper, upper, upper, upper, upper, upper),
                0);
        export_tree(upper, LAYER_EXPORT_WHITEOUTS, &tar);
        const char *mounted = place_import(&p, LAYER_DRIVER_EROFS, tar.data, tar.len);
        struct stat st;
        char path[256];
        snprintf(path, sizeof(path), "%s/merged/gone-too", mounted);
        assert_int_equal(lstat(path, &st), 0);
        assert_true(S_ISCHR(st.st_mode) && st.st_rdev == 0);
        assert_int_equal(
                run_shell("test \"$(getfattr --only-values -n trusted.overlay.opaque %s/opaque 2>/dev/null)\" = y",
                          mounted),
                0);
        const char *unpacked = place_import(&p, LAYER_DRIVER_TREE, tar.data, tar.len);
        assert_int_equal(
                run_shell("test -c %s/gone -a -c %s/merged/gone-too -a -f %s/opaque/new", unpacked, unpacked, unpacked),
                0);
        assert_int_equal(
                run_shell("test \"$(getfattr --only-values -n trusted.overlay.opaque %s/opaque 2>/dev/null)\" = y",
                          unpacked),
                0);
        export_tree(upper, 0, &plain);
        assert_null(memmem(plain.data, plain.len, ".wh.", 4));
        assert_null(memmem(plain.data, plain.len, "gone", 4));
        buf_free(&tar);
        buf_free(&plain);
        place_remove(&p);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pax),           cmocka_unit_test(test_pax_sparse_00),
                cmocka_unit_test(test_pax_sparse_01), cmocka_unit_test(test_gnu),
                cmocka_unit_test(test_oldgnu),        cmocka_unit_test(test_ustar),
                cmocka_unit_test(test_export),        cmocka_unit_test(test_export_whiteouts),
        };
        return cmocka_run_group_tests(tests, make_source, remove_source);
}
