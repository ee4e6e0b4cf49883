/* Transfers: creation, states, lists, sources; several changes in one commit. */
#include "fixture.h"
#include "store/store_expire.h"
#include "store/store_placing.h"
#include "store/store_setting.h"
#include "store/store_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

START_TEST(test_transfer_lineage) {
    struct store_transfer t;
    struct lineage none = {0};
    struct lineage lineage = lineage_of(fixture_key(7), &none);
    const struct store_name path = fixture_name("/home/a");
    struct store_transfer_new with = fixture_outgoing(1, &path, 1);
    uint64_t number = fixture_create(&with);
    FIXTURE_OK(store_transfer_get(fixture, number, &t, &fixture_fail));
    ck_assert_uint_eq(t.lineage.count, 0);
    store_transfer_clear(&t);
    lineage = lineage_of(fixture_key(8), &lineage);
    with = fixture_outgoing(2, &path, 1);
    with.lineage = &lineage;
    number = fixture_create(&with);
    fixture_close();
    fixture_open();
    FIXTURE_OK(store_transfer_get(fixture, number, &t, &fixture_fail));
    ck_assert_uint_eq(t.lineage.count, 2);
    ck_assert_mem_eq(t.lineage.ids[0], fixture_key(8), LIMIT_TRANSFER_ID);
    ck_assert_mem_eq(t.lineage.ids[1], fixture_key(7), LIMIT_TRANSFER_ID);
    store_transfer_clear(&t);
}
END_TEST

START_TEST(test_transfer_create) {
    struct store_transfer t;
    struct store_transfer_new with = fixture_incoming(3, STORE_OFFERED);
    uint64_t number = fixture_create(&with);
    FIXTURE_OK(store_transfer_get(fixture, number, &t, &fixture_fail));
    ck_assert_uint_eq(t.number, number);
    ck_assert_int_eq(t.direction, STORE_INCOMING);
    ck_assert_int_eq(t.state, STORE_OFFERED);
    ck_assert_mem_eq(t.peer_key, with.peer_key, LIMIT_KEY);
    ck_assert_str_eq(t.peer_name, "box");
    ck_assert_mem_eq(t.transfer_id, with.transfer_id, LIMIT_TRANSFER_ID);
    ck_assert_mem_eq(t.manifest_hash, with.manifest_hash, LIMIT_HASH);
    ck_assert_uint_eq(t.manifest_length, with.manifest_length);
    ck_assert_uint_eq(t.entries, with.entries);
    ck_assert_uint_eq(t.bytes, with.bytes);
    ck_assert_uint_eq(t.units, with.units);
    fixture_check_names(&t.names, with.names, 2);
    ck_assert_uint_eq(t.name_count, 3);
    ck_assert_uint_eq(t.final_names.length, 0);
    ck_assert_str_eq(t.reason, "");
    ck_assert_str_eq(t.destination, "/srv/in");
    ck_assert_uint_eq(t.rate, 1000);
    ck_assert_int_eq(t.created, 1000);
    ck_assert_int_eq(t.changed, 1000);
    ck_assert_int_eq(t.finished, 0);
    ck_assert(!t.confirmed && !t.has_work);
    store_transfer_clear(&t);
    ck_assert_int_eq(store_transfer_get(fixture, number + 1, &t, &fixture_fail), STORE_NONE);
}
END_TEST

