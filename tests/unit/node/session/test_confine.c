#include "lab.h"
#include "tree.h"

#include "base/chan.h"
#include "node/session/confine.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static struct lab lab;

static void set_up(void) {
    lab_open(&lab);
    ck_assert_int_eq(mkdir(lab.destination, 0755), 0);
    tree_file(lab.source, "file", 10, 1, 0644);
    tree_file(lab.destination, "file", 10, 1, 0644);
    tree_file(lab.work, "file", 10, 1, 0644);
}

static void tear_down(void) {
    lab_close(&lab);
}

/* What a process sees when it has given up everything but reading `source`, owning `work` and
 * placing into `destination`. 0, or the line of what is not as it should be. */
#define EXPECT(condition)                                                                          \
    if (!(condition))                                                                              \
    return __LINE__

static bool can_open(const char *directory, const char *name, int flags) {
    int fd = open(lab_path(directory, name), flags | O_CLOEXEC, 0600);

    if (fd < 0)
        return false;
    close(fd);
    return true;
}

static int look_around(void) {
    struct confine_rule rules[] = {
        {.fd = open(lab.source, O_PATH | O_CLOEXEC), .right = CONFINE_READ},
        {.fd = open(lab.work, O_PATH | O_CLOEXEC), .right = CONFINE_OWN},
        {.fd = open(lab.destination, O_PATH | O_CLOEXEC), .right = CONFINE_PLACE}};

    EXPECT(confine_files(rules, 3) == 0);
    EXPECT(can_open(lab.source, "file", O_RDONLY));
    EXPECT(!can_open(lab.source, "file", O_WRONLY));
    EXPECT(!can_open(lab.source, "new", O_WRONLY | O_CREAT));
    EXPECT(unlink(lab_path(lab.source, "file")) < 0);
    EXPECT(can_open(lab.work, "file", O_RDWR | O_TRUNC));
    EXPECT(can_open(lab.work, "new", O_WRONLY | O_CREAT));
    EXPECT(!can_open(lab.destination, "file", O_RDONLY));
    EXPECT(!can_open(lab.destination, "file", O_WRONLY));
    EXPECT(unlink(lab_path(lab.destination, "file")) < 0);
    EXPECT(rename(lab_path(lab.work, "new"), lab_path(lab.destination, "placed")) == 0);
    EXPECT(mkdir(lab_path(lab.work, "tree"), 0755) == 0);
    EXPECT(rename(lab_path(lab.work, "tree"), lab_path(lab.destination, "tree")) == 0);
    EXPECT(!can_open("/etc", "passwd", O_RDONLY));
    EXPECT(!can_open(lab.root, ".", O_RDONLY | O_DIRECTORY));
    EXPECT(kill(getppid(), 0) < 0 || getppid() == 1);
    return 0;
}

static int look_again(void) {
    struct confine_rule work = {.fd = open(lab.work, O_PATH | O_CLOEXEC), .right = CONFINE_OWN};
    int r = look_around();

    EXPECT(r == 0);
    EXPECT(confine_files(&work, 1) == 0);
    EXPECT(can_open(lab.work, "file", O_RDWR));
    EXPECT(!can_open(lab.source, "file", O_RDONLY));
    EXPECT(mkdir(lab_path(lab.destination, "more"), 0755) < 0);
    return 0;
}

