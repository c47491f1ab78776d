/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Do two directory trees hold the same?  Used by the layer tests. */
#ifndef TEST_LAYER_COMPARE_H
#define TEST_LAYER_COMPARE_H
#include <stdbool.h>
/* Prints each difference (names, lstat fields, content, holes' zeros, xattrs, hard links). Return: how many. */
unsigned tree_compare(const char *a, const char *b);
#endif
