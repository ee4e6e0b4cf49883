#include "node/daemon/lanes.h"

#include "base/log.h"
#include "node/daemon/dialer.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Each takes memory, and a processor where the network is fast enough. */
#define NEAR_DEFAULT_MAX 4u

/* What a listener takes of one peer at a time. */
#define CALLS_AT_ONCE 2u

/* One connection that is wanted. */
struct call {
    struct lanes *lanes;
    struct dialer *dialer; /* NULL: its turn has not come */
    bool wanted;
};

struct lanes {
    struct node *node;
    struct worker *worker;
    struct address address;
    uint8_t key[LIMIT_KEY];
    uint8_t session[LIMIT_SESSION_ID];
    struct call calls[LIMIT_LANES]; /* by the lane's number */
};

uint32_t lanes_most(const struct config *config) {
    return config->lanes != 0 ? config->lanes : LIMIT_LANES;
}

uint32_t lanes_near(const struct config *config) {
    cpu_set_t cores;
    if (config->lanes != 0)
        return config->lanes;
    /* It fails where there are more processors than fit into the set. */
    uint32_t count = sched_getaffinity(0, sizeof cores, &cores) == 0 ? (uint32_t)CPU_COUNT(&cores)
                                                                     : NEAR_DEFAULT_MAX;
    return count < NEAR_DEFAULT_MAX ? count : NEAR_DEFAULT_MAX;
}

int lanes_new(struct lanes **out, struct node *node, const struct link *control) {
    struct lanes *lanes = calloc(1, sizeof *lanes);
    if (lanes == NULL)
        return -ENOMEM;
    lanes->node = node;
    lanes->address = control->address;
    memcpy(lanes->key, control->result.peer, LIMIT_KEY);
    memcpy(lanes->session, control->result.session, LIMIT_SESSION_ID);
    for (size_t i = 0; i < LIMIT_LANES; i++)
        lanes->calls[i].lanes = lanes;
    *out = lanes;
    return 0;
}

void lanes_feed(struct lanes *lanes, struct worker *worker) {
    lanes->worker = worker;
}

static void call_next(struct lanes *lanes);

static uint32_t number_of(const struct call *call) {
    return (uint32_t)(call - call->lanes->calls);
}

static void send_none(struct worker *worker, uint32_t lane) {
    Fxnode__Helper__ToSession message = FXNODE__HELPER__TO_SESSION__INIT;
    Fxnode__Helper__NoLane body = FXNODE__HELPER__NO_LANE__INIT;
    body.lane = lane;
    message.body_case = FXNODE__HELPER__TO_SESSION__BODY_NO_LANE;
    message.no_lane = &body;
    worker_send(worker, &message);
}

static void on_dialed(void *context, struct dialer_result *result) {
    struct call *call = context;
    call->dialer = NULL;
    call->wanted = false;
    if (result->outcome == DIALER_CONNECTED) {
        worker_send_link(call->lanes->worker, &result->link, number_of(call));
    } else {
        log_debug("no further lane: %s", result->text);
        send_none(call->lanes->worker, number_of(call));
    }
    call_next(call->lanes);
}

static void dial(struct call *call) {
    struct lanes *lanes = call->lanes;
    struct dialer_call dialed = {
        .loop = lanes->node->loop,
        .identity = &lanes->node->identity,
        .name = lanes->node->config.name,
        .features = config_features(&lanes->node->config),
        .purpose = HANDSHAKE_LANE,
        .expected = lanes->key,
        .session = lanes->session,
        .candidates = &lanes->address,
        .count = 1,
        .done = on_dialed,
        .context = call,
    };
    if (dialer_start(&call->dialer, &dialed) == 0)
        return;
    call->dialer = NULL;
    call->wanted = false;
    send_none(lanes->worker, number_of(call));
}

static uint32_t count_calls(const struct lanes *lanes) {
    uint32_t count = 0;
    for (size_t i = 0; i < LIMIT_LANES; i++)
        count += lanes->calls[i].dialer != NULL;
    return count;
}

static void call_next(struct lanes *lanes) {
    for (size_t i = 0; i < LIMIT_LANES; i++)
        if (lanes->calls[i].wanted && lanes->calls[i].dialer == NULL &&
            count_calls(lanes) < CALLS_AT_ONCE && !lanes->node->stopping)
            dial(&lanes->calls[i]);
}

void lanes_want(struct lanes *lanes, uint32_t lane) {
    lanes->calls[lane].wanted = true;
    call_next(lanes);
}

void lanes_free(struct lanes *lanes) {
    if (lanes == NULL)
        return;
    for (size_t i = 0; i < LIMIT_LANES; i++)
        if (lanes->calls[i].dialer != NULL)
            dialer_cancel(lanes->calls[i].dialer);
    free(lanes);
}
