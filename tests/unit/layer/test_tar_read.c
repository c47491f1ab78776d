/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tar reader alone: formats, numbers, pax records, and archives that are damaged. */
#include "fixture.h"
#include "base/str.h"
#include "layer/tar_read.h"

#include <stdio.h>
#include <stdlib.h>

struct bytes {
        const char *p;
        size_t left, piece;
};

static int bytes_next(void *user, const void **ret_p, size_t *ret_n, struct souk_err *err) {
        struct bytes *b = user;
        *ret_p = b->p;
        *ret_n = MIN(b->left, b->piece);
        b->p += *ret_n;
        b->left -= *ret_n;
        return *ret_n > 0;
}

static struct bytes bytes;
static struct tar_reader *reader_of(struct tarball *t, size_t piece) {
        struct tar_reader *r;
        bytes = (struct bytes){t->b.data, t->b.len, piece};
        struct layer_source src = {bytes_next, &bytes};
        assert_int_equal(tar_reader_new(&src, &r), 0);
        return r;
}

/* The result of reading everything. */
static int read_all(struct tarball *t, size_t piece, unsigned *ret_entries, struct souk_err *err) {
        struct tar_reader *r = reader_of(t, piece);
        struct tar_entry *e;
        int k;
        *ret_entries = 0;
        while ((k = tar_reader_next(r, &e, err)) == 1)
                ++*ret_entries;
        tar_reader_free(r);
        return k;
}

static void assert_entry(struct tar_reader *r, const char *path, struct tar_entry **ret) {
        struct souk_err err;
        if (tar_reader_next(r, ret, &err) != 1)
                fail_msg("%s", err.msg);
        assert_int_equal((*ret)->path_len, strlen(path));
        assert_memory_equal((*ret)->path, path, strlen(path));
}

static void test_empty(void **state) {
        _cleanup_tarball_ struct tarball t = TARBALL_INIT;
        struct souk_err err;
        unsigned n;
        assert_int_equal(read_all(&t, 512, &n, &err), 0);
        tarball_data(&t, "", 1); /* one block of zeros */
        assert_int_equal(read_all(&t, 512, &n, &err), 0);
        tarball_end(&t);
        assert_int_equal(read_all(&t, 100, &n, &err), 0);
        assert_int_equal(n, 0);
}

static void test_pieces(void **state) {
        _cleanup_tarball_ struct tarball t = TARBALL_INIT;
        char name[301] = {0};
        memset(name, 'n', 300);
        for (size_t i = 20; i < 300; i += 20)
                name[i] = '/';
        tarball_file(&t, "a", "hello");
        tarball_file(&t, name, "world");
        tarball_link(&t, '2', "l", name);
        tarball_end(&t);
        static const size_t pieces[] = {1, 7, 511, 512, 513, 5000, 1u << 20};
        for (size_t i = 0; i < ELEMENTSOF(pieces); i++) {
                struct tar_reader *r = reader_of(&t, pieces[i]);
                struct tar_entry *e;
                struct souk_err err;
                const void *p;
                size_t n;
                uint64_t offset, at = 0;
                assert_entry(r, "a", &e);
                assert_int_equal(e->size, 5);
                while (tar_reader_data(r, &offset, &p, &n, &err) == 1) {
                        assert_int_equal(offset, at);
                        assert_memory_equal(p, "hello" + at, n);
                        at += n;
                }
                assert_int_equal(at, 5);
                assert_entry(r, name, &e); /* its data is skipped */
                assert_entry(r, "l", &e);
                assert_int_equal(e->link_len, 300);
                assert_int_equal(tar_reader_next(r, &e, &err), 0);
                assert_int_equal(bytes.left, 0);
                tar_reader_free(r);
        }
}

