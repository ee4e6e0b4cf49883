#include "tests/sim/image.h"

#include "tests/sim/memory.h"

#include <stdio.h>
#include <stdlib.h>

struct image {
    struct image *next;   /* in the same directory */
    struct image *inside; /* of a directory */
    char name[256];
    mode_t mode;
    size_t length;
    char content[];
};

static struct image *take_one(struct inode *inode, const char *name) {
    size_t length = S_ISREG(disk_mode(inode)) ? (size_t)disk_size(inode) : 0;
    struct image *image = memory_grow(NULL, sizeof *image + length);

    *image = (struct image){.mode = disk_mode(inode), .length = length};
    snprintf(image->name, sizeof image->name, "%s", name);
    disk_read(inode, image->content, length, 0);
    if (S_ISDIR(image->mode))
        image->inside = image_take(inode);
    return image;
}

struct image *image_take(struct inode *directory) {
    struct image *first = NULL;
    struct inode *inode = NULL;
    const char *name = NULL;

    for (size_t i = 0; (name = disk_name(directory, i, &inode)) != NULL; i++) {
        struct image *image = take_one(inode, name);
        image->next = first;
        first = image;
    }
    return first;
}

void image_put(const struct image *image, struct inode *directory) {
    for (; image != NULL; image = image->next) {
        struct inode *inode = NULL;
        if (disk_create(&inode, directory, image->name, image->mode, NULL) < 0)
            abort();
        disk_write(inode, image->content, image->length, 0);
        image_put(image->inside, inode);
    }
}
