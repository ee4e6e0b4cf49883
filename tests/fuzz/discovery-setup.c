/*
 * What the node tells its discovery helper: whatever passes the checks must say the same when it is
 * written and read again.
 */
#include "node/common/discovery_check.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct msg_arena *arena;
    struct discovery_setup setup;
    struct discovery_setup again;
    uint8_t encoded[DISCOVERY_CHECK_ROOM];
    struct fail why;
    if (!arena)
        require(msg_arena_new(&arena, DISCOVERY_CHECK_ARENA) == 0);
    if (discovery_check_setup(&setup, arena, data, size, &why) != 0)
        return 0;
    int length = discovery_check_write_setup(&setup, encoded, sizeof encoded);
    require(length > 0);
    require(discovery_check_setup(&again, arena, encoded, (size_t)length, &why) == 0);
    require(memcmp(&setup, &again, sizeof setup) == 0);
    return 0;
}
