#include "files/beneath.h"
#include "base/limits.h"
#include "room.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Every test runs with openat2 (0) and with the walk that stands in for it (1). */
static int root = -1;

static struct beneath *below(const char *directory, int walk) {
    struct beneath *beneath = NULL;
    root = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(root, 0);
    ck_assert_int_eq(beneath_new(&beneath, root, walk != 0), 0);
    return beneath;
}

static void done(struct beneath *beneath) {
    beneath_free(beneath);
    close(root);
}

static int create(struct beneath *beneath, const char *path) {
    int fd = beneath_open(beneath, path, strlen(path), O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0)
        return fd;
    int flags = fcntl(fd, F_GETFD);
    close(fd);
    ck_assert(flags & FD_CLOEXEC);
    return 0;
}

static int make_directory(struct beneath *beneath, const char *path, size_t length) {
    int parent = -1;
    const char *name = NULL;
    int error = beneath_parent(beneath, path, length, &parent, &name);
    if (error < 0)
        return error;
    return mkdirat(parent, name, 0700) < 0 ? -errno : 0;
}

START_TEST(test_makes_and_finds) {
    struct beneath *beneath = below(".", _i);
    ck_assert_int_eq(make_directory(beneath, "a", 1), 0);
    ck_assert_int_eq(make_directory(beneath, "a/b", 3), 0);
    ck_assert_int_eq(create(beneath, "a/b/one"), 0);
    ck_assert_int_eq(create(beneath, "a/b/two"), 0);
    ck_assert_int_eq(create(beneath, "top"), 0);
    ck_assert(room_exists("a/b/one") && room_exists("a/b/two") && room_exists("top"));
    ck_assert_int_eq(create(beneath, "a/b/one"), -EEXIST);
    ck_assert_int_eq(beneath_unlink(beneath, "a/b/one", 7), 0);
    ck_assert(!room_exists("a/b/one"));
    ck_assert_int_eq(create(beneath, "a/c/one"), -ENOENT);
    ck_assert_int_eq(create(beneath, "a/b/two/three"), -ENOTDIR);
    done(beneath);
}
END_TEST

START_TEST(test_a_path_is_its_length) {
    struct beneath *beneath = below(".", _i);
    ck_assert_int_eq(make_directory(beneath, "abcdef", 3), 0);
    ck_assert(room_exists("abc") && !room_exists("abcdef"));
    int fd = beneath_open(beneath, "whatever", 0, O_RDONLY | O_DIRECTORY, 0);
    ck_assert_int_ge(fd, 0);
    close(fd);
    done(beneath);
}
END_TEST

static const char *const REFUSED[] = {"..",    "../x",      "a/../x",     "/tmp/x", "a//x",
                                      "./x",   "a/../../x", "",           "a/",     "link/x",
                                      "rel/x", "a/out/x",   "a/out/../x", "up/x"};

START_TEST(test_nothing_leads_out) {
    for (int walk = 0; walk < 2; walk++) {
        room_directory(walk != 0 ? "walk" : "openat2");
        ck_assert_int_eq(chdir(walk != 0 ? "walk" : "openat2"), 0);
        room_directory("in");
        room_directory("in/a");
        room_directory("out");
        room_link(room_path(walk != 0 ? "walk/out" : "openat2/out"), "in/link");
        room_link("a", "in/rel");
        room_link("../../out", "in/a/out");
        room_link("..", "in/up");
        struct beneath *beneath = below("in", walk);
        const char *path = REFUSED[_i];
        /* The empty path is the root, which cannot be created. */
        ck_assert_int_lt(create(beneath, path), 0);
        ck_assert_int_lt(make_directory(beneath, path, strlen(path)), 0);
        ck_assert_int_lt(beneath_unlink(beneath, path, strlen(path)), 0);
        ck_assert_uint_eq(room_count("out"), 0);
        ck_assert_uint_eq(room_count("."), 2);
        ck_assert_uint_eq(room_count("in/a"), 1);
        done(beneath);
        ck_assert_int_eq(chdir(".."), 0);
    }
}
END_TEST

START_TEST(test_last_component_is_not_followed) {
    struct beneath *beneath = below(".", _i);
    room_text("target", "kept");
    room_link("target", "link");
    room_link("nowhere", "dangling");
    ck_assert_int_eq(create(beneath, "link"), -EEXIST);
    ck_assert_int_eq(create(beneath, "dangling"), -EEXIST);
    ck_assert_int_eq(beneath_open(beneath, "link", 4, O_RDWR, 0), -ELOOP);
    ck_assert_int_eq(beneath_open(beneath, "dangling", 8, O_RDWR | O_CREAT, 0600), -ELOOP);
    ck_assert_int_eq(beneath_unlink(beneath, "link", 4), 0);
    ck_assert(room_says("target", "kept") && !room_exists("nowhere"));
    done(beneath);
}
END_TEST

/* What is kept is the directory, whatever has its name now. */
START_TEST(test_keeps_the_directory) {
    struct beneath *beneath = below(".", _i);
    room_directory("d");
    ck_assert_int_eq(create(beneath, "d/one"), 0);
    ck_assert_int_eq(rename("d", "moved"), 0);
    room_directory("d");
    ck_assert_int_eq(create(beneath, "d/two"), 0);
    ck_assert(room_exists("moved/one") && room_exists("moved/two"));
    done(beneath);
}
END_TEST

