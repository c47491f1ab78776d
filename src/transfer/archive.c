/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names -> bytes.  A directory (OCI layout) is opened name by name; a tar archive is mapped and indexed once, so that
 * its members can be read in parallel; what is compressed or comes through a pipe is first spooled into the staging
 * directory. Names are those of the formats ("blobs/sha256/..."): no member's name is ever used as a path.
 */
#include "transfer/transfer.h"

#include "base/file.h"
#include "base/str.h"
#include "layer/tar_read.h"

#include <sys/mman.h>

#define SPOOL "spool"
#define MEMBERS_MAX 200000
#define NAME_MAX_BYTES 4096
#define LINKS_MAX 8

struct member {
        char *name;
        char *link;             /* symbolic link: old docker-archives share layers that way */
        struct bytes bytes;
};
struct archive {
        int dir_fd;             /* layout directory, or -EBADF; borrowed */
        struct bytes whole;
        struct member *members;
        size_t n_members;
        struct bytes *opened;   /* of a directory */
        size_t n_opened;
        bool spooled;
};

/* ---- whole files as pull sources --------------------------------------------------------------------------------- */

struct fd_source {
        int fd;
        char *buf;
        uint64_t sum;           /* read so far */
};
#define CHUNK (1u << 20)

static int fd_next(void *user, const void **ret_p, size_t *ret_n, struct souk_err *err) {
        struct fd_source *s = user;
        ssize_t n;
        do
                n = read(s->fd, s->buf, CHUNK);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return souk_err_errno(err, errno, "reading the archive");
        *ret_p = s->buf;
        *ret_n = (size_t) n;
        s->sum += (uint64_t) n;
        return n > 0;
}

/* One piece: then the reader's pieces point into the mapping. */
static int whole_next(void *user, const void **ret_p, size_t *ret_n, struct souk_err *err) {
        struct bytes *b = user;
        if (b->n == 0)
                return 0;
        *ret_p = b->p;
        *ret_n = b->n;
        b->n = 0;
        return 1;
}

/* ---- spooling ---------------------------------------------------------------------------------------------------- */

struct prefix_source {          /* what was read to look at the magic, then the rest */
        struct fd_source rest;
        char first[6];
        size_t n_first;
};

static int prefix_next(void *user, const void **ret_p, size_t *ret_n, struct souk_err *err) {
        struct prefix_source *s = user;
        if (s->n_first > 0) {
                *ret_p = s->first;
                *ret_n = s->n_first;
                s->n_first = 0;
                return 1;
        }
        return fd_next(&s->rest, ret_p, ret_n, err);
}

static int spool_copy(struct transfer *t, const struct layer_source *from, const struct fd_source *file, int to,
                      struct souk_err *err) {
        const void *p;
        size_t n;
        uint64_t sum = 0;
        int r;
        while ((r = from->next(from->user, &p, &n, err)) > 0) {
                sum += n;
                if (sum > t->limits.max_image_bytes)
                        return souk_err_set(err, SOUK_LIMIT, -EFBIG, "the archive inflates to more than %llu bytes",
                                            (unsigned long long) t->limits.max_image_bytes);
                if (sum > RATIO_FREE_BYTES && sum / MAX(file->sum, (uint64_t) 1) > t->limits.max_ratio)
                        return souk_err_set(err, SOUK_LIMIT, -EFBIG,
                                            "the archive inflates to more than %u times its size", t->limits.max_ratio);
                r = fd_write_all(to, p, n);
                if (r < 0)
                        return souk_err_errno(err, r, "spooling the archive");
        }
        return r;
}

