#include "files/attributes.h"
#include "arrival.h"
#include "room.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct entry_attribute two[] = {{"user.a", 6, "one", 3}, {"user.b", 6, "\0x", 2}};

static struct entry with(struct entry entry, size_t count) {
    entry.attributes = two;
    entry.attribute_count = count;
    return entry;
}

static char lost_name[LIMIT_ATTRIBUTE_NAME + 1];
static unsigned lost_count;

static void on_lost(void *context, const char *name, const char *reason) {
    ck_assert_ptr_eq(context, two);
    ck_assert_uint_gt(strlen(reason), 0);
    snprintf(lost_name, sizeof(lost_name), "%s", name);
    lost_count++;
}

/* Reads those of "file" into `entry`, which is good as long as `attributes`. */
static struct attributes *read_file(struct entry *entry) {
    struct attributes *attributes = NULL;
    int fd = open("file", O_RDONLY | O_CLOEXEC);
    lost_count = 0;
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(attributes_new(&attributes), 0);
    attributes_read(attributes, fd, entry, on_lost, two);
    close(fd);
    return attributes;
}

START_TEST(test_only_those_of_users) {
    struct entry entry = {0};
    room_text("file", "");
    if (!room_attribute("file", "user.x", "1"))
        return;
    if (geteuid() == 0)
        ck_assert(room_attribute("file", "trusted.x", "1"));
    struct attributes *attributes = read_file(&entry);
    ck_assert_uint_eq(entry.attribute_count, 1);
    ck_assert_uint_eq(entry.attributes[0].name_length, 6);
    ck_assert_mem_eq(entry.attributes[0].name, "user.x", 6);
    ck_assert_uint_eq(lost_count, 0);
    attributes_free(attributes);
}
END_TEST

START_TEST(test_without_attributes) {
    struct entry entry = {0};
    room_text("file", "");
    room_forbid(SYS_flistxattr, _i == 0 ? ENOTSUP : EIO);
    struct attributes *attributes = read_file(&entry);
    ck_assert_uint_eq(entry.attribute_count, 0);
    ck_assert_uint_eq(lost_count, _i == 0 ? 0 : 1);
    attributes_free(attributes);
}
END_TEST

/* Of more than an entry may have the rest is still read. */
START_TEST(test_too_much) {
    static char large[60001];
    struct entry entry = {0};
    room_directory("t");
    if (!room_mount("t", 1u << 22))
        return;
    ck_assert_int_eq(chdir("t"), 0);
    room_text("file", "");
    memset(large, 'x', sizeof(large) - 1);
    if (!room_attribute("file", "user.a", large))
        return;
    ck_assert(room_attribute("file", "user.b", large));
    ck_assert(room_attribute("file", "user.c", large));
    ck_assert(room_attribute("file", "user.d", "small"));
    struct attributes *attributes = read_file(&entry);
    ck_assert_uint_eq(entry.attribute_count, 3);
    ck_assert_uint_eq(lost_count, 1);
    ck_assert_mem_eq(lost_name, "user.", 5);
    attributes_free(attributes);
}
END_TEST

/* Set by descriptor, before the times and where the mode forbids writing; also a second time. */
START_TEST(test_arrive) {
    room_become_user();
    arrival_open(_i != 0);
    struct entry entries[] = {with(room_folder("d", 0500), 1), with(room_file("d/file", 4), 2)};
    entries[1].mode = 0400;
    arrival_folder(entries[0]);
    arrival_file(entries[1], 0, "text");
    if (!room_attribute(ARRIVAL_TREE "d", "user.a", "older"))
        return;
    ck_assert_msg(arrival_finish(entries, 2) == 0, "%s", room_fail.text);
    ck_assert_msg(arrival_finish(entries, 2) == 0, "%s", room_fail.text);
    ck_assert(room_has_attribute(ARRIVAL_TREE "d", "user.a", "one"));
    ck_assert(!room_has_attribute(ARRIVAL_TREE "d", "user.b", ""));
    ck_assert(room_has_attribute(ARRIVAL_TREE "d/file", "user.a", "one"));
    ck_assert_uint_eq(room_stat(ARRIVAL_TREE "d/file").st_mode & 07777, 0400);
    ck_assert_int_eq(room_stat(ARRIVAL_TREE "d/file").st_mtim.tv_sec, 1000000000);
    ck_assert_int_eq(room_stat(ARRIVAL_TREE "d").st_mtim.tv_sec, 900000000);
    ck_assert_uint_eq(arrival_note_count, 0);
    arrival_close();
}
END_TEST

