/* What a walk leaves out: what patterns match, and other file systems. */
#include "room.h"
#include "suites.h"
#include "walked.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

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
    ck_assert_int_eq(walked_without("album", selections[_i].patterns), 0);
    ck_assert_str_eq(walked_all(), selections[_i].left);
    ck_assert_uint_eq(walked_line_count, 0);
    walked_forget();
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
    walked_rules.exclude = filter;
    ck_assert_int_eq(walked_items(paths, 2), 0);
    ck_assert_str_eq(walked_all(), "a");
    ck_assert_int_lt(walked_items(paths + 1, 1), 0);
    ck_assert_str_eq(room_fail.text, "there is nothing to send: all of it is excluded");
    filter_free(filter);
    walked_rules.exclude = NULL;
    walked_forget();
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
    ck_assert_int_eq(walked_without("d", patterns), 0);
    ck_assert_uint_eq(walked_count, LIMIT_DEPTH);
    ck_assert_uint_eq(walked_line_count, 0);
    ck_assert_int_eq(chmod("d/closed", 0700), 0);
    walked_forget();
}
END_TEST

/* The first name that is left is the file. */
START_TEST(test_excluded_names_of_a_file) {
    static const char *const patterns[3] = {"a"};
    room_directory("d");
    room_text("d/a", "text");
    room_name("d/a", "d/b");
    room_name("d/a", "d/c");
    ck_assert_int_eq(walked_without("d", patterns), 0);
    ck_assert_str_eq(walked_all(), "d d/b d/c");
    ck_assert_int_eq(walked[1].entry.type, ENTRY_FILE);
    ck_assert_int_eq(walked[2].entry.type, ENTRY_HARDLINK);
    ck_assert_uint_eq(walked[2].entry.original, 1);
    walked_forget();
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
    ck_assert_int_eq(walked_one("d"), 0);
    ck_assert_str_eq(walked_all(),
                     "d d/here d/here/file d/mounted d/mounted/file d/twice d/twice/file");
    walked_forget();

    walked_rules.one_file_system = true;
    ck_assert_int_eq(walked_one("d"), 0);
    ck_assert_str_eq(walked_all(), "d d/here d/here/file d/mounted d/twice d/twice/file");
    ck_assert_int_eq(walked[3].entry.type, ENTRY_DIRECTORY);
    ck_assert_uint_eq(walked[3].entry.mode, 0710);
    walked_forget();
    ck_assert_int_eq(walked_one("d/mounted"), 0); /* each item is on its own */
    ck_assert_str_eq(walked_all(), "mounted mounted/file");
    ck_assert_uint_eq(walked_line_count, 0);
    walked_forget();
}
END_TEST

static struct secret *secret;

static void make_state(void) {
    room_directory("d");
    room_directory("d/deep");
    room_directory("d/deep/state");
    room_text("d/deep/state/key", "");
    room_directory("d/deep/state/outgoing");
    room_directory("d/deep/state/outgoing/1");
    room_text("d/deep/state/outgoing/1/manifest", "");
    ck_assert_int_eq(secret_new(&secret, room_path("d/deep/state")), 0);
    walked_rules.secret = secret;
}

static void forget_state(void) {
    walked_forget();
    walked_rules.secret = NULL;
    secret_free(secret);
}

static void check_is_own(const char *path) {
    char line[256];
    snprintf(line, sizeof line, "%s is not sent: it belongs to the state of this node", path);
    ck_assert_int_eq(walked_one(path), 0);
    ck_assert_str_eq(walked_all(), "");
    ck_assert_uint_eq(walked_line_count, 1);
    ck_assert_ptr_nonnull(strstr(walked_lines[0], line));
    walked_forget();
}

/* Wherever it is met, by whatever name; others of that name are sent. */
START_TEST(test_own_state_is_never_sent) {
    make_state();
    room_directory("d/state");
    ck_assert_int_eq(symlink("deep/state", "d/link"), 0);
    ck_assert_int_eq(walked_one("d"), 0);
    ck_assert_str_eq(walked_all(), "d d/deep d/link d/state");
    ck_assert_uint_eq(walked_line_count, 1);
    ck_assert_ptr_nonnull(
        strstr(walked_lines[0], "d/deep/state is not sent: it belongs to the state of this node"));
    walked_forget();
    check_is_own("d/link");
    forget_state();
}
END_TEST

START_TEST(test_nothing_in_own_state_is_sent) {
    make_state();
    ck_assert_int_eq(symlink("deep/state", "d/link"), 0);
    ck_assert_int_eq(symlink("deep/state/key", "d/to-key"), 0);
    check_is_own("d/deep/state/key");
    check_is_own("d/deep/state/outgoing");
    check_is_own("d/deep/state/outgoing/1");
    check_is_own("d/deep/state/outgoing/1/manifest");
    check_is_own("d/link/key");
    check_is_own("d/link/outgoing/1/manifest");
    check_is_own("d/to-key");
    forget_state();
}
END_TEST

START_TEST(test_own_state_has_no_other_name) {
    make_state();
    room_name("d/deep/state/key", "d/twin");
    ck_assert_int_eq(walked_one("d"), 0);
    ck_assert_str_eq(walked_all(), "d d/deep");
    ck_assert_uint_eq(walked_line_count, 2);
    walked_forget();
    room_directory("twice");
    room_directory("out");
    room_text("copy", "");
    if (!room_mount("twice", 1 << 20)) {
        forget_state();
        return;
    }
    ck_assert_int_eq(mount("d/deep/state", "twice", NULL, MS_BIND, NULL), 0);
    ck_assert_int_eq(mount("d/deep/state/outgoing", "out", NULL, MS_BIND, NULL), 0);
    ck_assert_int_eq(mount("d/deep/state/key", "copy", NULL, MS_BIND, NULL), 0);
    check_is_own("twice");
    check_is_own("twice/key");
    check_is_own("twice/outgoing/1/manifest");
    check_is_own("out");
    check_is_own("out/1/manifest");
    check_is_own("copy");
    forget_state();
}
END_TEST

Suite *suite_walk_rules(void) {
    Suite *suite = suite_create("walk-rules");
    TCase *tc = room_case("walk-rules");
    tcase_add_loop_test(tc, test_excluded_is_left_out_silently, 0,
                        sizeof selections / sizeof *selections);
    tcase_add_test(tc, test_excluded_items);
    tcase_add_test(tc, test_excluded_need_not_be_readable);
    tcase_add_test(tc, test_excluded_names_of_a_file);
    tcase_add_test(tc, test_one_file_system);
    tcase_add_test(tc, test_own_state_is_never_sent);
    tcase_add_test(tc, test_nothing_in_own_state_is_sent);
    tcase_add_test(tc, test_own_state_has_no_other_name);
    suite_add_tcase(suite, tc);
    return suite;
}
