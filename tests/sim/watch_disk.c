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

/* ---- what is sent ---- */

/* As it was and as it is since somebody meddled: the same twice where nobody did, or not with this.
 * `was` is NULL where nothing is sent, `is` where it was removed. Nobody adds anything. */
struct sent {
    struct inode *was;
    struct inode *is;
};

static struct sent all_of(const struct order *order) {
    return (struct sent){order->originals,
                         order->meddled != NULL ? order->meddled : order->originals};
}

static struct sent child_of(struct sent sent, const char *name) {
    return (struct sent){disk_find(sent.was, name),
                         sent.is == NULL ? NULL : disk_find(sent.is, name)};
}

/* What comes under this name, or has one for it. */
static struct sent find_plain(struct sent sent, const char *name) {
    struct inode *child = NULL;
    const char *plain = NULL;

    for (size_t i = 0; (plain = disk_name(sent.was, i, &child)) != NULL; i++)
        if (is_variant(name, plain))
            return child_of(sent, plain);
    return (struct sent){NULL, NULL};
}

/* The item that a top-level final name belongs to. */
static struct sent find_item(const struct machine *machine, const char *name) {
    for (size_t i = 0; i < order_count(); i++) {
        const struct order *order = &order_list()[i];
        struct sent item = {NULL, NULL};
        if (order->to == machine)
            item = find_plain(all_of(order), name);
        if (item.was != NULL)
            return item;
    }
    return (struct sent){NULL, NULL};
}

static bool is_changed(struct sent sent) {
    return sent.was != sent.is && (sent.is == NULL || !tree_same(sent.was, sent.is));
}

/* A file that changes while it is sent need not arrive. */
static bool may_lack(struct sent sent) {
    return !S_ISDIR(disk_mode(sent.was)) && is_changed(sent);
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

static bool has_content_of(struct sent sent, struct inode *now) {
    return has_content(sent.was, now) || (sent.is != NULL && has_content(sent.is, now));
}

/* Whether all of it is there, under its names or others. */
static bool contains(struct sent sent, struct inode *now);

static bool contains_child(const char *name, struct sent child, struct inode *directory) {
    struct inode *there = NULL;
    const char *as = NULL;

    for (size_t i = 0; (as = disk_name(directory, i, &there)) != NULL; i++)
        if (is_variant(as, name) && contains(child, there))
            return true;
    return may_lack(child);
}

static bool contains(struct sent sent, struct inode *now) {
    struct inode *child = NULL;
    const char *name = NULL;

    if (!S_ISDIR(disk_mode(sent.was)))
        return has_content_of(sent, now);
    if (!S_ISDIR(disk_mode(now)))
        return false;
    for (size_t i = 0; (name = disk_name(sent.was, i, &child)) != NULL; i++)
        if (!contains_child(name, child_of(sent, name), now))
            return false;
    return true;
}

/* Whether it is there under its own names, and nothing else with it. */
static bool is_as_sent(struct sent sent, struct inode *now) {
    struct inode *child = NULL;
    const char *name = NULL;

    if (!is_changed(sent))
        return tree_same(sent.was, now);
    if (!S_ISDIR(disk_mode(sent.was)))
        return disk_mode(sent.was) == disk_mode(now) && has_content_of(sent, now);
    if (!S_ISDIR(disk_mode(now)))
        return false;
    for (size_t i = 0; (name = disk_name(sent.was, i, &child)) != NULL; i++) {
        struct sent part = child_of(sent, name);
        struct inode *there = disk_find(now, name);
        if (there == NULL ? !may_lack(part) : !is_as_sent(part, there))
            return false;
    }
    for (size_t i = 0; (name = disk_name(now, i, &child)) != NULL; i++)
        if (disk_find(sent.was, name) == NULL)
            return false;
    return true;
}

/* ---- what is under final names ---- */

static void check_directory(const struct machine *machine, struct inode *before, struct inode *now,
                            struct sent sent);

/* What was there before; `sent` is what comes under this name. */
static void check_before(const struct machine *machine, const char *name, struct inode *before,
                         struct inode *now, struct sent sent) {
    bool replaces = machine->exists == MACHINE_OVERWRITE && sent.was != NULL;

    if (now == NULL)
        watch_fail("%s was there before and is gone", name);
    else if (S_ISDIR(disk_mode(before)) && S_ISDIR(disk_mode(now)))
        check_directory(machine, before, now, sent);
    else if (!has_content(before, now) && !(replaces && has_content_of(sent, now)))
        watch_fail("%s was there before and is another now", name);
}

static void check_directory(const struct machine *machine, struct inode *before, struct inode *now,
                            struct sent sent) {
    struct inode *child = NULL;
    const char *name = NULL;
    bool merges =
        machine->exists != MACHINE_RENAME && sent.was != NULL && S_ISDIR(disk_mode(sent.was));
    struct sent none = {NULL, NULL};

    for (size_t i = 0; (name = disk_name(before, i, &child)) != NULL; i++)
        check_before(machine, name, child, disk_find(now, name),
                     merges ? child_of(sent, name) : none);
    for (size_t i = 0; (name = disk_name(now, i, &child)) != NULL; i++) {
        struct sent part = merges ? find_plain(sent, name) : none;
        if (disk_find(before, name) != NULL)
            continue;
        if (part.was == NULL)
            watch_fail("%s was not sent", name);
        else if (!contains(part, child))
            watch_fail("%s is not whole", name);
    }
}

static void check_new(const char *name, struct sent sent, struct inode *now) {
    if (sent.was == NULL)
        watch_fail("%s was not sent", name);
    else if (!is_as_sent(sent, now))
        watch_fail("%s is not whole", name);
}

/* How often an item is there under a name that is new. */
static unsigned count_new(const struct machine *machine, const struct inode *item) {
    struct inode *files = files_of(machine);
    struct inode *child = NULL;
    const char *name = NULL;
    unsigned count = 0;

    for (size_t i = 0; (name = disk_name(files, i, &child)) != NULL; i++)
        count += disk_find(machine->before, name) == NULL && find_item(machine, name).was == item;
    return count;
}

static void check_item(const struct order *order, const char *name) {
    struct sent item = child_of(all_of(order), name);
    unsigned count = count_new(order->to, item.was);
    bool merges = order->to->exists != MACHINE_RENAME;

    if (count > 1)
        watch_fail("%s arrived %u times", name, count);
    if (!order->placed)
        return;
    if (!merges && count == 0 && !may_lack(item))
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
            check_item(order, name);
    }
}

