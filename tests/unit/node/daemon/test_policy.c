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

START_TEST(asking_takes_nothing_by_itself) {
    struct policy_offer offer = {.known = true, .entries = 1};
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ASK, &offer), POLICY_ASK);
}
END_TEST

START_TEST(a_stranger_may_not_offer_a_huge_manifest) {
    struct policy_offer offer = {.entries = POLICY_UNKNOWN_ENTRIES};
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ASK, &offer), POLICY_ASK);
    offer.entries++;
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ASK, &offer), POLICY_NO);
    offer.known = true;
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ASK, &offer), POLICY_ASK);
}
END_TEST

START_TEST(a_stranger_may_not_offer_a_long_manifest) {
    struct policy_offer offer = {.manifest_length = POLICY_UNKNOWN_MANIFEST};
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ASK, &offer), POLICY_ASK);
    offer.manifest_length++;
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ASK, &offer), POLICY_NO);
    offer.known = true;
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ASK, &offer), POLICY_ASK);
}
END_TEST

static const struct policy_offer crowded[] = {
    {.known = true, .waiting_of_peer = POLICY_OFFERS_PER_PEER},
    {.known = true, .waiting_from_address = POLICY_OFFERS_PER_ADDRESS},
    {.known = true, .waiting = POLICY_OFFERS},
};

START_TEST(prompts_do_not_pile_up) {
    struct policy_offer offer = crowded[_i];
    ck_assert_int_eq(policy_judge(POLICY_ACCEPT_ASK, &offer), POLICY_BUSY);
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
    tcase_add_test(tests, asking_takes_nothing_by_itself);
    tcase_add_test(tests, a_stranger_may_not_offer_a_huge_manifest);
    tcase_add_test(tests, a_stranger_may_not_offer_a_long_manifest);
    tcase_add_loop_test(tests, prompts_do_not_pile_up, 0, 3);
    Suite *suite = suite_create("node-policy");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
