/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tar reader: v7, ustar, pax (local and global headers) and GNU tar (long names, old sparse files, base-256
 * numbers).
 *
 * Why not libarchive: in a UTF-8 locale it normalizes pax names to NFC (two files can become one, bytes change), in
 * the C locale it reports every non-ASCII name as a warning that cannot be told from real damage, it accepts an
 * archive that was cut off between two entries, and its ACLs and numbers pass through text and guesses.  A layer must
 * come out as the bytes that its digest covers.  Loading libarchive also maps libxml2 and ICU into the worker.
 *
 * Strictness: every header's checksum, every number and every length is checked; the archive must end with at least
 * one block of zeros (two are the rule, one is seen in the wild), unless the stream is empty.  What follows the end
 * is read and dropped, so that a digest computed by the source is complete.  Links, devices and directories have no
 * data, whatever their size field says (as Go's archive/tar, which made most images, has it).
 *
 * Data is handed out in the source's own memory.  Buffers hold meta data only, each with a maximum.
 */
#include "tar_read.h"
#include "tar_pax.h"
#include "base/str.h"

#include <inttypes.h>

#define PAX_MAX        (4u << 20)  /* bytes of one extended header */
#define PAX_GLOBAL_MAX (64u << 10) /* applied to every entry, so kept short */
#define LONG_NAME_MAX  (64u << 10)

struct tar_reader {
        struct layer_source src;
        const uint8_t *piece;
        size_t left;
        bool ended;
        uint64_t pos;             /* bytes taken from the stream */
        uint8_t block[TAR_BLOCK]; /* a block that straddles two pieces */

        struct buf pax, global, long_name, long_link;
        bool have_long_name, have_long_link;

        struct tar_entry e;
        struct tar_map map;
        size_t map_i;
        uint64_t extent_done; /* bytes of map.v[map_i] handed out */
        uint64_t stored_left; /* bytes of the entry's data still in the stream */
        unsigned padding;     /* after them, to the next block */
        char name[100 + 1 + 155 + 1];
        char link[100 + 1];
};

int tar_reader_new(const struct layer_source *src, struct tar_reader **ret) {
        struct tar_reader *r = xcalloc(1, sizeof(*r));
        r->src = *src;
        r->pax.max = PAX_MAX;
        r->global.max = PAX_GLOBAL_MAX;
        r->long_name.max = r->long_link.max = LONG_NAME_MAX;
        *ret = r;
        return 0;
}

void tar_reader_free(struct tar_reader *r) {
        buf_free(&r->pax);
        buf_free(&r->global);
        buf_free(&r->long_name);
        buf_free(&r->long_link);
        xattr_list_free(&r->e.xattrs);
        free(r->map.v);
        free(r);
}

static int corrupt(struct tar_reader *r, struct souk_err *err, const char *what) {
        return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "tar archive: %s (byte %" PRIu64 ")", what, r->pos);
}

/* Makes left > 0. Return: 1; 0 at the end of the stream. */
static int reader_fill(struct tar_reader *r, struct souk_err *err) {
        while (r->left == 0 && !r->ended) {
                const void *p = NULL;
                size_t n = 0;
                int k = r->src.next(r->src.user, &p, &n, err);
                if (k < 0)
                        return k;
                if (k == 0)
                        r->ended = true;
                else {
                        r->piece = p;
                        r->left = n;
                }
        }
        return r->left > 0;
}

static void reader_take(struct tar_reader *r, size_t n) {
        r->piece += n;
        r->left -= n;
        r->pos += n;
}

