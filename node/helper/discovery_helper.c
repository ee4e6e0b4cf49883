#include "node/helper/discovery_helper.h"

#include "node/common/discovery_check.h"
#include "node/helper/discovery_confine.h"

#include "base/chan.h"
#include "base/io.h"
#include "base/log.h"
#include "discovery/discovery.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct helper {
    int chan;
    int status; /* of exit */
    struct discovery *discovery;
    struct msg_arena *arena;
    struct chan_packet *packet;
    int terminated[2]; /* pipe: readable once SIGTERM came */
};

static void quit(struct helper *helper, int status) {
    helper->status = status;
    discovery_quit(helper->discovery);
}

/* To the node. A node that reads slowly makes discovery wait. */

static void send_report(struct helper *helper, const struct discovery_report *report) {
    uint8_t data[DISCOVERY_CHECK_ROOM];
    int length = discovery_check_write_report(report, data, sizeof data);
    int result = length < 0 ? length : chan_send(helper->chan, data, (size_t)length, NULL, 0, 0);
    if (result == 0)
        return;
    if (result != -EPIPE && result != -ECONNRESET)
        log_error("cannot report to the node: %s", strerror(-result));
    quit(helper, result == -EPIPE || result == -ECONNRESET ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void on_found(void *context, const struct discovery_found *found) {
    struct discovery_report report = {.type = DISCOVERY_FOUND, .found = *found};
    send_report(context, &report);
}

static void on_lost(void *context, const struct discovery_lost *lost) {
    struct discovery_report report = {.type = DISCOVERY_LOST, .lost = *lost};
    send_report(context, &report);
}

static void on_state(void *context, const struct discovery_state *state) {
    struct discovery_report report = {.type = DISCOVERY_STATE, .state = *state};
    send_report(context, &report);
}

/* From the node */

static int take_packet(struct helper *helper) {
    struct discovery_setup setup;
    struct fail why = {0};
    int result = discovery_check_setup(&setup, helper->arena, helper->packet->data,
                                       helper->packet->length, &why);
    if (result == MSG_INVALID) {
        log_error("%s", why.text);
        return -EBADMSG;
    }
    if (result == 0)
        result = discovery_setup(helper->discovery, &setup);
    if (result < 0)
        log_error("cannot set up discovery: %s", strerror(-result));
    return result;
}

static void on_channel(void *context) {
    struct helper *helper = context;
    int result = chan_receive(helper->chan, helper->packet, MSG_DONTWAIT);
    if (result == -EAGAIN)
        return;
    if (result == 1) {
        chan_drop_fds(helper->packet);
        result = take_packet(helper);
        if (result < 0)
            quit(helper, EXIT_FAILURE);
        return;
    }
    if (result < 0)
        log_error("cannot read from the node: %s", strerror(-result));
    quit(helper, result < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* Signals */

static int terminated_fd = -1; /* for the handler, which has no other way to know it */

/* Avahi's calls block while a daemon does not answer: from here on time is limited. */
static void on_sigterm(int number) {
    int error = errno;
    (void)number;
    alarm(DISCOVERY_HELPER_EXIT_S);
    ssize_t written = write(terminated_fd, "", 1);
    (void)written;
    errno = error;
}

static void on_terminated(void *context) {
    quit(context, EXIT_SUCCESS);
}

/* Ctrl-C and a closed terminal reach the whole process group, but they are for the node: it ends
 * the channel when it wants to. */
static int catch_signals(struct helper *helper) {
    struct sigaction terminate = {.sa_handler = on_sigterm};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (pipe2(helper->terminated, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    terminated_fd = helper->terminated[1];
    if (sigaction(SIGTERM, &terminate, NULL) < 0 || sigaction(SIGINT, &ignore, NULL) < 0 ||
        sigaction(SIGHUP, &ignore, NULL) < 0 || sigaction(SIGPIPE, &ignore, NULL) < 0 ||
        prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
        return -errno;
    return 0;
}

/* Life */

static int start(struct helper *helper) {
    struct discovery_events events = {helper, on_found, on_lost, on_state};
    int result = catch_signals(helper);
    if (result == 0)
        result = discovery_confine();
    if (result == 0)
        result = msg_arena_new(&helper->arena, DISCOVERY_CHECK_ARENA);
    if (result == 0 && !(helper->packet = malloc(sizeof *helper->packet)))
        result = -ENOMEM;
    if (result == 0)
        result = discovery_new(&helper->discovery, &events);
    if (result == 0)
        result = discovery_watch(helper->discovery, helper->chan, on_channel, helper);
    if (result == 0)
        result = discovery_watch(helper->discovery, helper->terminated[0], on_terminated, helper);
    return result;
}

static void stop(struct helper *helper) {
    alarm(DISCOVERY_HELPER_EXIT_S);
    discovery_free(helper->discovery);
    msg_arena_free(helper->arena);
    free(helper->packet);
    io_close(&helper->chan);
}

int discovery_helper_main(int chan) {
    struct helper helper = {.chan = chan, .terminated = {-1, -1}};
    log_open("discovery", LOG_LEVEL_INFO);
    int result = start(&helper);
    if (result == 0)
        result = discovery_run(helper.discovery);
    if (result < 0) {
        log_error("%s", strerror(-result));
        helper.status = EXIT_FAILURE;
    }
    stop(&helper);
    return helper.status;
}