void watch_disk_final(const struct machine *machine) {
    struct inode *files = files_of(machine);
    struct inode *child = NULL;
    const char *name = NULL;

    for (size_t i = 0; (name = disk_name(files, i, &child)) != NULL; i++)
        if (strcmp(name, ".fxnode") != 0 && disk_find(machine->before, name) == NULL)
            check_new(name, find_item(machine, name), child);
    for (size_t i = 0; (name = disk_name(machine->before, i, &child)) != NULL; i++)
        check_before(machine, name, child, disk_find(files, name), find_item(machine, name));
    check_orders(machine);
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

/* ---- what is still to be sent, or was removed ---- */

/* What nobody else has removed is there, or at the receiver as it was when it went. */
static void check_source(const struct order *order, const char *path, struct inode *was,
                         struct inode *now) {
    struct inode *child = NULL;
    const char *name = NULL;
    char below[256];

    if (now == NULL && !(order->moves && order->placed))
        watch_fail("%s is removed before it is delivered", path);
    for (size_t i = 0; (name = disk_name(was, i, &child)) != NULL; i++) {
        snprintf(below, sizeof below, "%s%s%s", path, *path == '\0' ? "" : "/", name);
        check_source(order, below, child, now == NULL ? NULL : disk_find(now, name));
    }
    if (now == NULL && S_ISREG(disk_mode(was)) &&
        !has_bytes(files_of(order->to), path, was, 0, disk_size(was)))
        watch_fail("%s is removed, and was not delivered as it was", path);
}

void watch_disk_sources(const struct machine *machine) {
    for (size_t i = 0; i < order_count(); i++) {
        const struct order *order = &order_list()[i];
        if (order->from == machine)
            check_source(order, "", all_of(order).is, sources_of(order));
    }
}

bool watch_disk_has_moved(const struct order *order) {
    struct inode *child = NULL;
    struct inode *sources = sources_of(order);

    return sources == NULL || disk_name(sources, 0, &child) == NULL;
}
