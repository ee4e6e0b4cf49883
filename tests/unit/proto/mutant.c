#include "mutant.h"

#include "proto/transfer.pb-c.h"

#include <check.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

uint64_t mutant_pick(struct mutant *mutant, uint64_t below) {
    mutant->chance ^= mutant->chance >> 12;
    mutant->chance ^= mutant->chance << 25;
    mutant->chance ^= mutant->chance >> 27;
    return mutant->chance * 0x2545f4914f6cdd1dULL % below;
}

static void set_path(struct mutant *mutant, size_t at, const char *path, size_t length) {
    ck_assert_uint_le(length, MUTANT_PATH);
    memmove(mutant->paths[at], path, length);
    mutant->entries[at].path = mutant->paths[at];
    mutant->entries[at].path_length = length;
}

/* Component by component: the order of a manifest in other words. */
static int compare_paths(const struct entry *a, const struct entry *b) {
    size_t i = 0;
    size_t j = 0;

    while (i < a->path_length && j < b->path_length) {
        size_t left = 0;
        size_t right = 0;
        while (i + left < a->path_length && a->path[i + left] != '/')
            left++;
        while (j + right < b->path_length && b->path[j + right] != '/')
            right++;
        int order = memcmp(a->path + i, b->path + j, left < right ? left : right);
        if (order != 0 || left != right)
            return order != 0 ? order : left < right ? -1 : 1;
        i += left + 1;
        j += right + 1;
    }
    return (i < a->path_length) - (j < b->path_length);
}

/* Names that are told apart only by those who look closely. */
static const char *const names[] = {"a",        "A",  "aa",   "a.",   "a b",  "-rf",
                                    "b\n",      "B",  "\xff", "\x01", "a-",   "~",
                                    ".fxnodes", "\\", "\"",   "...",  "name", "nAme"};

static void add(struct mutant *mutant, enum entry_type type, const char *path, size_t length) {
    struct entry *entry = &mutant->entries[mutant->count];

    *entry = (struct entry){.type = type};
    set_path(mutant, mutant->count++, path, length);
    if (type == ENTRY_HARDLINK)
        return;
    entry->mode = type == ENTRY_SYMLINK ? 0777 : 0700 | (uint32_t)mutant_pick(mutant, 0100);
    entry->size = type == ENTRY_FILE ? mutant_pick(mutant, 3) * mutant_pick(mutant, 3000) : 0;
    entry->mtime_s = (int64_t)mutant_pick(mutant, 1ull << 33) - (1ll << 31);
    entry->mtime_ns = (uint32_t)mutant_pick(mutant, 1000000000);
    if (type == ENTRY_SYMLINK) {
        entry->target = names[mutant_pick(mutant, 6)];
        entry->target_length = strlen(entry->target);
    }
}

static bool is_there(const struct mutant *mutant, const char *path, size_t length) {
    for (size_t i = 0; i < mutant->count; i++)
        if (mutant->entries[i].path_length == length &&
            memcmp(mutant->entries[i].path, path, length) == 0)
            return true;
    return false;
}

/* A name in a directory that is there, or at the top, where links may not be. */
static void add_some(struct mutant *mutant) {
    static const enum entry_type types[] = {ENTRY_DIRECTORY, ENTRY_DIRECTORY, ENTRY_FILE,
                                            ENTRY_FILE,      ENTRY_SYMLINK,   ENTRY_HARDLINK};
    const char *name = names[mutant_pick(mutant, sizeof names / sizeof *names)];
    size_t above = mutant_pick(mutant, mutant->count + 1);
    enum entry_type type = types[mutant_pick(mutant, 6)];
    char path[MUTANT_PATH];
    size_t length = 0;

    if (above < mutant->count && mutant->entries[above].type == ENTRY_DIRECTORY) {
        length = mutant->entries[above].path_length;
        memcpy(path, mutant->entries[above].path, length);
        path[length++] = '/';
    } else if (type == ENTRY_SYMLINK) {
        type = ENTRY_DIRECTORY;
    }
    memcpy(path + length, name, strlen(name));
    length += strlen(name);
    if (!is_there(mutant, path, length))
        add(mutant, type, path, length);
}

static void swap(struct mutant *mutant, size_t a, size_t b) {
    struct entry first = mutant->entries[a];
    struct entry second = mutant->entries[b];
    char path[MUTANT_PATH];

    memcpy(path, first.path, first.path_length);
    mutant->entries[a] = second;
    set_path(mutant, a, second.path, second.path_length);
    mutant->entries[b] = first;
    set_path(mutant, b, path, first.path_length);
}

