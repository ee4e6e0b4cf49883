#include "node/daemon/pairing_window.h"

#include "base/crash.h"
#include "base/escape.h"
#include "base/id.h"
#include "base/io.h"
#include "base/log.h"
#include "node/daemon/outgoing.h"
#include "node/daemon/pairing_rules.h"
#include "node/daemon/pairing_run.h"
#include "node/daemon/peers.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A peer that tries. Its slot of the rules is its place in the window. */
struct visitor {
    struct pairing_window *window;
    struct pairing_run *run; /* NULL: over */
    uint8_t key[LIMIT_KEY];
    char name[LIMIT_NAME + 1]; /* foreign */
    struct address address;
    bool recorded; /* durably */
};

struct pairing_window {
    struct node *node;
    struct pairing_rules rules;
    uv_timer_t timer;
    char *code; /* guarded; NULL while it is closed */
    struct pairing_window_events events;
    struct visitor visitors[PAIRING_RULES_RUNS];
    struct visitor *proven; /* it knows the code: it is recorded, then told */
    bool recording;
    struct log_limit limit;
};

int pairing_window_new(struct pairing_window **out, struct node *node) {
    struct pairing_window *window = calloc(1, sizeof *window);
    if (window == NULL)
        return -ENOMEM;
    window->node = node;
    uv_timer_init(node->loop, &window->timer);
    window->timer.data = window;
    *out = window;
    return 0;
}

/* What the log says. */

/* A window has so few tries that what is said of them needs no limit, and always gets its line. */
static void log_visitor(const struct visitor *visitor, const char *what) {
    char name[ESCAPE_ROOM(LIMIT_NAME)];
    char id[ID_GROUPED_ROOM];
    char address[ADDRESS_ROOM];
    escape_text(name, sizeof name, visitor->name);
    id_format_grouped(id, visitor->key);
    address_format(address, &visitor->address);
    log_info("pairing: %s (%s) at %s %s", name, id, address, what);
}

/* Ends. */

static void leave(struct visitor *visitor) {
    struct pairing_window *window = visitor->window;
    pairing_run_cancel(visitor->run);
    visitor->run = NULL;
    if (window->proven == visitor)
        window->proven = NULL;
    pairing_rules_leave(&window->rules, (int)(visitor - window->visitors));
}

static void leave_all(struct pairing_window *window, const struct visitor *except) {
    for (size_t i = 0; i < PAIRING_RULES_RUNS; i++)
        if (window->visitors[i].run != NULL && &window->visitors[i] != except)
            leave(&window->visitors[i]);
}

/* The code is worth nothing any more. */
static void shut(struct pairing_window *window, const struct visitor *except) {
    pairing_rules_close(&window->rules);
    uv_timer_stop(&window->timer);
    sodium_free(window->code);
    window->code = NULL;
    leave_all(window, except);
}

static void tell_over(struct pairing_window *window, enum pairing_window_outcome outcome,
                      const uint8_t *key) {
    struct pairing_window_events events = window->events;
    window->events = (struct pairing_window_events){0};
    if (events.over != NULL)
        events.over(events.context, outcome, key);
}

void pairing_window_close(struct pairing_window *window) {
    window->events = (struct pairing_window_events){0};
    if (window->code != NULL)
        shut(window, NULL);
}

static void on_timer_closed(uv_handle_t *handle) {
    free(handle->data);
}

void pairing_window_free(struct pairing_window *window) {
    if (window == NULL)
        return;
    pairing_window_close(window);
    leave_all(window, NULL);
    uv_close((uv_handle_t *)&window->timer, on_timer_closed);
}

static void on_expired(uv_timer_t *timer) {
    struct pairing_window *window = timer->data;
    shut(window, NULL);
    tell_over(window, PAIRING_WINDOW_EXPIRED, NULL);
}

/* Opening. */

static char *make_code(void) {
    char *code = sodium_malloc(PAIRING_CODE);
    for (size_t i = 0; code != NULL && i < PAIRING_CODE; i++)
        code[i] = (char)('0' + randombytes_uniform(10));
    return code;
}

int pairing_window_open(struct pairing_window *window, const struct pairing_window_events *events) {
    if (window->code != NULL || window->proven != NULL)
        return -EBUSY;
    window->code = make_code();
    if (window->code == NULL)
        return -ENOMEM;
    window->events = *events;
    pairing_rules_open(&window->rules, uv_now(window->node->loop));
    uv_timer_start(&window->timer, on_expired, PAIRING_RULES_WINDOW_MS, 0);
    return 0;
}

