/* What is kept of delivered transfers: pieces in order, sealed with the delivery, gone in time. */
#include "fixture.h"
#include "store/store_expire.h"
#include "store/store_moving.h"
#include "store/store_receipt.h"

#include <stdlib.h>
#include <string.h>

static int add(uint64_t number, uint64_t position, const char *text) {
    const struct store_receipt_piece piece = {position, text, strlen(text)};
    return store_receipt_add(fixture, number, &piece, &fixture_fail);
}

struct found {
    char text[64];
    size_t length;
};

static int take(void *context, const void *bytes, size_t length, struct fail *fail) {
    struct found *found = context;
    (void)fail;
    ck_assert_uint_lt(length, sizeof(found->text) - found->length);
    memcpy(found->text + found->length, bytes, length);
    found->length += length;
    return 0;
}

static void check(uint64_t number, const char *expected) {
    struct found found = {0};
    FIXTURE_OK(store_receipt_read(fixture, number, take, &found, &fixture_fail));
    ck_assert_str_eq(found.text, expected);
}

static void check_none(uint64_t number) {
    struct found found = {0};
    ck_assert_int_eq(store_receipt_read(fixture, number, take, &found, &fixture_fail), STORE_NONE);
}

static void deliver(uint64_t number, int64_t now) {
    const struct store_transfer_delivery delivery = {.now = now};
    FIXTURE_OK(store_begin(fixture, &fixture_fail));
    int rc = store_receipt_seal(fixture, number, &fixture_fail);
    if (rc == 0)
        rc = store_transfer_deliver(fixture, number, &delivery, &fixture_fail);
    FIXTURE_OK(store_end(fixture, rc, &fixture_fail));
}

static uint64_t make(uint8_t byte) {
    static const struct store_name path = {"/home/a", 7};
    const struct store_transfer_new with = fixture_outgoing(byte, &path, 1);
    return fixture_create(&with);
}

START_TEST(test_pieces) {
    uint64_t number = make(1);
    ck_assert_int_eq(add(99, 0, "a"), STORE_NONE);
    ck_assert_int_eq(store_receipt_seal(fixture, number, &fixture_fail), STORE_STATE);
    FIXTURE_OK(add(number, 0, "abc"));
    FIXTURE_OK(add(number, 3, "def"));
    ck_assert_int_eq(add(number, 9, "x"), STORE_STATE); /* a gap */
    ck_assert_int_eq(add(number, 5, "x"), STORE_STATE); /* within a piece */
    check_none(number);
    FIXTURE_OK(add(number, 0, "again"));
    FIXTURE_OK(add(number, 5, "st"));
    deliver(number, 100);
    check(number, "against");
    ck_assert_int_eq(add(number, 7, "x"), STORE_STATE);
    fixture_close();
    fixture_open();
    check(number, "against");
}
END_TEST

/* Whoever did not come to deliver leaves nothing. */
START_TEST(test_not_delivered) {
    uint64_t number = make(1);
    FIXTURE_OK(add(number, 0, "abc"));
    fixture_set_state(number, STORE_CANCELLED, 100);
    check_none(number);
    fixture_close();
    ck_assert_int_eq(fixture_number("SELECT count(*) FROM receipt"), 0);
}
END_TEST

static void expire(int64_t now) {
    struct store_transfer_list left;
    FIXTURE_OK(store_expire(fixture, now, &left, &fixture_fail));
    store_transfer_list_clear(&left);
}

START_TEST(test_age) {
    uint64_t number = make(1);
    FIXTURE_OK(add(number, 0, "abc"));
    deliver(number, 1000);
    expire(1000 + STORE_EXPIRE_FINISHED_S - 1);
    check(number, "abc");
    expire(1000 + STORE_EXPIRE_FINISHED_S);
    check_none(number); /* the transfer is still there: its directory was not removed */
    ck_assert_int_eq(fixture_state(number), STORE_DELIVERED);
    fixture_close();
    ck_assert_int_eq(fixture_number("SELECT count(*) FROM receipt"), 0);
}
END_TEST

/* A node that was off for long, or whose clock is ahead, removes what it was to remove all the
 * same; what came to nothing moves nothing. */
START_TEST(test_age_of_what_moves) {
    const int64_t old = 1000 + 2 * STORE_EXPIRE_FINISHED_S;
    uint64_t number = make(1);
    uint64_t cancelled = make(2);
    FIXTURE_OK(store_moving_want(fixture, number, true, &fixture_fail));
    FIXTURE_OK(store_moving_want(fixture, cancelled, true, &fixture_fail));
    FIXTURE_OK(add(number, 0, "abc"));
    deliver(number, 1000);
    fixture_set_state(cancelled, STORE_CANCELLED, 1000);
    fixture_close();
    fixture_sql("UPDATE transfer SET has_work = 0"); /* their directories are removed */
    fixture_open();
    expire(old);
    check(number, "abc");
    ck_assert_uint_eq(fixture_list(STORE_TRANSFERS_MOVING, 0), 1);
    fixture_close();
    ck_assert_int_eq(fixture_number("SELECT count(*) FROM transfer"), 1);
    fixture_open();
    FIXTURE_OK(store_moving_over(fixture, number, 1, 0, &fixture_fail));
    expire(old);
    check_none(number);
    fixture_close();
    ck_assert_int_eq(fixture_number("SELECT count(*) FROM transfer"), 0);
}
END_TEST

