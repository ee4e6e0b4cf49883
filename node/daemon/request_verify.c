/* One delivered transfer is looked at again, by a session, for one client. */
#include "node/daemon/client.h"

#include "base/log.h"
#include "node/common/human.h"
#include "node/daemon/database.h"
#include "node/daemon/policy.h"
#include "node/daemon/receipt.h"
#include "node/daemon/worker.h"

#include <stdio.h>
#include <stdlib.h>

/* Lives until its session is gone; the client may be gone before. */
struct verifying {
    struct client *client; /* held */
    struct worker *worker;
    uint64_t number;
    struct receipt receipt;
    int result;
    struct fail fail;
    bool checked;
    uint64_t differing;
    char summary[256];
};

static void drop(struct verifying *verifying) {
    struct client *client = verifying->client;
    client->verifying = NULL;
    receipt_clear(&verifying->receipt);
    free(verifying);
    client_release(client);
}

static void end(struct verifying *verifying, int status, const char *text) {
    client_result(verifying->client, status, text);
    drop(verifying);
}

/* What the session says. */

static void on_progress(struct verifying *verifying, const Fxnode__Helper__Progress *progress) {
    Fxnode__Control__Event event = FXNODE__CONTROL__EVENT__INIT;
    Fxnode__Control__Checking body = FXNODE__CONTROL__CHECKING__INIT;
    body.done = progress->done;
    body.total = verifying->receipt.record.bytes;
    event.body_case = FXNODE__CONTROL__EVENT__BODY_CHECKING;
    event.checking = &body;
    client_send(verifying->client, &event);
}

_Static_assert((int)FXNODE__CONTROL__FINDING__WHAT__UNREADABLE ==
                   (int)FXNODE__HELPER__FOUND__WHAT__UNREADABLE,
               "the same numbers in both");

static void on_found(struct verifying *verifying, const Fxnode__Helper__Found *found) {
    Fxnode__Control__Event event = FXNODE__CONTROL__EVENT__INIT;
    Fxnode__Control__Finding body = FXNODE__CONTROL__FINDING__INIT;
    body.what = (Fxnode__Control__Finding__What)found->what;
    body.modified = found->modified;
    body.path = found->path;
    body.offset = found->offset;
    body.size = found->size;
    body.now = found->now;
    body.text = found->text;
    event.body_case = FXNODE__CONTROL__EVENT__BODY_FINDING;
    event.finding = &body;
    client_send(verifying->client, &event);
}

/* "3 of 20 entries are not what was sent: 1 damaged, 1 modified since, 1 missing" */
static void sum_up(struct verifying *verifying, const Fxnode__Helper__Checked *checked) {
    const struct {
        uint64_t count;
        const char *what;
    } kinds[] = {{checked->damaged, "damaged"},
                 {checked->modified, "modified since"},
                 {checked->missing, "missing"},
                 {checked->other, "replaced or not to be read"}};
    bool sent = verifying->receipt.record.direction == STORE_OUTGOING;
    char bytes[HUMAN_ROOM];
    char *text = verifying->summary;
    size_t room = sizeof verifying->summary;
    size_t used = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        verifying->differing += kinds[i].count;
    if (verifying->differing == 0) {
        used = (size_t)snprintf(
            text, room, "%s%s is as it was: %llu %s, %s read",
            checked->removed > 0 ? "what is left of what was " : "all that was ",
            sent ? "sent" : "delivered", (unsigned long long)checked->entries,
            checked->entries == 1 ? "entry" : "entries", human_bytes(bytes, checked->bytes));
    } else {
        used = (size_t)snprintf(
            text, room, "%llu of %llu %s %s not what was %s",
            (unsigned long long)verifying->differing, (unsigned long long)checked->entries,
            checked->entries == 1 ? "entry" : "entries", verifying->differing == 1 ? "is" : "are",
            sent ? "sent" : "delivered");
        const char *before = ": ";
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
            if (kinds[i].count == 0)
                continue;
            used += (size_t)snprintf(text + used, room - used, "%s%llu %s", before,
                                     (unsigned long long)kinds[i].count, kinds[i].what);
            before = ", ";
        }
    }
    if (checked->removed > 0)
        used += (size_t)snprintf(text + used, room - used, "; %llu %s removed here (--move)",
                                 (unsigned long long)checked->removed,
                                 checked->removed == 1 ? "is" : "are");
    if (checked->unknown > 0)
        snprintf(text + used, room - used, "; of %llu only the size is known",
                 (unsigned long long)checked->unknown);
}