const char *pairing_window_code(const struct pairing_window *window) {
    return window->code;
}

uint32_t pairing_window_seconds(const struct pairing_window *window) {
    return (uint32_t)(uv_timer_get_due_in(&window->timer) / 1000);
}

/* Runs. */

/* Once both are over, the recording and the run. */
static void finish(struct visitor *visitor, enum pairing_window_outcome outcome) {
    struct pairing_window *window = visitor->window;
    leave(visitor);
    if (visitor->recorded)
        outgoing_seen(window->node, visitor->key);
    tell_over(window, outcome, visitor->recorded ? visitor->key : NULL);
}

static void on_recorded(void *context, int error) {
    struct visitor *visitor = context;
    visitor->window->recording = false;
    visitor->recorded = error == 0;
    if (error != 0) {
        finish(visitor, PAIRING_WINDOW_FAILED);
        return;
    }
    crash_point("pairing-recorded");
    log_visitor(visitor, "is paired now");
    if (visitor->run != NULL)
        pairing_run_confirm(visitor->run);
    else
        finish(visitor, PAIRING_WINDOW_UNTOLD);
}

/* Nobody else can use the code from here on. */
static void record(struct visitor *visitor) {
    struct pairing_window *window = visitor->window;
    if (!pairing_rules_right(&window->rules, uv_now(window->node->loop))) {
        leave(visitor);
        return;
    }
    window->proven = visitor;
    window->recording = true;
    shut(window, visitor);
    crash_point("pairing-proven");
    peers_pair(window->node->peers, &(struct peers_met){.key = visitor->key, .name = visitor->name},
               on_recorded, visitor);
}

static void count_wrong(struct visitor *visitor) {
    struct pairing_window *window = visitor->window;
    uint32_t left = pairing_rules_wrong(&window->rules);
    log_visitor(visitor,
                left > 0 ? "tried a wrong code" : "tried a wrong code: it was the last try");
    if (window->events.tried != NULL)
        window->events.tried(window->events.context, left);
    if (left == 0 && window->code != NULL) {
        shut(window, visitor); /* which is still to be told that it was wrong */
        tell_over(window, PAIRING_WINDOW_BURNT, NULL);
    }
}

static void on_judged(void *context, bool right) {
    if (right)
        record(context);
    else
        count_wrong(context);
}

static void on_over(void *context, enum pairing_run_outcome outcome, const char *name) {
    struct visitor *visitor = context;
    struct pairing_window *window = visitor->window;
    (void)name;
    visitor->run = NULL;
    if (window->proven != visitor)
        leave(visitor);
    else if (!window->recording)
        finish(visitor,
               outcome == PAIRING_RUN_PROVEN ? PAIRING_WINDOW_PAIRED : PAIRING_WINDOW_UNTOLD);
}

static void admit(struct pairing_window *window, int slot, struct link *link) {
    struct node *node = window->node;
    struct visitor *visitor = &window->visitors[slot];
    struct pairing_run_setup setup = {
        .loop = node->loop,
        .own_key = node->identity.public_key,
        .code = window->code,
        .name = node->config.name,
        .events = {on_judged, on_over, visitor},
    };
    *visitor = (struct visitor){.window = window, .address = link->address};
    memcpy(visitor->key, link->result.peer, LIMIT_KEY);
    memcpy(visitor->name, link->result.name, link->result.name_length);
    if (pairing_run_start(&visitor->run, &setup, link) != 0)
        leave(visitor);
}

/* This is what strangers can cause as often as they like. */
static void log_refused(struct pairing_window *window, const struct link *link) {
    char address[ADDRESS_ROOM];
    uint32_t dropped = 0;
    if (!log_limit_take(&window->limit, io_now_ms(), &dropped))
        return;
    if (dropped > 0)
        log_info("%u more connections for pairing were closed like the next one",
                 (unsigned)dropped);
    address_format(address, &link->address);
    log_info("a connection for pairing from %s was closed: %s", address,
             window->code != NULL ? "too many at once" : "no code is shown here");
}

void pairing_window_arrived(struct pairing_window *window, struct link *link) {
    int evict = -1;
    int slot =
        pairing_rules_enter(&window->rules, &link->address, uv_now(window->node->loop), &evict);
    if (evict >= 0)
        pairing_run_cancel(window->visitors[evict].run); /* its slot is the new one's now */
    if (slot >= 0) {
        admit(window, slot, link);
    } else {
        log_refused(window, link);
        link_drop(link);
    }
}
