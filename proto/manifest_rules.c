#include "proto/manifest_rules.h"

#include "base/path.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MODE_MAX 0777u
#define NANOSECONDS 1000000000u
#define FILES_ROOM 1024u /* bytes of the first bits */

void manifest_rules_init(struct manifest_rules *rules) {
    memset(rules, 0, sizeof *rules);
    crypto_generichash_init(&rules->hash, NULL, 0, LIMIT_HASH);
}

void manifest_rules_clear(struct manifest_rules *rules) {
    free(rules->files);
    rules->files = NULL;
}

static int compare_names(const struct entry_attribute *a, const struct entry_attribute *b) {
    size_t shared = a->name_length < b->name_length ? a->name_length : b->name_length;
    int order = memcmp(a->name, b->name, shared);
    return order != 0 ? order
                      : (a->name_length > b->name_length) - (a->name_length < b->name_length);
}

static const char *attribute_fault(const struct entry_attribute *attribute) {
    const size_t prefix = strlen(ENTRY_ATTRIBUTE_PREFIX);
    if (attribute->name_length <= prefix || attribute->name_length > LIMIT_ATTRIBUTE_NAME ||
        memcmp(attribute->name, ENTRY_ATTRIBUTE_PREFIX, prefix) != 0 ||
        memchr(attribute->name, '\0', attribute->name_length) != NULL)
        return "an attribute that is none of a user";
    return attribute->value_length > LIMIT_ATTRIBUTE_VALUE ? "too large an attribute" : NULL;
}

static const char *attributes_fault(const struct entry *entry) {
    size_t bytes = 0;
    if (entry->attribute_count == 0)
        return NULL;
    if (entry->type != ENTRY_FILE && entry->type != ENTRY_DIRECTORY)
        return "attributes, but neither file nor directory";
    if (entry->attribute_count > LIMIT_ATTRIBUTES)
        return "too many attributes";
    for (size_t i = 0; i < entry->attribute_count; i++) {
        const struct entry_attribute *attribute = &entry->attributes[i];
        const char *fault = attribute_fault(attribute);
        if (fault != NULL)
            return fault;
        if (i > 0 && compare_names(attribute - 1, attribute) >= 0)
            return "attributes out of order";
        bytes += attribute->name_length + attribute->value_length;
    }
    return bytes > LIMIT_ATTRIBUTE_BYTES ? "too large attributes" : NULL;
}

/* A hard link has nothing of its own but a path, and nothing else names an entry. */
static const char *hardlink_fault(const struct entry *entry) {
    if (entry->type != ENTRY_HARDLINK)
        return entry->original == 0 ? NULL : "a file that it is another name of, but no hard link";
    return entry->mode != 0 || entry->mtime_s != 0 || entry->mtime_ns != 0
               ? "a hard link with a mode or time of its own"
               : NULL;
}

static const char *link_fault(const struct entry *entry) {
    if (entry->type != ENTRY_SYMLINK)
        return entry->target_length == 0 ? NULL : "a target, but no link";
    if (path_parent(entry->path, entry->path_length) == 0)
        return "a link that is in no directory";
    return path_is_target(entry->target, entry->target_length) ? NULL : "a link to what cannot be";
}

const char *manifest_rules_entry_fault(const struct entry *entry) {
    if (entry->type < ENTRY_FILE || entry->type > ENTRY_HARDLINK)
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
    fault = link_fault(entry);
    if (fault == NULL)
        fault = hardlink_fault(entry);
    return fault == NULL ? attributes_fault(entry) : fault;
}

static bool is_file(const struct manifest_rules *rules, uint32_t entry) {
    return entry < rules->sums.entries && (rules->files[entry / 8] >> entry % 8 & 1) != 0;
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
    if (entry->type == ENTRY_HARDLINK && !is_file(rules, entry->original))
        return "a hard link to what is no file before it";
    if (rules->sums.entries == LIMIT_ENTRIES)
        return "too many entries";
    /* The limit of the sum also bounds the units: fewer than entries + bytes / LIMIT_CHUNK. */
    if (entry->size > LIMIT_FILE_SIZE - rules->sums.bytes)
        return "more bytes in all than can be counted";
    return NULL;
}

/* Notes of the next entry whether it is a file. */
static int add_bit(struct manifest_rules *rules, bool file) {
    size_t at = rules->sums.entries / 8;
    if (at == rules->files_room) {
        size_t room = at == 0 ? FILES_ROOM : at * 2;
        uint8_t *files = realloc(rules->files, room);
        if (files == NULL)
            return -ENOMEM;
        memset(files + at, 0, room - at);
        rules->files = files;
        rules->files_room = room;
    }
    rules->files[at] |= (uint8_t)(file << rules->sums.entries % 8);
    return 0;
}

int manifest_rules_add(struct manifest_rules *rules, const struct entry *entry) {
    struct manifest_summary *sums = &rules->sums;
    int rc = add_bit(rules, entry->type == ENTRY_FILE);
    if (rc < 0)
        return rc;
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
    return 0;
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
    case FXNODE__WIRE__ENTRY__TYPE__HARDLINK:
        return ENTRY_HARDLINK;
    default:
        return (enum entry_type)0;
    }
}

struct entry manifest_rules_read(const Fxnode__Wire__Entry *wire,
                                 struct entry_attribute *attributes) {
    for (size_t i = 0; i < wire->n_attributes && i < LIMIT_ATTRIBUTES; i++) {
        const Fxnode__Wire__Attribute *attribute = wire->attributes[i];
        attributes[i] = (struct entry_attribute){
            .name = (const char *)attribute->name.data,
            .name_length = attribute->name.len,
            .value = attribute->value.data,
            .value_length = attribute->value.len,
        };
    }
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
        .original = wire->original,
        .attributes = attributes,
        .attribute_count = wire->n_attributes,
    };
}
