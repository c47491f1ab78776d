/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs over several names: each is tried, each failure is told, and the exit status is 1 when any failed. */
#ifndef SOUK_CLI_NAMES_H
#define SOUK_CLI_NAMES_H
#include "cli.h"

typedef int (*name_fn)(struct souk *s, const char *name, const void *args, struct souk_err *err);
/** names_each() - @echo: print each name that succeeded */
int names_each(const struct cli_call *call, name_fn fn, bool echo);
#endif
