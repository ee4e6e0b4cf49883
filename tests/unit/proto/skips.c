/* Entries that the receiver has from elsewhere: what each side makes of them, and of a peer that
 * says something impossible. */
#include "proto/manifest.h"
#include "proto/receiver.h"
#include "proto/sender.h"
#include "proto/wire.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES 4u /* files of one unit each */

static uint8_t manifest[4096];
static size_t manifest_length;
static struct manifest_summary summary;
static struct sender *sender;
static struct receiver *receiver;

static void set_up(void) {
    static const char *const names[ENTRIES] = {"a", "b", "c", "d"};
    struct manifest_builder *builder = NULL;
    struct fail fail;
    const uint8_t *data = NULL;
    struct receiver_config receiving = {
        .lanes = 1, .batch_bytes = 8 * LIMIT_CHUNK, .batch_ms = 1000, .offer_ms = 10000};
    struct sender_config sending = {.summary = &summary, .lanes = 1};
    ck_assert_int_eq(manifest_builder_new(&builder), 0);
    for (unsigned i = 0; i < ENTRIES; i++) {
        struct entry file = {.type = ENTRY_FILE, .size = 1, .path = names[i], .path_length = 1};
        ck_assert_int_eq(manifest_builder_add(builder, &file, &fail), MANIFEST_ADDED);
    }
    ck_assert_int_eq(manifest_builder_end(builder, &fail), MANIFEST_BATCH_READY);
    manifest_length = manifest_builder_take(builder, &data);
    memcpy(manifest, data, manifest_length);
    manifest_builder_summary(builder, &summary);
    manifest_builder_free(builder);
    ck_assert_int_eq(sender_new(&sender, &sending), 0);
    ck_assert_int_eq(receiver_new(&receiver, &receiving), 0);
    ck_assert_int_eq(sender_start(sender, 0), 0);
    ck_assert_int_eq(receiver_start(receiver, 0), 0);
}

static void tear_down(void) {
    sender_free(sender);
    receiver_free(receiver);
}

/* What a side does of itself until it waits; what it sends reaches the other one or is lost. */

static enum exchange_outcome receiver_ended;
static enum exchange_outcome sender_ended;
static unsigned checks;
static unsigned forgotten; /* commits of the receiver */

static void give_receiver(const void *message, size_t length) {
    if (receiver_ended == EXCHANGE_OPEN)
        ck_assert_int_eq(receiver_control(receiver, 1, message, length), 0);
}

static void run_sender(bool connected) {
    struct sender_action action;
    while (sender_next(sender, &action)) {
        if (action.kind == SENDER_SEND && connected)
            give_receiver(action.message, action.length);
        else if (action.kind == SENDER_STREAM_MANIFEST)
            ck_assert_int_eq(sender_manifest_batch(sender, manifest + MANIFEST_PREFIX,
                                                   manifest_length - MANIFEST_PREFIX),
                             0);
        else if (action.kind == SENDER_END)
            sender_ended = action.end->outcome;
    }
}

/* Skips entries [0, `skipped`); an entry is as many units as it is. */
static void run_receiver(unsigned skipped) {
    struct receiver_action action;
    struct receiver_admission accept = {.answer = FXNODE__WIRE__VERDICT__ANSWER__ACCEPT};
    struct rangeset set;
    rangeset_init(&set);
    ck_assert_int_eq(rangeset_add(&set, 0, skipped), 0);
    while (receiver_next(receiver, &action)) {
        if (action.kind == RECEIVER_SEND) {
            ck_assert_int_eq(sender_control(sender, 1, action.message, action.length), 0);
        } else if (action.kind == RECEIVER_OFFERED) {
            ck_assert_int_eq(receiver_admit(receiver, 1, &accept), 0);
        } else if (action.kind == RECEIVER_SYNC_MANIFEST) {
            ck_assert_int_eq(receiver_skip(receiver, &set, &set), 0);
            ck_assert_int_eq(receiver_manifest_synced(receiver), 0);
        } else if (action.kind == RECEIVER_CHECK) {
            checks++;
        } else if (action.kind == RECEIVER_COMMIT) {
            forgotten++;
        } else if (action.kind == RECEIVER_END) {
            receiver_ended = action.end->outcome;
        }
    }
    rangeset_clear(&set);
}

