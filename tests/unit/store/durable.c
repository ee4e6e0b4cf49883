/* Extents against a plain bitmap; what was reported as committed after kill -9; a full disk. */
#include "fixture.h"
#include "store/store_extent.h"
#include "store/store_setting.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNITS 200

static uint64_t make_incoming(uint64_t units) {
    struct store_transfer_new with = fixture_incoming(1, STORE_RUNNING);
    with.units = units;
    return fixture_create(&with);
}

/* The stored ranges are exactly the bits, and none touches the next. */
static void check_extents(uint64_t number, const bool *bits) {
    struct rangeset set;
    uint64_t rows = 0, runs = 0;
    rangeset_init(&set);
    ck_assert_int_eq(store_extent_load(fixture, number, &set, &fixture_fail), 0);
    for (uint64_t i = 0; i < UNITS; i++) {
        ck_assert_msg(rangeset_contains(&set, i, 1) == bits[i], "unit %d", (int)i);
        runs += bits[i] && (i == 0 || !bits[i - 1]);
    }
    rows = set.length;
    rangeset_clear(&set);
    ck_assert_uint_eq(rows, runs);
}

START_TEST(test_extents_match_bitmap) {
    static bool bits[UNITS];
    uint64_t number = make_incoming(UNITS);
    srand(20261122 + (unsigned)_i);
    for (int round = 0; round < 300; round++) {
        struct range ranges[4];
        for (size_t i = 0; i < 4; i++) {
            ranges[i].first = (uint64_t)rand() % UNITS;
            ranges[i].count = (uint64_t)rand() % (_i == 0 ? 12 : 60);
            if (ranges[i].count > UNITS - ranges[i].first)
                ranges[i].count = UNITS - ranges[i].first;
            for (uint64_t u = 0; u < ranges[i].count; u++)
                bits[ranges[i].first + u] = i < 2;
        }
        struct store_extent_change change = {
            .add = ranges, .add_count = 2, .forget = ranges + 2, .forget_count = 2};
        ck_assert_int_eq(store_extent_commit(fixture, number, &change, round, &fixture_fail), 0);
        check_extents(number, bits);
    }
    fixture_close();
    /* The rows themselves are merged, not only what is loaded of them. */
    ck_assert_int_eq(fixture_number("SELECT count(*) FROM extent a JOIN extent b ON a.transfer ="
                                    " b.transfer AND b.first > a.first"
                                    " AND b.first <= a.first + a.count"),
                     0);
    fixture_open();
    check_extents(number, bits);
}
END_TEST

START_TEST(test_extents_of_one_transfer) {
    struct rangeset set;
    const struct range some = {.first = 10, .count = 5};
    struct store_extent_change change = {.add = &some, .add_count = 1};
    struct store_transfer_new with = fixture_incoming(2, STORE_RUNNING);
    uint64_t number = make_incoming(UNITS), other = fixture_create(&with);
    ck_assert_int_eq(store_extent_commit(fixture, number, &change, 1, &fixture_fail), 0);
    rangeset_init(&set);
    ck_assert_int_eq(store_extent_load(fixture, other, &set, &fixture_fail), 0);
    ck_assert_uint_eq(rangeset_total(&set), 0);
    ck_assert_int_eq(store_extent_load(fixture, number, &set, &fixture_fail), 0);
    ck_assert_uint_eq(rangeset_total(&set), 5);
    rangeset_clear(&set);
}
END_TEST

/* A change with one bad range changes nothing at all. */
START_TEST(test_extents_refused) {
    static const bool none[UNITS];
    static const struct range bad[] = {{.first = UNITS, .count = 1},
                                       {.first = UNITS - 1, .count = 2},
                                       {.first = 1, .count = UINT64_MAX},
                                       {.first = UINT64_MAX, .count = 2}};
    uint64_t number = make_incoming(UNITS);
    for (size_t i = 0; i < 4; i++) {
        const struct range ranges[] = {{.first = 0, .count = 3}, bad[i]};
        struct store_extent_change change = {.add = ranges, .add_count = 2};
        ck_assert_int_eq(store_extent_commit(fixture, number, &change, 1, &fixture_fail), -ERANGE);
        check_extents(number, none);
    }
    struct store_extent_change nothing = {0};
    ck_assert_int_eq(store_extent_commit(fixture, 99, &nothing, 1, &fixture_fail), STORE_NONE);
    ck_assert_int_eq(
        store_transfer_set_state(fixture, number, STORE_CANCELLED, "", 1, &fixture_fail), 0);
    ck_assert_int_eq(store_extent_commit(fixture, number, &nothing, 1, &fixture_fail), STORE_STATE);
}
END_TEST

