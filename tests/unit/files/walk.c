#include "base/path.h"
#include "room.h"
#include "suites.h"
#include "walked.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

START_TEST(test_describes_what_it_finds) {
    room_directory("d");
    room_text("d/file", "hello");
    room_directory("d/empty");
    room_link("file", "d/link");
    ck_assert_int_eq(chmod("d/file", 06751), 0);
    room_time("d/file", -5, 999999999);
    struct stat st = room_stat("d/file");
    ck_assert_int_eq(walked_one("d"), 0);
    ck_assert_str_eq(walked_all(), "d d/empty d/file d/link");
    ck_assert_int_eq(walked[0].entry.type, ENTRY_DIRECTORY);
    ck_assert_uint_eq(walked[0].entry.size, 0);
    ck_assert_uint_eq(walked[0].entry.mode, 0755);
    ck_assert_int_eq(walked[2].entry.type, ENTRY_FILE);
    ck_assert_uint_eq(walked[2].entry.size, 5);
    ck_assert_uint_eq(walked[2].entry.mode, 0751);
    ck_assert_int_eq(walked[2].entry.mtime_s, -5);
    ck_assert_uint_eq(walked[2].entry.mtime_ns, 999999999);
    ck_assert_uint_eq(walked[2].stamp.inode, st.st_ino);
    ck_assert_uint_eq(walked[2].stamp.device, st.st_dev);
    ck_assert_int_eq(walked[2].stamp.ctime_s, st.st_ctim.tv_sec);
    ck_assert_int_eq(walked[3].entry.type, ENTRY_SYMLINK);
    ck_assert_uint_eq(walked[3].entry.size, 0);
    ck_assert_str_eq(walked[3].target, "file");
    ck_assert_uint_eq(walked_line_count, 0);
    walked_forget();
}
END_TEST

START_TEST(test_items_come_in_order) {
    room_text("b", "");
    room_directory("x");
    room_directory("x/a");
    room_text("x/a/in", "");
    room_directory("x/c");
    const char *paths[] = {room_path("x/c/"), room_path("b"), room_path("x/a")};
    ck_assert_int_eq(walked_items(paths, 3), 0);
    ck_assert_str_eq(walked_all(), "a a/in b c");
    walked_forget();
}
END_TEST

START_TEST(test_a_directory_comes_before_longer_names) {
    room_directory("d");
    room_directory("d/a");
    room_text("d/a/z", "");
    room_text("d/a b", "");
    room_text("d/a.txt", "");
    room_text("d/a\x01", "");
    room_text("d/a\xff", "");
    room_text("d/A", "");
    ck_assert_int_eq(walked_one("d"), 0);
    ck_assert_str_eq(walked_all(), "d d/A d/a d/a/z d/a\x01 d/a b d/a.txt d/a\xff");
    walked_forget();
}
END_TEST

static void grow(const char *path, unsigned depth, unsigned *left) {
    static const char *const names[] = {"a", "a.b", "a b", "b", "B", "a-", "\xc3\xa4", "a\x01"};
    for (unsigned i = 0; i < 8 && *left > 0; i++) {
        char below[256];
        if (rand() % 3 == 0)
            continue;
        (*left)--;
        snprintf(below, sizeof(below), "%s/%s", path, names[i]);
        if (depth < 6 && rand() % 2 == 0) {
            room_directory(below);
            grow(below, depth + 1, left);
        } else {
            room_text(below, "x");
        }
    }
}

START_TEST(test_random_trees_come_in_order) {
    unsigned left = 300;
    srand((unsigned)_i);
    room_directory("tree");
    grow("tree", 0, &left);
    ck_assert_int_eq(walked_one("tree"), 0);
    ck_assert_uint_eq(walked_count, 301 - left);
    for (size_t i = 1; i < walked_count; i++)
        ck_assert_int_lt(path_compare(walked[i - 1].path, strlen(walked[i - 1].path),
                                      walked[i].path, strlen(walked[i].path)),
                         0);
    walked_forget();
}
END_TEST