/* Return: 1 and a whole block; 0 at the end of the stream; an error when the stream ends inside a block. */
static int read_block(struct tar_reader *r, const uint8_t **ret, struct souk_err *err) {
        int k = reader_fill(r, err);
        if (k <= 0)
                return k;
        if (r->left >= TAR_BLOCK) {
                *ret = r->piece;
                reader_take(r, TAR_BLOCK);
                return 1;
        }
        for (size_t have = 0; have < TAR_BLOCK;) {
                k = reader_fill(r, err);
                if (k < 0)
                        return k;
                if (k == 0)
                        return corrupt(r, err, "cut off inside a block");
                size_t n = MIN(r->left, TAR_BLOCK - have);
                memcpy(r->block + have, r->piece, n);
                reader_take(r, n);
                have += n;
        }
        *ret = r->block;
        return 1;
}

static int skip(struct tar_reader *r, uint64_t n, struct souk_err *err) {
        while (n > 0) {
                int k = reader_fill(r, err);
                if (k < 0)
                        return k;
                if (k == 0)
                        return corrupt(r, err, "cut off inside an entry's data");
                size_t m = (size_t) MIN((uint64_t) r->left, n);
                reader_take(r, m);
                n -= m;
        }
        return 0;
}

static unsigned padding_of(uint64_t size) {
        return (unsigned) (-size & (TAR_BLOCK - 1));
}

/* The data of a header that describes the next entry. */
static int read_body(struct tar_reader *r, uint64_t size, struct buf *b, struct souk_err *err) {
        if (size > b->max)
                return souk_err_set(err, SOUK_LIMIT, -EFBIG, "tar archive: an extended header of %" PRIu64 " bytes",
                                    size);
        for (uint64_t left = size; left > 0;) {
                int k = reader_fill(r, err);
                if (k < 0)
                        return k;
                if (k == 0)
                        return corrupt(r, err, "cut off inside an extended header");
                size_t n = (size_t) MIN((uint64_t) r->left, left);
                if (buf_append(b, r->piece, n) < 0)
                        return souk_err_set(err, SOUK_LIMIT, -EFBIG, "tar archive: extended headers are too long");
                reader_take(r, n);
                left -= n;
        }
        return skip(r, padding_of(size), err);
}

/* A number field: octal text, blanks around it, or base 256.  An empty field is 0. */
static int parse_number(const char *p, size_t n, int64_t *ret) {
        if ((unsigned char) p[0] & 0x80) {
                bool negative = (unsigned char) p[0] & 0x40;
                int64_t v = negative ? -1 : 0;
                for (size_t i = 0; i < n; i++) {
                        unsigned char c = (unsigned char) p[i];
                        if (i == 0)
                                c = negative ? c | 0x80 : c & 0x7f;
                        if (v > INT64_MAX >> 8 || v < INT64_MIN >> 8)
                                return -EINVAL;
                        v = (int64_t) ((uint64_t) v << 8 | c);
                }
                *ret = v;
                return 0;
        }
        size_t i = 0;
        int64_t v = 0;
        while (i < n && p[i] == ' ')
                i++;
        for (; i < n && p[i] >= '0' && p[i] <= '7'; i++) {
                if (v > INT64_MAX >> 3)
                        return -EINVAL;
                v = v << 3 | (p[i] - '0');
        }
        for (; i < n && p[i] != '\0'; i++)
                if (p[i] != ' ')
                        return -EINVAL;
        *ret = v;
        return 0;
}

static int parse_size(const char *p, size_t n, uint64_t *ret) {
        int64_t v;
        if (parse_number(p, n, &v) < 0 || v < 0)
                return -EINVAL;
        *ret = (uint64_t) v;
        return 0;
}

static int parse_u32(const char *p, size_t n, uint32_t max, uint32_t *ret) {
        int64_t v;
        if (parse_number(p, n, &v) < 0 || v < 0 || v > max)
                return -EINVAL;
        *ret = (uint32_t) v;
        return 0;
}

static bool block_is_zero(const uint8_t *b) {
        return b[0] == 0 && memcmp(b, b + 1, TAR_BLOCK - 1) == 0;
}

