#include "files/receipt.h"
#include "files/stamps.h"
#include "suites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct receipt_marks marks;
static struct receipt_marks found;
static uint8_t *bytes;
static size_t length;

static void set_up(void) {
    receipt_marks_init(&marks);
    receipt_marks_init(&found);
    bytes = NULL;
    length = 0;
}

static void tear_down(void) {
    receipt_marks_clear(&marks);
    receipt_marks_clear(&found);
    free(bytes);
}

static void encode(void) {
    ck_assert_int_eq(receipt_marks_encode(&marks, &bytes, &length), 0);
}

static int decode(const void *data, size_t size, uint32_t entries) {
    receipt_marks_clear(&found);
    return receipt_marks_decode(&found, data, size, entries);
}

START_TEST(test_nothing) {
    encode();
    ck_assert_uint_eq(length, 12);
    ck_assert_int_eq(decode(bytes, length, 1), 0);
    ck_assert(!found.unsure);
    ck_assert_uint_eq(found.name_count, 0);
    ck_assert_ptr_null(receipt_marks_name(&found, 0));
}
END_TEST

START_TEST(test_everything) {
    char longest[LIMIT_COMPONENT];
    memset(longest, 'x', sizeof longest);
    ck_assert_int_eq(receipt_marks_add_name(&marks, 3, longest, sizeof longest), 0);
    ck_assert_int_eq(receipt_marks_add_name(&marks, 1, "a (3)", 5), 0);
    ck_assert_int_eq(rangeset_add(&marks.failed, 1, 2), 0);
    ck_assert_int_eq(rangeset_add(&marks.failed, 9, 1), 0);
    ck_assert_int_eq(rangeset_add(&marks.theirs, 4, 1), 0);
    ck_assert_int_eq(rangeset_add(&marks.left_out, 5, 2), 0);
    marks.unsure = true;
    marks.lacking = 3;
    marks.exact = true;
    encode();
    ck_assert_int_eq(decode(bytes, length, 10), 0);
    ck_assert(rangeset_contains(&found.failed, 1, 2) && rangeset_contains(&found.failed, 9, 1));
    ck_assert_uint_eq(rangeset_total(&found.failed), 3);
    ck_assert(rangeset_contains(&found.theirs, 4, 1));
    ck_assert(rangeset_contains(&found.left_out, 5, 2));
    ck_assert(found.unsure);
    ck_assert_uint_eq(found.lacking, 3);
    ck_assert(found.exact);
    ck_assert_uint_eq(found.name_count, 2);
    ck_assert_uint_eq(receipt_marks_name(&found, 3)->length, LIMIT_COMPONENT);
    ck_assert_mem_eq(receipt_marks_name(&found, 1)->bytes, "a (3)", 5);
    ck_assert_ptr_null(receipt_marks_name(&found, 4));
    /* Of every part of it something is missing, and nothing may follow. */
    for (size_t cut = 0; cut < length; cut++)
        ck_assert_int_eq(decode(bytes, cut, 10), -EBADMSG);
    ck_assert_int_eq(decode(bytes, length, 9), -EBADMSG); /* entry 9 is not there */
}
END_TEST

#define END "\0\0\0\0\0\0\0\0\0\0\0\0"

START_TEST(test_nonsense) {
#define WRONG(text) ck_assert_int_eq(decode(text END, sizeof(text END) - 1, 8), -EBADMSG)
    WRONG("\6\0\0\0\0\0\0\1\0\0\0\1");  /* lacking of one? */
    WRONG("\7\0\0\0\0\0\0\0\0\0\0\1");  /* exact, counted? */
    WRONG("\10\0\0\0\0\0\0\0\0\0\0\1"); /* no kind */
    WRONG("\2\0\1\0\0\0\0\0\0\0\0\1");  /* not zero */
    WRONG("\2\0\0\0\0\0\0\0\0\0\0\0");  /* a range of nothing */
    WRONG("\2\0\0\0\0\0\0\1\0\0\0\10"); /* one too far */
    WRONG("\2\0\0\0\xff\xff\xff\xff\0\0\0\1");
    WRONG("\5\0\0\0\0\0\0\1\0\0\0\0"); /* unsure of what? */
    WRONG("\1\0\0\0\0\0\0\1\0\0\0\0"); /* names */
    WRONG("\1\0\0\0\0\0\0\1\0\0\0\2..");
    WRONG("\1\0\0\0\0\0\0\1\0\0\0\3a/b");
    WRONG("\1\0\0\0\0\0\0\10\0\0\0\1a");
    WRONG("\1\0\0\0\0\0\0\1\0\0\0\1a\1\0\0\0\0\0\0\1\0\0\0\1b"); /* two of one entry */
    WRONG("\1\0\0\0\0\0\0\1\0\0\1\0");
    WRONG(END);
#undef WRONG
    ck_assert_int_eq(decode("\1\0\0\0\0\0\0\1\0\0\0\1a" END, 25, 8), 0);
}
END_TEST

START_TEST(test_layout) {
    struct receipt_layout layout = receipt_lay_out(100, 3, 5, false);
    ck_assert_uint_eq(layout.hashes, 100);
    ck_assert_uint_eq(layout.stamps, 148);
    ck_assert_uint_eq(layout.marks, 148);
    layout = receipt_lay_out(100, 3, 5, true);
    ck_assert_uint_eq(layout.marks, 148 + 5 * STAMP_SIZE);
}
END_TEST

Suite *suite_receipt(void) {
    Suite *s = suite_create("receipt");
    TCase *t = tcase_create("receipt");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, test_nothing);
    tcase_add_test(t, test_everything);
    tcase_add_test(t, test_nonsense);
    tcase_add_test(t, test_layout);
    suite_add_tcase(s, t);
    return s;
}
