/* How transfers end: placing, delivery, and what is kept for how long. */
#include "fixture.h"
#include "store/store_expire.h"
#include "store/store_extent.h"
#include "store/store_placing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_placing(uint64_t number, const struct store_placing_item *expected,
                          size_t count) {
    struct store_placing_list found;
    FIXTURE_OK(store_placing_load(fixture, number, &found, &fixture_fail));
    ck_assert_uint_eq(found.length, count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_eq(found.items[i].item, expected[i].item);
        ck_assert_uint_eq(found.items[i].name.length, expected[i].name.length);
        ck_assert_mem_eq(found.items[i].name.bytes, expected[i].name.bytes,
                         expected[i].name.length);
        ck_assert_uint_eq(found.items[i].device, expected[i].device);
        ck_assert_uint_eq(found.items[i].inode, expected[i].inode);
    }
    store_placing_clear(&found);
}

/* With five entries that failed. */
static int start(uint64_t number, const struct store_placing_item *items, size_t count,
                 int64_t now) {
    const struct store_placing placing = {.items = items, .length = count, .failed = 5};
    return store_placing_start(fixture, number, &placing, now, &fixture_fail);
}

START_TEST(test_placing) {
    struct store_transfer t;
    const struct range all = {.first = 0, .count = 10};
    struct store_extent_change change = {.add = &all, .add_count = 1};
    struct store_placing_item items[] = {
        {.item = 0, .name = fixture_name("a"), .device = 7, .inode = UINT64_MAX},
        {.item = 1, .name = fixture_name("\xff\n"), .device = UINT64_MAX, .inode = 3},
    };
    struct store_transfer_new with = fixture_incoming(1, STORE_OFFERED);
    uint64_t number = fixture_create(&with);
    ck_assert_int_eq(start(number, items, 2, 1), STORE_STATE);
    fixture_set_state(number, STORE_RUNNING, 1);
    FIXTURE_OK(store_extent_commit(fixture, number, &change, 1, &fixture_fail));
    ck_assert_int_eq(store_placing_update(fixture, number, items, 2, &fixture_fail), STORE_STATE);
    ck_assert_int_eq(store_placing_done(fixture, number, 0, 1, &fixture_fail), STORE_STATE);
    FIXTURE_OK(start(number, items, 1, 1));
    check_placing(number, items, 1);
    FIXTURE_OK(start(number, items, 2, 1200));
    ck_assert_int_eq(fixture_state(number), STORE_PLACING);
    items[0].name = fixture_name("a (2)");
    items[0].inode = 44;
    FIXTURE_OK(store_placing_update(fixture, number, items, 1, &fixture_fail));
    fixture_close();
    fixture_open();
    check_placing(number, items, 2);
    FIXTURE_OK(store_transfer_get(fixture, number, &t, &fixture_fail));
    ck_assert_uint_eq(t.failed, 5);
    store_transfer_clear(&t);
    ck_assert(!t.exact);
    FIXTURE_OK(store_placing_done(fixture, number, 3, 1300, &fixture_fail));
    FIXTURE_OK(store_placing_set_exact(fixture, number, true, &fixture_fail));
    check_placing(number, items, 0);
    FIXTURE_OK(store_transfer_get(fixture, number, &t, &fixture_fail));
    ck_assert_int_eq(t.state, STORE_DELIVERED);
    ck_assert_int_eq(t.finished, 1300);
    ck_assert_uint_eq(t.failed, 3);
    ck_assert(t.exact);
    const struct store_name final[] = {items[0].name, items[1].name};
    fixture_check_names(&t.final_names, final, 2);
    store_transfer_clear(&t);
    FIXTURE_OK(store_transfer_confirm(fixture, number, 1400, &fixture_fail));
    FIXTURE_OK(store_transfer_get(fixture, number, &t, &fixture_fail));
    ck_assert(t.confirmed);
    store_transfer_clear(&t);
    fixture_close();
    ck_assert_int_eq(fixture_number("SELECT count(*) FROM extent"), 0);
}
END_TEST

START_TEST(test_placing_names_are_bounded) {
    struct store_transfer t;
    struct store_placing_item items[100];
    char names[100][8];
    struct store_transfer_new with = fixture_incoming(1, STORE_RUNNING);
    uint64_t number = fixture_create(&with);
    for (uint32_t i = 0; i < 100; i++) {
        snprintf(names[i], sizeof(names[i]), "n%u", i);
        items[i] = (struct store_placing_item){.item = i, .name = fixture_name(names[i])};
    }
    FIXTURE_OK(start(number, items, 100, 1));
    FIXTURE_OK(store_placing_done(fixture, number, 0, 1, &fixture_fail));
    FIXTURE_OK(store_transfer_get(fixture, number, &t, &fixture_fail));
    ck_assert_uint_eq(t.final_names.length, LIMIT_OFFER_NAMES);
    ck_assert_mem_eq(t.final_names.items[63].bytes, "n63", 3);
    store_transfer_clear(&t);
}
END_TEST

/* A failure in the middle leaves nothing: the second item has no name. */
START_TEST(test_placing_is_atomic) {
    struct store_placing_item items[] = {{.item = 0, .name = fixture_name("a")},
                                         {.item = 1, .name = fixture_name("")}};
    struct store_transfer_new with = fixture_incoming(1, STORE_RUNNING);
    uint64_t number = fixture_create(&with);
    ck_assert_int_eq(start(number, items, 2, 1), -EINVAL);
    ck_assert_int_eq(fixture_state(number), STORE_RUNNING);
    check_placing(number, items, 0);
}
END_TEST

