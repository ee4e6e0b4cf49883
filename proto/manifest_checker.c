#include "base/bytes.h"
#include "base/escape.h"
#include "proto/manifest_index.h"
#include "proto/manifest_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct manifest_checker {
    struct manifest_rules rules;
    struct manifest_summary expected;
    struct manifest_index index;
    struct msg_arena *arena;
    size_t last_batch; /* bytes of the batch before, 0 at first */
    bool failed;
    struct entry_attribute attributes[LIMIT_ATTRIBUTES]; /* of the entry that is looked at */
};

int manifest_checker_new(struct manifest_checker **checker,
                         const struct manifest_summary *expected) {
    /* The hash state wants more alignment than malloc gives. */
    struct manifest_checker *made = aligned_alloc(_Alignof(struct manifest_checker), sizeof *made);
    if (made == NULL)
        return -ENOMEM;
    memset(made, 0, sizeof *made);
    manifest_rules_init(&made->rules);
    made->expected = *expected;
    int rc = msg_arena_new(&made->arena, LIMIT_ARENA);
    if (rc < 0) {
        free(made);
        return rc;
    }
    *checker = made;
    return 0;
}

void manifest_checker_free(struct manifest_checker *checker) {
    if (checker == NULL)
        return;
    manifest_index_clear(&checker->index);
    manifest_rules_clear(&checker->rules);
    msg_arena_free(checker->arena);
    free(checker);
}

static int entry_invalid(const struct entry *entry, uint32_t number, const char *fault,
                         struct fail *why) {
    char shown[256] = "";
    if (entry->path_length > 0)
        escape_bytes(shown, sizeof shown, entry->path, entry->path_length);
    return msg_invalid(why, "entry %u of the manifest (%s): %s", number, shown, fault);
}

static int add_entry(struct manifest_checker *checker, struct manifest_row *row,
                     const Fxnode__Wire__Entry *wire, struct fail *why) {
    struct manifest_rules *rules = &checker->rules;
    struct entry entry = manifest_rules_read(wire, checker->attributes);
    const char *fault = manifest_rules_next_fault(rules, &entry);
    if (fault == NULL && rules->sums.entries == checker->expected.entries)
        fault = "more entries than offered";
    if (fault == NULL && entry.size > checker->expected.bytes - rules->sums.bytes)
        fault = "more bytes than offered";
    if (fault != NULL)
        return entry_invalid(&entry, rules->sums.entries, fault, why);
    row->has |= entry.type == ENTRY_HARDLINK ? MANIFEST_HARDLINKS : 0;
    row->has |= entry_leads_outside(&entry) ? MANIFEST_OUTSIDE : 0;
    row->has |= entry.attribute_count > 0 ? MANIFEST_ATTRIBUTES : 0;
    return manifest_rules_add(rules, &entry);
}

/* What can be said of a batch before it is decoded. */
static const char *batch_fault(const struct manifest_checker *checker, size_t length) {
    uint64_t left = checker->expected.length - checker->rules.sums.length;
    if (checker->failed)
        return "a batch after one that was wrong";
    if (length == 0 || length > LIMIT_MANIFEST_BATCH)
        return "a batch of an impossible length";
    if (left < MANIFEST_PREFIX || length > left - MANIFEST_PREFIX)
        return "more of the manifest than offered";
    if (checker->last_batch != 0 && checker->last_batch < MANIFEST_BATCH_MIN)
        return "a short batch that is not the last";
    return NULL;
}

static void hash_batch(struct manifest_checker *checker, const void *batch, size_t length) {
    uint8_t prefix[MANIFEST_PREFIX];
    bytes_put(prefix, length, sizeof prefix);
    manifest_rules_hash(&checker->rules, prefix, sizeof prefix);
    manifest_rules_hash(&checker->rules, batch, length);
    checker->last_batch = length;
}

static int add_batch(struct manifest_checker *checker, const void *data, size_t length,
                     struct fail *why) {
    const ProtobufCMessage *base = NULL;
    const struct manifest_summary *sums = &checker->rules.sums;
    struct manifest_row row = {.offset = sums->length + MANIFEST_PREFIX,
                               .first_unit = sums->units,
                               .bytes = sums->bytes,
                               .first_entry = sums->entries,
                               .length = (uint32_t)length};
    const char *fault = batch_fault(checker, length);
    if (fault != NULL)
        return msg_invalid(why, "%s", fault);
    int rc =
        msg_decode(checker->arena, &fxnode__wire__manifest_batch__descriptor, data, length, &base);
    const Fxnode__Wire__ManifestBatch *batch = (const Fxnode__Wire__ManifestBatch *)base;
    if (rc == MSG_INVALID || (rc == 0 && batch->n_entries == 0))
        rc = msg_invalid(why, "a malformed batch of the manifest");
    for (size_t i = 0; rc == 0 && i < batch->n_entries; i++)
        rc = add_entry(checker, &row, batch->entries[i], why);
    if (rc != 0)
        return rc;
    hash_batch(checker, data, length);
    row.entries = sums->entries - row.first_entry;
    row.units = sums->units - row.first_unit;
    row.bytes = sums->bytes - row.bytes;
    return manifest_index_add(&checker->index, &row);
}

int manifest_checker_add(struct manifest_checker *checker, const void *batch, size_t length,
                         struct fail *why) {
    int rc = add_batch(checker, batch, length, why);
    msg_arena_reset(checker->arena);
    checker->failed = checker->failed || rc != 0;
    return rc;
}

bool manifest_checker_is_full(const struct manifest_checker *checker) {
    return checker->rules.sums.length == checker->expected.length;
}

static bool names_are_equal(const struct manifest_summary *a, const struct manifest_summary *b) {
    if (a->name_count != b->name_count || a->names_shown != b->names_shown)
        return false;
    for (size_t i = 0; i < a->names_shown; i++)
        if (a->names[i].length != b->names[i].length ||
            memcmp(a->names[i].bytes, b->names[i].bytes, a->names[i].length) != 0)
            return false;
    return true;
}

int manifest_checker_end(struct manifest_checker *checker, struct fail *why) {
    struct manifest_summary *sums = &checker->rules.sums;
    const struct manifest_summary *expected = &checker->expected;
    crypto_generichash_state hash = checker->rules.hash;
    const char *fault = NULL;

    crypto_generichash_final(&hash, sums->hash, sizeof sums->hash);
    if (checker->failed)
        fault = "it was found wrong before";
    else if (sums->length != expected->length)
        fault = "its length differs";
    else if (memcmp(sums->hash, expected->hash, LIMIT_HASH) != 0)
        fault = "its hash differs";
    else if (sums->entries != expected->entries || sums->bytes != expected->bytes ||
             sums->units != expected->units)
        fault = "its sums differ";
    else if (expected->name_count != 0 && !names_are_equal(sums, expected))
        fault = "its names differ";
    return fault == NULL ? 0 : msg_invalid(why, "the manifest is not the one offered: %s", fault);
}

const struct manifest_summary *manifest_checker_summary(const struct manifest_checker *checker) {
    return &checker->rules.sums;
}

const struct manifest_index *manifest_checker_index(const struct manifest_checker *checker) {
    return &checker->index;
}
