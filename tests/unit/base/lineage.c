#include "base/lineage.h"
#include "suites.h"

#include <string.h>

static const uint8_t ids[][LIMIT_TRANSFER_ID] = {"the first", "the second", "the third"};

START_TEST(who_replaces_one_replaces_what_that_one_had_replaced) {
    struct lineage first = {0};
    struct lineage second = lineage_of(ids[0], &first);
    struct lineage third = lineage_of(ids[1], &second);
    ck_assert_uint_eq(second.count, 1);
    ck_assert_uint_eq(third.count, 2);
    ck_assert_mem_eq(third.ids[0], ids[1], LIMIT_TRANSFER_ID);
    ck_assert_mem_eq(third.ids[1], ids[0], LIMIT_TRANSFER_ID);
    ck_assert(lineage_has(&third, ids[0]) && lineage_has(&third, ids[1]));
    ck_assert(!lineage_has(&third, ids[2]) && !lineage_has(&first, ids[0]));
}
END_TEST

START_TEST(the_oldest_are_left_out) {
    struct lineage lineage = {0};
    for (uint8_t i = 0; i < LIMIT_LINEAGE + 2; i++) {
        uint8_t id[LIMIT_TRANSFER_ID] = {i};
        lineage = lineage_of(id, &lineage);
    }
    ck_assert_uint_eq(lineage.count, LIMIT_LINEAGE);
    ck_assert_uint_eq(lineage.ids[0][0], LIMIT_LINEAGE + 1);
    ck_assert_uint_eq(lineage.ids[LIMIT_LINEAGE - 1][0], 2);
}
END_TEST

Suite *suite_lineage(void) {
    Suite *suite = suite_create("lineage");
    TCase *tests = tcase_create("lineage");
    tcase_add_test(tests, who_replaces_one_replaces_what_that_one_had_replaced);
    tcase_add_test(tests, the_oldest_are_left_out);
    suite_add_tcase(suite, tests);
    return suite;
}
