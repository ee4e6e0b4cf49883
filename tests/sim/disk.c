#include "tests/sim/disk_parts.h"

#include "tests/sim/memory.h"
#include "tests/sim/task.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define EPOCH_S 1800000000

/* ---- names ---- */

struct disk_entry *disk_names_find(const struct disk_names *names, const char *name) {
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->entries[i].name, name) == 0)
            return &names->entries[i];
    return NULL;
}

static void make_room(struct disk_names *names) {
    struct disk_entry *entries = NULL;

    if (names->count < names->room)
        return;
    names->room = names->room == 0 ? 8 : 2 * names->room;
    entries = memory_lasting(names->room * sizeof *entries);
    if (names->count > 0)
        memcpy(entries, names->entries, names->count * sizeof *entries);
    names->entries = entries;
}

void disk_names_set(struct disk_names *names, const char *name, struct inode *inode) {
    struct disk_entry *entry = disk_names_find(names, name);

    if (entry != NULL && inode == NULL) {
        size_t at = (size_t)(entry - names->entries);
        memmove(entry, entry + 1, (names->count - at - 1) * sizeof *entry);
        names->count--;
    } else if (entry != NULL) {
        entry->inode = inode;
    } else if (inode != NULL) {
        make_room(names);
        names->entries[names->count++] = (struct disk_entry){memory_lasting_name(name), inode};
    }
}

void disk_keep_change(const struct disk_change *change) {
    for (size_t i = 0; i < change->count; i++) {
        const struct disk_edit *edit = &change->edits[i];
        disk_names_set(&edit->directory->kept_names, edit->name, edit->inode);
    }
}

static struct disk_change *add_change(struct disk *disk) {
    struct disk_change *change = memory_lasting(sizeof *change);

    *disk->last = change;
    disk->last = &change->next;
    return change;
}

static void touch(struct inode *inode) {
    inode->changed_at = task_clock();
}

/* Changes the name now, and notes it for the next flush. */
static void edit(struct disk_change *change, struct inode *directory, const char *name,
                 struct inode *inode) {
    change->edits[change->count++] =
        (struct disk_edit){directory, memory_lasting_name(name), inode};
    disk_names_set(&directory->names, name, inode);
    directory->disk->changed++;
    touch(directory);
}

/* ---- inodes ---- */

/* Numbers are used again, as file systems do. */
static uint64_t take_number(struct disk *disk) {
    if (disk->free_count > 0 && task_chance(2))
        return disk->free_numbers[--disk->free_count];
    return ++disk->numbers;
}

static struct inode *make(struct disk *disk, mode_t mode) {
    struct inode *inode = memory_lasting(sizeof *inode);

    inode->disk = disk;
    inode->number = take_number(disk);
    inode->now.mode = mode;
    inode->now.mtime.tv_sec = EPOCH_S + (time_t)(task_clock() / 1000000000);
    inode->now.mtime.tv_nsec = (long)(task_clock() % 1000000000);
    inode->kept = inode->now;
    inode->next = disk->inodes;
    disk->inodes = inode;
    touch(inode);
    inode->kept_at = inode->changed_at;
    return inode;
}

struct disk *disk_new(void) {
    struct disk *disk = memory_lasting(sizeof *disk);

    disk->last = &disk->changes;
    disk->numbers = 1;
    disk->device = 40 + task_draw(8);
    disk->root = make(disk, S_IFDIR | 0755);
    disk->root->parent = disk->root;
    disk->root->links = 1;
    return disk;
}

struct inode *disk_root(struct disk *disk) {
    return disk->root;
}

struct disk *disk_of(const struct inode *inode) {
    return inode->disk;
}

struct inode *disk_find(struct inode *directory, const char *name) {
    struct disk_entry *entry = NULL;

    if (strcmp(name, ".") == 0)
        return directory;
    if (strcmp(name, "..") == 0)
        return directory->parent;
    entry = disk_names_find(&directory->names, name);
    return entry == NULL ? NULL : entry->inode;
}

const char *disk_name(const struct inode *directory, size_t at, struct inode **inode) {
    if (at >= directory->names.count)
        return NULL;
    *inode = directory->names.entries[at].inode;
    return directory->names.entries[at].name;
}

void disk_hold(struct inode *inode) {
    inode->holds++;
}

static void lose_name(struct inode *inode) {
    inode->links--;
    touch(inode);
}

void disk_let_go(struct inode *inode) {
    inode->holds--;
}

int disk_create(struct inode **out, struct inode *directory, const char *name, mode_t mode,
                const char *target) {
    struct inode *inode = NULL;

    if (disk_find(directory, name) != NULL)
        return -EEXIST;
    if (directory->links == 0)
        return -ENOENT;
    inode = make(directory->disk, mode);
    inode->parent = directory;
    inode->links = 1;
    inode->target = target == NULL ? NULL : memory_lasting_name(target);
    if (target != NULL)
        inode->now.size = inode->kept.size = strlen(target);
    edit(add_change(directory->disk), directory, name, inode);
    *out = inode;
    return 0;
}

