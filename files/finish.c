#include "files/finish.h"

#include "base/escape.h"
#include "base/path.h"
#include "files/attributes.h"
#include "files/hardlinks.h"
#include "files/outcome.h"
#include "files/staged.h"
#include "files/staging_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A directory that has been entered and gets its mode and time when it is left. */
struct open_directory {
    int fd;
    size_t length; /* of its path */
    mode_t mode;
    struct timespec mtime;
    bool failed; /* not delivered itself: it goes where nothing is in it */
};

struct finish {
    struct staging *staging; /* borrowed */
    struct dirty *dirty;     /* the staging's */
    struct finish_sink sink;
    bool synced;                 /* files that have mode and time already are durable */
    bool touched;                /* something is otherwise than it was staged */
    struct hardlinks *hardlinks; /* NULL as long as there is none */
    uint32_t copies;             /* that stand for hard links */
    uint64_t copies_left;        /* bytes that more of them may have */
    uint32_t bare;               /* entries without attributes, which the file system has not, */
    uint32_t refused;            /* without some whose name or value it refuses, */
    uint32_t cramped;            /* and without some that it has no room for */
    bool untaken;                /* the file system does not take the last link */
    size_t depth;
    struct open_directory directories[LIMIT_DEPTH];
    char path[LIMIT_PATH]; /* of the innermost directory */
    char name[LIMIT_COMPONENT + 1];
    char target[LIMIT_PATH + 1];
};

int finish_new(struct finish **out, struct staging *staging, const struct finish_sink *sink,
               uint64_t copies) {
    struct finish *finish = calloc(1, sizeof(*finish));
    if (finish == NULL)
        return -ENOMEM;
    finish->staging = staging;
    finish->dirty = staging_parts_dirty(staging);
    finish->sink = *sink;
    finish->copies_left = copies;
    *out = finish;
    return 0;
}

void finish_all_synced(struct finish *finish) {
    finish->synced = true;
}

void finish_free(struct finish *finish) {
    if (finish == NULL)
        return;
    while (finish->depth > 0)
        close(finish->directories[--finish->depth].fd);
    hardlinks_free(finish->hardlinks);
    free(finish);
}

/* Marks `fd` (taken over) for the sync, with mode and time. */
static int mark(struct finish *finish, int fd) {
    struct dirty_file *file = NULL;
    int error = dirty_file_new(&file, fd);
    if (error < 0)
        return error;
    finish->touched = true;
    dirty_add_file(finish->dirty, file, true);
    dirty_file_release(file);
    return 0;
}

/* Removes the directory that was just left, unless something is in it. */
static bool remove_empty(struct finish *finish, const struct open_directory *directory) {
    size_t above = path_parent(finish->path, directory->length);
    size_t start = above == 0 ? 0 : above + 1;
    int parent = finish->depth > 0 ? finish->directories[finish->depth - 1].fd
                                   : staging_tree_fd(finish->staging);
    memcpy(finish->name, finish->path + start, directory->length - start);
    finish->name[directory->length - start] = '\0';
    if (unlinkat(parent, finish->name, AT_REMOVEDIR) < 0)
        return false;
    finish->touched = true;
    dirty_forget_directory(finish->dirty, finish->path, directory->length);
    return true;
}

/* Leaves the innermost directory. The mode goes last, for it may forbid the rest. */
static int leave(struct finish *finish) {
    struct open_directory *directory = &finish->directories[--finish->depth];
    if (directory->failed && remove_empty(finish, directory)) {
        close(directory->fd);
        return 0;
    }
    struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, directory->mtime};
    int error = 0;
    if (futimens(directory->fd, times) < 0 || fchmod(directory->fd, directory->mode) < 0)
        error = -errno;
    int marked = mark(finish, directory->fd);
    return error < 0 ? error : marked;
}