START_TEST(test_transfer_is_unique) {
    struct store_transfer t;
    uint64_t number = 77;
    struct store_name path = fixture_name("/a");
    struct store_transfer_new with = fixture_incoming(3, STORE_OFFERED);
    uint64_t first = fixture_create(&with);
    ck_assert_int_eq(store_transfer_create(fixture, &with, &number, &fixture_fail), STORE_EXISTS);
    ck_assert_uint_eq(number, 77);
    struct store_transfer_new outgoing = fixture_outgoing(3, &path, 1);
    uint64_t second = fixture_create(&outgoing); /* the other direction */
    with.peer_key = fixture_key(4);
    uint64_t third = fixture_create(&with); /* another peer */
    ck_assert(first < second && second < third);
    FIXTURE_OK(store_transfer_find(fixture, STORE_INCOMING, fixture_key(3), fixture_key(3), &t,
                                   &fixture_fail));
    ck_assert_uint_eq(t.number, first);
    store_transfer_clear(&t);
    FIXTURE_OK(store_transfer_find(fixture, STORE_OUTGOING, fixture_key(3), fixture_key(3), &t,
                                   &fixture_fail));
    ck_assert_uint_eq(t.number, second);
    ck_assert_ptr_null(t.destination);
    ck_assert(t.has_work);
    store_transfer_clear(&t);
    ck_assert_int_eq(store_transfer_find(fixture, STORE_OUTGOING, fixture_key(9), fixture_key(3),
                                         &t, &fixture_fail),
                     STORE_NONE);
    FIXTURE_OK(store_transfer_find_sent(fixture, fixture_key(3), &t, &fixture_fail));
    ck_assert_uint_eq(t.number, second); /* neither of those that came in */
    store_transfer_clear(&t);
    ck_assert_int_eq(store_transfer_find_sent(fixture, fixture_key(4), &t, &fixture_fail),
                     STORE_NONE);
}
END_TEST

static int hook(uint64_t number, void *context) {
    *(uint64_t *)context = number;
    return number == 2 ? -EXDEV : 0;
}

START_TEST(test_transfer_before_commit) {
    uint64_t seen = 0, number = 0;
    struct store_transfer_new with = fixture_incoming(1, STORE_RUNNING);
    with.before_commit = hook;
    with.context = &seen;
    ck_assert_uint_eq(fixture_create(&with), 1);
    ck_assert_uint_eq(seen, 1);
    with.transfer_id = fixture_key(2);
    ck_assert_int_eq(store_transfer_create(fixture, &with, &number, &fixture_fail), -EXDEV);
    ck_assert_uint_eq(seen, 2);
    ck_assert_uint_eq(number, 0);
    ck_assert_uint_eq(fixture_list(STORE_TRANSFERS_ALL, 0), 1);
}
END_TEST

START_TEST(test_transfer_number_is_not_reused) {
    struct store_transfer_new with = fixture_incoming(1, STORE_OFFERED);
    uint64_t first = fixture_create(&with);
    fixture_set_state(first, STORE_REFUSED, 1000);
    FIXTURE_OK(store_expire(fixture, 1000 + 31 * FIXTURE_DAY, &fixture_listed, &fixture_fail));
    ck_assert_uint_eq(fixture_list(STORE_TRANSFERS_ALL, 0), 0);
    fixture_close();
    fixture_open();
    ck_assert_uint_gt(fixture_create(&with), first);
}
END_TEST

START_TEST(test_transfer_refuses_nonsense) {
    uint64_t number;
    struct store_transfer_new with = fixture_incoming(1, STORE_DELIVERED);
    ck_assert_int_eq(store_transfer_create(fixture, &with, &number, &fixture_fail), -EINVAL);
    with = fixture_incoming(1, STORE_OFFERED);
    with.bytes = UINT64_MAX;
    ck_assert_int_eq(store_transfer_create(fixture, &with, &number, &fixture_fail), -ERANGE);
    with = fixture_incoming(1, STORE_OFFERED);
    with.destination = NULL;
    ck_assert_int_eq(store_transfer_create(fixture, &with, &number, &fixture_fail), -EINVAL);
    ck_assert_uint_eq(fixture_list(STORE_TRANSFERS_ALL, 0), 0);
    with.destination = "/srv/in"; /* and it still works */
    fixture_create(&with);
}
END_TEST