START_TEST(test_extents_are_bounded) {
    struct range *ranges = calloc(STORE_EXTENT_ROWS, sizeof *ranges);
    uint64_t number = make_incoming(4 * STORE_EXTENT_ROWS);
    const struct range one = {.first = 3 * STORE_EXTENT_ROWS, .count = 1};
    const struct range joins = {.first = 1, .count = 1};
    struct store_extent_change change = {.add = ranges, .add_count = STORE_EXTENT_ROWS};
    ck_assert_ptr_nonnull(ranges);
    for (uint64_t i = 0; i < STORE_EXTENT_ROWS; i++)
        ranges[i] = (struct range){.first = 2 * i, .count = 1};
    FIXTURE_OK(store_extent_commit(fixture, number, &change, 1, &fixture_fail));
    change = (struct store_extent_change){.add = &one, .add_count = 1};
    ck_assert_int_eq(store_extent_commit(fixture, number, &change, 1, &fixture_fail), -ERANGE);
    change.add = &joins;
    FIXTURE_OK(store_extent_commit(fixture, number, &change, 1, &fixture_fail));
    change.add = &one;
    FIXTURE_OK(store_extent_commit(fixture, number, &change, 1, &fixture_fail));
    free(ranges);
}
END_TEST

/* Commits one unit after another for ever, and says so after each. */
static void commit_and_report(uint64_t number, int report) {
    fixture_open();
    for (uint64_t unit = 0;; unit++) {
        struct range add = {.first = unit * 2, .count = 1}; /* never merges: the tree grows */
        struct store_extent_change change = {.add = &add, .add_count = 1};
        if (store_extent_commit(fixture, number, &change, 1, &fixture_fail) != 0 ||
            write(report, &unit, sizeof(unit)) != sizeof(unit))
            _exit(1);
    }
}

START_TEST(test_killed_keeps_what_was_reported) {
    int pipefd[2];
    struct rangeset set;
    uint64_t unit = 0, last = 0;
    uint64_t number = make_incoming(1 << 20);
    fixture_close();
    ck_assert_int_eq(pipe(pipefd), 0);
    pid_t pid = fork();
    if (pid == 0)
        commit_and_report(number, pipefd[1]);
    close(pipefd[1]);
    while (read(pipefd[0], &unit, sizeof(unit)) == sizeof(unit)) {
        last = unit;
        if (last == 40 + 97 * (uint64_t)_i)
            kill(pid, SIGKILL); /* what is in the pipe is still read */
    }
    close(pipefd[0]);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    fixture_open();
    rangeset_init(&set);
    ck_assert_int_eq(store_extent_load(fixture, number, &set, &fixture_fail), 0);
    ck_assert_uint_ge(last, 40);
    ck_assert_uint_ge(set.length, last + 1);
    ck_assert_uint_le(set.length, last + 2); /* one may have been committed and not reported */
    for (uint64_t i = 0; i <= last; i++)
        ck_assert(rangeset_contains(&set, i * 2, 1));
    rangeset_clear(&set);
}
END_TEST

/* Creates transfers until one cannot be recorded. Returns its error; *created is how many were. */
static int create_until_full(size_t *created) {
    static char path[60000];
    memset(path, 'p', sizeof(path));
    struct store_name name = {.bytes = path, .length = sizeof(path)};
    for (uint8_t id = 1; id < 200; id++) {
        uint64_t number;
        struct store_transfer_new with = fixture_outgoing(id, &name, 1);
        int rc = store_transfer_create(fixture, &with, &number, &fixture_fail);
        if (rc != 0)
            return rc;
        ++*created;
    }
    return 0;
}

static size_t count_transfers(void) {
    struct store_transfer_list list;
    ck_assert_int_eq(store_transfer_list(fixture, STORE_TRANSFERS_ALL, 0, &list, &fixture_fail), 0);
    size_t count = list.length;
    store_transfer_list_clear(&list);
    return count;
}

/* The system refuses to let files grow: an I/O error, in this process only. */
START_TEST(test_write_error) {
    struct rlimit limit, unlimited;
    size_t created = 0;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &unlimited), 0);
    limit = unlimited;
    limit.rlim_cur = 600000;
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    int rc = create_until_full(&created);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
    ck_assert_msg(rc == -EIO, "%d: %s", rc, fixture_fail.text);
    ck_assert_uint_gt(created, 0);
    ck_assert_ptr_nonnull(strstr(fixture_fail.text, fixture_path));
    ck_assert_uint_eq(count_transfers(), created);
    ck_assert_int_eq(store_setting_set(fixture, "after", 1, &fixture_fail), 0);
    fixture_close();
    fixture_open();
    ck_assert_uint_eq(count_transfers(), created);
}
END_TEST

