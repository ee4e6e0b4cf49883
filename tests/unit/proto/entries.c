#include "entries.h"

#include <string.h>

struct entry entries_file(const char *path, uint64_t size) {
    return (struct entry){
        .type = ENTRY_FILE, .mode = 0644, .size = size, .path = path, .path_length = strlen(path)};
}

struct entry entries_directory(const char *path) {
    return (struct entry){
        .type = ENTRY_DIRECTORY, .mode = 0755, .path = path, .path_length = strlen(path)};
}

struct entry entries_link(const char *path, const char *target) {
    return (struct entry){.type = ENTRY_SYMLINK,
                          .mode = 0777,
                          .path = path,
                          .path_length = strlen(path),
                          .target = target,
                          .target_length = strlen(target)};
}

struct entry entries_hardlink(const char *path, uint32_t original) {
    return (struct entry){
        .type = ENTRY_HARDLINK, .path = path, .path_length = strlen(path), .original = original};
}

struct entry entries_with(const struct entry_attribute *attributes, size_t count) {
    struct entry entry = entries_file("a", 1);
    entry.attributes = attributes;
    entry.attribute_count = count;
    return entry;
}

const char *entries_long_name(void) {
    static char name[LIMIT_ATTRIBUTE_NAME + 1];
    memset(name, 'a', sizeof name);
    memcpy(name, "user.", 5);
    return name;
}
