/*
 * The set against a bitmap: whatever happens to both, they must tell the same story, and the
 * ranges must stay sorted, disjoint and non-adjacent.
 */
#include "base/rangeset.h"
#include "suites.h"

#include <errno.h>
#include <string.h>

#define NUMBERS 200u

static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void check_form(const struct rangeset *set) {
    for (size_t i = 0; i < set->length; i++) {
        ck_assert_uint_gt(set->ranges[i].count, 0);
        if (i > 0)
            ck_assert_uint_gt(set->ranges[i].first,
                              set->ranges[i - 1].first + set->ranges[i - 1].count);
    }
}

static bool all_set(const bool *bits, uint64_t first, uint64_t count) {
    for (uint64_t i = first; i < first + count; i++)
        if (!bits[i])
            return false;
    return true;
}

static bool any_set(const bool *bits, uint64_t first, uint64_t count) {
    for (uint64_t i = first; i < first + count; i++)
        if (bits[i])
            return true;
    return false;
}

static uint64_t count_set(const bool *bits) {
    uint64_t total = 0;
    for (uint64_t i = 0; i < NUMBERS; i++)
        total += bits[i];
    return total;
}

static void check_gap(const struct rangeset *set, const bool *bits, uint64_t from, uint64_t end) {
    struct range gap;
    uint64_t first = from;
    while (first < end && bits[first])
        first++;
    bool found = rangeset_next_gap(set, from, end, &gap);
    ck_assert_int_eq(found, first < end);
    if (!found)
        return;
    uint64_t after = first;
    while (after < end && !bits[after])
        after++;
    ck_assert_uint_eq(gap.first, first);
    ck_assert_uint_eq(gap.count, after - first);
}

static void check_against(const struct rangeset *set, const bool *bits, uint64_t *random) {
    check_form(set);
    ck_assert_uint_eq(rangeset_total(set), count_set(bits));
    for (int i = 0; i < 8; i++) {
        uint64_t first = next_random(random) % NUMBERS;
        uint64_t count = 1 + next_random(random) % (NUMBERS - first);
        ck_assert_int_eq(rangeset_contains(set, first, count), all_set(bits, first, count));
        ck_assert_int_eq(rangeset_intersects(set, first, count), any_set(bits, first, count));
        check_gap(set, bits, first, first + count);
    }
}

START_TEST(test_matches_a_bitmap) {
    uint64_t random = 0x9e3779b97f4a7c15u + (uint64_t)_i;
    struct rangeset set;
    bool bits[NUMBERS] = {false};
    rangeset_init(&set);
    for (int step = 0; step < 400; step++) {
        uint64_t first = next_random(&random) % NUMBERS;
        uint64_t longest = next_random(&random) % 4 == 0 ? NUMBERS - first : 6;
        uint64_t count = next_random(&random) % (longest + 1);
        if (count > NUMBERS - first)
            count = NUMBERS - first;
        bool add = next_random(&random) % 2 == 0;
        int code = add ? rangeset_add(&set, first, count) : rangeset_remove(&set, first, count);
        ck_assert_int_eq(code, 0);
        memset(bits + first, add, (size_t)count);
        check_against(&set, bits, &random);
    }
    rangeset_clear(&set);
    ck_assert_uint_eq(rangeset_total(&set), 0);
}
END_TEST

/* A few short ranges in `set`, each set to `value` in `bits`. */
static void scatter(struct rangeset *set, bool *bits, bool value, uint64_t *random) {
    rangeset_init(set);
    for (int step = 0; step < 12; step++) {
        uint64_t first = next_random(random) % (NUMBERS - 9);
        uint64_t count = next_random(random) % 9;
        ck_assert_int_eq(rangeset_add(set, first, count), 0);
        memset(bits + first, value, (size_t)count);
    }
}

START_TEST(test_add_all_is_a_union) {
    uint64_t random = 77u + (uint64_t)_i;
    struct rangeset sets[2];
    bool bits[NUMBERS] = {false};
    scatter(&sets[0], bits, true, &random);
    scatter(&sets[1], bits, true, &random);
    ck_assert_int_eq(rangeset_add_all(&sets[0], &sets[1]), 0);
    check_against(&sets[0], bits, &random);
    rangeset_clear(&sets[0]);
    rangeset_clear(&sets[1]);
}
END_TEST

