/* What becomes of a send whose command goes away while it is being recorded. */
#include "node/daemon/database.h"
#include "node/daemon/sending_run.h"
#include "node/daemon/transfer.h"
#include "peers_fixture.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PEER 1

static const uint8_t id[LIMIT_TRANSFER_ID] = {7};
static char state[32];

static void set_up(void) {
    struct node *node = &fixture_node;
    struct fail fail;
    fixture_set_up();
    ck_assert_int_eq(transfers_load(&node->transfers, node, database_store(node->database), &fail),
                     0);
    snprintf(state, sizeof state, "/tmp/fxnode-sending-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(state));
    node->statedir.fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(node->statedir.fd, 0);
    ck_assert_int_eq(outwork_make(node->statedir.fd, &fail), 0);
}

static void tear_down(void) {
    char command[64];
    close(fixture_node.statedir.fd);
    transfers_free(fixture_node.transfers);
    fixture_tear_down();
    snprintf(command, sizeof command, "rm -r %s", state);
    ck_assert_int_eq(system(command), 0);
}

/* One that is scanned, and has found its peer. */
static struct sending *scanned(void) {
    const struct store_name path = {"/srv/data", 9};
    const struct store_name name = {"data", 4};
    struct sending *sending = calloc(1, sizeof *sending);
    struct fail fail;
    ck_assert_ptr_nonnull(sending);
    sending->node = &fixture_node;
    sending->has_id = sending->called = sending->scanned = sending->complete = true;
    sending->link.fd = -1;
    memcpy(sending->target.key, fixture_key(PEER), LIMIT_KEY);
    memcpy(sending->record.transfer_id, id, sizeof id);
    sending->record.entries = sending->record.name_count = 1;
    ck_assert_int_eq(store_names_copy(&sending->paths, &path, 1), 0);
    ck_assert_int_eq(store_names_copy(&sending->record.names, &name, 1), 0);
    ck_assert_int_eq(outwork_begin(fixture_node.statedir.fd, sending->work, &fail), 0);
    uv_timer_init(fixture_node.loop, &sending->timer);
    sending->timer.data = sending;
    return sending;
}

/* As the disk has it, once all that was under way is over. */
static enum store_state recorded_state(void) {
    struct store_transfer record = {0};
    struct fail fail;
    fixture_restart();
    ck_assert_int_eq(
        store_transfer_find_sent(database_store(fixture_node.database), id, &record, &fail), 0);
    enum store_state found = record.state;
    store_transfer_clear(&record);
    return found;
}

START_TEST(given_up_by_its_command) {
    struct sending *sending = scanned();
    sending_record(sending);
    sending_cancel(sending);
    ck_assert_int_eq(recorded_state(), STORE_CANCELLED);
}
END_TEST

/* The command asks the next node for it: it must not hear that it was given up. */
START_TEST(left_by_a_node_that_ends) {
    struct sending *sending = scanned();
    sending_record(sending);
    fixture_node.stopping = true;
    sending_leave(sending);
    ck_assert_int_eq(recorded_state(), STORE_QUEUED);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("node-sending");
    TCase *tcase = tcase_create("sending");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, given_up_by_its_command);
    tcase_add_test(tcase, left_by_a_node_that_ends);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
