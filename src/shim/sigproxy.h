/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals that reach this process and are meant for the workload, taken through a signalfd. */
#ifndef SOUK_SHIM_SIGPROXY_H
#define SOUK_SHIM_SIGPROXY_H
#include "base/macro.h"

#include <signal.h>

/** sigproxy_add() - add the signals to forward: HUP INT QUIT TERM USR1 USR2 ALRM WINCH and the real-time ones; not those
 * that the caller was told to ignore (nohup, a shell's background job) */
void sigproxy_add(sigset_t *set);
/** sigproxy_open() - block @set and make a signalfd for it.  @ret_old: mask to restore */
_must_check_ int sigproxy_open(const sigset_t *set, sigset_t *ret_old);
/** sigproxy_next() - next signal, or 0 when there is none */
int sigproxy_next(int signal_fd);
/**
 * sigproxy_would_be_lost() - the first process of a pid namespace is not killed by a signal that it does not handle:
 * Ctrl-C on `run box sleep 100` would do nothing.
 * (A shell that handles SIGINT only to end by it, as dash does, needs a second one: raised by itself, it is dropped, too.)
 * Return: true when @sig is HUP, INT, QUIT or TERM, @pid is such a process, and neither handles nor ignores it.
 */
bool sigproxy_would_be_lost(pid_t pid, int sig);
#endif
