/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_ENGINE_ENGINE_H
#define SOUK_ENGINE_ENGINE_H
/* What stands behind the opaque handle of libsouk. */
#include "store/store.h"
#include <souk/souk.h>

struct souk {
        struct store *store;
};
#endif
