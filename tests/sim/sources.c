#include "tests/sim/sources.h"

#include "tests/sim/memory.h"
#include "tests/sim/task.h"
#include "tests/sim/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB (1u << 20)
#define ITEMS 3
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

void sources_make(struct disk *from, struct disk *to, struct client_order *order) {
    static const char *const names[ITEMS] = {"one.txt", "tree", "two"};
    struct inode *sources = tree_make(from, "src");
    unsigned which = 1 + (unsigned)task_draw((1u << ITEMS) - 1);

    for (unsigned i = 0; i < ITEMS; i++) {
        char path[32];

        if ((which & (1u << i)) == 0)
            continue;
        if (i == 1)
            make_directory(sources, names[i], 0);
        else
            make_file(sources, names[i]);
        snprintf(path, sizeof path, "/src/%s", names[i]);
        order->paths[order->count++] = memory_lasting_name(path);
        if (task_chance(5))
            tree_write(to, "files", names[i], "somebody else's");
    }
}
