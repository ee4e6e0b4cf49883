#include "files/walk.h"
#include "base/path.h"
#include "room.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SEEN_MAX 4096

/* One entry that was reported, kept. */
struct seen {
    struct entry entry;
    struct stamp stamp;
    char *path;
    char *target;
    size_t attribute_count;
    char attributes[4][64]; /* NAME=VALUE */
};

static struct seen seen[SEEN_MAX];
static size_t seen_count;
static size_t seen_limit = SEEN_MAX;
static char lines[16][512];
static bool line_failed[16];
static size_t line_count;

static int on_entry(void *context, const struct entry *entry, const struct stamp *stamp) {
    ck_assert_ptr_eq(context, seen);
    if (seen_count == seen_limit)
        return -ECANCELED;
    struct seen *slot = &seen[seen_count++];
    slot->entry = *entry;
    slot->stamp = *stamp;
    slot->path = strndup(entry->path, entry->path_length);
    slot->entry.path = slot->path;
    slot->target = entry->target != NULL ? strndup(entry->target, entry->target_length) : NULL;
    slot->attribute_count = entry->attribute_count;
    for (size_t i = 0; i < entry->attribute_count && i < 4; i++) {
        const struct entry_attribute *attribute = &entry->attributes[i];
        snprintf(slot->attributes[i], sizeof(slot->attributes[0]), "%.*s=%.*s",
                 (int)attribute->name_length, attribute->name, (int)attribute->value_length,
                 (const char *)attribute->value);
    }
    return 0;
}

static void on_skipped(void *context, const char *line, bool failed) {
    ck_assert_ptr_eq(context, seen);
    ck_assert_uint_lt(line_count, 16);
    snprintf(lines[line_count], sizeof(lines[0]), "%s", line);
    line_failed[line_count++] = failed;
}

/* What the walks of a test leave out. */
static struct walk_rules rules;

static int walk(const char *const *paths, size_t count) {
    static const struct walk_sink sink = {seen, on_entry, on_skipped};
    struct items *items = NULL;
    seen_count = line_count = 0;
    ck_assert_int_eq(items_new(&items, paths, count, &room_fail), 0);
    int result = walk_items(items, &rules, &sink, &room_fail);
    items_free(items);
    return result;
}

static int walk_one(const char *path) {
    path = room_path(path);
    return walk(&path, 1);
}

/* Walks without what one of up to three patterns matches. */
static int walk_without(const char *path, const char *const patterns[3]) {
    struct filter *filter = NULL;
    size_t count = 0;
    while (count < 3 && patterns[count] != NULL)
        count++;
    ck_assert_int_eq(filter_new(&filter, patterns, count), 0);
    rules.exclude = filter;
    int result = walk_one(path);
    rules.exclude = NULL;
    filter_free(filter);
    return result;
}

static void forget(void) {
    for (size_t i = 0; i < seen_count; i++) {
        free(seen[i].path);
        free(seen[i].target);
    }
    seen_count = 0;
}

/* The paths that were reported, as one string. */
static const char *all(void) {
    static char text[8192];
    text[0] = '\0';
    for (size_t i = 0; i < seen_count; i++) {
        strcat(text, i > 0 ? " " : "");
        strcat(text, seen[i].path);
    }
    return text;
}

START_TEST(test_describes_what_it_finds) {
    room_directory("d");
    room_text("d/file", "hello");
    room_directory("d/empty");
    room_link("file", "d/link");
    ck_assert_int_eq(chmod("d/file", 06751), 0);
    room_time("d/file", -5, 999999999);
    struct stat st = room_stat("d/file");
    ck_assert_int_eq(walk_one("d"), 0);
    ck_assert_str_eq(all(), "d d/empty d/file d/link");
    ck_assert_int_eq(seen[0].entry.type, ENTRY_DIRECTORY);
    ck_assert_uint_eq(seen[0].entry.size, 0);
    ck_assert_uint_eq(seen[0].entry.mode, 0755);
    ck_assert_int_eq(seen[2].entry.type, ENTRY_FILE);
    ck_assert_uint_eq(seen[2].entry.size, 5);
    ck_assert_uint_eq(seen[2].entry.mode, 0751);
    ck_assert_int_eq(seen[2].entry.mtime_s, -5);
    ck_assert_uint_eq(seen[2].entry.mtime_ns, 999999999);
    ck_assert_uint_eq(seen[2].stamp.inode, st.st_ino);
    ck_assert_uint_eq(seen[2].stamp.device, st.st_dev);
    ck_assert_int_eq(seen[2].stamp.ctime_s, st.st_ctim.tv_sec);
    ck_assert_int_eq(seen[3].entry.type, ENTRY_SYMLINK);
    ck_assert_uint_eq(seen[3].entry.size, 0);
    ck_assert_str_eq(seen[3].target, "file");
    ck_assert_uint_eq(line_count, 0);
    forget();
}
END_TEST