static void make_socket(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
}

START_TEST(test_odd_things_are_named) {
    room_directory("d");
    ck_assert_int_eq(mkfifo("d/pipe\n", 0600), 0);
    make_socket("d/sock");
    room_directory("d/.fxnode");
    room_text("d/.fxnode/inside", "");
    room_text("d/file", "");
    ck_assert_int_eq(walked_one("d"), 0);
    ck_assert_str_eq(walked_all(), "d d/file");
    ck_assert_uint_eq(walked_line_count, 3);
    ck_assert_ptr_nonnull(strstr(walked_lines[0], "/d/.fxnode is not sent: "));
    ck_assert_ptr_nonnull(strstr(walked_lines[1], "/d/pipe\\n is not sent: it is a named pipe"));
    ck_assert_ptr_nonnull(strstr(walked_lines[2], "/d/sock is not sent: it is a socket"));
    for (size_t i = 0; i < walked_line_count; i++)
        ck_assert_int_eq(walked_losses[i], WALK_LEFT_OUT);
    walked_forget();
}
END_TEST

/* Wherever they lead, with the longest target that there can be; two names of one are two links. */
START_TEST(test_links_are_entries) {
    static const char *const names[] = {"absolute", "again", "inside", "long", "odd", "up"};
    static char target[LIMIT_PATH + 1];
    static const char *const targets[] = {"/etc/passwd", "/etc/passwd", "file",
                                          target,        "/\xff\n",     "../elsewhere"};
    char path[32];
    memset(target, 'x', LIMIT_PATH);
    for (size_t i = 0; i < LIMIT_PATH; i += 100)
        target[i] = '/';
    room_directory("d");
    for (size_t i = 0; i < 6; i++) {
        snprintf(path, sizeof(path), "d/%s", names[i]);
        if (i == 1)
            ck_assert_int_eq(link("d/absolute", path), 0);
        else
            room_link(targets[i], path);
        room_time(path, 1000, 7);
    }
    ck_assert_int_eq(walked_one("d"), 0);
    ck_assert_str_eq(walked_all(), "d d/absolute d/again d/inside d/long d/odd d/up");
    ck_assert_uint_eq(walked_line_count, 0);
    for (size_t i = 0; i < 6; i++) {
        const struct entry *entry = &walked[i + 1].entry;
        ck_assert_int_eq(entry->type, ENTRY_SYMLINK);
        ck_assert_uint_eq(entry->mtime_ns, 7);
        ck_assert_uint_eq(entry->target_length, strlen(targets[i]));
        ck_assert_mem_eq(entry->target, targets[i], entry->target_length);
        ck_assert_int_eq(entry_leads_outside(entry), i != 2);
    }
    walked_forget();
}
END_TEST

START_TEST(test_devices_are_named) {
    const char *path = "/dev/null";
    ck_assert_int_eq(walked_items(&path, 1), 0);
    ck_assert_uint_eq(walked_count, 0);
    ck_assert_str_eq(walked_lines[0], "/dev/null is not sent: it is a device");
}
END_TEST

START_TEST(test_named_links_are_followed) {
    room_directory("real");
    room_text("real/file", "1234");
    room_link("real", "dir-link");
    room_link("real/file", "file-link");
    const char *paths[] = {room_path("dir-link"), room_path("file-link")};
    ck_assert_int_eq(walked_items(paths, 2), 0);
    ck_assert_str_eq(walked_all(), "dir-link dir-link/file file-link");
    ck_assert_int_eq(walked[0].entry.type, ENTRY_DIRECTORY);
    ck_assert_int_eq(walked[2].entry.type, ENTRY_FILE);
    ck_assert_uint_eq(walked[2].entry.size, 4);
    walked_forget();
}
END_TEST

