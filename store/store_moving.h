/*
 * Outgoing transfers that move: what they send is removed here once it is delivered. That it is
 * wanted is recorded with the transfer, so that it is done also where the node ends in between.
 * Results as in store.h.
 */
#ifndef STORE_STORE_MOVING_H
#define STORE_STORE_MOVING_H

#include "store/store.h"
#include "store/store_transfer.h"

#include <stdbool.h>
#include <stdint.h>

/* Changes whether an outgoing transfer that is not finished moves. Or STORE_NONE, STORE_STATE. */
int store_moving_want(struct store *store, uint64_t number, bool wanted, struct fail *fail);

/* The sources of a delivered transfer that moves were gone through: so many of its entries are
 * gone, so many stayed. Or STORE_NONE; STORE_STATE where that was not to be done. */
int store_moving_over(struct store *store, uint64_t number, uint32_t moved, uint32_t stayed,
                      struct fail *fail);

#endif
