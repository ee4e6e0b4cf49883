/* A symbolic link in a staging tree, or where things are placed, that leads out of it: made as it
 * is, and never gone through by anything that follows. */
#include "arrival.h"
#include "files/clean.h"
#include "files/place.h"
#include "room.h"
#include "suites.h"

#include <string.h>
#include <unistd.h>

static struct entry folder;
static struct stat before;

/* "d" is staged; outside is a directory with a file. */
static void begin(bool old) {
    arrival_open(old);
    room_directory("outside");
    room_text("outside/file", "theirs");
    room_time("outside", 1000, 1);
    room_time("outside/file", 1000, 1);
    before = room_stat("outside/file");
    folder = room_folder("d", 0755);
    arrival_folder(folder);
}

static void end(void) {
    struct stat after = room_stat("outside/file");
    ck_assert_uint_eq(room_count("outside"), 1);
    ck_assert(room_says("outside/file", "theirs"));
    ck_assert_uint_eq(after.st_mode, before.st_mode);
    ck_assert_uint_eq(after.st_nlink, 1);
    ck_assert_int_eq(after.st_mtim.tv_sec, 1000);
    ck_assert_int_eq(room_stat("outside").st_mtim.tv_sec, 1000);
    arrival_close();
}

START_TEST(test_made_as_they_are) {
    static char longest[LIMIT_PATH + 1];
    char target[LIMIT_PATH + 1];
    memset(longest, '/', LIMIT_PATH);
    begin(_i != 0);
    struct entry entries[] = {
        folder,
        room_symlink("d/a", room_path("outside")),
        room_symlink("d/b", room_path("outside/file")),
        room_symlink("d/c", longest),
        room_symlink("d/e", "/nowhere \xff\n"),
    };
    /* Twice, as after an interruption. */
    for (int i = 0; i < 2; i++)
        ck_assert_msg(arrival_finish(entries, 5) == 0, "%s", room_fail.text);
    for (size_t i = 1; i < 5; i++) {
        char path[64] = ARRIVAL_TREE;
        strcat(path, entries[i].path);
        ssize_t length = readlink(path, target, sizeof(target));
        ck_assert_int_eq(length, (ssize_t)entries[i].target_length);
        ck_assert_mem_eq(target, entries[i].target, entries[i].target_length);
        ck_assert_int_eq(room_stat(path).st_mtim.tv_sec, 800000000);
    }
    ck_assert_int_eq(clean_staging(arrival, &room_fail), 0);
    end();
}
END_TEST

/* A link where an entry of another kind, or something in it, should be staged. */
START_TEST(test_nothing_is_staged_through) {
    begin(_i != 0);
    struct entry inner = room_file("d/dir/evil", 4);
    struct entry deeper = room_folder("d/dir/sub", 0755);
    struct entry in_place[] = {folder, room_file("d/file", 6), room_folder("d/dir", 0700)};
    room_link(room_path("outside"), ARRIVAL_TREE "d/dir");
    room_link(room_path("outside/file"), ARRIVAL_TREE "d/file");
    ck_assert_int_ne(stage_writer_write(arrival_writer, &inner, 0, "evil", 4, &room_fail), 0);
    ck_assert_int_ne(stage_writer_write(arrival_writer, &in_place[1], 0, "mine!!", 6, &room_fail),
                     0);
    ck_assert_int_ne(stage_writer_directory(arrival_writer, &deeper, &room_fail), 0);
    ck_assert_int_ne(stage_writer_directory(arrival_writer, &in_place[2], &room_fail), 0);
    ck_assert_int_eq(arrival_finish(in_place, 2), STAGING_DIFFERS);
    in_place[1] = in_place[2];
    ck_assert_int_eq(arrival_finish(in_place, 2), STAGING_DIFFERS);
    ck_assert_int_ne(stage_writer_drop(arrival_writer, &inner, &room_fail), 0);
    /* The link itself goes. */
    inner = room_file("d/file", 6);
    ck_assert_int_eq(stage_writer_drop(arrival_writer, &inner, &room_fail), 0);
    ck_assert(!room_exists(ARRIVAL_TREE "d/file"));
    end();
}
END_TEST

/* Neither what it leads to gets another name, nor what has its name. */
START_TEST(test_no_hard_link_goes_through) {
    begin(_i != 0);
    struct entry entries[] = {
        folder,
        room_file("d/a", 6),
        {.type = ENTRY_HARDLINK, .path = "d/b", .path_length = 3, .original = 1}};
    room_link(room_path("outside/file"), ARRIVAL_TREE "d/a");
    ck_assert_int_eq(arrival_finish(entries, 3), STAGING_DIFFERS);
    ck_assert_int_eq(unlink(ARRIVAL_TREE "d/a"), 0);
    arrival_file(entries[1], 0, "ours!!");
    room_link(room_path("outside/file"), ARRIVAL_TREE "d/b");
    ck_assert_msg(arrival_finish(entries, 3) == 0, "%s", room_fail.text);
    ck_assert(room_says(ARRIVAL_TREE "d/b", "ours!!"));
    end();
}
END_TEST

/* A link that was placed has the name of what comes next. */
START_TEST(test_nothing_is_placed_through) {
    begin(_i != 0);
    room_link(room_path("outside"), "in/d");
    room_link(room_path("outside/file"), "in/f");
    struct entry file = room_file("f", 6);
    struct entry inner = room_file("d/file", 4);
    arrival_file(file, 0, "ours!!");
    arrival_file(inner, 1, "evil");
    struct place_item items[] = {arrival_item(&folder), arrival_item(&file)};
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(place_choose(arrival, &items[i], &room_fail), PLACE_DONE);
        ck_assert_int_eq(place_item(arrival, &items[i], &room_fail), PLACE_DONE);
    }
    ck_assert(room_says("in/f (2)", "ours!!"));
    ck_assert(room_says("in/d (2)/file", "evil"));
    end();
}
END_TEST

Suite *suite_links(void) {
    Suite *suite = suite_create("links");
    TCase *tc = room_case("links");
    tcase_add_loop_test(tc, test_made_as_they_are, 0, 2);
    tcase_add_loop_test(tc, test_nothing_is_staged_through, 0, 2);
    tcase_add_loop_test(tc, test_no_hard_link_goes_through, 0, 2);
    tcase_add_loop_test(tc, test_nothing_is_placed_through, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}
