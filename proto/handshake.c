#include "proto/handshake.h"

#include "base/bytes.h"
#include "proto/noise.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define MAGIC 7  /* "FXNODE" and its zero byte */
#define PREFIX 2 /* length of a Noise message */
#define ANSWER 9 /* clear bytes that say which versions are known */
#define FIRST 32 /* the Noise messages */
#define SECOND 112
#define THIRD 152
#define ABILITIES 16 /* payload of the second */
#define CHOICE 88    /* payload of the third */
#define OUTPUT (PREFIX + THIRD)

static const uint8_t magic[MAGIC] = "FXNODE";
static const struct handshake_range known = {HANDSHAKE_LOWEST, HANDSHAKE_HIGHEST};
static const char key_label[] = "fxnode stream v1";

_Static_assert(HANDSHAKE_INPUT_MAX == PREFIX + THIRD, "the longest input");
_Static_assert(HANDSHAKE_HASH == NOISE_HASH && LIMIT_KEY == NOISE_KEY, "as Noise has it");

/* What comes next. Each state that reads wants one exact number of bytes. */
enum state {
    READ_CLEAR,  /* responder: the clear part */
    READ_FIRST,  /* responder: message 1 */
    READ_THIRD,  /* responder: message 3 */
    READ_START,  /* initiator: a length, or the start of a clear answer */
    READ_SECOND, /* initiator: the rest of message 2 */
    READ_ANSWER, /* initiator: the rest of the clear answer */
    DECIDE,      /* initiator: the caller looks at the key */
    OVER,        /* `outcome` says how */
    STATES,
};

struct handshake {
    enum state state;
    enum handshake_outcome outcome; /* HANDSHAKE_MORE until it is OVER */
    bool initiator;
    struct handshake_range protocol;
    uint32_t features;
    bool key_expected;
    uint8_t expected[LIMIT_KEY];
    uint8_t self_secret[LIMIT_KEY]; /* until the prologue is known */
    uint8_t ephemeral[LIMIT_KEY];
    struct noise *noise;
    uint8_t output[OUTPUT];
    size_t output_length;
    struct handshake_result result;
    struct handshake_conflict conflict;
};

static bool length_is(const uint8_t prefix[PREFIX], size_t length) {
    return bytes_get(prefix, PREFIX) == length;
}

static bool in_range(struct handshake_range range, uint8_t version) {
    return version >= range.lowest && version <= range.highest;
}

static int end(struct handshake *handshake, enum handshake_outcome outcome) {
    handshake->state = OVER;
    handshake->outcome = outcome;
    return (int)outcome;
}

static int end_conflict(struct handshake *handshake, bool opening, struct handshake_range theirs) {
    handshake->conflict.opening = opening;
    handshake->conflict.ours = opening ? known : handshake->protocol;
    handshake->conflict.theirs = theirs;
    return end(handshake, HANDSHAKE_VERSION);
}

static int start_noise(struct handshake *handshake, const uint8_t clear[HANDSHAKE_CLEAR]) {
    struct noise_setup setup = {
        .role = handshake->initiator ? NOISE_INITIATOR : NOISE_RESPONDER,
        .static_secret = handshake->self_secret,
        .ephemeral_secret = handshake->ephemeral,
        .prologue = clear,
        .prologue_length = HANDSHAKE_CLEAR,
    };
    int result = noise_new(&handshake->noise, &setup);
    if (result == 0) {
        sodium_memzero(handshake->self_secret, LIMIT_KEY);
        sodium_memzero(handshake->ephemeral, LIMIT_KEY);
    }
    return result;
}

/* Appends a Noise message with its length to the output, which has room for each of them. */
static int put_message(struct handshake *handshake, const void *payload, size_t length) {
    uint8_t *at = handshake->output + handshake->output_length;
    size_t total = noise_overhead(handshake->noise) + length;
    bytes_put(at, total, PREFIX);
    int result = noise_write(handshake->noise, payload, length, at + PREFIX);
    if (result == 0) {
        handshake->output_length += PREFIX + total;
    }
    return result;
}