/* After an error that undid a whole group, nothing of it can be committed any more. */
START_TEST(test_write_error_in_group) {
    struct rlimit limit, unlimited;
    int64_t value;
    size_t created = 0;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &unlimited), 0);
    limit = unlimited;
    limit.rlim_cur = 600000;
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(store_begin(fixture, &fixture_fail), 0);
    ck_assert_int_eq(store_setting_set(fixture, "before", 1, &fixture_fail), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    int rc = create_until_full(&created);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
    ck_assert_int_eq(rc, -EIO);
    ck_assert_int_eq(store_setting_set(fixture, "later", 1, &fixture_fail), -EIO);
    ck_assert_int_eq(store_end(fixture, 0, &fixture_fail), -EIO);
    ck_assert_int_eq(store_setting_get(fixture, "later", &value, &fixture_fail), STORE_NONE);
    ck_assert_int_eq(store_setting_get(fixture, "before", &value, &fixture_fail), STORE_NONE);
    ck_assert_uint_eq(count_transfers(), 0);
    ck_assert_int_eq(store_setting_set(fixture, "after", 1, &fixture_fail), 0);
}
END_TEST

static bool write_line(const char *path, const char *line) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, line, strlen(line)) == (ssize_t)strlen(line);
    if (fd >= 0)
        close(fd);
    return ok;
}

/* A user namespace in which we are root, so that we may mount. */
static bool become_root(void) {
    char users[64], groups[64];
    snprintf(users, sizeof(users), "0 %u 1", (unsigned)geteuid());
    snprintf(groups, sizeof(groups), "0 %u 1", (unsigned)getegid());
    return unshare(CLONE_NEWUSER) == 0 && write_line("/proc/self/uid_map", users) &&
           write_line("/proc/self/setgroups", "deny") && write_line("/proc/self/gid_map", groups);
}

/* In a mount namespace of its own: a small file system over the test's directory. 0, or 2 where the
 * system has no such namespaces for us. */
static int mount_small(void) {
    if ((geteuid() != 0 && !become_root()) || unshare(CLONE_NEWNS) < 0)
        return 2;
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return 2;
    return mount("none", fixture_dir, "tmpfs", 0, "size=2m,mode=0700") < 0 ? 2 : 0;
}

static int full_disk(void) {
    char ballast[112];
    size_t created = 0;
    if (mount_small() != 0) {
        fprintf(stderr, "no mount namespace: the full disk was not tried\n");
        return 0;
    }
    snprintf(ballast, sizeof(ballast), "%s/ballast", fixture_dir);
    int fd = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || posix_fallocate(fd, 0, 1 << 20) != 0)
        return 1;
    fixture_open();
    int rc = create_until_full(&created);
    if (rc != -ENOSPC || created == 0 || count_transfers() != created)
        return 1;
    close(fd);
    unlink(ballast);
    if (store_setting_set(fixture, "after", 1, &fixture_fail) != 0)
        return 1;
    fixture_close();
    fixture_open();
    return count_transfers() == created ? 0 : 1;
}

START_TEST(test_full_disk) {
    fixture_close();
    fixture_in_child(full_disk);
}
END_TEST

static int read_only_file_system(void) {
    if (mount_small() != 0) {
        fprintf(stderr, "no mount namespace: the read-only file system was not tried\n");
        return 0;
    }
    fixture_open();
    fixture_close();
    if (mount("none", fixture_dir, NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
        return 1;
    fixture_refused(-EROFS, "make them writable");
    return 0;
}

START_TEST(test_read_only_file_system) {
    fixture_close();
    fixture_in_child(read_only_file_system);
}
END_TEST

static Suite *suite(void) {
    Suite *s = suite_create("store-durable");
    TCase *t = tcase_create("extents");
    tcase_set_timeout(t, 60); /* a sync can take long beside others */
    tcase_add_checked_fixture(t, fixture_make_store, fixture_remove);
    tcase_add_loop_test(t, test_extents_match_bitmap, 0, 2);
    tcase_add_test(t, test_extents_of_one_transfer);
    tcase_add_test(t, test_extents_refused);
    tcase_add_test(t, test_extents_are_bounded);
    suite_add_tcase(s, t);

    t = tcase_create("disk");
    tcase_set_timeout(t, 60); /* a sync can take long beside others */
    tcase_add_checked_fixture(t, fixture_make_store, fixture_remove);
    tcase_add_loop_test(t, test_killed_keeps_what_was_reported, 0, 3);
    tcase_add_test(t, test_write_error);
    tcase_add_test(t, test_write_error_in_group);
    tcase_add_test(t, test_full_disk);
    tcase_add_test(t, test_read_only_file_system);
    suite_add_tcase(s, t);
    return s;
}

int main(void) {
    return fixture_run(suite());
}