/* Every pair of states, by set_state. */
START_TEST(test_transfer_states) {
    static const bool allowed[10][10] = {
        [STORE_QUEUED] = {0, 1, 1, 1, 1, 0, 0, 1, 1, 1},
        [STORE_OFFERED] = {0, 1, 1, 1, 1, 0, 0, 1, 1, 1},
        [STORE_RUNNING] = {0, 1, 1, 1, 1, 0, 0, 1, 1, 1},
        [STORE_PAUSED] = {0, 1, 1, 1, 1, 0, 0, 1, 1, 1},
        [STORE_PLACING] = {0, 0, 0, 0, 0, 0, 0, 1, 0, 0},
    };
    const struct store_placing nothing = {0};
    uint8_t id = 1;
    for (int from = STORE_QUEUED; from <= STORE_CANCELLED; from++) {
        for (int to = STORE_QUEUED; to <= STORE_CANCELLED; to++) {
            struct store_transfer_new with = fixture_incoming(id++, STORE_RUNNING);
            uint64_t number = fixture_create(&with);
            if (from == STORE_PLACING || from == STORE_DELIVERED)
                FIXTURE_OK(store_placing_start(fixture, number, &nothing, 1, &fixture_fail));
            else
                fixture_set_state(number, (enum store_state)from, 1);
            if (from == STORE_DELIVERED)
                FIXTURE_OK(store_placing_done(fixture, number, 0, 1, &fixture_fail));
            int rc = store_transfer_set_state(fixture, number, (enum store_state)to, NULL, 2,
                                              &fixture_fail);
            ck_assert_msg(rc == (allowed[from][to] ? 0 : STORE_STATE), "%d -> %d: %d", from, to,
                          rc);
            ck_assert_int_eq(fixture_state(number), allowed[from][to] ? to : from);
        }
    }
    ck_assert_int_eq(store_transfer_set_state(fixture, 9999, STORE_PAUSED, NULL, 2, &fixture_fail),
                     STORE_NONE);
}
END_TEST

START_TEST(test_transfer_change) {
    struct store_transfer t;
    struct store_transfer_new with = fixture_incoming(1, STORE_OFFERED);
    uint64_t number = fixture_create(&with);
    fixture_set_state(number, STORE_RUNNING, 1100);
    FIXTURE_OK(store_transfer_set_rate(fixture, number, 5, &fixture_fail));
    FIXTURE_OK(store_transfer_get(fixture, number, &t, &fixture_fail));
    ck_assert_str_eq(t.reason, "because");
    ck_assert_int_eq(t.changed, 1100);
    ck_assert_int_eq(t.finished, 0);
    ck_assert_uint_eq(t.rate, 5);
    ck_assert(t.has_work); /* accepted: it has a staging directory now */
    store_transfer_clear(&t);
    ck_assert_int_eq(store_transfer_cleaned(fixture, number, &fixture_fail), STORE_STATE);
    ck_assert_int_eq(store_transfer_confirm(fixture, number, 1, &fixture_fail), STORE_STATE);
    fixture_set_state(number, STORE_CANCELLED, 1200);
    ck_assert_int_eq(store_transfer_set_rate(fixture, number, 6, &fixture_fail), STORE_STATE);
    ck_assert_uint_eq(fixture_list(STORE_TRANSFERS_LEFT, 0), 1);
    ck_assert_int_eq(fixture_listed.items[0].finished, 1200);
    FIXTURE_OK(store_transfer_cleaned(fixture, number, &fixture_fail));
    ck_assert_uint_eq(fixture_list(STORE_TRANSFERS_LEFT, 0), 0);
    ck_assert_int_eq(store_transfer_cleaned(fixture, 99, &fixture_fail), STORE_NONE);
    ck_assert_int_eq(store_transfer_set_rate(fixture, 99, 1, &fixture_fail), STORE_NONE);
}
END_TEST