/* The longest legal path: LIMIT_DEPTH components, LIMIT_PATH bytes, one of LIMIT_COMPONENT. */
START_TEST(test_at_the_limits) {
    static char path[LIMIT_PATH + 1];
    struct beneath *beneath = below(".", _i);
    size_t length = 0;
    for (unsigned depth = 1; depth < LIMIT_DEPTH; depth++) {
        size_t wide = depth == 1 ? LIMIT_COMPONENT : 29;
        memset(path + length, 'a' + (int)(depth % 26), wide);
        ck_assert_int_eq(make_directory(beneath, path, length + wide), 0);
        length += wide;
        path[length++] = '/';
    }
    ck_assert_uint_le(LIMIT_PATH - length, LIMIT_COMPONENT);
    memset(path + length, 'z', LIMIT_PATH - length);
    int fd = beneath_open(beneath, path, LIMIT_PATH, O_WRONLY | O_CREAT | O_EXCL, 0600);
    ck_assert_int_ge(fd, 0);
    close(fd);
    ck_assert_int_eq(beneath_open(beneath, path, LIMIT_PATH + 1, O_RDONLY, 0), -EINVAL);
    done(beneath);
}
END_TEST

START_TEST(test_names_are_bytes) {
    struct beneath *beneath = below(".", _i);
    ck_assert_int_eq(make_directory(beneath, "\xff\xfe", 2), 0);
    ck_assert_int_eq(create(beneath, "\xff\xfe/\x01\n \\\xc3"), 0);
    ck_assert(room_exists("\xff\xfe/\x01\n \\\xc3"));
    done(beneath);
}
END_TEST

/* What a kernel without openat2 says, and what a filter that does not know it says. */
static const int LACKING[] = {ENOSYS, EPERM};

START_TEST(test_systems_without_openat2) {
    struct beneath *beneath = below(".", 0);
    room_directory("d");
    room_directory("d/e");
    room_directory("out");
    room_link("../out", "d/link");
    room_forbid(SYS_openat2, LACKING[_i]);
    ck_assert_int_eq(syscall(SYS_openat2, -1, "", NULL, 0), -1);
    ck_assert_int_eq(errno, LACKING[_i]);
    ck_assert_int_eq(create(beneath, "d/e/f"), 0);
    ck_assert_int_lt(create(beneath, "d/link/f"), 0);
    ck_assert(room_exists("d/e/f"));
    ck_assert_uint_eq(room_count("out"), 0);
    done(beneath);
}
END_TEST

static atomic_bool stop_flipping;

/* Swaps the directory for a link that leads out, and back. */
static void *flip(void *nothing) {
    while (!atomic_load(&stop_flipping)) {
        renameat2(AT_FDCWD, "in/d", AT_FDCWD, "in/link", RENAME_EXCHANGE);
        renameat2(AT_FDCWD, "in/d", AT_FDCWD, "in/link", RENAME_EXCHANGE);
    }
    return nothing;
}

/* Goes on until the directory was met often enough in both of its shapes. */
START_TEST(test_flipping_a_link) {
    pthread_t flipper;
    unsigned made = 0;
    unsigned refused = 0;
    room_directory("in");
    room_directory("in/d");
    room_directory("in/d/e");
    room_directory("out");
    room_directory("out/e");
    room_link("../out", "in/link");
    struct beneath *beneath = below("in", _i);
    atomic_store(&stop_flipping, false);
    ck_assert_int_eq(pthread_create(&flipper, NULL, flip, NULL), 0);
    for (unsigned i = 0; made < 500 || refused < 500; i++) {
        char path[32];
        snprintf(path, sizeof(path), i % 2 == 0 ? "d/%u" : "d/e/%u", i);
        done(beneath);
        beneath = below("in", _i); /* keeps no directory yet */
        if (create(beneath, path) == 0)
            made++;
        else
            refused++;
    }
    atomic_store(&stop_flipping, true);
    pthread_join(flipper, NULL);
    ck_assert_uint_eq(room_count("out"), 1);
    ck_assert_uint_eq(room_count("out/e"), 0);
    done(beneath);
}
END_TEST

Suite *suite_beneath(void) {
    Suite *suite = suite_create("beneath");
    TCase *tc = room_case("beneath");
    tcase_add_loop_test(tc, test_makes_and_finds, 0, 2);
    tcase_add_loop_test(tc, test_a_path_is_its_length, 0, 2);
    tcase_add_loop_test(tc, test_nothing_leads_out, 0, sizeof(REFUSED) / sizeof(*REFUSED));
    tcase_add_loop_test(tc, test_last_component_is_not_followed, 0, 2);
    tcase_add_loop_test(tc, test_keeps_the_directory, 0, 2);
    tcase_add_loop_test(tc, test_at_the_limits, 0, 2);
    tcase_add_loop_test(tc, test_names_are_bytes, 0, 2);
    tcase_add_loop_test(tc, test_systems_without_openat2, 0, 2);
    tcase_add_loop_test(tc, test_flipping_a_link, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}
