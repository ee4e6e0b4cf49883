#include "files/beneath.h"

#include "base/io.h"
#include "base/limits.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* How often a look-up that raced with a rename is started again; openat2(2) asks for some retries
 * and for a limit. */
#define RACE_RETRIES 32

#define PARENT_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct beneath {
    int root; /* borrowed */
    bool walk;
    int kept; /* the parent opened last, or -1 */
    size_t kept_length;
    char kept_path[LIMIT_PATH + 1];
    char name[LIMIT_COMPONENT + 1];
};

int beneath_new(struct beneath **out, int root, bool walk) {
    struct beneath *beneath = calloc(1, sizeof(*beneath));
    if (beneath == NULL)
        return -ENOMEM;
    beneath->root = root;
    beneath->walk = walk;
    beneath->kept = -1;
    *out = beneath;
    return 0;
}

void beneath_free(struct beneath *beneath) {
    if (beneath == NULL)
        return;
    io_close(&beneath->kept);
    free(beneath);
}

/* Component by component, for systems without openat2. `path` is cut up while it is walked. */
static int open_by_walk(int root, char *path) {
    int directory = -1;
    char *rest = path;
    while (rest != NULL) {
        char *component = strsep(&rest, "/");
        int next = openat(directory < 0 ? root : directory, component, PARENT_FLAGS);
        int error = next < 0 ? -errno : 0;
        io_close(&directory);
        if (error < 0)
            return error;
        directory = next;
    }
    return directory;
}

/* -ENOSYS or -EPERM where the system has no openat2 for us. */
static int open_by_openat2(int root, const char *path) {
    struct open_how how = {
        .flags = PARENT_FLAGS,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    for (int try = 0;; try++) {
        long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
        if (fd >= 0)
            return (int)fd;
        if ((errno != EAGAIN && errno != EINTR) || try == RACE_RETRIES)
            return -errno;
    }
}

/* Opens the directory that stands in kept_path. */
static int open_parent(struct beneath *beneath) {
    if (!beneath->walk) {
        int fd = open_by_openat2(beneath->root, beneath->kept_path);
        if (fd != -ENOSYS && fd != -EPERM)
            return fd;
        beneath->walk = true;
    }
    char path[LIMIT_PATH + 1];
    memcpy(path, beneath->kept_path, beneath->kept_length + 1);
    return open_by_walk(beneath->root, path);
}

/* Makes the directory of `length` bytes at `path` the one that is kept. */
static int keep_parent(struct beneath *beneath, const char *path, size_t length) {
    if (beneath->kept >= 0 && beneath->kept_length == length &&
        memcmp(beneath->kept_path, path, length) == 0)
        return 0;
    io_close(&beneath->kept);
    memcpy(beneath->kept_path, path, length);
    beneath->kept_path[length] = '\0';
    beneath->kept_length = length;
    int fd = open_parent(beneath);
    if (fd < 0)
        return fd;
    beneath->kept = fd;
    return 0;
}

int beneath_parent(struct beneath *beneath, const char *path, size_t length, int *parent,
                   const char **name) {
    if (length > LIMIT_PATH || path_fault(path, length) != NULL)
        return -EINVAL;
    size_t above = path_parent(path, length);
    size_t start = above == 0 ? 0 : above + 1;
    memcpy(beneath->name, path + start, length - start);
    beneath->name[length - start] = '\0';
    *name = beneath->name;
    if (above == 0) {
        *parent = beneath->root;
        return 0;
    }
    int error = keep_parent(beneath, path, above);
    *parent = beneath->kept;
    return error;
}

int beneath_open(struct beneath *beneath, const char *path, size_t length, int flags, mode_t mode) {
    int parent = beneath->root;
    const char *name = ".";
    if (length > 0) {
        int error = beneath_parent(beneath, path, length, &parent, &name);
        if (error < 0)
            return error;
    }
    int fd = openat(parent, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
    return fd < 0 ? -errno : fd;
}

int beneath_unlink(struct beneath *beneath, const char *path, size_t length) {
    int parent;
    const char *name;
    int error = beneath_parent(beneath, path, length, &parent, &name);
    if (error < 0)
        return error;
    return unlinkat(parent, name, 0) < 0 ? -errno : 0;
}
