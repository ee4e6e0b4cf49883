#include "proto/local.h"

#include "base/limits.h"
#include "base/path.h"
#include "base/pattern.h"
#include "proto/pairing.h"

#include <stdbool.h>
#include <string.h>

typedef const Fxnode__Helper__ToSession to_session;
typedef const Fxnode__Helper__ToNode from_session;
typedef const Fxnode__Control__Request request;
typedef const Fxnode__Control__Event event;

static const char too_long[] = "a text that is too long";

static bool is_text(const char *text) {
    return strlen(text) <= LOCAL_TEXT_MAX;
}

/* What cannot be sent may have a path that is too long for that, by a name. */
static bool is_note_path(ProtobufCBinaryData path) {
    return path.len <= LIMIT_PATH + 1 + LIMIT_COMPONENT;
}

/* Bytes of one exact length, or none where they may be missing. */
static bool is_exact(ProtobufCBinaryData bytes, size_t length) {
    return bytes.len == length;
}

static bool is_exact_or_empty(ProtobufCBinaryData bytes, size_t length) {
    return bytes.len == length || bytes.len == 0;
}

static bool is_code(const char *code) {
    return strlen(code) == PAIRING_CODE && strspn(code, "0123456789") == PAIRING_CODE;
}

static bool is_accept(Fxnode__Control__Accept accept) {
    return accept >= FXNODE__CONTROL__ACCEPT__DEFAULT_ACCEPT &&
           accept <= FXNODE__CONTROL__ACCEPT__ACCEPT_OFF;
}

static bool is_name(ProtobufCBinaryData name) {
    const char *bytes = (const char *)name.data;
    return name.len > 0 && name.len <= LIMIT_COMPONENT && path_fault(bytes, name.len) == NULL &&
           path_top(bytes, name.len) == name.len;
}

static bool are_names(const ProtobufCBinaryData *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!is_name(names[i]))
            return false;
    return count <= LIMIT_OFFER_NAMES;
}

/* A path as the system takes it: absolute, with room for its NUL. */
static bool is_absolute(ProtobufCBinaryData path) {
    return path.len > 0 && path.len <= LIMIT_PATH && path.data[0] == '/' &&
           memchr(path.data, '\0', path.len) == NULL;
}

static const char *paths_fault(const ProtobufCBinaryData *paths, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!is_absolute(paths[i]))
            return "a path that is not absolute";
    return NULL;
}

static const char *patterns_fault(const ProtobufCBinaryData *patterns, size_t count) {
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += patterns[i].len;
        if (pattern_fault((const char *)patterns[i].data, patterns[i].len) != NULL)
            return "a pattern that is none";
    }
    return count <= LIMIT_PATTERNS && bytes <= LIMIT_PATTERN_BYTES ? NULL : "too many patterns";
}

static const char *extents_fault(Fxnode__Helper__Extent *const *extents, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (extents[i]->count == 0 || extents[i]->count > UINT64_MAX - extents[i]->first)
            return "an impossible extent";
    return NULL;
}

static const char *items_fault(Fxnode__Helper__PlacedItem *const *items, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!is_name(items[i]->name) || items[i]->item >= LIMIT_ENTRIES)
            return "an item that cannot be one";
    return NULL;
}

/* What is said of a manifest in several messages. */
struct figures {
    ProtobufCBinaryData hash;
    uint64_t length;
    uint64_t bytes;
    uint32_t entries;
};

static const char *figures_fault(struct figures figures) {
    if (!is_exact(figures.hash, LIMIT_HASH))
        return "a hash of a wrong length";
    if (figures.length == 0 || figures.length > LIMIT_MANIFEST || figures.entries == 0 ||
        figures.entries > LIMIT_ENTRIES || figures.bytes > LIMIT_FILE_SIZE)
        return "impossible figures of a manifest";
    return NULL;
}

/* What all packets have in common: a cap and a shape. */
static int decode(struct msg_arena *arena, const ProtobufCMessageDescriptor *descriptor,
                  const void *data, size_t length, const ProtobufCMessage **base,
                  struct fail *why) {
    if (length > LIMIT_PACKET) {
        msg_invalid(why, "a packet of %zu bytes", length);
        return MSG_INVALID;
    }
    int rc = msg_decode(arena, descriptor, data, length, base);
    if (rc == MSG_INVALID)
        msg_invalid(why, "a malformed %s of %zu bytes", descriptor->short_name, length);
    return rc;
}