/* The archive, inflated, as a file in staging. */
static int spool(struct transfer *t, int fd, struct bytes *ret, struct souk_err *err) {
        _cleanup_free_ char *buf = xmalloc(CHUNK);
        struct prefix_source s = { .rest = { .fd = fd, .buf = buf } };
        while (s.n_first < sizeof(s.first)) {
                ssize_t n = read(fd, s.first + s.n_first, sizeof(s.first) - s.n_first);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return souk_err_errno(err, errno, "reading the archive");
                if (n == 0)
                        break;
                s.n_first += (size_t) n;
        }
        const char *unknown = compression_unknown(s.first, s.n_first);
        if (unknown)
                return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP,
                                    "the archive is compressed with %s: only gzip and zstd are known", unknown);
        _cleanup_(inflate_freep) struct inflate *i = NULL;
        struct layer_source source = { .next = prefix_next, .user = &s };
        int r = inflate_new(compression_of(s.first, s.n_first), &source, &i, err);
        if (r < 0)
                return r;
        struct layer_source inflated = inflate_source(i);
        _cleanup_close_ int out = openat(FD_STAGING, SPOOL, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (out < 0)
                return souk_err_errno(err, errno, "making the spool file");
        r = spool_copy(t, &inflated, &s.rest, out, err);
        return r < 0 ? r : bytes_map(out, "the archive", ret, err);
}

/* ---- index ------------------------------------------------------------------------------------------------------- */

/* "./a//b" -> "a/b"; NULL for what no format has */
static char *member_name(const char *p, size_t n) {
        char *name = xmalloc(n + 1), *o = name;
        for (size_t i = 0; i < n;) {
                while (i < n && p[i] == '/')
                        i++;
                size_t start = i;
                while (i < n && p[i] != '/')
                        i++;
                size_t len = i - start;
                if (len == 0 || (len == 1 && p[start] == '.'))
                        continue;
                if (len == 2 && p[start] == '.' && p[start + 1] == '.') { /* of a link's target */
                        while (o > name && *--o != '/')
                                ;
                        continue;
                }
                if (o > name)
                        *o++ = '/';
                memcpy(o, p + start, len);
                o += len;
        }
        *o = '\0';
        return name;
}

static int by_name(const void *a, const void *b) {
        return strcmp(((const struct member *) a)->name, ((const struct member *) b)->name);
}

static int add_member(struct archive *a, struct tar_reader *r, const struct tar_entry *e, struct souk_err *err) {
        if (a->n_members == MEMBERS_MAX || e->path_len > NAME_MAX_BYTES)
                return souk_err_set(err, SOUK_LIMIT, -E2BIG, "the archive has more than %d members, or too long a name",
                                    MEMBERS_MAX);
        if ((a->n_members & (a->n_members - 1)) == 0)
                a->members = xreallocarray(a->members, a->n_members ? a->n_members * 2 : 1, sizeof(*a->members));
        struct member m = { .name = member_name(e->path, e->path_len) };
        if (e->type == TAR_SYMLINK && e->link_len <= NAME_MAX_BYTES) { /* relative to the member's own folder */
                char *slash = strrchr(m.name, '/');
                _cleanup_free_ char *joined =
                        xasprintf("%.*s/%.*s", slash ? (int) (slash - m.name) : 0, m.name, (int) e->link_len, e->link);
                m.link = member_name(joined, strlen(joined));
        }
        if (e->type == TAR_HARDLINK)
                m.link = member_name(e->link, e->link_len);
        if (e->type == TAR_FILE && e->size > 0) {
                uint64_t offset;
                const void *p;
                size_t n;
                int k = e->sparse ? -EOPNOTSUPP : tar_reader_data(r, &offset, &p, &n, err);
                if (k == -EOPNOTSUPP)
                        souk_err_set(err, SOUK_CORRUPT, k = -EBADMSG, "the archive's member '%.100s' is sparse",
                                     m.name);
                else if (k >= 0 && (k == 0 || offset != 0 || n != e->size))
                        souk_err_set(err, SOUK_CORRUPT, k = -EBADMSG, "the archive ends within its member '%.100s'",
                                     m.name);
                if (k < 0) {
                        free(m.name);
                        free(m.link);
                        return k;
                }
                m.bytes = (struct bytes){ p, n, false };
        }
        a->members[a->n_members++] = m;
        return 0;
}

static int index_members(struct archive *a, struct souk_err *err) {
        struct bytes rest = a->whole;
        struct layer_source source = { .next = whole_next, .user = &rest };
        _cleanup_(tar_reader_freep) struct tar_reader *reader = NULL;
        struct tar_entry *e;
        int r = tar_reader_new(&source, &reader);
        if (r < 0)
                return souk_err_errno(err, r, "reading the archive");
        while ((r = tar_reader_next(reader, &e, err)) > 0) {
                if (e->type == TAR_DIR)
                        continue;
                r = add_member(a, reader, e, err);
                if (r < 0)
                        return r;
        }
        if (r < 0 || a->n_members == 0)
                return r;
        /* of equal names any: bytes are verified by digest */
        qsort(a->members, a->n_members, sizeof(*a->members), by_name);
        return 0;
}

