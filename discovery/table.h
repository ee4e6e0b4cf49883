/*
 * What has been reported and what should be: the addresses of all instances, bounded, each change
 * reported once. No I/O, no clock.
 *
 * Callers put and drop addresses as the network shows them; table_next() hands out the differences
 * between that and what was handed out before. A change that undoes itself in between is none.
 */
#ifndef DISCOVERY_TABLE_H
#define DISCOVERY_TABLE_H

#include "discovery/discovery.h"

#define TABLE_PER_INSTANCE 8u /* addresses of one instance, interface and family */

/* Which address, or with address_length 0 all of an instance, interface and family. */
struct table_key {
    const char *instance;
    uint32_t interface;
    uint8_t family; /* 4 or 6 */
    const uint8_t *address;
    uint8_t address_length;
};

enum table_change { TABLE_NOTHING, TABLE_FOUND, TABLE_LOST };

struct table;

/* An empty table, or NULL where memory ran out. */
struct table *table_new(void);
void table_free(struct table *table);

/* This address is there. 0, or -ENOSPC over DISCOVERY_ADDRESSES_MAX or TABLE_PER_INSTANCE. */
int table_put(struct table *table, const struct discovery_found *found);

/* What `key` names is gone. */
void table_drop(struct table *table, const struct table_key *key);

/* Everything is now doubtful: it stays as it is, until table_sweep() drops whatever was not put
 * again in between. For a change of backend, which sees the same network. */
void table_doubt(struct table *table);
void table_sweep(struct table *table);

/* The next change to report: fills the one of `found` and `lost` that the result names. */
enum table_change table_next(struct table *table, struct discovery_found *found,
                             struct discovery_lost *lost);

#endif
