/*
 * The disk of a simulated machine with one file system on it, and what is left of it after a power
 * cut: of what was written since the last flush each piece of 512 bytes or 4 KiB may be there or
 * not; a name is there for certain only once its directory was flushed. Changes of names happen
 * whole (both ends of a rename, or none), but of several that were not flushed any may be missing.
 * Functions return 0 or -errno and do not wait. The disk lasts as long as the seed.
 */
#ifndef TESTS_SIM_DISK_H
#define TESTS_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct disk;
struct inode;

struct disk *disk_new(void);
struct inode *disk_root(struct disk *disk);
struct disk *disk_of(const struct inode *inode);

/* Names in directories: "." and ".." too. NULL where there is none. */
struct inode *disk_find(struct inode *directory, const char *name);

/* The one at `at` in an order that stays while nothing changes; NULL behind the last. */
const char *disk_name(const struct inode *directory, size_t at, struct inode **inode);

/* A new file, directory or link (S_IFMT of `mode`) under a name that is free. */
int disk_create(struct inode **out, struct inode *directory, const char *name, mode_t mode,
                const char *target);
/* A file that never has one. */
struct inode *disk_create_nameless(struct disk *disk);
int disk_link(struct inode *directory, const char *name, struct inode *inode);
int disk_unlink(struct inode *directory, const char *name, bool is_directory);
/* `flags` as of renameat2(2): RENAME_NOREPLACE and RENAME_EXCHANGE. */
int disk_rename(struct inode *from, const char *from_name, struct inode *to, const char *to_name,
                unsigned flags);

/* Who has it open: what has no name any more lasts until nobody has. */
void disk_hold(struct inode *inode);
void disk_let_go(struct inode *inode);

mode_t disk_mode(const struct inode *inode);
void disk_set_mode(struct inode *inode, mode_t mode);
const char *disk_target(const struct inode *inode);
/* How often its number was another one after a cut. */
uint64_t disk_moves(const struct disk *disk);

/* How often a name was changed on it. */
uint64_t disk_changed(const struct disk *disk);

void disk_stat(const struct inode *inode, struct stat *st);
void disk_set_times(struct inode *inode, const struct timespec times[2]);

uint64_t disk_size(const struct inode *inode);
size_t disk_read(struct inode *inode, void *data, size_t length, uint64_t offset);
void disk_write(struct inode *inode, const void *data, size_t length, uint64_t offset);
void disk_truncate(struct inode *inode, uint64_t length);
void disk_punch(struct inode *inode, uint64_t offset, uint64_t length);
/* Where the next data or hole is: the size where there is no more of it. */
uint64_t disk_seek(const struct inode *inode, uint64_t offset, bool data);

/* Flushes a file, or a directory's names; and everything. */
void disk_sync(struct inode *inode);
void disk_sync_all(struct disk *disk);

/* The power goes: what is left is what there is now. Nobody may have anything open. */
void disk_cut(struct disk *disk);

#endif
