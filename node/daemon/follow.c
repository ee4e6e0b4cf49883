#include "node/daemon/client.h"

#include "base/escape.h"
#include "node/daemon/database.h"
#include "node/daemon/outgoing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STATUS_DONE = 0,
    STATUS_FAILED = 1,
    STATUS_USAGE = 2,
    STATUS_REFUSED = 4,
    STATUS_STOPPED = 5
};

static void on_shown(void *context, transfer_shown shown, const struct resolve_target *target) {
    event_shown(context, shown, target);
}

static void on_noted(void *context, const struct note *note) {
    event_note(context, note);
}

static void on_failed(void *context, int status, const char *text) {
    struct client *client = context;
    client->sending = NULL;
    client_result(client, status, text);
}

/* --wait: the peer has been away for so long, or was there and could not take it. */
static void on_wait_over(uv_timer_t *timer) {
    struct client *client = timer->data;
    const struct transfer *transfer = transfers_find(client->node->transfers, client->follows);
    bool there = transfer != NULL && transfer->shown == TRANSFER_SHOWN(WAITING);
    char text[128];
    snprintf(text, sizeof text, "transfer %llu is queued: %s", (unsigned long long)client->follows,
             there ? "it goes on by itself" : "it starts when the peer is there");
    client->follows = 0;
    client_result(client, STATUS_STOPPED, text);
}

static bool is_waiting(transfer_shown shown) {
    return shown == TRANSFER_SHOWN(QUEUED) || shown == TRANSFER_SHOWN(CONNECTING) ||
           shown == TRANSFER_SHOWN(WAITING);
}

/* The time runs as long as nothing moves. */
static void mind_wait(struct client *client, transfer_shown shown) {
    if (!client->has_wait)
        return;
    if (!is_waiting(shown))
        uv_timer_stop(&client->timer);
    else if (!uv_is_active((uv_handle_t *)&client->timer))
        uv_timer_start(&client->timer, on_wait_over, client->wait_ms, 0);
}

static void end_following(struct client *client, int status, const char *text) {
    uv_timer_stop(&client->timer);
    client->follows = 0;
    client_result(client, status, text);
}

/* What the receiver lacks, by its length. Where all that was offered has arrived nothing is to read
 * as if it had not. */
static int put_lacking(char *text, size_t room, const struct client *client, uint32_t failed) {
    uint64_t missing = (uint64_t)failed + client->skipped;
    int used = 0;
    if (missing > 0)
        used = snprintf(text, room, "%llu %s not %s", (unsigned long long)missing,
                        missing == 1 ? "entry was" : "entries were",
                        failed > 0 ? "delivered" : "sent");
    if (client->partial > 0)
        used += snprintf(text + used, room - (size_t)used, "%s%u %s attributes",
                         used > 0 ? "; " : "", client->partial,
                         client->partial == 1 ? "entry was sent without some of its"
                                              : "entries were sent without some of their");
    return used;
}

static void end_delivered(struct client *client, const struct transfer *transfer) {
    char text[256] = "";
    const struct store_transfer *record = &transfer->record;
    int used = put_lacking(text, sizeof text, client, record->failed);
    bool whole = used == 0;
    if (transfer->put_off)
        used += snprintf(text + used, sizeof text - (size_t)used,
                         "%snot all that is delivered is removed here: it goes on with the next "
                         "start of the daemon",
                         used > 0 ? "; " : "");
    else if (record->moving == STORE_MOVING_OVER)
        used += snprintf(text + used, sizeof text - (size_t)used, "%s%u %s removed here",
                         used > 0 ? "; " : "", record->moved,
                         record->moved == 1 ? "entry is" : "entries are");
    if (record->stayed > 0)
        snprintf(text + used, sizeof text - (size_t)used, ", %u stayed", record->stayed);
    end_following(client,
                  !whole || record->stayed > 0 || transfer->put_off ? STATUS_FAILED : STATUS_DONE,
                  text);
}

static void end_paused(struct client *client, const struct transfer *transfer) {
    char text[160];
    unsigned long long number = transfer->record.number;
    snprintf(text, sizeof text,
             "transfer %llu is paused: `fxnode resume %llu`, or the same command, goes on with it",
             number, number);
    end_following(client, STATUS_STOPPED, text);
}

void follow_changed(struct client *client, const struct transfer *transfer) {
    switch (transfer->shown) {
    case TRANSFER_SHOWN(DELIVERED):
        mind_wait(client, transfer->shown);
        if (transfer->record.moving != STORE_MOVING_WANTED || transfer->put_off)
            end_delivered(client, transfer);
        break;
    case TRANSFER_SHOWN(FAILED):
    case TRANSFER_SHOWN(CANCELLED):
        end_following(client, STATUS_FAILED, transfer->reason);
        break;
    case TRANSFER_SHOWN(REFUSED):
        end_following(client, STATUS_REFUSED, transfer->reason);
        break;
    case TRANSFER_SHOWN(PAUSED):
        end_paused(client, transfer);
        break;
    default:
        mind_wait(client, transfer->shown);
        break;
    }
}