int archive_open(struct transfer *t, int fd, struct archive **ret, struct souk_err *err) {
        struct stat st;
        if (fstat(fd, &st) < 0)
                return souk_err_errno(err, errno, "the archive");
        _cleanup_(archive_closep) struct archive *a = xcalloc(1, sizeof(*a));
        a->dir_fd = -EBADF;
        if (S_ISDIR(st.st_mode)) {
                a->dir_fd = fd;
                *ret = TAKE_PTR(a);
                return 0;
        }
        int r;
        char magic[6] = "";
        if (S_ISREG(st.st_mode) && lseek(fd, 0, SEEK_CUR) == 0 && pread(fd, magic, sizeof(magic), 0) >= 0 &&
            compression_of(magic, sizeof(magic)) == BLOB_PLAIN && !compression_unknown(magic, sizeof(magic)))
                r = bytes_map(fd, "the archive", &a->whole, err);
        else {
                a->spooled = true;
                r = spool(t, fd, &a->whole, err);
        }
        if (r >= 0 && a->whole.n == 0)
                r = souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "the archive is empty");
        if (r >= 0)
                r = index_members(a, err);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(a);
        return 0;
}

void archive_close(struct archive *a) {
        for (size_t i = 0; i < a->n_members; i++) {
                free(a->members[i].name);
                free(a->members[i].link);
        }
        for (size_t i = 0; i < a->n_opened; i++)
                bytes_unmap(&a->opened[i]);
        free(a->opened);
        free(a->members);
        bytes_unmap(&a->whole);
        if (a->spooled)
                unlinkat(FD_STAGING, SPOOL, 0);
        free(a);
}

static int get_file(struct archive *a, const char *name, struct bytes *ret, struct souk_err *err) {
        _cleanup_close_ int dir = dup(a->dir_fd);
        _cleanup_strv_ char **parts = str_split(name, '/');
        for (size_t i = 0; parts[i]; i++) /* nor up: names in a manifest.json are anyone's */
                if (streq(parts[i], ".."))
                        return 0;
        for (size_t i = 0; parts[i] && dir >= 0; i++) { /* no symlink on the way: the directory may be anyone's */
                int next = openat(dir, parts[i],
                                  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (parts[i + 1] ? O_DIRECTORY : 0));
                int open_errno = errno;
                close(dir);
                dir = next;
                errno = open_errno;
        }
        if (dir < 0 && (errno == ELOOP || errno == ENOTDIR || errno == ENXIO || errno == ENAMETOOLONG))
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG,
                                    "'%.200s' of the layout is not a regular file, or not reached by directories only",
                                    name);
        if (dir < 0)
                return errno == ENOENT ? 0 : souk_err_errno(err, errno, "'%.200s' of the layout", name);
        struct stat st;
        if (fstat(dir, &st) < 0 || !S_ISREG(st.st_mode))
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "'%.200s' of the layout is not a regular file", name);
        int r = bytes_map(dir, name, ret, err);
        if (r < 0)
                return r;
        a->opened = xreallocarray(a->opened, a->n_opened + 1, sizeof(*a->opened));
        a->opened[a->n_opened++] = *ret;
        ret->mapped = false;
        return 1;
}

int archive_get(struct archive *a, const char *name, struct bytes *ret, struct souk_err *err) {
        if (a->dir_fd >= 0)
                return get_file(a, name, ret, err);
        const char *wanted = name;
        for (int links = 0; links <= LINKS_MAX; links++) {
                struct member key = { .name = (char *) (uintptr_t) wanted };
                struct member *m = a->n_members ? bsearch(&key, a->members, a->n_members, sizeof(*m), by_name) : NULL;
                if (!m)
                        return 0;
                if (!m->link) {
                        *ret = m->bytes;
                        return 1;
                }
                wanted = m->link;
        }
        return souk_err_set(err, SOUK_CORRUPT, -ELOOP, "the archive's member '%.100s' is a loop of links", name);
}