static void expire(int64_t now) {
    store_transfer_list_clear(&fixture_listed);
    FIXTURE_OK(store_expire(fixture, now, &fixture_listed, &fixture_fail));
}

static bool exists(uint64_t number) {
    struct store_transfer t;
    int rc = store_transfer_get(fixture, number, &t, &fixture_fail);
    if (rc == 0)
        store_transfer_clear(&t);
    return rc == 0;
}

START_TEST(test_expire_offers) {
    struct store_name path = fixture_name("/a");
    struct store_transfer_new in = fixture_incoming(1, STORE_OFFERED);
    struct store_transfer_new out = fixture_outgoing(1, &path, 1);
    out.state = STORE_OFFERED;
    uint64_t incoming = fixture_create(&in), outgoing = fixture_create(&out);
    expire(1000 + FIXTURE_DAY - 1);
    ck_assert_int_eq(fixture_state(incoming), STORE_OFFERED);
    expire(1000 + FIXTURE_DAY);
    ck_assert_int_eq(fixture_state(incoming), STORE_REFUSED);
    ck_assert_int_eq(fixture_state(outgoing), STORE_OFFERED);
    ck_assert_uint_eq(fixture_listed.length, 0); /* an offer has no directory */
}
END_TEST

START_TEST(test_expire_partials) {
    struct store_name path = fixture_name("/a");
    const struct range some = {.first = 3, .count = 4};
    struct store_extent_change change = {.add = &some, .add_count = 1};
    struct store_transfer_new in = fixture_incoming(1, STORE_RUNNING);
    struct store_transfer_new out = fixture_outgoing(1, &path, 1);
    uint64_t incoming = fixture_create(&in), outgoing = fixture_create(&out);
    in.transfer_id = fixture_key(2);
    uint64_t placing = fixture_create(&in);
    FIXTURE_OK(start(placing, NULL, 0, 1000));
    FIXTURE_OK(store_extent_commit(fixture, incoming, &change, 1000 + FIXTURE_DAY, &fixture_fail));
    expire(1000 + 30 * FIXTURE_DAY);
    ck_assert_int_eq(fixture_state(incoming), STORE_RUNNING);
    ck_assert_int_eq(fixture_state(outgoing), STORE_CANCELLED);
    ck_assert_uint_eq(fixture_listed.length, 1);
    ck_assert_uint_eq(fixture_listed.items[0].number, outgoing);
    expire(1000 + 31 * FIXTURE_DAY);
    ck_assert_int_eq(fixture_state(incoming), STORE_CANCELLED);
    ck_assert_int_eq(fixture_state(placing), STORE_PLACING);
    ck_assert_uint_eq(fixture_listed.length, 2); /* both until they are cleaned */
    ck_assert_str_eq(fixture_listed.items[0].destination, "/srv/in");
    FIXTURE_OK(store_transfer_cleaned(fixture, incoming, &fixture_fail));
    expire(1000 + 90 * FIXTURE_DAY);
    ck_assert(!exists(incoming));
    ck_assert(exists(outgoing)); /* its directory is still there */
    ck_assert_uint_eq(fixture_listed.length, 1);
    fixture_close();
    ck_assert_int_eq(fixture_number("SELECT count(*) FROM extent"), 0);
}
END_TEST

START_TEST(test_expire_delivered) {
    struct store_transfer_new in = fixture_incoming(1, STORE_RUNNING);
    uint64_t number = fixture_create(&in);
    FIXTURE_OK(start(number, NULL, 0, 1000));
    FIXTURE_OK(store_placing_done(fixture, number, 0, 1000, &fixture_fail));
    FIXTURE_OK(store_transfer_cleaned(fixture, number, &fixture_fail));
    expire(1000 + 300 * FIXTURE_DAY);
    ck_assert(exists(number)); /* the sender may still ask */
    FIXTURE_OK(store_transfer_confirm(fixture, number, 1000 + 300 * FIXTURE_DAY, &fixture_fail));
    expire(1000 + 330 * FIXTURE_DAY - 1);
    ck_assert(exists(number));
    expire(1000 + 330 * FIXTURE_DAY);
    ck_assert(!exists(number));
}
END_TEST

/* What was written under a clock far ahead ages from when the clock is right again. */
START_TEST(test_expire_clock_set_back) {
    struct store_transfer_new in = fixture_incoming(1, STORE_OFFERED);
    in.now = 4000000000;
    uint64_t number = fixture_create(&in);
    expire(1000);
    expire(1000 + FIXTURE_DAY - 1);
    ck_assert_int_eq(fixture_state(number), STORE_OFFERED);
    expire(1000 + FIXTURE_DAY);
    ck_assert_int_eq(fixture_state(number), STORE_REFUSED);
}
END_TEST

static Suite *suite(void) {
    Suite *s = suite_create("store-ending");
    TCase *t;

    t = tcase_create("placing");
    tcase_set_timeout(t, 60); /* a sync can take long beside others */
    tcase_add_checked_fixture(t, fixture_make_store, fixture_remove);
    tcase_add_test(t, test_placing);
    tcase_add_test(t, test_placing_names_are_bounded);
    tcase_add_test(t, test_placing_is_atomic);
    suite_add_tcase(s, t);

    t = tcase_create("expire");
    tcase_set_timeout(t, 60); /* a sync can take long beside others */
    tcase_add_checked_fixture(t, fixture_make_store, fixture_remove);
    tcase_add_test(t, test_expire_offers);
    tcase_add_test(t, test_expire_partials);
    tcase_add_test(t, test_expire_delivered);
    tcase_add_test(t, test_expire_clock_set_back);
    suite_add_tcase(s, t);
    return s;
}

int main(void) {
    return fixture_run(suite());
}
