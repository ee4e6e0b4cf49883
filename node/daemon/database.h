/*
 * The database behind one thread: SQLite may block for as long as a disk takes, the loop may not.
 *
 * Jobs run in the order in which they were given, one after the other, each on the database's own
 * thread; its completion is called on the loop's thread, in the same order. A job must touch
 * nothing but the store and what hangs on its argument.
 */
#ifndef NODE_DAEMON_DATABASE_H
#define NODE_DAEMON_DATABASE_H

#include "base/fail.h"
#include "store/store.h"

#include <uv.h>

struct database;

/* Opens (or makes) the store at `path` and starts the thread. Blocks; for set-up. 0, or -errno with
 * `fail` filled. */
int database_open(struct database **out, uv_loop_t *loop, const char *path, struct fail *fail);

/* The store itself, for use at set-up before the first job. */
struct store *database_store(struct database *database);

/* Gives a job. `run` is called on the database's thread; `done` (may be NULL) on the loop's thread
 * afterwards. `arg` is the caller's. Loop's thread only. 0 or -ENOMEM: then nothing is called. */
typedef void (*database_run)(struct store *store, void *arg);
typedef void (*database_done)(void *arg);
int database_submit(struct database *database, database_run run, database_done done, void *arg);

/* Finishes the jobs given so far and those that their completions give (which are called from
 * here), ends the thread, closes the store. Blocks; for the end of the program. The handle closes
 * with the loop's next turn. NULL is fine. */
void database_close(struct database *database);

#endif
