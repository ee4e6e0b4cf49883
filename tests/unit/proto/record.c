/* Records of a data frame: written, read back, found in their entry; and every way to be wrong. */
#include "proto/record.h"
#include "proto/manifest.h"

#include "entries.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(records_are_read_as_written) {
    uint8_t frame[2 * RECORD_HEADER + 3];
    struct record_cursor cursor;
    struct record record = {.entry = 7, .offset = 5 * (uint64_t)LIMIT_CHUNK - 3, .length = 3};
    struct record hole = {.kind = RECORD_HOLE, .entry = 8, .length = LIMIT_CHUNK};
    record_write_header(frame, &record);
    memcpy(frame + RECORD_HEADER, "abc", 3);
    record_write_header(frame + RECORD_HEADER + 3, &hole);
    record_cursor_init(&cursor, frame, sizeof frame);
    ck_assert_int_eq(record_next(&cursor, &record), RECORD_READ);
    ck_assert_uint_eq(record.entry, 7);
    ck_assert_mem_eq(record.bytes, "abc", 3);
    ck_assert_int_eq(record_next(&cursor, &hole), RECORD_READ);
    ck_assert_uint_eq(hole.length, LIMIT_CHUNK);
    ck_assert_int_eq(record_next(&cursor, &hole), RECORD_END);
    /* Any cut is seen. */
    for (size_t cut = 1; cut < RECORD_HEADER + 3; cut++) {
        record_cursor_init(&cursor, frame, cut);
        ck_assert_int_eq(record_next(&cursor, &record), RECORD_MALFORMED);
    }
}
END_TEST

START_TEST(wrong_records_are_refused) {
    static const struct record wrong[] = {
        {.kind = RECORD_HOLE, .offset = LIMIT_CHUNK - 1, .length = 2},
        {.kind = RECORD_HOLE, .offset = 1, .length = LIMIT_CHUNK},
        {.kind = RECORD_HOLE, .length = UINT64_MAX},
        {.kind = RECORD_HOLE, .offset = UINT64_MAX, .length = 1},
        {.kind = RECORD_HOLE, .offset = LIMIT_CHUNK, .length = 0},
        {.kind = (enum record_kind)2, .length = 1},
        {.kind = RECORD_BYTES, .length = 1},
    };
    uint8_t frame[RECORD_HEADER];
    struct record_cursor cursor;
    struct record record;
    record_write_header(frame, &wrong[_i]);
    record_cursor_init(&cursor, frame, sizeof frame);
    ck_assert_int_eq(record_next(&cursor, &record), RECORD_MALFORMED);
}
END_TEST

START_TEST(records_stay_within_their_entry) {
    struct manifest_item item = {entries_file("f", LIMIT_CHUNK + 10), 3, 40};
    struct manifest_item other = {entries_directory("d"), 3, 40};
    struct manifest_item empty = {entries_file("e", 0), 3, 40};
    struct record record = {.entry = 3, .offset = LIMIT_CHUNK + 4, .length = 6};
    struct record nothing = {.entry = 3};
    struct record_piece piece;
    ck_assert(record_locate(&record, &item, &piece));
    ck_assert_uint_eq(piece.unit, 41);
    ck_assert_uint_eq(piece.unit_size, 10);
    ck_assert_uint_eq(piece.offset, 4);
    ck_assert(!piece.is_hole);
    ck_assert(!record_locate(&record, &other, &piece));
    record.length = 7;
    ck_assert(!record_locate(&record, &item, &piece));
    ck_assert(record_locate(&nothing, &empty, &piece));
    ck_assert(!record_locate(&nothing, &item, &piece));
    nothing.entry = 4;
    ck_assert(!record_locate(&nothing, &empty, &piece));
}
END_TEST

START_TEST(a_hole_may_be_a_whole_unit) {
    static const struct {
        uint64_t offset, length;
        bool fits, is_hole;
    } cases[] = {
        {0, LIMIT_CHUNK, true, true},    {LIMIT_CHUNK, 10, true, true},
        {LIMIT_CHUNK, 9, true, false},   {1, LIMIT_CHUNK - 1, true, false},
        {LIMIT_CHUNK, 11, false, false}, {1, LIMIT_CHUNK, false, false},
    };
    struct manifest_item item = {entries_file("f", LIMIT_CHUNK + 10), 3, 40};
    struct record record = {
        .kind = RECORD_HOLE, .entry = 3, .offset = cases[_i].offset, .length = cases[_i].length};
    struct record_piece piece = {.is_hole = false};
    ck_assert(record_locate(&record, &item, &piece) == cases[_i].fits);
    ck_assert(piece.is_hole == cases[_i].is_hole);
    record.kind = RECORD_BYTES;
    ck_assert(record_locate(&record, &item, &piece) == cases[_i].fits);
    ck_assert(!cases[_i].fits || !piece.is_hole);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("record");
    TCase *tests = tcase_create("record");
    tcase_add_test(tests, records_are_read_as_written);
    tcase_add_loop_test(tests, wrong_records_are_refused, 0, 7);
    tcase_add_test(tests, records_stay_within_their_entry);
    tcase_add_loop_test(tests, a_hole_may_be_a_whole_unit, 0, 6);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
