#include "proto/secretstream_check.h"

#include <stdlib.h>
#include <string.h>

#define TAG(name) crypto_secretstream_xchacha20poly1305_TAG_##name
#define OVERHEAD crypto_secretstream_xchacha20poly1305_ABYTES
#define KEY crypto_secretstream_xchacha20poly1305_KEYBYTES
#define HEADER crypto_secretstream_xchacha20poly1305_HEADERBYTES
#define COUNTER 4u /* bytes of the nonce */
#define LONGEST (20u * 1024 + 7)

/* What is sealed one after the other. Vectors begin to be used at lengths that are the library's
 * affair, so there is something on both sides of each power of two, and of all ends of a block. */
static const struct step {
    size_t length;
    uint8_t tag;
    bool wraps; /* the counter is at its last value before it */
} steps[] = {
    {0, TAG(MESSAGE), false},    {1, TAG(MESSAGE), false},   {15, TAG(MESSAGE), false},
    {16, TAG(PUSH), false},      {17, TAG(REKEY), false},    {31, TAG(MESSAGE), false},
    {63, TAG(MESSAGE), true},    {64, TAG(MESSAGE), false},  {65, TAG(REKEY), true},
    {127, TAG(MESSAGE), false},  {129, TAG(MESSAGE), false}, {250, TAG(MESSAGE), false},
    {263, TAG(MESSAGE), false},  {511, TAG(MESSAGE), false}, {520, TAG(MESSAGE), false},
    {1020, TAG(MESSAGE), false}, {1033, 0x80, false},        {2045, TAG(MESSAGE), false},
    {2060, TAG(MESSAGE), false}, {4090, TAG(MESSAGE), true}, {LONGEST, TAG(MESSAGE), false},
    {0, TAG(FINAL), false},
};

/* The buffers have room for the longest message, sealed. */
struct check {
    const struct secretstream *suspect;
    void *context;
    secretstream_state state; /* before the message */
    secretstream_state after; /* as libsodium leaves it */
    uint8_t plain[LONGEST];
    uint8_t sealed[LONGEST + OVERHEAD]; /* by libsodium */
    uint8_t tried[LONGEST + OVERHEAD];  /* by the suspect */
};

static bool is_after(const struct check *check, const secretstream_state *state) {
    return memcmp(state, &check->after, sizeof *state) == 0;
}

static bool seals_alike(struct check *check, const struct step *step, bool in_place) {
    secretstream_state state = check->state;
    struct secretstream_message message = {.sealed = check->tried,
                                           .plain = in_place ? check->tried + 1 : check->plain,
                                           .length = step->length,
                                           .tag = step->tag};

    if (in_place)
        memcpy(check->tried + 1, check->plain, step->length);
    return check->suspect->push(check->context, &state, &message) == 0 && is_after(check, &state) &&
           memcmp(check->tried, check->sealed, step->length + OVERHEAD) == 0;
}

static int open_tried(struct check *check, secretstream_state *state,
                      struct secretstream_message *message) {
    *state = check->state;
    message->sealed = check->tried;
    message->plain = check->tried + 1;
    return check->suspect->pull(check->context, state, message);
}

static bool opens_alike(struct check *check, const struct step *step) {
    secretstream_state state;
    struct secretstream_message message = {.length = step->length};

    return open_tried(check, &state, &message) == 0 && is_after(check, &state) &&
           message.tag == step->tag && memcmp(check->tried + 1, check->plain, step->length) == 0;
}

/* One bit of the byte at `at` is wrong. */
static bool refuses(struct check *check, const struct step *step, size_t at) {
    secretstream_state state;
    struct secretstream_message message = {.length = step->length};
    size_t whole = step->length + OVERHEAD;

    memcpy(check->tried, check->sealed, whole);
    check->tried[at] ^= 0x80;
    if (open_tried(check, &state, &message) != SECRETSTREAM_REFUSED ||
        memcmp(&state, &check->state, sizeof state) != 0)
        return false;
    check->tried[at] ^= 0x80;
    return memcmp(check->tried, check->sealed, whole) == 0;
}

static bool step_is_alike(struct check *check, const struct step *step) {
    const struct secretstream_message message = {
        .sealed = check->sealed, .plain = check->plain, .length = step->length, .tag = step->tag};
    size_t last = step->length + OVERHEAD - 1;

    if (step->wraps)
        memset(check->state.nonce, 0xff, COUNTER);
    check->after = check->state;
    if (secretstream_reference()->push(NULL, &check->after, &message) != 0 ||
        !seals_alike(check, step, false) || !seals_alike(check, step, true) ||
        !opens_alike(check, step) || !refuses(check, step, 0) || !refuses(check, step, last / 2) ||
        !refuses(check, step, last))
        return false;
    check->state = check->after;
    return true;
}

bool secretstream_check(const struct secretstream *suspect) {
    static const uint8_t key[KEY] = "not a secret: it checks the code";
    static const uint8_t header[HEADER] = "and so does this header.";
    struct check *check = calloc(1, sizeof *check);
    bool good = false;

    if (check == NULL)
        return false;
    check->suspect = suspect;
    for (size_t i = 0; i < sizeof check->plain; i++)
        check->plain[i] = (uint8_t)(i * i >> 7 ^ i);
    crypto_secretstream_xchacha20poly1305_init_pull(&check->state, header, key);
    good = suspect->open(&check->context) == 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && good; i++)
        good = step_is_alike(check, &steps[i]);
    suspect->close(check->context);
    free(check);
    return good;
}
