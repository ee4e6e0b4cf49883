/*
 * noise-vectors FILE...: runs vectors in the JSON form of cacophony, snow and noise-c against
 * proto/noise.h. Every message is written by one side, compared, and read by the other; then both
 * sides' handshake hash and the keys of Split(), by the transport messages they encrypt, are
 * checked. What the code does not implement is skipped. Ends with "N passed, N failed, N skipped";
 * status 1 where one failed or none passed.
 */
#include "proto/noise.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMPLEMENTED "Noise_XX_25519_ChaChaPoly_BLAKE2b"
#define TAG crypto_aead_chacha20poly1305_ietf_ABYTES

struct span {
    uint8_t *data;
    size_t length;
};

/* One end of a handshake, and its transport keys once it is over. */
struct side {
    struct noise *noise;
    uint8_t forth[NOISE_KEY];
    uint8_t back[NOISE_KEY];
};

struct tally {
    unsigned passed;
    unsigned failed;
    unsigned skipped;
};

/* The hexadecimal text of `value`; false where it is none. For span_free(). */
static bool span_read(struct span *span, const json_t *value) {
    const char *text = json_string_value(value);
    size_t digits = json_string_length(value);
    const char *end = NULL;
    if (text == NULL) {
        return false;
    }
    span->data = malloc(digits / 2 + 1);
    return span->data != NULL &&
           sodium_hex2bin(span->data, digits / 2 + 1, text, digits, NULL, &span->length, &end) ==
               0 &&
           end == text + digits;
}

static void span_free(struct span *span) {
    free(span->data);
    *span = (struct span){0};
}

static bool span_is(const struct span *span, const void *data, size_t length) {
    return span->length == length && (length == 0 || memcmp(span->data, data, length) == 0);
}

static const char *side_new(struct side *side, enum noise_role role, const json_t *vector) {
    bool initiator = role == NOISE_INITIATOR;
    struct span s = {0};
    struct span e = {0};
    struct span prologue = {0};
    const json_t *said = json_object_get(vector, initiator ? "init_prologue" : "resp_prologue");
    const char *problem = NULL;
    if (!span_read(&s, json_object_get(vector, initiator ? "init_static" : "resp_static")) ||
        !span_read(&e, json_object_get(vector, initiator ? "init_ephemeral" : "resp_ephemeral")) ||
        s.length != NOISE_KEY || e.length != NOISE_KEY) {
        problem = "keys are missing or no keys";
    } else if (said != NULL && !span_read(&prologue, said)) {
        problem = "the prologue is not hexadecimal";
    } else {
        struct noise_setup setup = {role, s.data, e.data, prologue.data, prologue.length};
        problem = noise_new(&side->noise, &setup) != 0 ? "out of memory" : NULL;
    }
    span_free(&s);
    span_free(&e);
    span_free(&prologue);
    return problem;
}

static const char *run_handshake(struct noise *writer, struct noise *reader,
                                 const struct span *payload, const struct span *ciphertext) {
    size_t length = noise_overhead(writer) + payload->length;
    uint8_t *message = malloc(length);
    uint8_t *plain = malloc(payload->length + 1);
    const char *problem = NULL;
    if (message == NULL || plain == NULL) {
        problem = "out of memory";
    } else if (noise_write(writer, payload->data, payload->length, message) != 0) {
        problem = "a handshake message cannot be written";
    } else if (!span_is(ciphertext, message, length)) {
        problem = "a handshake message differs";
    } else if (noise_read(reader, ciphertext->data, ciphertext->length, plain) != 0) {
        problem = "a handshake message cannot be read";
    } else if (!span_is(payload, plain, payload->length)) {
        problem = "a handshake payload differs";
    }
    free(message);
    free(plain);
    return problem;
}

static const char *run_transport(const uint8_t *write_key, const uint8_t *read_key, size_t count,
                                 const struct span *payload, const struct span *ciphertext) {
    uint8_t nonce[12] = {0};
    uint8_t *message = malloc(payload->length + TAG);
    uint8_t *plain = malloc(payload->length + 1);
    const char *problem = NULL;
    for (unsigned i = 0; i < 8; i++) {
        nonce[4 + i] = (uint8_t)((uint64_t)count >> (8 * i));
    }
    if (message == NULL || plain == NULL) {
        problem = "out of memory";
    } else {
        crypto_aead_chacha20poly1305_ietf_encrypt(message, NULL, payload->data, payload->length,
                                                  NULL, 0, NULL, nonce, write_key);
        if (!span_is(ciphertext, message, payload->length + TAG)) {
            problem = "a transport message differs";
        } else if (crypto_aead_chacha20poly1305_ietf_decrypt(plain, NULL, NULL, ciphertext->data,
                                                             ciphertext->length, NULL, 0, nonce,
                                                             read_key) != 0 ||
                   !span_is(payload, plain, payload->length)) {
            problem = "a transport message cannot be read";
        }
    }
    free(message);
    free(plain);
    return problem;
}