/* Hard links get a file before them, or become one. */
static void aim_hardlinks(struct mutant *mutant) {
    for (size_t i = 0; i < mutant->count; i++) {
        struct entry *entry = &mutant->entries[i];
        size_t original = i == 0 ? 0 : mutant_pick(mutant, i);
        if (entry->type != ENTRY_HARDLINK)
            continue;
        if (i > 0 && mutant->entries[original].type == ENTRY_FILE) {
            entry->original = (uint32_t)original;
        } else {
            entry->type = ENTRY_FILE;
            entry->mode = 0644;
        }
    }
}

static void make_legal(struct mutant *mutant) {
    size_t wanted = 1 + mutant_pick(mutant, 24);

    for (int tries = 0; tries < 60 && mutant->count < wanted; tries++)
        add_some(mutant);
    for (size_t i = 1; i < mutant->count; i++)
        for (size_t j = i; j > 0 && compare_paths(&mutant->entries[j - 1], &mutant->entries[j]) > 0;
             j--)
            swap(mutant, j - 1, j);
    aim_hardlinks(mutant);
}

static size_t any(struct mutant *mutant) {
    return mutant_pick(mutant, mutant->count);
}

/* An entry with one before it where there is one, so that it is no parent only. */
static size_t any_directory(struct mutant *mutant) {
    for (size_t i = 0; i + 1 < mutant->count; i++)
        if (mutant->entries[i].type == ENTRY_DIRECTORY &&
            mutant->entries[i + 1].path_length > mutant->entries[i].path_length)
            return i;
    return any(mutant);
}

/* Puts a copy of an entry behind it. */
static size_t repeat(struct mutant *mutant, size_t at) {
    if (mutant->count == MUTANT_ENTRIES)
        return at;
    for (size_t i = mutant->count++; i > at; i--) {
        mutant->entries[i] = mutant->entries[i - 1];
        set_path(mutant, i, mutant->entries[i - 1].path, mutant->entries[i - 1].path_length);
    }
    return at + 1;
}

static void leave_out(struct mutant *mutant, size_t at) {
    if (mutant->count == 1)
        return;
    for (size_t i = at; i + 1 < mutant->count; i++) {
        mutant->entries[i] = mutant->entries[i + 1];
        set_path(mutant, i, mutant->entries[i + 1].path, mutant->entries[i + 1].path_length);
    }
    mutant->count--;
}

/* Text before, within or behind a path. */
static void insert(struct mutant *mutant, size_t at, const char *text, size_t length) {
    const struct entry *entry = &mutant->entries[at];
    size_t where = mutant_pick(mutant, 3) * entry->path_length / 2;
    char path[MUTANT_PATH];

    if (entry->path_length + length > MUTANT_PATH)
        return;
    memcpy(path, entry->path, where);
    memcpy(path + where, text, length);
    memcpy(path + where + length, entry->path + where, entry->path_length - where);
    set_path(mutant, at, path, entry->path_length + length);
}

static void lengthen(struct mutant *mutant, size_t at) {
    static const size_t lengths[] = {254, 255, 256, 4094, 4095, 4096, 8000};
    size_t length = lengths[mutant_pick(mutant, 7)];
    size_t step = mutant_pick(mutant, 2) == 0 ? 2 : 250;
    char path[MUTANT_PATH];

    memset(path, 'x', sizeof path);
    for (size_t i = step - 1; length > 300 && i + 1 < length; i += step)
        path[i] = '/';
    set_path(mutant, at, path, length);
}

static void flip_case(struct mutant *mutant, size_t at) {
    size_t copy = repeat(mutant, at);
    mutant->paths[copy == at ? at : at][mutant->entries[at].path_length - 1] ^= 0x20;
    if (mutant->entries[at].path[mutant->entries[at].path_length - 1] == '\0')
        mutant->paths[at][mutant->entries[at].path_length - 1] = 'z';
}

static void enlarge(struct mutant *mutant, size_t at) {
    static const uint64_t sizes[] = {INT64_MAX,  1ull << 63,      UINT64_MAX,
                                     1ull << 62, INT64_MAX - 100, LIMIT_CHUNK};
    mutant->entries[at].size = sizes[mutant_pick(mutant, 6)];
}