static int verdict(const ProtobufCMessageDescriptor *descriptor, const char *fault,
                   struct fail *why) {
    return fault == NULL ? 0 : msg_invalid(why, "%s with %s", descriptor->short_name, fault);
}

static const char unknown_exists[] = "no way to deal with what exists";

static bool is_exists(Fxnode__Helper__Exists exists) {
    return exists >= FXNODE__HELPER__EXISTS__EXISTS_RENAME &&
           exists <= FXNODE__HELPER__EXISTS__EXISTS_OVERWRITE;
}

/* What the transfer `own` replaces: others. */
static const char *lineage_fault(ProtobufCBinaryData own, const ProtobufCBinaryData *ids,
                                 size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!is_exact(ids[i], LIMIT_TRANSFER_ID) ||
            memcmp(ids[i].data, own.data, LIMIT_TRANSFER_ID) == 0)
            return "a transfer that it cannot replace";
    return count <= LIMIT_LINEAGE ? NULL : "too many transfers that are replaced";
}

static const char *job_fault(const Fxnode__Helper__Job *job) {
    if (job->kind < FXNODE__HELPER__JOB__KIND__SCAN ||
        job->kind > FXNODE__HELPER__JOB__KIND__REMOVE)
        return "an unknown job";
    if (job->work.len != 0 && !is_absolute(job->work))
        return "a directory that is not absolute";
    if (job->state.len != 0 && !is_absolute(job->state))
        return "a state directory that is not absolute";
    if (job->destination.len != 0 && !is_absolute(job->destination))
        return "a destination that is not absolute";
    if (job->directory.len != 0 &&
        path_directory_fault((const char *)job->directory.data, job->directory.len) != NULL)
        return "a directory that leads elsewhere";
    if (job->lanes > LIMIT_LANES)
        return "an impossible number of lanes";
    if (!is_exists(job->exists))
        return unknown_exists;
    if (job->record_layer < FXNODE__HELPER__RECORD_LAYER__RECORD_LAYER_AUTO ||
        job->record_layer > FXNODE__HELPER__RECORD_LAYER__RECORD_LAYER_LIBCRYPTO)
        return "no way to encrypt";
    if (job->kind == FXNODE__HELPER__JOB__KIND__SCAN)
        return patterns_fault(job->exclude, job->n_exclude);
    if (job->kind != FXNODE__HELPER__JOB__KIND__SEND &&
        job->kind != FXNODE__HELPER__JOB__KIND__PLACE &&
        job->kind != FXNODE__HELPER__JOB__KIND__VERIFY &&
        job->kind != FXNODE__HELPER__JOB__KIND__REMOVE)
        return NULL;
    if (!is_exact(job->transfer_id, LIMIT_TRANSFER_ID))
        return "a transfer id of a wrong length";
    const char *fault = lineage_fault(job->transfer_id, job->lineage, job->n_lineage);
    return fault != NULL ? fault
                         : figures_fault((struct figures){job->manifest_hash, job->manifest_length,
                                                          job->bytes, job->entries});
}

static const char *connection_fault(const Fxnode__Helper__Connection *connection) {
    if (connection->lane >= LIMIT_LANES)
        return "an impossible lane";
    return is_exact(connection->send_key, LIMIT_KEY) && is_exact(connection->receive_key, LIMIT_KEY)
               ? NULL
               : "a key of a wrong length";
}

static const char *admit_fault(const Fxnode__Helper__Admit *admit) {
    if (admit->answer < FXNODE__HELPER__ADMIT__ANSWER__ACCEPT ||
        admit->answer > FXNODE__HELPER__ADMIT__ANSWER__CONFLICT)
        return "an unknown answer";
    if (!are_names(admit->names, admit->n_names) || admit->failed > LIMIT_ENTRIES)
        return "impossible names";
    if (!is_exists(admit->exists))
        return unknown_exists;
    if (!is_text(admit->reason))
        return too_long;
    const Fxnode__Helper__Replaced *replaced = admit->replaced;
    return replaced == NULL
               ? NULL
               : figures_fault((struct figures){replaced->manifest_hash, replaced->manifest_length,
                                                replaced->bytes, replaced->entries});
}

/* Of a lane that is not the control connection. */
static const char *lane_fault(uint32_t lane) {
    return lane > 0 && lane < LIMIT_LANES ? NULL : "an impossible lane";
}