static void derive_key(uint8_t out[LIMIT_KEY], const uint8_t split[LIMIT_KEY], uint8_t direction,
                       const struct handshake_result *result) {
    crypto_generichash_blake2b_state state;
    const uint8_t context[2] = {(uint8_t)result->purpose, direction};
    crypto_generichash_blake2b_init(&state, split, LIMIT_KEY, LIMIT_KEY);
    crypto_generichash_blake2b_update(&state, (const uint8_t *)key_label, sizeof key_label - 1);
    crypto_generichash_blake2b_update(&state, context, sizeof context);
    crypto_generichash_blake2b_update(&state, result->hash, sizeof result->hash);
    crypto_generichash_blake2b_final(&state, out, LIMIT_KEY);
    sodium_memzero(&state, sizeof state);
}

/* All three messages have passed: what follows from the handshake as a whole. */
static int complete(struct handshake *handshake) {
    struct handshake_result *result = &handshake->result;
    bool initiator = handshake->initiator;
    uint8_t forth[LIMIT_KEY];
    uint8_t back[LIMIT_KEY];
    int failed = noise_split(handshake->noise, forth, back);
    if (failed != 0) {
        return failed;
    }
    memcpy(result->hash, noise_hash(handshake->noise), sizeof result->hash);
    memcpy(result->peer, noise_peer(handshake->noise), sizeof result->peer);
    if (result->purpose != HANDSHAKE_LANE) {
        memcpy(result->session, result->hash, sizeof result->session);
    }
    derive_key(initiator ? result->send_key : result->receive_key, forth, 0, result);
    derive_key(initiator ? result->receive_key : result->send_key, back, 1, result);
    sodium_memzero(forth, sizeof forth);
    sodium_memzero(back, sizeof back);
    return end(handshake, HANDSHAKE_DONE);
}

static bool peer_is(const struct handshake *handshake, const uint8_t *key) {
    return sodium_memcmp(noise_peer(handshake->noise), key, LIMIT_KEY) == 0;
}

static int read_clear(struct handshake *handshake, const uint8_t *bytes) {
    uint8_t version = bytes[MAGIC];
    uint8_t purpose = bytes[MAGIC + 1];
    if (memcmp(bytes, magic, MAGIC) != 0) {
        return end(handshake, HANDSHAKE_REFUSED);
    }
    if (!in_range(known, version)) {
        memcpy(handshake->output, magic, MAGIC);
        handshake->output[MAGIC] = HANDSHAKE_LOWEST;
        handshake->output[MAGIC + 1] = HANDSHAKE_HIGHEST;
        handshake->output_length = ANSWER;
        return end_conflict(handshake, true, (struct handshake_range){version, version});
    }
    if (purpose < HANDSHAKE_CONTROL || purpose > HANDSHAKE_PAIR) {
        return end(handshake, HANDSHAKE_REFUSED);
    }
    handshake->result.purpose = (enum handshake_purpose)purpose;
    int result = start_noise(handshake, bytes);
    if (result == 0) {
        handshake->state = READ_FIRST;
    }
    return result;
}

static int read_first(struct handshake *handshake, const uint8_t *bytes) {
    uint8_t none[1];
    uint8_t payload[ABILITIES] = {handshake->protocol.lowest, handshake->protocol.highest};
    bytes_put(payload + 4, handshake->features, 4);
    if (!length_is(bytes, FIRST) ||
        noise_read(handshake->noise, bytes + PREFIX, FIRST, none) != 0 ||
        put_message(handshake, payload, sizeof payload) != 0) {
        return end(handshake, HANDSHAKE_REFUSED);
    }
    handshake->state = READ_THIRD;
    return HANDSHAKE_MORE;
}

