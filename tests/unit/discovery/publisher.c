#include "discovery/publisher.h"
#include "fake_engine.h"
#include "suites.h"

#include <avahi-common/simple-watch.h>
#include <stdio.h>
#include <string.h>

static AvahiSimplePoll *loop;
static struct publisher publisher;
static struct fake_engine fake;
static size_t changes;

static void on_changed(void *context) {
    (void)context;
    changes++;
}

static void set_up(void) {
    loop = avahi_simple_poll_new();
    ck_assert_ptr_nonnull(loop);
    ck_assert_int_eq(publisher_init(&publisher, avahi_simple_poll_get(loop), on_changed, NULL), 0);
    fake_engine_init(&fake, 0);
    changes = 0;
}

static void tear_down(void) {
    publisher_clear(&publisher);
    avahi_simple_poll_free(loop);
}

static void want(const char *name, uint16_t port) {
    struct discovery_setup setup = {.publish = true, .port = port};
    snprintf(setup.name, sizeof setup.name, "%s", name);
    publisher_want(&publisher, &setup);
}

/* Lets timers that are due expire. */
static void turn(void) {
    ck_assert_int_eq(avahi_simple_poll_iterate(loop, 0), 0);
}

static void collide(void) {
    publisher_report(&publisher, AVAHI_ENTRY_GROUP_COLLISION, "");
    turn();
}

START_TEST(test_published_where_there_is_an_engine) {
    want("node", 1);
    ck_assert_uint_eq(fake.publications, 0);
    publisher_use(&publisher, &fake.engine);
    ck_assert_uint_eq(fake.publications, 1);
    publisher_report(&publisher, AVAHI_ENTRY_GROUP_REGISTERING, "");
    ck_assert(!publisher.established);
    publisher_report(&publisher, AVAHI_ENTRY_GROUP_ESTABLISHED, "");
    ck_assert(publisher.established);
    ck_assert_uint_eq(changes, 1);
    publisher_use(&publisher, NULL);
    ck_assert_uint_eq(fake.withdrawals, 1);
    ck_assert(!publisher.established);
}
END_TEST

START_TEST(test_another_name_after_a_collision_is_kept) {
    publisher_use(&publisher, &fake.engine);
    want("node", 1);
    collide();
    ck_assert_str_eq(fake.published.name, "node #2");
    want("node", 2);
    ck_assert_str_eq(fake.published.name, "node #2");
    ck_assert_uint_eq(fake.published.port, 2);
    publisher_use(&publisher, NULL);
    publisher_use(&publisher, &fake.engine);
    ck_assert_str_eq(fake.published.name, "node #2");
    want("other", 2);
    ck_assert_str_eq(fake.published.name, "other");
}
END_TEST

START_TEST(test_collisions_without_end_slow_down) {
    publisher_use(&publisher, &fake.engine);
    want("node", 1);
    for (int i = 0; i < 100; i++)
        collide();
    ck_assert_uint_gt(fake.publications, 5);
    ck_assert_uint_lt(fake.publications, 20);
}
END_TEST

START_TEST(test_failure_is_told_and_tried_again) {
    publisher_use(&publisher, &fake.engine);
    want("node", 1);
    publisher_report(&publisher, AVAHI_ENTRY_GROUP_FAILURE, "Not permitted");
    ck_assert_str_eq(publisher.text, "cannot be published: Not permitted");
    turn();
    ck_assert_uint_eq(fake.publications, 1);
    publisher_report(&publisher, AVAHI_ENTRY_GROUP_ESTABLISHED, "");
    ck_assert_str_eq(publisher.text, "");
}
END_TEST

START_TEST(test_browse_only) {
    struct discovery_setup setup = {.publish = false};
    publisher_use(&publisher, &fake.engine);
    want("node", 1);
    publisher_report(&publisher, AVAHI_ENTRY_GROUP_ESTABLISHED, "");
    publisher_want(&publisher, &setup);
    ck_assert_uint_eq(fake.publications, 1);
    ck_assert(!publisher.established);
}
END_TEST

Suite *suite_publisher(void) {
    Suite *suite = suite_create("publisher");
    TCase *tc = tcase_create("publisher");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, test_published_where_there_is_an_engine);
    tcase_add_test(tc, test_another_name_after_a_collision_is_kept);
    tcase_add_test(tc, test_collisions_without_end_slow_down);
    tcase_add_test(tc, test_failure_is_told_and_tried_again);
    tcase_add_test(tc, test_browse_only);
    suite_add_tcase(suite, tc);
    return suite;
}