/* Message `index` of the vector: the initiator writes the even ones. */
static const char *run_message(struct side sides[2], size_t index, const json_t *message) {
    struct side *writer = &sides[index % 2];
    struct side *reader = &sides[1 - index % 2];
    struct span payload = {0};
    struct span ciphertext = {0};
    const char *problem = NULL;
    if (!span_read(&payload, json_object_get(message, "payload")) ||
        !span_read(&ciphertext, json_object_get(message, "ciphertext"))) {
        problem = "a message is not hexadecimal";
    } else if (!noise_finished(writer->noise)) {
        problem = run_handshake(writer->noise, reader->noise, &payload, &ciphertext);
    } else if (noise_split(writer->noise, writer->forth, writer->back) != 0 ||
               noise_split(reader->noise, reader->forth, reader->back) != 0) {
        problem = "no transport keys";
    } else {
        bool forth = index % 2 == 0;
        size_t first = forth ? 4 : 3; /* after the three of the handshake */
        problem = run_transport(forth ? writer->forth : writer->back,
                                forth ? reader->forth : reader->back, (index - first) / 2, &payload,
                                &ciphertext);
    }
    span_free(&payload);
    span_free(&ciphertext);
    return problem;
}

/* What both sides must agree on in the end. */
static const char *check_end(struct side sides[2], const json_t *vector) {
    const json_t *said = json_object_get(vector, "handshake_hash");
    struct span hash = {0};
    const char *problem = NULL;
    if (!noise_finished(sides[0].noise) || !noise_finished(sides[1].noise)) {
        problem = "the handshake does not come to its end";
    } else if (memcmp(noise_hash(sides[0].noise), noise_hash(sides[1].noise), NOISE_HASH) != 0 ||
               memcmp(noise_peer(sides[0].noise), noise_self(sides[1].noise), NOISE_KEY) != 0 ||
               memcmp(noise_peer(sides[1].noise), noise_self(sides[0].noise), NOISE_KEY) != 0) {
        problem = "the two sides differ";
    } else if (said != NULL && (!span_read(&hash, said) ||
                                !span_is(&hash, noise_hash(sides[0].noise), NOISE_HASH))) {
        problem = "the handshake hash differs";
    }
    span_free(&hash);
    return problem;
}

/* NULL, or what is wrong. */
static const char *run_vector(const json_t *vector) {
    const json_t *messages = json_object_get(vector, "messages");
    struct side sides[2] = {0};
    const char *problem = side_new(&sides[0], NOISE_INITIATOR, vector);
    if (problem == NULL) {
        problem = side_new(&sides[1], NOISE_RESPONDER, vector);
    }
    for (size_t i = 0; problem == NULL && i < json_array_size(messages); i++) {
        problem = run_message(sides, i, json_array_get(messages, i));
    }
    if (problem == NULL) {
        problem = check_end(sides, vector);
    }
    noise_free(sides[0].noise);
    noise_free(sides[1].noise);
    return problem;
}

static const char *name_of(const json_t *vector) {
    const char *name = json_string_value(json_object_get(vector, "protocol_name"));
    return name != NULL ? name : json_string_value(json_object_get(vector, "name"));
}

/* Fields that change a handshake even where its name does not say so. */
static bool modified(const json_t *vector) {
    static const char *const fields[] = {"init_psk", "resp_psk", "init_psks", "resp_psks", "psk"};
    bool found = json_is_true(json_object_get(vector, "fallback"));
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const json_t *value = json_object_get(vector, fields[i]);
        found = found || json_array_size(value) > 0 || json_string_length(value) > 0;
    }
    return found;
}

static void run(const json_t *vector, struct tally *tally) {
    const char *name = name_of(vector);
    if (name == NULL) {
        printf("failed   (no name)\n");
        tally->failed++;
    } else if (strcmp(name, IMPLEMENTED) != 0 || modified(vector)) {
        printf("skipped  %s: a pattern or a modifier that is not used here\n", name);
        tally->skipped++;
    } else {
        const char *problem = run_vector(vector);
        if (problem == NULL) {
            printf("passed   %s\n", name);
        } else {
            printf("failed   %s: %s\n", name, problem);
        }
        tally->passed += problem == NULL;
        tally->failed += problem != NULL;
    }
}

static void run_file(const char *path, struct tally *tally) {
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error);
    const json_t *vectors = json_is_array(root) ? root : json_object_get(root, "vectors");
    if (!json_is_array(vectors)) {
        fprintf(stderr, "noise-vectors: %s: %s\n", path, root == NULL ? error.text : "no vectors");
        tally->failed++;
    }
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        run(json_array_get(vectors, i), tally);
    }
    json_decref(root);
}

int main(int argc, char **argv) {
    struct tally tally = {0};
    if (argc < 2) {
        fprintf(stderr, "usage: noise-vectors FILE...\n");
        return 2;
    }
    if (sodium_init() < 0) {
        fprintf(stderr, "noise-vectors: libsodium cannot start\n");
        return 1;
    }
    for (int i = 1; i < argc; i++) {
        run_file(argv[i], &tally);
    }
    printf("%u passed, %u failed, %u skipped\n", tally.passed, tally.failed, tally.skipped);
    return tally.failed > 0 || tally.passed == 0;
}
