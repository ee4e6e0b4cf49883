#include "discovery/table.h"
#include "suites.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct table *table;
static struct discovery_found found;
static struct discovery_lost lost;

static void set_up(void) {
    table = table_new();
    ck_assert_ptr_nonnull(table);
}

static void tear_down(void) {
    table_free(table);
}

static struct discovery_found make(const char *instance, uint32_t interface, uint8_t last) {
    struct discovery_found made = {
        .interface = interface, .port = 1, .address_length = 4, .address = {10, 0, 0, last}};
    snprintf(made.instance, sizeof made.instance, "%s", instance);
    return made;
}

static int put(const char *instance, uint32_t interface, uint8_t last) {
    struct discovery_found made = make(instance, interface, last);
    return table_put(table, &made);
}

static void drop(const char *instance, uint32_t interface, uint8_t last) {
    uint8_t address[16] = {10, 0, 0, last};
    struct table_key key = {instance, interface, 4, address, last ? 4 : 0};
    table_drop(table, &key);
}

static enum table_change next(void) {
    return table_next(table, &found, &lost);
}

static size_t count_changes(void) {
    size_t count = 0;
    while (next() != TABLE_NOTHING)
        count++;
    return count;
}

START_TEST(test_found_once_lost_once) {
    ck_assert_int_eq(put("a", 2, 1), 0);
    ck_assert_int_eq(put("a", 2, 1), 0);
    ck_assert_int_eq(next(), TABLE_FOUND);
    ck_assert_str_eq(found.instance, "a");
    ck_assert_uint_eq(found.interface, 2);
    ck_assert_int_eq(next(), TABLE_NOTHING);
    ck_assert_int_eq(put("a", 2, 1), 0);
    ck_assert_int_eq(next(), TABLE_NOTHING);
    drop("a", 2, 1);
    ck_assert_int_eq(next(), TABLE_LOST);
    ck_assert_str_eq(lost.instance, "a");
    ck_assert_uint_eq(lost.family, 4);
    ck_assert_uint_eq(lost.address_length, 4);
    ck_assert_uint_eq(lost.address[3], 1);
    ck_assert_int_eq(next(), TABLE_NOTHING);
    drop("a", 2, 1);
    ck_assert_int_eq(next(), TABLE_NOTHING);
}
END_TEST

START_TEST(test_what_undoes_itself_is_not_reported) {
    put("a", 2, 1);
    drop("a", 2, 1);
    ck_assert_int_eq(next(), TABLE_NOTHING);
    put("a", 2, 1);
    ck_assert_int_eq(next(), TABLE_FOUND);
    drop("a", 2, 1);
    put("a", 2, 1);
    ck_assert_int_eq(next(), TABLE_NOTHING);
}
END_TEST

START_TEST(test_a_change_is_found_again) {
    struct discovery_found made = make("a", 2, 1);
    table_put(table, &made);
    ck_assert_int_eq(next(), TABLE_FOUND);
    made.port = 99;
    table_put(table, &made);
    ck_assert_int_eq(next(), TABLE_FOUND);
    ck_assert_uint_eq(found.port, 99);
    strcpy(made.id, "x");
    table_put(table, &made);
    ck_assert_int_eq(next(), TABLE_FOUND);
    made.own = true;
    table_put(table, &made);
    ck_assert_int_eq(next(), TABLE_FOUND);
    ck_assert(found.own);
    ck_assert_int_eq(next(), TABLE_NOTHING);
}
END_TEST

START_TEST(test_drop_takes_what_it_names) {
    struct discovery_found v6 = make("a", 2, 1);
    v6.address_length = 16;
    table_put(table, &v6);
    put("a", 2, 1);
    put("a", 2, 2);
    put("a", 3, 1);
    put("b", 2, 1);
    ck_assert_uint_eq(count_changes(), 5);
    drop("a", 2, 1);
    ck_assert_uint_eq(count_changes(), 1);
    drop("a", 2, 0);
    ck_assert_int_eq(next(), TABLE_LOST);
    ck_assert_uint_eq(lost.address[3], 2);
    ck_assert_int_eq(next(), TABLE_NOTHING);
}
END_TEST

