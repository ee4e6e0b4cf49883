/* What a person means by PEER, and that no announcement gets what is meant for a paired peer. */
#include "peers_fixture.h"

#include "base/id.h"
#include "node/daemon/resolve.h"
#include "node/daemon/trust.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct resolve_target target;
static char text[TRUST_TEXT];
static int outcome;

static void resolved(void *context, enum resolve_outcome result, const struct resolve_target *found,
                     const char *why) {
    outcome = (int)result;
    target = *found;
    snprintf(text, sizeof text, "%s", why);
    fixture_finished(context, 0);
}

static int resolve(const char *peer) {
    struct resolve *run = NULL;
    int before = fixture_done;
    text[0] = '\0';
    ck_assert_int_eq(resolve_start(&run, &fixture_node, peer, resolved, NULL), 0);
    fixture_wait(before + 1);
    return outcome;
}

static void finds(const char *peer, uint8_t byte, const char *name) {
    ck_assert_msg(resolve(peer) == RESOLVE_FOUND, "%d: %s", outcome, text);
    ck_assert(target.has_key);
    ck_assert_mem_eq(target.key, fixture_key(byte), LIMIT_KEY);
    ck_assert_str_eq(target.name, name);
}

static void says(const char *words) {
    ck_assert_msg(strstr(text, words) != NULL, "%s", text);
}

static void remember(uint8_t byte, const char *name) {
    peers_remember(fixture_node.peers, &(struct peers_met){.key = fixture_key(byte), .name = name});
}

static void pair(uint8_t byte, const char *alias) {
    ck_assert_int_eq(fixture_pair(byte, alias), 0);
}

START_TEST(alias_away) {
    pair(1, "attic");
    finds("attic", 1, "attic");
    ck_assert_uint_eq(target.count, 0);
}
END_TEST

/* Whoever takes the name on the network, before or after, in whatever form. */
START_TEST(alias_online_wins_over_its_name) {
    pair(1, "attic");
    fixture_announce(2, "attic");
    fixture_announce(1, "attic #2");
    fixture_announce(3, "attic #3");
    finds("attic", 1, "attic");
    ck_assert_uint_eq(target.count, 1);
}
END_TEST

/* The peer calls itself otherwise, and somebody goes by the alias. */
START_TEST(alias_online_under_another_name) {
    pair(1, "attic");
    fixture_announce(2, "attic");
    fixture_announce(1, "box");
    finds("attic", 1, "attic");
    finds("box", 1, "attic");
}
END_TEST

START_TEST(name_of_a_paired_peer_that_is_away) {
    char id[ID_GROUPED_ROOM];
    pair(1, "attic");
    fixture_announce(2, _i == 0 ? "attic" : "attic #2");
    ck_assert_int_eq(resolve("attic"), RESOLVE_TRUST);
    says("is announced as attic");
    says("fxnode unpair attic");
    says("fxnode pair attic");
    id_format_grouped(id, fixture_key(1));
    says(id);
    id_format_grouped(id, fixture_key(2));
    says(id);
    finds(id, 2, _i == 0 ? "attic" : "attic #2"); /* by its id it may be meant */
}
END_TEST

/* Where it was last it may still be: that is tried before the other one is told of. */
START_TEST(where_a_peer_was_while_its_name_is_taken) {
    struct address address;
    ck_assert(address_parse(&address, "10.9.9.9", 42420, ""));
    if (_i == 0)
        pair(1, "attic");
    peers_remember(fixture_node.peers, &(struct peers_met){.key = fixture_key(1),
                                                           .name = _i == 0 ? "box" : "attic",
                                                           .address = &address,
                                                           .typed = ""});
    fixture_announce(2, "attic");
    ck_assert_int_eq(resolve("attic"), RESOLVE_TRUST);
    says(_i == 0 ? "paired" : "remembered");
    ck_assert(target.has_key);
    ck_assert_mem_eq(target.key, fixture_key(1), LIMIT_KEY);
    ck_assert_uint_eq(target.count, 1);
    ck_assert(address_equal(&target.candidates[0], &address));
}
END_TEST