static int status_of(int (*what)(void)) {
    int status = 0;
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        int line = what();

        if (line != 0)
            dprintf(STDERR_FILENO, "%s:%d is not as it should be\n", __FILE__, line);
        _exit(line == 0 ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

START_TEST(only_what_is_named_is_reachable) {
    ck_assert_int_eq(status_of(look_around), 0);
}
END_TEST

START_TEST(a_second_layer_takes_more) {
    ck_assert_int_eq(status_of(look_again), 0);
}
END_TEST

static void *do_nothing(void *argument) {
    return argument;
}

/* What stands for a hard link, and attributes, where the file system has any. */
static int copy_and_tag(void) {
    const char *from = lab_path(lab.work, "file");
    const char *to = lab_path(lab.work, "copy");
    int in = open(from, O_RDWR | O_CLOEXEC);
    int out = open(to, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    EXPECT(confine_calls() == 0);
    EXPECT(write(in, "text", 4) == 4);
    EXPECT(lseek(in, 0, SEEK_SET) == 0);
    EXPECT(copy_file_range(in, NULL, out, NULL, 4, 0) == 4);
    EXPECT(linkat(AT_FDCWD, from, AT_FDCWD, lab_path(lab.work, "name"), 0) == 0);
    EXPECT(fsetxattr(out, "user.x", "y", 1, 0) == 0 || errno == ENOTSUP);
    return 0;
}

static int work_as_usual(void) {
    pthread_t thread;
    struct confine_rule work = {.fd = open(lab.work, O_PATH | O_CLOEXEC), .right = CONFINE_OWN};

    EXPECT(confine_calls() == 0);
    EXPECT(pthread_create(&thread, NULL, do_nothing, NULL) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
    EXPECT(can_open(lab.work, "file", O_RDWR));
    EXPECT(confine_files(&work, 1) == 0);
    EXPECT(kill(getpid(), 0) == 0);
    EXPECT(kill(getppid(), 0) < 0 && errno == EPERM);
    EXPECT(fork() < 0);
    return 0;
}

/* No rule on paths covers modes: nothing of the user's is opened to others, or closed to the user.
 */
static int change_modes(void) {
    const char *path = lab_path(lab.work, "file");
    int fd = open(path, O_RDWR | O_CLOEXEC);

    EXPECT(confine_calls() == 0);
    EXPECT(chmod(path, 0644) < 0 && errno == EPERM);
    EXPECT(chmod(path, 0) < 0 && errno == EPERM);
    EXPECT(fchmodat(AT_FDCWD, path, 0666, 0) < 0 && errno == EPERM);
    EXPECT(chmod(path, 0600) == 0);
    EXPECT(fchmod(fd, 0644) == 0);
    return 0;
}

/* Signals by way of a descriptor, the pace of others, descriptors that take long to close. */
static int touch_the_parent(void) {
    struct linger linger = {.l_onoff = 1, .l_linger = 60};
    struct timeval patience = {.tv_sec = 1};
    int pair[2];

    EXPECT(chan_pair(pair) == 0);
    EXPECT(confine_calls() == 0);
    EXPECT(fcntl(pair[0], F_SETOWN, getppid()) < 0 && errno == EPERM);
    EXPECT(fcntl(pair[0], F_SETSIG, SIGKILL) < 0 && errno == EPERM);
    EXPECT(fcntl(pair[0], F_GETFL) >= 0);
    EXPECT(setpriority(PRIO_PROCESS, (id_t)getppid(), 10) < 0 && errno == EPERM);
    EXPECT(setpriority(PRIO_PROCESS, 0, 10) == 0);
    EXPECT(setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &linger, sizeof linger) < 0);
    EXPECT(setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0);
    /* No option of a socket of this kind, but none that is forbidden. */
    EXPECT(setsockopt(pair[0], IPPROTO_TCP, TCP_CONGESTION, "reno", 4) < 0 && errno == EOPNOTSUPP);
    EXPECT(chan_send(pair[0], "x", 1, &pair[1], 1, 0) == -EPERM);
    EXPECT(chan_send(pair[0], "x", 1, NULL, 0, 0) == 0);
    return 0;
}

static int run_a_program(void) {
    EXPECT(confine_calls() == 0);
    execl("/bin/true", "true", NULL);
    return 0;
}

static int open_a_socket(void) {
    EXPECT(confine_calls() == 0);
    (void)socket(AF_INET, SOCK_STREAM, 0);
    return 0;
}

static void *hoard;

/* Takes all memory that this process may still have. */
static void use_up_memory(void) {
    const struct rlimit none = {0};
    void **more = NULL;

    setrlimit(RLIMIT_AS, &none);
    while ((more = malloc(sizeof *more)) != NULL) {
        *more = hoard;
        hoard = more;
    }
}

static int confine_without_memory(void) {
    use_up_memory();
    EXPECT(confine_calls() == 0);
    EXPECT(kill(getppid(), 0) < 0 && errno == EPERM);
    (void)socket(AF_INET, SOCK_STREAM, 0);
    return 0;
}

START_TEST(moving_files_still_works) {
    ck_assert_int_eq(status_of(work_as_usual), 0);
}
END_TEST

START_TEST(links_and_attributes_still_work) {
    ck_assert_int_eq(status_of(copy_and_tag), 0);
}
END_TEST

START_TEST(modes_of_other_files_stay) {
    ck_assert_int_eq(status_of(change_modes), 0);
}
END_TEST

START_TEST(the_node_is_out_of_reach) {
    ck_assert_int_eq(status_of(touch_the_parent), 0);
}
END_TEST

/* Also where there was no memory left when it was confined: half a filter is none. */
START_TEST(what_reaches_out_kills) {
    static int (*const reaches_out[])(void) = {run_a_program, open_a_socket,
                                               confine_without_memory};
    int status = status_of(reaches_out[_i]);

    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGSYS);
}
END_TEST

static bool write_line(const char *path, const char *line) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool good = fd >= 0 && write(fd, line, strlen(line)) == (ssize_t)strlen(line);

    if (fd >= 0)
        close(fd);
    return good;
}

/* A mount namespace of our own, for those who may not mount in a user namespace that maps only
 * them. */
static bool leave_mounts(void) {
    char uid[32];
    char gid[32];

    snprintf(uid, sizeof uid, "%u %u 1", geteuid(), geteuid());
    snprintf(gid, sizeof gid, "%u %u 1", getegid(), getegid());
    if (geteuid() == 0)
        return unshare(CLONE_NEWNS) == 0;
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_line("/proc/self/uid_map", uid) &&
           write_line("/proc/self/setgroups", "deny") && write_line("/proc/self/gid_map", gid);
}

/* A destination of its own size, that only this test sees. Where the system does not allow that
 * the test says so and is over. */
static bool limit_destination(const char *size) {
    char options[64];

    snprintf(options, sizeof options, "size=%s", size);
    if (leave_mounts() && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
        mount("tmpfs", lab.destination, "tmpfs", 0, options) == 0)
        return true;
    fprintf(stderr, "skipped: no mount of our own here: %s\n", strerror(errno));
    return false;
}

START_TEST(too_little_space_is_told_before) {
    if (!limit_destination("3m"))
        return;
    tree_file(lab.source, "large", 8 << 20, 1, 0644);
    lab_add(&lab, "large");
    lab_scan(&lab);
    lab_transfer(&lab);
    ck_assert_int_eq(lab.sender.outcome, LAB_ENDED(NO_SPACE));
    ck_assert_int_eq(lab.receiver.outcome, LAB_ENDED(NO_SPACE));
    ck_assert_ptr_nonnull(strstr(lab.receiver.text, lab.destination));
    ck_assert_uint_eq(lab.sender.moved, 0);
    umount2(lab.destination, MNT_DETACH);
}
END_TEST

/* From now on no file system knows of holes, for this process and its children. */
static void forget_holes(void) {
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fallocate, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_lseek, 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, SEEK_DATA, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
    };
    struct sock_fprog program = {sizeof rules / sizeof *rules, rules};

    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

/* Its holes need no room at the sender, and all of it where zeros have to be written. */
START_TEST(holes_need_room_where_there_are_none) {
    if (!limit_destination("3m"))
        return;
    tree_file(lab.source, "sparse", 1, 1, 0644);
    ck_assert_int_eq(truncate(lab_path(lab.source, "sparse"), 8 << 20), 0);
    lab_add(&lab, "sparse");
    lab_scan(&lab);
    if (_i == 1)
        forget_holes();
    lab_transfer(&lab);
    ck_assert_int_eq(lab.sender.outcome, _i == 1 ? LAB_ENDED(NO_SPACE) : LAB_ENDED(COMPLETE));
    ck_assert_uint_le(lab.sender.moved, 4096);
    umount2(lab.destination, MNT_DETACH);
}
END_TEST

/* It was enough when the transfer began. */
START_TEST(a_disk_that_fills_up_is_told) {
    if (!limit_destination("9m"))
        return;
    tree_file(lab.source, "large", 8 << 20, 1, 0644);
    lab_add(&lab, "large");
    lab_scan(&lab);
    lab.fill_at = 1;
    lab.batch_bytes = 2 << 20;
    lab_transfer(&lab);
    ck_assert_int_eq(lab.sender.outcome, LAB_ENDED(NO_SPACE));
    ck_assert_int_eq(lab.receiver.outcome, LAB_ENDED(NO_SPACE));
    ck_assert_ptr_nonnull(strstr(lab.receiver.text, lab.destination));
    lab.fill_at = 0;
    ck_assert_int_eq(unlink(lab_path(lab.destination, "filler")), 0);
    lab_transfer(&lab);
    ck_assert_int_eq(lab.receiver.outcome, LAB_ENDED(COMPLETE));
    ck_assert_uint_lt(lab.sender.moved, lab.bytes);
    tree_compare(lab_path(lab.source, "large"), lab_path(lab.destination, "large"));
    umount2(lab.destination, MNT_DETACH);
}
END_TEST

/* What was written when it was cut off, and is not recorded. */
START_TEST(what_is_there_needs_no_room_again) {
    if (!limit_destination("9m"))
        return;
    tree_file(lab.source, "large", 8 << 20, 1, 0644);
    lab_add(&lab, "large");
    lab_scan(&lab);
    lab.kill_receiver_at = 1;
    lab.batch_bytes = 8 << 20;
    lab.batch_ms = 600000; /* however long it takes */
    lab_transfer(&lab);
    ck_assert_uint_ge(rangeset_total(&lab.extents), 3);
    rangeset_clear(&lab.extents);
    lab.kill_receiver_at = 0;
    lab_transfer(&lab);
    ck_assert_int_eq(lab.receiver.outcome, LAB_ENDED(COMPLETE));
    tree_compare(lab_path(lab.source, "large"), lab_path(lab.destination, "large"));
    umount2(lab.destination, MNT_DETACH);
}
END_TEST

/* Builds with a sanitizer do not restrict their calls: it has some of its own. */
static bool restricts_calls(void) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(SANITIZED)
    return false;
#else
    return true;
#endif
}