/* Old tars summed signed bytes. */
static bool checksum_ok(const struct tar_header *h) {
        const unsigned char *p = (const unsigned char *) h;
        unsigned sum = 0, high = 0;
        for (size_t i = 0; i < TAR_BLOCK; i++) {
                sum += p[i];
                high += p[i] >> 7;
        }
        for (size_t i = 0; i < sizeof(h->chksum); i++) {
                sum += ' ' - (unsigned) (unsigned char) h->chksum[i];
                high -= (unsigned char) h->chksum[i] >> 7;
        }
        int64_t want;
        if (parse_number(h->chksum, sizeof(h->chksum), &want) < 0)
                return false;
        return want == (int64_t) sum || want == (int64_t) sum - 256 * (int64_t) high;
}

enum header_flavour { FLAVOUR_V7, FLAVOUR_USTAR, FLAVOUR_GNU };
static enum header_flavour flavour_of(const struct tar_header *h) {
        if (memcmp(h->magic, "ustar", 6) == 0)
                return FLAVOUR_USTAR;
        if (memcmp(h->magic, "ustar ", 6) == 0)
                return FLAVOUR_GNU;
        return FLAVOUR_V7;
}

static void names_decode(struct tar_reader *r, const struct tar_header *h) {
        size_t n = 0, name_len = strnlen(h->name, sizeof(h->name));
        if (flavour_of(h) == FLAVOUR_USTAR && h->prefix[0]) {
                size_t max = memcmp(h->pad + 8, "tar", 4) == 0 ? 131 : sizeof(h->prefix);
                n = strnlen(h->prefix, max);
                memcpy(r->name, h->prefix, n);
                r->name[n++] = '/';
        }
        memcpy(r->name + n, h->name, name_len);
        r->e.path = r->name;
        r->e.path_len = n + name_len;
        r->e.link_len = strnlen(h->linkname, sizeof(h->linkname));
        memcpy(r->link, h->linkname, r->e.link_len);
        r->e.link = r->link;
}

static int type_decode(const struct tar_header *h, enum tar_type *ret, struct souk_err *err) {
        switch (h->typeflag) {
        case '0':
        case '\0':
        case '7':
        case 'S':
                *ret = TAR_FILE;
                break;
        case '1':
                *ret = TAR_HARDLINK;
                break;
        case '2':
                *ret = TAR_SYMLINK;
                break;
        case '3':
                *ret = TAR_CHAR;
                break;
        case '4':
                *ret = TAR_BLOCKDEV;
                break;
        case '5':
                *ret = TAR_DIR;
                break;
        case '6':
                *ret = TAR_FIFO;
                break;
        default:
                return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP,
                                    "tar archive: entries of type '%c' (0x%02x) are not supported",
                                    h->typeflag >= ' ' && h->typeflag < 127 ? h->typeflag : '?',
                                    (unsigned char) h->typeflag);
        }
        return 0;
}

/* The ustar fields.  Ids that a pax record replaces may be nonsense here, so what fails is decided by the caller. */
static int header_decode(struct tar_reader *r, const struct tar_header *h, uint64_t *ret_stored, struct souk_err *err) {
        struct tar_entry *e = &r->e;
        int64_t mode, mtime;
        xattr_list_clear(&e->xattrs);
        *e = (struct tar_entry){.xattrs = e->xattrs};
        int k = type_decode(h, &e->type, err);
        if (k < 0)
                return k;
        names_decode(r, h);
        bool ok = parse_number(h->mode, sizeof(h->mode), &mode) == 0 &&
                  parse_number(h->mtime, sizeof(h->mtime), &mtime) == 0 &&
                  parse_u32(h->uid, sizeof(h->uid), UINT32_MAX - 1, &e->uid) == 0 &&
                  parse_u32(h->gid, sizeof(h->gid), UINT32_MAX - 1, &e->gid) == 0 &&
                  parse_size(h->size, sizeof(h->size), ret_stored) == 0;
        if (ok && (e->type == TAR_CHAR || e->type == TAR_BLOCKDEV) && flavour_of(h) != FLAVOUR_V7)
                ok = parse_u32(h->devmajor, sizeof(h->devmajor), 0xfff, &e->rdev_major) == 0 &&
                     parse_u32(h->devminor, sizeof(h->devminor), 0xfffff, &e->rdev_minor) == 0;
        if (!ok)
                return corrupt(r, err, "a number in a header is malformed or out of range");
        e->mode = (mode_t) mode & 07777;
        e->mtime = mtime;
        return 0;
}

