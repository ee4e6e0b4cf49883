#include "files/disks.h"

#include "base/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct disk {
    bool there;
    dev_t device;
};

struct disks {
    const struct items *items;
    struct disk at[]; /* of each item */
};

int disks_new(struct disks **out, const struct items *items) {
    size_t count = items_count(items);
    struct disks *disks = calloc(1, sizeof *disks + count * sizeof disks->at[0]);
    if (disks == NULL)
        return -ENOMEM;
    disks->items = items;
    for (size_t i = 0; i < count; i++) {
        struct stat st;
        disks->at[i].there = stat(items_get(items, i).path, &st) == 0;
        disks->at[i].device = disks->at[i].there ? st.st_dev : 0;
    }
    *out = disks;
    return 0;
}

void disks_free(struct disks *disks) {
    free(disks);
}

/* Describes what is at `path`, or the lowest directory above that there is; its path is left in
 * `found`. False where not even that can be had. */
static bool find_lowest(const char *path, char found[PATH_MAX], struct stat *st) {
    if ((size_t)snprintf(found, PATH_MAX, "%s", path) >= PATH_MAX)
        return false;
    while (stat(found, st) < 0) {
        char *slash = strrchr(found, '/');
        if ((errno != ENOENT && errno != ENOTDIR) || slash == NULL || slash[1] == '\0')
            return false;
        slash[slash == found ? 1 : 0] = '\0';
    }
    return true;
}

static bool is_of(const struct item *item, const char *path, size_t length) {
    return item->name_length == path_top(path, length) &&
           memcmp(item->name, path, item->name_length) == 0;
}

bool disks_is_gone(const struct disks *disks, const char *path, size_t length) {
    char found[PATH_MAX];
    struct stat st;
    for (size_t i = 0; i < items_count(disks->items); i++) {
        struct item item = items_get(disks->items, i);
        if (is_of(&item, path, length))
            return disks->at[i].there && find_lowest(item.path, found, &st) &&
                   st.st_dev != disks->at[i].device;
    }
    return false;
}

static bool is_empty(const char *path) {
    DIR *directory = opendir(path);
    bool empty = directory != NULL;
    for (struct dirent *name = NULL; empty && (name = readdir(directory)) != NULL;)
        empty = strcmp(name->d_name, ".") == 0 || strcmp(name->d_name, "..") == 0;
    if (directory != NULL)
        closedir(directory);
    return empty;
}

bool disks_is_bare(const struct disks *disks, size_t index, uint64_t *device) {
    char found[PATH_MAX];
    struct stat st;
    if (!find_lowest(items_get(disks->items, index).path, found, &st) || !S_ISDIR(st.st_mode) ||
        !is_empty(found))
        return false;
    *device = (uint64_t)st.st_dev;
    return true;
}
