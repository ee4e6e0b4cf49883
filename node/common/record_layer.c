#include "node/common/record_layer.h"

#include <stdio.h>

#ifdef FXNODE_LIBCRYPTO
#include "proto/secretstream_check.h"
#include "proto/secretstream_libcrypto.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAMPLE ((size_t)32 * 1024) /* long enough to be at full speed */
#define ROUNDS 5                   /* the quickest counts: others were interrupted */
#define TOO_LONG UINT64_MAX

static uint64_t now_ns(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Seals `sealed`, in place. Under no real key: a state of zeroes will do. */
static uint64_t time_once(const struct secretstream *code, uint8_t *sealed) {
    const struct secretstream_message message = {
        .sealed = sealed, .plain = sealed + 1, .length = SAMPLE};
    secretstream_state state = {0};
    void *context = NULL;
    uint64_t took = TOO_LONG;

    if (code->open(&context) == 0) {
        uint64_t start = now_ns();

        if (code->push(context, &state, &message) == 0)
            took = now_ns() - start;
    }
    code->close(context);
    return took;
}

/* How many times as fast as libsodium it is; 0 where that cannot be told. */
static double compare(const struct secretstream *code) {
    uint8_t *sealed = calloc(1, SAMPLE + crypto_secretstream_xchacha20poly1305_ABYTES);
    uint64_t best[2] = {TOO_LONG, TOO_LONG};

    for (int i = 0; i < ROUNDS && sealed != NULL; i++) {
        uint64_t reference = time_once(secretstream_reference(), sealed);
        uint64_t other = time_once(code, sealed);

        best[0] = reference < best[0] ? reference : best[0];
        best[1] = other < best[1] ? other : best[1];
    }
    free(sealed);
    return best[1] == 0 || best[1] == TOO_LONG ? 0 : (double)best[0] / (double)best[1];
}

/* Takes libcrypto where that is right, and says why it does or not. */
static void consider(struct record_layer *out, bool wanted) {
    const struct secretstream *code = NULL;
    const char *reference = out->code->name;
    struct fail fail;
    double times = 0;

    if (secretstream_libcrypto_load(&code, &fail) < 0) {
        snprintf(out->why, sizeof out->why, "%s", fail.text);
        return;
    }
    if (!secretstream_check(code)) {
        snprintf(out->why, sizeof out->why, "%s does not do the same", code->name);
        return;
    }
    if (!wanted && (times = compare(code)) <= 1) {
        snprintf(out->why, sizeof out->why, "%s is not faster here", code->name);
        return;
    }
    out->code = code;
    if (!wanted)
        snprintf(out->why, sizeof out->why, "%.1f times as fast as %s here", times, reference);
}
#else
static void consider(struct record_layer *out, bool wanted) {
    (void)wanted;
    snprintf(out->why, sizeof out->why, "this fxnode was built without libcrypto");
}
#endif

void record_layer_choose(struct record_layer *out, enum config_record_layer wish) {
    *out = (struct record_layer){.code = secretstream_reference(), .why = "as configured"};
    if (wish != CONFIG_RECORD_LAYER_LIBSODIUM)
        consider(out, wish == CONFIG_RECORD_LAYER_LIBCRYPTO);
}