/* GNU old format: four extents in the header, then blocks of 21. */
static int gnu_extents(struct tar_reader *r, const uint8_t *p, size_t count, struct souk_err *err) {
        for (size_t i = 0; i < count; i++) {
                struct tar_gnu_extent x;
                uint64_t offset, length;
                memcpy(&x, p + i * sizeof(x), sizeof(x));
                if (x.offset[0] == '\0' && x.numbytes[0] == '\0')
                        break;
                if (parse_size(x.offset, sizeof(x.offset), &offset) < 0 ||
                    parse_size(x.numbytes, sizeof(x.numbytes), &length) < 0)
                        return corrupt(r, err, "malformed sparse map");
                if (tar_map_add(&r->map, offset, length) < 0)
                        return souk_err_set(err, SOUK_LIMIT, -EFBIG, "tar archive: a sparse map has too many extents");
        }
        return 0;
}

static int gnu_sparse_decode(struct tar_reader *r, const struct tar_header *h, struct souk_err *err) {
        const uint8_t *p = (const uint8_t *) h;
        bool more = p[TAR_GNU_EXTENDED_OFFSET] != 0;
        r->e.sparse = true;
        if (flavour_of(h) != FLAVOUR_GNU || parse_size((const char *) p + TAR_GNU_REALSIZE_OFFSET, 12, &r->e.size) < 0)
                return corrupt(r, err, "malformed sparse header");
        int k = gnu_extents(r, p + TAR_GNU_SPARSE_OFFSET, TAR_GNU_SPARSE_COUNT, err);
        while (k == 0 && more) {
                k = read_block(r, &p, err);
                if (k == 0)
                        return corrupt(r, err, "cut off inside a sparse map");
                if (k < 0)
                        return k;
                more = p[TAR_GNU_MORE_EXTENDED_OFFSET] != 0;
                k = gnu_extents(r, p, TAR_GNU_MORE_COUNT, err);
        }
        return k;
}

/* One decimal line of the map that GNU.sparse 1.0 puts in front of the data. */
static int map_line(struct tar_reader *r, const uint8_t **block, size_t *used, uint64_t *ret, struct souk_err *err) {
        char digits[24];
        for (size_t n = 0; n < sizeof(digits); n++) {
                if (*used == TAR_BLOCK) {
                        if (r->stored_left < TAR_BLOCK)
                                return corrupt(r, err, "malformed sparse map");
                        int k = read_block(r, block, err);
                        if (k == 0)
                                return corrupt(r, err, "cut off inside a sparse map");
                        if (k < 0)
                                return k;
                        r->stored_left -= TAR_BLOCK;
                        *used = 0;
                }
                digits[n] = (char) (*block)[(*used)++];
                if (digits[n] == '\n')
                        return tar_parse_u64(digits, n, ret) < 0 ? corrupt(r, err, "malformed sparse map") : 0;
        }
        return corrupt(r, err, "malformed sparse map");
}

static int map_from_data(struct tar_reader *r, struct souk_err *err) {
        const uint8_t *block = NULL;
        size_t used = TAR_BLOCK;
        uint64_t count, offset, length;
        r->map.n = 0;
        int k = map_line(r, &block, &used, &count, err);
        for (uint64_t i = 0; k == 0 && i < count; i++) {
                k = map_line(r, &block, &used, &offset, err);
                if (k == 0)
                        k = map_line(r, &block, &used, &length, err);
                if (k == 0 && tar_map_add(&r->map, offset, length) < 0)
                        k = souk_err_set(err, SOUK_LIMIT, -EFBIG, "tar archive: a sparse map has too many extents");
        }
        return k;
}

