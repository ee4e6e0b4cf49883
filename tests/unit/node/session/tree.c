#include "tree.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH 4096

static void join(char out[PATH], const char *directory, const char *name) {
    ck_assert_int_lt(snprintf(out, PATH, "%s/%s", directory, name), PATH);
}

static void set_time(const char *path, unsigned seed) {
    struct timespec times[2] = {{.tv_sec = 1500000000 + (time_t)seed, .tv_nsec = 123456789},
                                {.tv_sec = 1500000000 + (time_t)seed, .tv_nsec = 123456789}};

    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

void tree_file(const char *directory, const char *name, size_t size, unsigned seed, unsigned mode) {
    char path[PATH];
    unsigned char *data = malloc(size + 1);
    uint32_t state = seed * 2654435761u + 1;
    int fd = -1;

    join(path, directory, name);
    for (size_t i = 0; i < size; i++) {
        state = state * 1664525u + 1013904223u;
        data[i] = (unsigned char)(state >> 24);
    }
    unlink(path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, data, size), (ssize_t)size);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
    free(data);
    set_time(path, seed);
}

void tree_directory(const char *directory, const char *name, unsigned mode) {
    char path[PATH];

    join(path, directory, name);
    mkdir(path, 0700);
    ck_assert_int_eq(chmod(path, mode), 0);
    set_time(path, 7);
}

void tree_of_everything(const char *directory, const char *name) {
    static const struct {
        const char *name;
        size_t size;
        unsigned mode;
    } files[] = {{"empty", 0, 0644},
                 {"one", 1, 0600},
                 {"chunk-1", (1 << 20) - 1, 0644},
                 {"chunk", 1 << 20, 0644},
                 {"chunk+1", (1 << 20) + 1, 0755},
                 {"large", 3 * (1 << 20) + 12345, 0640},
                 {"inner/deep/read-only", 4321, 0444},
                 {"inner/\xff\xfe not utf-8", 77, 0644},
                 {"inner/new\nline", 78, 0644},
                 {"shut/file", 99, 0400}};
    char root[PATH];
    char path[PATH];

    tree_directory(directory, name, 0755);
    join(root, directory, name);
    tree_directory(root, "inner", 0755);
    tree_directory(root, "inner/deep", 0711);
    tree_directory(root, "inner/hollow", 0755);
    tree_directory(root, "shut", 0755);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        tree_file(root, files[i].name, files[i].size, (unsigned)i + 1, files[i].mode);
    join(path, root, "inner/link");
    ck_assert_int_eq(symlink("../large", path), 0);
    set_time(path, 11);
    tree_directory(root, "shut", 0555);
    tree_directory(root, "inner/deep", 0711);
    tree_directory(root, "inner", 0755);
    tree_directory(directory, name, 0755);
}

void tree_of_many(const char *directory, const char *name, unsigned count) {
    char root[PATH];
    char file[64];

    tree_directory(directory, name, 0755);
    join(root, directory, name);
    for (unsigned i = 0; i < count; i++) {
        snprintf(file, sizeof file, "d%u", i % 7);
        tree_directory(root, file, 0755);
        snprintf(file, sizeof file, "d%u/file-%05u", i % 7, i);
        tree_file(root, file, i % 300, i, 0644);
    }
    for (unsigned i = 0; i < 7; i++) {
        snprintf(file, sizeof file, "d%u", i);
        tree_directory(root, file, 0755);
    }
    tree_directory(directory, name, 0755);
}

static void compare_files(const char *a, const char *b) {
    static unsigned char left[65536];
    static unsigned char right[65536];
    int fa = open(a, O_RDONLY | O_CLOEXEC);
    int fb = open(b, O_RDONLY | O_CLOEXEC);
    ssize_t n = 0;

    ck_assert_msg(fa >= 0 && fb >= 0, "cannot open %s or %s", a, b);
    while ((n = read(fa, left, sizeof left)) > 0) {
        ck_assert_int_eq(read(fb, right, sizeof right), n);
        ck_assert_msg(memcmp(left, right, (size_t)n) == 0, "%s differs", b);
    }
    ck_assert_int_eq(read(fb, right, 1), 0);
    close(fa);
    close(fb);
}

static void compare_links(const char *a, const char *b) {
    char left[PATH];
    char right[PATH];
    ssize_t n = readlink(a, left, sizeof left);

    ck_assert_int_eq(readlink(b, right, sizeof right), n);
    ck_assert_int_eq(memcmp(left, right, (size_t)n), 0);
}

static void compare_directories(const char *a, const char *b) {
    DIR *dir = opendir(a);
    struct dirent *entry = NULL;

    ck_assert_ptr_nonnull(dir);
    ck_assert_msg(tree_count(a) == tree_count(b), "%s has other entries than %s", b, a);
    while ((entry = readdir(dir)) != NULL) {
        char left[PATH];
        char right[PATH];

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        join(left, a, entry->d_name);
        join(right, b, entry->d_name);
        tree_compare(left, right);
    }
    closedir(dir);
}

void tree_compare(const char *a, const char *b) {
    struct stat left;
    struct stat right;

    ck_assert_msg(lstat(a, &left) == 0, "%s is not there", a);
    ck_assert_msg(lstat(b, &right) == 0, "%s is not there", b);
    ck_assert_msg(left.st_mode == right.st_mode, "%s has mode %o, not %o", b, right.st_mode,
                  left.st_mode);
    ck_assert_msg(left.st_mtim.tv_sec == right.st_mtim.tv_sec &&
                      left.st_mtim.tv_nsec == right.st_mtim.tv_nsec,
                  "%s has another time", b);
    if (S_ISREG(left.st_mode)) {
        ck_assert_int_eq(left.st_size, right.st_size);
        compare_files(a, b);
    } else if (S_ISLNK(left.st_mode)) {
        compare_links(a, b);
    } else {
        compare_directories(a, b);
    }
}

int tree_count(const char *directory) {
    DIR *dir = opendir(directory);
    int count = -2;

    if (dir == NULL)
        return -1;
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

static int open_up(const char *path, const struct stat *st, int type, struct FTW *at) {
    (void)st;
    (void)at;
    return type == FTW_D || type == FTW_DNR ? chmod(path, 0700) : 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at) {
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void tree_remove(const char *path) {
    nftw(path, open_up, 16, FTW_PHYS);
    nftw(path, remove_one, 16, FTW_PHYS | FTW_DEPTH);
}