static void test_pax(void **state) {
        _cleanup_tarball_ struct tarball t = TARBALL_INIT;
        struct tar_entry *e;
        struct souk_err err;
        tarball_pax(&t, "path", "e\314\201", 3); /* decomposed: must not be normalized */
        tarball_file(&t, "short", "x");
        tarball_pax(&t, "mtime", "-1.75", 5);
        tarball_file(&t, "b", "");
        tarball_pax(&t, "mtime", "12.1234567891", 13);
        tarball_file(&t, "c", "");
        tarball_pax(&t, "uid", "4294967294", 10);
        tarball_file(&t, "d", "");
        tarball_pax(&t, "SCHILY.xattr.user.a%3Db%25", "\0\1", 2);
        tarball_file(&t, "e", "");
        tarball_pax(&t, "RHT.security.selinux", "label", 5);
        tarball_file(&t, "f", "");
        tarball_pax(&t, "path", "", 0); /* an empty value takes nothing away here */
        tarball_file(&t, "g", "");
        tarball_end(&t);
        struct tar_reader *r = reader_of(&t, 1000);
        assert_entry(r, "e\314\201", &e);
        assert_entry(r, "b", &e);
        assert_true(e->mtime == -2 && e->mtime_nsec == 250000000);
        assert_entry(r, "c", &e);
        assert_true(e->mtime == 12 && e->mtime_nsec == 123456789);
        assert_entry(r, "d", &e);
        assert_int_equal(e->uid, 4294967294u);
        assert_entry(r, "e", &e);
        assert_string_equal(e->xattrs.v[0].name, "user.a=b%");
        assert_int_equal(e->xattrs.v[0].len, 2);
        assert_entry(r, "f", &e);
        assert_int_equal(e->xattrs.n, 1);
        assert_int_equal(e->xattrs.v[0].len, 6);
        assert_entry(r, "g", &e);
        assert_int_equal(e->xattrs.n, 0);
        assert_int_equal(tar_reader_next(r, &e, &err), 0);
        tar_reader_free(r);
}

static void test_global(void **state) {
        _cleanup_tarball_ struct tarball t = TARBALL_INIT;
        struct tar_entry *e;
        tarball_raw(&t, 'g', "pax_global_header", "", 13);
        tarball_data(&t, "13 mtime=777\n", 13);
        tarball_file(&t, "a", "");
        tarball_pax(&t, "mtime", "5", 1);
        tarball_file(&t, "b", "");
        tarball_end(&t);
        struct tar_reader *r = reader_of(&t, 4096);
        assert_entry(r, "a", &e);
        assert_int_equal(e->mtime, 777);
        assert_entry(r, "b", &e);
        assert_int_equal(e->mtime, 5);
        tar_reader_free(r);
}

static void test_numbers(void **state) {
        _cleanup_tarball_ struct tarball t = TARBALL_INIT;
        struct tar_entry *e;
        t.uid = 3000000000;
        t.mtime = 1ull << 40;
        tarball_file(&t, "base256", "");
        t.uid = 0;
        tarball_file(&t, "plain/", ""); /* an old-style directory */
        tarball_end(&t);
        struct tar_reader *r = reader_of(&t, 4096);
        assert_entry(r, "base256", &e);
        assert_int_equal(e->uid, 3000000000u);
        assert_int_equal(e->mtime, 1ull << 40);
        assert_entry(r, "plain/", &e);
        assert_int_equal(e->type, TAR_DIR);
        tar_reader_free(r);
}

/* Cut off anywhere, an archive is an error: at every block boundary, and inside blocks. */
static void test_truncated(void **state) {
        _cleanup_tarball_ struct tarball t = TARBALL_INIT;
        struct souk_err err;
        unsigned n;
        tarball_dir(&t, "d/");
        tarball_file(&t, "d/a", "hello");
        tarball_pax(&t, "path", "d/b", 3);
        tarball_file(&t, "x", "world");
        char name[200] = {0};
        memset(name, 'n', 199);
        tarball_file(&t, name, "");
        size_t whole = t.b.len;
        tarball_end(&t);
        for (size_t len = 1; len < whole + 512; len += len % 512 == 511 || len % 512 == 0 ? 1 : 255) {
                t.b.len = len;
                if (len >= whole && len % 512 == 0 && len > whole)
                        break;
                assert_int_equal(read_all(&t, 700, &n, &err), -EBADMSG);
                assert_int_equal(err.code, SOUK_CORRUPT);
        }
        t.b.len = whole + 512; /* one block of zeros is enough */
        assert_int_equal(read_all(&t, 700, &n, &err), 0);
        assert_int_equal(n, 4 - 0);
}

static void check_bad_pax(const char *records) {
        _cleanup_tarball_ struct tarball t = TARBALL_INIT;
        struct souk_err err = {0};
        unsigned n;
        tarball_raw(&t, 'x', "PaxHeader", "", strlen(records));
        tarball_data(&t, records, strlen(records));
        tarball_file(&t, "a", "");
        tarball_end(&t);
        if (read_all(&t, 512, &n, &err) != -EBADMSG)
                fail_msg("accepted: %s", records);
        assert_int_equal(err.code, SOUK_CORRUPT);
}

