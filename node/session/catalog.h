/*
 * A manifest on the disk, looked up at random: one batch is read and decoded at a time. Each
 * thread that looks things up has a catalog of its own; file and index are shared.
 */
#ifndef NODE_SESSION_CATALOG_H
#define NODE_SESSION_CATALOG_H

#include "base/fail.h"
#include "base/rangeset.h"
#include "proto/manifest.h"

#include <stdbool.h>
#include <stdint.h>

struct catalog;

/* What is done with each batch of a manifest file: 0 goes on, anything else is returned. */
typedef int catalog_sink(void *context, const void *batch, size_t length, struct fail *fail);

/* Reads the manifest in `fd` from its start and gives every batch, without prefix, to `sink`. 0;
 * MSG_INVALID where the file is not a sequence of batches; what `sink` returned; negative. */
int catalog_read(int fd, catalog_sink *sink, void *context, struct fail *fail);

/* Reads the manifest in `fd` and compares it with `expected`: *checker is the caller's and has
 * summary and index. 0; MSG_INVALID where it is another one; negative. */
int catalog_check(struct manifest_checker **checker, int fd,
                  const struct manifest_summary *expected, struct fail *fail);

/* The same of a file that has the manifest at its beginning and goes on behind it. */
int catalog_check_first(struct manifest_checker **checker, int fd,
                        const struct manifest_summary *expected, struct fail *fail);

/* A catalog of the manifest in `fd`, both borrowed. 0 or -ENOMEM. */
int catalog_new(struct catalog **out, int fd, const struct manifest_index *index);

/* One more of the same manifest: for a second place in it, since a catalog is cheap where it was
 * used last. */
int catalog_again(struct catalog **out, const struct catalog *catalog);
void catalog_free(struct catalog *catalog);

/* The entry with a number, or the file that a unit belongs to. *item is valid until the next call
 * on this catalog. 0; MSG_INVALID where there is no such entry (`fail` filled) or the file was
 * changed under us; negative. */
int catalog_by_entry(struct catalog *catalog, uint32_t entry, const struct manifest_item **item,
                     struct fail *fail);
int catalog_by_unit(struct catalog *catalog, uint64_t unit, const struct manifest_item **item,
                    struct fail *fail);

/* The first hard link from entry `from` on, by a look at those batches only that have some; *item
 * is NULL where there is no more. Returns as above. */
int catalog_next_hardlink(struct catalog *catalog, uint32_t from, const struct manifest_item **item,
                          struct fail *fail);

/* Whether the manifest has any. */
bool catalog_has_hardlinks(const struct catalog *catalog);

/* Content bytes of the units in `set`, in *bytes. Returns as above. */
int catalog_bytes(struct catalog *catalog, const struct rangeset *set, uint64_t *bytes,
                  struct fail *fail);

#endif
