/*
 * What the tests of peers and of names share: a node with a database of its own, and a table of
 * announcements in place of discovery.
 */
#ifndef TESTS_NODE_PEERS_FIXTURE_H
#define TESTS_NODE_PEERS_FIXTURE_H

#include "node/daemon/node.h"
#include "node/daemon/peers.h"

#include <stddef.h>
#include <stdint.h>

extern struct node fixture_node;
extern int fixture_error; /* what the last `done` was given */
extern int fixture_done;  /* how often it was called */

/* For tcase_add_checked_fixture(). */
void fixture_set_up(void);
void fixture_tear_down(void);

/* Ends the database and the peers, and loads what is on the disk. */
void fixture_restart(void);

/* A `done` that counts, and runs the loop until it was called `count` times in all. */
void fixture_finished(void *context, int error);
void fixture_wait(int count);

/* A key of which every byte is `byte`; valid until the next eight calls. */
const uint8_t *fixture_key(uint8_t byte);

/* The holder of a key is announced as `instance` from now on, at 10.0.0.BYTE. */
void fixture_announce(uint8_t byte, const char *instance);

/* Pairs, and waits until that is done; what became of it. */
int fixture_pair(uint8_t byte, const char *name);

#endif