/* Leaves every directory that `entry` is not in. */
static int leave_for(struct finish *finish, const struct entry *entry) {
    int error = 0;
    while (error == 0 && finish->depth > 0) {
        size_t length = finish->directories[finish->depth - 1].length;
        if (path_is_below(entry->path, entry->path_length, finish->path, length))
            break;
        error = leave(finish);
    }
    return error;
}

static void note_no_room(const struct finish *finish, const struct entry *entry) {
    char shown[ESCAPE_ROOM(96)];
    char line[sizeof(shown) + 128];
    snprintf(line, sizeof(line),
             "%s lacks some of its extended attributes: there is no room for them",
             escape_bytes(shown, sizeof(shown), entry->path, entry->path_length));
    finish->sink.note(finish->sink.context, line);
}

/* 0 or -errno. */
static int set_attributes(struct finish *finish, int fd, const struct entry *entry) {
    int result = attributes_set(fd, entry);
    if (result == ATTRIBUTES_NO_ROOM)
        note_no_room(finish, entry);
    finish->cramped += result == ATTRIBUTES_NO_ROOM;
    finish->bare += result == ATTRIBUTES_UNSUPPORTED;
    finish->refused += result == ATTRIBUTES_NOT_TAKEN;
    return result < 0 ? result : 0;
}

static int enter(struct finish *finish, int parent, const struct entry *entry) {
    int fd = staged_open_directory(parent, finish->name);
    if (fd < 0)
        return fd;
    int error = finish->depth == LIMIT_DEPTH ? -ELOOP : 0;
    if (error == 0 && fchmod(fd, 0700) < 0)
        error = -errno;
    if (error == 0)
        error = set_attributes(finish, fd, entry);
    if (error < 0) {
        close(fd);
        return error;
    }
    /* A directory that moves to another parent has its ".." rewritten, which its owner must be
     * allowed to do; the placing takes these bits away afterwards. */
    bool top = path_parent(entry->path, entry->path_length) == 0;
    finish->directories[finish->depth++] = (struct open_directory){
        .fd = fd,
        .length = entry->path_length,
        .mode = top ? entry->mode | 0700 : entry->mode,
        .mtime = {.tv_sec = entry->mtime_s, .tv_nsec = entry->mtime_ns},
    };
    memcpy(finish->path, entry->path, entry->path_length);
    return 0;
}

static bool has_time(const struct stat *st, const struct entry *entry) {
    return st->st_mtim.tv_sec == entry->mtime_s && (uint64_t)st->st_mtim.tv_nsec == entry->mtime_ns;
}

