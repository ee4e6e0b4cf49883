/*
 * What has been written and is not yet durable: up to STAGING_SYNC_FILES open files and as many
 * directories by name; beyond that, simply everything on that file system.
 *
 * Files stay open from their first write to their sync, because a write error is reported only to
 * descriptors that were open when it happened. Any thread may add.
 */
#ifndef FILES_DIRTY_H
#define FILES_DIRTY_H

#include <stdbool.h>
#include <stddef.h>

struct dirty;

/* An open descriptor with several holders: the writer that uses it and the set that will sync it.
 */
struct dirty_file;

/* `tree` (borrowed): the directory that paths are relative to, opened readable before anything was
 * written below it. `walk` as for beneath_new. 0 or -ENOMEM. */
int dirty_new(struct dirty **out, int tree, bool walk);
void dirty_free(struct dirty *dirty);

/* Takes over `fd` (closed also on failure). The caller is its first holder. 0 or -ENOMEM. */
int dirty_file_new(struct dirty_file **out, int fd);
int dirty_file_fd(const struct dirty_file *file);

/* Gives up one hold; the last one closes. NULL is nothing. */
void dirty_file_release(struct dirty_file *file);

/* Marks what was just written to `file` for the next sync. `whole`: mode and times too. */
void dirty_add_file(struct dirty *dirty, struct dirty_file *file, bool whole);

/* Marks the directory `path` (relative, not terminated, length 0: the tree itself), which got a new
 * entry. */
void dirty_add_directory(struct dirty *dirty, const char *path, size_t length);

/* The directory `path` has been removed: there is nothing of it to sync. */
void dirty_forget_directory(struct dirty *dirty, const char *path, size_t length);

/* Whether the next sync covers everything anyway. */
bool dirty_has_everything(struct dirty *dirty);

/* Takes what was added so far and makes it durable. One caller at a time. 0 or -errno of the first
 * failure; what was taken is forgotten then and must not be taken for durable. Blocks. */
int dirty_sync(struct dirty *dirty);

#endif
