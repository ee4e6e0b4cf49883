/* A send becomes a transfer, or joins the unfinished one of the same. */
#include "node/daemon/sending_run.h"

#include "base/crash.h"
#include "base/io.h"
#include "base/log.h"
#include "node/daemon/database.h"
#include "node/daemon/outgoing.h"
#include "node/daemon/outwork.h"
#include "node/daemon/peers.h"
#include "store/store_moving.h"
#include "store/store_source.h"

#include <stdio.h>
#include <string.h>

static int adopt(uint64_t number, void *context) {
    struct sending *sending = context;
    return outwork_adopt(sending->node->statedir.fd, sending->work, number);
}

static struct store_transfer_new describe(struct sending *sending, int64_t now) {
    const struct store_transfer *record = &sending->record;
    return (struct store_transfer_new){
        .direction = STORE_OUTGOING,
        .state = STORE_QUEUED,
        .peer_key = sending->target.key,
        .peer_name = sending->target.name,
        .transfer_id = record->transfer_id,
        .manifest_hash = record->manifest_hash,
        .manifest_length = record->manifest_length,
        .entries = record->entries,
        .bytes = record->bytes,
        .units = record->units,
        .names = record->names.items,
        .names_length = record->names.length,
        .name_count = record->name_count,
        .paths = sending->paths.items,
        .paths_length = sending->paths.length,
        .lineage = &record->lineage,
        .rate = sending->rate,
        .moves = sending->moves,
        .now = now,
        .before_commit = adopt,
        .context = sending,
    };
}

/* Once it is recorded: should it come to nothing, the one before needs its files. */
static void inherit(struct sending *sending, uint64_t number) {
    int error = 0;
    if (sending->same != 0)
        error = outwork_inherit(sending->node->statedir.fd, sending->same, number);
    if (error != 0)
        log_warn("transfer %llu reads again what transfer %llu has read: %s",
                 (unsigned long long)number, (unsigned long long)sending->same, strerror(-error));
}

/* Not joined to the one of the same paths. */
static bool is_new(const struct sending *sending) {
    return sending->work[0] == '\0';
}

static int create(struct sending *sending, struct store *store) {
    struct store_transfer created = {0};
    struct store_transfer_new with = describe(sending, io_wall_s());
    uint64_t number = 0;
    int result = store_transfer_create(store, &with, &number, &sending->fail);
    if (result == 0)
        result = store_transfer_get(store, number, &created, &sending->fail);
    if (result == 0) {
        sending->work[0] = '\0';
        store_transfer_clear(&sending->record);
        sending->record = created;
    }
    return result;
}

/* What was said last holds. Within the commit of run_record(). */
static int adjust(struct sending *sending, struct store *store) {
    int result = store_transfer_set_rate(store, sending->same, sending->rate, &sending->fail);
    if (result == 0)
        result = store_moving_want(store, sending->same, sending->moves, &sending->fail);
    return result;
}

/* Goes on with the unfinished transfer of the same paths, or replaces it. */
static int record_beside(struct sending *sending, struct store *store) {
    struct store_transfer same = {0};
    int result = store_transfer_get(store, sending->same, &same, &sending->fail);
    bool equal =
        result == 0 && memcmp(same.manifest_hash, sending->record.manifest_hash, LIMIT_HASH) == 0;
    if (result == 0 && !equal)
        sending->record.lineage = lineage_of(same.transfer_id, &same.lineage);
    store_transfer_clear(&same);
    if (result != 0)
        return result;
    return equal ? adjust(sending, store) : create(sending, store);
}

static int record_transfer(struct sending *sending, struct store *store) {
    int result = store_source_find(store, sending->target.key, sending->paths.items,
                                   sending->paths.length, &sending->same, &sending->fail);
    if (result == STORE_NONE)
        return create(sending, store);
    return result == 0 ? record_beside(sending, store) : result;
}

/* On the database's thread; the loop leaves the sending alone meanwhile but for `over`. One commit:
 * a transfer without an address of its peer would wait for ever, were this interrupted. */
static void run_record(struct store *store, void *arg) {
    struct sending *sending = arg;
    int result = store_begin(store, &sending->fail);
    if (result == 0) {
        if (sending->noted)
            result = peers_note_store(store, &sending->note, &sending->fail);
        if (result == 0)
            result = record_transfer(sending, store);
        result = store_end(store, result, &sending->fail);
    }
    sending->result = result;
    if (result == 0 && is_new(sending))
        inherit(sending, sending->record.number);
    if (result == 0)
        crash_point("recorded");
}

