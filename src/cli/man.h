/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Man pages as scdoc source, from the tables. */
#ifndef SOUK_CLI_MAN_H
#define SOUK_CLI_MAN_H
#include "cli.h"

void man_verb(FILE *out, const struct cli_verb *verb);
/** man_top() - souk(1), up to the sections that are written by hand (man/souk.tail.scd) */
void man_top(FILE *out);
/** man_page_name() - "souk-image-history" [owned] */
char *man_page_name(const struct cli_verb *verb);
/** man_escape() - @text for scdoc */
void man_escape(FILE *out, const char *text);
#endif
