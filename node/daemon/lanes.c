#include "node/daemon/lanes.h"

#include "base/log.h"
#include "node/daemon/dialer.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* Each takes memory, and a processor where the network is fast enough. */
#define LANES_DEFAULT_MAX 4u

struct lanes {
    struct node *node;
    struct worker *worker;
    struct dialer *dialer;
    struct address address;
    uint8_t key[LIMIT_KEY];
    uint8_t session[LIMIT_SESSION_ID];
    uint32_t wanted; /* beside the control connection */
    uint32_t made;
};

uint32_t lanes_most(const struct config *config) {
    cpu_set_t cores;
    if (config->lanes != 0)
        return config->lanes;
    /* It fails where there are more processors than fit into the set. */
    uint32_t count = sched_getaffinity(0, sizeof cores, &cores) == 0 ? (uint32_t)CPU_COUNT(&cores)
                                                                     : LANES_DEFAULT_MAX;
    return count < LANES_DEFAULT_MAX ? count : LANES_DEFAULT_MAX;
}

int lanes_new(struct lanes **out, struct node *node, const struct link *control) {
    struct lanes *lanes = calloc(1, sizeof *lanes);
    if (lanes == NULL)
        return -ENOMEM;
    lanes->node = node;
    lanes->address = control->address;
    memcpy(lanes->key, control->result.peer, LIMIT_KEY);
    memcpy(lanes->session, control->result.session, LIMIT_SESSION_ID);
    *out = lanes;
    return 0;
}

void lanes_feed(struct lanes *lanes, struct worker *worker) {
    lanes->worker = worker;
}

static void call_next(struct lanes *lanes);

static void on_dialed(void *context, struct dialer_result *result) {
    struct lanes *lanes = context;
    lanes->dialer = NULL;
    if (result->outcome != DIALER_CONNECTED) {
        log_debug("no further lane: %s", result->text);
        return;
    }
    worker_send_link(lanes->worker, &result->link, ++lanes->made);
    call_next(lanes);
}

static void call_next(struct lanes *lanes) {
    struct dialer_call call = {
        .loop = lanes->node->loop,
        .identity = &lanes->node->identity,
        .name = lanes->node->config.name,
        .purpose = HANDSHAKE_LANE,
        .expected = lanes->key,
        .session = lanes->session,
        .candidates = &lanes->address,
        .count = 1,
        .done = on_dialed,
        .context = lanes,
    };
    if (lanes->dialer != NULL || lanes->made >= lanes->wanted || lanes->node->stopping)
        return;
    if (dialer_start(&lanes->dialer, &call) != 0)
        lanes->dialer = NULL;
}

void lanes_want(struct lanes *lanes, uint32_t count) {
    lanes->wanted = (count < LIMIT_LANES ? count : LIMIT_LANES) - (count > 0 ? 1 : 0);
    call_next(lanes);
}

void lanes_free(struct lanes *lanes) {
    if (lanes != NULL && lanes->dialer != NULL)
        dialer_cancel(lanes->dialer);
    free(lanes);
}
