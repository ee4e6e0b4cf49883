#include "node/daemon/outwork.h"

#include "base/io.h"
#include "node/common/inherited.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUTWORK_PREFIX "new-"

static int open_directory(int at, const char *name) {
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int open_outgoing(int state_fd) {
    return open_directory(state_fd, "outgoing");
}

/* Calls `each` for every name in the directory. Stops at the first result that is not 0. */
static int for_each(int directory, int (*each)(void *context, int directory, const char *name),
                    void *context) {
    int result = 0;
    int copy = open_directory(directory, ".");
    DIR *listing = copy < 0 ? NULL : fdopendir(copy);
    if (listing == NULL) {
        result = copy < 0 ? copy : -errno;
        io_close(&copy);
        return result;
    }
    struct dirent *entry;
    while (result == 0 && (entry = readdir(listing)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            result = each(context, directory, entry->d_name);
    closedir(listing);
    return result;
}

static int remove_file(void *context, int directory, const char *name) {
    (void)context;
    return unlinkat(directory, name, 0) == 0 || errno == ENOENT ? 0 : -errno;
}

static int remove_directory(int outgoing, const char *name) {
    int fd = open_directory(outgoing, name);
    if (fd == -ENOENT)
        return 0;
    if (fd < 0)
        return fd;
    int error = for_each(fd, remove_file, NULL);
    io_close(&fd);
    if (error == 0 && unlinkat(outgoing, name, AT_REMOVEDIR) != 0)
        error = -errno;
    return error;
}

struct sweep {
    bool (*keep)(void *context, uint64_t number);
    void *context;
};

static int sweep_one(void *context, int outgoing, const char *name) {
    const struct sweep *sweep = context;
    char *end = NULL;
    uint64_t number = strtoull(name, &end, 10);
    if (*end == '\0' && sweep->keep(sweep->context, number))
        return 0;
    return remove_directory(outgoing, name);
}

int outwork_make(int state_fd, struct fail *fail) {
    if (mkdirat(state_fd, "outgoing", 0700) == 0)
        return fsync(state_fd) == 0
                   ? 0
                   : fail_set(fail, -errno, "cannot keep the directory for outgoing transfers");
    return errno == EEXIST
               ? 0
               : fail_set(fail, -errno, "cannot make the directory for outgoing transfers");
}

int outwork_prepare(int state_fd, bool (*keep)(void *context, uint64_t number), void *context,
                    struct fail *fail) {
    struct sweep sweep = {keep, context};
    int outgoing = open_outgoing(state_fd);
    int error = outgoing < 0 ? outgoing : for_each(outgoing, sweep_one, &sweep);
    io_close(&outgoing);
    return error == 0 ? 0
                      : fail_set(fail, error, "cannot tidy the directory of outgoing transfers");
}

int outwork_begin(int state_fd, char name[OUTWORK_NAME_ROOM], struct fail *fail) {
    static unsigned count;
    char path[OUTWORK_NAME_ROOM + 16];
    snprintf(name, OUTWORK_NAME_ROOM, OUTWORK_PREFIX "%u", ++count);
    snprintf(path, sizeof path, "outgoing/%s", name);
    if (mkdirat(state_fd, path, 0700) != 0)
        return fail_set(fail, -errno, "cannot make a directory for the transfer");
    return 0;
}

int outwork_adopt(int state_fd, const char *name, uint64_t number) {
    char to[OUTWORK_NAME_ROOM];
    int outgoing = open_outgoing(state_fd);
    if (outgoing < 0)
        return outgoing;
    outwork_name(to, number);
    int error = renameat(outgoing, name, outgoing, to) == 0 ? 0 : -errno;
    /* Left by a transfer that got this number and then was not recorded. */
    if (error == -ENOTEMPTY || error == -EEXIST) {
        error = remove_directory(outgoing, to);
        if (error == 0 && renameat(outgoing, name, outgoing, to) != 0)
            error = -errno;
    }
    if (error == 0 && fsync(outgoing) != 0)
        error = -errno;
    io_close(&outgoing);
    return error;
}

/* The last one is there only when the others are. */
static int give_over(int from, int to, const char *const names[3]) {
    static const char *const given[] = {INHERITED_HASHES, INHERITED_STAT, INHERITED_MANIFEST};
    for (int i = 0; i < 3; i++)
        if (renameat(from, names[i], to, given[i]) != 0)
            return -errno;
    return 0;
}

int outwork_inherit(int state_fd, uint64_t from, uint64_t to) {
    static const char *const given[] = {INHERITED_HASHES, INHERITED_STAT, INHERITED_MANIFEST};
    static const char *const own[] = {"hashes", "stat", "manifest"};
    char names[2][OUTWORK_NAME_ROOM];
    int outgoing = open_outgoing(state_fd);
    outwork_name(names[0], from);
    outwork_name(names[1], to);
    int source = outgoing < 0 ? outgoing : open_directory(outgoing, names[0]);
    int target = outgoing < 0 ? outgoing : open_directory(outgoing, names[1]);
    int error = source < 0 ? source : target < 0 ? target : 0;
    if (error == 0)
        error = give_over(source, target,
                          faccessat(source, INHERITED_MANIFEST, F_OK, 0) == 0 ? given : own);
    io_close(&source);
    io_close(&target);
    io_close(&outgoing);
    return error == -ENOENT ? 0 : error;
}

int outwork_remove_name(int state_fd, const char *name, struct fail *fail) {
    int outgoing = open_outgoing(state_fd);
    int error = outgoing < 0 ? outgoing : remove_directory(outgoing, name);
    io_close(&outgoing);
    return error == 0 ? 0
                      : fail_set(fail, error, "cannot remove the files of a transfer (%s)", name);
}

int outwork_remove(int state_fd, uint64_t number, struct fail *fail) {
    char name[OUTWORK_NAME_ROOM];
    outwork_name(name, number);
    return outwork_remove_name(state_fd, name, fail);
}

bool outwork_path(char *out, size_t room, const char *state, const char *name) {
    int length = snprintf(out, room, "%s/outgoing/%s", state, name);
    return length > 0 && (size_t)length < room;
}

void outwork_name(char name[OUTWORK_NAME_ROOM], uint64_t number) {
    snprintf(name, OUTWORK_NAME_ROOM, "%" PRIu64, number);
}
