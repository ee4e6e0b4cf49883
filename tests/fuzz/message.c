/* Every kind of message from every direction: the first byte chooses, the rest is the message. */
#include "proto/local.h"
#include "proto/wire.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int decode(struct msg_arena *arena, unsigned kind, const uint8_t *data, size_t size) {
    const Fxnode__Wire__Control *wire = NULL;
    const Fxnode__Helper__ToSession *to_session = NULL;
    const Fxnode__Helper__ToNode *from_session = NULL;
    const Fxnode__Control__Request *request = NULL;
    const Fxnode__Control__Event *event = NULL;
    struct fail why;
    switch (kind) {
    case 'w':
        return wire_decode(arena, data, size, &wire, &why);
    case 's':
        return local_decode_to_session(arena, data, size, &to_session, &why);
    case 'S':
        return local_decode_from_session(arena, data, size, &from_session, &why);
    case 'r':
        return local_decode_request(arena, data, size, &request, &why);
    default:
        return local_decode_event(arena, data, size, &event, &why);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct msg_arena *arena = NULL;
    if (size == 0)
        return 0;
    if (msg_arena_new(&arena, LIMIT_ARENA) < 0)
        abort();
    if (decode(arena, data[0], data + 1, size - 1) < 0)
        abort(); /* only lack of memory may be our own fault */
    msg_arena_free(arena);
    return 0;
}
