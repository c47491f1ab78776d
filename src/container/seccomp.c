/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filters, compiled once: making one costs as much as all the rest of a start.  A cache file is named after a hash of
 * its key, and holds the key itself: profile text, capabilities, architecture, library version.
 *
 *   struct cache_header, key, struct sock_filter[n]
 *
 * A file is used when all of it is as expected, else it is made anew and replaced by rename.
 */
#include "container/container.h"
#include "container/seccomp_profile.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>

#define CACHE_MAGIC UINT64_C(0x31706d6f63636573) /* "seccomp1" */
/* Of the tables in seccomp_profile.c: raise it with every change there or in the compiler. */
#define PROFILE_VERSION 3

struct cache_header {
        uint64_t magic;
        uint64_t check;                 /* hash of all that follows */
        uint32_t key_bytes, n_insns;
};

static uint64_t hash(uint64_t h, const void *p, size_t n) { /* FNV-1a */
        for (const unsigned char *c = p; n > 0; n--)
                h = (h ^ *c++) * UINT64_C(0x100000001b3);
        return h;
}
#define HASH_START UINT64_C(0xcbf29ce484222325)

static char *make_key(const struct seccomp_request *q) {
        const struct scmp_version *v = seccomp_version();
        return xasprintf("%d %u.%u.%u %08x %016" PRIx64 " %s", PROFILE_VERSION, v->major, v->minor, v->micro,
                         seccomp_arch_native(), q->capabilities, q->profile ? q->profile : "default");
}

static void cache_name(const char *key, char name[32]) {
        snprintf(name, 32, "seccomp-%016" PRIx64, hash(HASH_START, key, strlen(key)));
}

static bool cache_load(int dir, const char *key, struct sock_filter **ret, uint16_t *ret_n) {
        char name[32];
        struct stat st;
        cache_name(key, name);
        _cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022))
                return false;
        size_t key_bytes = strlen(key), fixed = sizeof(struct cache_header) + key_bytes, total = (size_t) st.st_size;
        if (total <= fixed || total > fixed + BPF_MAXINSNS * sizeof(**ret) || (total - fixed) % sizeof(**ret))
                return false;
        _cleanup_free_ char *file = xmalloc(total);
        if (fd_read_all(fd, file, total) < 0)
                return false;
        struct cache_header h;
        memcpy(&h, file, sizeof(h));
        size_t n = (total - fixed) / sizeof(**ret);
        if (h.magic != CACHE_MAGIC || h.key_bytes != key_bytes || h.n_insns != n ||
            memcmp(file + sizeof(h), key, key_bytes) != 0 ||
            h.check != hash(HASH_START, file + sizeof(h), total - sizeof(h)))
                return false;
        *ret = xmemdup(file + fixed, n * sizeof(**ret));
        *ret_n = (uint16_t) n;
        return true;
}

static void cache_store(int dir, const char *key, const struct sock_filter *insns, uint16_t n) {
        char name[32];
        struct cache_header h = { .magic = CACHE_MAGIC, .key_bytes = (uint32_t) strlen(key), .n_insns = n };
        _cleanup_buf_ struct buf body = BUF_INIT(0), file = BUF_INIT(0);
        if (buf_append(&body, key, h.key_bytes) < 0 || buf_append(&body, insns, n * sizeof(*insns)) < 0)
                return;
        h.check = hash(HASH_START, body.data, body.len);
        if (buf_append(&file, &h, sizeof(h)) < 0 || buf_append(&file, body.data, body.len) < 0)
                return;
        cache_name(key, name);
        (void) !file_replace(dir, name, 0600, file.data, file.len); /* the next start compiles again, that is all */
}

int seccomp_get(int cache_dirfd, const struct seccomp_request *q, void **ret_insns, uint16_t *ret_n,
                struct souk_err *err) {
        _cleanup_free_ char *key = make_key(q);
        _cleanup_(seccomp_profile_clear) struct seccomp_profile profile = {};
        struct sock_filter *insns = NULL;
        uint16_t n = 0;
        if (cache_dirfd >= 0 && cache_load(cache_dirfd, key, &insns, &n)) {
                *ret_insns = insns;
                *ret_n = n;
                return 0;
        }
        int r = 0;
        if (q->profile)
                r = seccomp_profile_parse(&profile, q->profile, q->capabilities, err);
        else
                seccomp_profile_default(&profile, q->capabilities);
        if (r >= 0)
                r = seccomp_compile(&profile, &insns, &n, err);
        if (r < 0)
                return r;
        if (cache_dirfd >= 0)
                cache_store(cache_dirfd, key, insns, n);
        *ret_insns = insns;
        *ret_n = n;
        return 0;
}
