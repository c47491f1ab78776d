/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Digests as OCI writes them: "sha256:" and 64 lower-case hex digits.  Parsing and formatting only; the hashing itself
 * is in src/transfer (libcrypto is not mapped on the run path).  Spec: OCI image-spec 1.1, descriptor.md "Digests". */
#ifndef SOUK_BASE_DIGEST_H
#define SOUK_BASE_DIGEST_H
#include "macro.h"

#define DIGEST_HEX_LEN 64
struct digest {
        char hex[DIGEST_HEX_LEN + 1]; /* sha256 only: the one algorithm that registries use */
};
/** digest_parse() - "sha256:<hex>". 0, -EINVAL malformed, -EOPNOTSUPP another algorithm. */
_must_check_ int digest_parse(const char *s, struct digest *ret);
/** digest_is_hex() - 64 lower-case hex digits. */
bool digest_is_hex(const char *s);
#define DIGEST_STR_SIZE (7 + DIGEST_HEX_LEN + 1)
const char *digest_format(const struct digest *d, char buf[DIGEST_STR_SIZE]);
bool digest_equal(const struct digest *a, const struct digest *b);
#endif
