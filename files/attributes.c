#include "files/attributes.h"

#include <errno.h>
#include <linux/limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

struct attributes {
    struct entry_attribute list[LIMIT_ATTRIBUTES];
    size_t count;
    size_t used; /* bytes of names and values in the list */
    size_t values_used;
    char names[XATTR_LIST_MAX];
    char values[LIMIT_ATTRIBUTE_BYTES];
};

int attributes_new(struct attributes **out) {
    *out = malloc(sizeof(**out));
    return *out == NULL ? -ENOMEM : 0;
}

void attributes_free(struct attributes *attributes) {
    free(attributes);
}

static bool is_users(const char *name) {
    const size_t prefix = strlen(ENTRY_ATTRIBUTE_PREFIX);
    return strncmp(name, ENTRY_ATTRIBUTE_PREFIX, prefix) == 0 && name[prefix] != '\0';
}

static const char *reason_of(int error, char *room, size_t size) {
    return error == ERANGE ? "the attributes of one file may have 128 KiB and be 1024"
                           : strerror_r(error, room, size);
}

/* Adds one that is still there. 0 or an errno. */
static int read_one(struct attributes *attributes, int fd, const char *name) {
    size_t length = strlen(name);
    size_t left = LIMIT_ATTRIBUTE_BYTES - attributes->used;
    if (attributes->count == LIMIT_ATTRIBUTES || length >= left)
        return ERANGE;
    char *value = attributes->values + attributes->values_used;
    size_t room = left - length;
    ssize_t got =
        fgetxattr(fd, name, value, room < LIMIT_ATTRIBUTE_VALUE ? room : LIMIT_ATTRIBUTE_VALUE);
    if (got < 0)
        return errno == ENODATA ? 0 : errno;
    attributes->list[attributes->count++] = (struct entry_attribute){
        .name = name, .name_length = length, .value = value, .value_length = (size_t)got};
    attributes->used += length + (size_t)got;
    attributes->values_used += (size_t)got;
    return 0;
}

/* No name has a zero byte, so this is the order of their bytes. */
static int by_name(const void *a, const void *b) {
    const struct entry_attribute *left = a;
    const struct entry_attribute *right = b;
    return strcmp(left->name, right->name);
}

void attributes_read(struct attributes *attributes, int fd, struct entry *entry,
                     attributes_lost *lost, void *context) {
    char room[128];
    attributes->count = attributes->used = attributes->values_used = 0;
    ssize_t length = flistxattr(fd, attributes->names, sizeof(attributes->names));
    if (length < 0 && errno != ENOTSUP && errno != ENOSYS)
        lost(context, "", reason_of(errno, room, sizeof(room)));
    for (ssize_t at = 0; at < length; at += (ssize_t)strlen(attributes->names + at) + 1) {
        const char *name = attributes->names + at;
        int error = is_users(name) ? read_one(attributes, fd, name) : 0;
        if (error != 0)
            lost(context, name, reason_of(error, room, sizeof(room)));
    }
    if (attributes->count > 1)
        qsort(attributes->list, attributes->count, sizeof(*attributes->list), by_name);
    entry->attributes = attributes->list;
    entry->attribute_count = attributes->count;
}

/* Whether the file system has less room than one entry may ask for; some keep attributes where they
 * keep inodes, a KiB for each. It says the same where one file has too many. */
static bool is_full(int fd) {
    struct statvfs space;
    if (fstatvfs(fd, &space) < 0)
        return false;
    return (space.f_blocks > 0 &&
            (uint64_t)space.f_bavail * space.f_frsize < LIMIT_ATTRIBUTE_BYTES) ||
           (space.f_files > 0 && space.f_favail < LIMIT_ATTRIBUTE_BYTES / 1024);
}

/* 0, an outcome, or -errno. The name is cut out of a message, so it is copied to be terminated. */
static int set_one(int fd, const struct entry_attribute *attribute) {
    char name[LIMIT_ATTRIBUTE_NAME + 1];
    snprintf(name, sizeof(name), "%.*s", (int)attribute->name_length, attribute->name);
    if (fsetxattr(fd, name, attribute->value, attribute->value_length, 0) == 0)
        return ATTRIBUTES_SET;
    switch (errno) {
    case ENOTSUP:
    case ENOSYS:
        return ATTRIBUTES_UNSUPPORTED;
    case ENOSPC:
        return is_full(fd) ? -ENOSPC : ATTRIBUTES_NO_ROOM;
    case E2BIG:
    case ERANGE:
        return ATTRIBUTES_NO_ROOM;
    case EPERM:
    case EACCES:
    case EINVAL:
        return ATTRIBUTES_NOT_TAKEN;
    default:
        return -errno;
    }
}

int attributes_set(int fd, const struct entry *entry) {
    int worst = ATTRIBUTES_SET;
    size_t unsupported = 0;
    for (size_t i = 0; i < entry->attribute_count; i++) {
        int one = set_one(fd, &entry->attributes[i]);
        if (one < 0)
            return one;
        unsupported += one == ATTRIBUTES_UNSUPPORTED;
        worst = one > worst ? one : worst;
    }
    /* Names that a file system keeps for itself it calls unsupported too. */
    if (worst == ATTRIBUTES_UNSUPPORTED && unsupported < entry->attribute_count)
        return ATTRIBUTES_NOT_TAKEN;
    return worst;
}

/* Of a list of names, each terminated. 0 or -errno. */
static int remove_users(int fd, const char *names, size_t length) {
    for (size_t at = 0; at < length; at += strlen(names + at) + 1) {
        if (!is_users(names + at))
            continue;
        if (fchmod(fd, 0600) < 0 || (fremovexattr(fd, names + at) < 0 && errno != ENODATA))
            return -errno;
    }
    return 0;
}

int attributes_drop(int fd) {
    ssize_t length = flistxattr(fd, NULL, 0);
    if (length <= 0)
        return length == 0 || errno == ENOTSUP || errno == ENOSYS ? 0 : -errno;
    char *names = malloc(XATTR_LIST_MAX);
    if (names == NULL)
        return -ENOMEM;
    length = flistxattr(fd, names, XATTR_LIST_MAX);
    int error = length < 0 ? -errno : remove_users(fd, names, (size_t)length);
    free(names);
    return error;
}