static bool has_landlock(void) {
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 2;
}

static Suite *suite(void) {
    Suite *s = suite_create("session-confine");
    TCase *confine = tcase_create("confine");
    TCase *space = tcase_create("space");

    tcase_add_checked_fixture(confine, set_up, tear_down);
    if (has_landlock()) {
        tcase_add_test(confine, only_what_is_named_is_reachable);
        tcase_add_test(confine, a_second_layer_takes_more);
    }
    if (restricts_calls()) {
        tcase_add_test(confine, moving_files_still_works);
        tcase_add_test(confine, links_and_attributes_still_work);
        tcase_add_test(confine, modes_of_other_files_stay);
        tcase_add_test(confine, the_node_is_out_of_reach);
        tcase_add_loop_test(confine, what_reaches_out_kills, 0, 3);
    }
    suite_add_tcase(s, confine);
    tcase_add_checked_fixture(space, set_up, tear_down);
    tcase_set_timeout(space, 60);
    tcase_add_test(space, too_little_space_is_told_before);
    tcase_add_loop_test(space, holes_need_room_where_there_are_none, 0, 2);
    tcase_add_test(space, a_disk_that_fills_up_is_told);
    tcase_add_test(space, what_is_there_needs_no_room_again);
    suite_add_tcase(s, space);
    return s;
}

int main(void) {
    SRunner *runner = srunner_create(suite());
    int failed = 0;

    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