static void test_bad_pax(void **state) {
        check_bad_pax("garbage\n");
        check_bad_pax("11 path=abc"); /* no newline */
        check_bad_pax("99 path=abc\n");
        check_bad_pax("5 a=b\n");
        check_bad_pax("0 a=b\n");
        check_bad_pax("18446744073709551615 a=b\n");
        check_bad_pax("99999999999999999999999 a=b\n");
        check_bad_pax("6 =abc\n");
        check_bad_pax("8 abcde\n");
        check_bad_pax("10 uid=-1\n");
        check_bad_pax("18 uid=4294967295\n");
        check_bad_pax("12 size=abc\n");
        check_bad_pax("30 size=18446744073709551615\n");
        check_bad_pax("17 mtime=1.5.5\n");
        check_bad_pax("22 GNU.sparse.major=1\n");
        check_bad_pax("26 GNU.sparse.numbytes=12\n");
        check_bad_pax("24 GNU.sparse.map=1,2,3\n");
}

static void check_bad_block(size_t offset, char value, const char *what) {
        _cleanup_tarball_ struct tarball t = TARBALL_INIT;
        struct souk_err err = {0};
        unsigned n;
        tarball_file(&t, "a", "");
        tarball_end(&t);
        t.b.data[offset] = value;
        if (read_all(&t, 512, &n, &err) >= 0)
                fail_msg("accepted: %s", what);
}

static void test_bad_header(void **state) {
        check_bad_block(0, 'b', "a wrong checksum");
        check_bad_block(148, 'x', "a malformed checksum");
        check_bad_block(1023, 1, "rubbish in an end block");
        _cleanup_tarball_ struct tarball t = TARBALL_INIT;
        struct souk_err err;
        unsigned n;
        tarball_raw(&t, 'Q', "a", "", 0);
        tarball_end(&t);
        assert_int_equal(read_all(&t, 512, &n, &err), -EOPNOTSUPP);
        assert_int_equal(err.code, SOUK_UNSUPPORTED);
        buf_reset(&t.b);
        tarball_file(&t, "a", "x");
        tarball_data(&t, "", 1);
        tarball_file(&t, "b", "an entry after the end");
        tarball_end(&t);
        assert_int_equal(read_all(&t, 512, &n, &err), -EBADMSG);
        buf_reset(&t.b);
        tarball_raw(&t, 'x', "p", "", 0); /* describes nothing */
        tarball_end(&t);
        assert_int_equal(read_all(&t, 512, &n, &err), -EBADMSG);
        buf_reset(&t.b);
        tarball_raw(&t, 'x', "p", "", 1ull << 40);
        assert_int_equal(read_all(&t, 512, &n, &err), -EFBIG);
        assert_int_equal(err.code, SOUK_LIMIT);
        buf_reset(&t.b);
        t.uid = UINT32_MAX;
        tarball_file(&t, "a", "");
        tarball_end(&t);
        assert_int_equal(read_all(&t, 512, &n, &err), -EBADMSG);
}

static void check_map(const char *map, const char *realsize, const char *data, int result) {
        _cleanup_tarball_ struct tarball t = TARBALL_INIT;
        struct souk_err err = {0};
        char records[300];
        unsigned n;
        int a = (int) strlen(map) + 19, b = (int) strlen(realsize) + 20;
        snprintf(records, sizeof(records), "%d GNU.sparse.map=%s\n%d GNU.sparse.size=%s\n", a, map, b, realsize);
        tarball_raw(&t, 'x', "PaxHeader", "", strlen(records));
        tarball_data(&t, records, strlen(records));
        tarball_file(&t, "a", data);
        tarball_end(&t);
        int r = read_all(&t, 512, &n, &err);
        if (r != result)
                fail_msg("map %s of %s: %d %s", map, realsize, r, err.msg);
}

static void test_sparse_maps(void **state) {
        check_map("0,2,100,3", "200", "aabbb", 0);
        check_map("0,2,100,3", "102", "aabbb", -EBADMSG); /* past the end */
        check_map("0,2,1,3", "200", "aabbb", -EBADMSG);   /* overlap */
        check_map("100,3,0,2", "200", "aabbb", -EBADMSG); /* backwards */
        check_map("0,2,100,4", "200", "aabbb", -EBADMSG); /* more than is stored */
        check_map("0,2,18446744073709551615,3", "200", "aabbb", -EBADMSG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_empty),   cmocka_unit_test(test_pieces),     cmocka_unit_test(test_pax),
                cmocka_unit_test(test_global),  cmocka_unit_test(test_numbers),    cmocka_unit_test(test_truncated),
                cmocka_unit_test(test_bad_pax), cmocka_unit_test(test_bad_header), cmocka_unit_test(test_sparse_maps),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
