/* Peers that are remembered and paired: the mirror, and what is found on the disk afterwards. */
#include "peers_fixture.h"

#include "base/id.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct peers *peers(void) {
    return fixture_node.peers;
}

static const char *name_of(uint8_t byte) {
    return peers_name(peers(), fixture_key(byte));
}

static bool is_paired(uint8_t byte) {
    return peers_paired(peers(), fixture_key(byte)) != NULL;
}

static int find(const char *text, uint8_t expected) {
    uint8_t key[LIMIT_KEY] = {0};
    int found = peers_find(peers(), text, key);
    if (found == 0)
        ck_assert_mem_eq(key, fixture_key(expected), LIMIT_KEY);
    return found;
}

START_TEST(pairing_counts_when_it_is_durable) {
    peers_pair(peers(), &(struct peers_met){.key = fixture_key(1), .name = "attic"},
               fixture_finished, NULL);
    ck_assert(!is_paired(1));
    ck_assert(!peers_is_known(peers(), fixture_key(1)));
    ck_assert_int_eq(fixture_done, 0);
    fixture_wait(1);
    ck_assert_int_eq(fixture_error, 0);
    ck_assert(is_paired(1));
    ck_assert_str_eq(name_of(1), "attic");
    fixture_restart();
    ck_assert(is_paired(1));
    ck_assert_str_eq(name_of(1), "attic");
    ck_assert_int_eq(peers_paired(peers(), fixture_key(1))->accept, STORE_PEER_TAKE);
}
END_TEST

START_TEST(remembering_is_not_pairing) {
    peers_remember(fixture_node.peers, &(struct peers_met){.key = fixture_key(1), .name = "attic"});
    ck_assert(peers_is_known(peers(), fixture_key(1)));
    ck_assert(!is_paired(1));
    fixture_restart();
    ck_assert(peers_is_known(peers(), fixture_key(1)));
    ck_assert(!is_paired(1));
}
END_TEST

/* Also those whose pairing is still being recorded. */
START_TEST(aliases_are_numbered) {
    for (uint8_t i = 1; i <= 3; i++)
        peers_pair(peers(), &(struct peers_met){.key = fixture_key(i), .name = "attic"},
                   fixture_finished, NULL);
    fixture_wait(3);
    ck_assert_str_eq(name_of(1), "attic");
    ck_assert_str_eq(name_of(2), "attic 2");
    ck_assert_str_eq(name_of(3), "attic 3");
    ck_assert_int_eq(fixture_pair(4, ""), 0);
    ck_assert(strncmp(name_of(4), "peer-", 5) == 0);
    fixture_restart();
    ck_assert_str_eq(name_of(3), "attic 3");
}
END_TEST

START_TEST(pairing_again_keeps_alias_and_settings) {
    struct store_peer_settings settings = {.accept = STORE_PEER_ASK, .limit = 5};
    ck_assert_int_eq(fixture_pair(1, "attic"), 0);
    ck_assert(peers_set_alias(peers(), fixture_key(1), "loft", fixture_finished, NULL));
    ck_assert(peers_set(peers(), fixture_key(1), &settings, fixture_finished, NULL));
    ck_assert_int_eq(fixture_pair(1, "cellar"), 0);
    ck_assert_str_eq(name_of(1), "loft");
    ck_assert_uint_eq(peers_paired(peers(), fixture_key(1))->limit, 5);
    ck_assert_int_eq(find("cellar", 1), 0); /* what it calls itself now */
    fixture_restart();
    ck_assert_str_eq(name_of(1), "loft");
    ck_assert_uint_eq(peers_paired(peers(), fixture_key(1))->limit, 5);
}
END_TEST

