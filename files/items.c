#include "files/items.h"

#include "base/escape.h"
#include "base/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 384 /* room for a path in a message */

struct items {
    struct item *list; /* sorted by name; paths are owned, names point into them */
    size_t count;
};

void items_free(struct items *items) {
    if (items == NULL)
        return;
    for (size_t i = 0; i < items->count; i++)
        free((char *)items->list[i].path);
    free(items->list);
    free(items);
}

/* A copy without trailing slashes; where that ends in "." or "..", the directory it stands for. */
static int clean_path(char **out, const char *path) {
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    char *copy = strndup(path, length);
    if (copy == NULL)
        return -ENOMEM;
    const char *name = strrchr(copy, '/') + 1;
    if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
        *out = copy;
        return 0;
    }
    *out = realpath(copy, NULL);
    int error = *out == NULL ? -errno : 0;
    free(copy);
    return error;
}

static int add(struct items *items, const char *path, struct fail *fail) {
    char shown[SHOWN];
    escape_text(shown, sizeof(shown), path);
    if (path[0] != '/')
        return fail_set(fail, 0, "%s is not an absolute path", shown);
    char *clean = NULL;
    int error = clean_path(&clean, path);
    if (error < 0)
        return fail_set(fail, error, "cannot send %s", shown);
    struct item *item = &items->list[items->count++];
    item->path = clean;
    item->name = strrchr(clean, '/') + 1;
    item->name_length = strlen(item->name);
    if (item->name_length == 0)
        return fail_set(fail, 0, "cannot send %s: it has no name of its own", shown);
    const char *fault = path_fault(item->name, item->name_length);
    if (fault != NULL)
        return fail_set(fail, 0, "cannot send %s: its name has %s", shown, fault);
    return 0;
}

static int by_name(const void *a, const void *b) {
    const struct item *left = a;
    const struct item *right = b;
    return strcmp(left->name, right->name);
}

static int refuse_twins(const struct items *items, struct fail *fail) {
    for (size_t i = 1; i < items->count; i++) {
        if (strcmp(items->list[i - 1].name, items->list[i].name) != 0)
            continue;
        char first[SHOWN / 2];
        char second[SHOWN / 2];
        return fail_set(fail, 0, "%s and %s have the same name; send them one after the other",
                        escape_text(first, sizeof(first), items->list[i - 1].path),
                        escape_text(second, sizeof(second), items->list[i].path));
    }
    return 0;
}

int items_new(struct items **out, const char *const *paths, size_t count, struct fail *fail) {
    if (count == 0)
        return fail_set(fail, 0, "there is nothing to send");
    struct items *items = calloc(1, sizeof(*items));
    if (items != NULL)
        items->list = calloc(count, sizeof(*items->list));
    if (items == NULL || items->list == NULL) {
        items_free(items);
        return fail_set(fail, -ENOMEM, "cannot list what is to be sent");
    }
    int error = 0;
    for (size_t i = 0; error == 0 && i < count; i++)
        error = add(items, paths[i], fail);
    if (error == 0) {
        qsort(items->list, items->count, sizeof(*items->list), by_name);
        error = refuse_twins(items, fail);
    }
    if (error < 0)
        items_free(items);
    else
        *out = items;
    return error;
}

size_t items_count(const struct items *items) {
    return items->count;
}

struct item items_get(const struct items *items, size_t index) {
    return items->list[index];
}

struct item items_find(const struct items *items, const char *path, size_t length) {
    size_t top = path_top(path, length);
    size_t low = 0;
    size_t high = items->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct item *item = &items->list[middle];
        int order = path_compare(item->name, item->name_length, path, top);
        if (order == 0)
            return *item;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return (struct item){0};
}
