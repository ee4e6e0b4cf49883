#include "tests/sim/person.h"

#include "tests/sim/console.h"
#include "tests/sim/machine.h"
#include "tests/sim/memory.h"
#include "tests/sim/trace.h"
#include "tests/sim/watch.h"

#include <string.h>
#include <time.h>

/* What somebody is about to do. */
struct wish {
    struct order *order;
    bool at_receiver;
    Fxnode__Control__Act__What what;
};

static void rest(void) {
    nanosleep(&(struct timespec){.tv_nsec = 250000000}, NULL);
}

/* ---- send ---- */

static int say_paths(struct console *console, const struct order *order) {
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    Fxnode__Control__Paths paths = FXNODE__CONTROL__PATHS__INIT;
    ProtobufCBinaryData data[ORDER_ITEMS];

    for (size_t i = 0; i < order->count; i++)
        data[i] = (ProtobufCBinaryData){strlen(order->paths[i]), (uint8_t *)order->paths[i]};
    paths.n_paths = order->count;
    paths.paths = data;
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_PATHS;
    request.paths = &paths;
    return console_ask(console, &request);
}

/* The id says what is meant, so that nothing is sent twice where the answer got lost. */
static int say_send(struct console *console, struct order *order) {
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    Fxnode__Control__Send body = FXNODE__CONTROL__SEND__INIT;

    body.peer = (char *)(uintptr_t)order->to->port;
    body.id = (ProtobufCBinaryData){sizeof order->id, order->id};
    body.again = true;
    body.move = order->moves;
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_SEND;
    request.send = &body;
    return console_ask(console, &request);
}

/* True where the transfer is over. */
static bool take_result(struct order *order, Fxnode__Control__Transfer__State state,
                        const Fxnode__Control__Result *result) {
    trace("status %d: %s", result->status, result->text);
    if (state == FXNODE__CONTROL__TRANSFER__STATE__DELIVERED)
        watch_delivered(order, result->status, result->text);
    else if (state == FXNODE__CONTROL__TRANSFER__STATE__CANCELLED)
        watch_cancelled(order, result->text);
    else if (state != FXNODE__CONTROL__TRANSFER__STATE__PAUSED)
        watch_refused(order, result->status, result->text);
    return order->delivered || order->cancelled;
}

/* Until the result or the node's end. */
static bool follow(struct console *console, struct order *order) {
    Fxnode__Control__Transfer__State state = FXNODE__CONTROL__TRANSFER__STATE__NONE;
    const Fxnode__Control__Event *event = NULL;

    while ((event = console_next(console)) != NULL) {
        if (event->body_case == FXNODE__CONTROL__EVENT__BODY_TRANSFER) {
            state = event->transfer->state;
            if (event->transfer->number != 0)
                watch_queued(order, event->transfer->number);
        }
        if (event->body_case == FXNODE__CONTROL__EVENT__BODY_RESULT)
            return take_result(order, state, event->result);
    }
    return false;
}

static void *run_send(void *arg) {
    struct order *order = arg;

    while (!order->delivered && !order->cancelled) {
        struct console *console = console_open();

        if (console == NULL || say_paths(console, order) != 0 || say_send(console, order) != 0 ||
            !follow(console, order))
            rest();
        console_close(console);
    }
    return NULL;
}

struct process *person_send(struct order *order) {
    return process_start(order->from, NULL, "send", run_send, order);
}

/* ---- what else is done with a transfer ---- */

/* Its number at this node; 0 where it has none. */
static uint64_t find_number(const struct order *order) {
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    Fxnode__Control__Transfers body = FXNODE__CONTROL__TRANSFERS__INIT;
    const Fxnode__Control__Event *event = NULL;
    struct console *console = console_open();
    uint64_t number = 0;

    body.all = true;
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_TRANSFERS;
    request.transfers = &body;
    if (console != NULL && console_ask(console, &request) == 0)
        while ((event = console_next(console)) != NULL &&
               event->body_case != FXNODE__CONTROL__EVENT__BODY_RESULT)
            if (event->body_case == FXNODE__CONTROL__EVENT__BODY_TRANSFER &&
                event->transfer->id.len == sizeof order->id &&
                memcmp(event->transfer->id.data, order->id, sizeof order->id) == 0)
                number = event->transfer->number;
    console_close(console);
    return number;
}

/* The status; -1 where the node went away, or its session before a `verify` came to its end. */
static int ask(const Fxnode__Control__Request *request) {
    bool verifies = request->body_case == FXNODE__CONTROL__REQUEST__BODY_VERIFY;
    const Fxnode__Control__Event *event = NULL;
    struct console *console = console_open();
    int status = -1;

    if (console != NULL && console_ask(console, request) == 0)
        while (status < 0 && (event = console_next(console)) != NULL) {
            if (event->body_case == FXNODE__CONTROL__EVENT__BODY_FINDING)
                trace("finding: %s", event->finding->text);
            if (event->body_case == FXNODE__CONTROL__EVENT__BODY_CHECKED)
                verifies = false;
            if (event->body_case == FXNODE__CONTROL__EVENT__BODY_RESULT) {
                status = verifies ? -1 : event->result->status;
                trace("status %d: %s", status, event->result->text);
            }
        }
    console_close(console);
    return status;
}

static void *run_act(void *arg) {
    struct wish *wish = arg;
    struct order *order = wish->order;
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    Fxnode__Control__Act body = FXNODE__CONTROL__ACT__INIT;

    request.body_case = FXNODE__CONTROL__REQUEST__BODY_ACT;
    request.act = &body;
    body.what = wish->what;
    while (!order->delivered && !order->cancelled) {
        body.number = find_number(order);
        trace("%d of transfer %llu", (int)wish->what, (unsigned long long)body.number);
        if (body.number != 0 && wish->what == FXNODE__CONTROL__ACT__WHAT__CANCEL)
            watch_given_up(order);
        if (body.number != 0 && ask(&request) >= 0)
            break;
        rest();
    }
    return NULL;
}

static void *run_verify(void *arg) {
    struct wish *wish = arg;
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    Fxnode__Control__Verify body = FXNODE__CONTROL__VERIFY__INIT;
    int status = -1;

    request.body_case = FXNODE__CONTROL__REQUEST__BODY_VERIFY;
    request.verify = &body;
    while (status < 0) {
        body.number = find_number(wish->order);
        if (body.number != 0)
            status = ask(&request);
        if (status < 0)
            rest();
    }
    watch_verified(wish->order, status);
    return NULL;
}

static struct process *start(const char *role, task_entry *entry, struct wish with) {
    struct wish *wish = memory_lasting(sizeof *wish);

    *wish = with;
    return process_start(with.at_receiver ? with.order->to : with.order->from, NULL, role, entry,
                         wish);
}

struct process *person_act(struct order *order, bool at_receiver, Fxnode__Control__Act__What what) {
    return start("act", run_act, (struct wish){order, at_receiver, what});
}

struct process *person_verify(struct order *order) {
    return start("verify", run_verify,
                 (struct wish){.order = order, .at_receiver = order->verifies_there});
}
