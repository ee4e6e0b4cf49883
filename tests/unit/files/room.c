#include "room.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#define NOBODY 65534

struct fail room_fail;

static char building[64]; /* of all rooms of a test case */
static char room[128];

/* By descriptors, for some tests make paths that are too long to be named. Directories first get
 * a mode that lets a user other than root empty them. */
static void remove_tree(int parent, const char *name) {
    if (unlinkat(parent, name, 0) == 0)
        return;
    if (fchmodat(parent, name, 0700, 0) < 0)
        perror(name);
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    if (directory == NULL) {
        perror(name);
        return;
    }
    for (const struct dirent *found; (found = readdir(directory)) != NULL;)
        if (strcmp(found->d_name, ".") != 0 && strcmp(found->d_name, "..") != 0)
            remove_tree(fd, found->d_name);
    closedir(directory);
    unlinkat(parent, name, AT_REMOVEDIR);
}

static void make_building(void) {
    const char *base = getenv("TMPDIR");
    snprintf(building, sizeof(building), "%.40s/fxnode-files-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(building) == NULL || chmod(building, 0711) < 0) {
        perror(building);
        exit(EXIT_FAILURE);
    }
}

static void remove_building(void) {
    remove_tree(AT_FDCWD, building);
}

static void enter(void) {
    snprintf(room, sizeof(room), "%s/XXXXXX", building);
    ck_assert_ptr_nonnull(mkdtemp(room));
    ck_assert_int_eq(chdir(room), 0);
    umask(022);
    room_fail = (struct fail){0};
}

TCase *room_case(const char *name) {
    TCase *tc = tcase_create(name);
    tcase_add_unchecked_fixture(tc, make_building, remove_building);
    tcase_add_checked_fixture(tc, enter, NULL);
    tcase_set_timeout(tc, 30);
    return tc;
}

const char *room_path(const char *path) {
    static char buffers[4][8192];
    static unsigned turn;
    char *out = buffers[turn++ % 4];
    snprintf(out, sizeof(buffers[0]), "%s%s%s", room, path != NULL ? "/" : "",
             path != NULL ? path : "");
    return out;
}

void room_directory(const char *path) {
    ck_assert_msg(mkdir(path, 0755) == 0, "mkdir %s: %s", path, strerror(errno));
}

void room_write(const char *path, const void *data, size_t length) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    ck_assert_msg(fd >= 0, "open %s: %s", path, strerror(errno));
    ck_assert_int_eq(write(fd, data, length), (ssize_t)length);
    close(fd);
}

void room_text(const char *path, const char *text) {
    room_write(path, text, strlen(text));
}

void room_link(const char *target, const char *path) {
    ck_assert_msg(symlink(target, path) == 0, "symlink %s: %s", path, strerror(errno));
}

void room_name(const char *original, const char *path) {
    ck_assert_msg(link(original, path) == 0, "link %s: %s", path, strerror(errno));
}

bool room_attribute(const char *path, const char *name, const char *text) {
    if (lsetxattr(path, name, text, strlen(text), 0) == 0)
        return true;
    ck_assert_msg(errno == ENOTSUP, "attribute of %s: %s", path, strerror(errno));
    printf("SKIPPED: no extended attributes in %s\n", room);
    return false;
}

bool room_has_attribute(const char *path, const char *name, const char *text) {
    char value[256];
    ssize_t length = lgetxattr(path, name, value, sizeof(value));
    return length == (ssize_t)strlen(text) && memcmp(value, text, strlen(text)) == 0;
}

void room_time(const char *path, int64_t seconds, uint32_t nanoseconds) {
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                {.tv_sec = seconds, .tv_nsec = nanoseconds}};
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

bool room_exists(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0;
}

struct stat room_stat(const char *path) {
    struct stat st = {0};
    ck_assert_msg(lstat(path, &st) == 0, "stat %s: %s", path, strerror(errno));
    return st;
}

bool room_holds(const char *path, const void *data, size_t length) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    char *found = malloc(length + 1);
    ck_assert_ptr_nonnull(found);
    ssize_t got = read(fd, found, length + 1);
    bool same = got == (ssize_t)length && memcmp(found, data, length) == 0;
    free(found);
    close(fd);
    return same;
}

bool room_says(const char *path, const char *text) {
    return room_holds(path, text, strlen(text));
}

size_t room_count(const char *path) {
    size_t count = 0;
    DIR *directory = opendir(path);
    ck_assert_ptr_nonnull(directory);
    for (const struct dirent *found; (found = readdir(directory)) != NULL;)
        count += strcmp(found->d_name, ".") != 0 && strcmp(found->d_name, "..") != 0;
    closedir(directory);
    return count;
}

struct entry room_file(const char *path, uint64_t size) {
    return (struct entry){
        .type = ENTRY_FILE,
        .mode = 0640,
        .size = size,
        .mtime_s = 1000000000,
        .mtime_ns = 123456789,
        .path = path,
        .path_length = strlen(path),
    };
}

struct entry room_folder(const char *path, uint32_t mode) {
    return (struct entry){
        .type = ENTRY_DIRECTORY,
        .mode = mode,
        .mtime_s = 900000000,
        .mtime_ns = 5,
        .path = path,
        .path_length = strlen(path),
    };
}

struct entry room_symlink(const char *path, const char *target) {
    return (struct entry){
        .type = ENTRY_SYMLINK,
        .mode = 0777,
        .mtime_s = 800000000,
        .mtime_ns = 8,
        .path = path,
        .path_length = strlen(path),
        .target = target,
        .target_length = strlen(target),
    };
}

void room_become_user(void) {
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(chown(room, NOBODY, NOBODY), 0);
    ck_assert_int_eq(setresgid(NOBODY, NOBODY, NOBODY), 0);
    ck_assert_int_eq(setresuid(NOBODY, NOBODY, NOBODY), 0);
    /* The leak checker looks at its own process from outside. */
    ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1), 0);
}

static void filter_calls(struct sock_filter *rules, unsigned short count) {
    struct sock_fprog program = {count, rules};
    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

void room_forbid(long number, int error) {
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    filter_calls(rules, sizeof(rules) / sizeof(*rules));
}

void room_forbid_one(long number, uint32_t second, int error) {
    const size_t low = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? sizeof(uint32_t) : 0;
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 (uint32_t)(offsetof(struct seccomp_data, args[1]) + low)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, second, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    filter_calls(rules, sizeof(rules) / sizeof(*rules));
}

/* Makes this user the root of a new user namespace. */
static void map_user(uid_t user, gid_t group) {
    char map[48];
    room_text("/proc/self/setgroups", "deny");
    snprintf(map, sizeof(map), "0 %u 1", (unsigned)group);
    room_text("/proc/self/gid_map", map);
    snprintf(map, sizeof(map), "0 %u 1", (unsigned)user);
    room_text("/proc/self/uid_map", map);
}

bool room_mount(const char *path, size_t bytes) {
    char options[64];
    uid_t user = geteuid();
    gid_t group = getegid();
    snprintf(options, sizeof(options), "size=%zu,mode=0755", bytes);
    if (unshare(CLONE_NEWNS | (user == 0 ? 0 : CLONE_NEWUSER)) < 0) {
        printf("SKIPPED: no mount namespace for this user: %s\n", strerror(errno));
        return false;
    }
    if (user != 0)
        map_user(user, group);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", path, "tmpfs", 0, options) < 0) {
        printf("SKIPPED: tmpfs cannot be mounted: %s\n", strerror(errno));
        return false;
    }
    return true;
}
