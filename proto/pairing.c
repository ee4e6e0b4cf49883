#include "proto/pairing.h"

#include "proto/cpace.h"
#include "proto/stream.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define ANSWER (CPACE_POINT + LIMIT_NAME) /* body of B's first message */
#define ROOM (STREAM_HEADER + STREAM_RECORD(ANSWER))

_Static_assert(PAIRING_INPUT_MAX == ROOM, "the longest message");
_Static_assert(PAIRING_SEED == crypto_core_ristretto255_NONREDUCEDSCALARBYTES, "libsodium's");

/* What comes next. Each state that reads wants one exact number of bytes. */
enum state {
    READ_SHARE,  /* responder: Ya */
    READ_ANSWER, /* initiator: Yb and a name */
    READ_PROOF,  /* responder: Ta */
    READ_RETURN, /* initiator: Tb */
    TO_CONFIRM,  /* responder: pairing_confirm() is due */
    OVER,        /* `outcome` says how */
    STATES,
};

enum party {
    A, /* the initiator */
    B,
    PARTIES,
};

struct pairing {
    enum state state;
    enum pairing_outcome outcome;
    enum party self;
    struct stream_sealer *sealer; /* from our first message on */
    struct stream_opener *opener; /* from the peer's */
    uint8_t send_key[STREAM_KEY]; /* until there are those two */
    uint8_t receive_key[STREAM_KEY];
    uint8_t sid[HANDSHAKE_HASH];
    uint8_t scalar[CPACE_SCALAR]; /* until there are tags */
    uint8_t share[PARTIES][CPACE_POINT];
    uint8_t tag[PARTIES][CPACE_TAG];
    uint8_t name[LIMIT_NAME]; /* of B */
    size_t name_length;
    bool name_known;
    uint8_t output[ROOM];
    size_t output_length;
};

static int end(struct pairing *pairing, enum pairing_outcome outcome) {
    sodium_memzero(pairing->scalar, sizeof pairing->scalar);
    sodium_memzero(pairing->tag, sizeof pairing->tag);
    pairing->state = OVER;
    pairing->outcome = outcome;
    return (int)outcome;
}

/* Appends a record to the output, which has room for the longest with the header before it. */
static int put_record(struct pairing *pairing, const void *body, size_t length) {
    uint8_t *record = pairing->output + pairing->output_length;
    memcpy(record + STREAM_HEADROOM, body, length);
    int result = stream_seal(pairing->sealer, STREAM_CONTROL, record, length);
    if (result == 0) {
        pairing->output_length += STREAM_RECORD(length);
    }
    return result;
}

/* The header of our stream and its first record. */
static int put_first(struct pairing *pairing, const void *body, size_t length) {
    int result = stream_sealer_new(&pairing->sealer, pairing->send_key, pairing->output);
    sodium_memzero(pairing->send_key, sizeof pairing->send_key);
    pairing->output_length = STREAM_HEADER;
    return result != 0 ? result : put_record(pairing, body, length);
}

static struct cpace_string session_id(const struct pairing *pairing) {
    return (struct cpace_string){pairing->sid, sizeof pairing->sid};
}

/* The peer's share is known: both tags, after which the scalar is of no use any more. */
static int make_tags(struct pairing *pairing) {
    const struct cpace_transcript transcript = {.ya = pairing->share[A], .yb = pairing->share[B]};
    const uint8_t *peer = pairing->share[pairing->self == A ? B : A];
    struct cpace_string sid = session_id(pairing);
    uint8_t isk[CPACE_ISK];
    int result = cpace_isk(isk, pairing->scalar, peer, sid, &transcript);
    sodium_memzero(pairing->scalar, sizeof pairing->scalar);
    if (result == 0) {
        result = cpace_tags(pairing->tag[A], pairing->tag[B], isk, sid, &transcript);
    }
    sodium_memzero(isk, sizeof isk);
    return result == CPACE_REFUSED ? end(pairing, PAIRING_REFUSED) : result;
}

static bool tag_is(const struct pairing *pairing, enum party party, const uint8_t *tag) {
    return sodium_memcmp(pairing->tag[party], tag, CPACE_TAG) == 0;
}

