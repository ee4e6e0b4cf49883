/* What is flushed, and what is left where the power goes. */
#include "tests/sim/disk_parts.h"

#include "tests/sim/memory.h"
#include "tests/sim/task.h"

#include <string.h>

static void keep_data(struct inode *inode) {
    for (size_t i = 0; i < inode->page_count; i++) {
        struct disk_page *page = &inode->pages[i];
        if (!page->changed)
            continue;
        disk_page_free(inode->disk, page->was);
        page->was = NULL;
        page->changed = false;
    }
    inode->kept = inode->now;
    inode->kept_at = inode->changed_at;
}

static bool touches(const struct disk_change *change, const struct inode *directory) {
    for (size_t i = 0; i < change->count; i++)
        if (change->edits[i].directory == directory)
            return true;
    return false;
}

static bool has_name(const struct disk_change *change, const struct disk_edit *edit) {
    for (size_t i = 0; i < change->count; i++)
        if (change->edits[i].directory == edit->directory &&
            strcmp(change->edits[i].name, edit->name) == 0)
            return true;
    return false;
}

static bool depends(const struct disk_change *later, const struct disk_change *earlier) {
    for (size_t i = 0; i < later->count; i++)
        if (has_name(earlier, &later->edits[i]))
            return true;
    return false;
}

/* An earlier change of a name that a later one is flushed of goes with it. */
static void mark_earlier(struct disk *disk, const struct disk_change *later) {
    for (struct disk_change *at = disk->changes; at != later; at = at->next)
        if (!at->marked && depends(later, at)) {
            at->marked = true;
            mark_earlier(disk, at);
        }
}

static void keep_marked(struct disk *disk) {
    struct disk_change **at = &disk->changes;

    while (*at != NULL) {
        if (!(*at)->marked) {
            at = &(*at)->next;
            continue;
        }
        disk_keep_change(*at);
        *at = (*at)->next;
    }
    disk->last = at;
}

void disk_sync(struct inode *inode) {
    if (!S_ISDIR(inode->now.mode)) {
        keep_data(inode);
        return;
    }
    inode->kept = inode->now;
    for (struct disk_change *at = inode->disk->changes; at != NULL; at = at->next)
        if (!at->marked && touches(at, inode)) {
            at->marked = true;
            mark_earlier(inode->disk, at);
        }
    keep_marked(inode->disk);
}

void disk_sync_all(struct disk *disk) {
    for (struct inode *inode = disk->inodes; inode != NULL; inode = inode->next)
        keep_data(inode);
    for (struct disk_change *at = disk->changes; at != NULL; at = at->next)
        disk_keep_change(at);
    disk->changes = NULL;
    disk->last = &disk->changes;
}

/* ---- the cut ---- */

enum survival { NOTHING, EVERYTHING, PAGES, SECTORS };

/* One page: piece by piece the old or the new. */
static void tear(struct disk *disk, struct disk_page *page, size_t piece) {
    static const uint8_t zeros[DISK_PAGE];
    const uint8_t *was = page->was == NULL ? zeros : page->was;

    if (page->now == NULL)
        page->now = disk_page_new(disk);
    for (size_t at = 0; at < DISK_PAGE; at += piece)
        if (task_chance(2))
            memcpy(page->now + at, was + at, piece);
}

static void revert(struct disk *disk, struct disk_page *page) {
    disk_page_free(disk, page->now);
    page->now = page->was;
    page->was = NULL;
}

/* Whether only names of it have changed since it was flushed. */
static bool has_no_change(const struct inode *inode) {
    for (size_t i = 0; i < inode->page_count; i++)
        if (inode->pages[i].changed)
            return false;
    return memcmp(&inode->now, &inode->kept, sizeof inode->now) == 0;
}

