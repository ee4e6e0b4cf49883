#include "tests/sim/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART 16384u
#define COPIED 256u

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

static void copy_content(struct inode *from, struct inode *to) {
    static char part[PART];
    uint64_t size = disk_size(from);
    uint64_t at = disk_seek(from, 0, true);

    disk_truncate(to, size);
    while (at < size) {
        uint64_t end = disk_seek(from, at, false);
        size_t length = end - at < PART ? (size_t)(end - at) : PART;
        disk_write(to, part, disk_read(from, part, length, at), at);
        at = disk_seek(from, at + length, true);
    }
}

/* What was copied already, to be linked where it comes again. */
struct copied {
    const struct inode *from;
    struct inode *to;
};

static struct inode *find_copy(const struct copied *copied, size_t count,
                               const struct inode *from) {
    for (size_t i = 0; i < count; i++)
        if (copied[i].from == from)
            return copied[i].to;
    return NULL;
}

static void copy(struct inode *inode, const char *name, struct inode *to, struct copied *copied,
                 size_t *count) {
    struct inode *made = find_copy(copied, *count, inode);
    struct inode *child = NULL;
    struct stat st;

    disk_stat(inode, &st);
    if (made != NULL) {
        disk_link(to, name, made);
        return;
    }
    if (*count == COPIED || disk_create(&made, to, name, st.st_mode, disk_target(inode)) < 0)
        abort();
    copied[(*count)++] = (struct copied){inode, made};
    if (S_ISREG(st.st_mode))
        copy_content(inode, made);
    if (S_ISDIR(st.st_mode))
        for (size_t i = 0; (name = disk_name(inode, i, &child)) != NULL; i++)
            copy(child, name, made, copied, count);
    disk_set_times(made, (struct timespec[2]){st.st_atim, st.st_mtim});
}

void tree_copy(struct inode *from, const char *name, struct inode *to) {
    static struct copied copied[COPIED];
    size_t count = 0;

    copy(disk_find(from, name), name, to, copied, &count);
}

void tree_copy_all(struct inode *from, struct inode *to) {
    struct inode *child = NULL;
    const char *name = NULL;

    for (size_t i = 0; (name = disk_name(from, i, &child)) != NULL; i++)
        tree_copy(from, name, to);
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