static int read_third(struct handshake *handshake, const uint8_t *bytes) {
    struct handshake_result *result = &handshake->result;
    uint8_t payload[CHOICE];
    if (!length_is(bytes, THIRD) ||
        noise_read(handshake->noise, bytes + PREFIX, THIRD, payload) != 0) {
        return end(handshake, HANDSHAKE_REFUSED);
    }
    if (peer_is(handshake, noise_self(handshake->noise))) {
        return end(handshake, HANDSHAKE_SELF);
    }
    if (!in_range(handshake->protocol, payload[0])) {
        return end_conflict(handshake, false, (struct handshake_range){payload[0], payload[0]});
    }
    result->version = payload[0];
    result->features = (uint32_t)bytes_get(payload + 4, 4) & handshake->features;
    memcpy(result->session, payload + 8, LIMIT_SESSION_ID);
    memcpy(result->name, payload + 24, LIMIT_NAME);
    result->name_length = strnlen((const char *)result->name, LIMIT_NAME);
    return complete(handshake);
}

static int read_start(struct handshake *handshake, const uint8_t *bytes) {
    if (memcmp(bytes, magic, PREFIX) == 0) {
        handshake->state = READ_ANSWER;
    } else if (length_is(bytes, SECOND)) {
        handshake->state = READ_SECOND;
    } else {
        return end(handshake, HANDSHAKE_REFUSED);
    }
    return HANDSHAKE_MORE;
}

/* The rest of an answer that names versions; one that names ours contradicts itself. */
static int read_answer(struct handshake *handshake, const uint8_t *bytes) {
    const uint8_t *range = bytes + MAGIC - PREFIX;
    struct handshake_range theirs = {range[0], range[1]};
    if (memcmp(bytes, magic + PREFIX, MAGIC - PREFIX) != 0 || theirs.lowest > theirs.highest ||
        in_range(theirs, HANDSHAKE_HIGHEST)) {
        return end(handshake, HANDSHAKE_REFUSED);
    }
    return end_conflict(handshake, true, theirs);
}

static int read_second(struct handshake *handshake, const uint8_t *bytes) {
    const struct handshake_range ours = handshake->protocol;
    uint8_t payload[ABILITIES];
    if (noise_read(handshake->noise, bytes, SECOND, payload) != 0) {
        return end(handshake, HANDSHAKE_REFUSED);
    }
    if (peer_is(handshake, noise_self(handshake->noise))) {
        return end(handshake, HANDSHAKE_SELF);
    }
    if (handshake->key_expected && !peer_is(handshake, handshake->expected)) {
        return end(handshake, HANDSHAKE_WRONG_KEY);
    }
    struct handshake_range theirs = {payload[0], payload[1]};
    if (theirs.lowest > theirs.highest) {
        return end(handshake, HANDSHAKE_REFUSED);
    }
    if (theirs.lowest > ours.highest || ours.lowest > theirs.highest) {
        return end_conflict(handshake, false, theirs);
    }
    handshake->result.version = theirs.highest < ours.highest ? theirs.highest : ours.highest;
    handshake->result.features = (uint32_t)bytes_get(payload + 4, 4) & handshake->features;
    handshake->state = DECIDE;
    return HANDSHAKE_DECIDE;
}

static const struct step {
    size_t wants;
    int (*read)(struct handshake *handshake, const uint8_t *bytes);
} steps[STATES] = {
    [READ_CLEAR] = {HANDSHAKE_CLEAR, read_clear}, [READ_FIRST] = {PREFIX + FIRST, read_first},
    [READ_THIRD] = {PREFIX + THIRD, read_third},  [READ_START] = {PREFIX, read_start},
    [READ_SECOND] = {SECOND, read_second},        [READ_ANSWER] = {ANSWER - PREFIX, read_answer},
};

size_t handshake_wants(const struct handshake *handshake) {
    return steps[handshake->state].wants;
}

int handshake_feed(struct handshake *handshake, const uint8_t *bytes, size_t length) {
    if (handshake->state == OVER) {
        return (int)handshake->outcome;
    }
    if (length == 0 || length != handshake_wants(handshake)) {
        return -EINVAL;
    }
    handshake->output_length = 0;
    return steps[handshake->state].read(handshake, bytes);
}

