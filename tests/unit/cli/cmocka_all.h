/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmocka and what it needs in front. */
#ifndef SOUK_TEST_CMOCKA_ALL_H
#define SOUK_TEST_CMOCKA_ALL_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#define assert_contains(text, part)                                     \
        do {                                                            \
                if (!strstr((text), (part)))                            \
                        fail_msg("'%s' is not in: %s", (part), (text)); \
        } while (0)
#endif
