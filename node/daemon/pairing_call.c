#include "node/daemon/pairing_call.h"

#include "base/crash.h"
#include "base/escape.h"
#include "base/id.h"
#include "base/log.h"
#include "node/daemon/dialer.h"
#include "node/daemon/outgoing.h"
#include "node/daemon/pairing_run.h"
#include "node/daemon/peers.h"
#include "node/daemon/trust.h"

#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Exit statuses of the command. */
enum { CALL_DONE = 0, CALL_FAILED = 1, CALL_UNREACHABLE = 3, CALL_TRUST = 6 };

struct pairing_call {
    struct node *node;
    struct pairing_call_events events;
    struct resolve *resolve; /* at most one of these three is under way */
    struct dialer *dialer;
    struct pairing_run *run;
    struct resolve_target target;
    char shown[ESCAPE_ROOM(LIMIT_NAME)]; /* the target's name */
    char *code;                          /* guarded */
    bool asking;
    uint32_t left;          /* tries */
    uint8_t key[LIMIT_KEY]; /* of whoever answered, */
    struct address reached; /* and where */
    bool recording;
    bool cancelled;
};

static void call_free(struct pairing_call *call) {
    sodium_free(call->code);
    free(call);
}

void pairing_call_cancel(struct pairing_call *call) {
    if (call == NULL)
        return;
    call->cancelled = true;
    resolve_cancel(call->resolve);
    if (call->dialer != NULL)
        dialer_cancel(call->dialer);
    pairing_run_cancel(call->run);
    if (!call->recording)
        call_free(call);
}

static void end(struct pairing_call *call, int status, const char *text) {
    struct pairing_call_events events = call->events;
    uint8_t key[LIMIT_KEY];
    memcpy(key, call->key, LIMIT_KEY);
    pairing_call_cancel(call);
    events.over(events.context, status, text, status == CALL_DONE ? key : NULL);
}

__attribute__((format(printf, 3, 4))) static void fail(struct pairing_call *call, int status,
                                                       const char *format, ...) {
    char text[sizeof call->shown + 256];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    end(call, status, text);
}

static void ask(struct pairing_call *call) {
    call->asking = true;
    call->events.ask(call->events.context, &call->target, call->left < PAIRING_CALL_TRIES,
                     call->left);
}

/* Recording. */

static void on_recorded(void *context, int error) {
    struct pairing_call *call = context;
    struct peers *peers = call->node->peers;
    char name[ESCAPE_ROOM(LIMIT_NAME)];
    char id[ID_GROUPED_ROOM];
    char text[sizeof name + sizeof id + 32];

    call->recording = false;
    if (error == 0)
        crash_point("pairing-recorded");
    escape_text(name, sizeof name, peers_name(peers, call->key));
    id_format_grouped(id, call->key);
    snprintf(text, sizeof text, "paired with %s (%s)", name, id);
    if (error == 0) {
        outgoing_seen(call->node, call->key);
        log_info("%s", text);
    }
    if (call->cancelled)
        call_free(call);
    else if (error != 0)
        fail(call, CALL_FAILED, "%s could not be recorded as paired: the node's log says why",
             call->shown);
    else
        end(call, CALL_DONE, text);
}

/* The run. */

static void wrong(struct pairing_call *call) {
    if (--call->left > 0)
        ask(call);
    else
        fail(call, CALL_TRUST,
             "the code of %s was wrong too often, or somebody is in between: for a new code run "
             "`fxnode pair` there again",
             call->shown);
}

static void on_run_over(void *context, enum pairing_run_outcome outcome, const char *name) {
    struct pairing_call *call = context;
    call->run = NULL;
    switch (outcome) {
    case PAIRING_RUN_PROVEN:
        call->recording = true;
        crash_point("pairing-proven");
        peers_pair(call->node->peers,
                   &(struct peers_met){.key = call->key,
                                       .name = name,
                                       .address = &call->reached,
                                       .typed = call->target.typed},
                   on_recorded, call);
        return;
    case PAIRING_RUN_WRONG:
        wrong(call);
        return;
    case PAIRING_RUN_CLOSED:
        fail(call, CALL_UNREACHABLE, "%s shows no code: run `fxnode pair` there first",
             call->shown);
        return;
    case PAIRING_RUN_REFUSED:
        fail(call, CALL_FAILED, "what answered for %s does not pair as this node does",
             call->shown);
        return;
    default:
        fail(call, CALL_FAILED, "the connection to %s was lost while pairing: try again",
             call->shown);
        return;
    }
}

