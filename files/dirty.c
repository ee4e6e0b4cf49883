#include "files/dirty.h"

#include "base/io.h"
#include "base/weaken.h"
#include "files/beneath.h"
#include "files/staging.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct dirty_file {
    int fd;
    atomic_uint holders;
    uint64_t round;    /* under the lock of the set it is added to */
    atomic_bool whole; /* set by its writer while a sync of what came before may look */
};

/* What one sync takes. */
struct marks {
    bool everything;
    size_t file_count;
    size_t directory_count;
    struct dirty_file *files[STAGING_SYNC_FILES];
    char *directories[STAGING_SYNC_FILES];
};

struct dirty {
    int tree;                /* borrowed */
    struct beneath *beneath; /* of the syncing thread */
    pthread_mutex_t lock;
    uint64_t round; /* number of syncs begun, so that a file is in the marks once */
    struct marks marks;
};

int dirty_new(struct dirty **out, int tree, bool walk) {
    struct dirty *dirty = calloc(1, sizeof(*dirty));
    if (dirty == NULL)
        return -ENOMEM;
    int error = beneath_new(&dirty->beneath, tree, walk);
    if (error < 0) {
        free(dirty);
        return error;
    }
    dirty->tree = tree;
    dirty->round = 1;
    pthread_mutex_init(&dirty->lock, NULL);
    *out = dirty;
    return 0;
}

static void clear(struct marks *marks) {
    for (size_t i = 0; i < marks->file_count; i++)
        dirty_file_release(marks->files[i]);
    for (size_t i = 0; i < marks->directory_count; i++)
        free(marks->directories[i]);
    *marks = (struct marks){0};
}

void dirty_free(struct dirty *dirty) {
    if (dirty == NULL)
        return;
    clear(&dirty->marks);
    beneath_free(dirty->beneath);
    pthread_mutex_destroy(&dirty->lock);
    free(dirty);
}

int dirty_file_new(struct dirty_file **out, int fd) {
    struct dirty_file *file = calloc(1, sizeof(*file));
    if (file == NULL) {
        close(fd);
        return -ENOMEM;
    }
    file->fd = fd;
    atomic_init(&file->holders, 1);
    *out = file;
    return 0;
}

int dirty_file_fd(const struct dirty_file *file) {
    return file->fd;
}

void dirty_file_release(struct dirty_file *file) {
    if (file == NULL || atomic_fetch_sub(&file->holders, 1) > 1)
        return;
    io_close(&file->fd);
    free(file);
}

static void mark_everything(struct marks *marks) {
    clear(marks);
    marks->everything = true;
}

static void mark_file(struct dirty *dirty, struct dirty_file *file) {
    struct marks *marks = &dirty->marks;
    if (marks->everything || file->round == dirty->round)
        return;
    if (marks->file_count == STAGING_SYNC_FILES) {
        mark_everything(marks);
        return;
    }
    file->round = dirty->round;
    atomic_fetch_add(&file->holders, 1);
    marks->files[marks->file_count++] = file;
}

void dirty_add_file(struct dirty *dirty, struct dirty_file *file, bool whole) {
    pthread_mutex_lock(&dirty->lock);
    if (whole)
        atomic_store(&file->whole, true);
    mark_file(dirty, file);
    pthread_mutex_unlock(&dirty->lock);
}

static bool has_directory(const struct marks *marks, const char *path, size_t length) {
    for (size_t i = marks->directory_count; i-- > 0;)
        if (strncmp(marks->directories[i], path, length) == 0 &&
            marks->directories[i][length] == '\0')
            return true;
    return false;
}

static void mark_directory(struct marks *marks, const char *path, size_t length) {
    if (marks->everything || has_directory(marks, path, length))
        return;
    char *copy = marks->directory_count < STAGING_SYNC_FILES ? strndup(path, length) : NULL;
    if (copy == NULL)
        mark_everything(marks);
    else
        marks->directories[marks->directory_count++] = copy;
}

void dirty_add_directory(struct dirty *dirty, const char *path, size_t length) {
    pthread_mutex_lock(&dirty->lock);
    mark_directory(&dirty->marks, path, length);
    pthread_mutex_unlock(&dirty->lock);
}

bool dirty_has_everything(struct dirty *dirty) {
    pthread_mutex_lock(&dirty->lock);
    bool everything = dirty->marks.everything;
    pthread_mutex_unlock(&dirty->lock);
    return everything;
}

void dirty_forget_directory(struct dirty *dirty, const char *path, size_t length) {
    struct marks *marks = &dirty->marks;
    pthread_mutex_lock(&dirty->lock);
    for (size_t i = marks->directory_count; i-- > 0;) {
        if (strncmp(marks->directories[i], path, length) != 0 ||
            marks->directories[i][length] != '\0')
            continue;
        free(marks->directories[i]);
        marks->directories[i] = marks->directories[--marks->directory_count];
    }
    pthread_mutex_unlock(&dirty->lock);
}

static int sync_directory(struct dirty *dirty, const char *path) {
    int fd = beneath_open(dirty->beneath, path, strlen(path), O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return fd;
    int error = !weakened("directory-sync") && fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return error;
}

static int sync_marks(struct dirty *dirty, const struct marks *marks) {
    if (marks->everything)
        return syncfs(dirty->tree) < 0 ? -errno : 0;
    int error = 0;
    for (size_t i = 0; error == 0 && i < marks->file_count; i++) {
        struct dirty_file *file = marks->files[i];
        error =
            (atomic_load(&file->whole) ? fsync(file->fd) : fdatasync(file->fd)) < 0 ? -errno : 0;
    }
    for (size_t i = 0; error == 0 && i < marks->directory_count; i++)
        error = sync_directory(dirty, marks->directories[i]);
    return error;
}

int dirty_sync(struct dirty *dirty) {
    pthread_mutex_lock(&dirty->lock);
    struct marks taken = dirty->marks;
    dirty->marks = (struct marks){0};
    dirty->round++;
    pthread_mutex_unlock(&dirty->lock);
    int error = weakened("fdatasync") ? 0 : sync_marks(dirty, &taken);
    clear(&taken);
    return error;
}
