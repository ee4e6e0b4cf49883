/*
 * What a node remembers: one SQLite database in its state directory.
 *
 * This header opens and closes it and groups changes into one commit; the others of this folder
 * hold one subject each: store_peer.h, store_transfer.h, store_source.h, store_extent.h,
 * store_placing.h, store_receipt.h, store_moving.h, store_expire.h, store_setting.h.
 *
 * Every function blocks on the disk. One thread at a time may use a store (the threads may
 * change), and a process opens a file once: POSIX locks belong to the process. A change is durable
 * when its function has returned 0, outside of store_begin()/store_end(); where it fails, nothing
 * of it is left.
 *
 * Results: 0; negative -errno with `fail` filled (-ENOSPC, -EIO, -EROFS, -ENOMEM, -EBADMSG damaged,
 * -EBUSY in use, -EINVAL, -ERANGE); or an outcome below, named at each function that
 * has it, with `fail` untouched.
 *
 * Wall-clock times are seconds since 1970, given by the caller, and only shown or used to judge
 * age: no order depends on them.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/fail.h"

enum store_outcome {
    STORE_NONE = 1,   /* there is no such row */
    STORE_EXISTS = 2, /* there is one already */
    STORE_STATE = 3,  /* the present state of the transfer does not allow it; nothing was changed */
};

struct store;

/*
 * Opens the database at `path`, or creates it, durably and with mode 0600, in a directory that
 * exists. An older one is migrated, the log of a crash is replayed. Refused, and not touched
 * in a single byte: -ENOTSUP a newer database or one of another program, -EBADMSG a damaged one,
 * -EBUSY one that another process has open, -EROFS or -EACCES where it cannot be written.
 * `fail` names the file, the reason and the way out. 0: *out is owned by the caller.
 */
int store_open(struct store **out, const char *path, struct fail *fail);

/* Closes it; NULL is nothing. An open transaction is rolled back. */
void store_close(struct store *store);

/*
 * Puts the changes up to store_end() into one commit: several waiting changes cost one sync, and
 * changes that belong together are never seen apart. A function that fails in between undoes only
 * its own part. -EBUSY within a group, which goes on as it was.
 */
int store_begin(struct store *store, struct fail *fail);

/* Commits where `result` is 0, else rolls everything since store_begin() back. Returns `result`, or
 * the error of the commit, after which nothing was changed. */
int store_end(struct store *store, int result, struct fail *fail);

#endif