/* The alias is local: what the peer calls itself does not change it. */
START_TEST(remembering_leaves_the_alias) {
    ck_assert_int_eq(fixture_pair(1, "attic"), 0);
    peers_remember(fixture_node.peers, &(struct peers_met){.key = fixture_key(1), .name = "loft"});
    ck_assert_str_eq(name_of(1), "attic");
    fixture_announce(1, "cellar");
    ck_assert_str_eq(name_of(1), "attic");
    struct peers_line line;
    ck_assert(peers_line(peers(), fixture_key(1), "", &line));
    ck_assert_str_eq(line.name, "attic");
    ck_assert_str_eq(line.called, "cellar");
    ck_assert_str_eq(line.remembered, "loft");
    ck_assert_int_gt(line.paired, 0);
    ck_assert_ptr_nonnull(line.settings);
}
END_TEST

START_TEST(forgetting_has_the_last_word) {
    peers_pair(peers(), &(struct peers_met){.key = fixture_key(1), .name = "attic"},
               fixture_finished, NULL);
    peers_forget(peers(), fixture_key(1), fixture_finished, NULL);
    fixture_wait(2);
    ck_assert(!peers_is_known(peers(), fixture_key(1)));
    ck_assert_int_eq(fixture_pair(2, "attic"), 0);
    ck_assert_str_eq(name_of(2), "attic");
    fixture_restart();
    ck_assert(!peers_is_known(peers(), fixture_key(1)));
    ck_assert(is_paired(2));
}
END_TEST

START_TEST(alias_of_another_is_refused) {
    ck_assert_int_eq(fixture_pair(1, "attic"), 0);
    ck_assert_int_eq(fixture_pair(2, "loft"), 0);
    peers_remember(fixture_node.peers, &(struct peers_met){.key = fixture_key(3), .name = "box"});
    ck_assert(!peers_set_alias(peers(), fixture_key(2), "attic", fixture_finished, NULL));
    ck_assert(!peers_set_alias(peers(), fixture_key(3), "new", fixture_finished, NULL));
    ck_assert(!peers_set_alias(peers(), fixture_key(4), "new", fixture_finished, NULL));
    peers_pair(peers(), &(struct peers_met){.key = fixture_key(4), .name = "cellar"},
               fixture_finished, NULL);
    ck_assert(!peers_set_alias(peers(), fixture_key(2), "cellar", fixture_finished, NULL));
    ck_assert(peers_set_alias(peers(), fixture_key(1), "garage", fixture_finished, NULL));
    ck_assert(peers_set_alias(peers(), fixture_key(2), "attic", fixture_finished, NULL));
    ck_assert_str_eq(name_of(2), "attic"); /* at once */
    fixture_wait(3);
    fixture_restart();
    ck_assert_str_eq(name_of(1), "garage");
    ck_assert_str_eq(name_of(2), "attic");
    ck_assert_str_eq(name_of(4), "cellar");
}
END_TEST

START_TEST(settings_count_at_once) {
    struct store_peer_settings settings = {
        .accept = STORE_PEER_REFUSE, .directory = "a/b", .day_limit = UINT64_MAX};
    ck_assert_int_eq(fixture_pair(1, "attic"), 0);
    ck_assert(!peers_set(peers(), fixture_key(2), &settings, fixture_finished, NULL));
    ck_assert(peers_set(peers(), fixture_key(1), &settings, fixture_finished, NULL));
    ck_assert_int_eq(peers_paired(peers(), fixture_key(1))->accept, STORE_PEER_REFUSE);
    fixture_wait(1);
    fixture_restart();
    const struct store_peer_settings *kept = peers_paired(peers(), fixture_key(1));
    ck_assert_int_eq(kept->accept, STORE_PEER_REFUSE);
    ck_assert_str_eq(kept->directory, "a/b");
    ck_assert_uint_eq(kept->day_limit, UINT64_MAX);
}
END_TEST

/* What the database does not take is not left in the mirror. */
START_TEST(settings_that_fail_are_taken_back) {
    struct store_peer_settings broken = {.accept = 0};
    ck_assert_int_eq(fixture_pair(1, "attic"), 0);
    ck_assert(peers_set(peers(), fixture_key(1), &broken, fixture_finished, NULL));
    fixture_wait(1);
    ck_assert_int_ne(fixture_error, 0);
    ck_assert_int_eq(peers_paired(peers(), fixture_key(1))->accept, STORE_PEER_TAKE);
}
END_TEST

