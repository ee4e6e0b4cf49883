#include "node/daemon/policy.h"

#include <check.h>
#include <stdlib.h>

START_TEST(a_stranger_gets_a_session_where_there_is_room) {
    struct policy_sessions sessions = {0};
    ck_assert(policy_admits_session(&sessions, false));
}
END_TEST

START_TEST(strangers_are_capped_in_all) {
    struct policy_sessions sessions = {.all = POLICY_UNKNOWN_SESSIONS,
                                       .unknown = POLICY_UNKNOWN_SESSIONS};
    ck_assert(!policy_admits_session(&sessions, false));
    ck_assert(policy_admits_session(&sessions, true));
}
END_TEST

START_TEST(strangers_are_capped_for_an_address) {
    struct policy_sessions sessions = {
        .all = 2, .unknown = 2, .unknown_from_address = POLICY_UNKNOWN_PER_ADDRESS};
    ck_assert(!policy_admits_session(&sessions, false));
    ck_assert(policy_admits_session(&sessions, true));
}
END_TEST

START_TEST(a_key_is_capped) {
    struct policy_sessions sessions = {.all = POLICY_SESSIONS_PER_KEY,
                                       .of_key = POLICY_SESSIONS_PER_KEY};
    ck_assert(!policy_admits_session(&sessions, true));
    ck_assert(!policy_admits_session(&sessions, false));
    sessions.of_key--;
    ck_assert(policy_admits_session(&sessions, true));
}
END_TEST

START_TEST(everybody_is_capped) {
    struct policy_sessions sessions = {.all = POLICY_SESSIONS};
    ck_assert(!policy_admits_session(&sessions, true));
    sessions.all--;
    ck_assert(policy_admits_session(&sessions, true));
}
END_TEST

START_TEST(a_closed_network_takes_everything) {
    struct policy_offer offer = {
        .entries = UINT32_MAX, .waiting = POLICY_OFFERS, .unfinished = POLICY_UNFINISHED - 1};
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ALL, &offer), POLICY_YES);
    offer.unfinished++;
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ALL, &offer), POLICY_BUSY);
}
END_TEST

START_TEST(strangers_are_asked_about) {
    struct policy_offer offer = {.entries = 1};
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ASK, &offer), POLICY_ASK);
}
END_TEST

START_TEST(strangers_are_turned_away_where_only_paired_peers_are_taken) {
    struct policy_offer offer = {.entries = 1};
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_PAIRED, &offer), POLICY_UNWELCOME);
}
END_TEST

START_TEST(a_stranger_may_not_offer_a_huge_manifest) {
    struct store_peer_settings settings = {.accept = STORE_PEER_ASK};
    struct policy_offer offer = {.entries = POLICY_UNPAIRED_ENTRIES};
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ASK, &offer), POLICY_ASK);
    offer.entries++;
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ASK, &offer), POLICY_TOO_LARGE);
    offer.paired = &settings;
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ASK, &offer), POLICY_ASK);
}
END_TEST

START_TEST(a_stranger_may_not_offer_a_long_manifest) {
    struct store_peer_settings settings = {.accept = STORE_PEER_ASK};
    struct policy_offer offer = {.manifest_length = POLICY_UNPAIRED_MANIFEST};
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ASK, &offer), POLICY_ASK);
    offer.manifest_length++;
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ASK, &offer), POLICY_TOO_LARGE);
    offer.paired = &settings;
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ASK, &offer), POLICY_ASK);
}
END_TEST

/* One below what is full, and with it full. */
static const struct crowd {
    struct policy_offer room;
    struct policy_offer full;
} crowds[] = {
    {{.waiting_of_peer = POLICY_OFFERS_PER_PEER - 1}, {.waiting_of_peer = POLICY_OFFERS_PER_PEER}},
    {{.waiting_from_address = POLICY_OFFERS_PER_ADDRESS - 1},
     {.waiting_from_address = POLICY_OFFERS_PER_ADDRESS}},
    {{.waiting = POLICY_OFFERS - 1}, {.waiting = POLICY_OFFERS}},
};
#define CROWDS ((int)(sizeof(crowds) / sizeof(crowds[0])))

START_TEST(prompts_of_strangers_do_not_pile_up) {
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ASK, &crowds[_i].room), POLICY_ASK);
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ASK, &crowds[_i].full), POLICY_BUSY);
}
END_TEST

START_TEST(strangers_do_not_crowd_out_a_paired_peer) {
    struct store_peer_settings settings = {.accept = STORE_PEER_ASK};
    struct policy_offer offer = {.paired = &settings,
                                 .waiting_of_peer = POLICY_OFFERS_PER_PAIRED - 1,
                                 .waiting_from_address = POLICY_OFFERS_PER_ADDRESS,
                                 .waiting = POLICY_OFFERS};
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ASK, &offer), POLICY_ASK);
    offer.waiting_of_peer++;
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ASK, &offer), POLICY_BUSY);
}
END_TEST

