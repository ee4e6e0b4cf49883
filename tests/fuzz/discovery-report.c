/*
 * What the discovery helper tells the node: whatever passes the checks must be within their bounds,
 * and must say the same when it is written and read again.
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
    struct discovery_report report;
    struct discovery_report again;
    uint8_t encoded[DISCOVERY_CHECK_ROOM];
    struct fail why;
    if (!arena)
        require(msg_arena_new(&arena, DISCOVERY_CHECK_ARENA) == 0);
    if (discovery_check_report(&report, arena, data, size, &why) != 0)
        return 0;
    if (report.type == DISCOVERY_FOUND)
        require(report.found.port != 0 && report.found.instance[0] != '\0' &&
                (report.found.address_length == 4 || report.found.address_length == 16));
    int length = discovery_check_write_report(&report, encoded, sizeof encoded);
    require(length > 0);
    require(discovery_check_report(&again, arena, encoded, (size_t)length, &why) == 0);
    require(memcmp(&report, &again, sizeof report) == 0);
    return 0;
}