/* Import. */

static char import_text[sizeof(((struct fail *)0)->text)];

static void imported(void *context, int error, const struct fail *fail) {
    snprintf(import_text, sizeof import_text, "%s", error != 0 ? fail->text : "");
    fixture_finished(context, error);
}

static struct peers_imported entry(uint8_t byte, const char *alias) {
    struct peers_imported one;
    memcpy(one.key, fixture_key(byte), LIMIT_KEY);
    snprintf(one.alias, sizeof one.alias, "%s", alias);
    return one;
}

static int import(const struct peers_imported *list, size_t count) {
    int before = fixture_done;
    peers_import(peers(), list, count, imported, NULL);
    fixture_wait(before + 1);
    return fixture_error;
}

START_TEST(import_pairs_all) {
    const struct peers_imported list[] = {entry(1, "attic"), entry(2, "loft"), entry(3, "box")};
    peers_remember(fixture_node.peers,
                   &(struct peers_met){.key = fixture_key(2), .name = "called"});
    ck_assert_int_eq(fixture_pair(3, "cellar"), 0);
    ck_assert_int_eq(import(list, 3), 0);
    fixture_restart();
    ck_assert_str_eq(name_of(1), "attic");
    ck_assert_str_eq(name_of(2), "loft");
    ck_assert_str_eq(name_of(3), "box");
    ck_assert(is_paired(1) && is_paired(2) && is_paired(3));
    ck_assert_int_eq(find("called", 2), 0);
}
END_TEST

static void refused(const struct peers_imported *list, size_t count, int error, const char *words) {
    ck_assert_int_eq(import(list, count), error);
    ck_assert_msg(strstr(import_text, words) != NULL, "%s", import_text);
    fixture_restart();
    ck_assert(!peers_is_known(peers(), fixture_key(1)));
    ck_assert(!peers_is_known(peers(), fixture_key(2)));
}

START_TEST(import_is_all_or_nothing) {
    const struct peers_imported taken[] = {entry(1, "attic"), entry(2, "loft")};
    const struct peers_imported twice[] = {entry(1, "attic"), entry(2, "attic")};
    const struct peers_imported same_key[] = {entry(1, "attic"), entry(1, "box")};
    const struct peers_imported self[] = {entry(1, "attic"), entry(0xee, "me")};
    ck_assert_int_eq(fixture_pair(3, "loft"), 0);
    refused(taken, 2, -EEXIST, "loft");
    refused(twice, 2, -EEXIST, "attic");
    refused(same_key, 2, -EINVAL, "box");
    refused(self, 2, -EINVAL, "me");
    ck_assert_int_eq(import(taken, 1), 0);
    ck_assert(is_paired(1));
}
END_TEST

START_TEST(no_more_than_the_limit) {
    struct peers_imported *list = calloc(PEERS_MAX, sizeof *list);
    for (size_t i = 0; i < PEERS_MAX; i++) {
        memset(list[i].key, 0xaa, LIMIT_KEY);
        memcpy(list[i].key, &i, sizeof i);
        snprintf(list[i].alias, sizeof list[i].alias, "p%zu", i);
    }
    ck_assert_int_eq(fixture_pair(1, "attic"), 0);
    ck_assert_int_eq(import(list, PEERS_MAX), -ENOSPC);
    ck_assert_int_eq(import(list, PEERS_MAX - 1), 0);
    ck_assert_int_eq(fixture_pair(2, "loft"), -ENOSPC);
    ck_assert_int_eq(fixture_pair(1, "attic"), 0); /* one that is there */
    peers_forget(peers(), fixture_key(1), fixture_finished, NULL);
    peers_pair(peers(), &(struct peers_met){.key = fixture_key(2), .name = "loft"},
               fixture_finished, NULL);
    ck_assert_int_eq(fixture_pair(3, "box"), -ENOSPC); /* the place is kept ... */
    peers_forget(peers(), fixture_key(2), fixture_finished, NULL);
    ck_assert_int_eq(fixture_pair(1, "attic"), -ENOSPC);
    fixture_wait(5);
    ck_assert_int_eq(fixture_pair(3, "box"), 0); /* ... and given back */
    ck_assert(is_paired(3));
    free(list);
}
END_TEST

