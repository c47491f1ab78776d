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
        char line[1200];
        int saved = errno;
        size_t room = sizeof(line) - 1; /* for the newline */
        size_t n = (size_t) snprintf(line, room, "%.64s: %s: ", log_program, level_names[level]);
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(line + n, room - n, fmt, ap);
        va_end(ap);
        n = strlen(line);
        for (size_t i = 0; i < n; i++)
                if ((unsigned char) line[i] < 0x20 || line[i] == 0x7f) /* a name in the text must not forge a line */
                        line[i] = '?';
        line[n++] = '\n';
        (void) !write(STDERR_FILENO, line, n); /* one write: lines stay whole; dprintf would allocate, not so after fork */
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
        _exit(128 + SIGKILL); /* the first process of a pid namespace cannot kill itself */
}