static void agree_on(unsigned skipped) {
    for (unsigned i = 0; i < 4; i++) {
        run_sender(true);
        run_receiver(skipped);
    }
    ck_assert_int_eq(sender_ended, EXCHANGE_OPEN);
    ck_assert_int_eq(receiver_ended, EXCHANGE_OPEN);
}

START_TEST(what_is_skipped_is_not_sent) {
    struct range range;
    agree_on(2);
    ck_assert(sender_skips(sender, 0, 0, 1) && sender_skips(sender, 1, 1, 1));
    ck_assert(!sender_skips(sender, 2, 2, 1));
    ck_assert_int_eq(sender_claim(sender, 0, 9, &range), 1);
    ck_assert_uint_eq(range.first, 2);
    ck_assert_uint_eq(range.count, 2);
}
END_TEST

static void confirm(uint32_t first, uint32_t count) {
    struct sender_confirmation all = {
        .first_entry = first, .count = count, .first_unit = first, .units = count};
    ck_assert_int_eq(sender_confirm(sender, &all), 0);
    run_sender(true);
    run_receiver(0);
    ck_assert_uint_eq(checks, 1);
}

/* A digest has nothing of what is skipped: where it differs that is not asked for. */
START_TEST(what_is_skipped_is_not_what_differs) {
    struct receiver_check differs = {.units = 2, .match = false};
    agree_on(2);
    confirm(0, 2);
    ck_assert_int_eq(receiver_checked(receiver, &differs), 0);
    run_receiver(0);
    ck_assert_int_eq(receiver_ended, EXCHANGE_PROTOCOL);
    ck_assert(rangeset_contains(receiver_durable(receiver), 0, 2));
}
END_TEST

/* The receiver gets a third unit and disputes three entries: only that one is sent again. */
START_TEST(what_differs_beside_what_is_skipped) {
    struct receiver_check differs = {.units = 3, .match = false};
    const struct record_piece piece = {.unit = 2, .unit_size = 1, .length = 1};
    const struct rangeset *units = NULL;
    struct range range;
    agree_on(2);
    ck_assert_int_eq(sender_claim(sender, 0, 1, &range), 1);
    ck_assert_int_eq(receiver_record(receiver, 1, 0, &piece), RECEIVER_WRITE);
    ck_assert_int_eq(receiver_written(receiver, 1, 0, &piece, NULL), 0);
    ck_assert_int_eq(receiver_sync_begin(receiver, &units), 0);
    ck_assert_int_eq(receiver_synced(receiver, 1), 0);
    run_receiver(0);
    ck_assert_int_eq(receiver_committed(receiver, 1), 0);
    run_receiver(0);
    confirm(0, 3);
    ck_assert_int_eq(receiver_checked(receiver, &differs), 0);
    run_receiver(0);
    ck_assert_uint_eq(forgotten, 2);
    ck_assert_int_eq(receiver_committed(receiver, 1), 0);
    run_receiver(0);
    ck_assert_int_eq(sender_ended, EXCHANGE_OPEN);
    ck_assert(sender_is_durable(sender, 0, 2));
    ck_assert(!sender_is_durable(sender, 2, 1));
}
END_TEST

