#include "tests/sim/watch_disk.h"

#include "base/entry.h"
#include "base/limits.h"
#include "tests/sim/tree.h"
#include "tests/sim/watch.h"

#include <stdio.h>
#include <string.h>

static struct inode *files_of(const struct machine *machine) {
    return tree_find(disk_root(machine->disk), "files");
}

static struct inode *sources_of(const struct order *order) {
    return tree_find(disk_root(order->from->disk), order->directory);
}

/* ---- names: "a (2).b" is one that "a.b" has where that was taken ---- */

static bool is_variant(const char *name, const char *plain) {
    const char *mark = strstr(name, " (");
    const char *rest = mark == NULL ? NULL : strchr(mark, ')');

    if (strcmp(name, plain) == 0)
        return true;
    return rest != NULL && strncmp(name, plain, (size_t)(mark - name)) == 0 &&
           strcmp(rest + 1, plain + (mark - name)) == 0;
}

/* The one in a directory that has the name, or one for it. */
static struct inode *find_plain(struct inode *directory, const char *name) {
    struct inode *child = NULL;
    const char *plain = NULL;

    for (size_t i = 0; (plain = disk_name(directory, i, &child)) != NULL; i++)
        if (is_variant(name, plain))
            return child;
    return NULL;
}

/* The item that a top-level final name belongs to, and whose it is. */
static struct inode *find_item(const struct machine *machine, const char *name,
                               const struct order **order) {
    for (size_t i = 0; i < order_count(); i++) {
        struct inode *item = NULL;
        *order = &order_list()[i];
        if ((*order)->to == machine)
            item = find_plain((*order)->originals, name);
        if (item != NULL)
            return item;
    }
    *order = NULL;
    return NULL;
}

/* ---- whether it is what was sent ---- */

static bool has_content(struct inode *original, struct inode *now) {
    struct stat a;
    struct stat b;

    disk_stat(original, &a);
    disk_stat(now, &b);
    if ((a.st_mode & S_IFMT) != (b.st_mode & S_IFMT))
        return false;
    if (S_ISLNK(a.st_mode))
        return strcmp(disk_target(original), disk_target(now)) == 0;
    return a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
           a.st_mtim.tv_nsec == b.st_mtim.tv_nsec &&
           tree_same_bytes(original, now, 0, (uint64_t)a.st_size);
}

/* Whether all of the original is there, under its names or others. */
static bool contains(struct inode *original, struct inode *now);

static bool contains_child(const char *name, struct inode *child, struct inode *directory) {
    struct inode *there = NULL;
    const char *as = NULL;

    for (size_t i = 0; (as = disk_name(directory, i, &there)) != NULL; i++)
        if (is_variant(as, name) && contains(child, there))
            return true;
    return false;
}

static bool contains(struct inode *original, struct inode *now) {
    struct inode *child = NULL;
    const char *name = NULL;

    if (!S_ISDIR(disk_mode(original)))
        return has_content(original, now);
    if (!S_ISDIR(disk_mode(now)))
        return false;
    for (size_t i = 0; (name = disk_name(original, i, &child)) != NULL; i++)
        if (!contains_child(name, child, now))
            return false;
    return true;
}

/* ---- what is under final names ---- */

/* What was there before; `original` is what comes under this name, or NULL. */
static void check_before(const struct machine *machine, const char *name, struct inode *before,
                         struct inode *now, struct inode *original);

static void check_new(const struct order *order, const char *name, struct inode *original,
                      struct inode *now) {
    if (original == NULL)
        watch_fail("%s was not sent", name);
    else if (order == NULL ? !contains(original, now)
                           : !order->meddles && !tree_same(original, now))
        watch_fail("%s is not whole", name);
}

static void check_directory(const struct machine *machine, struct inode *before, struct inode *now,
                            struct inode *original) {
    struct inode *child = NULL;
    const char *name = NULL;
    bool merges =
        machine->exists != MACHINE_RENAME && original != NULL && S_ISDIR(disk_mode(original));

    for (size_t i = 0; (name = disk_name(before, i, &child)) != NULL; i++)
        check_before(machine, name, child, disk_find(now, name),
                     merges ? disk_find(original, name) : NULL);
    for (size_t i = 0; (name = disk_name(now, i, &child)) != NULL; i++)
        if (disk_find(before, name) == NULL)
            check_new(NULL, name, merges ? find_plain(original, name) : NULL, child);
}

static void check_before(const struct machine *machine, const char *name, struct inode *before,
                         struct inode *now, struct inode *original) {
    bool replaces = machine->exists == MACHINE_OVERWRITE && original != NULL;

    if (now == NULL)
        watch_fail("%s was there before and is gone", name);
    else if (S_ISDIR(disk_mode(before)) && S_ISDIR(disk_mode(now)))
        check_directory(machine, before, now, original);
    else if (!has_content(before, now) && !(replaces && has_content(original, now)))
        watch_fail("%s was there before and is another now", name);
}

