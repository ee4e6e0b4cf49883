#include "base/escape.h"
#include "proto/manifest_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The most that one entry takes in a batch: path, target, attributes with at most 12 bytes around
 * each, and at most 64 bytes of everything else. */
#define ENTRY_MAX (2 * LIMIT_PATH + LIMIT_ATTRIBUTE_BYTES + 12 * LIMIT_ATTRIBUTES + 64)

_Static_assert(MANIFEST_BATCH_TARGET + ENTRY_MAX <= LIMIT_MANIFEST_BATCH, "an entry fits");

struct manifest_builder {
    struct manifest_rules rules;
    size_t used;  /* bytes of the batch being filled */
    size_t ready; /* bytes of the complete batch, prefix included; 0 where none is */
    /* Of the entry that is encoded. */
    Fxnode__Wire__Attribute attributes[LIMIT_ATTRIBUTES];
    Fxnode__Wire__Attribute *list[LIMIT_ATTRIBUTES];
    uint8_t bytes[MANIFEST_PREFIX + MANIFEST_BATCH_TARGET + ENTRY_MAX];
};

int manifest_builder_new(struct manifest_builder **builder) {
    /* The hash state wants more alignment than malloc gives. */
    struct manifest_builder *made = aligned_alloc(_Alignof(struct manifest_builder), sizeof *made);
    if (made == NULL)
        return -ENOMEM;
    manifest_rules_init(&made->rules);
    made->used = 0;
    made->ready = 0;
    *builder = made;
    return 0;
}

void manifest_builder_free(struct manifest_builder *builder) {
    if (builder == NULL)
        return;
    manifest_rules_clear(&builder->rules);
    free(builder);
}

static Fxnode__Wire__Entry__Type wire_type(enum entry_type type) {
    switch (type) {
    case ENTRY_FILE:
        return FXNODE__WIRE__ENTRY__TYPE__FILE;
    case ENTRY_DIRECTORY:
        return FXNODE__WIRE__ENTRY__TYPE__DIRECTORY;
    case ENTRY_HARDLINK:
        return FXNODE__WIRE__ENTRY__TYPE__HARDLINK;
    default:
        return FXNODE__WIRE__ENTRY__TYPE__SYMLINK;
    }
}

static void fill_attributes(struct manifest_builder *builder, Fxnode__Wire__Entry *wire,
                            const struct entry *entry) {
    for (size_t i = 0; i < entry->attribute_count; i++) {
        const struct entry_attribute *from = &entry->attributes[i];
        Fxnode__Wire__Attribute *to = &builder->attributes[i];
        fxnode__wire__attribute__init(to);
        to->name = (ProtobufCBinaryData){from->name_length, (uint8_t *)(uintptr_t)from->name};
        to->value = (ProtobufCBinaryData){from->value_length, (uint8_t *)(uintptr_t)from->value};
        builder->list[i] = to;
    }
    wire->n_attributes = entry->attribute_count;
    wire->attributes = builder->list;
}

/* Appends `entry` to the batch. Encoded messages that follow each other are one message with the
 * repeated fields of all, so a batch of one entry is what is appended. */
static int append(struct manifest_builder *builder, const struct entry *entry) {
    Fxnode__Wire__Entry wire = FXNODE__WIRE__ENTRY__INIT;
    Fxnode__Wire__Entry *entries[] = {&wire};
    Fxnode__Wire__ManifestBatch batch = FXNODE__WIRE__MANIFEST_BATCH__INIT;
    uint8_t *at = builder->bytes + MANIFEST_PREFIX + builder->used;

    wire.type = wire_type(entry->type);
    wire.path = (ProtobufCBinaryData){entry->path_length, (uint8_t *)(uintptr_t)entry->path};
    wire.mode = entry->mode;
    wire.size = entry->size;
    wire.mtime_s = entry->mtime_s;
    wire.mtime_ns = entry->mtime_ns;
    wire.target = (ProtobufCBinaryData){entry->target_length, (uint8_t *)(uintptr_t)entry->target};
    wire.original = entry->original;
    fill_attributes(builder, &wire, entry);
    batch.n_entries = 1;
    batch.entries = entries;
    int size = msg_encode(&batch.base, at, ENTRY_MAX);
    if (size > 0)
        builder->used += (size_t)size;
    return size < 0 ? size : 0;
}

/* Completes the batch: its prefix, and hash and length of both. */
static void complete(struct manifest_builder *builder) {
    for (size_t i = 0; i < MANIFEST_PREFIX; i++)
        builder->bytes[i] = (uint8_t)(builder->used >> (8 * (MANIFEST_PREFIX - 1 - i)));
    builder->ready = MANIFEST_PREFIX + builder->used;
    builder->used = 0;
    manifest_rules_hash(&builder->rules, builder->bytes, builder->ready);
}

int manifest_builder_add(struct manifest_builder *builder, const struct entry *entry,
                         struct fail *fail) {
    const char *fault = builder->ready != 0 ? "a batch has not been taken"
                                            : manifest_rules_next_fault(&builder->rules, entry);
    if (fault == NULL && builder->rules.sums.length + builder->used > LIMIT_MANIFEST - ENTRY_MAX)
        fault = "more names than a manifest may hold";
    if (fault != NULL) {
        char shown[256];
        escape_bytes(shown, sizeof shown, entry->path, entry->path_length);
        return fail_set(fail, 0, "%s: %s", shown, fault);
    }
    int rc = append(builder, entry);
    if (rc == 0)
        rc = manifest_rules_add(&builder->rules, entry);
    if (rc < 0)
        return fail_set(fail, rc, "cannot encode an entry");
    if (builder->used < MANIFEST_BATCH_TARGET)
        return MANIFEST_ADDED;
    complete(builder);
    return MANIFEST_BATCH_READY;
}

int manifest_builder_end(struct manifest_builder *builder, struct fail *fail) {
    if (builder->rules.sums.entries == 0)
        return fail_set(fail, 0, "there is nothing to send");
    if (builder->used == 0)
        return MANIFEST_ADDED;
    complete(builder);
    return MANIFEST_BATCH_READY;
}

size_t manifest_builder_take(struct manifest_builder *builder, const uint8_t **data) {
    size_t length = builder->ready;
    *data = builder->bytes;
    builder->ready = 0;
    return length;
}

void manifest_builder_summary(const struct manifest_builder *builder,
                              struct manifest_summary *summary) {
    /* Of a copy, since the running hash goes on. */
    crypto_generichash_state hash = builder->rules.hash;
    *summary = builder->rules.sums;
    crypto_generichash_final(&hash, summary->hash, sizeof summary->hash);
}
