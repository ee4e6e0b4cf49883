/* The session's end of its channel to the node. */
#include "node/session/uplink.h"

#include "base/chan.h"
#include "base/io.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct chan_packet packet;

/* Either end would wait for the other: one for what is lost, one for the answer. */
START_TEST(a_message_that_cannot_be_sent_ends_the_channel) {
    struct uplink *uplink = NULL;
    struct uplink_message *message = NULL;
    static char text[LIMIT_PACKET / 2];
    int pair[2] = {-1, -1};
    int least = 1; /* the kernel makes it a few KiB */

    memset(text, 'x', sizeof text - 1);
    ck_assert_int_eq(chan_pair(pair), 0);
    ck_assert_int_eq(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &least, sizeof least), 0);
    ck_assert_int_eq(uplink_new(&uplink, pair[0]), 0);
    uplink_note(uplink, "before", false);
    uplink_note(uplink, text, false);
    ck_assert_int_eq(chan_receive(pair[1], &packet, MSG_DONTWAIT), 1);
    ck_assert_int_eq(chan_receive(pair[1], &packet, MSG_DONTWAIT), 0);
    ck_assert_int_eq(uplink_receive(uplink, &message, MSG_DONTWAIT), 0);
    uplink_free(uplink);
    io_close(&pair[0]);
    io_close(&pair[1]);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("uplink");
    Suite *suite = suite_create("node-uplink");
    SRunner *runner = srunner_create(suite);
    int failed = 0;

    tcase_add_test(tests, a_message_that_cannot_be_sent_ends_the_channel);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