static int read_share(struct pairing *pairing, const uint8_t *body) {
    uint8_t answer[ANSWER];
    memcpy(pairing->share[A], body, CPACE_POINT);
    int result = make_tags(pairing);
    if (result != 0) {
        return result;
    }
    memcpy(answer, pairing->share[B], CPACE_POINT);
    memcpy(answer + CPACE_POINT, pairing->name, LIMIT_NAME);
    pairing->state = READ_PROOF;
    return put_first(pairing, answer, sizeof answer);
}

static int read_answer(struct pairing *pairing, const uint8_t *body) {
    /* Our own share back: our own Ta would be the right Tb. */
    if (sodium_memcmp(body, pairing->share[A], CPACE_POINT) == 0) {
        return end(pairing, PAIRING_REFUSED);
    }
    memcpy(pairing->share[B], body, CPACE_POINT);
    int result = make_tags(pairing);
    if (result != 0) {
        return result;
    }
    memcpy(pairing->name, body + CPACE_POINT, LIMIT_NAME);
    pairing->name_length = strnlen((const char *)pairing->name, LIMIT_NAME);
    pairing->name_known = true;
    pairing->state = READ_RETURN;
    return put_record(pairing, pairing->tag[A], CPACE_TAG);
}

static int read_proof(struct pairing *pairing, const uint8_t *body) {
    static const uint8_t wrong[CPACE_TAG];
    if (tag_is(pairing, A, body)) {
        pairing->state = TO_CONFIRM;
        return PAIRING_PROVEN;
    }
    int result = put_record(pairing, wrong, sizeof wrong);
    return result != 0 ? result : end(pairing, PAIRING_WRONG);
}

static int read_return(struct pairing *pairing, const uint8_t *body) {
    bool right = tag_is(pairing, B, body);
    return end(pairing, right ? PAIRING_PROVEN : PAIRING_WRONG);
}

static const struct step {
    bool header; /* that of the stream comes first */
    size_t body;
    int (*read)(struct pairing *pairing, const uint8_t *body);
} steps[STATES] = {
    [READ_SHARE] = {true, CPACE_POINT, read_share},
    [READ_ANSWER] = {true, ANSWER, read_answer},
    [READ_PROOF] = {false, CPACE_TAG, read_proof},
    [READ_RETURN] = {false, CPACE_TAG, read_return},
};

size_t pairing_wants(const struct pairing *pairing) {
    const struct step *step = &steps[pairing->state];
    if (step->read == NULL) {
        return 0;
    }
    return (step->header ? STREAM_HEADER : 0) + STREAM_RECORD(step->body);
}

/* Opens a message, which has exactly the size that the state wants, into `record`. */
static bool open_message(struct pairing *pairing, const uint8_t *bytes, uint8_t *record,
                         struct stream_frame *frame) {
    const struct step *step = &steps[pairing->state];
    size_t expected = STREAM_RECORD(step->body) - STREAM_PREFIX;
    size_t length = 0;
    memcpy(record, bytes + (step->header ? STREAM_HEADER : 0), STREAM_RECORD(step->body));
    return stream_open_length(pairing->opener, record, &length) == 0 && length == expected &&
           stream_open(pairing->opener, record + STREAM_PREFIX, length, frame) == 0 &&
           frame->type == STREAM_CONTROL && frame->length == step->body;
}

static int take(struct pairing *pairing, const uint8_t *bytes) {
    const struct step *step = &steps[pairing->state];
    uint8_t record[STREAM_RECORD(ANSWER)];
    struct stream_frame frame;
    int result = 0;
    if (step->header) {
        result = stream_opener_new(&pairing->opener, pairing->receive_key, bytes);
        sodium_memzero(pairing->receive_key, sizeof pairing->receive_key);
    }
    if (result == 0) {
        result = open_message(pairing, bytes, record, &frame) ? step->read(pairing, frame.body)
                                                              : end(pairing, PAIRING_REFUSED);
    }
    sodium_memzero(record, sizeof record);
    return result;
}

