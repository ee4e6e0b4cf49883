#include "proto/manifest_rules.h"

#include "base/path.h"

#include <stdbool.h>
#include <string.h>

#define MODE_MAX 0777u
#define NANOSECONDS 1000000000u

void manifest_rules_init(struct manifest_rules *rules) {
    memset(rules, 0, sizeof *rules);
    crypto_generichash_init(&rules->hash, NULL, 0, LIMIT_HASH);
}

static const char *link_fault(const struct entry *entry) {
    if (entry->type != ENTRY_SYMLINK)
        return entry->target_length == 0 ? NULL : "a target, but no link";
    if (entry->target_length == 0 ||
        !path_link_is_inside(entry->path, entry->path_length, entry->target, entry->target_length))
        return "a link that leads outside";
    return NULL;
}

const char *manifest_rules_entry_fault(const struct entry *entry) {
    if (entry->type < ENTRY_FILE || entry->type > ENTRY_SYMLINK)
        return "an unknown type";
    if (entry->path_length == 0)
        return "no path";
    const char *fault = path_fault(entry->path, entry->path_length);
    if (fault != NULL)
        return fault;
    if (entry->type == ENTRY_DIRECTORY && path_is_area(entry->path, entry->path_length))
        return "a directory for what is coming in";
    if (entry->mode > MODE_MAX)
        return "more than permission bits";
    if (entry->size > (entry->type == ENTRY_FILE ? LIMIT_FILE_SIZE : 0))
        return "an impossible size";
    if (entry->mtime_ns >= NANOSECONDS)
        return "an impossible time";
    return link_fault(entry);
}

static bool parent_is_there(const struct manifest_rules *rules, const struct entry *entry) {
    size_t parent = path_parent(entry->path, entry->path_length);
    if (parent == 0)
        return true;
    if (parent > rules->last_length || memcmp(entry->path, rules->last, parent) != 0)
        return false;
    return parent == rules->last_length ? rules->last_type == ENTRY_DIRECTORY
                                        : rules->last[parent] == '/';
}

const char *manifest_rules_next_fault(const struct manifest_rules *rules,
                                      const struct entry *entry) {
    const char *fault = manifest_rules_entry_fault(entry);
    if (fault != NULL)
        return fault;
    if (path_compare(rules->last, rules->last_length, entry->path, entry->path_length) >= 0)
        return "out of order";
    if (!parent_is_there(rules, entry))
        return "no directory before it";
    if (rules->sums.entries == LIMIT_ENTRIES)
        return "too many entries";
    /* The limit of the sum also bounds the units: fewer than entries + bytes / LIMIT_CHUNK. */
    if (entry->size > LIMIT_FILE_SIZE - rules->sums.bytes)
        return "more bytes in all than can be counted";
    return NULL;
}

void manifest_rules_add(struct manifest_rules *rules, const struct entry *entry) {
    struct manifest_summary *sums = &rules->sums;
    sums->entries++;
    sums->bytes += entry->size;
    sums->units += entry_units(entry->type, entry->size);
    if (path_top(entry->path, entry->path_length) == entry->path_length) {
        if (sums->names_shown < LIMIT_OFFER_NAMES) {
            struct manifest_name *name = &sums->names[sums->names_shown++];
            name->length = (uint8_t)entry->path_length;
            memcpy(name->bytes, entry->path, entry->path_length);
        }
        sums->name_count++;
    }
    rules->last_type = entry->type;
    rules->last_length = entry->path_length;
    memcpy(rules->last, entry->path, entry->path_length);
}

void manifest_rules_hash(struct manifest_rules *rules, const void *data, size_t length) {
    crypto_generichash_update(&rules->hash, data, length);
    rules->sums.length += length;
}

static enum entry_type read_type(Fxnode__Wire__Entry__Type type) {
    switch (type) {
    case FXNODE__WIRE__ENTRY__TYPE__FILE:
        return ENTRY_FILE;
    case FXNODE__WIRE__ENTRY__TYPE__DIRECTORY:
        return ENTRY_DIRECTORY;
    case FXNODE__WIRE__ENTRY__TYPE__SYMLINK:
        return ENTRY_SYMLINK;
    default:
        return (enum entry_type)0;
    }
}

struct entry manifest_rules_read(const Fxnode__Wire__Entry *wire) {
    return (struct entry){
        .type = read_type(wire->type),
        .mode = wire->mode,
        .size = wire->size,
        .mtime_s = wire->mtime_s,
        .mtime_ns = wire->mtime_ns,
        .path = (const char *)wire->path.data,
        .path_length = wire->path.len,
        .target = (const char *)wire->target.data,
        .target_length = wire->target.len,
    };
}