struct inode *disk_create_nameless(struct disk *disk) {
    return make(disk, S_IFREG | 0600);
}

int disk_link(struct inode *directory, const char *name, struct inode *inode) {
    if (disk_find(directory, name) != NULL)
        return -EEXIST;
    if (S_ISDIR(inode->now.mode))
        return -EPERM;
    if (inode->links == 0 || directory->links == 0)
        return -ENOENT;
    inode->links++;
    touch(inode);
    edit(add_change(directory->disk), directory, name, inode);
    return 0;
}

/* Whether what is there may be removed. */
static int check_goes(const struct inode *inode, bool is_directory) {
    if (is_directory && !S_ISDIR(inode->now.mode))
        return -ENOTDIR;
    if (!is_directory && S_ISDIR(inode->now.mode))
        return -EISDIR;
    return is_directory && inode->names.count > 0 ? -ENOTEMPTY : 0;
}

int disk_unlink(struct inode *directory, const char *name, bool is_directory) {
    struct inode *inode = disk_find(directory, name);
    int r = inode == NULL ? -ENOENT : check_goes(inode, is_directory);

    if (r < 0)
        return r;
    edit(add_change(directory->disk), directory, name, NULL);
    lose_name(inode);
    return 0;
}

static bool is_within(const struct inode *inode, const struct inode *directory) {
    while (inode != directory && inode->parent != inode)
        inode = inode->parent;
    return inode == directory;
}

/* What stands in the place that a rename leads to. */
static int check_place(const struct inode *moved, const struct inode *there, unsigned flags) {
    if ((flags & RENAME_NOREPLACE) != 0 && there != NULL)
        return -EEXIST;
    if ((flags & RENAME_EXCHANGE) != 0)
        return there == NULL ? -ENOENT : 0;
    return there == NULL || there == moved ? 0 : check_goes(there, S_ISDIR(moved->now.mode));
}

int disk_rename(struct inode *from, const char *from_name, struct inode *to, const char *to_name,
                unsigned flags) {
    struct inode *moved = disk_find(from, from_name);
    struct inode *there = disk_find(to, to_name);
    struct disk_change *change = NULL;
    int r = moved == NULL || to->links == 0 ? -ENOENT : check_place(moved, there, flags);

    if (r == 0 && S_ISDIR(moved->now.mode) && is_within(to, moved))
        r = -EINVAL;
    if (r < 0 || moved == there)
        return r;
    change = add_change(from->disk);
    edit(change, to, to_name, moved);
    edit(change, from, from_name, (flags & RENAME_EXCHANGE) != 0 ? there : NULL);
    moved->parent = to;
    touch(moved);
    if ((flags & RENAME_EXCHANGE) != 0)
        there->parent = from;
    else if (there != NULL)
        lose_name(there);
    return 0;
}

mode_t disk_mode(const struct inode *inode) {
    return inode->now.mode;
}

void disk_set_mode(struct inode *inode, mode_t mode) {
    inode->now.mode = (inode->now.mode & S_IFMT) | (mode & 07777);
    touch(inode);
}

const char *disk_target(const struct inode *inode) {
    return inode->target;
}

uint64_t disk_moves(const struct disk *disk) {
    return disk->moves;
}

uint64_t disk_changed(const struct disk *disk) {
    return disk->changed;
}

void disk_set_times(struct inode *inode, const struct timespec times[2]) {
    if (times[1].tv_nsec != UTIME_OMIT)
        inode->now.mtime = times[1];
    touch(inode);
}

void disk_stat(const struct inode *inode, struct stat *st) {
    uint64_t blocks = 0;

    for (size_t i = 0; i < inode->page_count; i++)
        blocks += inode->pages[i].now != NULL;
    *st = (struct stat){.st_dev = inode->disk->device,
                        .st_ino = inode->number,
                        .st_mode = inode->now.mode,
                        .st_nlink = S_ISDIR(inode->now.mode) && inode->links > 0 ? 2 : inode->links,
                        .st_size = (off_t)inode->now.size,
                        .st_blksize = DISK_PAGE,
                        .st_blocks = (blkcnt_t)(blocks * (DISK_PAGE / DISK_SECTOR)),
                        .st_mtim = inode->now.mtime,
                        .st_atim = inode->now.mtime};
    st->st_ctim.tv_sec = EPOCH_S + (time_t)(inode->changed_at / 1000000000);
    st->st_ctim.tv_nsec = (long)(inode->changed_at % 1000000000);
}
