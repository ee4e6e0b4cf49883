/* What files hold. */
#include "tests/sim/disk_parts.h"

#include "tests/sim/memory.h"
#include "tests/sim/task.h"

#include <string.h>

#define EPOCH_S 1800000000

uint8_t *disk_page_new(struct disk *disk) {
    uint8_t *page = disk->free_pages;

    if (page == NULL)
        return memory_lasting(DISK_PAGE);
    memcpy((void *)&disk->free_pages, (void *)page, sizeof(void *));
    return memset(page, 0, DISK_PAGE);
}

void disk_page_free(struct disk *disk, uint8_t *page) {
    if (page == NULL)
        return;
    memcpy((void *)page, (void *)&disk->free_pages, sizeof(void *));
    disk->free_pages = page;
}

static void make_pages(struct inode *inode, size_t count) {
    size_t room = count < 16 ? 16 : 2 * count;
    struct disk_page *pages = NULL;

    if (count <= inode->page_count)
        return;
    pages = memory_lasting(room * sizeof *pages);
    if (inode->page_count > 0)
        memcpy(pages, inode->pages, inode->page_count * sizeof *pages);
    inode->pages = pages;
    inode->page_count = room;
}

/* The page may be changed: what was flushed of it is kept. */
static struct disk_page *change_page(struct inode *inode, size_t at) {
    struct disk_page *page = &inode->pages[at];
    uint8_t *copy = NULL;

    if (page->changed)
        return page;
    page->changed = true;
    page->was = page->now;
    if (page->was != NULL) {
        copy = disk_page_new(inode->disk);
        memcpy(copy, page->was, DISK_PAGE);
    }
    page->now = copy;
    return page;
}

static void set_changed(struct inode *inode) {
    inode->changed_at = task_clock();
    inode->now.mtime.tv_sec = EPOCH_S + (time_t)(task_clock() / 1000000000);
    inode->now.mtime.tv_nsec = (long)(task_clock() % 1000000000);
}

uint64_t disk_size(const struct inode *inode) {
    return inode->now.size;
}

size_t disk_read(struct inode *inode, void *data, size_t length, uint64_t offset) {
    char *to = data;
    uint64_t size = inode->now.size;
    size_t done = 0;

    if (offset >= size)
        return 0;
    if (length > size - offset)
        length = (size_t)(size - offset);
    while (done < length) {
        size_t at = (size_t)((offset + done) / DISK_PAGE);
        size_t from = (size_t)((offset + done) % DISK_PAGE);
        size_t part = DISK_PAGE - from < length - done ? DISK_PAGE - from : length - done;
        const uint8_t *page = at < inode->page_count ? inode->pages[at].now : NULL;

        if (page == NULL)
            memset(to + done, 0, part);
        else
            memcpy(to + done, page + from, part);
        done += part;
    }
    return length;
}

void disk_write(struct inode *inode, const void *data, size_t length, uint64_t offset) {
    const char *from = data;
    size_t done = 0;

    if (length == 0)
        return;
    make_pages(inode, (size_t)((offset + length - 1) / DISK_PAGE) + 1);
    while (done < length) {
        size_t at = (size_t)((offset + done) / DISK_PAGE);
        size_t begin = (size_t)((offset + done) % DISK_PAGE);
        size_t part = DISK_PAGE - begin < length - done ? DISK_PAGE - begin : length - done;
        struct disk_page *page = change_page(inode, at);

        if (page->now == NULL)
            page->now = disk_page_new(inode->disk);
        memcpy(page->now + begin, from + done, part);
        done += part;
    }
    if (inode->now.size < offset + length)
        inode->now.size = offset + length;
    set_changed(inode);
}

static void clear(struct inode *inode, uint64_t offset, uint64_t end) {
    while (offset < end && offset / DISK_PAGE < inode->page_count) {
        size_t at = (size_t)(offset / DISK_PAGE);
        size_t begin = (size_t)(offset % DISK_PAGE);
        size_t part = end - offset < DISK_PAGE - begin ? (size_t)(end - offset) : DISK_PAGE - begin;
        struct disk_page *page = &inode->pages[at];

        if (page->now != NULL) {
            page = change_page(inode, at);
            if (part < DISK_PAGE) {
                memset(page->now + begin, 0, part);
            } else {
                disk_page_free(inode->disk, page->now);
                page->now = NULL;
            }
        }
        offset += part;
    }
}

void disk_truncate(struct inode *inode, uint64_t length) {
    if (length < inode->now.size)
        clear(inode, length, inode->now.size);
    inode->now.size = length;
    set_changed(inode);
}

void disk_punch(struct inode *inode, uint64_t offset, uint64_t length) {
    uint64_t end = offset > UINT64_MAX - length ? UINT64_MAX : offset + length;

    clear(inode, offset, end < inode->now.size ? end : inode->now.size);
    set_changed(inode);
}

uint64_t disk_seek(const struct inode *inode, uint64_t offset, bool data) {
    while (offset < inode->now.size) {
        size_t at = (size_t)(offset / DISK_PAGE);
        bool is_data = at < inode->page_count && inode->pages[at].now != NULL;

        if (is_data == data)
            return offset;
        offset = (uint64_t)(at + 1) * DISK_PAGE;
    }
    return inode->now.size;
}
