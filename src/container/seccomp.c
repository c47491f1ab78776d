/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filters, compiled by libseccomp once for each (profile, capabilities, build) and kept as BPF in the cache directory:
 * compiling takes about as long as all the rest of a start.  A cached file is a header and the instructions; one that is
 * not whole, or for something else, is compiled again.
 */
#include "container/seccomp_profile.h"

#include "base/file.h"
#include "base/str.h"

#include <linux/filter.h>
#include <stdio.h>
#include <sys/mman.h>

#define CACHE_MAGIC 0x31504353554f53ULL /* "SOUSCP1" */

struct cache_header {
        uint64_t magic, key_low, key_high, capabilities;
        uint64_t n_insns;
};

/* FNV-1a, twice with different offsets: names a file; what is in it is checked against the whole key. */
static uint64_t fnv(uint64_t h, const char *s, size_t n) {
        for (size_t i = 0; i < n; i++)
                h = (h ^ (unsigned char) s[i]) * 0x100000001b3ULL;
        return h;
}

static void make_key(const struct seccomp_request *q, struct cache_header *h) {
        static const char version[] = SOUK_VERSION " 1";
        const char *text = q->profile ? q->profile : "default";
        *h = (struct cache_header){ .magic = CACHE_MAGIC, .key_low = 0xcbf29ce484222325ULL, .key_high = 0x84222325cbf29ce4ULL, .capabilities = q->capabilities };
        h->key_low = fnv(fnv(h->key_low, version, sizeof(version)), text, strlen(text));
        h->key_high = fnv(fnv(h->key_high, text, strlen(text)), version, sizeof(version));
}

static void file_name(const struct cache_header *h, char *out, size_t size) {
        snprintf(out, size, "seccomp.%016llx%016llx.%llx", (unsigned long long) h->key_high, (unsigned long long) h->key_low, (unsigned long long) h->capabilities);
}

static bool cache_read(int cache_fd, const struct cache_header *key, void **ret, uint16_t *ret_n) {
        char name[80];
        struct stat st;
        struct cache_header h;
        file_name(key, name, sizeof(name));
        _cleanup_close_ int fd = openat(cache_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < (off_t) sizeof(h) || fd_read_all(fd, &h, sizeof(h)) < 0)
                return false;
        size_t bytes = (size_t) h.n_insns * sizeof(struct sock_filter);
        if (h.magic != key->magic || h.key_low != key->key_low || h.key_high != key->key_high || h.capabilities != key->capabilities || h.n_insns == 0 ||
            h.n_insns > BPF_MAXINSNS || (size_t) st.st_size != sizeof(h) + bytes)
                return false;
        _cleanup_free_ void *insns = xmalloc(bytes);
        if (fd_read_all(fd, insns, bytes) < 0)
                return false;
        *ret = TAKE_PTR(insns);
        *ret_n = (uint16_t) h.n_insns;
        return true;
}

static void cache_write(int cache_fd, const struct cache_header *key, const void *insns, uint16_t n) {
        char name[80];
        size_t bytes = (size_t) n * sizeof(struct sock_filter);
        _cleanup_free_ char *text = xmalloc(sizeof(*key) + bytes);
        struct cache_header h = *key;
        h.n_insns = n;
        memcpy(text, &h, sizeof(h));
        memcpy(text + sizeof(h), insns, bytes);
        file_name(key, name, sizeof(name));
        (void) !file_replace(cache_fd, name, 0600, text, sizeof(h) + bytes); /* without it the next start compiles again */
}

static int fill_default(uint64_t capabilities, scmp_filter_ctx ctx, struct souk_err *err) {
        for (const struct seccomp_rule *rule = seccomp_default_rules; rule->names; rule++) {
                if ((rule->with && !(rule->with & capabilities)) || (rule->without & capabilities))
                        continue;
                _cleanup_strv_ char **names = str_split(rule->names, ' ');
                for (size_t i = 0; names[i]; i++) {
                        int nr = seccomp_syscall_resolve_name(names[i]);
                        if (nr == __NR_SCMP_ERROR) /* newer than this libseccomp */
                                continue;
                        int r = seccomp_rule_add_array(ctx, rule->action ? rule->action : SCMP_ACT_ALLOW, nr, rule->n_args, rule->args);
                        if (r < 0 && r != -EDOM && r != -EEXIST) /* EDOM: not on this architecture */
                                return souk_err_errno(err, r, "compiling the default seccomp profile: %s", names[i]);
                }
        }
        return 0;
}

static int new_default(uint64_t capabilities, scmp_filter_ctx *ret, struct souk_err *err) {
        scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
        if (!ctx)
                return souk_err_set(err, SOUK_INTERNAL, -ENOMEM, "libseccomp cannot make a filter");
        int r = 0;
#if defined(__x86_64__)
        r = seccomp_arch_add(ctx, SCMP_ARCH_X86);
        if (r >= 0)
                r = seccomp_arch_add(ctx, SCMP_ARCH_X32);
#elif defined(__aarch64__)
        r = seccomp_arch_add(ctx, SCMP_ARCH_ARM);
#endif
        r = r < 0 && r != -EEXIST ? souk_err_errno(err, r, "adding an architecture to the seccomp filter") : fill_default(capabilities, ctx, err);
        if (r < 0) {
                seccomp_release(ctx);
                return r;
        }
        *ret = ctx;
        return 0;
}

static int export_bpf(scmp_filter_ctx ctx, void **ret, uint16_t *ret_n, struct souk_err *err) {
        _cleanup_close_ int fd = memfd_create("seccomp", MFD_CLOEXEC);
        struct stat st;
        (void) seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree: half the instructions on the way */
        int r = fd < 0 ? -errno : seccomp_export_bpf(ctx, fd);
        if (r >= 0 && (fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0))
                r = -errno;
        if (r < 0)
                return souk_err_errno(err, r, "compiling the seccomp filter");
        size_t n = (size_t) st.st_size / sizeof(struct sock_filter);
        if (n == 0 || n > BPF_MAXINSNS)
                return souk_err_set(err, SOUK_LIMIT, -E2BIG, "the seccomp profile compiles to %zu instructions: the kernel takes %d", n, BPF_MAXINSNS);
        _cleanup_free_ void *insns = xmalloc(n * sizeof(struct sock_filter));
        r = fd_read_all(fd, insns, n * sizeof(struct sock_filter));
        if (r < 0)
                return souk_err_errno(err, r, "reading the seccomp filter");
        *ret = TAKE_PTR(insns);
        *ret_n = (uint16_t) n;
        return 0;
}

int seccomp_get(int cache_fd, const struct seccomp_request *q, void **ret_insns, uint16_t *ret_n, struct souk_err *err) {
        struct cache_header key;
        scmp_filter_ctx ctx = NULL;
        make_key(q, &key);
        if (cache_fd >= 0 && cache_read(cache_fd, &key, ret_insns, ret_n))
                return 0;
        int r = q->profile ? seccomp_json_fill(q->profile, q->capabilities, &ctx, err) : new_default(q->capabilities, &ctx, err);
        if (r < 0)
                return r;
        r = export_bpf(ctx, ret_insns, ret_n, err);
        seccomp_release(ctx);
        if (r >= 0 && cache_fd >= 0)
                cache_write(cache_fd, &key, *ret_insns, *ret_n);
        return r;
}
