#include "node/daemon/dialer_failure.h"

#include <stdio.h>
#include <string.h>

void dialer_failure_init(struct dialer_result *failure) {
    *failure = (struct dialer_result){.outcome = DIALER_UNREACHABLE, .link.fd = -1};
}

/* How telling an outcome is, beside "nobody answered". */
static int weight(enum dialer_outcome outcome) {
    switch (outcome) {
    case DIALER_WRONG_KEY:
        return 3;
    case DIALER_VERSION:
        return 2;
    case DIALER_SELF:
        return 1;
    default:
        return 0;
    }
}

/* Whether it says more than what is kept. */
static bool is_news(const struct dialer_result *failure, enum dialer_outcome outcome) {
    return failure->text[0] == '\0' || weight(outcome) > weight(failure->outcome);
}

void dialer_failure_keep(struct dialer_result *failure, enum dialer_outcome outcome,
                         const struct address *address, const char *why) {
    char shown[ADDRESS_ROOM];
    if (!is_news(failure, outcome))
        return;
    failure->outcome = outcome;
    failure->address = *address;
    address_format(shown, address);
    snprintf(failure->text, sizeof failure->text, "%s: %s", shown, why);
}

static void describe_conflict(char *out, size_t room, const struct handshake_conflict *conflict) {
    snprintf(out, room,
             "it speaks version %u to %u of %s, this node %u to %u: update the older one",
             conflict->theirs.lowest, conflict->theirs.highest,
             conflict->opening ? "the handshake" : "the protocol", conflict->ours.lowest,
             conflict->ours.highest);
}

void dialer_failure_shaken(struct dialer_result *failure, const struct address *address,
                           const struct handshake *handshake, int outcome) {
    char text[160];
    switch (outcome) {
    case HANDSHAKE_WRONG_KEY:
        if (is_news(failure, DIALER_WRONG_KEY))
            memcpy(failure->met, handshake_peer(handshake), LIMIT_KEY);
        dialer_failure_keep(failure, DIALER_WRONG_KEY, address, "another node answered there");
        break;
    case HANDSHAKE_SELF:
        dialer_failure_keep(failure, DIALER_SELF, address,
                            "this is the node itself; `fxnode peers` lists the others");
        break;
    case HANDSHAKE_VERSION:
        describe_conflict(text, sizeof text, handshake_conflict(handshake));
        dialer_failure_keep(failure, DIALER_VERSION, address, text);
        break;
    default:
        dialer_failure_keep(failure, DIALER_UNREACHABLE, address,
                            "what answered does not speak fxnode");
        break;
    }
}