START_TEST(test_items_come_in_order) {
    room_text("b", "");
    room_directory("x");
    room_directory("x/a");
    room_text("x/a/in", "");
    room_directory("x/c");
    const char *paths[] = {room_path("x/c/"), room_path("b"), room_path("x/a")};
    ck_assert_int_eq(walk(paths, 3), 0);
    ck_assert_str_eq(all(), "a a/in b c");
    forget();
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
    ck_assert_int_eq(walk_one("d"), 0);
    ck_assert_str_eq(all(), "d d/A d/a d/a/z d/a\x01 d/a b d/a.txt d/a\xff");
    forget();
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
    ck_assert_int_eq(walk_one("tree"), 0);
    ck_assert_uint_eq(seen_count, 301 - left);
    for (size_t i = 1; i < seen_count; i++)
        ck_assert_int_lt(path_compare(seen[i - 1].path, strlen(seen[i - 1].path), seen[i].path,
                                      strlen(seen[i].path)),
                         0);
    forget();
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
    room_link("/etc/passwd", "d/absolute");
    room_link("../elsewhere", "d/up");
    room_directory("d/.fxnode");
    room_text("d/.fxnode/inside", "");
    room_text("d/file", "");
    ck_assert_int_eq(walk_one("d"), 0);
    ck_assert_str_eq(all(), "d d/file");
    ck_assert_uint_eq(line_count, 5);
    ck_assert_ptr_nonnull(strstr(lines[0], "/d/.fxnode is not sent: "));
    ck_assert_ptr_nonnull(strstr(lines[1], "/d/absolute is not sent: it is a symbolic link"));
    ck_assert_ptr_nonnull(strstr(lines[2], "/d/pipe\\n is not sent: it is a named pipe"));
    ck_assert_ptr_nonnull(strstr(lines[3], "/d/sock is not sent: it is a socket"));
    ck_assert_ptr_nonnull(strstr(lines[4], "/d/up is not sent"));
    for (size_t i = 0; i < line_count; i++)
        ck_assert(!line_failed[i]);
    forget();
}
END_TEST

START_TEST(test_devices_are_named) {
    const char *path = "/dev/null";
    ck_assert_int_eq(walk(&path, 1), 0);
    ck_assert_uint_eq(seen_count, 0);
    ck_assert_str_eq(lines[0], "/dev/null is not sent: it is a device");
}
END_TEST

START_TEST(test_named_links_are_followed) {
    room_directory("real");
    room_text("real/file", "1234");
    room_link("real", "dir-link");
    room_link("real/file", "file-link");
    const char *paths[] = {room_path("dir-link"), room_path("file-link")};
    ck_assert_int_eq(walk(paths, 2), 0);
    ck_assert_str_eq(all(), "dir-link dir-link/file file-link");
    ck_assert_int_eq(seen[0].entry.type, ENTRY_DIRECTORY);
    ck_assert_int_eq(seen[2].entry.type, ENTRY_FILE);
    ck_assert_uint_eq(seen[2].entry.size, 4);
    forget();
}
END_TEST

START_TEST(test_missing_items_fail) {
    room_link("nowhere", "dangling");
    room_text("file", "");
    static const char *const missing[] = {"none", "dangling", "file/below"};
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_lt(walk_one(missing[i]), 0);
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
    ck_assert_int_eq(walk_one("d"), 0);
    ck_assert_str_eq(all(), "d d/open d/unsearchable");
    ck_assert_uint_eq(line_count, 3);
    ck_assert_ptr_nonnull(strstr(lines[0], "/d/closed is not sent: Permission denied"));
    ck_assert_ptr_nonnull(strstr(lines[1], "/d/secret is not sent: Permission denied"));
    ck_assert_ptr_nonnull(strstr(lines[2], "/d/unsearchable/in is not sent: Permission denied"));
    ck_assert(line_failed[0] && line_failed[1] && line_failed[2]);
    forget();
}
END_TEST