/* Ascending, inside the file, and exactly as long as the data that is stored. */
static int map_check(struct tar_reader *r, struct souk_err *err) {
        uint64_t at = 0, sum = 0;
        for (size_t i = 0; i < r->map.n; i++) {
                struct tar_extent *x = &r->map.v[i];
                uint64_t end;
                if (x->offset < at || __builtin_add_overflow(x->offset, x->length, &end) || end > r->e.size)
                        return corrupt(r, err, "a sparse map that goes backwards or past the end of the file");
                at = end;
                sum += x->length;
        }
        return sum == r->stored_left ? 0 : corrupt(r, err, "a sparse map that does not fit its data");
}

/* All that was said about this entry, in the order of precedence. */
static int entry_complete(struct tar_reader *r, const struct tar_header *h, struct souk_err *err) {
        struct tar_entry *e = &r->e;
        struct tar_pax_state s = {0};
        uint64_t stored = 0;
        r->map.n = r->map_i = 0;
        r->extent_done = 0;
        r->padding = 0;
        bool old_sparse = h->typeflag == 'S';
        bool maybe_dir = h->typeflag == '0' || h->typeflag == '\0';
        int k = header_decode(r, h, &stored, err);
        if (k == 0 && old_sparse)
                k = gnu_sparse_decode(r, h, err); /* h is gone after this */
        if (k == 0 && r->global.len)
                k = tar_pax_apply(r->global.data, r->global.len, e, &s, &r->map, err);
        if (k == 0 && r->pax.len)
                k = tar_pax_apply(r->pax.data, r->pax.len, e, &s, &r->map, err);
        if (k < 0)
                return k;
        if (r->have_long_name) {
                e->path = r->long_name.len ? r->long_name.data : "";
                e->path_len = r->long_name.len ? strnlen(r->long_name.data, r->long_name.len) : 0;
        }
        if (r->have_long_link) {
                e->link = r->long_link.len ? r->long_link.data : "";
                e->link_len = r->long_link.len ? strnlen(r->long_link.data, r->long_link.len) : 0;
        }
        if (s.sparse_name) {
                e->path = s.sparse_name;
                e->path_len = s.sparse_name_len;
        }
        if (maybe_dir && e->path_len && e->path[e->path_len - 1] == '/')
                e->type = TAR_DIR; /* before ustar, that was how directories were told */
        if (e->type != TAR_FILE)
                return 0;
        r->stored_left = s.has_size ? s.size : stored;
        if (r->stored_left > INT64_MAX - TAR_BLOCK)
                return corrupt(r, err, "an impossible size");
        r->padding = padding_of(r->stored_left);
        if (!s.sparse && !old_sparse) {
                e->size = r->stored_left;
                return tar_map_add(&r->map, 0, e->size);
        }
        e->sparse = true;
        if (s.has_realsize)
                e->size = s.realsize;
        else if (!old_sparse)
                return corrupt(r, err, "a sparse file without its size");
        if (s.has_pending_offset || e->size > INT64_MAX - TAR_BLOCK)
                return corrupt(r, err, "malformed sparse header");
        if (s.sparse_major == 1 && s.sparse_minor == 0)
                k = map_from_data(r, err);
        else if (s.sparse_major != 0)
                return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP,
                                    "tar archive: sparse format %" PRIu64 ".%" PRIu64 " is not known", s.sparse_major,
                                    s.sparse_minor);
        return k < 0 ? k : map_check(r, err);
}

/* The archive is over: at most another block of zeros belongs to it. */
static int archive_end(struct tar_reader *r, struct souk_err *err) {
        const uint8_t *b;
        int k = read_block(r, &b, err);
        if (k < 0)
                return k;
        if (k == 1 && !block_is_zero(b))
                return corrupt(r, err, "an entry after a block of zeros");
        while ((k = reader_fill(r, err)) == 1)
                reader_take(r, r->left);
        return k;
}