/* One that was only seen before claims the name like anybody else; another paired one has a key
 * that is known to be its own. */
START_TEST(name_of_a_paired_peer_and_others_that_are_known) {
    pair(1, "attic");
    pair(2, "box");
    fixture_announce(2, "attic");
    finds("attic", 1, "attic");
    remember(3, "attic");
    finds("attic", 1, "attic"); /* remembered so is not announced so */
    fixture_announce(3, "attic");
    ck_assert_int_eq(resolve("attic"), RESOLVE_TRUST);
}
END_TEST

/* What a paired peer called itself is a name of it, too. */
START_TEST(own_name_of_a_paired_peer) {
    pair(1, "attic");
    remember(1, "box");
    finds("box", 1, "attic");
    fixture_announce(2, "box");
    ck_assert_int_eq(resolve("box"), RESOLVE_TRUST);
    says("paired");
    fixture_announce(1, "cellar"); /* there, and called otherwise: hardly meant */
    ck_assert_int_eq(resolve("box"), RESOLVE_TRUST);
    ck_assert_uint_eq(target.count, 0);
    finds("attic", 1, "attic");
}
END_TEST

START_TEST(name_of_a_remembered_peer) {
    remember(1, "box");
    finds("box", 1, "box");
    fixture_announce(2, "box");
    ck_assert_int_eq(resolve("box"), RESOLVE_TRUST);
    says("remembered");
    says("fxnode unpair box");
    ck_assert_ptr_null(strstr(text, "fxnode pair"));
}
END_TEST

START_TEST(alias_comes_before_names_and_addresses) {
    pair(1, "10.example");
    remember(2, "10.example");
    finds("10.example", 1, "10.example");
    pair(3, "box");
    remember(4, "box");
    finds("box", 3, "box");
}
END_TEST

START_TEST(alias_that_begins_another_id) {
    char prefix[ID_SHORT_ROOM];
    id_format_short(prefix, fixture_key(2));
    pair(1, prefix);
    finds(prefix, 1, prefix);
    if (_i == 0)
        remember(2, "box");
    else
        fixture_announce(2, "box");
    ck_assert_int_eq(resolve(prefix), RESOLVE_AMBIGUOUS);
    says("id");
}
END_TEST

/* A name that may not be put before a shell as it is. */
START_TEST(commands_can_be_copied) {
    char prefix[ID_SHORT_ROOM];
    char unpair[64];
    remember(1, "the box");
    fixture_announce(2, "the box");
    ck_assert_int_eq(resolve("the box"), RESOLVE_TRUST);
    says("`fxnode unpair 'the box'`");
    remember(3, "it's $(x)");
    fixture_announce(4, "it's $(x)");
    ck_assert_int_eq(resolve("it's $(x)"), RESOLVE_TRUST);
    id_format_short(prefix, fixture_key(3));
    snprintf(unpair, sizeof unpair, "`fxnode unpair %s`", prefix);
    says(unpair);
}
END_TEST

START_TEST(typed_address_of_a_paired_peer) {
    struct address address;
    ck_assert(address_parse(&address, "10.9.9.9", 42420, ""));
    pair(1, "attic");
    peers_remember(fixture_node.peers, &(struct peers_met){.key = fixture_key(1),
                                                           .name = "",
                                                           .address = &address,
                                                           .typed = "10.9.9.9:42420"});
    finds("10.9.9.9", 1, "attic");
    ck_assert_str_eq(target.typed, "10.9.9.9:42420");
}
END_TEST

static void call_at(uint8_t byte, const char *typed) {
    struct address address;
    ck_assert(address_parse(&address, "10.9.9.9", 42420, ""));
    peers_remember(fixture_node.peers,
                   &(struct peers_met){
                       .key = fixture_key(byte), .name = "", .address = &address, .typed = typed});
}