int pairing_feed(struct pairing *pairing, const uint8_t *bytes, size_t length) {
    if (pairing->state == OVER && pairing->outcome != PAIRING_PROVEN) {
        return (int)pairing->outcome;
    }
    if (length == 0 || length != pairing_wants(pairing)) {
        return -EINVAL;
    }
    pairing->output_length = 0;
    int result = take(pairing, bytes);
    if (result < 0) {
        end(pairing, PAIRING_REFUSED); /* half done, it cannot go on */
    }
    return result;
}

size_t pairing_output(struct pairing *pairing, const uint8_t **bytes) {
    size_t length = pairing->output_length;
    *bytes = pairing->output;
    pairing->output_length = 0;
    return length;
}

int pairing_confirm(struct pairing *pairing) {
    if (pairing->state != TO_CONFIRM) {
        return -EINVAL;
    }
    pairing->output_length = 0;
    int result = put_record(pairing, pairing->tag[B], CPACE_TAG);
    end(pairing, result == 0 ? PAIRING_PROVEN : PAIRING_REFUSED);
    return result;
}

const uint8_t *pairing_name(const struct pairing *pairing, size_t *length) {
    *length = pairing->name_length;
    return pairing->name_known ? pairing->name : NULL;
}

static bool is_code(const char *code) {
    bool digits = true;
    for (size_t i = 0; i < PAIRING_CODE; i++) {
        digits = digits && code[i] >= '0' && code[i] <= '9';
    }
    return digits;
}

static bool setup_makes_sense(const struct pairing_setup *setup) {
    return setup->opened->purpose == HANDSHAKE_PAIR && is_code(setup->code) &&
           sodium_memcmp(setup->opened->peer, setup->own_key, LIMIT_KEY) != 0 &&
           (setup->initiator || setup->name_length <= LIMIT_NAME);
}

/* Our share, from a generator that is bound to the code, the connection, and who is at its ends. */
static int make_share(struct pairing *pairing, const struct pairing_setup *setup) {
    const uint8_t *peer = setup->opened->peer;
    const struct cpace_string keys[PARTIES] = {
        {setup->initiator ? setup->own_key : peer, LIMIT_KEY},
        {setup->initiator ? peer : setup->own_key, LIMIT_KEY},
    };
    uint8_t ci[PARTIES * (1 + LIMIT_KEY)];
    struct cpace_inputs inputs = {
        .prs = {setup->code, PAIRING_CODE},
        .ci = {ci, cpace_lv_cat(ci, keys, PARTIES)},
        .sid = session_id(pairing),
    };
    uint8_t g[CPACE_POINT];
    int result = cpace_generator(g, &inputs);
    crypto_core_ristretto255_scalar_reduce(pairing->scalar, setup->seed);
    if (result == 0) {
        result = cpace_share(pairing->share[pairing->self], pairing->scalar, g);
    }
    sodium_memzero(g, sizeof g);
    return result;
}

static void keep(struct pairing *pairing, const struct pairing_setup *setup) {
    const struct handshake_result *opened = setup->opened;
    pairing->state = setup->initiator ? READ_ANSWER : READ_SHARE;
    pairing->self = setup->initiator ? A : B;
    memcpy(pairing->receive_key, opened->receive_key, STREAM_KEY);
    memcpy(pairing->send_key, opened->send_key, STREAM_KEY);
    memcpy(pairing->sid, opened->hash, HANDSHAKE_HASH);
    if (!setup->initiator && setup->name_length > 0) {
        memcpy(pairing->name, setup->name, setup->name_length);
    }
}

int pairing_new(struct pairing **out, const struct pairing_setup *setup) {
    if (!setup_makes_sense(setup)) {
        return -EINVAL;
    }
    struct pairing *pairing = sodium_malloc(sizeof *pairing);
    if (pairing == NULL) {
        return -ENOMEM;
    }
    memset(pairing, 0, sizeof *pairing);
    keep(pairing, setup);
    int result = make_share(pairing, setup);
    if (result == 0 && setup->initiator) {
        result = put_first(pairing, pairing->share[A], CPACE_POINT);
    }
    if (result != 0) {
        pairing_free(pairing);
        return result;
    }
    *out = pairing;
    return 0;
}

void pairing_free(struct pairing *pairing) {
    if (pairing != NULL) {
        stream_sealer_free(pairing->sealer);
        stream_opener_free(pairing->opener);
        sodium_free(pairing);
    }
}
