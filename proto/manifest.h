/*
 * The manifest of a transfer: all its entries, in order, in batches. No I/O here: a builder turns
 * entries into batches, a checker judges batches one at a time and remembers where each begins, and
 * a view gives access to the entries of one batch. None keeps all entries in memory.
 *
 * In a file, and for hash and length, a manifest is the concatenation of its batches (encoded
 * ManifestBatch of transfer.proto), each preceded by its length as u32be. Every batch but the last
 * has at least MANIFEST_BATCH_MIN bytes, so that the index stays small whatever a peer sends.
 *
 * Nothing here blocks; objects have no lock.
 */
#ifndef PROTO_MANIFEST_H
#define PROTO_MANIFEST_H

#include "base/entry.h"
#include "base/fail.h"
#include "base/limits.h"
#include "proto/msg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MANIFEST_BATCH_TARGET (64u * 1024u) /* a builder ends a batch that has reached this */
#define MANIFEST_BATCH_MIN (32u * 1024u)    /* the least of every batch but the last */
#define MANIFEST_PREFIX 4u                  /* bytes of the length before each batch */

struct manifest_name {
    uint8_t length;
    char bytes[LIMIT_COMPONENT];
};

/* What an offer says of a manifest. Plain value, about 16 KiB. */
struct manifest_summary {
    uint8_t hash[LIMIT_HASH]; /* BLAKE2b-256 */
    uint64_t length;          /* bytes, prefixes included; LIMIT_MANIFEST at most */
    uint32_t entries;
    uint64_t bytes;       /* sum of the sizes; INT64_MAX at most */
    uint64_t units;       /* as base/entry.h counts them */
    uint32_t name_count;  /* top-level names in all */
    uint32_t names_shown; /* how many of them are in `names`: the first LIMIT_OFFER_NAMES */
    struct manifest_name names[LIMIT_OFFER_NAMES];
};

/* Building: add, and whenever add says so take the batch; end; take the last batch. */
struct manifest_builder;

enum manifest_added { MANIFEST_ADDED = 0, MANIFEST_BATCH_READY = 1 };

/* 0 or -ENOMEM. */
int manifest_builder_new(struct manifest_builder **builder);
void manifest_builder_free(struct manifest_builder *builder);

/*
 * Adds `entry` (copied). MANIFEST_ADDED; MANIFEST_BATCH_READY: added, and a batch has to be taken
 * before the next call; -EINVAL with `fail`: out of order, its directory was not added before,
 * against the rules for entries, or beyond a limit (nothing is added); -ENOMEM.
 */
int manifest_builder_add(struct manifest_builder *builder, const struct entry *entry,
                         struct fail *fail);

/* Ends the manifest. MANIFEST_BATCH_READY where a last batch has to be taken, else MANIFEST_ADDED;
 * -EINVAL with `fail` where there are no entries. */
int manifest_builder_end(struct manifest_builder *builder, struct fail *fail);

/* The complete batch with its prefix, as it is appended to the file. *data is valid until the next
 * call on this builder. Returns its bytes. */
size_t manifest_builder_take(struct manifest_builder *builder, const uint8_t **data);

/* Of what was taken so far; of the whole manifest after the last take. */
void manifest_builder_summary(const struct manifest_builder *builder,
                              struct manifest_summary *summary);

/* What not every manifest has. */
#define MANIFEST_HARDLINKS 1u
#define MANIFEST_ATTRIBUTES 2u
#define MANIFEST_OUTSIDE 4u /* symbolic links that lead out of their top-level items */

/* Where a batch lies and what is in it. */
struct manifest_row {
    uint64_t offset;     /* of the encoded batch in the file, behind its prefix */
    uint64_t first_unit; /* number of the first unit of its first entry */
    uint64_t units;
    uint64_t bytes; /* content of its files */
    uint32_t first_entry;
    uint32_t entries; /* at least 1 */
    uint32_t length;  /* bytes of the encoded batch */
    unsigned has;     /* MANIFEST_HARDLINKS, MANIFEST_ATTRIBUTES, MANIFEST_OUTSIDE */
};

/* The rows of a manifest in order. */
struct manifest_index;

size_t manifest_index_rows(const struct manifest_index *index);

/* Row `row`, which must exist. Valid until the next batch is added. */
const struct manifest_row *manifest_index_row(const struct manifest_index *index, size_t row);

/* What is in any of its rows. */
unsigned manifest_index_has(const struct manifest_index *index);

/* The row that holds entry `entry` or unit `unit`, or NULL where there is no such one. */
const struct manifest_row *manifest_index_by_entry(const struct manifest_index *index,
                                                   uint32_t entry);
const struct manifest_row *manifest_index_by_unit(const struct manifest_index *index,
                                                  uint64_t unit);

/* Checking, and making the index. */
struct manifest_checker;

/*
 * A checker for the manifest that `expected` (copied) describes. Where expected->name_count is 0
 * the top-level names are not compared (they are collected all the same). 0 or -ENOMEM.
 */
int manifest_checker_new(struct manifest_checker **checker,
                         const struct manifest_summary *expected);
void manifest_checker_free(struct manifest_checker *checker);

/*
 * Judges the next batch, without its prefix: path rules (base/path.h), strict order, every parent
 * present before as a directory, the rules of each type, hard links to files before them,
 * attributes of users, sizes, counts and sums, and nothing beyond what
 * was expected. 0; MSG_INVALID with `why`; -ENOMEM. After anything but 0 the checker stays failed.
 */
int manifest_checker_add(struct manifest_checker *checker, const void *batch, size_t length,
                         struct fail *why);

/* Whether as many bytes were added as expected: time for manifest_checker_end. */
bool manifest_checker_is_full(const struct manifest_checker *checker);

/* Compares hash, length, counts, sums and names with what was expected. 0 or MSG_INVALID. */
int manifest_checker_end(struct manifest_checker *checker, struct fail *why);

/* What was added so far, names included; hash only after manifest_checker_end. Owned by the
 * checker. */
const struct manifest_summary *manifest_checker_summary(const struct manifest_checker *checker);

/* Its index; owned by the checker, to be used after manifest_checker_end returned 0. */
const struct manifest_index *manifest_checker_index(const struct manifest_checker *checker);

/* One entry with its numbers. */
struct manifest_item {
    struct entry entry;
    uint32_t number;
    uint64_t
        first_unit; /* of its entry_units(); where it has none, that of the next one that has */
};

/* The entries of one batch, decoded: each thread that looks things up has its own. */
struct manifest_batch;

/* Empty at first. 0 or -ENOMEM. */
int manifest_batch_new(struct manifest_batch **batch);
void manifest_batch_free(struct manifest_batch *batch);

/*
 * Loads the batch of `row`, as read from the file (row->length bytes at `data`, not kept). Items
 * that were handed out end. 0; MSG_INVALID with `why` where it is not what the checker saw (the
 * file was changed); -ENOMEM.
 */
int manifest_batch_load(struct manifest_batch *batch, const struct manifest_row *row,
                        const void *data, struct fail *why);

/* Entry number `entry`, or the file with unit `unit`; NULL where it is not in this batch. Items are
 * valid until the next load. */
const struct manifest_item *manifest_batch_by_entry(const struct manifest_batch *batch,
                                                    uint32_t entry);
const struct manifest_item *manifest_batch_by_unit(const struct manifest_batch *batch,
                                                   uint64_t unit);

#endif
