/* The end of a transfer is left in the middle, and done again. */

#include "../../files/arrival.h"
#include "../../files/room.h"
#include "node/session/placing.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DIRECTORY, FILE_A, LINKS_FROM, LINKS = 3, ENTRIES = LINKS_FROM + LINKS };

static struct entry entries[ENTRIES];
static struct manifest_checker *checker;
static struct catalog *catalog;
static int manifest;

static void make_entries(void) {
    static const char *const links[LINKS] = {"d/b", "d/c", "d/d"};

    entries[DIRECTORY] = room_folder("d", 0755);
    entries[FILE_A] = room_file("d/a", 1);
    for (size_t i = 0; i < LINKS; i++)
        entries[LINKS_FROM + i] = (struct entry){
            .type = ENTRY_HARDLINK, .path = links[i], .path_length = 3, .original = FILE_A};
}

/* The manifest of the entries in a file, and its catalog. */
static void make_catalog(void) {
    struct manifest_builder *builder = NULL;
    struct manifest_summary summary;
    const uint8_t *batch = NULL;

    ck_assert_int_eq(manifest_builder_new(&builder), 0);
    for (size_t i = 0; i < ENTRIES; i++)
        ck_assert_int_eq(manifest_builder_add(builder, &entries[i], &room_fail), MANIFEST_ADDED);
    ck_assert_int_eq(manifest_builder_end(builder, &room_fail), MANIFEST_BATCH_READY);
    size_t length = manifest_builder_take(builder, &batch);
    manifest = open("manifest", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(write(manifest, batch, length), (ssize_t)length);
    manifest_builder_summary(builder, &summary);
    manifest_builder_free(builder);
    ck_assert_int_eq(catalog_check(&checker, manifest, &summary, &room_fail), 0);
    ck_assert_int_eq(catalog_new(&catalog, manifest, manifest_checker_index(checker)), 0);
}

/* How often the placing may go on yet, and what it had recorded. */
struct node {
    unsigned steps;
    unsigned records;
    unsigned kept;
    bool dies;             /* once it has recorded where things go */
    struct job_name names; /* of the only item, as recorded */
    bool exact;            /* as recorded last */
};

static bool stopped(void *context) {
    struct node *node = context;

    if (node->steps == 0)
        return true;
    node->steps--;
    return false;
}

static int record(void *context, Fxnode__Helper__ToNode *message) {
    struct node *node = context;

    node->records++;
    if (message->body_case == FXNODE__HELPER__TO_NODE__BODY_DONE) {
        node->exact = message->done->exact;
        return 0;
    }
    ck_assert_int_eq(message->body_case, FXNODE__HELPER__TO_NODE__BODY_PLACING);
    ck_assert_uint_eq(message->placing->n_items, 1);
    const Fxnode__Helper__PlacedItem *item = message->placing->items[0];
    node->exact = message->placing->exact;
    node->names =
        (struct job_name){.item = item->item, .device = item->device, .inode = item->inode};
    node->names.name.length = (uint8_t)item->name.len;
    memcpy(node->names.name.bytes, item->name.data, item->name.len);
    return node->dies ? -ECANCELED : 0;
}

/* Between the two: everything has its place, and nobody was told that it is delivered. */
static int keep(void *context, struct receipt_marks *marks) {
    struct node *node = context;

    ck_assert_uint_eq(node->records, 1);
    ck_assert(marks->unsure == node->dies);
    ck_assert_uint_eq(marks->name_count, 0);
    node->kept++;
    return 0;
}

static void note(void *context, const char *line) {
    (void)context;
    ck_abort_msg("noted: %s", line);
}

/* From the beginning, or after an interruption. */
static int run_or_resume(struct node *node, bool resumed, struct placing_result *result) {
    struct rangeset none;
    struct receipt_marks marks;
    struct placing placing = {.staging = arrival,
                              .catalog = catalog,
                              .entries = ENTRIES,
                              .bytes = 1,
                              .failed = &none,
                              .skipped = &none,
                              .exists = FXNODE__HELPER__EXISTS__EXISTS_RENAME,
                              .marks = &marks,
                              .keep = keep,
                              .record = record,
                              .note = note,
                              .stopped = stopped,
                              .context = node,
                              .exact_before = node->exact};
    int r = 0;

    rangeset_init(&none);
    receipt_marks_init(&marks);
    r = resumed ? placing_resume(&placing, &node->names, 1, result, &room_fail)
                : placing_run(&placing, result, &room_fail);
    receipt_marks_clear(&marks);
    return r;
}

static int run(struct node *node) {
    struct placing_result result = {0};

    return run_or_resume(node, false, &result);
}

static void open_all(void) {
    make_entries();
    make_catalog();
    arrival_open(false);
    arrival_folder(entries[DIRECTORY]);
    arrival_file(entries[FILE_A], 0, "x");
}

static void close_all(void) {
    arrival_close();
    catalog_free(catalog);
    manifest_checker_free(checker);
    close(manifest);
}

/* Before each hard link, and before each entry, there is a step. */
START_TEST(it_is_left_before_any_entry_and_done_again) {
    const unsigned steps = LINKS + ENTRIES;

    open_all();
    for (unsigned i = 0; i < steps; i++) {
        struct node node = {.steps = i};

        ck_assert_int_eq(run(&node), -ECANCELED);
        ck_assert_uint_eq(node.records + node.kept, 0);
        ck_assert_uint_eq(room_stat(ARRIVAL_TREE "d/a").st_nlink, 1 + (i < LINKS ? i : LINKS));
        ck_assert(!room_exists("in/d"));
    }
    struct node node = {.steps = steps};
    ck_assert_int_eq(run(&node), 0);
    ck_assert_uint_eq(node.kept, 1);
    ck_assert_uint_eq(node.records, 2); /* where it goes, and that it is there */
    ck_assert_uint_eq(room_stat("in/d/a").st_nlink, 1 + LINKS);
    close_all();
}
END_TEST

/* It is recorded where the item goes; then the session dies, `happens` happens, and another goes on
 * to the end. Whether that is sure that all of it arrived as it was sent. */
static bool resume_after(void (*happens)(void)) {
    struct node node = {.steps = UINT_MAX, .dies = true};
    struct placing_result result = {0};

    open_all();
    ck_assert_int_lt(run(&node), 0);
    ck_assert(node.exact && room_exists(ARRIVAL_TREE "d"));
    happens();
    ck_assert_int_eq(run_or_resume(&node, true, &result), 0);
    ck_assert(node.exact == result.exact);
    close_all();
    return node.exact;
}

static void nothing(void) {
}

static void it_was_placed(void) {
    ck_assert_int_eq(rename(ARRIVAL_TREE "d", "in/d"), 0);
}

static void it_was_taken_away(void) {
    ck_assert_int_eq(rename(ARRIVAL_TREE "d", "elsewhere"), 0);
}

static void another_has_its_name(void) {
    it_was_taken_away();
    room_directory("in/d");
}

START_TEST(it_is_sure_of_what_has_its_place) {
    ck_assert(resume_after(nothing));
    ck_assert(room_says("in/d/a", "x"));
}
END_TEST

START_TEST(it_is_sure_of_what_had_its_place) {
    ck_assert(resume_after(it_was_placed));
    ck_assert(room_says("in/d/a", "x"));
}
END_TEST

/* Was it placed before, or is the staging lost? A sender that moves keeps its own. */
START_TEST(it_is_not_sure_of_what_is_nowhere) {
    ck_assert(!resume_after(it_was_taken_away));
}
END_TEST

START_TEST(it_is_not_sure_of_what_is_another) {
    ck_assert(!resume_after(another_has_its_name));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("session-placing");
    TCase *tests = room_case("placing");
    tcase_add_test(tests, it_is_left_before_any_entry_and_done_again);
    tcase_add_test(tests, it_is_sure_of_what_has_its_place);
    tcase_add_test(tests, it_is_sure_of_what_had_its_place);
    tcase_add_test(tests, it_is_not_sure_of_what_is_nowhere);
    tcase_add_test(tests, it_is_not_sure_of_what_is_another);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