START_TEST(test_too_deep_is_named) {
    room_directory("d");
    ck_assert_int_eq(chdir("d"), 0);
    for (unsigned i = 2; i <= LIMIT_DEPTH + 3; i++) {
        room_directory("x");
        ck_assert_int_eq(chdir("x"), 0);
    }
    ck_assert_int_eq(walk_one("d"), 0);
    ck_assert_uint_eq(seen_count, LIMIT_DEPTH);
    ck_assert_uint_eq(line_count, 1);
    ck_assert(line_failed[0]);
    forget();
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
    ck_assert_int_eq(walk_one("d"), 0);
    /* 1 + 15 * 256 bytes is the last length below LIMIT_PATH. */
    ck_assert_uint_eq(seen_count, 16);
    ck_assert_uint_eq(line_count, 1);
    ck_assert(line_failed[0]);
    forget();
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
    ck_assert_int_eq(walk(paths, 2), 0);
    ck_assert_str_eq(all(), "d d/a d/a/file d/b d/b/again d/b/alone top");
    ck_assert_int_eq(seen[2].entry.type, ENTRY_FILE);
    ck_assert_uint_eq(seen[2].entry.size, 4);
    for (size_t i = 4; i <= 6; i += 2) {
        ck_assert_int_eq(seen[i].entry.type, ENTRY_HARDLINK);
        ck_assert_uint_eq(seen[i].entry.original, 2);
        ck_assert_uint_eq(seen[i].entry.size + seen[i].entry.mode, 0);
        ck_assert_int_eq(seen[i].entry.mtime_s, 0);
    }
    ck_assert_int_eq(seen[5].entry.type, ENTRY_FILE);
    forget();
}
END_TEST

/* What could not be read is not there to be linked to. */
START_TEST(test_names_of_the_unreadable) {
    room_become_user();
    room_directory("d");
    room_text("d/a", "");
    room_name("d/a", "d/b");
    ck_assert_int_eq(chmod("d/a", 0), 0);
    ck_assert_int_eq(walk_one("d"), 0);
    ck_assert_str_eq(all(), "d");
    ck_assert_uint_eq(line_count, 2);
    ck_assert(line_failed[0] && line_failed[1]);
    forget();
}
END_TEST

START_TEST(test_attributes_are_read) {
    room_directory("d");
    room_text("d/file", "");
    if (!room_attribute("d/file", "user.second", "two") ||
        !room_attribute("d/file", "user.first", "") || !room_attribute("d", "user.of", "d"))
        return;
    ck_assert_int_eq(walk_one("d"), 0);
    ck_assert_uint_eq(seen[0].attribute_count, 1);
    ck_assert_str_eq(seen[0].attributes[0], "user.of=d");
    ck_assert_uint_eq(seen[1].attribute_count, 2);
    ck_assert_str_eq(seen[1].attributes[0], "user.first=");
    ck_assert_str_eq(seen[1].attributes[1], "user.second=two");
    ck_assert_uint_eq(line_count, 0);
    forget();
}
END_TEST

static void make_album(void) {
    static const char *const directories[] = {"album", "album/2019", "album/2019/raw", "album/raw",
                                              "album/cache"};
    static const char *const files[] = {
        "album/2019/raw/1.tif", "album/2019/1.jpg", "album/raw/2.tif",  "album/cache/x",
        "album/2019/cache",     "album/.index",     "album/not\xffutf8"};
    for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
        room_directory(directories[i]);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        room_text(files[i], "");
}

/* Up to three patterns, and what is left of the album. */
static const struct {
    const char *patterns[3];
    const char *left;
} selections[] = {
    {{"raw"},
     "album album/.index album/2019 album/2019/1.jpg album/2019/cache album/cache album/cache/x "
     "album/not\xffutf8"},
    {{"/album/raw", "cache/"},
     "album album/.index album/2019 album/2019/1.jpg album/2019/cache album/2019/raw "
     "album/2019/raw/1.tif album/not\xffutf8"},
    {{"*.tif", "cache"},
     "album album/.index album/2019 album/2019/1.jpg album/2019/raw album/not\xffutf8 album/raw"},
    {{"20?[!0]/*", "[[:punct:]]*", "*\xff*"},
     "album album/2019 album/cache album/cache/x album/raw album/raw/2.tif"},
    {{"/album/**/raw", "/album/**/cache"},
     "album album/.index album/2019 album/2019/1.jpg album/not\xffutf8"},
    {{"/album/*"}, "album"},
};

START_TEST(test_excluded_is_left_out_silently) {
    make_album();
    ck_assert_int_eq(walk_without("album", selections[_i].patterns), 0);
    ck_assert_str_eq(all(), selections[_i].left);
    ck_assert_uint_eq(line_count, 0);
    forget();
}
END_TEST