/* The newest stay, as many as there is room for. */
START_TEST(test_room) {
    uint64_t numbers[3];
    for (uint8_t i = 0; i < 3; i++) {
        numbers[i] = make((uint8_t)(i + 1));
        FIXTURE_OK(add(numbers[i], 0, "abc"));
        deliver(numbers[i], 1000);
    }
    fixture_close();
    fixture_sql("UPDATE transfer SET receipt_length = 1073741824 - 3 WHERE number = 2");
    fixture_open();
    expire(1001);
    check(numbers[2], "abc");
    check_none(numbers[0]);
    fixture_close();
    ck_assert_int_eq(fixture_number("SELECT count(*) FROM receipt"), 2);
}
END_TEST

/* A peer that delivers much does not fill the database until somebody looks an hour later, nor make
 * anything stay that is to be moved. */
START_TEST(test_room_between_looks) {
    const struct store_receipt_piece large = {0, calloc(1, STORE_RECEIPT_SLACK),
                                              STORE_RECEIPT_SLACK};
    uint64_t numbers[5];
    ck_assert_ptr_nonnull(large.bytes);
    for (uint8_t i = 0; i < 5; i++)
        numbers[i] = make((uint8_t)(i + 1));
    FIXTURE_OK(store_moving_want(fixture, numbers[0], true, &fixture_fail));
    for (uint8_t i = 0; i < 3; i++) {
        FIXTURE_OK(add(numbers[i], 0, "abc"));
        deliver(numbers[i], 1000);
    }
    fixture_close();
    fixture_sql("UPDATE transfer SET receipt_length = 1006632960 WHERE number = 2");
    fixture_open();
    FIXTURE_OK(add(numbers[3], 0, "abc"));
    deliver(numbers[3], 1000);
    FIXTURE_OK(store_receipt_add(fixture, numbers[4], &large, &fixture_fail));
    deliver(numbers[4], 1000);
    check(numbers[0], "abc");
    check_none(numbers[1]);
    check(numbers[2], "abc");
    check(numbers[3], "abc");
    fixture_close();
    ck_assert_int_eq(fixture_number("SELECT count(*) FROM receipt"), 4);
    free((void *)(uintptr_t)large.bytes);
}
END_TEST

START_TEST(test_moving) {
    struct store_transfer t;
    uint64_t number = make(1);
    ck_assert_int_eq(store_moving_want(fixture, 99, true, &fixture_fail), STORE_NONE);
    FIXTURE_OK(store_moving_want(fixture, number, true, &fixture_fail));
    ck_assert_uint_eq(fixture_list(STORE_TRANSFERS_MOVING, 0), 0);
    ck_assert_int_eq(store_moving_over(fixture, number, 1, 1, &fixture_fail), STORE_STATE);
    FIXTURE_OK(add(number, 0, "abc"));
    deliver(number, 100);
    ck_assert_int_eq(store_moving_want(fixture, number, false, &fixture_fail), STORE_STATE);
    fixture_close();
    fixture_open();
    ck_assert_uint_eq(fixture_list(STORE_TRANSFERS_MOVING, 0), 1);
    FIXTURE_OK(store_moving_over(fixture, number, 7, 2, &fixture_fail));
    ck_assert_int_eq(store_moving_over(fixture, number, 7, 2, &fixture_fail), STORE_STATE);
    ck_assert_uint_eq(fixture_list(STORE_TRANSFERS_MOVING, 0), 0);
    FIXTURE_OK(store_transfer_get(fixture, number, &t, &fixture_fail));
    ck_assert_int_eq(t.moving, STORE_MOVING_OVER);
    ck_assert_uint_eq(t.moved, 7);
    ck_assert_uint_eq(t.stayed, 2);
    store_transfer_clear(&t);
}
END_TEST

/* It is recorded with the transfer, and what comes in never moves. */
START_TEST(test_moves_from_the_beginning) {
    static const struct store_name path = {"/home/a", 7};
    struct store_transfer_new with = fixture_outgoing(1, &path, 1);
    struct store_transfer_new in = fixture_incoming(2, STORE_RUNNING);
    struct store_transfer t;
    with.moves = true;
    FIXTURE_OK(store_transfer_get(fixture, fixture_create(&with), &t, &fixture_fail));
    ck_assert_int_eq(t.moving, STORE_MOVING_WANTED);
    store_transfer_clear(&t);
    ck_assert_int_eq(store_moving_want(fixture, fixture_create(&in), true, &fixture_fail),
                     STORE_STATE);
}
END_TEST

static Suite *suite(void) {
    Suite *s = suite_create("store-receipt");
    TCase *t = tcase_create("receipt");
    tcase_set_timeout(t, 60); /* a sync can take long beside others */
    tcase_add_checked_fixture(t, fixture_make_store, fixture_remove);
    tcase_add_test(t, test_pieces);
    tcase_add_test(t, test_not_delivered);
    tcase_add_test(t, test_age);
    tcase_add_test(t, test_age_of_what_moves);
    tcase_add_test(t, test_room);
    tcase_add_test(t, test_room_between_looks);
    tcase_add_test(t, test_moving);
    tcase_add_test(t, test_moves_from_the_beginning);
    suite_add_tcase(s, t);
    return s;
}

int main(void) {
    return fixture_run(suite());
}
