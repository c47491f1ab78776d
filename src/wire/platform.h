/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_WIRE_PLATFORM_H
#define SOUK_WIRE_PLATFORM_H
/* Platforms of images: what an index says of each manifest, against the machine.  Spec: OCI image-spec 1.1,
 * image-index.md "platform"; names are Go's. */
#include "wire/image_config.h"

/** platform_architecture() - "amd64" for uname's "x86_64"; what is not known stays as it is [borrowed] */
const char *platform_architecture(const char *machine);
/** platform_fit() - how well an image for the descriptor's platform runs on @machine (uname's): the higher the better,
 * 0 not at all.  Without a platform: 1 */
unsigned platform_fit(const char *machine, const struct descriptor *d);
#endif