static void misuse(struct mutant *mutant, struct entry *entry) {
    switch (mutant_pick(mutant, 8)) {
    case 0:
        entry->mode |= 04000;
        break;
    case 1:
        entry->mode = UINT32_MAX;
        break;
    case 2:
        entry->mtime_ns = 1000000000;
        break;
    case 3:
        entry->type = (enum entry_type)(5 + mutant_pick(mutant, 3) * 100);
        break;
    case 4:
        entry->type = (enum entry_type)0;
        break;
    case 5:
        entry->target = "a";
        entry->target_length = 1;
        break;
    case 6:
        entry->target_length = 0;
        break;
    default:
        entry->size = 1;
    }
}

static const struct {
    const char *text;
    size_t length;
} bad_parts[] = {{"/", 1},  {"../", 3}, {"/..", 3}, {"./", 2},          {"/.", 2},
                 {"//", 2}, {"\0", 1},  {"..", 2},  {"../../etc/", 10}, {"/.fxnode", 8}};

static void change(struct mutant *mutant) {
    size_t at = any(mutant);
    struct entry *entry = &mutant->entries[at];
    size_t part = mutant_pick(mutant, sizeof bad_parts / sizeof *bad_parts);

    switch (mutant_pick(mutant, 13)) {
    case 0:
        mutant->what = "twice";
        repeat(mutant, at);
        break;
    case 1:
        mutant->what = "a directory that is a file";
        mutant->entries[any_directory(mutant)].type = ENTRY_FILE;
        break;
    case 2:
        mutant->what = "a directory that is a link";
        entry = &mutant->entries[any_directory(mutant)];
        entry->type = ENTRY_SYMLINK;
        entry->target = "x";
        entry->target_length = 1;
        break;
    case 3:
    case 4:
        mutant->what = "a bad part of a path";
        insert(mutant, at, bad_parts[part].text, bad_parts[part].length);
        break;
    case 5:
        mutant->what = "another case";
        flip_case(mutant, at);
        break;
    case 6:
        mutant->what = "a size";
        enlarge(mutant, at);
        break;
    case 7:
        mutant->what = "another order";
        swap(mutant, at, any(mutant));
        break;
    case 8:
        mutant->what = "one left out";
        leave_out(mutant, at);
        break;
    case 9:
        mutant->what = "a hard link";
        *entry = (struct entry){.type = ENTRY_HARDLINK,
                                .path = entry->path,
                                .path_length = entry->path_length,
                                .original = (uint32_t)any(mutant)};
        break;
    case 10:
        mutant->what = "a hard link far away";
        entry->original = UINT32_MAX - (uint32_t)mutant_pick(mutant, 2);
        break;
    case 11:
        mutant->what = "a long path";
        lengthen(mutant, at);
        break;
    default:
        mutant->what = "a field";
        misuse(mutant, entry);
    }
}

/* All that a summary says, as the sums come out in 64 bits. */
static void summarise(struct mutant *mutant) {
    struct manifest_summary *summary = &mutant->summary;
    uint8_t prefix[MANIFEST_PREFIX];
    crypto_generichash_state hash;

    *summary = (struct manifest_summary){.length = MANIFEST_PREFIX + mutant->length,
                                         .entries = (uint32_t)mutant->count};
    for (size_t i = 0; i < mutant->count; i++) {
        const struct entry *entry = &mutant->entries[i];
        summary->bytes += entry->size;
        summary->units += entry_units(entry->type, entry->size);
        if (memchr(entry->path, '/', entry->path_length) != NULL || entry->path_length == 0 ||
            entry->path_length > LIMIT_COMPONENT)
            continue;
        struct manifest_name *name = &summary->names[summary->names_shown++];
        name->length = (uint8_t)entry->path_length;
        memcpy(name->bytes, entry->path, entry->path_length);
        summary->name_count++;
    }
    for (size_t i = 0; i < sizeof prefix; i++)
        prefix[i] = (uint8_t)(mutant->length >> (24 - 8 * i));
    crypto_generichash_init(&hash, NULL, 0, LIMIT_HASH);
    crypto_generichash_update(&hash, prefix, sizeof prefix);
    crypto_generichash_update(&hash, mutant->batch, mutant->length);
    crypto_generichash_final(&hash, summary->hash, LIMIT_HASH);
}

