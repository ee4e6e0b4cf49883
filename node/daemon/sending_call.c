/* Who is meant, whether the files may go there, and who answers. */
#include "node/daemon/sending_run.h"

#include "base/id.h"
#include "node/daemon/peers.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define SENDING_LINK_MS 5000u /* a peer waits no longer for an offer, with some margin */

static void on_link_old(uv_timer_t *timer) {
    struct sending *sending = timer->data;
    link_drop(&sending->link); /* called again when there is something to offer */
}

/* What the person called it, in a form that names it again. */
static const char *name_of(const struct sending *sending) {
    const struct resolve_target *target = &sending->target;
    return target->typed[0] != '\0' ? target->typed : target->name;
}

static bool may_send(const struct sending *sending, const uint8_t *key) {
    const struct node *node = sending->node;
    return trust_may_send(node->config.send_to, trust_of(node->peers, key));
}

static void refuse(struct sending *sending, const uint8_t *key) {
    char text[TRUST_TEXT];
    trust_refusal(text, sending->node->config.send_to, name_of(sending), key);
    sending_fail(sending, SENDING_TRUST, text);
}

/* The key is what it is from now on: one that is trusted less later was revoked. */
static void settle_key(struct sending *sending) {
    const struct resolve_target *target = &sending->target;
    char text[TRUST_TEXT];
    sending->level = trust_of(sending->node->peers, target->key);
    if (sending->level == TRUST_PAIRED || sending->warned)
        return;
    sending->warned = true;
    trust_warning(text, sending->level, target->name, target->key);
    sending->events.noted(sending->events.context, &(struct note){.text = text, .warning = true});
}

bool sending_is_revoked(struct sending *sending) {
    const struct resolve_target *target = &sending->target;
    if (trust_of(sending->node->peers, target->key) >= sending->level)
        return false;
    sending_fail(sending, SENDING_TRUST, "the peer was unpaired meanwhile: nothing is sent");
    return true;
}

static void connected(struct sending *sending, struct link *link) {
    memcpy(sending->target.key, link->result.peer, LIMIT_KEY);
    sending->target.has_key = true;
    sending->reached = link->address;
    sending->answered = true;
    sending->link = *link;
    sodium_memzero(link, sizeof *link);
    link->fd = -1;
    uv_timer_start(&sending->timer, on_link_old, SENDING_LINK_MS, 0);
    settle_key(sending);
}

/* Somebody else answered and nobody with the right key. Where the peer only used to be, another
 * one that is remembered has got its address, and it is just not there; a stranger may be more. */
static void wrong_key(struct sending *sending, const struct dialer_result *result) {
    char text[TRUST_TEXT];
    struct peers_line line;
    const struct peers *peers = sending->node->peers;
    const struct resolve_target *target = &sending->target;
    bool online = peers_line(peers, target->key, "", &line) && line.online;

    if (target->typed[0] == '\0' && !online && peers_is_known(peers, result->met))
        return;
    struct trust_change change = {
        .name = name_of(sending),
        .level = trust_of(peers, target->key),
        .where = &result->address,
        .before = target->key,
        .now = result->met,
    };
    sending_fail(sending, SENDING_TRUST, trust_changed(text, &change));
}

static void not_connected(struct sending *sending, const struct dialer_result *result) {
    const struct resolve_target *target = &sending->target;
    bool known = target->has_key && peers_is_known(sending->node->peers, target->key);
    if (sending->claimed[0] != '\0')
        sending_fail(sending, SENDING_TRUST, sending->claimed);
    else if (result->outcome == DIALER_WRONG_KEY && !target->has_key)
        refuse(sending, result->met);
    else if (result->outcome == DIALER_WRONG_KEY)
        wrong_key(sending, result);
    else if (result->outcome == DIALER_VERSION)
        sending_fail(sending, SENDING_FAILED, result->text);
    else if (!known)
        sending_fail(sending, SENDING_UNREACHABLE, result->text);
}

static void on_dialed(void *context, struct dialer_result *result) {
    struct sending *sending = context;
    sending->dialer = NULL;
    sending->called = true;
    if (result->outcome == DIALER_CONNECTED)
        connected(sending, &result->link);
    else
        not_connected(sending, result);
    sending_advance(sending);
}

/* Whoever answers at an address learns our key only if files may go there. */
static bool on_answer(void *context, const uint8_t *key, const struct address *address) {
    const struct sending *sending = context;
    (void)address;
    return may_send(sending, key);
}

static void call_peer(struct sending *sending) {
    struct resolve_target *target = &sending->target;
    struct dialer_call call = {
        .loop = sending->node->loop,
        .identity = &sending->node->identity,
        .name = sending->node->config.name,
        .features = config_features(&sending->node->config),
        .purpose = HANDSHAKE_CONTROL,
        .expected = target->has_key ? target->key : NULL,
        .candidates = target->candidates,
        .count = target->count,
        .decide = on_answer,
        .done = on_dialed,
        .context = sending,
    };
    if (target->count == 0) { /* known, and nowhere to be seen */
        sending->called = true;
        sending_advance(sending);
    } else if (dialer_start(&sending->dialer, &call) != 0) {
        sending_fail(sending, SENDING_FAILED, "cannot call the peer");
    }
}

void sending_resolved(void *context, enum resolve_outcome outcome,
                      const struct resolve_target *target, const char *text) {
    struct sending *sending = context;
    sending->resolve = NULL;
    bool claimed = outcome == RESOLVE_TRUST && target->count > 0;
    if (outcome != RESOLVE_FOUND && !claimed) {
        sending_fail(sending, (int)outcome, text);
        return;
    }
    if (claimed)
        snprintf(sending->claimed, sizeof sending->claimed, "%s", text);
    sending->target = *target;
    if (target->has_key && !may_send(sending, target->key)) {
        refuse(sending, target->key);
        return;
    }
    sending->events.shown(sending->events.context, TRANSFER_SHOWN(CONNECTING), &sending->target);
    if (target->has_key && peers_is_known(sending->node->peers, target->key))
        settle_key(sending);
    call_peer(sending);
}