static int set_time(int parent, const char *name, const struct entry *entry) {
    struct timespec times[2] = {
        {.tv_nsec = UTIME_NOW},
        {.tv_sec = entry->mtime_s, .tv_nsec = entry->mtime_ns},
    };
    return utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* Gives the file `fd` (taken over) all that is not content. Who may not write a file may not set
 * its attributes either, not even its owner. */
static int set_open_file(struct finish *finish, int fd, const struct entry *entry) {
    struct timespec times[2] = {
        {.tv_nsec = UTIME_NOW},
        {.tv_sec = entry->mtime_s, .tv_nsec = entry->mtime_ns},
    };
    int error = 0;
    if (entry->attribute_count > 0)
        error = fchmod(fd, 0600) < 0 ? -errno : set_attributes(finish, fd, entry);
    if (error == 0 && (futimens(fd, times) < 0 || fchmod(fd, entry->mode) < 0))
        error = -errno;
    if (error == 0)
        return mark(finish, fd);
    close(fd);
    return error;
}

static int set_file(struct finish *finish, int parent, const struct entry *entry) {
    int fd = finish->hardlinks == NULL ? staged_open_file(parent, finish->name, O_RDONLY)
                                       : staged_open_linked_file(parent, finish->name, O_RDONLY);
    return fd < 0 ? fd : set_open_file(finish, fd, entry);
}

/* Takes away what somebody else has put behind the end of a file. What comes before that has been
 * compared with what was sent. */
static int cut_file(struct finish *finish, int parent, const struct entry *entry) {
    int fd = finish->hardlinks == NULL ? staged_open_file(parent, finish->name, O_RDWR)
                                       : staged_open_linked_file(parent, finish->name, O_RDWR);
    if (fd < 0)
        return fd;
    if (ftruncate(fd, (off_t)entry->size) == 0)
        return set_open_file(finish, fd, entry);
    int error = -errno;
    close(fd);
    return error;
}

/* Whether a file that has everything is durable with it, or will be without being opened for that.
 * A new name changes the file that it is of. */
static bool is_covered(const struct finish *finish) {
    return (finish->synced && finish->hardlinks == NULL) || dirty_has_everything(finish->dirty);
}

/* Most files got mode and time as they were written; then looking at them is enough, as far as
 * they need no sync of their own. */
static int finish_file(struct finish *finish, int parent, const struct entry *entry) {
    struct stat st;
    if (fstatat(parent, finish->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    bool is_ours = finish->hardlinks == NULL ? staged_is_file(&st) : staged_is_linked_file(&st);
    if (!is_ours || (uint64_t)st.st_size < entry->size)
        return -EEXIST;
    if ((uint64_t)st.st_size > entry->size)
        return cut_file(finish, parent, entry);
    bool ready =
        (st.st_mode & 07777) == entry->mode && has_time(&st, entry) && entry->attribute_count == 0;
    return ready && is_covered(finish) ? 0 : set_file(finish, parent, entry);
}

/* The file system takes no symbolic link, or none that leads so far: XFS none over 1024 bytes. */
static int no_link(int error, struct fail *fail, const struct finish *finish,
                   const struct entry *entry) {
    char shown[ESCAPE_ROOM(96)];
    fail_set(fail, error, "%s, a symbolic link, cannot be made in %s",
             escape_bytes(shown, sizeof(shown), entry->path, entry->path_length),
             destination_shown(staging_destination(finish->staging)));
    return STAGING_BAD_NAME;
}

/* Whether the link is there already, from an attempt before. */
static bool is_linked(struct finish *finish, int parent, const struct entry *entry) {
    char target[LIMIT_PATH + 1];
    ssize_t length = readlinkat(parent, finish->name, target, sizeof(target));
    return length >= 0 && (size_t)length == entry->target_length &&
           memcmp(target, entry->target, entry->target_length) == 0;
}

static int finish_link(struct finish *finish, int parent, const struct entry *entry) {
    memcpy(finish->target, entry->target, entry->target_length);
    finish->target[entry->target_length] = '\0';
    finish->touched = true;
    if (!is_linked(finish, parent, entry) && symlinkat(finish->target, parent, finish->name) < 0) {
        finish->untaken = errno == ENAMETOOLONG || errno == EPERM || errno == EOPNOTSUPP;
        return -errno;
    }
    return set_time(parent, finish->name, entry);
}

/* The link is a name of what its original got, or a copy that got it when it was made. */
static int check_hardlink(struct finish *finish, int parent) {
    struct stat st;
    if (fstatat(parent, finish->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    return staged_is_linked_file(&st) ? 0 : -EEXIST;
}

static int finish_by_type(struct finish *finish, int parent, const struct entry *entry) {
    switch (entry->type) {
    case ENTRY_FILE:
        return finish_file(finish, parent, entry);
    case ENTRY_DIRECTORY:
        return enter(finish, parent, entry);
    case ENTRY_SYMLINK:
        return finish_link(finish, parent, entry);
    case ENTRY_HARDLINK:
        return check_hardlink(finish, parent);
    }
    return -EINVAL;
}

/* Where there can be no hard link. A manifest may name one file millions of times, and those who
 * agreed to it were shown its size once. */
static int copy_original(struct finish *finish, const struct entry *entry,
                         const struct entry *original) {
    if (original->size > finish->copies_left)
        return -EFBIG;
    int fd = hardlinks_copy(finish->hardlinks, entry, original);
    if (fd < 0)
        return fd;
    finish->copies++;
    finish->copies_left -= original->size;
    return set_open_file(finish, fd, original);
}

static int make_hardlink(struct finish *finish, const struct entry *entry,
                         const struct entry *original) {
    int result = finish->hardlinks != NULL ? 0 : hardlinks_new(&finish->hardlinks, finish->staging);
    if (result == 0)
        result = hardlinks_make(finish->hardlinks, entry, original);
    return result == HARDLINKS_UNSUPPORTED ? copy_original(finish, entry, original) : result;
}

int finish_hardlink(struct finish *finish, const struct entry *entry, const struct entry *original,
                    struct fail *fail) {
    int error = make_hardlink(finish, entry, original);
    finish->touched = true;
    if (error == -EFBIG)
        return outcome_differs(fail, finish->staging, entry,
                               "cannot be a hard link there, and copies in place of such links "
                               "would have more bytes than all that was agreed to");
    return error < 0 ? outcome_of_entry(error, fail, "finish", finish->staging, entry) : 0;
}

int finish_entry(struct finish *finish, const struct entry *entry, struct fail *fail) {
    size_t above = path_parent(entry->path, entry->path_length);
    size_t start = above == 0 ? 0 : above + 1;
    int error = leave_for(finish, entry);
    finish->untaken = false;
    if (error < 0)
        return outcome_of(error, fail, "finish a directory in", staging_shown(finish->staging));
    struct open_directory *in = finish->depth > 0 ? &finish->directories[finish->depth - 1] : NULL;
    if ((in != NULL ? in->length : 0) != above)
        return outcome_differs(fail, finish->staging, entry, "is in a directory that is missing");
    memcpy(finish->name, entry->path + start, entry->path_length - start);
    finish->name[entry->path_length - start] = '\0';
    error = finish_by_type(finish, in != NULL ? in->fd : staging_tree_fd(finish->staging), entry);
    if (finish->untaken)
        return no_link(error, fail, finish, entry);
    if (error == -EEXIST)
        return outcome_differs(fail, finish->staging, entry,
                               "is not as it was received: something else has changed it");
    return error < 0 ? outcome_of_entry(error, fail, "finish", finish->staging, entry) : 0;
}

int finish_failed_directory(struct finish *finish, const struct entry *entry, struct fail *fail) {
    int result = finish_entry(finish, entry, fail);
    if (result == 0)
        finish->directories[finish->depth - 1].failed = true;
    return result;
}

/* What the file system does not have is said once, not for every file. */
static void note_lack(const struct finish *finish) {
    const char *where = destination_shown(staging_destination(finish->staging));
    char line[640];
    if (finish->copies > 0) {
        snprintf(line, sizeof(line), "%s does not take every hard link: copies stand for %u", where,
                 finish->copies);
        finish->sink.note(finish->sink.context, line);
    }
    if (finish->bare > 0) {
        snprintf(line, sizeof(line),
                 "%s keeps no extended attributes: %u files and directories lack theirs", where,
                 finish->bare);
        finish->sink.note(finish->sink.context, line);
    }
    if (finish->refused > 0) {
        snprintf(line, sizeof(line),
                 "%s does not take every extended attribute: %u files and directories lack some",
                 where, finish->refused);
        finish->sink.note(finish->sink.context, line);
    }
}

int finish_end(struct finish *finish, struct fail *fail) {
    int error = 0;
    while (error == 0 && finish->depth > 0)
        error = leave(finish);
    /* Names of files that nothing was done to are as durable as they are. */
    if (!finish->synced || finish->touched)
        dirty_add_directory(finish->dirty, "", 0);
    if (error == 0)
        error = dirty_sync(finish->dirty);
    if (error < 0)
        return outcome_of(error, fail, "finish", staging_shown(finish->staging));
    note_lack(finish);
    return 0;
}

uint32_t finish_lacking(const struct finish *finish) {
    return finish->bare + finish->refused + finish->cramped;
}
