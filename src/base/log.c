/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Diagnostics and fault points: see log.h. */
#include "base/log.h"

#include "base/str.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

static const char *const level_names[] = { "debug", "info", "warning", "error" };
static enum log_level log_threshold = LOG_WARN_;
static const char *log_program = "souk";

void log_init(const char *program) {
        const char *level = getenv("SOUK_LOG");
        log_program = program;
        for (size_t i = 0; level && i < ELEMENTSOF(level_names); i++)
                if (streq(level, level_names[i]) || (i == LOG_WARN_ && streq(level, "warn")))
                        log_threshold = (enum log_level) i;
}

bool log_enabled(enum log_level level) {
        return level >= log_threshold;
}

void log_at(enum log_level level, const char *fmt, ...) {
        if (!log_enabled(level))
                return;
        char text[1024];
        int saved = errno;
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        dprintf(STDERR_FILENO, "%s: %s: %s\n", log_program, level_names[level], text); /* one write: lines stay whole */
        errno = saved;
}

void fault_point(const char *name) {
        static const char *wanted;
        static unsigned long countdown;
        static bool looked;
        if (!looked) {
                looked = true;
                wanted = getenv("SOUK_FAULT");
                const char *colon = wanted ? strrchr(wanted, ':') : NULL;
                countdown = colon ? strtoul(colon + 1, NULL, 10) : 1;
        }
        if (!wanted)
                return;
        size_t n = strcspn(wanted, ":");
        if (strlen(name) != n || strncmp(name, wanted, n) != 0 || --countdown > 0)
                return;
        kill(getpid(), SIGKILL);
}
