/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See ref.h.  The grammar is that of the distribution specification; the default registry and tag are Docker's. */
#include "wire/ref.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <ctype.h>

#define REGISTRY_DEFAULT "docker.io"
#define LIBRARY "library/"
#define REPOSITORY_MAX 255
#define TAG_MAX 128

void image_ref_clear(struct image_ref *r) {
        free(r->registry);
        free(r->repository);
        free(r->tag);
        free(r->digest);
        *r = (struct image_ref){};
}

static int bad(struct souk_err *err, const char *s, const char *why) {
        _cleanup_free_ char *safe = str_printable(s);
        return souk_err_set(err, SOUK_INVALID, -EINVAL, "image name '%.200s': %s", safe, why);
}

/* host or host:port; "localhost", or with a dot, a colon or a bracket: else it is the first part of a repository */
static bool is_registry(const char *s, size_t n) {
        return (n == 9 && memcmp(s, "localhost", 9) == 0) || memchr(s, '.', n) || memchr(s, ':', n) || s[0] == '[';
}

static const char *check_registry(const char *s) {
        const char *port = NULL;
        if (s[0] == '[') {
                size_t n = strspn(s + 1, "0123456789abcdefABCDEF:.");
                _cleanup_free_ char *address = xstrndup(s + 1, n);
                struct in6_addr ignored;
                if (s[n + 1] != ']' || inet_pton(AF_INET6, address, &ignored) != 1)
                        return "the registry's address in brackets is malformed";
                port = s + n + 2;
        } else {
                size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-");
                if (n == 0 || !isalnum((unsigned char) s[0]) || !isalnum((unsigned char) s[n - 1]) ||
                    memmem(s, n, "..", 2))
                        return "the registry's host name is malformed";
                port = s + n;
        }
        if (!*port)
                return NULL;
        uint32_t number;
        if (*port != ':' || str_to_u32(port + 1, &number) < 0 || number == 0 || number > 65535)
                return "the registry's port is not a number from 1 to 65535";
        return NULL;
}

/* Components of lower-case letters and digits, joined by '.', '_', '__' or any number of '-'. */
static const char *check_repository(const char *s) {
        if (!*s)
                return "the repository's name is empty";
        if (strlen(s) > REPOSITORY_MAX)
                return "the repository's name has more than 255 characters";
        for (const char *p = s;;) {
                size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789");
                if (n == 0) {
                        if (isupper((unsigned char) *p))
                                return "the repository's name must be lower case";
                        return *p && !strchr("/._-", *p) ?
                                       "the repository's name has a character that is not a letter, digit, '.', '_', "
                                       "'-' or '/'" :
                                       "a part of the repository's name does not start with a letter or digit";
                }
                p += n;
                if (!*p)
                        return NULL;
                if (*p == '/') {
                        p++;
                        continue;
                }
                size_t sep = *p == '.' ? 1 : *p == '_' ? strspn(p, "_") : strspn(p, "-");
                if ((*p == '_' && sep > 2) || sep == 0)
                        return isupper((unsigned char) *p) ?
                                       "the repository's name must be lower case" :
                                       "the repository's name has a character or separator that is not allowed";
                p += sep;
                if (!islower((unsigned char) *p) && !isdigit((unsigned char) *p))
                        return "a part of the repository's name does not end with a letter or digit";
        }
}

static const char *check_tag(const char *s) {
        if (!isalnum((unsigned char) s[0]) && s[0] != '_')
                return "the tag must start with a letter, digit or '_'";
        for (const char *p = s; *p; p++)
                if (!isalnum((unsigned char) *p) && !strchr("_.-", *p))
                        return "the tag has a character that is not a letter, digit, '_', '.' or '-'";
        return strlen(s) > TAG_MAX ? "the tag has more than 128 characters" : NULL;
}

