#include "files/source.h"
#include "files/walk.h"
#include "room.h"
#include "suites.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the walk of "d" saw; the entries' strings live as long as the test's process. */
static struct entry entries[16];
static struct stamp stamps[16];
static size_t count;
static struct items *items;
static struct source *source;

static int on_entry(void *context, const struct entry *entry, const struct stamp *stamp) {
    (void)context;
    ck_assert_uint_lt(count, 16);
    entries[count] = *entry;
    entries[count].path = strndup(entry->path, entry->path_length);
    if (entry->target != NULL)
        entries[count].target = strndup(entry->target, entry->target_length);
    stamps[count++] = *stamp;
    return 0;
}

static void on_skipped(void *context, const char *path, size_t length, const char *line,
                       enum walk_loss loss) {
    (void)context;
    (void)path;
    (void)length;
    ck_abort_msg("skipped (%d): %s", (int)loss, line);
}

static void look(const char *path) {
    static const struct walk_sink sink = {NULL, on_entry, on_skipped};
    path = room_path(path);
    ck_assert_int_eq(items_new(&items, &path, 1, &room_fail), 0);
    ck_assert_int_eq(walk_items(items, &(struct walk_rules){0}, &sink, &room_fail), 0);
    ck_assert_int_eq(source_new(&source, items), 0);
}

static void stop(void) {
    source_free(source);
    items_free(items);
    for (size_t i = 0; i < count; i++) {
        free((char *)entries[i].path);
        free((char *)entries[i].target);
    }
}

static size_t index_of(const char *path) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(entries[i].path, path) == 0)
            return i;
    ck_abort_msg("%s was not walked", path);
    return 0;
}

static int check(const char *path) {
    size_t i = index_of(path);
    room_fail = (struct fail){0};
    int outcome = source_check(source, &entries[i], &stamps[i], &room_fail);
    if (outcome != SOURCE_SAME && outcome != SOURCE_SOFT)
        ck_assert_ptr_nonnull(strstr(room_fail.text, path));
    return outcome;
}

static uint8_t data[LIMIT_CHUNK];

/* A chunk without holes, in two pieces, with something done in between. */
static int read_with(const char *path, uint64_t chunk, void (*between)(void)) {
    static struct holes_map map;
    size_t i = index_of(path);
    const struct entry *entry = &entries[i];
    uint32_t length = entry_chunk_size(entry->size, chunk);
    room_fail = (struct fail){0};
    int outcome = source_begin(source, entry, &stamps[i], chunk, &map, &room_fail);
    for (uint32_t half = 0; half < 2 && source_may_be_sent(outcome); half++) {
        uint32_t at = half * (length / 2);
        if (half == 1 && between != NULL)
            between();
        ck_assert_uint_eq(map.count, 1);
        ck_assert_uint_eq(map.pieces[0].length, length);
        outcome = source_read(source, entry, chunk * LIMIT_CHUNK + at, data + at,
                              half == 0 ? length / 2 : length - at, &room_fail);
    }
    if (source_may_be_sent(outcome))
        outcome = source_end(source, entry, &stamps[i], &room_fail);
    if (outcome != SOURCE_SAME && outcome != SOURCE_SOFT)
        ck_assert_ptr_nonnull(strstr(room_fail.text, path));
    return outcome;
}

static int read_chunk(const char *path, uint64_t chunk) {
    return read_with(path, chunk, NULL);
}

/* A tree of one of each; "d/file" says "content". */
static void make_tree(void) {
    room_directory("d");
    room_directory("d/sub");
    room_text("d/empty", "");
    room_text("d/file", "content");
    room_text("d/sub/other", "something else");
    room_link("file", "d/link");
    room_time("d/file", 1000, 1);
    look("d");
}

START_TEST(test_unchanged_is_same) {
    make_tree();
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(check(entries[i].path), SOURCE_SAME);
    ck_assert_int_eq(read_chunk("d/file", 0), SOURCE_SAME);
    ck_assert_mem_eq(data, "content", 7);
    ck_assert_int_eq(read_chunk("d/sub/other", 0), SOURCE_SAME);
    ck_assert_mem_eq(data, "something else", 14);
    source_rest(source);
    ck_assert_int_eq(read_chunk("d/file", 0), SOURCE_SAME);
    stop();
}
END_TEST

