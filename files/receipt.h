/*
 * The receipt of a delivered transfer: what is kept of it, so that it can be seen later whether
 * each of its files still is what was delivered. A sequence of bytes:
 *
 *   manifest   as it was agreed
 *   hashes     of each unit's chunk, LIMIT_CHUNK_HASH bytes; all zero: unknown (files/hashes.h)
 *   stamps     of each entry, STAMP_SIZE bytes; on the sender's side only (files/stamps.h)
 *   marks      what the manifest does not tell of an entry
 *
 * Marks are a sequence of records, big-endian: u8 kind, 3 zero, u32 entry, u32 count, and for a
 * name its `count` bytes; the last one is of kind 0 with nothing else. Kinds: 1 a name; ranges of
 * entries: 2 failed, 3 theirs, 4 left out; 5 unsure, with nothing else; 6 lacking, with a count;
 * 7 exact, with nothing else.
 */
#ifndef FILES_RECEIPT_H
#define FILES_RECEIPT_H

#include "base/limits.h"
#include "base/rangeset.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the parts of a receipt begin; plain value. */
struct receipt_layout {
    uint64_t hashes;
    uint64_t stamps; /* or, where there are none, */
    uint64_t marks;
};

/* Of a manifest of `length` bytes with so many units and entries. */
struct receipt_layout receipt_lay_out(uint64_t length, uint64_t units, uint32_t entries,
                                      bool stamped);

/* The name that an entry has at the receiver, where that is not its own: not terminated. */
struct receipt_name {
    uint32_t entry;
    uint8_t length; /* 1 at least */
    char bytes[LIMIT_COMPONENT];
};

struct receipt_marks {
    struct rangeset failed;   /* entries that were not delivered */
    struct rangeset theirs;   /* that the receiver had, with this size and time: not sent */
    struct rangeset left_out; /* links that lead outside and were not kept */
    bool unsure; /* not all of this is known: of a sender, which entries these are; of a receiver,
                    what entries without content came to, and where they lie that were merged */
    uint32_t lacking; /* of a sender: entries that arrived without some extended attributes */
    bool exact;       /* of a sender: the receiver said that all others are as they were sent */
    struct receipt_name *names; /* owned; ascending by entry once decoded */
    size_t name_count;
};

void receipt_marks_init(struct receipt_marks *marks);
void receipt_marks_clear(struct receipt_marks *marks);

/* Notes the name of an entry that has none noted: `length` bytes, 1 to LIMIT_COMPONENT. 0 or
 * -ENOMEM.
 */
int receipt_marks_add_name(struct receipt_marks *marks, uint32_t entry, const char *name,
                           size_t length);

/* The name of an entry in decoded marks, or NULL. */
const struct receipt_name *receipt_marks_name(const struct receipt_marks *marks, uint32_t entry);

/* Encodes them: *out, for free(), has *length bytes. 0 or -ENOMEM. */
int receipt_marks_encode(struct receipt_marks *marks, uint8_t **out, size_t *length);

/* Decodes into initialised marks what was encoded of a transfer of `entries` entries. 0; -EBADMSG
 * where it is something else; -ENOMEM. */
int receipt_marks_decode(struct receipt_marks *marks, const uint8_t *data, size_t length,
                         uint32_t entries);

/* The same of what stands in the file `fd` from `from` on, LIMIT_RECEIPT bytes with that at most.
 * As above, or -errno. */
int receipt_marks_read(struct receipt_marks *marks, int fd, uint64_t from, uint32_t entries);

#endif
