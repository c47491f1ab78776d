/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tar writer.  Every entry is a ustar header; a pax header goes before it only when something does not fit: a long
 * path, a fraction of a second, a large id, extended attributes, a sparse map (GNU.sparse 1.0, which GNU tar,
 * libarchive and Go read).
 *
 * ACLs are written twice, as the text that tar programs read (SCHILY.acl.*, ids as numbers) and as the attribute that
 * container engines read (SCHILY.xattr.system.posix_acl_*).
 */
#include "tar_write.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>

#define OUT_BUFFER   (256u << 10)
#define RECORDS_MAX  (32u << 20)
#define OCTAL_8_MAX  07777777u
#define OCTAL_12_MAX 077777777777u

void tar_writer_open(struct tar_writer *w, const struct layer_sink *sink) {
        *w = (struct tar_writer){.sink = sink, .records = BUF_INIT(RECORDS_MAX)};
        w->buf = xmalloc(OUT_BUFFER);
}

void tar_writer_free(struct tar_writer *w) {
        free(w->buf);
        buf_free(&w->records);
}

static int flush(struct tar_writer *w, struct souk_err *err) {
        int r = w->fill ? w->sink->write(w->sink->user, w->buf, w->fill, err) : 0;
        w->fill = 0;
        return r;
}