START_TEST(test_chunks_of_a_large_file) {
    char *large = malloc(2 * LIMIT_CHUNK + 5);
    ck_assert_ptr_nonnull(large);
    memset(large, 'a', LIMIT_CHUNK);
    memset(large + LIMIT_CHUNK, 'b', LIMIT_CHUNK);
    memcpy(large + 2 * LIMIT_CHUNK, "ccccc", 5);
    room_write("large", large, 2 * LIMIT_CHUNK + 5);
    look("large");
    ck_assert_int_eq(read_chunk("large", 2), SOURCE_SAME);
    ck_assert_mem_eq(data, "ccccc", 5);
    ck_assert_int_eq(read_chunk("large", 1), SOURCE_SAME);
    ck_assert_mem_eq(data, large + LIMIT_CHUNK, LIMIT_CHUNK);
    ck_assert_int_eq(read_chunk("large", 0), SOURCE_SAME);
    ck_assert_mem_eq(data, large, LIMIT_CHUNK);
    free(large);
    stop();
}
END_TEST

static void append(void) {
    int fd = open("d/file", O_WRONLY | O_APPEND | O_CLOEXEC);
    ck_assert_int_eq(write(fd, "!", 1), 1);
    close(fd);
    room_time("d/file", 1000, 1);
}
static void shrink(void) {
    ck_assert_int_eq(truncate("d/file", 3), 0);
    room_time("d/file", 1000, 1);
}
static void touch_seconds(void) {
    room_time("d/file", 1001, 1);
}
static void touch_nanoseconds(void) {
    room_time("d/file", 1000, 2);
}
static void rewrite_and_hide(void) {
    room_text("d/file", "CONTENT");
    room_time("d/file", 1000, 1);
}
static void change_mode(void) {
    ck_assert_int_eq(chmod("d/file", 0600), 0);
}
static void replace_alike(void) {
    room_text("d/new", "content");
    room_time("d/new", 1000, 1);
    ck_assert_int_eq(rename("d/new", "d/file"), 0);
}
static void replace_otherwise(void) {
    room_text("d/new", "another");
    ck_assert_int_eq(rename("d/new", "d/file"), 0);
}
static void become_link(void) {
    room_text("d/target", "content");
    ck_assert_int_eq(unlink("d/file"), 0);
    room_link("target", "d/file");
}
static void become_pipe(void) {
    ck_assert_int_eq(unlink("d/file"), 0);
    ck_assert_int_eq(mkfifo("d/file", 0600), 0);
}
static void become_directory(void) {
    ck_assert_int_eq(unlink("d/file"), 0);
    room_directory("d/file");
}
static void vanish(void) {
    ck_assert_int_eq(unlink("d/file"), 0);
}
static void vanish_with_all(void) {
    ck_assert_int_eq(rename("d", "moved"), 0);
}

/* What happens to "d/file", and what is said of it by path, by a first read, and by a read of what
 * was open before (which a rename does not touch). */
static const struct {
    void (*change)(void);
    int checked;
    int opened;
    int held;
} CHANGES[] = {
    {append, SOURCE_CHANGED, SOURCE_CHANGED, SOURCE_CHANGED},
    {shrink, SOURCE_CHANGED, SOURCE_CHANGED, SOURCE_CHANGED},
    {touch_seconds, SOURCE_CHANGED, SOURCE_CHANGED, SOURCE_CHANGED},
    {touch_nanoseconds, SOURCE_CHANGED, SOURCE_CHANGED, SOURCE_CHANGED},
    {rewrite_and_hide, SOURCE_SOFT, SOURCE_SOFT, SOURCE_SOFT},
    {change_mode, SOURCE_SOFT, SOURCE_SOFT, SOURCE_SOFT},
    {replace_alike, SOURCE_SOFT, SOURCE_SOFT, SOURCE_SOFT},
    {replace_otherwise, SOURCE_CHANGED, SOURCE_CHANGED, SOURCE_SOFT},
    {become_link, SOURCE_CHANGED, SOURCE_CHANGED, SOURCE_SOFT},
    {become_pipe, SOURCE_CHANGED, SOURCE_CHANGED, SOURCE_SOFT},
    {become_directory, SOURCE_CHANGED, SOURCE_CHANGED, SOURCE_SOFT},
    {vanish, SOURCE_VANISHED, SOURCE_VANISHED, SOURCE_SOFT},
    {vanish_with_all, SOURCE_VANISHED, SOURCE_VANISHED, SOURCE_SAME},
};

START_TEST(test_changes_are_seen) {
    make_tree();
    CHANGES[_i].change();
    ck_assert_int_eq(check("d/file"), CHANGES[_i].checked);
    ck_assert_int_eq(read_chunk("d/file", 0), CHANGES[_i].opened);
    stop();
}
END_TEST

START_TEST(test_changes_of_an_open_file_are_seen) {
    make_tree();
    ck_assert_int_eq(read_chunk("d/file", 0), SOURCE_SAME);
    CHANGES[_i].change();
    ck_assert_int_eq(read_chunk("d/file", 0), CHANGES[_i].held);
    stop();
}
END_TEST