/* Whoever calls itself like an address that a person types is not meant. */
START_TEST(address_is_no_name) {
    static const char *const typed[] = {"10.9.9.9", "10.9.9.9:42420", "fd00::1", "[fd00::1]:42420"};
    uint8_t key[LIMIT_KEY];
    fixture_announce(2, typed[_i]);
    remember(3, typed[_i]);
    ck_assert_int_eq(resolve(typed[_i]), RESOLVE_FOUND);
    ck_assert(!target.has_key);
    ck_assert_str_eq(target.name, typed[_i]);
    ck_assert_int_eq(peers_find(fixture_node.peers, typed[_i], key), STORE_NONE);
}
END_TEST

/* Nor where it takes the host name under which a peer was called before. */
START_TEST(host_name_of_a_peer) {
    pair(1, "attic");
    call_at(1, "attic.example:42420");
    fixture_announce(2, "attic.example");
    ck_assert_int_eq(resolve("attic.example"), RESOLVE_TRUST);
    says("paired");
    remember(2, "attic.example"); /* as one that was only seen */
    ck_assert_int_eq(resolve("attic.example"), RESOLVE_TRUST);
    call_at(3, "box.example:42420");
    fixture_announce(4, "box.example");
    ck_assert_int_eq(resolve("box.example"), RESOLVE_TRUST);
    says("remembered");
    remember(4, "box.example"); /* no less trusted than the other */
    finds("box.example", 4, "box.example");
    call_at(5, "loft.example:42420");
    fixture_announce(5, "loft.example");
    finds("loft.example", 5, "loft.example");
    remember(6, "localhost");
    finds("localhost", 6, "localhost");
    pair(7, "den");
    call_at(7, "localhost:42420");
    finds("localhost", 7, "den");
}
END_TEST

/* Trust. */

START_TEST(levels) {
    const struct peers *peers = fixture_node.peers;
    pair(1, "attic");
    remember(2, "box");
    fixture_announce(3, "loft");
    ck_assert_int_eq(trust_of(fixture_node.peers, fixture_key(1)), TRUST_PAIRED);
    ck_assert_int_eq(trust_of(peers, fixture_key(2)), TRUST_SEEN);
    ck_assert_int_eq(trust_of(peers, fixture_key(3)), TRUST_STRANGER);
}
END_TEST

START_TEST(who_may_be_sent_to) {
    static const bool allowed[3][3] = {
        [CONFIG_SEND_TO_ANY] = {true, true, true},
        [CONFIG_SEND_TO_KNOWN] = {false, true, true},
        [CONFIG_SEND_TO_PAIRED] = {false, false, true},
    };
    for (int send_to = 0; send_to < 3; send_to++)
        for (int level = 0; level < 3; level++)
            ck_assert_int_eq(trust_may_send((enum config_send_to)send_to, (enum trust_level)level),
                             allowed[send_to][level]);
}
END_TEST

START_TEST(texts_name_peer_and_way_out) {
    char id[ID_GROUPED_ROOM];
    char expected[256];
    id_format_grouped(id, fixture_key(1));
    snprintf(expected, sizeof expected,
             "a\\nb (%s) is not paired: whoever answers to that name gets the files", id);
    ck_assert_str_eq(trust_warning(text, TRUST_STRANGER, "a\nb", fixture_key(1)), expected);
    snprintf(expected, sizeof expected, "box (%s) is not paired: it is only known from before", id);
    ck_assert_str_eq(trust_warning(text, TRUST_SEEN, "box", fixture_key(1)), expected);
    trust_refusal(text, CONFIG_SEND_TO_PAIRED, "box", fixture_key(1));
    says("send-to = paired");
    says("fxnode pair box");
    says(id);
    trust_refusal(text, CONFIG_SEND_TO_KNOWN, "-rf", fixture_key(1));
    says("send-to = known");
    ck_assert_ptr_null(strstr(text, "pair -rf"));
}
END_TEST