static void encode(struct mutant *mutant) {
    Fxnode__Wire__Entry wire[MUTANT_ENTRIES];
    Fxnode__Wire__Entry *list[MUTANT_ENTRIES];
    Fxnode__Wire__ManifestBatch batch = FXNODE__WIRE__MANIFEST_BATCH__INIT;

    for (size_t i = 0; i < mutant->count; i++) {
        const struct entry *from = &mutant->entries[i];
        fxnode__wire__entry__init(&wire[i]);
        wire[i].type = (Fxnode__Wire__Entry__Type)from->type;
        wire[i].mode = from->mode;
        wire[i].size = from->size;
        wire[i].mtime_s = from->mtime_s;
        wire[i].mtime_ns = from->mtime_ns;
        wire[i].original = from->original;
        wire[i].path = (ProtobufCBinaryData){from->path_length, (uint8_t *)(uintptr_t)from->path};
        wire[i].target =
            (ProtobufCBinaryData){from->target_length, (uint8_t *)(uintptr_t)from->target};
        list[i] = &wire[i];
    }
    batch.n_entries = mutant->count;
    batch.entries = list;
    ck_assert_uint_le(fxnode__wire__manifest_batch__get_packed_size(&batch), sizeof mutant->batch);
    mutant->length = fxnode__wire__manifest_batch__pack(&batch, mutant->batch);
}

void mutant_make(struct mutant *mutant, uint64_t seed, unsigned changes) {
    mutant->chance = seed * 0x9e3779b97f4a7c15ULL + 1;
    mutant->what = NULL;
    mutant->count = 0;
    make_legal(mutant);
    for (unsigned i = 0; i < changes; i++)
        change(mutant);
    encode(mutant);
    summarise(mutant);
}

static bool is_component(const char *name, size_t length) {
    if (length == 0 || length > 255 || memchr(name, '\0', length) != NULL)
        return false;
    return !(length == 1 && name[0] == '.') && !(length == 2 && memcmp(name, "..", 2) == 0);
}

static bool is_path(const struct entry *entry) {
    size_t levels = 0;
    size_t from = 0;

    for (size_t i = 0; i <= entry->path_length; i++) {
        if (i < entry->path_length && entry->path[i] != '/')
            continue;
        if (!is_component(entry->path + from, i - from))
            return false;
        levels++;
        from = i + 1;
    }
    return entry->path_length <= 4095 && levels <= 128;
}

/* Where its directory ends; 0 at the top. */
static size_t above(const struct entry *entry) {
    size_t end = entry->path_length;
    while (end > 0 && entry->path[end - 1] != '/')
        end--;
    return end == 0 ? 0 : end - 1;
}

static bool has_right_fields(const struct mutant *mutant, size_t at) {
    const struct entry *entry = &mutant->entries[at];
    size_t directory = above(entry);

    switch (entry->type) {
    case ENTRY_FILE:
        break;
    case ENTRY_DIRECTORY: {
        const char *name = entry->path + (directory == 0 ? 0 : directory + 1);
        if (entry->path + entry->path_length - name == 7 && memcmp(name, ".fxnode", 7) == 0)
            return false;
        break;
    }
    case ENTRY_SYMLINK:
        if (entry->target_length == 0 || directory == 0)
            return false;
        break;
    case ENTRY_HARDLINK:
        return entry->mode == 0 && entry->mtime_s == 0 && entry->mtime_ns == 0 &&
               entry->size == 0 && entry->target_length == 0 && entry->original < at &&
               mutant->entries[entry->original].type == ENTRY_FILE;
    default:
        return false;
    }
    return entry->mode <= 0777 && entry->mtime_ns < 1000000000 && entry->original == 0 &&
           (entry->type == ENTRY_FILE ? entry->size <= INT64_MAX : entry->size == 0) &&
           (entry->type == ENTRY_SYMLINK || entry->target_length == 0);
}

static bool has_directory(const struct mutant *mutant, size_t at) {
    const struct entry *entry = &mutant->entries[at];
    size_t length = above(entry);

    for (size_t i = 0; length > 0 && i < at; i++)
        if (mutant->entries[i].type == ENTRY_DIRECTORY &&
            mutant->entries[i].path_length == length &&
            memcmp(mutant->entries[i].path, entry->path, length) == 0)
            return true;
    return length == 0;
}

bool mutant_is_legal(const struct mutant *mutant) {
    __extension__ unsigned __int128 bytes = 0;

    for (size_t i = 0; i < mutant->count; i++) {
        const struct entry *entry = &mutant->entries[i];
        bytes += entry->size;
        if (!is_path(entry) || !has_right_fields(mutant, i) || !has_directory(mutant, i) ||
            (i > 0 && compare_paths(entry - 1, entry) >= 0))
            return false;
    }
    return bytes <= INT64_MAX;
}