static const char *to_session_fault(to_session *message) {
    switch (message->body_case) {
    case FXNODE__HELPER__TO_SESSION__BODY__NOT_SET:
        return "no known body";
    case FXNODE__HELPER__TO_SESSION__BODY_PATHS:
        return paths_fault(message->paths->paths, message->paths->n_paths);
    case FXNODE__HELPER__TO_SESSION__BODY_EXTENTS:
        return extents_fault(message->extents->extents, message->extents->n_extents);
    case FXNODE__HELPER__TO_SESSION__BODY_JOB:
        return job_fault(message->job);
    case FXNODE__HELPER__TO_SESSION__BODY_CONNECTION:
        return connection_fault(message->connection);
    case FXNODE__HELPER__TO_SESSION__BODY_ADMIT:
        return admit_fault(message->admit);
    case FXNODE__HELPER__TO_SESSION__BODY_STOP:
        return message->stop->reason >= FXNODE__HELPER__STOP__REASON__PAUSE &&
                       message->stop->reason <= FXNODE__HELPER__STOP__REASON__RETIRE
                   ? NULL
                   : "an unknown reason";
    case FXNODE__HELPER__TO_SESSION__BODY_NAMES:
        return items_fault(message->names->items, message->names->n_items);
    case FXNODE__HELPER__TO_SESSION__BODY_NO_LANE:
        return lane_fault(message->no_lane->lane);
    default:
        return NULL; /* nothing but numbers that any value suits */
    }
}

static const char *scanned_fault(const Fxnode__Helper__Scanned *scanned) {
    if (!are_names(scanned->names, scanned->n_names) || scanned->name_count > scanned->entries ||
        scanned->n_names > scanned->name_count)
        return "impossible names";
    return figures_fault((struct figures){scanned->manifest_hash, scanned->manifest_length,
                                          scanned->bytes, scanned->entries});
}

static const char *offered_fault(const Fxnode__Helper__Offered *offered) {
    if (!is_exact(offered->transfer_id, LIMIT_TRANSFER_ID))
        return "a transfer id of a wrong length";
    if (!are_names(offered->names, offered->n_names) || offered->name_count > offered->entries ||
        offered->n_names > offered->name_count)
        return "impossible names";
    const char *fault = lineage_fault(offered->transfer_id, offered->lineage, offered->n_lineage);
    return fault != NULL
               ? fault
               : figures_fault((struct figures){offered->manifest_hash, offered->manifest_length,
                                                offered->bytes, offered->entries});
}

static const char *commit_fault(const Fxnode__Helper__Commit *commit) {
    const char *fault = extents_fault(commit->add, commit->n_add);
    if (fault == NULL)
        fault = extents_fault(commit->forget, commit->n_forget);
    return fault != NULL ? fault
                         : extents_fault(commit->forget_replaced, commit->n_forget_replaced);
}

static const char *kept_fault(const Fxnode__Helper__Kept *kept) {
    if (kept->total > LIMIT_RECEIPT || kept->position > kept->total || kept->bytes.len == 0 ||
        kept->bytes.len > kept->total - kept->position)
        return "an impossible piece";
    return NULL;
}

static const char *found_fault(const Fxnode__Helper__Found *found) {
    if (found->what < FXNODE__HELPER__FOUND__WHAT__MISSING ||
        found->what > FXNODE__HELPER__FOUND__WHAT__UNREADABLE)
        return "an unknown finding";
    return is_text(found->text) && is_note_path(found->path) ? NULL : too_long;
}

static const char *ended_fault(const Fxnode__Helper__Ended *ended) {
    if (ended->outcome < FXNODE__HELPER__ENDED__OUTCOME__COMPLETE ||
        ended->outcome > FXNODE__HELPER__ENDED__OUTCOME__ABSENT)
        return "an unknown outcome";
    return is_text(ended->text) ? NULL : too_long;
}