START_TEST(test_missing_items_fail) {
    room_link("nowhere", "dangling");
    room_text("file", "");
    static const char *const missing[] = {"none", "dangling", "file/below"};
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_lt(walked_one(missing[i]), 0);
        ck_assert_ptr_nonnull(strstr(room_fail.text, missing[i]));
    }
}
END_TEST

START_TEST(test_unreadable_is_named) {
    room_become_user();
    room_directory("d");
    room_directory("d/closed");
    room_text("d/closed/in", "");
    room_text("d/open", "");
    room_text("d/secret", "");
    room_directory("d/unsearchable");
    room_text("d/unsearchable/in", "");
    ck_assert_int_eq(chmod("d/closed", 0), 0);
    ck_assert_int_eq(chmod("d/secret", 0), 0);
    ck_assert_int_eq(chmod("d/unsearchable", 0444), 0);
    ck_assert_int_eq(walked_one("d"), 0);
    ck_assert_str_eq(walked_all(), "d d/open d/unsearchable");
    ck_assert_uint_eq(walked_line_count, 3);
    ck_assert_ptr_nonnull(strstr(walked_lines[0], "/d/closed is not sent: Permission denied"));
    ck_assert_ptr_nonnull(strstr(walked_lines[1], "/d/secret is not sent: Permission denied"));
    ck_assert_ptr_nonnull(
        strstr(walked_lines[2], "/d/unsearchable/in is not sent: Permission denied"));
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(walked_losses[i], WALK_FAILED);
    walked_forget();
}
END_TEST

START_TEST(test_too_deep_is_named) {
    room_directory("d");
    ck_assert_int_eq(chdir("d"), 0);
    for (unsigned i = 2; i <= LIMIT_DEPTH + 3; i++) {
        room_directory("x");
        ck_assert_int_eq(chdir("x"), 0);
    }
    ck_assert_int_eq(walked_one("d"), 0);
    ck_assert_uint_eq(walked_count, LIMIT_DEPTH);
    ck_assert_uint_eq(walked_line_count, 1);
    ck_assert_int_eq(walked_losses[0], WALK_FAILED);
    walked_forget();
}
END_TEST

START_TEST(test_too_long_is_named) {
    static char name[LIMIT_COMPONENT + 1];
    memset(name, 'n', LIMIT_COMPONENT);
    room_directory("d");
    ck_assert_int_eq(chdir("d"), 0);
    for (unsigned i = 0; i < 17; i++) {
        room_directory(name);
        ck_assert_int_eq(chdir(name), 0);
    }
    ck_assert_int_eq(walked_one("d"), 0);
    /* 1 + 15 * 256 bytes is the last length below LIMIT_PATH. */
    ck_assert_uint_eq(walked_count, 16);
    ck_assert_uint_eq(walked_line_count, 1);
    ck_assert_int_eq(walked_losses[0], WALK_FAILED);
    walked_forget();
}
END_TEST

/* The same file in two directories and as an item of its own; one whose other name is not sent. */
START_TEST(test_other_names_are_hard_links) {
    room_directory("d");
    room_directory("d/a");
    room_text("d/a/file", "1234");
    room_directory("d/b");
    room_name("d/a/file", "d/b/again");
    room_name("d/a/file", "top");
    room_text("outside", "");
    room_name("outside", "d/b/alone");
    const char *paths[] = {room_path("d"), room_path("top")};
    ck_assert_int_eq(walked_items(paths, 2), 0);
    ck_assert_str_eq(walked_all(), "d d/a d/a/file d/b d/b/again d/b/alone top");
    ck_assert_int_eq(walked[2].entry.type, ENTRY_FILE);
    ck_assert_uint_eq(walked[2].entry.size, 4);
    for (size_t i = 4; i <= 6; i += 2) {
        ck_assert_int_eq(walked[i].entry.type, ENTRY_HARDLINK);
        ck_assert_uint_eq(walked[i].entry.original, 2);
        ck_assert_uint_eq(walked[i].entry.size + walked[i].entry.mode, 0);
        ck_assert_int_eq(walked[i].entry.mtime_s, 0);
    }
    ck_assert_int_eq(walked[5].entry.type, ENTRY_FILE);
    walked_forget();
}
END_TEST

