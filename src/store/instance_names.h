/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_STORE_INSTANCE_NAMES_H
#define SOUK_STORE_INSTANCE_NAMES_H
/** instance_name_make() - a random "brave-lantern" [owned]; from the 4th @attempt on with a number behind it */
char *instance_name_make(unsigned attempt);
#endif
