/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verifying and storing layers, as many at a time as there are CPUs.  One pass over each blob, by two threads:
 *
 *   blob bytes -> sha256 (and a copy into staging) -> inflate ||-> sha256 -> layer_import -> staging/layer.<diff id>
 *
 * Bytes are copied out of the mapped archive once, at the start: what is hashed is what is stored, whoever writes to
 * the archive meanwhile.  Nothing counts before both digests agree: until then the files have temporary names.  The
 * largest layers come first, so that the last CPU at work has little left.
 */
#include "transfer/transfer.h"

#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"

#include <sched.h>

#define PIECE (256u << 10)
#define PROGRESS_USEC 100000
#define THREADS_MAX 16

struct stream {                         /* of one layer; the user of two sources */
        struct transfer *t;
        struct layer_job *job;
        size_t number;                  /* of the job */
        size_t at;                      /* in the blob */
        uint8_t *buf;                   /* RELAY_PIECES of PIECE, by turns */
        struct hash *blob_hash, *tar_hash; /* tar_hash NULL: the blob is the tar */
        int blob_fd;                    /* copy; -EBADF: none */
        uint64_t inflated;
        struct inflate *inflate;
        struct relay *relay;
        uint64_t told_at;
};

static int tell_progress(struct stream *s, bool finished, struct souk_err *err) {
        uint64_t now = now_usec();
        if (!finished && now - s->told_at < PROGRESS_USEC)
                return 0;
        s->told_at = now;
        struct transfer_msg m = { .kind = TRANSFER_PROGRESS };
        m.progress = (struct transfer_progress){ .name = s->job->diff_id.hex, .done = s->at, .total = s->job->blob.n,
                                                 .finished = finished, .cached = s->job->known };
        return transfer_tell(s->t, &m, err);
}

static int blob_next(void *user, const void **ret_p, size_t *ret_n, struct souk_err *err) {
        struct stream *s = user;
        const struct bytes *b = &s->job->blob;
        if (s->at >= PIECE && s->at % PIECE == 0)
                bytes_forget(b, s->at - PIECE, PIECE);
        size_t n = MIN(b->n - s->at, (size_t) PIECE);
        if (n == 0)
                return 0;
        uint8_t *p = s->buf + s->at / PIECE % RELAY_PIECES * PIECE;
        memcpy(p, b->p + s->at, n);
        hash_add(s->blob_hash, p, n);
        if (s->blob_fd >= 0) {
                int r = fd_write_all(s->blob_fd, p, n);
                if (r < 0)
                        return souk_err_errno(err, r, "keeping the blob of %s", s->job->what);
        }
        s->at += n;
        *ret_p = p;
        *ret_n = n;
        return tell_progress(s, false, err) < 0 ? err->errnum : 1;
}

static int tar_next(void *user, const void **ret_p, size_t *ret_n, struct souk_err *err) {
        struct stream *s = user;
        struct layer_source in = inflate_source(s->inflate);
        int r = in.next(in.user, ret_p, ret_n, err);
        if (r <= 0)
                return r;
        s->inflated += *ret_n;
        if (s->inflated > RATIO_FREE_BYTES && s->at > 0 && s->inflated / s->at > s->t->limits.max_ratio)
                return souk_err_set(err, SOUK_LIMIT, -EFBIG, "it inflates to more than %u times its size",
                                    s->t->limits.max_ratio);
        return 1;
}

/* The consumer's side of the relay. */
static int relayed_next(void *user, const void **ret_p, size_t *ret_n, struct souk_err *err) {
        struct stream *s = user;
        struct layer_source in = relay_source(s->relay);
        int r = in.next(in.user, ret_p, ret_n, err);
        if (r > 0 && s->tar_hash)
                hash_add(s->tar_hash, *ret_p, *ret_n);
        return r;
}

static int stream_start(struct stream *s, struct souk_err *err) {
        struct layer_source blob = { .next = blob_next, .user = s }, tar = { .next = tar_next, .user = s };
        s->buf = xmalloc((size_t) RELAY_PIECES * PIECE);
        int r = inflate_new(s->job->compression, &blob, &s->inflate, err);
        return r < 0 ? r : relay_new(&tar, &s->relay, err);
}

static int check_digest(const char *kind, const struct digest *wanted, const struct digest *got, struct souk_err *err) {
        if (digest_equal(wanted, got))
                return 0;
        return souk_err_set(err, SOUK_DIGEST_MISMATCH, -EILSEQ,
                            "the %s differs: sha256:%s was promised, sha256:%s came", kind, wanted->hex, got->hex);
}