/* It is durably queued; what became of it later is not waited for. */
static void end_detached(struct client *client, const struct transfer *transfer) {
    char text[64];
    snprintf(text, sizeof text, "queued as transfer %llu",
             (unsigned long long)transfer->record.number);
    end_following(client, STATUS_DONE, text);
}

static void on_begun(void *context, struct transfer *transfer, uint32_t skipped, uint32_t partial) {
    struct client *client = context;
    client->sending = NULL;
    client->skipped = skipped;
    client->partial = partial;
    client->follows = transfer->record.number;
    event_live_transfer(client, transfer);
    if (client->detach)
        end_detached(client, transfer);
    else
        mind_wait(client, transfer->shown);
}

static void drop_paths(struct client *client) {
    for (size_t i = 0; i < client->path_count; i++)
        free((char *)client->paths[i].bytes);
    free(client->paths);
    client->paths = NULL;
    client->path_count = 0;
}

static struct store_name base_of(const struct store_name *path) {
    const char *slash = memrchr(path->bytes, '/', path->length);
    const char *base = slash == NULL ? path->bytes : slash + 1;
    return (struct store_name){base, path->length - (size_t)(base - path->bytes)};
}

static int compare_bases(const void *a, const void *b) {
    struct store_name left = base_of(a);
    struct store_name right = base_of(b);
    size_t length = left.length < right.length ? left.length : right.length;
    int order = memcmp(left.bytes, right.bytes, length);
    return order != 0 ? order : (left.length > right.length) - (left.length < right.length);
}

/* Whether two paths would arrive under one name; `text` then says which. Takes a copy of the list:
 * the order of the paths is the user's. */
static bool have_one_name(const struct store_name *paths, size_t count, char *text, size_t room) {
    struct store_name *sorted = calloc(count + 1, sizeof *sorted);
    bool found = false;
    if (sorted == NULL)
        return false; /* the walk finds out too */
    memcpy(sorted, paths, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_bases);
    for (size_t i = 1; i < count && !found; i++) {
        char first[512];
        char second[512];
        found = compare_bases(&sorted[i - 1], &sorted[i]) == 0;
        if (found)
            snprintf(text, room, "%s and %s have the same name: send them one after the other",
                     escape_bytes(first, sizeof first, sorted[i - 1].bytes, sorted[i - 1].length),
                     escape_bytes(second, sizeof second, sorted[i].bytes, sorted[i].length));
    }
    free(sorted);
    return found;
}

static void start_sending(struct client *client, struct sending_request *request) {
    struct sending_events events = {on_shown, on_noted, on_begun, on_failed, client};
    struct fail fail;

    event_shown(client, TRANSFER_SHOWN(SCANNING), NULL);
    if (sending_start(&client->sending, client->node, request, &events, &fail) != 0)
        client_result(client, STATUS_FAILED, fail.text);
}

/* A command whose node went away asks another one what has become of its transfer. Walking again
 * would not do: if that transfer was delivered meanwhile it would arrive a second time. */
struct earlier {
    struct client *client;
    struct sending_request request;
    char *peer; /* owned */
    int result;
    struct store_transfer record;
    struct fail fail;
};

static void run_find_earlier(struct store *store, void *arg) {
    struct earlier *earlier = arg;
    earlier->result =
        store_transfer_find_sent(store, earlier->request.id, &earlier->record, &earlier->fail);
}

static void follow_live(struct client *client, struct transfer *transfer) {
    struct fail fail;
    client->follows = transfer->record.number;
    if (transfer->record.state == STORE_PAUSED && !client->detach)
        outgoing_resume(transfer, &fail);
    event_live_transfer(client, transfer);
    if (client->detach)
        end_detached(client, transfer);
    else
        follow_changed(client, transfer);
}

/* What is still to be removed of one that nobody is at was put off. */
static void follow_ended(struct client *client, const struct store_transfer *record) {
    struct transfer ended = {.record = *record,
                             .shown = transfer_shown_of(record->state),
                             .put_off = record->moving == STORE_MOVING_WANTED};
    client->follows = record->number;
    snprintf(ended.reason, sizeof ended.reason, "%s", record->reason);
    event_transfer(client, record, ended.shown, ended.reason,
                   record->state == STORE_DELIVERED ? record->bytes : TRANSFER_DONE_UNKNOWN);
    if (client->detach)
        end_detached(client, &ended);
    else
        follow_changed(client, &ended);
}

