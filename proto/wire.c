#include "proto/wire.h"

#include "base/path.h"

#include <string.h>

typedef const Fxnode__Wire__Control control;

static bool is_exact(ProtobufCBinaryData bytes, size_t length) {
    return bytes.len == length;
}

static bool is_text(const char *text) {
    return strlen(text) <= WIRE_TEXT_MAX;
}

/* Top-level names: acceptable components. */
static const char *names_fault(const ProtobufCBinaryData *names, size_t count) {
    if (count > LIMIT_OFFER_NAMES)
        return "too many names";
    for (size_t i = 0; i < count; i++) {
        const char *name = (const char *)names[i].data;
        if (names[i].len == 0 || names[i].len > LIMIT_COMPONENT ||
            path_fault(name, names[i].len) != NULL || path_top(name, names[i].len) != names[i].len)
            return "a name that cannot be one";
    }
    return NULL;
}

static bool names_ascend(const ProtobufCBinaryData *names, size_t count) {
    for (size_t i = 1; i < count; i++)
        if (path_compare((const char *)names[i - 1].data, names[i - 1].len,
                         (const char *)names[i].data, names[i].len) >= 0)
            return false;
    return true;
}

static const char *extents_fault(Fxnode__Wire__Extent *const *extents, size_t count) {
    if (count > WIRE_EXTENTS_MAX)
        return "too many extents";
    for (size_t i = 0; i < count; i++)
        if (extents[i]->count == 0 || extents[i]->count > UINT64_MAX - extents[i]->first)
            return "an impossible extent";
    return NULL;
}

static const char *offer_figures_fault(const Fxnode__Wire__Offer *offer) {
    if (offer->manifest_length == 0 || offer->manifest_length > LIMIT_MANIFEST)
        return "an impossible length of the manifest";
    if (offer->entries == 0 || offer->entries > LIMIT_ENTRIES)
        return "an impossible number of entries";
    if (offer->bytes > LIMIT_FILE_SIZE)
        return "an impossible size";
    uint64_t full = offer->bytes / LIMIT_CHUNK;
    uint64_t least = full + (offer->bytes % LIMIT_CHUNK != 0);
    if (offer->units < least || offer->units > full + offer->entries)
        return "an impossible number of units";
    if (offer->lanes == 0)
        return "no lanes";
    if (offer->holes > offer->bytes)
        return "more holes than bytes";
    return NULL;
}

/* Other transfers: one that came in its own place would be taken apart while it is put together. */
static const char *replaces_fault(const Fxnode__Wire__Offer *offer) {
    if (offer->n_replaces > LIMIT_LINEAGE)
        return "too many transfers that it replaces";
    for (size_t i = 0; i < offer->n_replaces; i++)
        if (!is_exact(offer->replaces[i], LIMIT_TRANSFER_ID) ||
            memcmp(offer->replaces[i].data, offer->transfer_id.data, LIMIT_TRANSFER_ID) == 0)
            return "a transfer that it cannot replace";
    return NULL;
}

static const char *offer_fault(control *message) {
    const Fxnode__Wire__Offer *offer = message->offer;
    if (!is_exact(offer->transfer_id, LIMIT_TRANSFER_ID) ||
        !is_exact(offer->manifest_hash, LIMIT_HASH))
        return "an id or hash of a wrong length";
    uint32_t count = offer->name_count;
    if (count == 0 || count > offer->entries ||
        offer->n_names != (count < LIMIT_OFFER_NAMES ? count : LIMIT_OFFER_NAMES))
        return "an impossible number of names";
    const char *fault = replaces_fault(offer);
    if (fault == NULL)
        fault = names_fault(offer->names, offer->n_names);
    if (fault == NULL && !names_ascend(offer->names, offer->n_names))
        fault = "names out of order";
    return fault != NULL ? fault : offer_figures_fault(offer);
}

static const char *delivery_fault(const Fxnode__Wire__Delivered *delivered) {
    if (delivered->failed > LIMIT_ENTRIES || delivered->lacking > LIMIT_ENTRIES)
        return "an impossible number of entries";
    return names_fault(delivered->names, delivered->n_names);
}

static const char *verdict_fault(control *message) {
    const Fxnode__Wire__Verdict *verdict = message->verdict;
    if (verdict->answer < FXNODE__WIRE__VERDICT__ANSWER__ACCEPT ||
        verdict->answer > FXNODE__WIRE__VERDICT__ANSWER__NO_SPACE)
        return "an unknown answer";
    if (verdict->answer == FXNODE__WIRE__VERDICT__ANSWER__ACCEPT &&
        (verdict->lanes == 0 || verdict->lanes > LIMIT_LANES))
        return "an impossible number of lanes";
    if (!is_text(verdict->reason))
        return "a reason that is too long";
    return verdict->delivered != NULL ? delivery_fault(verdict->delivered) : NULL;
}

static const char *manifest_fault(control *message) {
    size_t length = message->manifest->batch.len;
    return length > 0 && length <= LIMIT_MANIFEST_BATCH ? NULL : "a batch of an impossible length";
}