static const char *from_session_fault(from_session *message) {
    switch (message->body_case) {
    case FXNODE__HELPER__TO_NODE__BODY__NOT_SET:
        return "no known body";
    case FXNODE__HELPER__TO_NODE__BODY_SCANNED:
        return scanned_fault(message->scanned);
    case FXNODE__HELPER__TO_NODE__BODY_NEED_LANE:
        return lane_fault(message->need_lane->lane);
    case FXNODE__HELPER__TO_NODE__BODY_OFFERED:
        return offered_fault(message->offered);
    case FXNODE__HELPER__TO_NODE__BODY_COMMIT:
        return commit_fault(message->commit);
    case FXNODE__HELPER__TO_NODE__BODY_PLACING:
        return message->placing->failed <= LIMIT_ENTRIES
                   ? items_fault(message->placing->items, message->placing->n_items)
                   : "an impossible number of entries";
    case FXNODE__HELPER__TO_NODE__BODY_DONE:
        return message->done->failed <= LIMIT_ENTRIES ? NULL : "an impossible number of entries";
    case FXNODE__HELPER__TO_NODE__BODY_NOTE:
        return is_text(message->note->text) && is_note_path(message->note->path) ? NULL : too_long;
    case FXNODE__HELPER__TO_NODE__BODY_REMOVED:
        return message->removed->moved <= LIMIT_ENTRIES && message->removed->stayed <= LIMIT_ENTRIES
                   ? NULL
                   : "an impossible number of entries";
    case FXNODE__HELPER__TO_NODE__BODY_FOUND:
        return found_fault(message->found);
    case FXNODE__HELPER__TO_NODE__BODY_KEPT:
        return kept_fault(message->kept);
    case FXNODE__HELPER__TO_NODE__BODY_ENDED:
        return ended_fault(message->ended);
    case FXNODE__HELPER__TO_NODE__BODY_DELIVERED:
        return are_names(message->delivered->names, message->delivered->n_names) &&
                       message->delivered->failed <= LIMIT_ENTRIES
                   ? NULL
                   : "impossible names";
    default:
        return NULL;
    }
}

static const char *configure_fault(const Fxnode__Control__Configure *configure) {
    if (!is_accept(configure->accept) || configure->exists > FXNODE__CONTROL__EXISTS__EXISTS_REFUSE)
        return "an unknown setting";
    if (configure->limit > LIMIT_FILE_SIZE || configure->day_limit > LIMIT_FILE_SIZE)
        return "an impossible limit";
    return is_text(configure->peer) && is_text(configure->alias) && is_text(configure->directory)
               ? NULL
               : too_long;
}

static const char *import_fault(const Fxnode__Control__Import *import) {
    for (size_t i = 0; i < import->n_peers; i++) {
        if (!is_exact(import->peers[i]->key, LIMIT_KEY))
            return "a key of a wrong length";
        if (!is_text(import->peers[i]->name))
            return too_long;
    }
    return import->n_peers > 0 ? NULL : "no peer";
}

static const char *send_fault(const Fxnode__Control__Send *send) {
    if (!is_exact_or_empty(send->id, LIMIT_TRANSFER_ID))
        return "an id of a wrong length";
    if (!is_text(send->peer))
        return too_long;
    return patterns_fault(send->exclude, send->n_exclude);
}

static const char *request_fault(request *message) {
    switch (message->body_case) {
    case FXNODE__CONTROL__REQUEST__BODY__NOT_SET:
        return "no known body";
    case FXNODE__CONTROL__REQUEST__BODY_PATHS:
        return paths_fault(message->paths->paths, message->paths->n_paths);
    case FXNODE__CONTROL__REQUEST__BODY_SEND:
        return send_fault(message->send);
    case FXNODE__CONTROL__REQUEST__BODY_ACT:
        return message->act->what >= FXNODE__CONTROL__ACT__WHAT__ACCEPT &&
                       message->act->what <= FXNODE__CONTROL__ACT__WHAT__CANCEL &&
                       message->act->exists >= FXNODE__CONTROL__EXISTS__DEFAULT_EXISTS &&
                       message->act->exists <= FXNODE__CONTROL__EXISTS__EXISTS_OVERWRITE
                   ? NULL
                   : "an unknown act";
    case FXNODE__CONTROL__REQUEST__BODY_UNPAIR:
        return is_text(message->unpair->peer) ? NULL : too_long;
    case FXNODE__CONTROL__REQUEST__BODY_PAIR:
        return is_text(message->pair->peer) ? NULL : too_long;
    case FXNODE__CONTROL__REQUEST__BODY_PAIR_CODE:
        return is_code(message->pair_code->code) ? NULL : "a code that is none";
    case FXNODE__CONTROL__REQUEST__BODY_CONFIGURE:
        return configure_fault(message->configure);
    case FXNODE__CONTROL__REQUEST__BODY_IMPORT:
        return import_fault(message->import);
    default:
        return NULL;
    }
}

