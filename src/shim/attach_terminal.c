/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Raw mode: see attach_terminal.h. */
#include "shim/attach_terminal.h"

#include <signal.h>

int attach_terminal_raw(struct attach_terminal *t) {
        if (t->output_only && tcgetpgrp(t->fd) != getpgrp())
                return 0; /* in the background: not worth to be stopped for */
        if (!t->has_saved) {
                if (tcgetattr(t->fd, &t->saved) < 0)
                        return -errno;
                t->has_saved = true;
        }
        struct termios raw = t->saved;
        if (t->output_only)
                raw.c_oflag &= ~(tcflag_t) OPOST; /* newlines were made "\r\n" by the workload's terminal already */
        else
                cfmakeraw(&raw); /* the workload's own terminal does what the line discipline does: echo, Ctrl-C, newlines */
        while (tcsetattr(t->fd, TCSANOW, &raw) < 0)
                if (errno != EINTR)
                        return -errno;
        t->raw = true;
        return 0;
}

void attach_terminal_restore(struct attach_terminal *t) {
        if (!t->raw)
                return;
        sigset_t ttou, old;
        sigemptyset(&ttou);
        sigaddset(&ttou, SIGTTOU); /* while it is blocked, a background process may set the mode */
        pthread_sigmask(SIG_BLOCK, &ttou, &old);
        /* TCSANOW: draining would hang on a terminal that is stopped, flushing would lose what was typed ahead */
        while (tcsetattr(t->fd, TCSANOW, &t->saved) < 0 && errno == EINTR)
                ;
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        t->raw = false;
}