START_TEST(who_is_announced_instead) {
    remember(1, "attic");
    remember(2, "box");
    ck_assert_ptr_null(peers_announced_instead(fixture_node.peers, fixture_key(1)));
    fixture_announce(3, "attic");
    fixture_announce(2, "box");
    fixture_announce(4, "box");
    const uint8_t *found = peers_announced_instead(fixture_node.peers, fixture_key(1));
    ck_assert_ptr_nonnull(found);
    ck_assert_mem_eq(found, fixture_key(3), LIMIT_KEY);
    ck_assert_ptr_null(peers_announced_instead(fixture_node.peers, fixture_key(2)));
    ck_assert_ptr_null(peers_announced_instead(fixture_node.peers, fixture_key(3)));
}
END_TEST

START_TEST(what_waits_names_the_key_and_the_way_out) {
    struct address address;
    char id[ID_SHORT_ROOM];
    struct trust_change change = {.name = "attic", .before = fixture_key(1), .now = fixture_key(2)};
    trust_awaited(text, &change);
    says("announced under its name");
    ck_assert(address_parse(&address, "10.0.0.7", 42420, ""));
    change.where = &address;
    trust_awaited(text, &change);
    says("at 10.0.0.7:42420 there is another key");
    says("fxnode unpair attic");
    for (uint8_t i = 1; i <= 2; i++) {
        id_format_short(id, fixture_key(i));
        says(id);
    }
}
END_TEST

/* The longest names that there are. */
START_TEST(texts_have_room) {
    char name[LIMIT_NAME + 1];
    struct trust_change change = {
        .name = name,
        .level = (enum trust_level)_i,
        .before = fixture_key(1),
        .now = fixture_key(2),
    };
    memset(name, _i == 0 ? '\x01' : ' ', sizeof name);
    name[0] = name[LIMIT_NAME - 1] = 'x';
    name[LIMIT_NAME] = '\0';
    trust_changed(text, &change);
    ck_assert_uint_lt(strlen(text), TRUST_TEXT - 1);
    says(_i == 0 ? "Nothing is sent" : _i == 1 ? "by its id" : "to wait for it");
    trust_awaited(text, &change);
    ck_assert_uint_lt(strlen(text), TRUST_TEXT - 1);
    says("send to the new one");
}
END_TEST

static Suite *suite(void) {
    Suite *s = suite_create("resolve");
    TCase *t = tcase_create("resolve");
    tcase_set_timeout(t, 60); /* a sync can take long beside others */
    tcase_add_checked_fixture(t, fixture_set_up, fixture_tear_down);
    tcase_add_test(t, alias_away);
    tcase_add_test(t, alias_online_wins_over_its_name);
    tcase_add_test(t, alias_online_under_another_name);
    tcase_add_loop_test(t, name_of_a_paired_peer_that_is_away, 0, 2);
    tcase_add_loop_test(t, where_a_peer_was_while_its_name_is_taken, 0, 2);
    tcase_add_test(t, name_of_a_paired_peer_and_others_that_are_known);
    tcase_add_test(t, own_name_of_a_paired_peer);
    tcase_add_test(t, name_of_a_remembered_peer);
    tcase_add_test(t, alias_comes_before_names_and_addresses);
    tcase_add_loop_test(t, alias_that_begins_another_id, 0, 2);
    tcase_add_test(t, commands_can_be_copied);
    tcase_add_test(t, typed_address_of_a_paired_peer);
    tcase_add_loop_test(t, address_is_no_name, 0, 4);
    tcase_add_test(t, host_name_of_a_peer);
    suite_add_tcase(s, t);

    t = tcase_create("trust");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, fixture_set_up, fixture_tear_down);
    tcase_add_test(t, levels);
    tcase_add_test(t, who_may_be_sent_to);
    tcase_add_test(t, texts_name_peer_and_way_out);
    tcase_add_test(t, who_is_announced_instead);
    tcase_add_test(t, what_waits_names_the_key_and_the_way_out);
    tcase_add_loop_test(t, texts_have_room, 0, 3);
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
