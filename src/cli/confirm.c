/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A question before something is removed. */
#include "confirm.h"

#include <stdio.h>

bool confirm(const char *warning) {
        char line[64];
        fprintf(stderr, "WARNING: %s\nGo on? [y/N] ", warning);
        fflush(stderr);
        if (!fgets(line, sizeof(line), stdin)) {
                fputc('\n', stderr);
                return false;
        }
        return (line[0] == 'y' || line[0] == 'Y');
}