/* Patterns see the name that was given, also where that is a link. */
START_TEST(test_excluded_items) {
    static const char *const second[3] = {"/b", "album"};
    room_text("a", "");
    room_directory("album");
    room_link("album", "b");
    struct filter *filter = NULL;
    const char *paths[] = {room_path("a"), room_path("b")};
    ck_assert_int_eq(filter_new(&filter, second, 2), 0);
    rules.exclude = filter;
    ck_assert_int_eq(walk(paths, 2), 0);
    ck_assert_str_eq(all(), "a");
    ck_assert_int_lt(walk(paths + 1, 1), 0);
    ck_assert_str_eq(room_fail.text, "there is nothing to send: all of it is excluded");
    filter_free(filter);
    rules.exclude = NULL;
    forget();
}
END_TEST

START_TEST(test_excluded_need_not_be_readable) {
    static const char *const patterns[3] = {"closed", "pipe", "deep"};
    char path[2 * LIMIT_DEPTH + 8] = "d";
    room_become_user();
    room_directory("d");
    room_directory("d/closed");
    room_text("d/closed/in", "");
    ck_assert_int_eq(mkfifo("d/pipe", 0600), 0);
    ck_assert_int_eq(chmod("d/closed", 0), 0);
    for (size_t i = 1; i < LIMIT_DEPTH; i++)
        room_directory(strcat(path, "/x"));
    room_directory(strcat(path, "/deep"));
    ck_assert_int_eq(walk_without("d", patterns), 0);
    ck_assert_uint_eq(seen_count, LIMIT_DEPTH);
    ck_assert_uint_eq(line_count, 0);
    ck_assert_int_eq(chmod("d/closed", 0700), 0);
    forget();
}
END_TEST

/* The first name that is left is the file. */
START_TEST(test_excluded_names_of_a_file) {
    static const char *const patterns[3] = {"a"};
    room_directory("d");
    room_text("d/a", "text");
    room_name("d/a", "d/b");
    room_name("d/a", "d/c");
    ck_assert_int_eq(walk_without("d", patterns), 0);
    ck_assert_str_eq(all(), "d d/b d/c");
    ck_assert_int_eq(seen[1].entry.type, ENTRY_FILE);
    ck_assert_int_eq(seen[2].entry.type, ENTRY_HARDLINK);
    ck_assert_uint_eq(seen[2].entry.original, 1);
    forget();
}
END_TEST

START_TEST(test_one_file_system) {
    room_directory("d");
    room_directory("d/here");
    room_text("d/here/file", "");
    room_directory("d/mounted");
    room_directory("d/twice");
    if (!room_mount("d/mounted", 1 << 20))
        return;
    ck_assert_int_eq(mount("d/here", "d/twice", NULL, MS_BIND, NULL), 0);
    room_text("d/mounted/file", "");
    ck_assert_int_eq(chmod("d/mounted", 0710), 0);
    ck_assert_int_eq(walk_one("d"), 0);
    ck_assert_str_eq(all(), "d d/here d/here/file d/mounted d/mounted/file d/twice d/twice/file");
    forget();

    rules.one_file_system = true;
    ck_assert_int_eq(walk_one("d"), 0);
    ck_assert_str_eq(all(), "d d/here d/here/file d/mounted d/twice d/twice/file");
    ck_assert_int_eq(seen[3].entry.type, ENTRY_DIRECTORY);
    ck_assert_uint_eq(seen[3].entry.mode, 0710);
    forget();
    ck_assert_int_eq(walk_one("d/mounted"), 0); /* each item is on its own */
    ck_assert_str_eq(all(), "mounted mounted/file");
    ck_assert_uint_eq(line_count, 0);
    forget();
}
END_TEST

START_TEST(test_the_sink_may_stop) {
    room_directory("d");
    room_text("d/a", "");
    room_text("d/b", "");
    seen_limit = 2;
    ck_assert_int_eq(walk_one("d"), -ECANCELED);
    ck_assert_str_eq(all(), "d d/a");
    forget();
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
    tcase_add_test(tc, test_devices_are_named);
    tcase_add_test(tc, test_named_links_are_followed);
    tcase_add_test(tc, test_missing_items_fail);
    tcase_add_test(tc, test_unreadable_is_named);
    tcase_add_test(tc, test_too_deep_is_named);
    tcase_add_test(tc, test_too_long_is_named);
    tcase_add_test(tc, test_other_names_are_hard_links);
    tcase_add_test(tc, test_names_of_the_unreadable);
    tcase_add_test(tc, test_attributes_are_read);
    tcase_add_loop_test(tc, test_excluded_is_left_out_silently, 0,
                        sizeof selections / sizeof *selections);
    tcase_add_test(tc, test_excluded_items);
    tcase_add_test(tc, test_excluded_need_not_be_readable);
    tcase_add_test(tc, test_excluded_names_of_a_file);
    tcase_add_test(tc, test_one_file_system);
    tcase_add_test(tc, test_the_sink_may_stop);
    suite_add_tcase(suite, tc);
    return suite;
}
