/*
 * Other names for what cannot have its own: "report (2).pdf".
 */
#ifndef FILES_VARIANT_H
#define FILES_VARIANT_H

#include "base/entry.h"
#include "base/limits.h"

#include <stddef.h>

/*
 * Writes the variant `counter` (2 or more) of `name` (1 to LIMIT_COMPONENT bytes, not terminated),
 * terminated. The counter goes before the extension of a file: its last '.' and what follows, at
 * most 32 bytes without a space; a '.' at the start or the end begins none. A directory has none.
 * The stem is cut so that the result has at most LIMIT_COMPONENT bytes, at a whole character where
 * the name is UTF-8.
 */
void variant_name(char out[LIMIT_COMPONENT + 1], const char *name, size_t length,
                  enum entry_type type, unsigned counter);

#endif
