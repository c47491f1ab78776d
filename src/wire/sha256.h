/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_WIRE_SHA256_H
#define SOUK_WIRE_SHA256_H
/*
 * SHA-256 of a short text, for the engine: it checks what its worker says about manifests and configs, and has no
 * libcrypto to do it with (see DESIGN section 2).  Layers are hashed in souk-transfer, with the CPU's own instructions.
 * Spec: FIPS 180-4.
 */
#include "base/digest.h"

void sha256_text(const void *p, size_t n, struct digest *ret);
#endif