START_TEST(test_another_backend_sees_most_of_it_again) {
    put("stays", 2, 1);
    put("goes", 2, 1);
    ck_assert_uint_eq(count_changes(), 2);
    table_doubt(table);
    put("stays", 2, 1);
    put("new", 2, 1);
    ck_assert_int_eq(next(), TABLE_FOUND);
    ck_assert_str_eq(found.instance, "new");
    ck_assert_int_eq(next(), TABLE_NOTHING);
    table_sweep(table);
    ck_assert_int_eq(next(), TABLE_LOST);
    ck_assert_str_eq(lost.instance, "goes");
    ck_assert_int_eq(next(), TABLE_NOTHING);
    table_sweep(table);
    ck_assert_int_eq(next(), TABLE_NOTHING);
}
END_TEST

START_TEST(test_bounds) {
    for (uint8_t i = 1; i <= TABLE_PER_INSTANCE; i++)
        ck_assert_int_eq(put("a", 2, i), 0);
    ck_assert_int_eq(put("a", 2, 200), -ENOSPC);
    ck_assert_int_eq(put("a", 2, 1), 0);
    for (uint32_t i = 0; i < DISCOVERY_ADDRESSES_MAX - TABLE_PER_INSTANCE; i++)
        ck_assert_int_eq(put("b", 3 + i, 1), 0);
    ck_assert_int_eq(put("c", 2, 1), -ENOSPC);
    ck_assert_uint_eq(count_changes(), DISCOVERY_ADDRESSES_MAX);
    /* Room counts from the report of the loss on: the receiver never holds more than the cap. */
    drop("b", 3, 1);
    ck_assert_int_eq(put("c", 2, 1), -ENOSPC);
    ck_assert_int_eq(next(), TABLE_LOST);
    ck_assert_int_eq(put("c", 2, 1), 0);
    ck_assert_int_eq(next(), TABLE_FOUND);
}
END_TEST

/* Against a plain model: what a receiver has after all reports is what is there. */
START_TEST(test_receiver_ends_up_with_what_is_there) {
    bool there[4][4] = {{false}};
    bool told[4][4] = {{false}};
    uint32_t random = (uint32_t)_i * 2654435761u + 1;
    for (int step = 0; step < 2000; step++) {
        random = random * 1664525u + 1013904223u;
        uint8_t who = (random >> 28) & 3;
        uint8_t which = (random >> 24) & 3;
        char name[] = {(char)('a' + who), '\0'};
        if ((random >> 20) & 1)
            put(name, 2, which + 1);
        else
            drop(name, 2, which + 1);
        there[who][which] = (random >> 20) & 1;
        if (((random >> 16) & 7) != 0 && step != 1999)
            continue;
        for (enum table_change change; (change = next()) != TABLE_NOTHING;) {
            const char *instance = change == TABLE_FOUND ? found.instance : lost.instance;
            uint8_t last = change == TABLE_FOUND ? found.address[3] : lost.address[3];
            ck_assert(told[instance[0] - 'a'][last - 1] == (change == TABLE_LOST));
            told[instance[0] - 'a'][last - 1] = change == TABLE_FOUND;
        }
        ck_assert_mem_eq(there, told, sizeof there);
    }
}
END_TEST

Suite *suite_table(void) {
    Suite *suite = suite_create("table");
    TCase *tc = tcase_create("table");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, test_found_once_lost_once);
    tcase_add_test(tc, test_what_undoes_itself_is_not_reported);
    tcase_add_test(tc, test_a_change_is_found_again);
    tcase_add_test(tc, test_drop_takes_what_it_names);
    tcase_add_test(tc, test_another_backend_sees_most_of_it_again);
    tcase_add_test(tc, test_bounds);
    tcase_add_loop_test(tc, test_receiver_ends_up_with_what_is_there, 0, 8);
    suite_add_tcase(suite, tc);
    return suite;
}
