#include "node/daemon/client.h"

#include "node/common/ask.h"
#include "node/daemon/database.h"
#include "node/daemon/incoming.h"
#include "node/daemon/outgoing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_FINISHED 1000u /* finished transfers in a list */

/* Hello. */

static bool welcome(struct client *client, const Fxnode__Control__Hello *hello) {
    Fxnode__Control__Event event = FXNODE__CONTROL__EVENT__INIT;
    Fxnode__Control__Welcome body = FXNODE__CONTROL__WELCOME__INIT;
    if (hello->version != ASK_VERSION)
        return false;
    client->greeted = true;
    body.version = ASK_VERSION;
    body.program = (char *)FXNODE_VERSION;
    body.transient = client->node->transient;
    body.key = (ProtobufCBinaryData){LIMIT_KEY, client->node->identity.public_key};
    body.name = client->node->config.name;
    body.port = client->node->port;
    event.body_case = FXNODE__CONTROL__EVENT__BODY_WELCOME;
    event.welcome = &body;
    client_send(client, &event);
    return true;
}

/* Paths. */

static bool add_paths(struct client *client, const Fxnode__Control__Paths *paths) {
    if (client->asked || paths->n_paths > CLIENT_PATHS - client->path_count)
        return false;
    struct store_name *grown =
        reallocarray(client->paths, client->path_count + paths->n_paths + 1, sizeof *grown);
    if (grown == NULL)
        return false;
    client->paths = grown;
    for (size_t i = 0; i < paths->n_paths; i++) {
        const ProtobufCBinaryData *path = &paths->paths[i];
        if (path->len == 0 || path->data[0] != '/' || memchr(path->data, '\0', path->len) != NULL)
            return false;
        char *copy = malloc(path->len);
        if (copy == NULL)
            return false;
        memcpy(copy, path->data, path->len);
        grown[client->path_count++] = (struct store_name){copy, path->len};
    }
    return true;
}

/* Transfers. */

struct listing {
    struct client *client;
    struct store_transfer_list list;
    int result;
    struct fail fail;
};

static void run_list(struct store *store, void *arg) {
    struct listing *job = arg;
    job->result =
        store_transfer_list(store, STORE_TRANSFERS_ALL, REQUEST_FINISHED, &job->list, &job->fail);
}

static void tell_unfinished(struct client *client) {
    const struct transfer *at = transfers_first(client->node->transfers);
    for (; at != NULL; at = at->next)
        if (!transfer_is_finished(at))
            event_live_transfer(client, at);
}

static void tell_finished(struct client *client, const struct store_transfer_list *list) {
    for (size_t i = list->length; i-- > 0;) {
        const struct store_transfer *record = &list->items[i];
        if (store_transfer_is_finished(record->state))
            event_transfer(client, record, transfer_shown_of(record->state), record->reason,
                           record->state == STORE_DELIVERED ? record->bytes
                                                            : TRANSFER_DONE_UNKNOWN);
    }
}

static void listed(void *arg) {
    struct listing *job = arg;
    if (job->result == 0) {
        tell_finished(job->client, &job->list);
        tell_unfinished(job->client);
        client_result(job->client, CLIENT_DONE, "");
    } else {
        client_result(job->client, CLIENT_FAILED, job->fail.text);
    }
    store_transfer_list_clear(&job->list);
    client_release(job->client);
    free(job);
}

static void transfers(struct client *client, bool all) {
    struct listing *job = NULL;
    if (!all) {
        tell_unfinished(client);
        client_result(client, CLIENT_DONE, "");
        return;
    }
    job = calloc(1, sizeof *job);
    if (job != NULL)
        job->client = client;
    if (job == NULL || database_submit(client->node->database, run_list, listed, job) != 0) {
        free(job);
        client_result(client, CLIENT_FAILED, "out of memory");
        return;
    }
    client_hold(client);
}

/* Acts. The result is given when what they changed is durable. */

static void run_nothing(struct store *store, void *arg) {
    (void)store;
    (void)arg;
}

static void acted(void *arg) {
    struct client *client = arg;
    client_result(client, CLIENT_DONE, "");
    client_release(client);
}

static enum store_exists exists_of(Fxnode__Control__Exists exists) {
    switch (exists) {
    case FXNODE__CONTROL__EXISTS__EXISTS_RENAME:
        return STORE_EXISTS_RENAME;
    case FXNODE__CONTROL__EXISTS__EXISTS_SKIP:
        return STORE_EXISTS_SKIP;
    case FXNODE__CONTROL__EXISTS__EXISTS_OVERWRITE:
        return STORE_EXISTS_OVERWRITE;
    default:
        return STORE_EXISTS_DEFAULT;
    }
}

static int act_on_incoming(struct transfer *transfer, const Fxnode__Control__Act *request,
                           struct fail *fail) {
    switch (request->what) {
    case FXNODE__CONTROL__ACT__WHAT__ACCEPT:
        return request->always ? incoming_accept_always(transfer, exists_of(request->exists), fail)
                               : incoming_accept(transfer, exists_of(request->exists), fail);
    case FXNODE__CONTROL__ACT__WHAT__REJECT:
        return incoming_reject(transfer, fail);
    case FXNODE__CONTROL__ACT__WHAT__PAUSE:
        return incoming_pause(transfer, fail);
    case FXNODE__CONTROL__ACT__WHAT__RESUME:
        return incoming_resume(transfer, fail);
    default:
        return incoming_cancel(transfer, fail);
    }
}

