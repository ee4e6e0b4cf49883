/*
 * What the tests of the store share: a directory of their own, a store in it, and processes that
 * end the hard way.
 */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include "store/store.h"
#include "store/store_transfer.h"

#include <check.h>
#include <sqlite3.h>
#include <stdint.h>

#define FIXTURE_DAY (24 * 3600)

extern char fixture_dir[64];                      /* made anew for each test */
extern char fixture_path[96];                     /* of the database in it */
extern struct store *fixture;                     /* opened by fixture_open() */
extern struct fail fixture_fail;                  /* the last failure */
extern struct store_transfer_list fixture_listed; /* by fixture_list() */

/* Asserts that a call returned 0. */
#define FIXTURE_OK(call) ck_assert_msg((call) == 0, "%s", fixture_fail.text)

/* For tcase_add_checked_fixture(): the directory alone, or with an open store in it. */
void fixture_make_dir(void);
void fixture_make_store(void);
void fixture_remove(void);

void fixture_open(void);
void fixture_close(void);

/* Runs `sql` on the closed database with a plain connection of its own. */
void fixture_sql(const char *sql);

/* One number out of the closed database. */
int64_t fixture_number(const char *sql);

/* Everything in the directory (names, modes, times, bytes) as a hash. */
void fixture_hash(uint8_t hash[32]);

/* Asserts that opening is refused with `code`, says `words`, and leaves the directory as it is. */
void fixture_refused(int code, const char *words);

/* Runs `body` in a child process and asserts that it returns 0. */
void fixture_in_child(int (*body)(void));

/* A name in a list. */
struct store_name fixture_name(const char *text);

/* A key or id of which every byte is `byte`: 32 bytes, valid until the next eight calls. */
const uint8_t *fixture_key(uint8_t byte);

/* What a new transfer with id and peer `byte` looks like; not yet created. */
struct store_transfer_new fixture_outgoing(uint8_t byte, const struct store_name *paths,
                                           size_t count);
struct store_transfer_new fixture_incoming(uint8_t byte, enum store_state state);

/* Creates it and returns its number. */
uint64_t fixture_create(const struct store_transfer_new *with);

enum store_state fixture_state(uint64_t number);
void fixture_set_state(uint64_t number, enum store_state state, int64_t now);

/* Lists into fixture_listed; how many. */
size_t fixture_list(enum store_transfer_which which, size_t limit);

void fixture_check_names(const struct store_names *names, const struct store_name *expected,
                         size_t count);

/* Runs a suite; the exit status of its program. */
int fixture_run(Suite *suite);

#endif