static void cut_data(struct inode *inode, enum survival how) {
    struct disk *disk = inode->disk;

    if (has_no_change(inode))
        inode->changed_at = inode->kept_at; /* where its name comes back it is as it was */
    for (size_t i = 0; i < inode->page_count; i++) {
        struct disk_page *page = &inode->pages[i];
        if (!page->changed)
            continue;
        if (how == NOTHING)
            revert(disk, page);
        else if (how != EVERYTHING)
            tear(disk, page, how == PAGES ? DISK_PAGE : DISK_SECTOR);
    }
    if (how == NOTHING || (how != EVERYTHING && task_chance(2)))
        inode->now = inode->kept;
    keep_data(inode);
    /* Beyond the end there is nothing, also when it grows again. */
    if (inode->page_count * DISK_PAGE > inode->now.size) {
        uint64_t size = inode->now.size;
        uint64_t changed_at = inode->changed_at;
        inode->now.size = inode->page_count * DISK_PAGE;
        disk_truncate(inode, size);
        inode->now.mtime = inode->kept.mtime;
        inode->changed_at = changed_at;
        keep_data(inode);
    }
}

/* Whether the name still leads where it led when the change was made. */
static bool applies(const struct disk_change *change, const struct disk_change *first_lost) {
    for (const struct disk_change *at = first_lost; at != NULL && at != change; at = at->next)
        if (at->marked && depends(change, at))
            return false;
    return true;
}

/* `marked` means lost here. */
static void cut_names(struct disk *disk, enum survival how) {
    for (struct disk_change *at = disk->changes; at != NULL; at = at->next) {
        bool kept = how == EVERYTHING || (how != NOTHING && task_chance(2));

        at->marked = !kept || !applies(at, disk->changes);
        if (!at->marked)
            disk_keep_change(at);
    }
    disk->changes = NULL;
    disk->last = &disk->changes;
}

void disk_forget(struct inode *inode) {
    struct disk *disk = inode->disk;

    for (size_t i = 0; i < inode->page_count; i++) {
        disk_page_free(disk, inode->pages[i].now);
        disk_page_free(disk, inode->pages[i].was);
    }
    inode->pages = NULL;
    inode->page_count = 0;
    if (disk->free_count == disk->free_room) {
        uint64_t *numbers = memory_lasting((2 * disk->free_room + 16) * sizeof *numbers);
        if (disk->free_count > 0)
            memcpy(numbers, disk->free_numbers, disk->free_count * sizeof *numbers);
        disk->free_room = 2 * disk->free_room + 16;
        disk->free_numbers = numbers;
    }
    disk->free_numbers[disk->free_count++] = inode->number;
}

static void count_names(struct inode *directory) {
    directory->names.count = 0;
    for (size_t i = 0; i < directory->kept_names.count; i++) {
        const struct disk_entry *entry = &directory->kept_names.entries[i];

        disk_names_set(&directory->names, entry->name, entry->inode);
        entry->inode->parent = directory;
        if (entry->inode->links++ == 0 && S_ISDIR(entry->inode->now.mode))
            count_names(entry->inode);
    }
}

static void drop_lost(struct disk *disk) {
    struct inode **at = &disk->inodes;

    while (*at != NULL) {
        struct inode *inode = *at;
        if (inode->links > 0) {
            at = &inode->next;
            continue;
        }
        *at = inode->next;
        disk_forget(inode);
    }
}

void disk_cut(struct disk *disk) {
    enum survival names = (enum survival)task_draw(4);
    enum survival data = (enum survival)task_draw(4);

    cut_names(disk, names);
    for (struct inode *inode = disk->inodes; inode != NULL; inode = inode->next) {
        cut_data(inode, data == NOTHING || data == EVERYTHING ? data : (enum survival)task_draw(4));
        inode->links = 0;
        inode->holds = 0;
    }
    disk->root->links = 1;
    count_names(disk->root);
    drop_lost(disk);
    if (task_chance(3)) {
        disk->device = 40 + task_draw(8);
        disk->moves++;
    }
}
