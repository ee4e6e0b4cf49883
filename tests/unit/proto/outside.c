/* Symbolic links that lead outside: what a receiver says of them with its yes, what a sender hears,
 * and who may not offer them. */
#include "proto/manifest.h"
#include "proto/receiver.h"
#include "proto/sender.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static uint8_t manifest[1024];
static size_t manifest_length;
static struct manifest_summary summary;
static struct sender *sender;
static struct receiver *receiver;

static void make_manifest(const char *target) {
    struct manifest_builder *builder = NULL;
    struct fail fail;
    const uint8_t *data = NULL;
    struct entry directory = {.type = ENTRY_DIRECTORY, .path = "d", .path_length = 1};
    struct entry link = {.type = ENTRY_SYMLINK,
                         .path = "d/l",
                         .path_length = 3,
                         .target = target,
                         .target_length = strlen(target)};
    ck_assert_int_eq(manifest_builder_new(&builder), 0);
    ck_assert_int_eq(manifest_builder_add(builder, &directory, &fail), MANIFEST_ADDED);
    ck_assert_int_eq(manifest_builder_add(builder, &link, &fail), MANIFEST_ADDED);
    ck_assert_int_eq(manifest_builder_end(builder, &fail), MANIFEST_BATCH_READY);
    manifest_length = manifest_builder_take(builder, &data);
    memcpy(manifest, data, manifest_length);
    manifest_builder_summary(builder, &summary);
    manifest_builder_free(builder);
}

static void begin(const char *target) {
    struct receiver_config receiving = {
        .lanes = 1, .batch_bytes = 8 * LIMIT_CHUNK, .batch_ms = 1000, .offer_ms = 10000};
    struct sender_config sending = {.summary = &summary, .lanes = 1};
    make_manifest(target);
    ck_assert_int_eq(sender_new(&sender, &sending), 0);
    ck_assert_int_eq(receiver_new(&receiver, &receiving), 0);
    ck_assert_int_eq(sender_start(sender, 0), 0);
    ck_assert_int_eq(receiver_start(receiver, 0), 0);
}

static void tear_down(void) {
    sender_free(sender);
    receiver_free(receiver);
}

/* What both do of themselves; the receiver admits, with a manifest that it has where `held`. */

static bool accepted, kept, stored;
static enum exchange_outcome ended;
static char why[512];

static void run_sender(void) {
    struct sender_action action;
    while (sender_next(sender, &action)) {
        if (action.kind == SENDER_SEND)
            ck_assert_int_eq(receiver_control(receiver, 1, action.message, action.length), 0);
        else if (action.kind == SENDER_STREAM_MANIFEST)
            ck_assert_int_eq(sender_manifest_batch(sender, manifest + MANIFEST_PREFIX,
                                                   manifest_length - MANIFEST_PREFIX),
                             0);
        else if (action.kind == SENDER_ACCEPTED)
            accepted = true;
        kept = kept || action.outside_links;
    }
}

static void admit(enum receiver_outside outside, bool held) {
    struct receiver_admission accept = {.answer = FXNODE__WIRE__VERDICT__ANSWER__ACCEPT,
                                        .outside = outside};
    struct fail fail;
    if (held)
        ck_assert_int_eq(receiver_manifest_load(receiver, manifest + MANIFEST_PREFIX,
                                                manifest_length - MANIFEST_PREFIX, &fail),
                         0);
    ck_assert_int_eq(receiver_admit(receiver, 1, &accept), 0);
}

static void run_receiver(enum receiver_outside outside, bool held) {
    struct receiver_action action;
    while (receiver_next(receiver, &action)) {
        if (action.kind == RECEIVER_SEND)
            ck_assert_int_eq(sender_control(sender, 1, action.message, action.length), 0);
        else if (action.kind == RECEIVER_OFFERED)
            admit(outside, held);
        else if (action.kind == RECEIVER_STORE_MANIFEST)
            stored = true;
        else if (action.kind == RECEIVER_SYNC_MANIFEST)
            ck_assert_int_eq(receiver_manifest_synced(receiver), 0);
        else if (action.kind == RECEIVER_END) {
            ended = action.end->outcome;
            strcpy(why, action.end->text);
        }
    }
}

static void run(enum receiver_outside outside, bool held) {
    for (int i = 0; i < 4; i++) {
        run_sender();
        run_receiver(outside, held);
    }
}

START_TEST(the_sender_hears_what_becomes_of_them) {
    bool keeps = _i % 2 != 0;
    begin("/x");
    run(keeps ? RECEIVER_OUTSIDE_KEPT : RECEIVER_OUTSIDE_LEFT, _i / 2 != 0);
    ck_assert(accepted);
    ck_assert_int_eq(kept, keeps);
    ck_assert_int_eq(ended, EXCHANGE_OPEN);
    ck_assert_int_eq(stored, _i / 2 == 0);
}
END_TEST

START_TEST(who_does_not_know_of_them_may_not_offer_them) {
    begin("/x");
    run(RECEIVER_OUTSIDE_REFUSED, _i != 0);
    ck_assert_int_eq(ended, EXCHANGE_PROTOCOL);
    ck_assert_ptr_nonnull(strstr(why, "links that lead outside"));
    ck_assert(!stored);
}
END_TEST

START_TEST(links_that_stay_inside_are_for_everybody) {
    begin("x");
    run(RECEIVER_OUTSIDE_REFUSED, _i != 0);
    ck_assert(accepted);
    ck_assert_int_eq(ended, EXCHANGE_OPEN);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("outside");
    TCase *tests = tcase_create("outside");
    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_add_loop_test(tests, the_sender_hears_what_becomes_of_them, 0, 4);
    tcase_add_loop_test(tests, who_does_not_know_of_them_may_not_offer_them, 0, 2);
    tcase_add_loop_test(tests, links_that_stay_inside_are_for_everybody, 0, 2);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
