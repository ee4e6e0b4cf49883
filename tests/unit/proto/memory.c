/*
 * Memory that runs out: everything that is allocated while a manifest is made and a transfer runs
 * from offer to finish is refused once, one allocation at a time. Whatever was being called says
 * -ENOMEM, both roles can still be stopped and freed, and nothing is left behind.
 *
 * The linker hands the allocator's calls of this program (the libraries under test are linked
 * statically) to the functions below.
 */
#include "proto/manifest.h"
#include "proto/receiver.h"
#include "proto/sender.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The allocator */

static struct {
    bool armed;     /* only what happens while it is true counts */
    unsigned calls; /* that allocate */
    unsigned fails; /* the call that fails, from 1 on; 0 for none */
    long live;      /* allocated and not freed */
} memory;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
void __real_free(void *old);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t members, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t members, size_t size);
void __wrap_free(void *old);

static bool refuses(void) {
    return memory.armed && ++memory.calls == memory.fails;
}

static void *count(void *made, bool is_new) {
    if (memory.armed && made != NULL && is_new)
        memory.live++;
    return made;
}

void *__wrap_malloc(size_t size) {
    return refuses() ? NULL : count(__real_malloc(size), true);
}

void *__wrap_calloc(size_t members, size_t size) {
    return refuses() ? NULL : count(__real_calloc(members, size), true);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return refuses() ? NULL : count(__real_aligned_alloc(alignment, size), true);
}

void *__wrap_realloc(void *old, size_t size) {
    return refuses() ? NULL : count(__real_realloc(old, size), old == NULL);
}

void *__wrap_reallocarray(void *old, size_t members, size_t size) {
    return refuses() ? NULL : count(__real_reallocarray(old, members, size), old == NULL);
}

void __wrap_free(void *old) {
    if (memory.armed && old != NULL)
        memory.live--;
    __real_free(old);
}

static void arm(unsigned fails) {
    memory.calls = 0;
    memory.fails = fails;
    memory.live = 0;
    memory.armed = true;
}

/* The transfer: a directory, a file of two units, one that fails, one more. */

static const struct entry entries[] = {
    {.type = ENTRY_DIRECTORY, .mode = 0755, .path = "d", .path_length = 1},
    {.type = ENTRY_FILE, .mode = 0644, .size = LIMIT_CHUNK + 1, .path = "d/f", .path_length = 3},
    {.type = ENTRY_FILE, .mode = 0644, .size = 10, .path = "e", .path_length = 1},
    {.type = ENTRY_FILE, .mode = 0644, .size = 20, .path = "f", .path_length = 1},
};

#define ENTRIES ((uint32_t)(sizeof entries / sizeof entries[0]))
#define UNITS 4u
#define FAILING 2u /* entry */

static const uint64_t first_units[ENTRIES + 1] = {0, 0, 2, 3, UNITS};
static const uint32_t sizes[UNITS] = {LIMIT_CHUNK, 1, 10, 20};

struct letter {
    size_t length;
    uint8_t bytes[1024];
};

/* Letters on their way in one direction; more than this are never outstanding. */
struct box {
    struct letter letters[32];
    size_t put, taken;
};

static struct side {
    struct manifest_builder *builder;
    struct sender *sender;
    struct receiver *receiver;
    struct manifest_summary summary;
    uint8_t manifest[1024];
    size_t manifest_length;
    struct box to_sender, to_receiver;
    bool started, failed, disputed, complete;
    unsigned syncs, commits;
} t;

static void put(struct box *box, const uint8_t *bytes, size_t length) {
    struct letter *letter = &box->letters[box->put++ % 32];
    memcpy(letter->bytes, bytes, length);
    letter->length = length;
}

static int make_manifest(void) {
    struct fail fail;
    const uint8_t *data = NULL;
    int rc = manifest_builder_new(&t.builder);
    for (uint32_t i = 0; rc >= 0 && i < ENTRIES; i++)
        rc = manifest_builder_add(t.builder, &entries[i], &fail);
    if (rc >= 0)
        rc = manifest_builder_end(t.builder, &fail);
    if (rc < 0)
        return rc;
    t.manifest_length = manifest_builder_take(t.builder, &data);
    memcpy(t.manifest, data, t.manifest_length);
    manifest_builder_summary(t.builder, &t.summary);
    return 0;
}

static int sender_actions(void) {
    struct sender_action action;
    int rc = 0;
    while (rc == 0 && sender_next(t.sender, &action)) {
        if (action.kind == SENDER_SEND)
            put(&t.to_receiver, action.message, action.length);
        else if (action.kind == SENDER_STREAM_MANIFEST)
            rc = sender_manifest_batch(t.sender, t.manifest + MANIFEST_PREFIX,
                                       t.manifest_length - MANIFEST_PREFIX);
        else if (action.kind == SENDER_START)
            t.started = true;
        else if (action.kind == SENDER_REWIND)
            rc = sender_rewind(t.sender, 1); /* what is disputed is in it */
        else if (action.kind == SENDER_DELIVERED)
            rc = sender_recorded(t.sender);
    }
    return rc;
}

