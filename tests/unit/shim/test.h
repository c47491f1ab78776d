/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TEST_SHIM_TEST_H
#define TEST_SHIM_TEST_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#endif