/* It holds from the moment that it is accepted. */
START_TEST(test_transfer_exists) {
    struct store_transfer t;
    struct store_transfer_new with = fixture_incoming(1, STORE_OFFERED);
    with.exists = STORE_EXISTS_SKIP;
    with.existing = UINT64_MAX;
    uint64_t number = fixture_create(&with);
    FIXTURE_OK(store_transfer_set_exists(fixture, number, STORE_EXISTS_OVERWRITE, &fixture_fail));
    fixture_set_state(number, STORE_RUNNING, 1100);
    ck_assert_int_eq(store_transfer_set_exists(fixture, number, STORE_EXISTS_RENAME, &fixture_fail),
                     STORE_STATE);
    ck_assert_int_eq(store_transfer_set_exists(fixture, 99, STORE_EXISTS_SKIP, &fixture_fail),
                     STORE_NONE);
    FIXTURE_OK(store_transfer_get(fixture, number, &t, &fixture_fail));
    ck_assert_int_eq(t.exists, STORE_EXISTS_OVERWRITE);
    ck_assert_uint_eq(t.existing, UINT64_MAX);
    store_transfer_clear(&t);
}
END_TEST

START_TEST(test_transfer_lists) {
    for (uint8_t i = 1; i <= 40; i++) {
        struct store_transfer_new with = fixture_incoming(i, STORE_RUNNING);
        uint64_t number = fixture_create(&with);
        if (i % 2 == 0)
            fixture_set_state(number, STORE_FAILED, 1000 - i); /* a clock that runs backwards */
    }
    ck_assert_uint_eq(fixture_list(STORE_TRANSFERS_ACTIVE, 0), 20);
    for (size_t i = 0; i < 20; i++)
        ck_assert_uint_eq(fixture_listed.items[i].number, 2 * i + 1);
    ck_assert_uint_eq(fixture_list(STORE_TRANSFERS_ALL, 0), 40);
    ck_assert_uint_eq(fixture_listed.items[0].number, 40);
    ck_assert_uint_eq(fixture_listed.items[39].number, 1);
    ck_assert_uint_eq(fixture_list(STORE_TRANSFERS_ALL, 7), 7);
    ck_assert_uint_eq(fixture_listed.items[6].number, 34);
    ck_assert_uint_eq(fixture_list(STORE_TRANSFERS_LEFT, 0), 20);
    ck_assert_uint_eq(fixture_listed.items[0].number, 2);
}
END_TEST

START_TEST(test_transfer_deliver) {
    struct store_transfer t;
    struct store_name path = fixture_name("/a"), final = fixture_name("a (2)");
    struct store_transfer_delivery delivery = {
        .names = &final, .names_length = 1, .failed = 4, .now = 1500};
    struct store_transfer_new with = fixture_outgoing(1, &path, 1);
    struct store_transfer_new incoming = fixture_incoming(1, STORE_RUNNING);
    uint64_t number = fixture_create(&with), other = fixture_create(&incoming);
    FIXTURE_OK(store_transfer_deliver(fixture, number, &delivery, &fixture_fail));
    FIXTURE_OK(store_transfer_get(fixture, number, &t, &fixture_fail));
    ck_assert_int_eq(t.state, STORE_DELIVERED);
    ck_assert_uint_eq(t.failed, 4);
    ck_assert_int_eq(t.finished, 1500);
    fixture_check_names(&t.final_names, &final, 1);
    store_transfer_clear(&t);
    ck_assert_int_eq(store_transfer_deliver(fixture, number, &delivery, &fixture_fail),
                     STORE_STATE);
    ck_assert_int_eq(store_transfer_deliver(fixture, other, &delivery, &fixture_fail), STORE_STATE);
    ck_assert_int_eq(store_transfer_deliver(fixture, 99, &delivery, &fixture_fail), STORE_NONE);
}
END_TEST