/* What is recorded holds, also where the command that said it is gone. */
static struct transfer *use_same(struct sending *sending) {
    struct transfer *transfer = transfers_find(sending->node->transfers, sending->same);
    if (transfer == NULL || transfer_is_finished(transfer))
        return NULL;
    transfer->record.rate = sending->rate;
    transfer->record.moving = sending->moves ? STORE_MOVING_WANTED : STORE_MOVING_NO;
    if (sending->over)
        return NULL;
    if (transfer->record.state == STORE_PAUSED) {
        transfer_set_state(transfer, STORE_QUEUED, "");
        transfer_show(transfer, TRANSFER_SHOWN(QUEUED), "");
    }
    sending->events.noted(
        sending->events.context,
        &(struct note){.text = "going on with the unfinished transfer of the same paths"});
    return transfer;
}

static struct transfer *use_new(struct sending *sending) {
    struct transfer *before =
        sending->same == 0 ? NULL : transfers_find(sending->node->transfers, sending->same);
    struct transfer *transfer = sending->made;
    char text[192];
    transfers_put(sending->node->transfers, transfer, &sending->record);
    sending->made = NULL;
    if (before == NULL)
        return transfer;
    snprintf(text, sizeof text,
             "what is sent has changed since transfer %llu, which this one replaces: what the "
             "receiver has of it is not sent again",
             (unsigned long long)before->record.number);
    if (!sending->over)
        sending->events.noted(sending->events.context, &(struct note){.text = text});
    snprintf(text, sizeof text, "replaced by transfer %llu, since what is sent has changed",
             (unsigned long long)transfer->record.number);
    outgoing_replace(before, text);
    return transfer;
}

/* What the peer calls itself, where there is something new to be remembered: an alias is ours, and
 * of a peer without a name the target has what was typed, an address or the beginning of its id. */
static const char *own_name(const struct sending *sending) {
    const struct resolve_target *target = &sending->target;
    struct peers_line line;
    if (peers_line(sending->node->peers, target->key, "", &line))
        return line.announced;
    return target->typed[0] != '\0' ? "" : target->name;
}

/* What is new has the paths that are at hand, and need not be looked up. */
static void begin(struct sending *sending, struct transfer *transfer, bool created) {
    struct resolve_target *target = &sending->target;
    bool linked = sending->link.fd >= 0;
    transfer_hold(transfer);
    outgoing_begin(transfer, linked ? &sending->link : NULL, created ? &sending->paths : NULL);
    if (sending->answered)
        outgoing_seen(sending->node, target->key); /* the others that wait for it */
    sending->events.begun(sending->events.context, transfer, sending->skipped, sending->partial);
    transfer_release(transfer);
}

static void recorded(void *arg) {
    struct sending *sending = arg;
    struct transfer *transfer = NULL;
    bool created = sending->result == 0 && is_new(sending);
    if (created)
        transfer = use_new(sending);
    if (!sending->over)
        sending_is_revoked(sending); /* then it is over */
    sending->recording = false;
    if (sending->over && !sending->stays && transfer != NULL)
        outgoing_cancel(transfer, "given up before it began");
    if (!created && sending->result == 0)
        transfer = use_same(sending);
    if (sending->over) {
        sending_free_if_over(sending);
    } else if (transfer == NULL) {
        sending_fail(sending, SENDING_FAILED,
                     sending->result < 0 ? sending->fail.text : "the transfer cannot be recorded");
    } else {
        begin(sending, transfer, created);
        sending_wind_up(sending);
        sending_free_if_over(sending);
    }
}

void sending_record(struct sending *sending) {
    const struct peers_met met = {.key = sending->target.key,
                                  .name = own_name(sending),
                                  .address = sending->answered ? &sending->reached : NULL,
                                  .typed = sending->target.typed};
    sending->noted = peers_note(sending->node->peers, &met, &sending->note);
    /* A transfer that is recorded and not known here would be in the way of the next of its paths.
     */
    if (sending->made == NULL)
        sending->made = transfer_new();
    sending->recording = sending->made != NULL;
    if (!sending->recording ||
        database_submit(sending->node->database, run_record, recorded, sending) != 0) {
        sending->recording = false;
        sending_fail(sending, SENDING_FAILED, "out of memory");
    }
}
