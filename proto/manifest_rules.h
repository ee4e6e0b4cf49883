/*
 * The rules that every entry of a manifest keeps, as a builder writes it and a checker reads it.
 * Internal to the files that implement manifest.h.
 *
 * Since a manifest is in path_compare order, everything below a directory follows it at once. So a
 * parent was there before, as a directory, exactly if it is the last entry (and that is a
 * directory) or a proper prefix of the last entry's path: one path is all that has to be
 * remembered. Of all entries before it is remembered in one bit whether they are files, which is
 * what hard links may name.
 */
#ifndef PROTO_MANIFEST_RULES_H
#define PROTO_MANIFEST_RULES_H

#include "base/entry.h"
#include "proto/manifest.h"
#include "proto/transfer.pb-c.h"

#include <sodium.h>

struct manifest_rules {
    crypto_generichash_state hash;
    struct manifest_summary sums; /* of what was added */
    uint8_t *files;               /* a bit for each entry, whether it is a file; owned */
    size_t files_room;            /* bytes */
    enum entry_type last_type;
    size_t last_length; /* 0 at first */
    char last[LIMIT_PATH];
};

void manifest_rules_init(struct manifest_rules *rules);
void manifest_rules_clear(struct manifest_rules *rules);

/* What is wrong with `entry` by itself, or as the next one; NULL where nothing is. */
const char *manifest_rules_entry_fault(const struct entry *entry);
const char *manifest_rules_next_fault(const struct manifest_rules *rules,
                                      const struct entry *entry);

/* Takes `entry`, which has no fault, into the sums. 0 or -ENOMEM. */
int manifest_rules_add(struct manifest_rules *rules, const struct entry *entry);

/* Takes bytes of the file into hash and length. */
void manifest_rules_hash(struct manifest_rules *rules, const void *data, size_t length);

/* An entry as it stands in a message; what it points to is the message's, but for the attributes,
 * which go into `attributes`: room for those of one entry, LIMIT_ATTRIBUTES at most. Where there
 * are more they are only counted, and the entry has a fault. */
struct entry manifest_rules_read(const Fxnode__Wire__Entry *wire,
                                 struct entry_attribute *attributes);

#endif