/* How often an item is there under a name that is new. */
static unsigned count_new(const struct machine *machine, const struct inode *item) {
    struct inode *files = files_of(machine);
    const struct order *order = NULL;
    struct inode *child = NULL;
    const char *name = NULL;
    unsigned count = 0;

    for (size_t i = 0; (name = disk_name(files, i, &child)) != NULL; i++)
        count +=
            disk_find(machine->before, name) == NULL && find_item(machine, name, &order) == item;
    return count;
}

static void check_item(const struct order *order, const char *name, struct inode *item) {
    unsigned count = count_new(order->to, item);
    bool merges = order->to->exists != MACHINE_RENAME;

    if (count > 1)
        watch_fail("%s arrived %u times", name, count);
    if (!order->placed || order->meddles)
        return;
    if (!merges && count == 0)
        watch_fail("%s was delivered and is not there", name);
    if (merges && !contains_child(name, item, files_of(order->to)))
        watch_fail("%s was delivered and is not all there", name);
}

static void check_orders(const struct machine *machine) {
    for (size_t i = 0; i < order_count(); i++) {
        const struct order *order = &order_list()[i];
        struct inode *item = NULL;
        const char *name = NULL;

        for (size_t j = 0;
             order->to == machine && (name = disk_name(order->originals, j, &item)) != NULL; j++)
            check_item(order, name, item);
    }
}

void watch_disk_final(const struct machine *machine) {
    struct inode *files = files_of(machine);
    const struct order *order = NULL;
    struct inode *child = NULL;
    const char *name = NULL;

    for (size_t i = 0; (name = disk_name(files, i, &child)) != NULL; i++) {
        struct inode *item = NULL;
        if (strcmp(name, ".fxnode") == 0 || disk_find(machine->before, name) != NULL)
            continue;
        item = find_item(machine, name, &order);
        check_new(order, name, item, child);
    }
    for (size_t i = 0; (name = disk_name(machine->before, i, &child)) != NULL; i++) {
        struct inode *item = find_item(machine, name, &order);
        if (order == NULL || !order->meddles)
            check_before(machine, name, child, disk_find(files, name), item);
    }
    check_orders(machine);
}

/* ---- what is still to be sent ---- */

static bool has_all(struct inode *original, struct inode *now) {
    struct inode *child = NULL;
    const char *name = NULL;

    if (now == NULL)
        return false;
    for (size_t i = 0; (name = disk_name(original, i, &child)) != NULL; i++)
        if (!has_all(child, disk_find(now, name)))
            return false;
    return true;
}

void watch_disk_sources(const struct machine *machine) {
    for (size_t i = 0; i < order_count(); i++) {
        const struct order *order = &order_list()[i];
        if (order->from == machine && !order->meddles && !(order->moves && order->placed) &&
            !has_all(order->originals, sources_of(order)))
            watch_fail("what is sent from %s is removed before it is delivered", order->directory);
    }
}

bool watch_disk_has_moved(const struct order *order) {
    struct inode *child = NULL;
    struct inode *sources = sources_of(order);

    return sources == NULL || disk_name(sources, 0, &child) == NULL;
}

/* ---- what was said to be durable ---- */

static bool has_bytes(struct inode *directory, const char *path, struct inode *original,
                      uint64_t offset, uint64_t length) {
    size_t part = strcspn(path, "/");
    struct inode *child = NULL;
    const char *name = NULL;
    char plain[256];

    snprintf(plain, sizeof plain, "%.*s", (int)part, path);
    for (size_t i = 0; (name = disk_name(directory, i, &child)) != NULL; i++) {
        if (!is_variant(name, plain))
            continue;
        if (path[part] == '\0'
                ? S_ISREG(disk_mode(child)) && tree_same_bytes(original, child, offset, length)
                : S_ISDIR(disk_mode(child)) &&
                      has_bytes(child, path + part + 1, original, offset, length))
            return true;
    }
    return false;
}

static bool is_durable(const struct order *order, const struct listed *listed, uint64_t unit) {
    uint64_t offset = (unit - listed->first_unit) * LIMIT_CHUNK;
    uint64_t length = entry_chunk_size(listed->size, unit - listed->first_unit);
    struct inode *original = tree_find(order->originals, listed->path);
    struct inode *area = disk_find(files_of(order->to), ".fxnode");
    struct inode *child = NULL;

    for (size_t i = 0; area != NULL && disk_name(area, i, &child) != NULL; i++) {
        struct inode *staged = tree_find(tree_find(child, "tree"), listed->path);
        if (staged != NULL && tree_same_bytes(original, staged, offset, length))
            return true;
    }
    return has_bytes(files_of(order->to), listed->path, original, offset, length);
}

void watch_disk_durable(const struct order *order) {
    for (size_t i = 0; i < order->listed_count; i++) {
        const struct listed *listed = &order->listed[i];
        for (uint64_t unit = listed->first_unit; unit < listed->first_unit + listed->units; unit++)
            if (order->durable[unit] && !is_durable(order, listed, unit))
                watch_fail("%s: unit %llu was said to be durable and is not on the disk",
                           listed->path, (unsigned long long)unit);
    }
}