/* Finding. */

START_TEST(finds_by_alias_id_and_name) {
    char id[ID_TEXT_ROOM];
    char prefix[ID_SHORT_ROOM];
    ck_assert_int_eq(fixture_pair(1, "attic"), 0);
    peers_remember(fixture_node.peers, &(struct peers_met){.key = fixture_key(2), .name = "attic"});
    peers_remember(fixture_node.peers, &(struct peers_met){.key = fixture_key(3), .name = "box"});
    peers_remember(fixture_node.peers, &(struct peers_met){.key = fixture_key(4), .name = "box"});
    ck_assert_int_eq(find("attic", 1), 0);
    id_format(id, fixture_key(2));
    ck_assert_int_eq(find(id, 2), 0);
    id_format_short(prefix, fixture_key(2));
    ck_assert_int_eq(find(prefix, 2), 0);
    ck_assert_int_eq(find("box", 0), STORE_EXISTS);
    ck_assert_int_eq(find("nobody", 0), STORE_NONE);
    ck_assert_int_eq(find("", 0), STORE_NONE);
}
END_TEST

START_TEST(alias_that_reads_as_another_id_is_ambiguous) {
    char prefix[ID_SHORT_ROOM];
    char own[ID_SHORT_ROOM];
    id_format_short(prefix, fixture_key(2));
    id_format_short(own, fixture_key(1));
    ck_assert_int_eq(fixture_pair(1, prefix), 0);
    ck_assert_int_eq(find(prefix, 1), 0);
    peers_remember(fixture_node.peers, &(struct peers_met){.key = fixture_key(2), .name = ""});
    ck_assert_int_eq(find(prefix, 0), STORE_EXISTS);
    ck_assert(peers_set_alias(peers(), fixture_key(1), own, fixture_finished, NULL));
    ck_assert_int_eq(find(own, 1), 0);
    ck_assert_int_eq(find(prefix, 2), 0);
}
END_TEST

START_TEST(finds_by_what_was_typed) {
    struct address address;
    ck_assert(address_parse(&address, "10.0.0.7", 42420, ""));
    peers_remember(fixture_node.peers, &(struct peers_met){.key = fixture_key(1),
                                                           .name = "",
                                                           .address = &address,
                                                           .typed = "10.0.0.7:42420"});
    ck_assert_int_eq(find("10.0.0.7", 1), 0);
    ck_assert_int_eq(find("10.0.0.7:42420", 1), 0);
    ck_assert_int_eq(find("10.0.0.7:42421", 0), STORE_NONE);
}
END_TEST

static Suite *suite(void) {
    Suite *s = suite_create("peers");
    TCase *t = tcase_create("peers");
    tcase_set_timeout(t, 60); /* a sync can take long beside others */
    tcase_add_checked_fixture(t, fixture_set_up, fixture_tear_down);
    tcase_add_test(t, pairing_counts_when_it_is_durable);
    tcase_add_test(t, remembering_is_not_pairing);
    tcase_add_test(t, aliases_are_numbered);
    tcase_add_test(t, pairing_again_keeps_alias_and_settings);
    tcase_add_test(t, remembering_leaves_the_alias);
    tcase_add_test(t, forgetting_has_the_last_word);
    tcase_add_test(t, alias_of_another_is_refused);
    tcase_add_test(t, settings_count_at_once);
    tcase_add_test(t, settings_that_fail_are_taken_back);
    tcase_add_test(t, import_pairs_all);
    tcase_add_test(t, import_is_all_or_nothing);
    tcase_add_test(t, no_more_than_the_limit);
    tcase_add_test(t, finds_by_alias_id_and_name);
    tcase_add_test(t, alias_that_reads_as_another_id_is_ambiguous);
    tcase_add_test(t, finds_by_what_was_typed);
    suite_add_tcase(s, t);
    return s;
}

int main(void) {
    SRunner *runner = srunner_create(suite());
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
