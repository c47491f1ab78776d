/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A question before something is removed. */
#ifndef SOUK_CLI_CONFIRM_H
#define SOUK_CLI_CONFIRM_H
#include <stdbool.h>

/** confirm() - print @warning, ask, read a line from standard input.  Return: was it yes; the end of input is no */
bool confirm(const char *warning);
#endif
