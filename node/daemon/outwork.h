/*
 * A sender's own files: STATE/outgoing/NUMBER/{manifest,hashes,stat}, made as "new-K" while the
 * sources are walked. Every function blocks on the state directory's disk: for set-up and the
 * database's thread, but for outwork_begin(), which makes one directory.
 */
#ifndef NODE_DAEMON_OUTWORK_H
#define NODE_DAEMON_OUTWORK_H

#include "base/fail.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTWORK_NAME_ROOM 32

/* Makes STATE/outgoing where it is missing. To be called before the database is made: then it is
 * durable with that, and else at once. 0, or -errno with `fail` filled. */
int outwork_make(int state_fd, struct fail *fail);

/* Removes what no transfer owns: everything new, and every number for which `keep` says no. 0, or
 * -errno with `fail` filled. */
int outwork_prepare(int state_fd, bool (*keep)(void *context, uint64_t number), void *context,
                    struct fail *fail);

/* Makes a directory of a new name. 0, or -errno with `fail` filled. */
int outwork_begin(int state_fd, char name[OUTWORK_NAME_ROOM], struct fail *fail);

/* Gives it its number, durably. What is there under that number goes: nobody can own it. 0 or
 * -errno. */
int outwork_adopt(int state_fd, const char *name, uint64_t number);

/* Gives what the transfer `from`, which is replaced, has noted of its sources over to the transfer
 * `to` (node/common/inherited.h): its own files, or where it has not begun what it was given
 * itself. 0, also where there is nothing; or -errno: then `to` has to find out for itself. */
int outwork_inherit(int state_fd, uint64_t from, uint64_t to);

/* Removes a directory and the files in it; one that is gone is fine. 0, or -errno with `fail`. */
int outwork_remove(int state_fd, uint64_t number, struct fail *fail);
int outwork_remove_name(int state_fd, const char *name, struct fail *fail);

/* Path of a directory: "STATE/outgoing/NAME". False where it does not fit. */
bool outwork_path(char *out, size_t room, const char *state, const char *name);
void outwork_name(char name[OUTWORK_NAME_ROOM], uint64_t number);

#endif
