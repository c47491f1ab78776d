/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_STORE_SCHEMA_H
#define SOUK_STORE_SCHEMA_H
#include "base/macro.h"

/** schema_version() - the version that this program reads and writes */
int schema_version(void);
/** schema_step() - SQL that leads from @version - 1 to @version, 1 <= @version <= schema_version() */
const char *schema_step(int version);
#endif