/* What could not be read is not there to be linked to. */
START_TEST(test_names_of_the_unreadable) {
    room_become_user();
    room_directory("d");
    room_text("d/a", "");
    room_name("d/a", "d/b");
    ck_assert_int_eq(chmod("d/a", 0), 0);
    ck_assert_int_eq(walked_one("d"), 0);
    ck_assert_str_eq(walked_all(), "d");
    ck_assert_uint_eq(walked_line_count, 2);
    ck_assert(walked_losses[0] == WALK_FAILED && walked_losses[1] == WALK_FAILED);
    walked_forget();
}
END_TEST

START_TEST(test_attributes_are_read) {
    room_directory("d");
    room_text("d/file", "");
    if (!room_attribute("d/file", "user.second", "two") ||
        !room_attribute("d/file", "user.first", "") || !room_attribute("d", "user.of", "d"))
        return;
    ck_assert_int_eq(walked_one("d"), 0);
    ck_assert_uint_eq(walked[0].attribute_count, 1);
    ck_assert_str_eq(walked[0].attributes[0], "user.of=d");
    ck_assert_uint_eq(walked[1].attribute_count, 2);
    ck_assert_str_eq(walked[1].attributes[0], "user.first=");
    ck_assert_str_eq(walked[1].attributes[1], "user.second=two");
    ck_assert_uint_eq(walked_line_count, 0);
    ck_assert(!walked[0].stamp.partial && !walked[1].stamp.partial);
    walked_forget();
}
END_TEST

START_TEST(test_attributes_that_cannot_be_read) {
    room_directory("d");
    room_text("d/file", "");
    room_forbid(SYS_flistxattr, EIO);
    ck_assert_int_eq(walked_one("d/file"), 0);
    ck_assert(walked_count == 1 && walked[0].stamp.partial);
    ck_assert_uint_eq(walked_line_count, 1);
    ck_assert_int_eq(walked_losses[0], WALK_PARTIAL);
    walked_forget();
}
END_TEST

START_TEST(test_the_sink_may_stop) {
    room_directory("d");
    room_text("d/a", "");
    room_text("d/b", "");
    walked_limit = 2;
    ck_assert_int_eq(walked_one("d"), -ECANCELED);
    ck_assert_str_eq(walked_all(), "d d/a");
    walked_forget();
}
END_TEST

Suite *suite_walk(void) {
    Suite *suite = suite_create("walk");
    TCase *tc = room_case("walk");
    tcase_add_test(tc, test_describes_what_it_finds);
    tcase_add_test(tc, test_items_come_in_order);
    tcase_add_test(tc, test_a_directory_comes_before_longer_names);
    tcase_add_loop_test(tc, test_random_trees_come_in_order, 1, 9);
    tcase_add_test(tc, test_odd_things_are_named);
    tcase_add_test(tc, test_links_are_entries);
    tcase_add_test(tc, test_devices_are_named);
    tcase_add_test(tc, test_named_links_are_followed);
    tcase_add_test(tc, test_missing_items_fail);
    tcase_add_test(tc, test_unreadable_is_named);
    tcase_add_test(tc, test_too_deep_is_named);
    tcase_add_test(tc, test_too_long_is_named);
    tcase_add_test(tc, test_other_names_are_hard_links);
    tcase_add_test(tc, test_names_of_the_unreadable);
    tcase_add_test(tc, test_attributes_are_read);
    tcase_add_test(tc, test_attributes_that_cannot_be_read);
    tcase_add_test(tc, test_the_sink_may_stop);
    suite_add_tcase(suite, tc);
    return suite;
}
