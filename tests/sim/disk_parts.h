/* The disk from within: for disk.c, disk_data.c and disk_cut.c only. */
#ifndef TESTS_SIM_DISK_PARTS_H
#define TESTS_SIM_DISK_PARTS_H

#include "tests/sim/disk.h"

#define DISK_PAGE 4096u
#define DISK_SECTOR 512u

struct disk_page {
    uint8_t *now; /* NULL: zeros */
    uint8_t *was; /* what was flushed, where `changed` */
    bool changed;
};

struct disk_entry {
    char *name;
    struct inode *inode;
};

struct disk_names {
    struct disk_entry *entries;
    size_t count;
    size_t room;
};

struct disk_meta {
    uint64_t size;
    mode_t mode;
    struct timespec mtime;
};

struct inode {
    struct inode *next; /* of all of the disk */
    struct disk *disk;
    struct inode *parent; /* of a directory */
    uint64_t number;
    uint64_t changed_at; /* ctime in ns */
    uint64_t kept_at;    /* that when it was flushed */
    unsigned links;      /* names */
    unsigned holds;
    bool gone;
    char *target;
    struct disk_meta now;
    struct disk_meta kept; /* what was flushed */
    struct disk_names names;
    struct disk_names kept_names;
    struct disk_page *pages;
    size_t page_count;
};

/* A change of names that is not flushed: one or two of them. `inode` NULL: the name goes. */
struct disk_edit {
    struct inode *directory;
    char *name;
    struct inode *inode;
};

struct disk_change {
    struct disk_change *next;
    struct disk_edit edits[2];
    size_t count;
    bool marked;
};

struct disk {
    struct inode *inodes;
    struct inode *root;
    struct disk_change *changes; /* oldest first */
    struct disk_change **last;
    uint8_t *free_pages;
    uint64_t device;
    uint64_t moves; /* so often that was another number */
    uint64_t numbers;
    uint64_t changed; /* names, so many times */
    uint64_t *free_numbers;
    size_t free_count;
    size_t free_room;
};

struct disk_entry *disk_names_find(const struct disk_names *names, const char *name);
/* Sets, replaces or (NULL) removes. */
void disk_names_set(struct disk_names *names, const char *name, struct inode *inode);

/* Makes a change part of what is flushed. */
void disk_keep_change(const struct disk_change *change);

uint8_t *disk_page_new(struct disk *disk);
void disk_page_free(struct disk *disk, uint8_t *page);
/* Gives up content and number of one that nothing refers to. */
void disk_forget(struct inode *inode);

#endif
