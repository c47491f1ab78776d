/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `souk inspect` and `souk image inspect` have in common. */
#ifndef SOUK_CLI_INSPECT_H
#define SOUK_CLI_INSPECT_H
#include "cli.h"

/* @ret: JSON text, freed with souk_free() */
typedef int (*inspect_fn)(struct souk *s, const char *name, const void *args, char **ret, struct souk_err *err);
/** inspect_each() - all operands; what was found is printed also when something was not.  Return: exit status */
int inspect_each(const struct cli_call *call, inspect_fn fn, const char *format);
#endif
