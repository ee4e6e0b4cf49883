#include "node/daemon/held.h"

#include "base/log.h"
#include "node/daemon/database.h"
#include "store/store_extent.h"

#include <errno.h>
#include <stdlib.h>

#define HELD_NAMES 64          /* in one message */
#define HELD_NAMES_BYTES 32768 /* of them, about */

struct load {
    struct held held;
    struct held_of of;
    int result;
    struct fail fail;
    void (*done)(void *context, const struct held *held);
    void *context;
};

/* Files are taken over from one transfer only: of several the newest has what was to be had of the
 * others. */
static int load_replaced(struct store *store, struct load *job) {
    struct held *held = &job->held;
    int result = 0;
    for (size_t i = 0; result == 0 && held->replaced == 0 && i < job->of.replaced_count; i++) {
        result = store_extent_load(store, job->of.replaced[i], &held->replaced_extents, &job->fail);
        if (held->replaced_extents.length > 0)
            held->replaced = job->of.replaced[i];
    }
    return result;
}

static void run_load(struct store *store, void *arg) {
    struct load *job = arg;
    job->result = store_extent_load(store, job->of.number, &job->held.extents, &job->fail);
    if (job->result == 0)
        job->result = store_placing_load(store, job->of.number, &job->held.items, &job->fail);
    if (job->result == 0)
        job->result = load_replaced(store, job);
}

static void loaded(void *arg) {
    struct load *job = arg;
    if (job->result != 0)
        log_error("cannot go on with transfer %llu: %s", (unsigned long long)job->of.number,
                  job->result < 0 ? job->fail.text : "it is not recorded");
    job->done(job->context, job->result == 0 ? &job->held : NULL);
    rangeset_clear(&job->held.extents);
    rangeset_clear(&job->held.replaced_extents);
    store_placing_clear(&job->held.items);
    free(job);
}

int held_load(struct node *node, const struct held_of *of,
              void (*done)(void *context, const struct held *held), void *context) {
    struct load *job = calloc(1, sizeof *job);
    if (job == NULL)
        return -ENOMEM;
    rangeset_init(&job->held.extents);
    rangeset_init(&job->held.replaced_extents);
    job->of = *of;
    job->done = done;
    job->context = context;
    int error = database_submit(node->database, run_load, loaded, job);
    if (error != 0)
        free(job);
    return error;
}

static size_t send_some_names(struct worker *worker, const struct store_placing_list *list,
                              size_t first) {
    Fxnode__Helper__ToSession message = FXNODE__HELPER__TO_SESSION__INIT;
    Fxnode__Helper__Names body = FXNODE__HELPER__NAMES__INIT;
    Fxnode__Helper__PlacedItem items[HELD_NAMES];
    Fxnode__Helper__PlacedItem *pointers[HELD_NAMES];
    size_t count = 0;
    for (size_t bytes = 0;
         count < HELD_NAMES && first + count < list->length && bytes < HELD_NAMES_BYTES; count++) {
        const struct store_placing_item *from = &list->items[first + count];
        fxnode__helper__placed_item__init(&items[count]);
        items[count].item = from->item;
        items[count].name = (ProtobufCBinaryData){from->name.length, (uint8_t *)from->name.bytes};
        items[count].device = from->device;
        items[count].inode = from->inode;
        pointers[count] = &items[count];
        bytes += from->name.length + 40;
    }
    body.n_items = count;
    body.items = pointers;
    message.body_case = FXNODE__HELPER__TO_SESSION__BODY_NAMES;
    message.names = &body;
    worker_send(worker, &message);
    return count;
}

static void send_names(struct worker *worker, const struct store_placing_list *list) {
    for (size_t first = 0; first < list->length;)
        first += send_some_names(worker, list, first);
}

void held_send(struct worker *worker, const struct held *held) {
    worker_send_extents(worker, &held->extents, false);
    send_names(worker, &held->items);
}