START_TEST(test_source_find) {
    uint64_t number = 0;
    struct store_names loaded;
    const struct store_name paths[] = {fixture_name("/b"), fixture_name("/a\n\xff"),
                                       fixture_name("/ab")};
    const struct store_name shuffled[] = {paths[2], paths[0], paths[1], paths[0]};
    const struct store_name split[] = {fixture_name("/b"), fixture_name("/a\n\xff/"),
                                       fixture_name("ab")};
    struct store_transfer_new with = fixture_outgoing(1, paths, 3);
    uint64_t first = fixture_create(&with);
    with.transfer_id = fixture_key(2);
    uint64_t second = fixture_create(&with);
    const uint8_t *peer = fixture_key(1);
    FIXTURE_OK(store_source_find(fixture, peer, shuffled, 4, &number, &fixture_fail));
    ck_assert_uint_eq(number, second);
    ck_assert_int_eq(store_source_find(fixture, peer, paths, 2, &number, &fixture_fail),
                     STORE_NONE);
    ck_assert_int_eq(store_source_find(fixture, peer, split, 3, &number, &fixture_fail),
                     STORE_NONE);
    ck_assert_int_eq(store_source_find(fixture, fixture_key(2), paths, 3, &number, &fixture_fail),
                     STORE_NONE);
    fixture_set_state(second, STORE_FAILED, 1);
    FIXTURE_OK(store_source_find(fixture, peer, paths, 3, &number, &fixture_fail));
    ck_assert_uint_eq(number, first);
    FIXTURE_OK(store_source_load(fixture, first, &loaded, &fixture_fail));
    fixture_check_names(&loaded, paths, 3);
    store_names_clear(&loaded);
    FIXTURE_OK(store_source_load(fixture, 99, &loaded, &fixture_fail));
    ck_assert_uint_eq(loaded.length, 0);
}
END_TEST

START_TEST(test_group_commits_together) {
    int64_t value;
    struct store_transfer_new with = fixture_incoming(1, STORE_OFFERED);
    uint64_t number = fixture_create(&with);
    FIXTURE_OK(store_begin(fixture, &fixture_fail));
    FIXTURE_OK(store_setting_set(fixture, "a", 1, &fixture_fail));
    fixture_set_state(number, STORE_PAUSED, 1);
    ck_assert_int_eq(store_placing_done(fixture, number, 0, 1, &fixture_fail), STORE_STATE);
    with.bytes = UINT64_MAX; /* one part fails, the others stay */
    with.transfer_id = fixture_key(8);
    ck_assert_int_eq(store_transfer_create(fixture, &with, &number, &fixture_fail), -ERANGE);
    FIXTURE_OK(store_setting_set(fixture, "b", 2, &fixture_fail));
    FIXTURE_OK(store_end(fixture, 0, &fixture_fail));
    fixture_close();
    fixture_open();
    ck_assert_int_eq(fixture_state(number), STORE_PAUSED);
    FIXTURE_OK(store_setting_get(fixture, "a", &value, &fixture_fail));
    FIXTURE_OK(store_setting_get(fixture, "b", &value, &fixture_fail));
    ck_assert_uint_eq(fixture_list(STORE_TRANSFERS_ALL, 0), 1);
}
END_TEST

START_TEST(test_group_rolls_back_together) {
    int64_t value;
    struct store_transfer_new with = fixture_incoming(1, STORE_OFFERED);
    FIXTURE_OK(store_begin(fixture, &fixture_fail));
    FIXTURE_OK(store_setting_set(fixture, "a", 1, &fixture_fail));
    fixture_create(&with);
    ck_assert_int_eq(store_end(fixture, -ECANCELED, &fixture_fail), -ECANCELED);
    ck_assert_int_eq(store_setting_get(fixture, "a", &value, &fixture_fail), STORE_NONE);
    ck_assert_uint_eq(fixture_list(STORE_TRANSFERS_ALL, 0), 0);
    fixture_create(&with);
}
END_TEST

/* Its end would have been that of the group around it, with only a half of that committed. */
START_TEST(test_group_is_not_nested) {
    int64_t value;
    FIXTURE_OK(store_begin(fixture, &fixture_fail));
    FIXTURE_OK(store_setting_set(fixture, "a", 1, &fixture_fail));
    ck_assert_int_eq(store_begin(fixture, &fixture_fail), -EBUSY);
    FIXTURE_OK(store_setting_set(fixture, "b", 2, &fixture_fail));
    ck_assert_int_eq(store_end(fixture, -ECANCELED, &fixture_fail), -ECANCELED);
    ck_assert_int_eq(store_setting_get(fixture, "a", &value, &fixture_fail), STORE_NONE);
    ck_assert_int_eq(store_setting_get(fixture, "b", &value, &fixture_fail), STORE_NONE);
    FIXTURE_OK(store_begin(fixture, &fixture_fail));
    FIXTURE_OK(store_end(fixture, 0, &fixture_fail));
}
END_TEST

