#include "discovery/lookup.h"
#include "fake_engine.h"
#include "suites.h"

#include <stdio.h>
#include <string.h>

static const uint8_t KEY[LIMIT_KEY] = {5};
static char id[ID_TEXT_ROOM];
static struct fake_engine fake;
static struct table *table;
static struct lookup *lookup;
static size_t changes;
static struct discovery_found found;
static struct discovery_lost lost;

static void on_changed(void *context) {
    (void)context;
    changes++;
}

static void start(size_t room) {
    struct lookup_owner owner = {table, id, on_changed, NULL};
    fake_engine_init(&fake, room);
    lookup = lookup_new(&fake.engine, &owner);
    ck_assert_ptr_nonnull(lookup);
}

static void set_up(void) {
    id_format(id, KEY);
    table = table_new();
    ck_assert_ptr_nonnull(table);
    start(10000);
}

static void tear_down(void) {
    lookup_free(lookup);
    ck_assert_uint_eq(fake.resolving + fake.browsing, 0);
    table_free(table);
}

static void browse(AvahiBrowserEvent event, const char *name, bool local) {
    struct engine_instance instance = {2, AVAHI_PROTO_INET, name, "local", local};
    lookup_browsed(lookup, event, &instance);
}

static void resolve(const char *host, uint16_t port, const char *text) {
    AvahiStringList *txt = avahi_string_list_new("v=1", text, NULL);
    struct engine_service service = {host, port, txt};
    fake.listener->resolved(fake.listener, &service);
    avahi_string_list_free(txt);
}

static void address(AvahiBrowserEvent event, uint8_t last) {
    fake.listener->address(fake.listener, event, (uint8_t[]){10, 0, 0, last}, 4);
}

static enum table_change next(void) {
    return table_next(table, &found, &lost);
}

START_TEST(test_from_instance_to_addresses) {
    browse(AVAHI_BROWSER_NEW, "peer", false);
    ck_assert_int_eq(next(), TABLE_NOTHING);
    resolve("host.local", 7, "id=none");
    ck_assert_str_eq(fake.host, "host.local");
    address(AVAHI_BROWSER_NEW, 1);
    address(AVAHI_BROWSER_NEW, 1);
    ck_assert_int_eq(next(), TABLE_FOUND);
    ck_assert_str_eq(found.instance, "peer");
    ck_assert_str_eq(found.id, "");
    ck_assert_uint_eq(found.version, 1);
    ck_assert_uint_eq(found.interface, 2);
    ck_assert_uint_eq(found.port, 7);
    ck_assert(!found.own);
    ck_assert_int_eq(next(), TABLE_NOTHING);
    address(AVAHI_BROWSER_NEW, 2);
    ck_assert_int_eq(next(), TABLE_FOUND);
    address(AVAHI_BROWSER_REMOVE, 1);
    ck_assert_int_eq(next(), TABLE_LOST);
    ck_assert_uint_eq(lost.address[3], 1);
    browse(AVAHI_BROWSER_REMOVE, "peer", false);
    ck_assert_int_eq(next(), TABLE_LOST);
    ck_assert_uint_eq(lost.address[3], 2);
    ck_assert_uint_eq(fake.resolving + fake.browsing, 0);
    ck_assert_uint_gt(changes, 0);
}
END_TEST

START_TEST(test_another_port_reaches_all_addresses) {
    browse(AVAHI_BROWSER_NEW, "peer", false);
    resolve("host.local", 7, "");
    address(AVAHI_BROWSER_NEW, 1);
    address(AVAHI_BROWSER_NEW, 2);
    while (next() != TABLE_NOTHING)
        ;
    resolve("HOST.local.", 8, "");
    ck_assert_uint_eq(fake.browsing, 1);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(next(), TABLE_FOUND);
        ck_assert_uint_eq(found.port, 8);
    }
    ck_assert_int_eq(next(), TABLE_NOTHING);
}
END_TEST

START_TEST(test_another_host_has_other_addresses) {
    browse(AVAHI_BROWSER_NEW, "peer", false);
    resolve("one.local", 7, "");
    address(AVAHI_BROWSER_NEW, 1);
    ck_assert_int_eq(next(), TABLE_FOUND);
    resolve("two.local", 7, "");
    ck_assert_uint_eq(fake.browsing, 1);
    ck_assert_str_eq(fake.host, "two.local");
    ck_assert_int_eq(next(), TABLE_LOST);
    address(AVAHI_BROWSER_NEW, 2);
    ck_assert_int_eq(next(), TABLE_FOUND);
    ck_assert_uint_eq(found.address[3], 2);
}
END_TEST