static void on_checked(struct verifying *verifying, const Fxnode__Helper__Checked *checked) {
    Fxnode__Control__Event event = FXNODE__CONTROL__EVENT__INIT;
    Fxnode__Control__Checked body = FXNODE__CONTROL__CHECKED__INIT;
    if (verifying->checked)
        return;
    body.entries = checked->entries;
    body.bytes = checked->bytes;
    body.damaged = checked->damaged;
    body.modified = checked->modified;
    body.missing = checked->missing;
    body.other = checked->other;
    body.unknown = checked->unknown;
    body.removed = checked->removed;
    event.body_case = FXNODE__CONTROL__EVENT__BODY_CHECKED;
    event.checked = &body;
    client_send(verifying->client, &event);
    verifying->checked = true;
    sum_up(verifying, checked);
}

static void on_message(void *arg, const Fxnode__Helper__ToNode *message) {
    struct verifying *verifying = arg;
    if (message->body_case == FXNODE__HELPER__TO_NODE__BODY_PROGRESS)
        on_progress(verifying, message->progress);
    else if (message->body_case == FXNODE__HELPER__TO_NODE__BODY_FOUND)
        on_found(verifying, message->found);
    else if (message->body_case == FXNODE__HELPER__TO_NODE__BODY_CHECKED)
        on_checked(verifying, message->checked);
}

static void on_gone(void *arg, worker_outcome outcome, const char *text) {
    struct verifying *verifying = arg;
    verifying->worker = NULL;
    if (outcome == WORKER_ENDED(COMPLETE) && verifying->checked)
        end(verifying, verifying->differing > 0 ? CLIENT_FAILED : CLIENT_DONE, verifying->summary);
    else
        end(verifying, CLIENT_FAILED, text[0] != '\0' ? text : "it was not looked at to the end");
}

/* Its beginning. */

static void run_load(struct store *store, void *arg) {
    struct verifying *verifying = arg;
    verifying->result =
        receipt_load(&verifying->receipt, store, verifying->number, &verifying->fail);
}

static void start(struct verifying *verifying) {
    struct node *node = verifying->client->node;
    struct worker_events events = {.message = on_message, .gone = on_gone, .arg = verifying};
    Fxnode__Helper__Job job = FXNODE__HELPER__JOB__INIT;
    const struct store_transfer *record = &verifying->receipt.record;
    if (workers_count(node->workers) >= POLICY_SESSIONS) {
        end(verifying, CLIENT_FAILED, "too much is under way: try again later");
        return;
    }
    if (worker_start(&verifying->worker, node, &events, &verifying->fail) != 0) {
        end(verifying, CLIENT_FAILED, verifying->fail.text);
        return;
    }
    job.kind = FXNODE__HELPER__JOB__KIND__VERIFY;
    transfer_describe_record(record, &job);
    job.moves = record->moving != STORE_MOVING_NO;
    if (record->direction == STORE_INCOMING)
        transfer_describe_landing(record->destination, &job);
    worker_send_paths(verifying->worker, &verifying->receipt.paths);
    worker_send_job_with(verifying->worker, &job, verifying->receipt.fd);
    verifying->receipt.fd = -1;
}

/* Nothing can be verified. */
static void explain(struct verifying *verifying) {
    unsigned long long number = verifying->number;
    enum store_state state = verifying->receipt.record.state;
    struct fail text;
    switch (verifying->result) {
    case RECEIPT_NO_TRANSFER:
        fail_set(&text, 0,
                 "there is no transfer %llu: delivered ones are remembered for 30 days "
                 "(fxnode transfers --all)",
                 number);
        end(verifying, CLIENT_USAGE, text.text);
        return;
    case RECEIPT_NOT_DELIVERED:
        fail_set(&text, 0,
                 store_transfer_is_finished(state)
                     ? "transfer %llu came to nothing: there is nothing to verify"
                     : "transfer %llu is not delivered yet (fxnode transfers)",
                 number);
        break;
    case RECEIPT_GONE:
        fail_set(&text, 0,
                 "nothing is kept any more to verify transfer %llu by, which is 30 days old, too "
                 "large, or of an earlier version of fxnode",
                 number);
        break;
    default:
        text = verifying->fail;
        break;
    }
    end(verifying, CLIENT_FAILED, text.text);
}

static void loaded(void *arg) {
    struct verifying *verifying = arg;
    if (verifying->client->fd < 0 || verifying->client->node->stopping)
        drop(verifying);
    else if (verifying->result == 0)
        start(verifying);
    else
        explain(verifying);
}

void request_verify(struct client *client, uint64_t number) {
    struct verifying *verifying = calloc(1, sizeof *verifying);
    if (verifying != NULL) {
        verifying->client = client;
        verifying->number = number;
        verifying->receipt.fd = -1;
    }
    if (verifying == NULL ||
        database_submit(client->node->database, run_load, loaded, verifying) != 0) {
        free(verifying);
        client_result(client, CLIENT_FAILED, "out of memory");
        return;
    }
    client->verifying = verifying;
    client_hold(client);
}

void request_verify_abandon(struct client *client) {
    if (client->verifying != NULL && client->verifying->worker != NULL)
        worker_kill(client->verifying->worker);
}