/* Headers that describe the next one. Return: 1 it was such a header; 0 it is an entry; negative errno. */
static int meta_header(struct tar_reader *r, const struct tar_header *h, bool *pending, struct souk_err *err) {
        struct buf *b;
        char type = h->typeflag;
        switch (type) {
        case 'x':
        case 'X':
                b = &r->pax;
                break;
        case 'g':
                b = &r->global;
                break;
        case 'L':
                b = &r->long_name;
                break;
        case 'K':
                b = &r->long_link;
                break;
        case 'V':
                b = NULL;
                break; /* GNU volume label */
        default:
                return 0;
        }
        uint64_t size;
        if (parse_size(h->size, sizeof(h->size), &size) < 0 || size > INT64_MAX - TAR_BLOCK)
                return corrupt(r, err, "an impossible size");
        if (!b) {
                int k = skip(r, size + padding_of(size), err);
                return k < 0 ? k : 1;
        }
        if (type != 'g') {
                buf_reset(b);
                *pending = true;
        }
        r->have_long_name |= type == 'L';
        r->have_long_link |= type == 'K';
        int k = read_body(r, size, b, err);
        return k < 0 ? k : 1;
}

int tar_reader_next(struct tar_reader *r, struct tar_entry **ret, struct souk_err *err) {
        const uint8_t *b;
        bool pending = false;
        int k = skip(r, r->stored_left, err);
        if (k == 0 && r->padding && r->src.end_is_verified) {
                k = reader_fill(r, err);
                if (k <= 0)
                        return k;
                k = 0;
        }
        if (k == 0)
                k = skip(r, r->padding, err);
        r->stored_left = r->padding = 0;
        r->have_long_name = r->have_long_link = false;
        buf_reset(&r->pax);
        while (k == 0) {
                uint64_t at = r->pos;
                k = read_block(r, &b, err);
                if (k < 0)
                        return k;
                if (k == 0 && at == 0)
                        return 0;
                if (k == 0 && r->src.end_is_verified && !pending)
                        return 0;
                if (k == 0)
                        return corrupt(r, err, "cut off: no end-of-archive mark");
                if (block_is_zero(b))
                        return pending ? corrupt(r, err, "an extended header without its entry") : archive_end(r, err);
                const struct tar_header *h = (const struct tar_header *) b;
                if (!checksum_ok(h))
                        return corrupt(r, err,
                                       at == 0 ? "this is not a tar archive" : "damaged header (wrong checksum)");
                k = meta_header(r, h, &pending, err);
                if (k < 0)
                        return k;
                if (k == 0) {
                        k = entry_complete(r, h, err);
                        if (k < 0)
                                return k;
                        *ret = &r->e;
                        return 1;
                }
                k = 0;
        }
        return k;
}

int tar_reader_data(struct tar_reader *r, uint64_t *ret_offset, const void **ret_p, size_t *ret_n,
                    struct souk_err *err) {
        while (r->map_i < r->map.n && r->extent_done == r->map.v[r->map_i].length) {
                r->map_i++;
                r->extent_done = 0;
        }
        if (r->map_i >= r->map.n || r->stored_left == 0)
                return 0;
        int k = reader_fill(r, err);
        if (k < 0)
                return k;
        if (k == 0)
                return corrupt(r, err, "cut off inside an entry's data");
        const struct tar_extent *x = &r->map.v[r->map_i];
        size_t n = (size_t) MIN((uint64_t) r->left, x->length - r->extent_done);
        *ret_offset = x->offset + r->extent_done;
        *ret_p = r->piece;
        *ret_n = n;
        reader_take(r, n);
        r->extent_done += n;
        r->stored_left -= n;
        return 1;
}
