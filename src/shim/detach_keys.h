/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys that detach: "ctrl-p,ctrl-q" and so on. */
#ifndef SOUK_SHIM_DETACH_KEYS_H
#define SOUK_SHIM_DETACH_KEYS_H
#include "base/macro.h"
#include <souk/err.h>

#define DETACH_KEYS_MAX 16
#define DETACH_KEYS_DEFAULT "ctrl-p,ctrl-q"

struct detach_keys {
        uint8_t keys[DETACH_KEYS_MAX];
        size_t n;       /* 0: none */
        size_t matched; /* of the sequence, typed so far and held back */
};
/** detach_keys_parse() - a list of single characters and ctrl-a .. ctrl-z, ctrl-@ [ \ ] ^ _ ; "" is none, NULL the default.
 * -EINVAL with SOUK_USAGE */
_must_check_ int detach_keys_parse(const char *text, struct detach_keys *ret, struct souk_err *err);
/**
 * detach_keys_filter() - what was typed, without what may be the beginning of the sequence
 * @out: at least @n + DETACH_KEYS_MAX bytes
 * Return: true when the sequence is complete; *ret_n bytes in @out are to be sent in any case.
 */
bool detach_keys_filter(struct detach_keys *d, const uint8_t *typed, size_t n, uint8_t *out, size_t *ret_n);
#endif
