#include "files/staging.h"

#include "base/crash.h"
#include "base/io.h"
#include "base/weaken.h"
#include "files/dirty.h"
#include "files/holes.h"
#include "files/outcome.h"
#include "files/staging_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK "lock"
#define MANIFEST "manifest"
#define MANIFEST_PART "manifest.part"
#define HASHES "hashes"
#define TREE "tree"
#define PROBE "probe"

#define DIRECTORY_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct staging {
    const struct destination *destination; /* borrowed */
    int fd;
    int lock;
    int tree;
    struct hashes *hashes;
    struct dirty *dirty;
    char name[24];
    char shown[448];
};

/* Opens the directory `name` in `parent`, made before with `create`. The descriptor or -errno. */
static int open_own_directory(int parent, const char *name, bool create) {
    struct stat st;
    if (create && mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
        return -errno;
    int fd = openat(parent, name, DIRECTORY_FLAGS);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) == 0 && st.st_uid == geteuid())
        return fd;
    close(fd);
    return -EPERM;
}

/* 0; STAGING_BUSY; -ENOENT where a clean-up that held the lock has removed the directory; -errno.
 */
static int take_lock(struct staging *staging) {
    struct stat mine;
    staging->lock = openat(staging->fd, LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (staging->lock < 0)
        return -errno;
    if (flock(staging->lock, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? STAGING_BUSY : -errno;
    if (fstat(staging->lock, &mine) < 0)
        return -errno;
    return mine.st_nlink == 0 ? -ENOENT : 0;
}

/* Opens what is inside. 0 or -errno. */
static int open_parts(struct staging *staging) {
    staging->tree = open_own_directory(staging->fd, TREE, true);
    if (staging->tree < 0)
        return staging->tree;
    int error = hashes_open(&staging->hashes, staging->fd, HASHES);
    if (error < 0)
        return error;
    return dirty_new(&staging->dirty, staging->tree,
                     destination_lacks_new_calls(staging->destination));
}

static int open_all(struct staging *staging, bool create) {
    int area = destination_area_fd(staging->destination);
    staging->fd = open_own_directory(area, staging->name, create);
    if (staging->fd < 0)
        return staging->fd;
    int result = take_lock(staging);
    return result == 0 ? open_parts(staging) : result;
}

int staging_open(struct staging **out, const struct destination *destination, uint64_t number,
                 bool create, struct fail *fail) {
    struct staging *staging = calloc(1, sizeof(*staging));
    if (staging == NULL)
        return fail_set(fail, -ENOMEM, "cannot open a staging directory");
    staging->destination = destination;
    staging->fd = staging->lock = staging->tree = -1;
    snprintf(staging->name, sizeof(staging->name), "%" PRIu64, number);
    snprintf(staging->shown, sizeof(staging->shown), "%s/" DESTINATION_AREA "/%s",
             destination_shown(destination), staging->name);
    int result = open_all(staging, create);
    if (result == 0) {
        *out = staging;
        return 0;
    }
    if (result < 0)
        result = outcome_of(result, fail, "open", staging->shown);
    else
        fail_set(fail, 0, "%s is in use by another process", staging->shown);
    staging_close(staging);
    return result == -ENOENT && !create ? STAGING_NONE : result;
}

void staging_close(struct staging *staging) {
    if (staging == NULL)
        return;
    dirty_free(staging->dirty);
    hashes_close(staging->hashes);
    io_close(&staging->tree);
    io_close(&staging->lock);
    io_close(&staging->fd);
    free(staging);
}

const struct destination *staging_destination(const struct staging *staging) {
    return staging->destination;
}

int staging_fd(const struct staging *staging) {
    return staging->fd;
}

int staging_tree_fd(const struct staging *staging) {
    return staging->tree;
}

const char *staging_shown(const struct staging *staging) {
    return staging->shown;
}

struct hashes *staging_hashes(struct staging *staging) {
    return staging->hashes;
}

bool staging_keeps_holes(const struct staging *staging) {
    int flags = O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(staging->fd, PROBE, flags, 0600);
    bool kept = fd >= 0 && holes_are_kept(fd);
    if (fd >= 0)
        (void)unlinkat(staging->fd, PROBE, 0);
    io_close(&fd);
    return kept;
}

const char *staging_parts_name(const struct staging *staging) {
    return staging->name;
}

struct dirty *staging_parts_dirty(struct staging *staging) {
    return staging->dirty;
}

int staging_manifest_create(struct staging *staging, int *fd, struct fail *fail) {
    int flags = O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
    *fd = openat(staging->fd, MANIFEST_PART, flags, 0600);
    return *fd < 0 ? outcome_of(-errno, fail, "make a manifest in", staging->shown) : 0;
}

/* The names in the staging directory, and those of every directory above that may be new. */
static int sync_names(const struct staging *staging) {
    if (weakened("directory-sync"))
        return 0;
    if (fsync(staging->fd) < 0 || fsync(destination_area_fd(staging->destination)) < 0 ||
        fsync(destination_fd(staging->destination)) < 0)
        return -errno;
    return 0;
}

static int sync_manifest(const struct staging *staging, int fd) {
    if (fsync(fd) < 0 || renameat(staging->fd, MANIFEST_PART, staging->fd, MANIFEST) < 0)
        return -errno;
    return sync_names(staging);
}

int staging_manifest_commit(struct staging *staging, int fd, struct fail *fail) {
    int error = sync_manifest(staging, fd);
    if (error < 0)
        return outcome_of(error, fail, "write the manifest of", staging->shown);
    crash_point("manifest-synced");
    return 0;
}

/* Whoever gave it its name may have been killed before that was durable. */
int staging_manifest_open(struct staging *staging, int *fd, struct fail *fail) {
    *fd = openat(staging->fd, MANIFEST, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (*fd < 0) {
        int error = outcome_of(-errno, fail, "open the manifest of", staging->shown);
        return error == -ENOENT ? STAGING_NONE : error;
    }
    int error = sync_names(staging);
    if (error == 0)
        return 0;
    io_close(fd);
    return fail_set(fail, error, "cannot make the manifest of %s durable", staging->shown);
}

int staging_sync_directories(struct staging *staging, struct fail *fail) {
    int error = dirty_sync(staging->dirty);
    return error < 0 ? outcome_of(error, fail, "make durable the directories of", staging->shown)
                     : 0;
}

int staging_sync_batch(struct staging *staging, struct fail *fail) {
    crash_point("batch-written");
    int error = dirty_sync(staging->dirty);
    if (error == 0)
        error = hashes_sync(staging->hashes);
    if (error < 0)
        return outcome_of(error, fail, "make durable what was written to", staging->shown);
    crash_point("batch-synced");
    return 0;
}
