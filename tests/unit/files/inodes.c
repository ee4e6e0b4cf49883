#include "files/inodes.h"
#include "suites.h"

#include <stdlib.h>

#define FILES 20000u

static struct inodes *inodes;

static void enter(void) {
    ck_assert_int_eq(inodes_new(&inodes), 0);
}

static void leave(void) {
    inodes_free(inodes);
}

static struct stat file(dev_t device, ino_t inode, nlink_t names) {
    return (struct stat){.st_dev = device, .st_ino = inode, .st_nlink = names};
}

START_TEST(test_forgets_with_the_last_name) {
    uint32_t entry = 0;
    struct stat st = file(1, 5, 3);
    ck_assert(!inodes_find(inodes, &st, &entry));
    ck_assert_int_eq(inodes_add(inodes, &st, 7), 0);
    ck_assert_uint_eq(inodes_waiting(inodes), 1);
    ck_assert(inodes_find(inodes, &st, &entry));
    ck_assert_uint_eq(entry, 7);
    ck_assert(inodes_find(inodes, &st, &entry));
    ck_assert_uint_eq(inodes_waiting(inodes), 0);
    ck_assert(!inodes_find(inodes, &st, &entry));
}
END_TEST

START_TEST(test_single_names_are_not_kept) {
    uint32_t entry = 0;
    struct stat st = file(1, 5, 1);
    ck_assert_int_eq(inodes_add(inodes, &st, 7), 0);
    ck_assert_uint_eq(inodes_waiting(inodes), 0);
    ck_assert(!inodes_find(inodes, &st, &entry));
}
END_TEST

START_TEST(test_file_systems_are_told_apart) {
    uint32_t entry = 0;
    for (uint32_t device = 1; device <= 3; device++) {
        struct stat st = file(device, 5, 2);
        ck_assert_int_eq(inodes_add(inodes, &st, device), 0);
    }
    for (uint32_t device = 1; device <= 3; device++) {
        struct stat st = file(device, 5, 2);
        ck_assert(inodes_find(inodes, &st, &entry));
        ck_assert_uint_eq(entry, device);
    }
    ck_assert_uint_eq(inodes_waiting(inodes), 0);
}
END_TEST

/* Check's own assertions write to a file each time; here are hundreds of thousands of them. */
#define expect(condition) ((condition) ? (void)0 : ck_abort_msg("expected: %s", #condition))

/* In any order, against a table of what is true. */
START_TEST(test_random_orders) {
    static uint32_t left[FILES]; /* names to come, plus one; 0: not met */
    static uint32_t added[FILES];
    uint32_t waiting = 0;
    srand((unsigned)_i);
    for (uint32_t i = 0; i < FILES; i++)
        left[i] = 0;
    for (uint32_t step = 0; step < 6 * FILES; step++) {
        uint32_t at = (uint32_t)rand() % FILES;
        /* Neighbours, far ones, and such that differ in their upper bits alone. */
        struct stat st = file(1 + at % 2, (ino_t)at << (at % 3 * 16), 2 + at % 4);
        uint32_t entry = UINT32_MAX;
        bool found = inodes_find(inodes, &st, &entry);
        expect(found == (left[at] > 0));
        if (!found) {
            expect(inodes_add(inodes, &st, step) == 0);
            added[at] = step;
            left[at] = 1 + at % 4;
            waiting++;
        } else {
            expect(entry == added[at]);
            waiting -= --left[at] == 0;
        }
        expect(inodes_waiting(inodes) == waiting);
    }
}
END_TEST

Suite *suite_inodes(void) {
    Suite *suite = suite_create("inodes");
    TCase *tc = tcase_create("inodes");
    tcase_add_checked_fixture(tc, enter, leave);
    tcase_add_test(tc, test_forgets_with_the_last_name);
    tcase_add_test(tc, test_single_names_are_not_kept);
    tcase_add_test(tc, test_file_systems_are_told_apart);
    tcase_add_loop_test(tc, test_random_orders, 1, 4);
    suite_add_tcase(suite, tc);
    return suite;
}
