/* A receipt on its way from a session into the database, piece by piece. */
#include "../../store/fixture.h"
#include "node/daemon/kept.h"
#include "store/store_receipt.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define LARGE (2u * KEPT_ROOM + 7u)
#define PIECE (48u * 1024u)

static struct kept kept;
static uint8_t bytes[LARGE];
static size_t found;

static void set_up(void) {
    fixture_make_store();
    kept = (struct kept){0};
    for (size_t i = 0; i < LARGE; i++)
        bytes[i] = (uint8_t)(i >> 16 ^ i);
}

static void tear_down(void) {
    kept_drop(&kept);
    fixture_remove();
}

/* What a session says: `length` bytes from `position` on of `total`. */
static bool add(uint64_t total, uint64_t position, size_t length) {
    Fxnode__Helper__Kept piece = FXNODE__HELPER__KEPT__INIT;
    piece.total = total;
    piece.position = position;
    piece.bytes = (ProtobufCBinaryData){length, bytes + position};
    return kept_add(&kept, &piece);
}

static uint64_t make(void) {
    static const struct store_name path = {"/home/a", 7};
    const struct store_transfer_new with = fixture_outgoing(1, &path, 1);
    return fixture_create(&with);
}

static int compare(void *context, const void *piece, size_t length, struct fail *fail) {
    (void)context;
    (void)fail;
    ck_assert_uint_le(length, LARGE - found);
    ck_assert_mem_eq(piece, bytes + found, length);
    found += length;
    return 0;
}

/* Seals and delivers; how much of the receipt can be read then, all as it was given. */
static size_t deliver(uint64_t number) {
    const struct store_transfer_delivery delivery = {.now = 100};
    struct kept last = kept_take(&kept);
    FIXTURE_OK(store_begin(fixture, &fixture_fail));
    int rc = kept_seal(&last, fixture, number, &fixture_fail);
    if (rc == 0)
        rc = store_transfer_deliver(fixture, number, &delivery, &fixture_fail);
    FIXTURE_OK(store_end(fixture, rc, &fixture_fail));
    kept_drop(&last);
    found = 0;
    rc = store_receipt_read(fixture, number, compare, NULL, &fixture_fail);
    ck_assert(rc == 0 || rc == STORE_NONE);
    ck_assert(rc == 0 || found == 0);
    return found;
}

START_TEST(nothing_is_kept) {
    ck_assert(!kept_is_full(&kept));
    ck_assert_uint_eq(deliver(make()), 0);
}
END_TEST

START_TEST(a_small_one) {
    ck_assert(add(7, 0, 3));
    ck_assert(add(7, 3, 4));
    ck_assert(!kept_is_full(&kept));
    ck_assert_uint_eq(deliver(make()), 7);
}
END_TEST

/* Pieces of a session as they come, stored whenever there are many: also where the last one fills
 * it to the byte. */
START_TEST(a_large_one) {
    const size_t totals[] = {LARGE, 2 * KEPT_ROOM, KEPT_ROOM, KEPT_ROOM - 1, KEPT_ROOM + 1};
    size_t total = totals[_i];
    uint64_t number = make();
    unsigned stored = 0;
    for (size_t at = 0; at < total; at += PIECE) {
        ck_assert(add(total, at, total - at < PIECE ? total - at : PIECE));
        if (!kept_is_full(&kept))
            continue;
        struct kept taken = kept_take(&kept);
        ck_assert_int_eq(kept_store(&taken, fixture, number, &fixture_fail), 0);
        kept_drop(&taken);
        stored++;
    }
    ck_assert((stored > 0) == (total >= KEPT_ROOM));
    ck_assert_uint_eq(deliver(number), total);
}
END_TEST

START_TEST(pieces_follow_each_other) {
    ck_assert(!add(9, 3, 3)); /* there is no beginning */
    ck_assert(add(9, 0, 3));
    ck_assert(!add(9, 4, 3)); /* a gap */
    ck_assert(!add(9, 2, 3)); /* said twice */
    ck_assert(!add(8, 3, 3)); /* of another receipt */
    ck_assert(add(9, 3, 3));
    ck_assert_uint_eq(deliver(make()), 0); /* not to its end */
}
END_TEST

START_TEST(no_more_than_was_said) {
    ck_assert(add(5, 0, 3));
    ck_assert(!add(5, 3, 3));
    ck_assert(add(5, 3, 2));
    ck_assert(!add(5, 5, 1));
    ck_assert_uint_eq(deliver(make()), 5);
}
END_TEST

/* Whoever never takes what is collected gets no more than has room. */
START_TEST(no_more_than_has_room) {
    size_t at = 0;
    while (at < LARGE && add(LARGE, at, PIECE))
        at += PIECE;
    ck_assert_uint_le(at, KEPT_ROOM + LIMIT_PACKET);
}
END_TEST

/* The session was lost, and the next one says all of it anew: shorter or longer. */
START_TEST(it_begins_again) {
    uint64_t number = make();
    for (size_t at = 0; at < KEPT_ROOM; at += PIECE)
        ck_assert(add(LARGE, at, PIECE));
    struct kept taken = kept_take(&kept);
    ck_assert_int_eq(kept_store(&taken, fixture, number, &fixture_fail), 0);
    kept_drop(&taken);
    ck_assert(add(LARGE, 22 * PIECE, PIECE));
    ck_assert(add(7, 0, 3));
    ck_assert(!add(LARGE, 3, 4));
    ck_assert(add(7, 3, 4));
    ck_assert_uint_eq(deliver(number), 7);
}
END_TEST

/* What was stored of it before is not there. */
START_TEST(a_piece_in_the_database_is_missing) {
    uint64_t number = make();
    for (size_t at = 0; at < KEPT_ROOM; at += PIECE)
        ck_assert(add(LARGE, at, PIECE));
    struct kept taken = kept_take(&kept);
    kept_drop(&taken);
    ck_assert(add(LARGE, 22 * PIECE, PIECE));
    taken = kept_take(&kept);
    ck_assert_int_eq(kept_store(&taken, fixture, number, &fixture_fail), STORE_STATE);
    kept_drop(&taken);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("node-kept");
    TCase *tests = tcase_create("kept");

    tcase_set_timeout(tests, 60); /* a sync can take long beside others */
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, nothing_is_kept);
    tcase_add_test(tests, a_small_one);
    tcase_add_loop_test(tests, a_large_one, 0, 5);
    tcase_add_test(tests, pieces_follow_each_other);
    tcase_add_test(tests, no_more_than_was_said);
    tcase_add_test(tests, no_more_than_has_room);
    tcase_add_test(tests, it_begins_again);
    tcase_add_test(tests, a_piece_in_the_database_is_missing);
    suite_add_tcase(suite, tests);
    return fixture_run(suite);
}
