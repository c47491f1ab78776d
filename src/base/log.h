/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Diagnostics on stderr: SOUK_LOG=debug|info|warn|error (default warn).  Results never go here; only cli and api print. */
#ifndef SOUK_BASE_LOG_H
#define SOUK_BASE_LOG_H
#include "macro.h"

enum log_level { LOG_DEBUG_, LOG_INFO_, LOG_WARN_, LOG_ERROR_ };
void log_init(const char *program); /* reads SOUK_LOG */
bool log_enabled(enum log_level level);
void log_at(enum log_level level, const char *fmt, ...) _printf_(2, 3);
#define log_debug(...) (log_enabled(LOG_DEBUG_) ? log_at(LOG_DEBUG_, __VA_ARGS__) : (void) 0)
#define log_info(...) log_at(LOG_INFO_, __VA_ARGS__)
#define log_warn(...) log_at(LOG_WARN_, __VA_ARGS__)
#define log_error(...) log_at(LOG_ERROR_, __VA_ARGS__)

/* SOUK_FAULT=point[:N] makes the program kill itself with SIGKILL when it passes the named point (the Nth time):
 * how the tests prove that a crash leaves nothing that `souk system check` does not find.  Compiled into every build;
 * one strcmp when the variable is unset costs a load. */
void fault_point(const char *name);
#endif