/* A sender that says that what was left out has failed: it is not delivered, and nothing else. */
START_TEST(what_is_skipped_may_fail) {
    struct sender_failure failure = {
        .entry = 1, .first_unit = 1, .units = 1, .reason = FXNODE__WIRE__FAILED__REASON__CHANGED};
    agree_on(ENTRIES);
    ck_assert_int_eq(sender_failed(sender, &failure), 0);
    run_sender(true);
    run_receiver(0);
    ck_assert_int_eq(receiver_dropped(receiver, 1, 1), 0);
    run_receiver(0);
    ck_assert_int_eq(receiver_ended, EXCHANGE_OPEN);
    ck_assert(rangeset_contains(receiver_failed_entries(receiver), 1, 1));
    ck_assert(!rangeset_contains(receiver_durable(receiver), 1, 1));
}
END_TEST

/* The sender, told by hand. */

static void tell_sender(Fxnode__Wire__Control__BodyCase body, void *content) {
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    uint8_t message[WIRE_MESSAGE_MAX];
    control.body_case = body;
    control.holding = content; /* all members of the union are pointers */
    int length = msg_encode(&control.base, message, sizeof message);
    ck_assert_int_gt(length, 0);
    ck_assert_int_eq(sender_control(sender, 1, message, (size_t)length), 0);
    run_sender(false);
}

static void accept_by_hand(void) {
    Fxnode__Wire__Verdict verdict = FXNODE__WIRE__VERDICT__INIT;
    verdict.answer = FXNODE__WIRE__VERDICT__ANSWER__ACCEPT;
    verdict.lanes = 1;
    run_sender(false);
    tell_sender(FXNODE__WIRE__CONTROL__BODY_VERDICT, &verdict);
}

/* `held`: whether it holds the units too. */
static void skip_by_hand(uint64_t first, uint64_t count, bool held, bool last) {
    Fxnode__Wire__Holding holding = FXNODE__WIRE__HOLDING__INIT;
    Fxnode__Wire__Extent extent = FXNODE__WIRE__EXTENT__INIT;
    Fxnode__Wire__Extent *extents[] = {&extent};
    extent.first = first;
    extent.count = count;
    holding.skipped = extents;
    holding.n_skipped = 1;
    if (held) {
        holding.extents = extents;
        holding.n_extents = 1;
    }
    holding.last = last;
    tell_sender(FXNODE__WIRE__CONTROL__BODY_HOLDING, &holding);
}

START_TEST(what_is_not_held_is_not_skipped) {
    struct range range;
    accept_by_hand();
    skip_by_hand(0, 1, true, false);
    skip_by_hand(0, 2, false, true);
    ck_assert_int_eq(sender_ended, EXCHANGE_OPEN);
    ck_assert(sender_skips(sender, 0, 0, 1));
    ck_assert(!sender_skips(sender, 1, 1, 1));
    ck_assert_int_eq(sender_claim(sender, 0, 9, &range), 1);
    ck_assert_uint_eq(range.first, 1);
}
END_TEST

static const struct range impossible[] = {
    {ENTRIES, 1}, {0, ENTRIES + 1}, {UINT64_MAX, 1}, {1, UINT64_MAX}, {0, 0}};

START_TEST(entries_that_are_none_are_refused) {
    accept_by_hand();
    skip_by_hand(impossible[_i].first, impossible[_i].count, false, true);
    ck_assert_int_eq(sender_ended, EXCHANGE_PROTOCOL);
}
END_TEST

START_TEST(nothing_is_skipped_after_the_last) {
    accept_by_hand();
    skip_by_hand(0, 1, true, true);
    skip_by_hand(1, 1, true, true);
    ck_assert_int_eq(sender_ended, EXCHANGE_PROTOCOL);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("skips");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_is_skipped_is_not_sent);
    tcase_add_test(tests, what_is_skipped_is_not_what_differs);
    tcase_add_test(tests, what_differs_beside_what_is_skipped);
    tcase_add_test(tests, what_is_skipped_may_fail);
    tcase_add_test(tests, what_is_not_held_is_not_skipped);
    tcase_add_loop_test(tests, entries_that_are_none_are_refused, 0,
                        (int)(sizeof impossible / sizeof *impossible));
    tcase_add_test(tests, nothing_is_skipped_after_the_last);
    Suite *suite = suite_create("skips");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