int handshake_proceed(struct handshake *handshake) {
    const struct handshake_result *result = &handshake->result;
    uint8_t payload[CHOICE] = {result->version};
    if (handshake->state != DECIDE) {
        return -EINVAL;
    }
    bytes_put(payload + 4, handshake->features, 4);
    memcpy(payload + 8, result->session, LIMIT_SESSION_ID);
    memcpy(payload + 24, result->name, LIMIT_NAME);
    handshake->output_length = 0;
    if (put_message(handshake, payload, sizeof payload) != 0) {
        return end(handshake, HANDSHAKE_REFUSED);
    }
    /* Our own name was kept there; the peer has told none. */
    memset(handshake->result.name, 0, LIMIT_NAME);
    return complete(handshake);
}

size_t handshake_output(struct handshake *handshake, const uint8_t **bytes) {
    size_t length = handshake->output_length;
    *bytes = handshake->output;
    handshake->output_length = 0;
    return length;
}

static int make(struct handshake **out, const struct handshake_self *self, bool initiator) {
    if (self->protocol.lowest > self->protocol.highest) {
        return -EINVAL;
    }
    struct handshake *handshake = sodium_malloc(sizeof *handshake);
    if (handshake == NULL) {
        return -ENOMEM;
    }
    memset(handshake, 0, sizeof *handshake);
    handshake->state = initiator ? READ_START : READ_CLEAR;
    handshake->initiator = initiator;
    handshake->protocol = self->protocol;
    handshake->features = self->features;
    memcpy(handshake->self_secret, self->secret, LIMIT_KEY);
    memcpy(handshake->ephemeral, self->ephemeral, LIMIT_KEY);
    *out = handshake;
    return 0;
}

int handshake_new_responder(struct handshake **out, const struct handshake_self *self) {
    return make(out, self, false);
}

static bool call_makes_sense(const struct handshake_call *call) {
    return call->purpose >= HANDSHAKE_CONTROL && call->purpose <= HANDSHAKE_PAIR &&
           (call->purpose == HANDSHAKE_LANE) == (call->session != NULL) &&
           call->name_length <= LIMIT_NAME;
}

static void keep_call(struct handshake *handshake, const struct handshake_call *call) {
    handshake->result.purpose = call->purpose;
    if (call->expected != NULL) {
        handshake->key_expected = true;
        memcpy(handshake->expected, call->expected, LIMIT_KEY);
    }
    if (call->session != NULL) {
        memcpy(handshake->result.session, call->session, LIMIT_SESSION_ID);
    }
    if (call->name_length > 0) {
        memcpy(handshake->result.name, call->name, call->name_length);
    }
}

int handshake_new_initiator(struct handshake **out, const struct handshake_self *self,
                            const struct handshake_call *call) {
    struct handshake *handshake = NULL;
    if (!call_makes_sense(call)) {
        return -EINVAL;
    }
    int result = make(&handshake, self, true);
    if (result != 0) {
        return result;
    }
    keep_call(handshake, call);
    memcpy(handshake->output, magic, MAGIC);
    handshake->output[MAGIC] = HANDSHAKE_HIGHEST;
    handshake->output[MAGIC + 1] = (uint8_t)call->purpose;
    handshake->output_length = HANDSHAKE_CLEAR;
    result = start_noise(handshake, handshake->output);
    if (result == 0) {
        result = put_message(handshake, NULL, 0);
    }
    if (result != 0) {
        handshake_free(handshake);
        return result;
    }
    *out = handshake;
    return 0;
}

void handshake_free(struct handshake *handshake) {
    if (handshake != NULL) {
        noise_free(handshake->noise);
        sodium_free(handshake);
    }
}

const uint8_t *handshake_peer(const struct handshake *handshake) {
    return handshake->noise == NULL ? NULL : noise_peer(handshake->noise);
}

const struct handshake_result *handshake_result(const struct handshake *handshake) {
    return handshake->outcome == HANDSHAKE_DONE ? &handshake->result : NULL;
}

const struct handshake_conflict *handshake_conflict(const struct handshake *handshake) {
    return handshake->outcome == HANDSHAKE_VERSION ? &handshake->conflict : NULL;
}
