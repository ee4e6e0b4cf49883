/*
 * Small facts that the node keeps over restarts, such as the port that it once got. Results as in
 * store.h.
 */
#ifndef STORE_STORE_SETTING_H
#define STORE_STORE_SETTING_H

#include "store/store.h"

#include <stdint.h>

/* Or STORE_NONE. */
int store_setting_get(struct store *store, const char *name, int64_t *value, struct fail *fail);

int store_setting_set(struct store *store, const char *name, int64_t value, struct fail *fail);

#endif
