#include "tests/sim/sources.h"

#include "tests/sim/machine.h"
#include "tests/sim/memory.h"
#include "tests/sim/task.h"
#include "tests/sim/trace.h"
#include "tests/sim/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB (1u << 20)
#define CHILDREN 5

static uint8_t drawn[65536];

/* Fills `drawn` so far, to a multiple of 8; the length. */
static size_t draw_bytes(size_t length) {
    for (size_t i = 0; i < length; i += sizeof(uint64_t)) {
        uint64_t word = task_draw(UINT64_MAX);
        memcpy(drawn + i, &word, sizeof word);
    }
    return length;
}

static void fill(struct inode *inode, uint64_t offset, size_t length) {
    disk_write(inode, drawn, draw_bytes(length), offset);
}

/* Most of it is holes, so that it has several chunks and costs little. */
static void make_large(struct inode *inode) {
    uint64_t size = MIB + task_draw(3 * MIB);

    disk_truncate(inode, size);
    for (uint64_t at = task_draw(MIB / 2); at + 65536 < size; at += MIB / 2 + task_draw(MIB))
        fill(inode, at, 8 * (1 + (size_t)task_draw(4096)));
}

static struct inode *make_file(struct inode *directory, const char *name) {
    struct inode *inode = NULL;

    if (disk_create(&inode, directory, name, S_IFREG | (task_chance(2) ? 0644 : 0755), NULL) < 0)
        abort();
    switch (task_draw(6)) {
    case 0:
        break;
    case 1:
        make_large(inode);
        break;
    case 2:
        fill(inode, 0, 8 * (1 + (size_t)task_draw(8000)));
        break;
    default:
        fill(inode, 0, 8 * (1 + (size_t)task_draw(200)));
    }
    return inode;
}

static void make_directory(struct inode *parent, const char *name, unsigned depth) {
    struct inode *directory = NULL;
    struct inode *file = NULL;
    unsigned count = (unsigned)task_draw(CHILDREN);

    if (disk_create(&directory, parent, name, S_IFDIR | 0755, NULL) < 0)
        abort();
    for (unsigned i = 0; i < count; i++) {
        char child[16];
        struct inode *link = NULL;

        snprintf(child, sizeof child, "%c%u", 'a' + (char)task_draw(20), i);
        if (depth < 2 && task_chance(4))
            make_directory(directory, child, depth + 1);
        else if (task_chance(8))
            disk_create(&link, directory, child, S_IFLNK | 0777, "elsewhere");
        else if (file != NULL && task_chance(4))
            disk_link(directory, child, file);
        else
            file = make_file(directory, child);
    }
}

/* ---- names that are taken ---- */

static void spoil(struct inode *parent, const char *name);

static void spoil_all(struct inode *directory) {
    char names[ORDER_FILES][16];
    struct inode *child = NULL;
    const char *name = NULL;
    size_t count = 0;

    for (; count < ORDER_FILES && (name = disk_name(directory, count, &child)) != NULL; count++)
        snprintf(names[count], sizeof names[count], "%s", name);
    for (size_t i = 0; i < count; i++)
        spoil(directory, names[i]);
}

/* Some files of it are gone, others not as they were. */
static void spoil(struct inode *parent, const char *name) {
    struct inode *inode = disk_find(parent, name);

    if (S_ISDIR(disk_mode(inode)))
        spoil_all(inode);
    else if (task_chance(3))
        disk_unlink(parent, name, false);
    else if (S_ISREG(disk_mode(inode)) && task_chance(2)) {
        fill(inode, 0, 8 * (1 + (size_t)task_draw(40)));
        disk_set_times(inode, (struct timespec[2]){{0}, {.tv_sec = 1500000000}});
    }
}

static void occupy(const struct order *order, const char *name) {
    struct inode *files = tree_make(order->to->disk, "files");

    if (task_chance(2)) {
        tree_write(order->to->disk, "files", name, "somebody else's");
        return;
    }
    tree_copy(order->originals, name, files);
    if (task_chance(2))
        spoil(files, name);
}

