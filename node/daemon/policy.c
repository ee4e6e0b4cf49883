#include "node/daemon/policy.h"

bool policy_admits_session(const struct policy_sessions *sessions, bool known) {
    if (sessions->all >= POLICY_SESSIONS || sessions->of_key >= POLICY_SESSIONS_PER_KEY)
        return false;
    return known || (sessions->unknown < POLICY_UNKNOWN_SESSIONS &&
                     sessions->unknown_from_address < POLICY_UNKNOWN_PER_ADDRESS);
}

/* One person of one machine is waited for by all of them: no crowd may keep the others out. */
static enum policy_answer ask(const struct policy_offer *offer) {
    bool full = offer->paired != NULL
                    ? offer->waiting_of_peer >= POLICY_OFFERS_PER_PAIRED
                    : offer->waiting_of_peer >= POLICY_OFFERS_PER_PEER ||
                          offer->waiting_from_address >= POLICY_OFFERS_PER_ADDRESS ||
                          offer->waiting >= POLICY_OFFERS;
    return full ? POLICY_BUSY : POLICY_ASK;
}

uint64_t policy_size(uint64_t bytes, uint64_t manifest_length) {
    return bytes > manifest_length ? bytes : manifest_length;
}

static enum policy_answer judge_paired(const struct policy_offer *offer) {
    const struct store_peer_settings *settings = offer->paired;
    if (settings->accept == STORE_PEER_REFUSE)
        return POLICY_UNWELCOME;
    if (settings->accept != STORE_PEER_TAKE ||
        (settings->limit != 0 &&
         policy_size(offer->bytes, offer->manifest_length) > settings->limit))
        return ask(offer);
    return POLICY_YES;
}

static enum policy_answer judge_unpaired(enum policy_accept accept,
                                         const struct policy_offer *offer) {
    if (accept == POLICY_ACCEPT_ALL)
        return POLICY_YES;
    if (accept == POLICY_ACCEPT_PAIRED)
        return POLICY_UNWELCOME;
    if (offer->entries > POLICY_UNPAIRED_ENTRIES ||
        offer->manifest_length > POLICY_UNPAIRED_MANIFEST)
        return POLICY_TOO_LARGE;
    return ask(offer);
}

/* Only where it would have been let in. A stranger that has to wait for a yes anyway does, or it
 * could find out by offers which names there are. */
static enum policy_answer judge_conflict(const struct policy_offer *offer,
                                         enum policy_answer answer) {
    if (!offer->conflicts || (answer != POLICY_YES && answer != POLICY_ASK))
        return answer;
    if (offer->exists == STORE_EXISTS_REFUSE)
        return answer == POLICY_ASK && offer->paired == NULL ? POLICY_ASK : POLICY_EXISTS;
    return answer == POLICY_YES && offer->exists == STORE_EXISTS_ASK ? ask(offer) : answer;
}

enum policy_answer policy_judge(enum policy_accept accept, const struct policy_offer *offer) {
    if (offer->unfinished >= POLICY_UNFINISHED)
        return POLICY_BUSY;
    return judge_conflict(offer, offer->paired != NULL ? judge_paired(offer)
                                                       : judge_unpaired(accept, offer));
}

enum store_exists policy_exists(enum store_exists of_node,
                                const struct store_peer_settings *paired) {
    return paired != NULL && paired->exists != STORE_EXISTS_DEFAULT ? paired->exists : of_node;
}

enum store_exists policy_exists_accepted(enum store_exists exists) {
    return exists == STORE_EXISTS_SKIP || exists == STORE_EXISTS_OVERWRITE ? exists
                                                                           : STORE_EXISTS_RENAME;
}

bool policy_within_day(const struct store_peer_settings *settings, uint64_t taken, uint64_t bytes) {
    return settings->day_limit == 0 ||
           (taken <= settings->day_limit && bytes <= settings->day_limit - taken);
}
