/*
 * Transfers in whose place another one of the same peer comes, as its offer says: what is staged of
 * them goes to that one, and they are over. Never a transfer of anybody else, nor one that is being
 * placed. Loop's thread; nothing blocks.
 */
#ifndef NODE_DAEMON_REPLACED_H
#define NODE_DAEMON_REPLACED_H

#include "node/daemon/receiving.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ends the offers among them, of which nothing is staged: another offer has come. */
void replaced_end_offers(struct receiving *receiving);

/* Ends all of them. `why` is shown with each. */
void replaced_end(struct receiving *receiving, const char *why);

/* The same where a transfer has come in their place. */
void replaced_end_by(struct receiving *receiving, uint64_t number);

/* Says of each that it goes when the offer of `number` is accepted. */
void replaced_show(const struct receiving *receiving, uint64_t number);

/* Ends a session that one of them has. True where there is any: offer_look_up() then follows once
 * that one is gone. */
bool replaced_wait(struct receiving *receiving);

/* Numbers of those from which something may be taken over by this session, newest first. Returns
 * how many. */
size_t replaced_list(const struct receiving *receiving, uint64_t numbers[LIMIT_LINEAGE]);

/* Whether `number` still is one of them, with nobody at its staging. */
struct transfer *replaced_find(const struct receiving *receiving, uint64_t number);

#endif
