#include "node/daemon/neighbours.h"

#include "node/common/landing.h"
#include "node/daemon/peers.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

struct neighbours {
    struct worker *worker;
    const char *base;
    int base_length;
    const char *own; /* directory of the transfer */
};

static void send_one(void *context, const struct peers_line *line) {
    const struct neighbours *neighbours = context;
    char path[PATH_MAX];
    if (line->settings == NULL || line->settings->directory[0] == '\0' ||
        strcmp(line->settings->directory, neighbours->own) == 0)
        return;
    int length = snprintf(path, sizeof path, "%.*s/%s", neighbours->base_length, neighbours->base,
                          line->settings->directory);
    if (length >= PATH_MAX)
        return; /* nothing can be there */
    struct store_name name = {path, (size_t)length};
    worker_send_paths(neighbours->worker, &(struct store_names){&name, 1});
}

void neighbours_send(struct worker *worker, const struct transfer *transfer) {
    const char *destination = transfer->record.destination;
    struct landing landing = landing_split(destination);
    struct neighbours neighbours = {.worker = worker,
                                    .base = destination,
                                    .base_length = (int)landing.base,
                                    .own = landing.directory};
    if (transfer->record.exists != STORE_EXISTS_RENAME)
        peers_each(transfer->node->peers, send_one, &neighbours);
}
