/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each test of the base library includes first: cmocka, with the headers that it needs before it. */
#ifndef TEST_BASE_TEST_H
#define TEST_BASE_TEST_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#endif
