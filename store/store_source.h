/*
 * What an outgoing transfer sends: the paths as the user gave them, made absolute. They are given
 * to store_transfer_create(). Results as in store.h.
 */
#ifndef STORE_STORE_SOURCE_H
#define STORE_STORE_SOURCE_H

#include "base/limits.h"
#include "store/store.h"
#include "store/store_names.h"

#include <stddef.h>
#include <stdint.h>

/* The newest unfinished outgoing transfer to this peer with exactly these paths, in any order; a
 * path given twice counts once. Or STORE_NONE. */
int store_source_find(struct store *store, const uint8_t peer_key[LIMIT_KEY],
                      const struct store_name *paths, size_t count, uint64_t *number,
                      struct fail *fail);

/* The paths in the order given, for store_names_clear(); empty for an incoming or unknown number.
 */
int store_source_load(struct store *store, uint64_t number, struct store_names *paths,
                      struct fail *fail);

#endif
