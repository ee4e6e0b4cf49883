/*
 * libcrypto beside libsodium: one stream, each message sealed and opened by both, which have to
 * agree on every byte, on the state after it, and on what is refused. The input: key, header, then
 * 6 bytes a message: flags, tag, and what its length and the place of its damage are made of.
 */
#include "base/limits.h"
#include "proto/secretstream_libcrypto.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEY crypto_secretstream_xchacha20poly1305_KEYBYTES
#define HEADER crypto_secretstream_xchacha20poly1305_HEADERBYTES
#define OVERHEAD crypto_secretstream_xchacha20poly1305_ABYTES
#define OP 6
#define OPS_MAX 64

enum flag {
    IN_PLACE = 1,
    WRAPS = 2, /* the counter is at its last value */
    DAMAGED = 4,
    CUT = 8,
    LENGTH = 0xf0, /* none of them: a block at most; some: 8 KiB; all: the longest there is */
};

struct op {
    uint8_t flags;
    uint8_t tag;
    size_t length;
    size_t place; /* of what is damaged, or how much is cut off */
};

struct duel {
    const struct secretstream *other;
    void *sealer;
    void *opener;
    secretstream_state state;
    secretstream_state after;
};

static void must(bool fact) {
    if (!fact) {
        abort();
    }
}

/* Of its exact size, so that the address sanitizer sees a step over its end. */
static uint8_t *bytes_new(size_t length) {
    uint8_t *bytes = malloc(length + (length == 0));
    must(bytes != NULL);
    return bytes;
}

static struct op op_read(const uint8_t data[OP]) {
    struct op op = {.flags = data[0], .tag = data[1]};
    size_t number = (size_t)data[2] << 16 | (size_t)data[3] << 8 | data[4];
    if ((op.flags & LENGTH) == LENGTH && data[5] % 8 == 0) { /* seldom, for they take long */
        op.length = number % (LIMIT_FRAME + 1);
    } else {
        op.length = number % ((op.flags & LENGTH) == 0 ? 65 : 8193);
    }
    op.place = (number * 31 + data[5]) % (op.length + OVERHEAD);
    return op;
}

static void check_sealing(struct duel *duel, const struct op *op, const uint8_t *plain,
                          const uint8_t *sealed) {
    secretstream_state state = duel->state;
    bool in_place = (op->flags & IN_PLACE) != 0;
    uint8_t *made = bytes_new(op->length + OVERHEAD);
    uint8_t *copy = bytes_new(op->length);
    struct secretstream_message message = {made, in_place ? made + 1 : copy, op->length, op->tag};
    memcpy(message.plain, plain, op->length);
    must(duel->other->push(duel->sealer, &state, &message) == 0);
    must(memcmp(made, sealed, op->length + OVERHEAD) == 0);
    must(memcmp(&state, &duel->after, sizeof state) == 0);
    must(in_place || memcmp(copy, plain, op->length) == 0);
    free(copy);
    free(made);
}

/* What was changed, or cut off at its end, is for neither of them. */
static void check_refusing(struct duel *duel, const struct op *op, const uint8_t *sealed) {
    size_t cut = (op->flags & CUT) != 0 ? op->place % (op->length + 1) : 0;
    size_t whole = op->length + OVERHEAD - cut;
    secretstream_state state = duel->state;
    uint8_t *bad = bytes_new(whole);
    uint8_t *kept = bytes_new(whole);
    struct secretstream_message message = {bad, bad + 1, op->length - cut, 0};
    memcpy(bad, sealed, whole);
    if (cut == 0) {
        bad[op->place] ^= (uint8_t)(1 << op->place % 8);
    }
    memcpy(kept, bad, whole);
    must(secretstream_reference()->pull(NULL, &state, &message) == SECRETSTREAM_REFUSED);
    must(duel->other->pull(duel->opener, &state, &message) == SECRETSTREAM_REFUSED);
    must(memcmp(&state, &duel->state, sizeof state) == 0);
    must(memcmp(bad, kept, whole) == 0);
    free(kept);
    free(bad);
}

static void check_opening(struct duel *duel, const struct op *op, const uint8_t *plain,
                          const uint8_t *sealed) {
    secretstream_state state = duel->state;
    bool in_place = (op->flags & IN_PLACE) != 0;
    uint8_t *copy = bytes_new(op->length + OVERHEAD);
    uint8_t *apart = bytes_new(op->length);
    struct secretstream_message message = {copy, in_place ? copy + 1 : apart, op->length, 0};
    memcpy(copy, sealed, op->length + OVERHEAD);
    must(duel->other->pull(duel->opener, &state, &message) == 0);
    must(memcmp(message.plain, plain, op->length) == 0 && message.tag == op->tag);
    must(memcmp(&state, &duel->after, sizeof state) == 0);
    free(apart);
    free(copy);
}

static void fight(struct duel *duel, const struct op *op) {
    uint8_t *plain = bytes_new(op->length);
    uint8_t *sealed = bytes_new(op->length + OVERHEAD);
    struct secretstream_message message = {sealed, plain, op->length, op->tag};
    for (size_t i = 0; i < op->length; i++) {
        plain[i] = (uint8_t)(i * 167 + (i >> 8) + op->place);
    }
    if ((op->flags & WRAPS) != 0) {
        memset(duel->state.nonce, 0xff, 4);
    }
    duel->after = duel->state;
    must(secretstream_reference()->push(NULL, &duel->after, &message) == 0);
    check_sealing(duel, op, plain, sealed);
    if ((op->flags & (DAMAGED | CUT)) != 0) {
        check_refusing(duel, op, sealed);
    }
    check_opening(duel, op, plain, sealed);
    duel->state = duel->after;
    free(sealed);
    free(plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct duel duel = {0};
    struct fail why;
    must(sodium_init() >= 0 && secretstream_libcrypto_load(&duel.other, &why) == 0);
    if (size < KEY + HEADER) {
        return 0;
    }
    crypto_secretstream_xchacha20poly1305_init_pull(&duel.state, data + KEY, data);
    must(duel.other->open(&duel.sealer) == 0 && duel.other->open(&duel.opener) == 0);
    size_t ops = (size - KEY - HEADER) / OP;
    for (size_t i = 0; i < ops && i < OPS_MAX; i++) {
        struct op op = op_read(data + KEY + HEADER + i * OP);
        fight(&duel, &op);
    }
    duel.other->close(duel.sealer);
    duel.other->close(duel.opener);
    return 0;
}