/* Digests are the same but for one time. */
static int check(const struct receiver_action *action) {
    uint64_t first = first_units[action->entry];
    struct receiver_check answer = {.first_unit = first,
                                    .units = first_units[action->entry + action->count] - first,
                                    .match = t.disputed};
    t.disputed = true;
    return receiver_checked(t.receiver, &answer);
}

static int receiver_actions(void) {
    struct receiver_admission admission = {.answer = FXNODE__WIRE__VERDICT__ANSWER__ACCEPT,
                                           .reason = "yes"};
    struct receiver_action action;
    int rc = 0;
    while (rc == 0 && receiver_next(t.receiver, &action)) {
        if (action.kind == RECEIVER_SEND)
            put(&t.to_sender, action.message, action.length);
        else if (action.kind == RECEIVER_OFFERED)
            rc = receiver_admit(t.receiver, 0, &admission);
        else if (action.kind == RECEIVER_SYNC_MANIFEST)
            rc = receiver_manifest_synced(t.receiver);
        else if (action.kind == RECEIVER_COMMIT)
            t.commits++;
        else if (action.kind == RECEIVER_CHECK)
            rc = check(&action);
        else if (action.kind == RECEIVER_DROP)
            rc = receiver_dropped(t.receiver, first_units[action.entry], 1);
        else if (action.kind == RECEIVER_FINALIZE)
            rc = receiver_placed(t.receiver, t.summary.names, t.summary.names_shown, 0, true);
        else if (action.kind == RECEIVER_END)
            t.complete = action.end->outcome == EXCHANGE_COMPLETE;
    }
    return rc;
}

static int deliver(void) {
    int rc = 0;
    while (rc == 0 && t.to_receiver.taken < t.to_receiver.put) {
        const struct letter *letter = &t.to_receiver.letters[t.to_receiver.taken++ % 32];
        rc = receiver_control(t.receiver, 0, letter->bytes, letter->length);
        if (rc == 0)
            rc = receiver_actions();
    }
    while (rc == 0 && t.to_sender.taken < t.to_sender.put) {
        const struct letter *letter = &t.to_sender.letters[t.to_sender.taken++ % 32];
        rc = sender_control(t.sender, 0, letter->bytes, letter->length);
        if (rc == 0)
            rc = sender_actions();
    }
    return rc;
}

/* One unit goes over, if there is one to send. */
static int send_unit(void) {
    struct range range;
    int rc = t.started ? sender_claim(t.sender, 0, 1, &range) : 0;
    if (rc <= 0)
        return rc;
    struct record_piece piece = {
        .unit = range.first, .unit_size = sizes[range.first], .length = sizes[range.first]};
    if (receiver_record(t.receiver, 0, 0, &piece) != RECEIVER_WRITE)
        return 0;
    return receiver_written(t.receiver, 0, 0, &piece, NULL);
}

static int fail_one(void) {
    struct sender_failure failure = {.entry = FAILING,
                                     .first_unit = first_units[FAILING],
                                     .units = 1,
                                     .reason = FXNODE__WIRE__FAILED__REASON__VANISHED,
                                     .text = "it is gone"};
    if (!t.started || t.failed)
        return 0;
    t.failed = true;
    int rc = sender_failed(t.sender, &failure);
    return rc < 0 ? rc : sender_actions();
}

static int store(void) {
    const struct rangeset *units = NULL;
    int rc = 0;
    if (receiver_sync_due(t.receiver, 0)) {
        rc = receiver_sync_begin(t.receiver, &units);
        if (rc == 0)
            rc = receiver_synced(t.receiver, 0);
    }
    for (; rc == 0 && t.commits > 0; t.commits--) {
        rc = receiver_actions();
        if (rc == 0)
            rc = receiver_committed(t.receiver, 0);
    }
    return rc < 0 ? rc : receiver_actions();
}

static int confirm(void) {
    uint32_t entry = sender_confirm_next(t.sender);
    if (!t.started || entry == ENTRIES)
        return 0;
    struct sender_confirmation one = {.first_entry = entry,
                                      .count = 1,
                                      .first_unit = first_units[entry],
                                      .units = first_units[entry + 1] - first_units[entry]};
    if (entry == 0) { /* a directory has nothing to differ in */
        one.count = 2;
        one.units = 2;
    }
    int rc = sender_confirm(t.sender, &one);
    return rc < 0 ? rc : sender_actions();
}

static int make_roles(void) {
    struct sender_config sending = {.summary = &t.summary, .lanes = 1};
    struct receiver_config receiving = {
        .lanes = 1, .batch_bytes = 8 * LIMIT_CHUNK, .offer_ms = 1000};
    int rc = sender_new(&t.sender, &sending);
    if (rc == 0)
        rc = receiver_new(&t.receiver, &receiving);
    if (rc == 0)
        rc = receiver_start(t.receiver, 0);
    return rc == 0 ? sender_start(t.sender, 0) : rc;
}