static int put(struct tar_writer *w, const void *p, size_t n, struct souk_err *err) {
        const uint8_t *s = p;
        while (n > 0) {
                size_t m = MIN(n, OUT_BUFFER - w->fill);
                memcpy(w->buf + w->fill, s, m);
                w->fill += m;
                s += m;
                n -= m;
                int r = w->fill == OUT_BUFFER ? flush(w, err) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

static int put_padding(struct tar_writer *w, uint64_t size, struct souk_err *err) {
        static const uint8_t zeros[TAR_BLOCK];
        return put(w, zeros, (size_t) (-size & (TAR_BLOCK - 1)), err);
}

/* "LENGTH KEY=VALUE\n", where LENGTH counts itself. */
static int record(struct tar_writer *w, const char *key, const void *value, size_t len) {
        size_t n = strlen(key) + len + 3, digits = 1;
        for (;;) {
                char text[24];
                size_t d = (size_t) snprintf(text, sizeof(text), "%zu", n + digits);
                if (d == digits)
                        break;
                digits = d;
        }
        int r = buf_printf(&w->records, "%zu %s=", n + digits, key);
        if (r == 0)
                r = buf_append(&w->records, value, len);
        return r < 0 ? r : buf_append(&w->records, "\n", 1);
}

static int record_u64(struct tar_writer *w, const char *key, uint64_t v) {
        char text[24];
        int n = snprintf(text, sizeof(text), "%" PRIu64, v);
        return record(w, key, text, (size_t) n);
}

static int record_mtime(struct tar_writer *w, const struct tar_entry *e) {
        char text[48];
        int n;
        if (e->mtime < 0 && e->mtime_nsec) /* -1.75 is -2 s + 0.25 s */
                n = snprintf(text, sizeof(text), "-%" PRIu64 ".%09u", (uint64_t) - (e->mtime + 1),
                             1000000000 - e->mtime_nsec);
        else if (e->mtime_nsec)
                n = snprintf(text, sizeof(text), "%" PRId64 ".%09u", e->mtime, e->mtime_nsec);
        else
                n = snprintf(text, sizeof(text), "%" PRId64, e->mtime);
        return record(w, "mtime", text, (size_t) n);
}

static int record_acl(struct tar_writer *w, const char *key, const struct xattr *x) {
        _cleanup_buf_ struct buf text = BUF_INIT(1u << 20);
        int r = acl_to_text(x->value, x->len, &text);
        return r == 0 && text.len ? record(w, key, text.data, text.len) : 0;
}

static int record_xattr(struct tar_writer *w, const struct xattr *x) {
        char key[sizeof("SCHILY.xattr.") + 3 * 256] = "SCHILY.xattr.";
        size_t n = strlen(key);
        for (const char *p = x->name; *p && n < sizeof(key) - 4; p++) {
                if (*p == '=' || *p == '%')
                        n += (size_t) snprintf(key + n, sizeof(key) - n, "%s", *p == '=' ? "%3D" : "%25");
                else
                        key[n++] = *p;
        }
        key[n] = '\0';
        int r = 0;
        if (streq(x->name, XATTR_ACL_ACCESS))
                r = record_acl(w, "SCHILY.acl.access", x);
        else if (streq(x->name, XATTR_ACL_DEFAULT))
                r = record_acl(w, "SCHILY.acl.default", x);
        return r < 0 ? r : record(w, key, x->value, x->len);
}

/* Where to cut a path in two at a '/', so that prefix and name take it. Return: length of the prefix, or SIZE_MAX. */
static size_t path_split(const char *path, size_t len) {
        if (len <= sizeof(((struct tar_header *) 0)->name))
                return 0;
        for (size_t i = MIN(len - 1, sizeof(((struct tar_header *) 0)->prefix)); i > 0; i--)
                if (path[i] == '/' && i + 1 < len && len - i - 1 <= sizeof(((struct tar_header *) 0)->name))
                        return i;
        return SIZE_MAX;
}

static int records_make(struct tar_writer *w, const struct tar_entry *e, uint64_t stored, struct souk_err *err) {
        int r = 0;
        buf_reset(&w->records);
        if (e->sparse) {
                r = record(w, "GNU.sparse.major", "1", 1);
                if (r == 0)
                        r = record(w, "GNU.sparse.minor", "0", 1);
                if (r == 0)
                        r = record(w, "GNU.sparse.name", e->path, e->path_len);
                if (r == 0)
                        r = record_u64(w, "GNU.sparse.realsize", e->size);
        } else if (path_split(e->path, e->path_len) == SIZE_MAX) {
                r = record(w, "path", e->path, e->path_len);
        }
        if (r == 0 && e->link_len > sizeof(((struct tar_header *) 0)->linkname))
                r = record(w, "linkpath", e->link, e->link_len);
        if (r == 0 && stored > OCTAL_12_MAX)
                r = record_u64(w, "size", stored);
        if (r == 0 && e->uid > OCTAL_8_MAX)
                r = record_u64(w, "uid", e->uid);
        if (r == 0 && e->gid > OCTAL_8_MAX)
                r = record_u64(w, "gid", e->gid);
        if (r == 0 && (e->mtime < 0 || e->mtime > (int64_t) OCTAL_12_MAX || e->mtime_nsec))
                r = record_mtime(w, e);
        for (size_t i = 0; i < e->xattrs.n && r == 0; i++)
                r = record_xattr(w, &e->xattrs.v[i]);
        return r < 0 ? souk_err_set(err, SOUK_LIMIT, -EFBIG, "too many extended attributes") : 0;
}

static void octal(char *field, size_t size, uint64_t v) {
        for (size_t i = size - 1; i-- > 0; v >>= 3)
                field[i] = (char) ('0' + (v & 7));
        field[size - 1] = '\0';
}

static void checksum(struct tar_header *h) {
        unsigned sum = 0;
        memset(h->chksum, ' ', sizeof(h->chksum));
        for (size_t i = 0; i < sizeof(*h); i++)
                sum += ((const unsigned char *) h)[i];
        octal(h->chksum, 7, sum);
}

static void header_make(struct tar_header *h, char type, mode_t mode, uint64_t size) {
        *h = (struct tar_header){.typeflag = type};
        memcpy(h->magic, "ustar", 6);
        memcpy(h->version, "00", 2);
        octal(h->mode, sizeof(h->mode), mode);
        octal(h->uid, sizeof(h->uid), 0);
        octal(h->gid, sizeof(h->gid), 0);
        octal(h->size, sizeof(h->size), MIN(size, (uint64_t) OCTAL_12_MAX));
        octal(h->mtime, sizeof(h->mtime), 0);
        octal(h->devmajor, sizeof(h->devmajor), 0);
        octal(h->devminor, sizeof(h->devminor), 0);
}

static void entry_path_set(struct tar_header *h, const char *path, size_t len) {
        size_t prefix = path_split(path, len);
        if (prefix == SIZE_MAX) { /* the pax record has it; this is for readers that do not know pax */
                prefix = 0;
                len = sizeof(h->name);
        }
        memcpy(h->prefix, path, prefix);
        path += prefix + (prefix > 0);
        memcpy(h->name, path, len - prefix - (prefix > 0));
}

static int entry_header(struct tar_writer *w, const struct tar_entry *e, uint64_t stored, struct souk_err *err) {
        static const char types[] = {[TAR_FILE] = '0',     [TAR_HARDLINK] = '1', [TAR_SYMLINK] = '2', [TAR_CHAR] = '3',
                                     [TAR_BLOCKDEV] = '4', [TAR_DIR] = '5',      [TAR_FIFO] = '6'};
        struct tar_header h;
        header_make(&h, types[e->type], e->mode, stored);
        entry_path_set(&h, e->path, e->path_len);
        if (e->link_len)
                memcpy(h.linkname, e->link, MIN(e->link_len, sizeof(h.linkname)));
        octal(h.uid, sizeof(h.uid), MIN(e->uid, OCTAL_8_MAX));
        octal(h.gid, sizeof(h.gid), MIN(e->gid, OCTAL_8_MAX));
        octal(h.mtime, sizeof(h.mtime), e->mtime < 0 ? 0 : MIN((uint64_t) e->mtime, (uint64_t) OCTAL_12_MAX));
        octal(h.devmajor, sizeof(h.devmajor), e->rdev_major);
        octal(h.devminor, sizeof(h.devminor), e->rdev_minor);
        checksum(&h);
        return put(w, &h, sizeof(h), err);
}

static int pax_header(struct tar_writer *w, struct souk_err *err) {
        struct tar_header h;
        if (!w->records.len)
                return 0;
        header_make(&h, 'x', 0644, w->records.len);
        memcpy(h.name, "PaxHeader", sizeof("PaxHeader"));
        checksum(&h);
        int r = put(w, &h, sizeof(h), err);
        if (r == 0)
                r = put(w, w->records.data, w->records.len, err);
        return r < 0 ? r : put_padding(w, w->records.len, err);
}

/* GNU.sparse 1.0: the map is text in front of the data. */
static int map_text(const struct tar_extent *map, size_t n, struct buf *b, uint64_t *ret_data) {
        static const char zeros[TAR_BLOCK];
        *ret_data = 0;
        int r = buf_printf(b, "%zu\n", n);
        for (size_t i = 0; i < n && r == 0; i++) {
                r = buf_printf(b, "%" PRIu64 "\n%" PRIu64 "\n", map[i].offset, map[i].length);
                *ret_data += map[i].length;
        }
        return r < 0 ? r : buf_append(b, zeros, (size_t) (-(uint64_t) b->len & (TAR_BLOCK - 1)));
}

int tar_writer_entry(struct tar_writer *w, const struct tar_entry *e, const struct tar_extent *map, size_t n_map,
                     struct souk_err *err) {
        _cleanup_buf_ struct buf text = BUF_INIT(64u << 20);
        uint64_t data = e->type == TAR_FILE ? e->size : 0;
        if (e->sparse && map_text(map, n_map, &text, &data) < 0)
                return souk_err_set(err, SOUK_LIMIT, -EFBIG, "a sparse file has too many pieces");
        uint64_t stored = data + text.len;
        int r = records_make(w, e, stored, err);
        if (r == 0)
                r = pax_header(w, err);
        if (r == 0)
                r = entry_header(w, e, stored, err);
        if (r == 0 && text.len)
                r = put(w, text.data, text.len, err);
        w->data_left = data;
        w->padding = (unsigned) (-stored & (TAR_BLOCK - 1));
        return r;
}

int tar_writer_data(struct tar_writer *w, const void *p, size_t n, struct souk_err *err) {
        n = (size_t) MIN((uint64_t) n, w->data_left);
        w->data_left -= n;
        int r = put(w, p, n, err);
        return r < 0 || w->data_left ? r : put_padding(w, TAR_BLOCK - w->padding, err);
}

int tar_writer_zeros(struct tar_writer *w, uint64_t n, struct souk_err *err) {
        static const uint8_t zeros[4096];
        int r = 0;
        for (size_t m; n > 0 && r == 0; n -= m) {
                m = (size_t) MIN(n, sizeof(zeros));
                r = tar_writer_data(w, zeros, m, err);
        }
        return r;
}

int tar_writer_close(struct tar_writer *w, struct souk_err *err) {
        static const uint8_t zeros[2 * TAR_BLOCK];
        int r = put(w, zeros, sizeof(zeros), err);
        return r < 0 ? r : flush(w, err);
}