void sources_make(struct order *order, unsigned index, struct disk *aside) {
    static const char *const names[ORDER_ITEMS] = {"one", "tree", "two"};
    static const char *const ends[ORDER_ITEMS] = {".txt", "", ""};
    unsigned which = 1 + (unsigned)task_draw((1u << ORDER_ITEMS) - 1);

    snprintf(order->directory, sizeof order->directory, "src%u", index);
    order->originals = tree_make(aside, order->directory);
    for (unsigned i = 0; i < ORDER_ITEMS; i++) {
        char name[16];
        char path[48];

        if ((which & (1u << i)) == 0)
            continue;
        snprintf(name, sizeof name, "%s%u%s", names[i], index, ends[i]);
        if (i == 1)
            make_directory(order->originals, name, 0);
        else
            make_file(order->originals, name);
        tree_copy(order->originals, name, tree_make(order->from->disk, order->directory));
        snprintf(path, sizeof path, "/%s/%s", order->directory, name);
        order->paths[order->count++] = memory_lasting_name(path);
        if (task_chance(4))
            occupy(order, name);
    }
}

/* ---- what changes meanwhile ---- */

/* A file, and what is done to it. */
struct change {
    char path[256];
    enum { CHANGE_REMOVE, CHANGE_TRUNCATE, CHANGE_WRITE } kind;
    uint64_t at;
    size_t length;
};

/* One that is drawn of all regular files; *count of them were seen. */
static void choose(struct inode *directory, const char *path, struct change *change,
                   uint64_t *count) {
    struct inode *child = NULL;
    const char *name = NULL;

    for (size_t i = 0; (name = disk_name(directory, i, &child)) != NULL; i++) {
        char below[sizeof change->path];

        snprintf(below, sizeof below, "%s%s%s", path, *path == '\0' ? "" : "/", name);
        if (S_ISDIR(disk_mode(child)))
            choose(child, below, change, count);
        else if (S_ISREG(disk_mode(child)) && task_draw(++*count) == 0)
            memcpy(change->path, below, sizeof below);
    }
}

static void draw_change(struct change *change, uint64_t size) {
    change->at = task_draw(size + 1);
    if (task_chance(3)) {
        change->kind = CHANGE_REMOVE;
    } else if (task_chance(2)) {
        change->kind = CHANGE_TRUNCATE;
    } else {
        change->kind = CHANGE_WRITE;
        change->length = draw_bytes(8 * (1 + (size_t)task_draw(4096)));
    }
}

/* Durably, so that a power cut leaves no third version. */
static void apply(const struct change *change, struct inode *root) {
    const char *slash = strrchr(change->path, '/');
    const char *name = slash == NULL ? change->path : slash + 1;
    char above[sizeof change->path];
    struct inode *parent = NULL;
    struct inode *inode = tree_find(root, change->path);

    snprintf(above, sizeof above, "%.*s", (int)(slash == NULL ? 0 : slash - change->path),
             change->path);
    parent = tree_find(root, above);
    if (change->kind == CHANGE_REMOVE)
        disk_unlink(parent, name, false);
    else if (change->kind == CHANGE_TRUNCATE)
        disk_truncate(inode, change->at);
    else
        disk_write(inode, drawn, change->length, change->at);
    disk_sync(change->kind == CHANGE_REMOVE ? parent : inode);
}

void sources_meddle(struct order *order, struct disk *aside) {
    struct inode *sources = tree_find(disk_root(order->from->disk), order->directory);
    struct change change = {.kind = CHANGE_REMOVE};
    char name[32];
    uint64_t count = 0;

    choose(sources, "", &change, &count);
    if (count == 0)
        return;
    draw_change(&change, disk_size(tree_find(sources, change.path)));
    trace("somebody changes %s", change.path);
    snprintf(name, sizeof name, "%s-meddled", order->directory);
    order->meddled = tree_make(aside, name);
    tree_copy_all(order->originals, order->meddled);
    apply(&change, sources);
    apply(&change, order->meddled);
}
