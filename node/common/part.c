#include "node/common/part.h"

#include "base/escape.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOWEST 10 /* below are the descriptors that a part is given */

/* The directory of this program, with the slash at its end. */
static int find_here(char here[PATH_MAX], struct fail *fail) {
    ssize_t length = readlink("/proc/self/exe", here, PATH_MAX - 1);

    if (length < 0)
        return fail_set(fail, -errno, "cannot tell where fxnode is installed: is /proc mounted?");
    here[length] = '\0';
    strrchr(here, '/')[1] = '\0';
    return 0;
}

/* Whether it is a program of whoever this one is from: in a directory where others may put files
 * one could be waiting. */
static bool is_ours(int fd) {
    struct stat self;
    struct stat st;

    return stat("/proc/self/exe", &self) == 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
           (st.st_uid == self.st_uid || st.st_uid == 0);
}

static int open_in(const char *here, const char *folder, const char *role) {
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s%sfxnode-%s", here, folder, role);
    int low = -1;
    int fd = -1;

    if ((size_t)length >= sizeof path)
        return -ENAMETOOLONG;
    low = open(path, O_PATH | O_CLOEXEC);
    if (low < 0)
        return -errno;
    if (is_ours(low))
        fd = fcntl(low, F_DUPFD_CLOEXEC, LOWEST);
    else
        errno = EPERM;
    if (fd < 0)
        fd = -errno;
    io_close(&low);
    return fd;
}

int part_open(struct part *part, const char *role, struct fail *fail) {
    char here[PATH_MAX];
    char shown[ESCAPE_ROOM(PATH_MAX)];
    int fd = find_here(here, fail);

    if (fd < 0)
        return fd;
    fd = open_in(here, "", role);
    if (fd == -ENOENT)
        fd = open_in(here, FXNODE_PARTS "/", role);
    if (fd < 0) {
        escape_text(shown, sizeof shown, here);
        return fail_set(fail, fd,
                        "cannot %s fxnode-%s, a part of fxnode, from %s: install it again",
                        fd == -EPERM ? "trust" : "find", role, shown);
    }
    *part = (struct part){.role = role, .fd = fd};
    return 0;
}

void part_close(struct part *part) {
    io_close(&part->fd);
}

int part_become(const struct part *part, char *const argv[]) {
    char path[PART_PATH_ROOM];

    part_path(part, path);
    execv(path, argv);
    return -errno;
}

void part_path(const struct part *part, char path[PART_PATH_ROOM]) {
    snprintf(path, PART_PATH_ROOM, "/proc/self/fd/%d", part->fd);
}

void part_name(const char *role) {
    char name[16]; /* the kernel's room */

    snprintf(name, sizeof name, "fxnode-%s", role);
    prctl(PR_SET_NAME, name);
}