/* Pieces of before and after are never taken for one file. */
START_TEST(test_changes_between_pieces_are_seen) {
    make_tree();
    ck_assert_int_eq(read_with("d/file", 0, CHANGES[_i].change), CHANGES[_i].held);
    stop();
}
END_TEST

START_TEST(test_links_and_directories) {
    make_tree();
    room_text("d/sub/new", "");
    ck_assert_int_eq(check("d/sub"), SOURCE_SAME);
    ck_assert_int_eq(unlink("d/link"), 0);
    ck_assert_int_eq(check("d/link"), SOURCE_VANISHED);
    room_link("fil", "d/link");
    ck_assert_int_eq(check("d/link"), SOURCE_CHANGED);
    ck_assert_int_eq(rename("d/sub", "d/elsewhere"), 0);
    ck_assert_int_eq(check("d/sub"), SOURCE_VANISHED);
    room_text("d/sub", "");
    ck_assert_int_eq(check("d/sub"), SOURCE_CHANGED);
    stop();
}
END_TEST

/* A parent that turns into a link is not followed, even where it leads to equal things. */
START_TEST(test_parents_that_become_links) {
    make_tree();
    ck_assert_int_eq(rename("d/sub", "away"), 0);
    room_link("../away", "d/sub");
    ck_assert_int_eq(check("d/sub/other"), SOURCE_VANISHED);
    ck_assert_int_eq(read_chunk("d/sub/other", 0), SOURCE_VANISHED);
    stop();
}
END_TEST

START_TEST(test_unreadable) {
    room_become_user();
    make_tree();
    ck_assert_int_eq(chmod("d/file", 0), 0);
    ck_assert_int_eq(read_chunk("d/file", 0), SOURCE_UNREADABLE);
    ck_assert_int_eq(chmod("d/sub", 0), 0);
    ck_assert_int_eq(check("d/sub/other"), SOURCE_UNREADABLE);
    stop();
}
END_TEST

/* The user's own path may be a link, in every step. */
START_TEST(test_named_links) {
    room_text("real", "content");
    room_link("real", "d");
    look("d");
    ck_assert_int_eq(check("d"), SOURCE_SAME);
    ck_assert_int_eq(read_chunk("d", 0), SOURCE_SAME);
    ck_assert_mem_eq(data, "content", 7);
    stop();
}
END_TEST

static int check_names(void) {
    room_fail = (struct fail){0};
    return source_check_hardlink(source, &entries[index_of("d/sub/name")],
                                 &entries[index_of("d/file")], &room_fail);
}

/* The name of another file, with all that could be compared the same; of none; of a directory. */
START_TEST(test_hard_links) {
    room_directory("d");
    room_directory("d/sub");
    room_text("d/file", "content");
    room_name("d/file", "d/sub/name");
    look("d");
    ck_assert_int_eq(entries[index_of("d/sub/name")].type, ENTRY_HARDLINK);
    ck_assert_int_eq(check_names(), SOURCE_SAME);
    ck_assert_int_eq(rename("d/file", "kept"), 0);
    ck_assert_int_eq(check_names(), SOURCE_VANISHED);
    ck_assert_ptr_nonnull(strstr(room_fail.text, "d/file"));
    room_text("d/file", "content");
    ck_assert_int_eq(check_names(), SOURCE_CHANGED);
    ck_assert_ptr_nonnull(strstr(room_fail.text, "d/sub/name"));
    ck_assert_int_eq(unlink("d/sub/name"), 0);
    ck_assert_int_eq(check_names(), SOURCE_VANISHED);
    room_directory("d/sub/name");
    ck_assert_int_eq(check_names(), SOURCE_CHANGED);
    stop();
}
END_TEST

Suite *suite_source(void) {
    Suite *suite = suite_create("source");
    TCase *tc = room_case("source");
    size_t changes = sizeof(CHANGES) / sizeof(*CHANGES);
    tcase_add_test(tc, test_unchanged_is_same);
    tcase_add_test(tc, test_chunks_of_a_large_file);
    tcase_add_loop_test(tc, test_changes_are_seen, 0, (int)changes);
    tcase_add_loop_test(tc, test_changes_of_an_open_file_are_seen, 0, (int)changes);
    tcase_add_loop_test(tc, test_changes_between_pieces_are_seen, 0, (int)changes);
    tcase_add_test(tc, test_links_and_directories);
    tcase_add_test(tc, test_parents_that_become_links);
    tcase_add_test(tc, test_unreadable);
    tcase_add_test(tc, test_named_links);
    tcase_add_test(tc, test_hard_links);
    suite_add_tcase(suite, tc);
    return suite;
}