/* Whatever is done with others: a paired peer's own setting decides. */
static const enum policy_accept every_accept[] = {POLICY_ACCEPT_ASK, POLICY_ACCEPT_PAIRED,
                                                  POLICY_ACCEPT_ALL};
#define ACCEPTS ((int)(sizeof(every_accept) / sizeof(every_accept[0])))

START_TEST(a_paired_peer_is_taken_asked_about_or_refused) {
    struct store_peer_settings settings = {.accept = STORE_PEER_TAKE};
    struct policy_offer offer = {.paired = &settings, .entries = UINT32_MAX, .bytes = UINT64_MAX};
    ck_assert_int_eq(policy_judge(every_accept[_i], &offer), POLICY_YES);
    settings.accept = STORE_PEER_ASK;
    ck_assert_int_eq(policy_judge(every_accept[_i], &offer), POLICY_ASK);
    settings.accept = STORE_PEER_REFUSE;
    ck_assert_int_eq(policy_judge(every_accept[_i], &offer), POLICY_UNWELCOME);
}
END_TEST

START_TEST(a_setting_that_is_none_takes_nothing) {
    struct store_peer_settings settings = {0};
    struct policy_offer offer = {.paired = &settings};
    ck_assert_int_ne(policy_judge(POLICY_ACCEPT_ALL, &offer), POLICY_YES);
}
END_TEST

START_TEST(beyond_its_limit_a_paired_peer_is_asked_about) {
    struct store_peer_settings settings = {.accept = STORE_PEER_TAKE, .limit = 1000};
    struct policy_offer offer = {.paired = &settings, .bytes = 1000};
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ALL, &offer), POLICY_YES);
    offer.bytes++;
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ALL, &offer), POLICY_ASK);
    settings.accept = STORE_PEER_REFUSE;
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ALL, &offer), POLICY_UNWELCOME);
}
END_TEST

/* What has no content takes its place all the same: names, links, attributes, inodes. */
START_TEST(a_list_counts_as_content_does) {
    struct store_peer_settings settings = {.accept = STORE_PEER_TAKE, .limit = 1000};
    struct policy_offer offer = {.paired = &settings, .bytes = 900, .manifest_length = 1000};
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ASK, &offer), POLICY_YES);
    ck_assert_uint_eq(policy_size(900, 1000), 1000);
    offer.manifest_length++;
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ASK, &offer), POLICY_ASK);
    ck_assert_uint_eq(policy_size(1001, 1000), 1001);
}
END_TEST

START_TEST(a_paired_peer_leaves_room_too) {
    struct store_peer_settings settings = {.accept = STORE_PEER_TAKE};
    struct policy_offer offer = {.paired = &settings, .unfinished = POLICY_UNFINISHED - 1};
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ASK, &offer), POLICY_YES);
    offer.unfinished++;
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ASK, &offer), POLICY_BUSY);
}
END_TEST

static const struct day {
    uint64_t limit;
    uint64_t taken;
    uint64_t bytes;
    bool within;
} days[] = {
    {0, 0, UINT64_MAX, true},
    {0, UINT64_MAX, UINT64_MAX, true},
    {1000, 0, 1000, true},
    {1000, 0, 1001, false},
    {1000, 999, 1, true},
    {1000, 999, 2, false},
    {1000, 1000, 0, true},
    {1000, 1000, 1, false},
    {1000, 1001, 0, false}, /* what a smaller limit finds */
    {1000, UINT64_MAX, 1, false},
    {1000, 1, UINT64_MAX, false}, /* their sum is 0 */
    {UINT64_MAX, UINT64_MAX, 0, true},
    {UINT64_MAX, UINT64_MAX, 1, false},
    {UINT64_MAX, 1, UINT64_MAX - 1, true},
    {UINT64_MAX, 1, UINT64_MAX, false},
};
#define DAYS ((int)(sizeof(days) / sizeof(days[0])))

START_TEST(a_day_has_an_end) {
    const struct day *day = &days[_i];
    struct store_peer_settings settings = {.accept = STORE_PEER_TAKE, .day_limit = day->limit};
    ck_assert_int_eq(policy_within_day(&settings, day->taken, day->bytes), day->within);
}
END_TEST

