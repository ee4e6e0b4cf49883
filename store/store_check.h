/*
 * Internal to this folder: whether a file is a database of ours that can be used, found out without
 * changing a byte of it or of its directory.
 */
#ifndef STORE_STORE_CHECK_H
#define STORE_STORE_CHECK_H

#include "base/fail.h"

/* 0: ours, whole, writable, not newer than this program; STORE_NONE: there is no such file. Else a
 * refusal as in store_open(). `shown` is the escaped path. Blocks. */
int store_check(const char *path, const char *shown, struct fail *fail);

#endif