static void earlier_free(struct earlier *earlier) {
    store_transfer_clear(&earlier->record);
    store_names_clear(&earlier->request.paths);
    store_names_clear(&earlier->request.exclude);
    free(earlier->peer);
    free(earlier);
}

static void earlier_found(void *arg) {
    struct earlier *earlier = arg;
    struct client *client = earlier->client;
    struct transfer *live = earlier->result == 0
                                ? transfers_find(client->node->transfers, earlier->record.number)
                                : NULL;
    if (client->fd >= 0 && earlier->result < 0)
        client_result(client, STATUS_FAILED, earlier->fail.text);
    else if (client->fd >= 0 && earlier->result == STORE_NONE)
        start_sending(client, &earlier->request);
    else if (client->fd >= 0 && live != NULL)
        follow_live(client, live);
    else if (client->fd >= 0)
        follow_ended(client, &earlier->record);
    earlier_free(earlier);
    client_release(client);
}

/* Takes over the lists of `request`. */
static void find_earlier(struct client *client, struct sending_request *request) {
    struct earlier *earlier = calloc(1, sizeof *earlier);
    if (earlier != NULL) {
        earlier->client = client;
        earlier->peer = strdup(request->peer);
        earlier->request = *request;
        earlier->request.peer = earlier->peer;
        request->paths = request->exclude = (struct store_names){0};
    }
    if (earlier != NULL && earlier->peer != NULL &&
        database_submit(client->node->database, run_find_earlier, earlier_found, earlier) == 0) {
        client_hold(client);
        return;
    }
    if (earlier != NULL)
        earlier_free(earlier);
    client_result(client, STATUS_FAILED, "out of memory");
}

/* What is to be sent, from the paths that were given before; see sending_request for what becomes
 * of its lists. 0 or -ENOMEM. */
static int make_request(struct sending_request *request, const struct client *client,
                        const Fxnode__Control__Send *send) {
    struct store_name exclude[LIMIT_PATTERNS];
    size_t count = 0;
    for (; count < send->n_exclude && count < LIMIT_PATTERNS; count++)
        exclude[count] =
            (struct store_name){(char *)send->exclude[count].data, send->exclude[count].len};
    *request = (struct sending_request){
        .peer = send->peer,
        .one_file_system = send->one_file_system,
        .rate = send->rate,
        .moves = send->move,
        .has_id = send->id.len == LIMIT_TRANSFER_ID,
    };
    if (request->has_id)
        memcpy(request->id, send->id.data, LIMIT_TRANSFER_ID);
    int error = store_names_copy(&request->paths, client->paths, client->path_count);
    return error == 0 ? store_names_copy(&request->exclude, exclude, count) : error;
}

void follow_send(struct client *client, const Fxnode__Control__Send *send) {
    struct sending_request request;
    char text[1200];

    client->detach = send->detach;
    client->has_wait = send->has_wait;
    client->wait_ms = (uint64_t)send->wait * 1000;
    if (send->detach && client->node->transient) {
        client_result(client, STATUS_USAGE,
                      "--detach needs a running daemon: start one with fxnode daemon");
        return;
    }
    if (have_one_name(client->paths, client->path_count, text, sizeof text)) {
        client_result(client, STATUS_USAGE, text);
        return;
    }
    if (client->path_count == 0) {
        client_result(client, STATUS_USAGE, "nothing to send");
        return;
    }
    int error = make_request(&request, client, send);
    drop_paths(client);
    if (error != 0) {
        client_result(client, STATUS_FAILED, "out of memory");
    } else if (request.has_id && send->again) {
        client->skipped = send->skipped;
        client->partial = send->partial;
        find_earlier(client, &request);
    } else {
        start_sending(client, &request);
    }
    store_names_clear(&request.paths);
    store_names_clear(&request.exclude);
}

bool follow_pause(struct client *client) {
    struct transfer *transfer =
        client->follows == 0 ? NULL : transfers_find(client->node->transfers, client->follows);
    struct fail fail;
    if (client->sending != NULL) {
        sending_cancel(client->sending);
        client->sending = NULL;
        client_result(client, STATUS_STOPPED, "stopped before anything was sent");
        return true;
    }
    if (transfer == NULL)
        return false;
    outgoing_pause(transfer, &fail); /* the result follows once it is paused, or delivered */
    return true;
}

void follow_abandon(struct client *client) {
    uint64_t follows = client->follows;
    struct transfer *transfer = NULL;

    drop_paths(client);
    if (client->sending != NULL && client->node->stopping)
        sending_leave(client->sending);
    else if (client->sending != NULL)
        sending_cancel(client->sending);
    client->sending = NULL;
    client->follows = 0;
    if (client->node->transient && follows != 0 && !control_has_follower(client->control, follows))
        transfer = transfers_find(client->node->transfers, follows);
    if (transfer != NULL)
        outgoing_rest(transfer, "no node is running for it");
}