static const char *transfer_fault(const Fxnode__Control__Transfer *transfer) {
    if (!is_exact_or_empty(transfer->peer_key, LIMIT_KEY))
        return "a key of a wrong length";
    if (!is_exact_or_empty(transfer->id, LIMIT_TRANSFER_ID))
        return "an id of a wrong length";
    if (transfer->direction < FXNODE__CONTROL__TRANSFER__DIRECTION__OUTGOING ||
        transfer->direction > FXNODE__CONTROL__TRANSFER__DIRECTION__INCOMING ||
        transfer->state < FXNODE__CONTROL__TRANSFER__STATE__SCANNING ||
        transfer->state > FXNODE__CONTROL__TRANSFER__STATE__CANCELLED)
        return "an unknown state";
    if (!are_names(transfer->names, transfer->n_names))
        return "impossible names";
    return is_text(transfer->peer_name) && is_text(transfer->reason) ? NULL : too_long;
}

static const char *peer_fault(const Fxnode__Control__Peer *peer) {
    if (!is_exact_or_empty(peer->key, LIMIT_KEY))
        return "a key of a wrong length";
    if (!is_accept(peer->accept))
        return "an unknown setting";
    return is_text(peer->name) && is_text(peer->announced) && is_text(peer->directory) ? NULL
                                                                                       : too_long;
}

static const char *ask_fault(const Fxnode__Control__PairAsk *ask) {
    if (!is_exact_or_empty(ask->key, LIMIT_KEY))
        return "a key of a wrong length";
    return is_text(ask->name) ? NULL : too_long;
}

static const char *event_fault(event *message) {
    switch (message->body_case) {
    case FXNODE__CONTROL__EVENT__BODY__NOT_SET:
        return "no known body";
    case FXNODE__CONTROL__EVENT__BODY_WELCOME:
        return is_exact(message->welcome->key, LIMIT_KEY) ? NULL : "a key of a wrong length";
    case FXNODE__CONTROL__EVENT__BODY_PEER:
        return peer_fault(message->peer);
    case FXNODE__CONTROL__EVENT__BODY_TRANSFER:
        return transfer_fault(message->transfer);
    case FXNODE__CONTROL__EVENT__BODY_NOTE:
        return is_text(message->note->text) && is_note_path(message->note->path) ? NULL : too_long;
    case FXNODE__CONTROL__EVENT__BODY_RESULT:
        return is_text(message->result->text) ? NULL : too_long;
    case FXNODE__CONTROL__EVENT__BODY_IDENTIFIED:
        return is_exact(message->identified->key, LIMIT_KEY) ? NULL : "a key of a wrong length";
    case FXNODE__CONTROL__EVENT__BODY_PAIR_SHOW:
        return is_code(message->pair_show->code) ? NULL : "a code that is none";
    case FXNODE__CONTROL__EVENT__BODY_FINDING:
        return is_text(message->finding->text) && is_note_path(message->finding->path) ? NULL
                                                                                       : too_long;
    case FXNODE__CONTROL__EVENT__BODY_PAIR_ASK:
        return ask_fault(message->pair_ask);
    default:
        return NULL;
    }
}

int local_decode_to_session(struct msg_arena *arena, const void *data, size_t length,
                            const Fxnode__Helper__ToSession **message, struct fail *why) {
    const ProtobufCMessage *base = NULL;
    int rc = decode(arena, &fxnode__helper__to_session__descriptor, data, length, &base, why);
    *message = (to_session *)base;
    return rc != 0 ? rc : verdict(base->descriptor, to_session_fault(*message), why);
}

int local_decode_from_session(struct msg_arena *arena, const void *data, size_t length,
                              const Fxnode__Helper__ToNode **message, struct fail *why) {
    const ProtobufCMessage *base = NULL;
    int rc = decode(arena, &fxnode__helper__to_node__descriptor, data, length, &base, why);
    *message = (from_session *)base;
    return rc != 0 ? rc : verdict(base->descriptor, from_session_fault(*message), why);
}

int local_decode_request(struct msg_arena *arena, const void *data, size_t length,
                         const Fxnode__Control__Request **message, struct fail *why) {
    const ProtobufCMessage *base = NULL;
    int rc = decode(arena, &fxnode__control__request__descriptor, data, length, &base, why);
    *message = (request *)base;
    return rc != 0 ? rc : verdict(base->descriptor, request_fault(*message), why);
}

int local_decode_event(struct msg_arena *arena, const void *data, size_t length,
                       const Fxnode__Control__Event **message, struct fail *why) {
    const ProtobufCMessage *base = NULL;
    int rc = decode(arena, &fxnode__control__event__descriptor, data, length, &base, why);
    *message = (event *)base;
    return rc != 0 ? rc : verdict(base->descriptor, event_fault(*message), why);
}