/* What is done with an offer with names that exist, beside what would be done with it otherwise. */
static const struct conflict {
    enum store_exists exists;
    enum policy_accept accept;
    enum policy_answer answer;
} conflicts[] = {
    {STORE_EXISTS_RENAME, POLICY_ACCEPT_ALL, POLICY_YES},
    {STORE_EXISTS_SKIP, POLICY_ACCEPT_ALL, POLICY_YES},
    {STORE_EXISTS_OVERWRITE, POLICY_ACCEPT_ALL, POLICY_YES},
    {STORE_EXISTS_ASK, POLICY_ACCEPT_ALL, POLICY_ASK},
    {STORE_EXISTS_ASK, POLICY_ACCEPT_ASK, POLICY_ASK},
    {STORE_EXISTS_ASK, POLICY_ACCEPT_PAIRED, POLICY_UNWELCOME},
    {STORE_EXISTS_REFUSE, POLICY_ACCEPT_ALL, POLICY_EXISTS},
    {STORE_EXISTS_REFUSE, POLICY_ACCEPT_ASK, POLICY_ASK}, /* a stranger is told nothing */
    {STORE_EXISTS_REFUSE, POLICY_ACCEPT_PAIRED, POLICY_UNWELCOME},
};
#define CONFLICTS ((int)(sizeof(conflicts) / sizeof(conflicts[0])))

START_TEST(names_that_exist_are_judged_too) {
    const struct conflict *conflict = &conflicts[_i];
    struct policy_offer offer = {.entries = 1, .exists = conflict->exists, .conflicts = true};
    ck_assert_int_eq(policy_judge(conflict->accept, &offer), conflict->answer);
    offer.conflicts = false;
    ck_assert_int_ne(policy_judge(conflict->accept, &offer), POLICY_EXISTS);
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ALL, &offer), POLICY_YES);
}
END_TEST

START_TEST(a_paired_peer_is_asked_about_for_names_that_exist) {
    struct store_peer_settings settings = {.accept = STORE_PEER_TAKE};
    struct policy_offer offer = {
        .paired = &settings, .exists = STORE_EXISTS_ASK, .conflicts = true};
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_PAIRED, &offer), POLICY_ASK);
    offer.waiting_of_peer = POLICY_OFFERS_PER_PAIRED;
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_PAIRED, &offer), POLICY_BUSY);
    offer.exists = STORE_EXISTS_REFUSE;
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_PAIRED, &offer), POLICY_EXISTS);
    settings.accept = STORE_PEER_ASK;
    offer.waiting_of_peer = 0;
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_PAIRED, &offer), POLICY_EXISTS);
    settings.accept = STORE_PEER_REFUSE;
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_PAIRED, &offer), POLICY_UNWELCOME);
}
END_TEST

START_TEST(a_setting_of_the_peer_goes_first) {
    struct store_peer_settings settings = {.accept = STORE_PEER_TAKE};
    ck_assert_int_eq(policy_exists(STORE_EXISTS_SKIP, NULL), STORE_EXISTS_SKIP);
    ck_assert_int_eq(policy_exists(STORE_EXISTS_SKIP, &settings), STORE_EXISTS_SKIP);
    settings.exists = STORE_EXISTS_RENAME;
    ck_assert_int_eq(policy_exists(STORE_EXISTS_SKIP, &settings), STORE_EXISTS_RENAME);
    ck_assert_int_eq(policy_exists_accepted(STORE_EXISTS_ASK), STORE_EXISTS_RENAME);
    ck_assert_int_eq(policy_exists_accepted(STORE_EXISTS_REFUSE), STORE_EXISTS_RENAME);
    ck_assert_int_eq(policy_exists_accepted(STORE_EXISTS_OVERWRITE), STORE_EXISTS_OVERWRITE);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("policy");
    tcase_add_test(tests, a_stranger_gets_a_session_where_there_is_room);
    tcase_add_test(tests, strangers_are_capped_in_all);
    tcase_add_test(tests, strangers_are_capped_for_an_address);
    tcase_add_test(tests, a_key_is_capped);
    tcase_add_test(tests, everybody_is_capped);
    tcase_add_test(tests, a_closed_network_takes_everything);
    tcase_add_test(tests, strangers_are_asked_about);
    tcase_add_test(tests, strangers_are_turned_away_where_only_paired_peers_are_taken);
    tcase_add_test(tests, a_stranger_may_not_offer_a_huge_manifest);
    tcase_add_test(tests, a_stranger_may_not_offer_a_long_manifest);
    tcase_add_loop_test(tests, prompts_of_strangers_do_not_pile_up, 0, CROWDS);
    tcase_add_test(tests, strangers_do_not_crowd_out_a_paired_peer);
    tcase_add_loop_test(tests, a_paired_peer_is_taken_asked_about_or_refused, 0, ACCEPTS);
    tcase_add_test(tests, a_setting_that_is_none_takes_nothing);
    tcase_add_test(tests, beyond_its_limit_a_paired_peer_is_asked_about);
    tcase_add_test(tests, a_list_counts_as_content_does);
    tcase_add_test(tests, a_paired_peer_leaves_room_too);
    tcase_add_loop_test(tests, a_day_has_an_end, 0, DAYS);
    tcase_add_loop_test(tests, names_that_exist_are_judged_too, 0, CONFLICTS);
    tcase_add_test(tests, a_paired_peer_is_asked_about_for_names_that_exist);
    tcase_add_test(tests, a_setting_of_the_peer_goes_first);
    Suite *suite = suite_create("node-policy");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