static int act_on_outgoing(struct transfer *transfer, Fxnode__Control__Act__What what,
                           struct fail *fail) {
    switch (what) {
    case FXNODE__CONTROL__ACT__WHAT__PAUSE:
        return outgoing_pause(transfer, fail);
    case FXNODE__CONTROL__ACT__WHAT__RESUME:
        return outgoing_resume(transfer, fail);
    case FXNODE__CONTROL__ACT__WHAT__CANCEL:
        outgoing_cancel(transfer, "cancelled here");
        return 0;
    default:
        return fail_set(fail, 0, "transfer %llu is one that goes out: there is nothing to answer",
                        (unsigned long long)transfer->record.number);
    }
}

/* A number that is not that of an unfinished transfer. */
struct stranger {
    struct client *client;
    uint64_t number;
    int result;
    struct fail fail;
};

static void run_look(struct store *store, void *arg) {
    struct stranger *job = arg;
    struct store_transfer record = {0};
    job->result = store_transfer_get(store, job->number, &record, &job->fail);
    if (job->result == 0)
        store_transfer_clear(&record);
}

static void looked(void *arg) {
    struct stranger *job = arg;
    unsigned long long number = job->number;
    if (job->result == STORE_NONE)
        fail_set(&job->fail, 0, "there is no transfer %llu (fxnode transfers)", number);
    else if (job->result == 0)
        fail_set(&job->fail, 0, "transfer %llu is over (fxnode transfers --all)", number);
    client_result(job->client, job->result == STORE_NONE ? CLIENT_USAGE : CLIENT_FAILED,
                  job->fail.text);
    client_release(job->client);
    free(job);
}

static void explain(struct client *client, uint64_t number) {
    struct stranger *job = calloc(1, sizeof *job);
    if (job != NULL)
        *job = (struct stranger){.client = client, .number = number};
    if (job == NULL || database_submit(client->node->database, run_look, looked, job) != 0) {
        free(job);
        client_result(client, CLIENT_FAILED, "out of memory");
        return;
    }
    client_hold(client);
}

static void act(struct client *client, const Fxnode__Control__Act *request) {
    struct transfer *transfer = transfers_find(client->node->transfers, request->number);
    struct fail fail;
    int error = 0;
    if (transfer == NULL || transfer_is_finished(transfer)) {
        explain(client, request->number);
        return;
    }
    if (transfer->record.direction == STORE_INCOMING)
        error = act_on_incoming(transfer, request, &fail);
    else
        error = act_on_outgoing(transfer, request->what, &fail);
    if (error == 0 && database_submit(client->node->database, run_nothing, acted, client) == 0)
        client_hold(client);
    else
        client_result(client, CLIENT_FAILED, error != 0 ? fail.text : "out of memory");
}

/* All. */

static void identify(struct client *client) {
    Fxnode__Control__Event event = FXNODE__CONTROL__EVENT__INIT;
    Fxnode__Control__Identified body = FXNODE__CONTROL__IDENTIFIED__INIT;
    body.key = (ProtobufCBinaryData){LIMIT_KEY, client->node->identity.public_key};
    body.name = client->node->config.name;
    event.body_case = FXNODE__CONTROL__EVENT__BODY_IDENTIFIED;
    event.identified = &body;
    client_send(client, &event);
    client_result(client, CLIENT_DONE, "");
}

static bool ask(struct client *client, const Fxnode__Control__Request *request) {
    client->asked = true;
    switch (request->body_case) {
    case FXNODE__CONTROL__REQUEST__BODY_SEND:
        follow_send(client, request->send);
        return true;
    case FXNODE__CONTROL__REQUEST__BODY_PEERS:
        request_peers_list(client, request->peers);
        return true;
    case FXNODE__CONTROL__REQUEST__BODY_TRANSFERS:
        transfers(client, request->transfers->all);
        return true;
    case FXNODE__CONTROL__REQUEST__BODY_ACT:
        act(client, request->act);
        return true;
    case FXNODE__CONTROL__REQUEST__BODY_UNPAIR:
        request_peers_unpair(client, request->unpair->peer);
        return true;
    case FXNODE__CONTROL__REQUEST__BODY_CONFIGURE:
        request_peers_configure(client, request->configure);
        return true;
    case FXNODE__CONTROL__REQUEST__BODY_IMPORT:
        request_import(client, request->import);
        return true;
    case FXNODE__CONTROL__REQUEST__BODY_PAIR:
        request_pair(client, request->pair->peer);
        return true;
    case FXNODE__CONTROL__REQUEST__BODY_IDENTITY:
        identify(client);
        return true;
    case FXNODE__CONTROL__REQUEST__BODY_VERIFY:
        request_verify(client, request->verify->number);
        return true;
    case FXNODE__CONTROL__REQUEST__BODY_RETIRE:
        if (!client->node->transient)
            return false;
        control_retire(client->control, client);
        return true;
    default:
        return false;
    }
}

bool request_handle(struct client *client, const Fxnode__Control__Request *request) {
    if (request->body_case == FXNODE__CONTROL__REQUEST__BODY_HELLO)
        return !client->greeted && welcome(client, request->hello);
    if (!client->greeted)
        return false;
    if (request->body_case == FXNODE__CONTROL__REQUEST__BODY_PATHS)
        return add_paths(client, request->paths);
    if (request->body_case == FXNODE__CONTROL__REQUEST__BODY_DETACH)
        return follow_pause(client);
    if (request->body_case == FXNODE__CONTROL__REQUEST__BODY_PAIR_CODE)
        return request_pair_code(client, request->pair_code->code);
    return !client->asked && ask(client, request);
}

void request_abandon(struct client *client) {
    client->lists_peers = client->watches_peers = false;
    follow_abandon(client);
    request_pair_abandon(client);
    request_verify_abandon(client);
}