START_TEST(test_remove_all_is_a_difference) {
    uint64_t random = 77u + (uint64_t)_i;
    struct rangeset sets[2];
    bool bits[NUMBERS] = {false};
    scatter(&sets[0], bits, true, &random);
    scatter(&sets[1], bits, false, &random);
    ck_assert_int_eq(rangeset_remove_all(&sets[0], &sets[1]), 0);
    check_against(&sets[0], bits, &random);
    rangeset_clear(&sets[0]);
    rangeset_clear(&sets[1]);
}
END_TEST

START_TEST(test_neighbours_become_one) {
    struct rangeset set;
    rangeset_init(&set);
    ck_assert_int_eq(rangeset_add(&set, 0, 5), 0);
    ck_assert_int_eq(rangeset_add(&set, 10, 5), 0);
    ck_assert_uint_eq(set.length, 2);
    ck_assert_int_eq(rangeset_add(&set, 5, 5), 0);
    ck_assert_uint_eq(set.length, 1);
    ck_assert_uint_eq(set.ranges[0].count, 15);
    ck_assert_int_eq(rangeset_remove(&set, 7, 1), 0);
    ck_assert_uint_eq(set.length, 2);
    rangeset_clear(&set);
}
END_TEST

START_TEST(test_the_highest_numbers) {
    struct rangeset set;
    rangeset_init(&set);
    ck_assert_int_eq(rangeset_add(&set, UINT64_MAX - 10, 10), 0);
    ck_assert_int_eq(rangeset_add(&set, UINT64_MAX - 10, 12), -ERANGE);
    ck_assert_int_eq(rangeset_add(&set, 2, UINT64_MAX), -ERANGE);
    ck_assert_int_eq(rangeset_remove(&set, UINT64_MAX, 2), -ERANGE);
    ck_assert_uint_eq(rangeset_total(&set), 10);
    ck_assert(rangeset_contains(&set, UINT64_MAX - 1, 1));
    ck_assert(!rangeset_contains(&set, UINT64_MAX - 11, 2));
    rangeset_clear(&set);
}
END_TEST

START_TEST(test_nothing_is_nothing) {
    struct rangeset set;
    struct range gap;
    rangeset_init(&set);
    ck_assert_int_eq(rangeset_add(&set, 7, 0), 0);
    ck_assert_int_eq(rangeset_remove(&set, 7, 3), 0);
    ck_assert_uint_eq(set.length, 0);
    ck_assert(!rangeset_intersects(&set, 0, UINT64_MAX));
    ck_assert(!rangeset_next_gap(&set, 4, 4, &gap));
    ck_assert(rangeset_next_gap(&set, 4, 6, &gap));
    ck_assert_uint_eq(gap.first, 4);
    ck_assert_uint_eq(gap.count, 2);
    rangeset_clear(&set);
}
END_TEST

START_TEST(test_move_leaves_the_source_empty) {
    struct rangeset from;
    struct rangeset to;
    rangeset_init(&from);
    rangeset_init(&to);
    ck_assert_int_eq(rangeset_add(&from, 3, 4), 0);
    ck_assert_int_eq(rangeset_add(&to, 100, 1), 0);
    rangeset_move(&to, &from);
    ck_assert_uint_eq(rangeset_total(&from), 0);
    ck_assert_uint_eq(rangeset_total(&to), 4);
    ck_assert(rangeset_contains(&to, 3, 4));
    ck_assert_int_eq(rangeset_add(&from, 1, 1), 0);
    rangeset_clear(&from);
    rangeset_clear(&to);
}
END_TEST

START_TEST(test_many_ranges) {
    struct rangeset set;
    rangeset_init(&set);
    for (uint64_t i = 0; i < 20000; i++)
        ck_assert_int_eq(rangeset_add(&set, i * 2, 1), 0);
    ck_assert_uint_eq(set.length, 20000);
    ck_assert_int_eq(rangeset_add(&set, 0, 40000), 0);
    ck_assert_uint_eq(set.length, 1);
    rangeset_clear(&set);
}
END_TEST

Suite *suite_rangeset(void) {
    Suite *suite = suite_create("rangeset");
    TCase *tc = tcase_create("rangeset");
    tcase_add_loop_test(tc, test_matches_a_bitmap, 0, 8);
    tcase_add_loop_test(tc, test_add_all_is_a_union, 0, 8);
    tcase_add_loop_test(tc, test_remove_all_is_a_difference, 0, 8);
    tcase_add_test(tc, test_neighbours_become_one);
    tcase_add_test(tc, test_the_highest_numbers);
    tcase_add_test(tc, test_nothing_is_nothing);
    tcase_add_test(tc, test_move_leaves_the_source_empty);
    tcase_add_test(tc, test_many_ranges);
    suite_add_tcase(suite, tc);
    return suite;
}