START_TEST(test_own_instance_is_known_by_its_id_and_left_alone) {
    char text[ID_TEXT_ROOM + 3];
    snprintf(text, sizeof text, "id=%s", id);
    browse(AVAHI_BROWSER_NEW, "me", true);
    resolve("host.local", 7, text);
    address(AVAHI_BROWSER_NEW, 1);
    ck_assert_int_eq(next(), TABLE_FOUND);
    ck_assert(found.own);
    ck_assert_str_eq(found.id, id);
    fake.listener->address(fake.listener, AVAHI_BROWSER_ALL_FOR_NOW, NULL, 0);
    ck_assert_uint_eq(fake.resolving + fake.browsing, 0);
    ck_assert_int_eq(next(), TABLE_NOTHING);
    browse(AVAHI_BROWSER_REMOVE, "me", true);
    ck_assert_int_eq(next(), TABLE_LOST);
}
END_TEST

START_TEST(test_settled_when_all_have_answered_or_will_not) {
    ck_assert(!lookup_settled(lookup));
    browse(AVAHI_BROWSER_NEW, "one", false);
    struct engine_listener *one = fake.listener;
    browse(AVAHI_BROWSER_NEW, "two", false);
    lookup_browsed(lookup, AVAHI_BROWSER_ALL_FOR_NOW, NULL);
    ck_assert(!lookup_settled(lookup));
    one->resolved(one, NULL);
    ck_assert(!lookup_settled(lookup));
    resolve("host.local", 7, "");
    ck_assert(!lookup_settled(lookup));
    address(AVAHI_BROWSER_NEW, 1);
    ck_assert(lookup_settled(lookup));
}
END_TEST

START_TEST(test_odd_things_are_not_followed) {
    struct engine_instance unspecific = {2, AVAHI_PROTO_UNSPEC, "x", "local", false};
    struct engine_instance nowhere = {AVAHI_IF_UNSPEC, AVAHI_PROTO_INET, "x", "local", false};
    lookup_browsed(lookup, AVAHI_BROWSER_NEW, &unspecific);
    lookup_browsed(lookup, AVAHI_BROWSER_NEW, &nowhere);
    lookup_browsed(lookup, AVAHI_BROWSER_NEW, NULL);
    browse(AVAHI_BROWSER_NEW, "esc\x1b", false);
    browse(AVAHI_BROWSER_REMOVE, "never seen", false);
    ck_assert_uint_eq(fake.resolving, 0);
    browse(AVAHI_BROWSER_NEW, "peer", false);
    browse(AVAHI_BROWSER_NEW, "peer", false);
    ck_assert_uint_eq(fake.resolving, 1);
    resolve("host.local", 0, ""); /* RFC 6763 has no use for port 0 */
    ck_assert_uint_eq(fake.browsing, 0);
    resolve("host.local", 7, "");
    fake.listener->address(fake.listener, AVAHI_BROWSER_NEW, "\x0a\0\0\1\1", 5);
    fake.listener->address(fake.listener, AVAHI_BROWSER_REMOVE, NULL, 0);
    ck_assert_int_eq(next(), TABLE_NOTHING);
}
END_TEST

START_TEST(test_a_flood_is_bounded) {
    char name[16];
    for (unsigned i = 0; i < LOOKUP_INSTANCES * 2; i++) {
        snprintf(name, sizeof name, "%u", i);
        browse(AVAHI_BROWSER_NEW, name, false);
    }
    ck_assert_uint_eq(fake.resolving, LOOKUP_INSTANCES);
    for (unsigned i = 1; i <= TABLE_PER_INSTANCE * 2; i++) {
        if (i == 1)
            resolve("host.local", 7, "");
        address(AVAHI_BROWSER_NEW, (uint8_t)i);
    }
    unsigned reported = 0;
    while (next() == TABLE_FOUND)
        reported++;
    ck_assert_uint_eq(reported, TABLE_PER_INSTANCE);
    browse(AVAHI_BROWSER_REMOVE, "0", false);
    browse(AVAHI_BROWSER_NEW, "late", false);
    ck_assert_uint_eq(fake.resolving, LOOKUP_INSTANCES);
}
END_TEST

START_TEST(test_an_engine_that_grants_nothing) {
    lookup_free(lookup);
    start((size_t)_i);
    browse(AVAHI_BROWSER_NEW, "peer", false);
    if (_i > 0)
        resolve("host.local", 7, "");
    lookup_browsed(lookup, AVAHI_BROWSER_ALL_FOR_NOW, NULL);
    ck_assert(lookup_settled(lookup));
}
END_TEST

Suite *suite_lookup(void) {
    Suite *suite = suite_create("lookup");
    TCase *tc = tcase_create("lookup");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, test_from_instance_to_addresses);
    tcase_add_test(tc, test_another_port_reaches_all_addresses);
    tcase_add_test(tc, test_another_host_has_other_addresses);
    tcase_add_test(tc, test_own_instance_is_known_by_its_id_and_left_alone);
    tcase_add_test(tc, test_settled_when_all_have_answered_or_will_not);
    tcase_add_test(tc, test_odd_things_are_not_followed);
    tcase_add_test(tc, test_a_flood_is_bounded);
    tcase_add_loop_test(tc, test_an_engine_that_grants_nothing, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}
