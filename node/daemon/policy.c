#include "node/daemon/policy.h"

bool policy_admits_session(const struct policy_sessions *sessions, bool known) {
    if (sessions->all >= POLICY_SESSIONS || sessions->of_key >= POLICY_SESSIONS_PER_KEY)
        return false;
    return known || (sessions->unknown < POLICY_UNKNOWN_SESSIONS &&
                     sessions->unknown_from_address < POLICY_UNKNOWN_PER_ADDRESS);
}

enum policy_answer policy_judge(enum policy_accept accept, const struct policy_offer *offer) {
    if (offer->unfinished >= POLICY_UNFINISHED)
        return POLICY_BUSY;
    if (accept == POLICY_ACCEPT_ALL)
        return POLICY_YES;
    if (!offer->known && (offer->entries > POLICY_UNKNOWN_ENTRIES ||
                          offer->manifest_length > POLICY_UNKNOWN_MANIFEST))
        return POLICY_NO;
    if (offer->waiting_of_peer >= POLICY_OFFERS_PER_PEER ||
        offer->waiting_from_address >= POLICY_OFFERS_PER_ADDRESS || offer->waiting >= POLICY_OFFERS)
        return POLICY_BUSY;
    return POLICY_ASK;
}