/* 0 once it is complete, or the first error. */
static int transfer(void) {
    int (*const steps[])(void) = {sender_actions, deliver, fail_one, send_unit, store, confirm};
    int rc = make_manifest();
    if (rc == 0)
        rc = make_roles();
    for (unsigned step = 0; rc >= 0 && !t.complete; step++) {
        if (step == 1000)
            return -ELOOP;
        rc = steps[step % (sizeof steps / sizeof steps[0])]();
    }
    return rc;
}

/* What a session does after an error: 0, or what a stop returns. */
static int give_up(void) {
    struct sender_action sent;
    struct receiver_action received;
    int rc = 0;
    if (t.sender != NULL && t.receiver != NULL) {
        while (sender_next(t.sender, &sent) || receiver_next(t.receiver, &received))
            continue;
        rc = sender_stop(t.sender, FXNODE__WIRE__STOP__REASON__ERROR, "no memory");
        if (rc == 0)
            rc = receiver_stop(t.receiver, FXNODE__WIRE__STOP__REASON__ERROR, NULL);
    }
    sender_free(t.sender);
    receiver_free(t.receiver);
    manifest_builder_free(t.builder);
    return rc;
}

/* Nothing of Check between arm and disarm: it is in this program too. */
static int run(unsigned fails) {
    memset(&t, 0, sizeof t);
    arm(fails);
    int rc = transfer();
    memory.fails = 0;
    int stopped = give_up();
    memory.armed = false;
    ck_assert_int_eq(stopped, 0);
    ck_assert_msg(memory.live == 0, "allocation %u refused: %ld are left", fails, memory.live);
    return rc;
}

START_TEST(each_allocation_of_a_transfer_may_fail) {
    ck_assert_int_eq(run(0), 0);
    ck_assert(t.failed && t.disputed);
    unsigned calls = memory.calls;
    ck_assert_uint_gt(calls, 50);
    for (unsigned fails = 1; fails <= calls; fails++)
        ck_assert_msg(run(fails) == -ENOMEM, "allocation %u refused, and nobody said so", fails);
}
END_TEST

/* With one allocation refused from here on. How it ended, or EXCHANGE_OPEN. */
static enum exchange_outcome end_of_sender(int (*ends)(void)) {
    struct sender_action action;
    enum exchange_outcome outcome = EXCHANGE_OPEN;
    memset(&t, 0, sizeof t);
    ck_assert_int_eq(make_manifest(), 0);
    ck_assert_int_eq(make_roles(), 0);
    arm(1);
    int rc = ends();
    memory.armed = false;
    ck_assert_int_eq(rc, 0);
    while (sender_next(t.sender, &action))
        if (action.kind == SENDER_END)
            outcome = action.end->outcome;
    ck_assert_int_eq(give_up(), 0);
    return outcome;
}

static int lose_lane(void) {
    return sender_lane_lost(t.sender, 0);
}

static int pause_it(void) {
    return sender_stop(t.sender, FXNODE__WIRE__STOP__REASON__PAUSED, NULL);
}

START_TEST(an_end_needs_no_memory) {
    ck_assert_int_eq(end_of_sender(lose_lane), EXCHANGE_LOST);
    ck_assert_int_eq(end_of_sender(pause_it), EXCHANGE_STOPPED);
}
END_TEST

/* A set that could not grow is what it was, and grows later. */
START_TEST(a_set_survives_a_refusal) {
    struct rangeset set;
    rangeset_init(&set);
    for (uint64_t i = 0; i < 64; i++) {
        arm(1);
        int rc = rangeset_add(&set, i * 4, 3);
        memory.armed = false;
        ck_assert(rc == 0 || rc == -ENOMEM);
        ck_assert_uint_eq(rangeset_total(&set), (i + (rc == 0)) * 3);
        ck_assert_int_eq(rangeset_add(&set, i * 4, 3), 0);
    }
    /* Taking out the middle of a range makes two of it. */
    for (uint64_t i = 0; i < 64; i++) {
        arm(1);
        int rc = rangeset_remove(&set, i * 4 + 1, 1);
        memory.armed = false;
        ck_assert(rc == 0 || rc == -ENOMEM);
        ck_assert(rangeset_contains(&set, i * 4, 3) == (rc != 0));
        ck_assert_int_eq(rangeset_remove(&set, i * 4 + 1, 1), 0);
        ck_assert_uint_eq(rangeset_total(&set), 64 * 3 - i - 1);
    }
    rangeset_clear(&set);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("memory");
    TCase *tests = tcase_create("memory");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, each_allocation_of_a_transfer_may_fail);
    tcase_add_test(tests, an_end_needs_no_memory);
    tcase_add_test(tests, a_set_survives_a_refusal);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
