/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The user's terminal in raw mode, and back. */
#ifndef SOUK_SHIM_ATTACH_TERMINAL_H
#define SOUK_SHIM_ATTACH_TERMINAL_H
#include "base/macro.h"

#include <termios.h>

struct attach_terminal {
        int fd;                 /* borrowed */
        bool output_only;       /* only its output processing: for a workload with a terminal and no input from here */
        bool raw;
        struct termios saved;   /* as it was before the first attach_terminal_raw() */
        bool has_saved;
};
/** attach_terminal_raw() - from a background job this stops the process (SIGTTOU), as any program that takes the terminal */
_must_check_ int attach_terminal_raw(struct attach_terminal *t);
/** attach_terminal_restore() - also from the background; nothing when it is not raw */
void attach_terminal_restore(struct attach_terminal *t);
#endif
