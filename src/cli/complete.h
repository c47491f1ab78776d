/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_CLI_COMPLETE_H
#define SOUK_CLI_COMPLETE_H
/*
 * What may come next on a command line.  The scripts of the shells (completion_script.c) only pass the words on and
 * show the answer, so all shells complete alike and always know exactly the options of this program.
 *
 * Answer: a line for each candidate, "WORD" or "WORD<tab>WHAT IT IS", whole words only; or one line ":files" or
 * ":dirs".
 */
#include "cli.h"

/** complete_words() - @words: what follows "souk", the last one is being typed and may be "" */
void complete_words(FILE *out, const char *const *words, size_t n);

/* NULL: no such shell */
const char *completion_script(const char *shell);
#endif