START_TEST(test_transfer_forget) {
    struct store_transfer t;
    struct store_transfer_new with = fixture_incoming(1, STORE_OFFERED);
    uint64_t number = fixture_create(&with);
    FIXTURE_OK(store_transfer_forget(fixture, number, &fixture_fail));
    ck_assert_int_eq(store_transfer_get(fixture, number, &t, &fixture_fail), STORE_NONE);
    ck_assert_int_eq(store_transfer_forget(fixture, number, &fixture_fail), STORE_NONE);
    number = fixture_create(&with); /* the same offer may come again */
    fixture_set_state(number, STORE_RUNNING, 1);
    ck_assert_int_eq(store_transfer_forget(fixture, number, &fixture_fail), STORE_STATE);
    ck_assert_int_eq(fixture_state(number), STORE_RUNNING);
}
END_TEST

/* The first has a directory that somebody still has to remove, the last is not over. */
START_TEST(test_transfer_ended_are_bounded) {
    uint8_t id[LIMIT_TRANSFER_ID] = {0};
    struct store_transfer_new with = fixture_incoming(1, STORE_RUNNING);
    uint64_t number = 0;
    with.transfer_id = id;
    FIXTURE_OK(store_begin(fixture, &fixture_fail));
    for (uint32_t i = 0; i < STORE_TRANSFER_ENDED + 5; i++) {
        memcpy(id, &i, sizeof i);
        number = fixture_create(&with);
        fixture_set_state(number, STORE_REFUSED, 1);
        with.state = STORE_OFFERED;
    }
    memset(id, 0xff, sizeof id);
    number = fixture_create(&with);
    FIXTURE_OK(store_end(fixture, 0, &fixture_fail));
    ck_assert_uint_eq(fixture_list(STORE_TRANSFERS_ALL, 0), STORE_TRANSFER_ENDED + 2);
    ck_assert_uint_eq(fixture_listed.items[0].number, number);
    ck_assert_uint_eq(fixture_listed.items[STORE_TRANSFER_ENDED].number, 6);
    ck_assert_uint_eq(fixture_listed.items[STORE_TRANSFER_ENDED + 1].number, 1);
}
END_TEST

static Suite *suite(void) {
    Suite *s = suite_create("store-transfer");
    TCase *t;

    t = tcase_create("transfer");
    tcase_set_timeout(t, 60); /* a sync can take long beside others */
    tcase_add_checked_fixture(t, fixture_make_store, fixture_remove);
    tcase_add_test(t, test_transfer_create);
    tcase_add_test(t, test_transfer_lineage);
    tcase_add_test(t, test_transfer_is_unique);
    tcase_add_test(t, test_transfer_before_commit);
    tcase_add_test(t, test_transfer_number_is_not_reused);
    tcase_add_test(t, test_transfer_refuses_nonsense);
    tcase_add_test(t, test_transfer_states);
    tcase_add_test(t, test_transfer_change);
    tcase_add_test(t, test_transfer_exists);
    tcase_add_test(t, test_transfer_lists);
    tcase_add_test(t, test_transfer_deliver);
    tcase_add_test(t, test_transfer_forget);
    tcase_add_test(t, test_transfer_ended_are_bounded);
    tcase_add_test(t, test_source_find);
    suite_add_tcase(s, t);

    t = tcase_create("group");
    tcase_set_timeout(t, 60); /* a sync can take long beside others */
    tcase_add_checked_fixture(t, fixture_make_store, fixture_remove);
    tcase_add_test(t, test_group_commits_together);
    tcase_add_test(t, test_group_rolls_back_together);
    tcase_add_test(t, test_group_is_not_nested);
    suite_add_tcase(s, t);
    return s;
}

int main(void) {
    return fixture_run(suite());
}