static int import_stream(struct stream *s, int dst, struct souk_err *err) {
        struct layer_job *j = s->job;
        struct layer_source tar = { .next = relayed_next, .user = s, .end_is_verified = true };
        struct layer_limits limits = { MIN(s->t->limits.max_layer_bytes, s->t->limits.max_image_bytes),
                                       s->t->limits.max_entries };
        struct digest blob_digest, diff_id;
        int r = stream_start(s, err);
        if (r >= 0)
                r = layer_import(s->t->driver, dst, &tar, &limits, &j->stats, err);
        if (r < 0)
                return r;
        if (s->at < j->blob.n)
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "the blob has bytes behind its end");
        hash_end(s->blob_hash, &blob_digest);
        if (s->tar_hash)
                hash_end(s->tar_hash, &diff_id);
        else
                diff_id = blob_digest;
        if (j->has_blob_digest)
                r = check_digest("blob's digest", &j->blob_digest, &blob_digest, err);
        if (r >= 0)
                r = check_digest("diff id", &j->diff_id, &diff_id, err);
        j->blob_digest = blob_digest;
        return r;
}

static int make_target(struct transfer *t, const char *name, struct souk_err *err) {
        if (t->driver == LAYER_DRIVER_TREE) {
                int fd = dir_make_open(FD_STAGING, name, 0755);
                return fd < 0 ? souk_err_errno(err, fd, "making a directory for a layer") : fd;
        }
        int fd = openat(FD_STAGING, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        return fd < 0 ? souk_err_errno(err, errno, "making a file for a layer") : fd;
}

static int rename_staged(const char *from, const char *kind, const char *hex, struct souk_err *err) {
        char to[16 + DIGEST_HEX_LEN];
        snprintf(to, sizeof(to), "%s.%s", kind, hex);
        int r = renameat(FD_STAGING, from, FD_STAGING, to);
        return r < 0 ? souk_err_errno(err, errno, "naming a finished layer") : 0;
}

/* The temporary name is the job's, not the digest's: two blobs may hold the same layer. */
static int make_blob(struct stream *s, char *name, size_t size, struct souk_err *err) {
        snprintf(name, size, "part-blob.%zu", s->number);
        if (!s->t->job->keep_blobs)
                return 0;
        s->blob_fd = openat(FD_STAGING, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        return s->blob_fd < 0 ? souk_err_errno(err, errno, "making a file for a blob") : 0;
}

static int store_layer(struct stream *s, struct souk_err *err) {
        struct layer_job *j = s->job;
        char layer[32 + DIGEST_HEX_LEN], blob[32];
        snprintf(layer, sizeof(layer), "part-layer.%s", j->diff_id.hex);
        _cleanup_close_ int dst = make_target(s->t, layer, err);
        if (dst < 0)
                return dst;
        int r = make_blob(s, blob, sizeof(blob), err);
        if (r >= 0)
                r = import_stream(s, dst, err);
        if (r >= 0)
                r = rename_staged(layer, "layer", j->diff_id.hex, err);
        fault_point("transfer.layer_stored");
        if (r >= 0 && s->blob_fd >= 0)
                r = rename_staged(blob, "blob", j->blob_digest.hex, err);
        return r;
}

/* The store, or a job before this one, has the layer: its blob is only looked at when that is not known, to be kept, or
 * to know its digest. */
static int verify_known(struct stream *s, struct souk_err *err) {
        struct layer_job *j = s->job;
        char blob[32];
        if (j->has_blob_digest) {
                int r = transfer_ask(s->t, true, &j->blob_digest, &j->blob_known, err);
                if (r < 0 || j->blob_known || (!s->t->job->keep_blobs && j->known))
                        return r;
        }
        int r = make_blob(s, blob, sizeof(blob), err);
        if (r < 0)
                return r;
        const void *p;
        size_t n;
        r = stream_start(s, err);
        if (r < 0)
                return r;
        while ((r = relayed_next(s, &p, &n, err)) > 0)
                ;
        if (r < 0)
                return r;
        struct digest got, diff_id;
        hash_end(s->blob_hash, &got);
        if (s->tar_hash)
                hash_end(s->tar_hash, &diff_id);
        else
                diff_id = got;
        r = check_digest("diff id", &j->diff_id, &diff_id, err);
        if (r >= 0 && j->has_blob_digest)
                r = check_digest("blob's digest", &j->blob_digest, &got, err);
        j->blob_digest = got;
        return r >= 0 && s->blob_fd >= 0 ? rename_staged(blob, "blob", got.hex, err) : r;
}

static int run_one(struct transfer *t, struct layer_job *j, size_t number, bool stored, struct souk_err *err) {
        struct stream s = { .t = t, .job = j, .number = number, .blob_fd = -EBADF };
        int r = transfer_ask(t, false, &j->diff_id, &j->known, err);
        if (r < 0)
                return r;
        s.blob_hash = hash_new();
        s.tar_hash = j->compression == BLOB_PLAIN ? NULL : hash_new();
        r = j->known || stored ? verify_known(&s, err) : store_layer(&s, err);
        if (s.relay)
                relay_free(s.relay);
        hash_free(s.blob_hash);
        if (s.tar_hash)
                hash_free(s.tar_hash);
        if (s.inflate)
                inflate_free(s.inflate);
        free(s.buf);
        fd_close(s.blob_fd);
        if (r < 0)
                return souk_err_wrap(err, "%s", j->what);
        s.at = j->blob.n;
        return tell_progress(&s, true, err);
}

/* ---- in parallel ------------------------------------------------------------------------------------------------- */

struct pool {
        struct transfer *t;
        struct layer_job *jobs;
        size_t n, next;
        size_t *order;                  /* in which they are taken: the largest first */
        size_t *first, *twin;           /* of each job: the one that stores its layer; that reads the same blob */
        pthread_mutex_t lock;
        uint64_t data_bytes;            /* of the layers stored so far */
        struct souk_err err;            /* the first failure */
};

/* The same bytes, by digest or, where none is promised, because they are the same member of the archive. */
static bool same_blob(const struct layer_job *a, const struct layer_job *b) {
        if (a->compression != b->compression || a->has_blob_digest != b->has_blob_digest || a->blob.n != b->blob.n)
                return false;
        return a->has_blob_digest ? digest_equal(&a->blob_digest, &b->blob_digest) : a->blob.p == b->blob.p;
}

static int by_layer(const void *a, const void *b, void *user) {
        const struct layer_job *jobs = user;
        size_t i = *(const size_t *) a, k = *(const size_t *) b;
        int order = strcmp(jobs[i].diff_id.hex, jobs[k].diff_id.hex);
        return order ? order : i < k ? -1 : i > k;
}

static int by_size(const void *a, const void *b, void *user) {
        const struct layer_job *jobs = user;
        size_t i = *(const size_t *) a, k = *(const size_t *) b;
        return jobs[i].blob.n != jobs[k].blob.n ? (jobs[i].blob.n > jobs[k].blob.n ? -1 : 1) : i < k ? -1 : i > k;
}

/* Sorted, since an archive may name very many. */
static void find_twins(struct pool *p) {
        size_t *order = p->order;
        for (size_t i = 0; i < p->n; i++)
                order[i] = i;
        qsort_r(order, p->n, sizeof(*order), by_layer, p->jobs);
        for (size_t i = 0, start = 0; i < p->n; i++) {
                struct layer_job *j = &p->jobs[order[i]];
                if (!digest_equal(&p->jobs[order[start]].diff_id, &j->diff_id))
                        start = i;
                size_t k = start;
                while (k < i && !same_blob(&p->jobs[order[k]], j))
                        k++;
                p->first[order[i]] = order[start];
                p->twin[order[i]] = order[k];
        }
        qsort_r(order, p->n, sizeof(*order), by_size, p->jobs);
}

static void *worker(void *user) {
        struct pool *p = user;
        for (;;) {
                pthread_mutex_lock(&p->lock);
                size_t next = p->err.errnum ? p->n : p->next++;
                pthread_mutex_unlock(&p->lock);
                if (next >= p->n)
                        return NULL;
                size_t i = p->order[next];
                if (p->twin[i] != i)
                        continue;
                struct souk_err err = {};
                int r = run_one(p->t, &p->jobs[i], i, p->first[i] != i, &err);
                pthread_mutex_lock(&p->lock);
                p->data_bytes += r >= 0 ? p->jobs[i].stats.data_bytes : 0;
                if (r >= 0 && p->data_bytes > p->t->limits.max_image_bytes)
                        r = souk_err_set(&err, SOUK_LIMIT, -EFBIG, "the layers have more than %llu bytes of files",
                                         (unsigned long long) p->t->limits.max_image_bytes);
                if (r < 0 && !p->err.errnum)
                        p->err = err;
                pthread_mutex_unlock(&p->lock);
        }
}

/* A layer that stands twice was stored once: the second has the same results. */
static void copy_results(struct pool *p) {
        for (size_t i = 0; i < p->n; i++) {
                const struct layer_job *stored = &p->jobs[p->first[i]], *twin = &p->jobs[p->twin[i]];
                p->jobs[i].stats = stored->stats;
                p->jobs[i].known = stored->known;
                p->jobs[i].blob_known = twin->blob_known;
                p->jobs[i].blob_digest = twin->blob_digest;
        }
}

/* sysconf() would look in /sys, which is not there. */
size_t cpus_usable(void) {
        cpu_set_t set;
        return sched_getaffinity(0, sizeof(set), &set) == 0 ? (size_t) MAX(CPU_COUNT(&set), 1) : 1;
}

int layers_run(struct transfer *t, struct layer_job *jobs, size_t n, struct souk_err *err) {
        struct pool p = { .t = t, .jobs = jobs, .n = n };
        pthread_t threads[THREADS_MAX];
        size_t n_threads = 0, wanted = MIN(MIN(cpus_usable(), n), (size_t) THREADS_MAX);
        _cleanup_free_ size_t *first = xcalloc(n, sizeof(*first)), *twin = xcalloc(n, sizeof(*twin)),
                              *order = xcalloc(n, sizeof(*order));
        p.order = order;
        p.first = first;
        p.twin = twin;
        find_twins(&p);
        pthread_mutex_init(&p.lock, NULL);
        while (n_threads + 1 < wanted && pthread_create(&threads[n_threads], NULL, worker, &p) == 0)
                n_threads++;
        worker(&p);
        for (size_t i = 0; i < n_threads; i++)
                pthread_join(threads[i], NULL);
        if (p.err.errnum) {
                *err = p.err;
                return p.err.errnum;
        }
        copy_results(&p);
        return 0;
}
