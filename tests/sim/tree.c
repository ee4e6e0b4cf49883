#include "tests/sim/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART 16384u

struct inode *tree_find(struct inode *root, const char *path) {
    while (root != NULL && *path != '\0') {
        char part[256];
        size_t length = strcspn(path, "/");

        snprintf(part, sizeof part, "%.*s", (int)length, path);
        root = S_ISDIR(disk_mode(root)) ? disk_find(root, part) : NULL;
        path += length + (path[length] == '/');
    }
    return root;
}

struct inode *tree_make(struct disk *disk, const char *path) {
    struct inode *at = disk_root(disk);

    while (*path != '\0') {
        char part[256];
        size_t length = strcspn(path, "/");
        struct inode *next = NULL;

        snprintf(part, sizeof part, "%.*s", (int)length, path);
        next = disk_find(at, part);
        if (next == NULL && disk_create(&next, at, part, S_IFDIR | 0755, NULL) < 0)
            abort();
        at = next;
        path += length + (path[length] == '/');
    }
    return at;
}

void tree_write(struct disk *disk, const char *directory, const char *name, const char *text) {
    struct inode *inode = NULL;

    if (disk_create(&inode, tree_make(disk, directory), name, S_IFREG | 0755, NULL) < 0)
        abort();
    disk_write(inode, text, strlen(text), 0);
}

bool tree_same_bytes(struct inode *one, struct inode *other, uint64_t offset, uint64_t length) {
    static char a[PART];
    static char b[PART];

    while (length > 0) {
        size_t part = length < PART ? (size_t)length : PART;
        uint64_t data = disk_seek(one, offset, true);
        uint64_t others = disk_seek(other, offset, true);

        if (data >= offset + part && others >= offset + part) {
            part = (size_t)length; /* as far as both are empty */
            if (data - offset < part)
                part = (size_t)(data - offset);
            if (others - offset < part)
                part = (size_t)(others - offset);
            if (part == 0 || disk_size(other) < offset + part)
                return false;
        } else if (disk_read(one, a, part, offset) != part ||
                   disk_read(other, b, part, offset) != part || memcmp(a, b, part) != 0) {
            return false;
        }
        offset += part;
        length -= part;
    }
    return true;
}

static size_t count(const struct inode *directory) {
    struct inode *inode = NULL;
    size_t n = 0;

    while (disk_name(directory, n, &inode) != NULL)
        n++;
    return n;
}

static bool same_names(struct inode *one, struct inode *other) {
    struct inode *child = NULL;
    const char *name = NULL;

    for (size_t i = 0; (name = disk_name(one, i, &child)) != NULL; i++) {
        struct inode *there = disk_find(other, name);
        if (there == NULL || !tree_same(child, there))
            return false;
    }
    return count(one) == count(other);
}

bool tree_same(struct inode *one, struct inode *other) {
    struct stat a;
    struct stat b;

    disk_stat(one, &a);
    disk_stat(other, &b);
    if (a.st_mode != b.st_mode)
        return false;
    if (S_ISDIR(a.st_mode))
        return same_names(one, other);
    if (a.st_size != b.st_size || a.st_nlink != b.st_nlink)
        return false;
    if (S_ISLNK(a.st_mode))
        return strcmp(disk_target(one), disk_target(other)) == 0;
    return a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec &&
           tree_same_bytes(one, other, 0, (uint64_t)a.st_size);
}

void tree_print(struct inode *root, unsigned depth) {
    struct inode *child = NULL;
    const char *name = NULL;

    for (size_t i = 0; (name = disk_name(root, i, &child)) != NULL; i++) {
        struct stat st;
        disk_stat(child, &st);
        printf("%*s%s %o %lld\n", (int)depth * 2, "", name, st.st_mode, (long long)st.st_size);
        if (S_ISDIR(st.st_mode))
            tree_print(child, depth + 1);
    }
}
