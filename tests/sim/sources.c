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

/* Bytes that differ from file to file, with blocks that are all the same in between. */
static void fill(struct inode *inode, uint64_t offset, size_t length) {
    static uint8_t data[65536];

    for (size_t i = 0; i < length; i += sizeof(uint64_t)) {
        uint64_t word = task_draw(UINT64_MAX);
        memcpy(data + i, &word, sizeof word);
    }
    disk_write(inode, data, length, offset);
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

/* One that is drawn of all regular files; *count of them were seen. */
static void choose(struct inode *directory, struct inode **parent, const char **chosen,
                   uint64_t *count) {
    struct inode *child = NULL;
    const char *name = NULL;

    for (size_t i = 0; (name = disk_name(directory, i, &child)) != NULL; i++) {
        if (S_ISDIR(disk_mode(child)))
            choose(child, parent, chosen, count);
        else if (S_ISREG(disk_mode(child)) && task_draw(++*count) == 0) {
            *parent = directory;
            *chosen = name;
        }
    }
}

void sources_meddle(struct order *order) {
    struct inode *parent = NULL;
    struct inode *inode = NULL;
    const char *name = NULL;
    uint64_t count = 0;

    choose(tree_find(disk_root(order->from->disk), order->directory), &parent, &name, &count);
    if (count == 0)
        return;
    inode = disk_find(parent, name);
    trace("somebody changes %s", name);
    if (task_chance(3))
        disk_unlink(parent, name, false);
    else if (task_chance(2))
        disk_truncate(inode, task_draw(disk_size(inode) + 1));
    else
        fill(inode, task_draw(disk_size(inode) + 1), 8 * (1 + (size_t)task_draw(4096)));
}