static const struct {
    int error;
    const char *note;
} LACKING[] = {
    {ENOTSUP, "/in keeps no extended attributes: 2 files and directories lack theirs"},
    {ENOSPC, "d lacks some of its extended attributes: there is no room for them"},
    {E2BIG, "d lacks some of its extended attributes: there is no room for them"},
    {EPERM, "/in does not take every extended attribute: 2 files and directories lack some"},
    {EINVAL, "/in does not take every extended attribute: 2 files and directories lack some"},
};

START_TEST(test_file_systems_without) {
    arrival_open(false);
    struct entry entries[] = {with(room_folder("d", 0755), 1), with(room_file("d/file", 4), 2),
                              room_file("plain", 4)};
    arrival_folder(entries[0]);
    arrival_file(entries[1], 0, "text");
    arrival_file(entries[2], 1, "text");
    room_forbid(SYS_fsetxattr, LACKING[_i].error);
    ck_assert_int_eq(arrival_finish(entries, 3), 0);
    bool each = LACKING[_i].error == ENOSPC || LACKING[_i].error == E2BIG;
    ck_assert_uint_eq(arrival_note_count, each ? 2 : 1);
    ck_assert_msg(strstr(arrival_notes[0], LACKING[_i].note) != NULL, "%s", arrival_notes[0]);
    arrival_close();
}
END_TEST

/* What one attribute is refused for does not concern the others: overlayfs keeps some for itself.
 */
START_TEST(test_what_is_not_taken_stops_nothing) {
    struct entry_attribute list[] = {{"user.x", 6, "one", 3}, {"user.x", 6, "one", 3}};
    struct entry entry = {.attributes = list, .attribute_count = 2};
    room_text("file", "");
    if (!room_attribute("file", "user.x", "older"))
        return;
    list[_i].name = "nobody.knows";
    list[_i].name_length = strlen(list[_i].name);
    int fd = open("file", O_RDWR | O_CLOEXEC);
    ck_assert_int_eq(attributes_set(fd, &entry), ATTRIBUTES_NOT_TAKEN);
    close(fd);
    ck_assert(room_has_attribute("file", "user.x", "one"));
}
END_TEST

/* That can be put right, so it is not left out. */
START_TEST(test_a_quota_that_is_used_up) {
    arrival_open(false);
    struct entry entry = with(room_file("file", 4), 2);
    arrival_file(entry, 0, "text");
    room_forbid(SYS_fsetxattr, EDQUOT);
    ck_assert_int_eq(arrival_finish(&entry, 1), STAGING_NO_SPACE);
    ck_assert_uint_eq(arrival_note_count, 0);
    arrival_close();
}
END_TEST

START_TEST(test_errors_are_errors) {
    arrival_open(false);
    struct entry entry = with(room_file("file", 4), 2);
    arrival_file(entry, 0, "text");
    room_forbid(SYS_fsetxattr, EIO);
    ck_assert_int_eq(arrival_finish(&entry, 1), -EIO);
    arrival_close();
}
END_TEST

Suite *suite_attributes(void) {
    Suite *suite = suite_create("attributes");
    TCase *tc = room_case("attributes");
    tcase_add_test(tc, test_only_those_of_users);
    tcase_add_loop_test(tc, test_without_attributes, 0, 2);
    tcase_add_test(tc, test_too_much);
    tcase_add_loop_test(tc, test_arrive, 0, 2);
    tcase_add_loop_test(tc, test_file_systems_without, 0, 5);
    tcase_add_loop_test(tc, test_what_is_not_taken_stops_nothing, 0, 2);
    tcase_add_test(tc, test_a_quota_that_is_used_up);
    tcase_add_test(tc, test_errors_are_errors);
    suite_add_tcase(suite, tc);
    return suite;
}
