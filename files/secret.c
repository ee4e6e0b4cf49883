#include "files/secret.h"

#include "base/io.h"
#include "files/names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

struct thing {
    dev_t device;
    ino_t inode;
};

struct secret {
    struct thing *things; /* sorted */
    size_t count;
};

static int compare(const void *left, const void *right) {
    const struct thing *a = left;
    const struct thing *b = right;
    if (a->device != b->device)
        return a->device < b->device ? -1 : 1;
    return (a->inode > b->inode) - (a->inode < b->inode);
}

static int add(struct secret *secret, const struct stat *st) {
    struct thing *grown = reallocarray(secret->things, secret->count + 1, sizeof(*grown));
    if (grown == NULL)
        return -ENOMEM;
    secret->things = grown;
    secret->things[secret->count++] = (struct thing){st->st_dev, st->st_ino};
    return 0;
}

static int add_names(struct secret *secret, int directory, const struct names *names) {
    struct stat st;
    int error = 0;
    for (size_t i = 0; error == 0 && i < names_count(names); i++)
        if (fstatat(directory, names_get(names, i), &st, AT_SYMLINK_NOFOLLOW) == 0)
            error = add(secret, &st);
    return error;
}

static int add_inside(struct secret *secret, DIR *listing) {
    struct names *names = NULL;
    int error = names_read(&names, listing);
    if (error == 0)
        error = add_names(secret, dirfd(listing), names);
    names_free(names);
    return error;
}

static int add_directory(struct secret *secret, const char *directory) {
    struct stat st;
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fd < 0 ? NULL : fdopendir(fd);
    if (listing == NULL) {
        int error = -errno;
        io_close(&fd);
        return error;
    }
    int error = fstat(dirfd(listing), &st) < 0 ? -errno : add(secret, &st);
    if (error == 0)
        error = add_inside(secret, listing);
    closedir(listing);
    return error;
}

int secret_new(struct secret **out, const char *directory) {
    struct secret *secret = calloc(1, sizeof(*secret));
    int error = secret == NULL ? -ENOMEM : add_directory(secret, directory);
    if (error < 0 && error != -ENOENT) {
        secret_free(secret);
        return error;
    }
    if (secret->count > 0)
        qsort(secret->things, secret->count, sizeof(*secret->things), compare);
    *out = secret;
    return 0;
}

void secret_free(struct secret *secret) {
    if (secret == NULL)
        return;
    free(secret->things);
    free(secret);
}

bool secret_has(const struct secret *secret, const struct stat *st) {
    struct thing wanted = {st->st_dev, st->st_ino};
    return secret->count > 0 && bsearch(&wanted, secret->things, secret->count,
                                        sizeof(*secret->things), compare) != NULL;
}

bool secret_holds(const struct secret *secret, const char *path) {
    char *at = realpath(path, NULL);
    struct stat st;
    bool held = false;
    while (at != NULL && at[0] != '\0' && !held) {
        held = stat(at, &st) == 0 && secret_has(secret, &st);
        *strrchr(at, '/') = '\0';
    }
    free(at);
    return held;
}
