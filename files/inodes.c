#include "files/inodes.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_ROOM 64u /* slots of a new table; rooms are powers of two */

struct slot {
    uint64_t inode;
    uint32_t entry;
    uint32_t left; /* names that have not been met; 0: the slot is free */
};

/* The files of one file system: open addressing, no gaps in the run that a file is looked for in.
 */
struct table {
    dev_t device;
    struct slot *slots; /* owned */
    size_t room;
    size_t used;
};

struct inodes {
    struct table *tables; /* owned */
    size_t count;
    size_t last; /* the table used last: a walk stays on a file system for long */
};

int inodes_new(struct inodes **out) {
    *out = calloc(1, sizeof(**out));
    return *out == NULL ? -ENOMEM : 0;
}

void inodes_free(struct inodes *inodes) {
    if (inodes == NULL)
        return;
    for (size_t i = 0; i < inodes->count; i++)
        free(inodes->tables[i].slots);
    free(inodes->tables);
    free(inodes);
}

static struct table *find_table(struct inodes *inodes, dev_t device) {
    if (inodes->last < inodes->count && inodes->tables[inodes->last].device == device)
        return &inodes->tables[inodes->last];
    for (size_t i = 0; i < inodes->count; i++) {
        if (inodes->tables[i].device == device) {
            inodes->last = i;
            return &inodes->tables[i];
        }
    }
    return NULL;
}

static struct table *add_table(struct inodes *inodes, dev_t device) {
    struct table *tables = reallocarray(inodes->tables, inodes->count + 1, sizeof(*tables));
    if (tables == NULL)
        return NULL;
    inodes->tables = tables;
    inodes->last = inodes->count++;
    tables[inodes->last] = (struct table){.device = device};
    return &tables[inodes->last];
}

/* Where the search for `inode` begins. Numbers of inodes come in runs; the multiplication (by 2^64
 * over the golden ratio) spreads them. */
static size_t home(const struct table *table, uint64_t inode) {
    return (size_t)(inode * 0x9E3779B97F4A7C15u >> 32) & (table->room - 1);
}

/* The slot of `inode`, or the free one where it would be. The table is never full. */
static size_t probe(const struct table *table, uint64_t inode) {
    size_t at = home(table, inode);
    while (table->slots[at].left != 0 && table->slots[at].inode != inode)
        at = (at + 1) & (table->room - 1);
    return at;
}

static int grow(struct table *table) {
    struct table larger = *table;
    larger.room = table->room == 0 ? FIRST_ROOM : table->room * 2;
    larger.slots = calloc(larger.room, sizeof(*larger.slots));
    if (larger.slots == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < table->room; i++)
        if (table->slots[i].left != 0)
            larger.slots[probe(&larger, table->slots[i].inode)] = table->slots[i];
    free(table->slots);
    table->slots = larger.slots;
    table->room = larger.room;
    return 0;
}

/* Frees slot `gap` and closes it: what comes behind, up to the next free slot, moves forward as far
 * as the place where its search begins allows. */
static void take_out(struct table *table, size_t gap) {
    size_t mask = table->room - 1;
    table->slots[gap].left = 0;
    table->used--;
    for (size_t at = (gap + 1) & mask; table->slots[at].left != 0; at = (at + 1) & mask) {
        size_t begin = home(table, table->slots[at].inode);
        if (((at - begin) & mask) < ((at - gap) & mask))
            continue;
        table->slots[gap] = table->slots[at];
        table->slots[at].left = 0;
        gap = at;
    }
}

bool inodes_find(struct inodes *inodes, const struct stat *st, uint32_t *entry) {
    struct table *table = st->st_nlink > 1 ? find_table(inodes, st->st_dev) : NULL;
    if (table == NULL)
        return false;
    size_t at = probe(table, st->st_ino);
    struct slot *slot = &table->slots[at];
    if (slot->left == 0)
        return false;
    *entry = slot->entry;
    if (--slot->left == 0)
        take_out(table, at);
    return true;
}

int inodes_add(struct inodes *inodes, const struct stat *st, uint32_t entry) {
    if (st->st_nlink < 2)
        return 0;
    struct table *table = find_table(inodes, st->st_dev);
    if (table == NULL)
        table = add_table(inodes, st->st_dev);
    if (table == NULL)
        return -ENOMEM;
    if (table->used >= table->room / 4 * 3) {
        int error = grow(table);
        if (error < 0)
            return error;
    }
    uint64_t left = (uint64_t)st->st_nlink - 1;
    table->slots[probe(table, st->st_ino)] = (struct slot){
        .inode = st->st_ino,
        .entry = entry,
        .left = left < UINT32_MAX ? (uint32_t)left : UINT32_MAX,
    };
    table->used++;
    return 0;
}

size_t inodes_waiting(const struct inodes *inodes) {
    size_t waiting = 0;
    for (size_t i = 0; i < inodes->count; i++)
        waiting += inodes->tables[i].used;
    return waiting;
}
