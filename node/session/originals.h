/*
 * Which files of a manifest hard links are linked to. A peer may choose them in any order, so many
 * that a set of ranges would take hours: this is a bit for each entry.
 */
#ifndef NODE_SESSION_ORIGINALS_H
#define NODE_SESSION_ORIGINALS_H

#include "base/fail.h"
#include "node/session/catalog.h"

#include <stdbool.h>
#include <stdint.h>

struct originals;

/* Of the manifest of `catalog`, which has `entries`. 0; -EBADMSG where the file was changed under
 * us; negative. */
int originals_new(struct originals **out, struct catalog *catalog, uint32_t entries,
                  struct fail *fail);
void originals_free(struct originals *originals);

bool originals_has(const struct originals *originals, uint32_t entry);

#endif