static const char *holding_fault(control *message) {
    const Fxnode__Wire__Holding *holding = message->holding;
    const char *fault = extents_fault(holding->extents, holding->n_extents);
    return fault != NULL ? fault : extents_fault(holding->skipped, holding->n_skipped);
}

static const char *durable_fault(control *message) {
    const Fxnode__Wire__Durable *durable = message->durable;
    return durable->n_extents > 0 ? extents_fault(durable->extents, durable->n_extents)
                                  : "no extents";
}

static const char *again_fault(control *message) {
    const Fxnode__Wire__Again *again = message->again;
    return again->n_extents > 0 ? extents_fault(again->extents, again->n_extents) : "no extents";
}

static const char *confirm_fault(control *message) {
    const Fxnode__Wire__Confirm *confirm = message->confirm;
    if (!is_exact(confirm->digest, LIMIT_CHUNK_HASH))
        return "a digest of a wrong length";
    if (confirm->count == 0 || confirm->first_entry >= LIMIT_ENTRIES ||
        confirm->count > LIMIT_ENTRIES - confirm->first_entry)
        return "impossible entries";
    return NULL;
}

static const char *failed_fault(control *message) {
    const Fxnode__Wire__Failed *failed = message->failed;
    if (failed->entry >= LIMIT_ENTRIES)
        return "an impossible entry";
    if (failed->reason < FXNODE__WIRE__FAILED__REASON__CHANGED ||
        failed->reason > FXNODE__WIRE__FAILED__REASON__UNREADABLE)
        return "an unknown reason";
    return is_text(failed->text) ? NULL : "a text that is too long";
}

static const char *delivered_fault(control *message) {
    return delivery_fault(message->delivered);
}

static const char *stop_fault(control *message) {
    const Fxnode__Wire__Stop *stop = message->stop;
    if (stop->reason < FXNODE__WIRE__STOP__REASON__PAUSED ||
        stop->reason > FXNODE__WIRE__STOP__REASON__BUSY)
        return "an unknown reason";
    return is_text(stop->text) ? NULL : "a text that is too long";
}

static const char *no_fault(control *message) {
    (void)message;
    return NULL;
}

static const struct {
    const char *name;
    const char *(*fault)(control *message);
} bodies[] = {
    [FXNODE__WIRE__CONTROL__BODY_OFFER] = {"Offer", offer_fault},
    [FXNODE__WIRE__CONTROL__BODY_VERDICT] = {"Verdict", verdict_fault},
    [FXNODE__WIRE__CONTROL__BODY_MANIFEST] = {"Manifest", manifest_fault},
    [FXNODE__WIRE__CONTROL__BODY_HOLDING] = {"Holding", holding_fault},
    [FXNODE__WIRE__CONTROL__BODY_DURABLE] = {"Durable", durable_fault},
    [FXNODE__WIRE__CONTROL__BODY_CONFIRM] = {"Confirm", confirm_fault},
    [FXNODE__WIRE__CONTROL__BODY_FAILED] = {"Failed", failed_fault},
    [FXNODE__WIRE__CONTROL__BODY_AGAIN] = {"Again", again_fault},
    [FXNODE__WIRE__CONTROL__BODY_SENT] = {"Sent", no_fault},
    [FXNODE__WIRE__CONTROL__BODY_DELIVERED] = {"Delivered", delivered_fault},
    [FXNODE__WIRE__CONTROL__BODY_FINISH] = {"Finish", no_fault},
    [FXNODE__WIRE__CONTROL__BODY_STOP] = {"Stop", stop_fault},
    [FXNODE__WIRE__CONTROL__BODY_PING] = {"Ping", no_fault},
    [FXNODE__WIRE__CONTROL__BODY_PONG] = {"Pong", no_fault},
};

const char *wire_name(Fxnode__Wire__Control__BodyCase body) {
    size_t at = (size_t)body;
    return at < sizeof bodies / sizeof bodies[0] && bodies[at].name != NULL ? bodies[at].name
                                                                            : "unknown";
}

int wire_decode(struct msg_arena *arena, const void *data, size_t length,
                const Fxnode__Wire__Control **decoded, struct fail *why) {
    const ProtobufCMessage *base = NULL;
    if (length > WIRE_MESSAGE_MAX)
        return msg_invalid(why, "a control message of %zu bytes", length);
    int rc = msg_decode(arena, &fxnode__wire__control__descriptor, data, length, &base);
    if (rc == MSG_INVALID)
        return msg_invalid(why, "a malformed control message of %zu bytes", length);
    if (rc < 0)
        return rc;
    control *message = (control *)base;
    if (message->body_case == FXNODE__WIRE__CONTROL__BODY__NOT_SET)
        return msg_invalid(why, "a control message of an unknown type");
    const char *name = wire_name(message->body_case);
    if (length > LIMIT_CONTROL && message->body_case != FXNODE__WIRE__CONTROL__BODY_MANIFEST)
        return msg_invalid(why, "%s of %zu bytes", name, length);
    const char *fault = bodies[message->body_case].fault(message);
    if (fault != NULL)
        return msg_invalid(why, "%s with %s", name, fault);
    *decoded = message;
    return 0;
}