static void connected(struct pairing_call *call, struct link *link) {
    struct node *node = call->node;
    struct pairing_run_setup setup = {
        .loop = node->loop,
        .initiator = true,
        .own_key = node->identity.public_key,
        .code = call->code,
        .name = node->config.name,
        .events = {.over = on_run_over, .context = call},
    };
    memcpy(call->key, link->result.peer, LIMIT_KEY);
    call->reached = link->address;
    /* Who is asked for a second code is the one who was told that the first was wrong. */
    memcpy(call->target.key, call->key, LIMIT_KEY);
    call->target.has_key = true;
    int error = pairing_run_start(&call->run, &setup, link);
    sodium_memzero(call->code, PAIRING_CODE);
    if (error != 0)
        fail(call, CALL_FAILED, "cannot pair with %s: out of memory or descriptors", call->shown);
}

/* Calling. */

static void wrong_key(struct pairing_call *call, const struct dialer_result *result) {
    char text[TRUST_TEXT];
    const struct resolve_target *target = &call->target;
    const struct trust_change change = {
        .name = target->typed[0] != '\0' ? target->typed : target->name,
        .level = trust_of(call->node->peers, target->key),
        .where = &result->address,
        .before = target->key,
        .now = result->met,
    };
    end(call, CALL_TRUST, trust_changed(text, &change));
}

static void on_dialed(void *context, struct dialer_result *result) {
    struct pairing_call *call = context;
    call->dialer = NULL;
    switch (result->outcome) {
    case DIALER_CONNECTED:
        connected(call, &result->link);
        return;
    case DIALER_WRONG_KEY:
        wrong_key(call, result);
        return;
    case DIALER_VERSION:
        end(call, CALL_FAILED, result->text);
        return;
    default:
        end(call, CALL_UNREACHABLE, result->text);
        return;
    }
}

bool pairing_call_code(struct pairing_call *call, const char *code) {
    struct node *node = call->node;
    const struct resolve_target *target = &call->target;
    struct dialer_call dial = {
        .loop = node->loop,
        .identity = &node->identity,
        .name = node->config.name,
        .features = config_features(&node->config),
        .purpose = HANDSHAKE_PAIR,
        .expected = target->has_key ? target->key : NULL,
        .candidates = target->candidates,
        .count = target->count,
        .done = on_dialed,
        .context = call,
    };
    if (!call->asking)
        return false;
    call->asking = false;
    memcpy(call->code, code, PAIRING_CODE);
    if (dialer_start(&call->dialer, &dial) != 0)
        fail(call, CALL_FAILED, "cannot call %s: out of memory", call->shown);
    return true;
}

/* Beginning. */

/* At an address that was typed, the code says who is who: it counts for more than a key that was
 * only seen there before. One that is paired has to be there. */
static bool is_key_expected(const struct pairing_call *call) {
    const struct resolve_target *target = &call->target;
    return target->has_key &&
           (target->typed[0] == '\0' || peers_paired(call->node->peers, target->key) != NULL);
}

static void on_resolved(void *context, enum resolve_outcome outcome,
                        const struct resolve_target *target, const char *text) {
    struct pairing_call *call = context;
    call->resolve = NULL;
    if (outcome != RESOLVE_FOUND) {
        end(call, (int)outcome, text);
        return;
    }
    call->target = *target;
    escape_text(call->shown, sizeof call->shown, target->name);
    call->target.has_key = is_key_expected(call);
    if (call->target.count > 0)
        ask(call);
    else
        fail(call, CALL_UNREACHABLE, "%s is nowhere to be seen now: is fxnode running there?",
             call->shown);
}

int pairing_call_start(struct pairing_call **out, struct node *node, const char *peer,
                       const struct pairing_call_events *events) {
    struct pairing_call *call = calloc(1, sizeof *call);
    char *code = sodium_malloc(PAIRING_CODE);
    if (call == NULL || code == NULL ||
        resolve_start(&call->resolve, node, peer, on_resolved, call) != 0) {
        sodium_free(code);
        free(call);
        return -ENOMEM;
    }
    call->node = node;
    call->events = *events;
    call->code = code;
    call->left = PAIRING_CALL_TRIES;
    *out = call;
    return 0;
}