/* Cuts the registry off the front of *rest; completes Docker's short names. */
static void split_registry(const char *name, char **ret_registry, char **ret_repository) {
        const char *slash = strchr(name, '/');
        if (slash && is_registry(name, (size_t) (slash - name))) {
                *ret_registry = xstrndup(name, (size_t) (slash - name));
                name = slash + 1;
                if (streq(*ret_registry, "index.docker.io")) {
                        free(*ret_registry);
                        *ret_registry = xstrdup(REGISTRY_DEFAULT);
                }
        } else
                *ret_registry = xstrdup(REGISTRY_DEFAULT);
        if (streq(*ret_registry, REGISTRY_DEFAULT) && *name && !strchr(name, '/'))
                *ret_repository = xasprintf(LIBRARY "%s", name);
        else
                *ret_repository = xstrdup(name);
}

int image_ref_parse(const char *s, struct image_ref *ret, struct souk_err *err) {
        struct image_ref r = {};
        const char *why = NULL;
        struct digest d;
        if (!*s)
                return souk_err_set(err, SOUK_INVALID, -EINVAL, "the image's name is empty");
        if (strlen(s) > 4096)
                return souk_err_set(err, SOUK_INVALID, -EINVAL, "the image's name is too long");
        const char *at = strchr(s, '@');
        _cleanup_free_ char *name = at ? xstrndup(s, (size_t) (at - s)) : xstrdup(s);
        if (at && digest_parse(at + 1, &d) < 0)
                return bad(err, s, "after '@' comes a digest: sha256: and 64 lower-case hex digits");
        r.digest = at ? xstrdup(at + 1) : NULL;
        char *slash = strrchr(name, '/'), *colon = strchr(slash ? slash : name, ':');
        if (colon) {
                *colon = '\0';
                r.tag = xstrdup(colon + 1);
                why = *r.tag ? check_tag(r.tag) : "the tag after ':' is empty";
        } else if (!at)
                r.tag = xstrdup("latest");
        split_registry(name, &r.registry, &r.repository);
        if (!why)
                why = check_registry(r.registry);
        if (!why)
                why = check_repository(r.repository);
        if (!why && !at && strlen(name) == DIGEST_HEX_LEN && digest_is_hex(name))
                why = "64 hex digits are an image's id, not a name";
        if (why) {
                image_ref_clear(&r);
                return bad(err, s, why);
        }
        *ret = r;
        return 0;
}

char *image_ref_format(const struct image_ref *r) {
        return xasprintf("%s/%s%s%s%s%s", r->registry, r->repository, r->tag ? ":" : "", r->tag ? r->tag : "",
                         r->digest ? "@" : "", r->digest ? r->digest : "");
}

char *image_ref_familiar(const char *full) {
        const char *rest = str_startswith(full, REGISTRY_DEFAULT "/");
        const char *slash = rest ? strchr(rest, '/') : NULL;
        if (!rest || (slash && is_registry(rest, (size_t) (slash - rest)))) /* shorter, it would be another's */
                return xstrdup(full);
        const char *name = str_startswith(rest, LIBRARY);
        bool like_id = name && strspn(name, "0123456789abcdef") == DIGEST_HEX_LEN;
        return xstrdup(name && !strchr(name, '/') && !like_id ? name : rest);
}

void image_ref_split(const char *full, char **ret_repository, char **ret_tag) {
        _cleanup_free_ char *familiar = image_ref_familiar(full);
        char *at = strchr(familiar, '@');
        if (at)
                *at = '\0';
        char *slash = strrchr(familiar, '/'), *colon = strchr(slash ? slash : familiar, ':');
        *ret_tag = xstrdup(colon ? colon + 1 : "");
        if (colon)
                *colon = '\0';
        *ret_repository = xstrdup(familiar);
}

int image_ref_normalize(const char *s, char **ret_full, struct souk_err *err) {
        struct image_ref r;
        int k = image_ref_parse(s, &r, err);
        if (k < 0)
                return k;
        *ret_full = image_ref_format(&r);
        image_ref_clear(&r);
        return 0;
}
