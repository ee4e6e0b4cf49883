#include "node/cli/json.h"

#include "base/escape.h"
#include "base/id.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON_VERSION 1

/* Takes `object` over. Memory that is missing shows as missing members, never as a crash: jansson
 * ignores NULL values. */
static void print(json_t *object) {
    json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
    putchar('\n');
    fflush(stdout);
    json_decref(object);
}

static json_t *begin(const char *event) {
    json_t *object = json_object();
    json_object_set_new(object, "v", json_integer(JSON_VERSION));
    json_object_set_new(object, "event", json_string(event));
    return object;
}

/* Bytes as text; those that are no UTF-8 as U+FFFD each. */
static json_t *text_of(const uint8_t *bytes, size_t length) {
    static const char replacement[] = "\xef\xbf\xbd";
    char *text;
    size_t used = 0;
    json_t *string;

    if (escape_is_utf8(bytes, length))
        return json_stringn((const char *)bytes, length);
    text = malloc(length * (sizeof replacement - 1));
    for (size_t at = 0; text != NULL && at < length;) {
        size_t size = 1;
        while (size < 4 && at + size < length && !escape_is_utf8(bytes + at, size))
            size++;
        bool whole = escape_is_utf8(bytes + at, size);
        if (!whole)
            size = 1;
        memcpy(text + used, whole ? (const char *)bytes + at : replacement,
               whole ? size : sizeof replacement - 1);
        used += whole ? size : sizeof replacement - 1;
        at += size;
    }
    string = json_stringn(text, used);
    free(text);
    return string;
}

static json_t *hex_of(const uint8_t *bytes, size_t length) {
    char *hex = malloc(length * 2 + 1);
    json_t *string = NULL;
    if (hex != NULL)
        string = json_string(sodium_bin2hex(hex, length * 2 + 1, bytes, length));
    free(hex);
    return string;
}

/* A name: the text under `key`, and where that loses something, its bytes under `key`_hex. */
static void set_name(json_t *object, const char *key, const void *bytes, size_t length) {
    char hex_key[32];
    json_object_set_new(object, key, text_of(bytes, length));
    if (escape_is_utf8(bytes, length))
        return;
    snprintf(hex_key, sizeof hex_key, "%s_hex", key);
    json_object_set_new(object, hex_key, hex_of(bytes, length));
}

static void set_key(json_t *object, const char *name, const uint8_t *key, size_t length) {
    char id[ID_TEXT_ROOM];
    if (length != LIMIT_KEY)
        return;
    id_format(id, key);
    json_object_set_new(object, name, json_string(id));
}

const char *json_accept(Fxnode__Control__Accept accept) {
    static const char *const names[] = {"default", "on", "ask", "off"};
    return (size_t)accept < sizeof names / sizeof *names ? names[accept] : names[0];
}

const char *json_exists(Fxnode__Control__Exists exists) {
    static const char *const names[] = {"default", "rename", "skip", "overwrite", "ask", "refuse"};
    return (size_t)exists < sizeof names / sizeof *names ? names[exists] : names[0];
}

/* Of a paired peer. */
static json_t *settings_of(const Fxnode__Control__Peer *peer) {
    json_t *settings = json_object();
    json_object_set_new(settings, "accept", json_string(json_accept(peer->accept)));
    set_name(settings, "directory", peer->directory, strlen(peer->directory));
    json_object_set_new(settings, "limit", json_integer((json_int_t)peer->limit));
    json_object_set_new(settings, "day_limit", json_integer((json_int_t)peer->day_limit));
    json_object_set_new(settings, "exists", json_string(json_exists(peer->exists)));
    return settings;
}

void json_peer(const Fxnode__Control__Peer *peer) {
    json_t *object = begin(peer->gone ? "peer-gone" : "peer");
    json_t *addresses = json_array();

    set_key(object, "id", peer->key.data, peer->key.len);
    set_name(object, "name", peer->name, strlen(peer->name));
    for (size_t i = 0; i < peer->n_addresses; i++)
        json_array_append_new(addresses, json_string(peer->addresses[i]));
    json_object_set_new(object, "addresses", addresses);
    json_object_set_new(object, "online", json_boolean(peer->online));
    json_object_set_new(object, "known", json_boolean(peer->known));
    json_object_set_new(object, "last_used", json_integer(peer->last_used));
    json_object_set_new(object, "paired", json_integer(peer->paired));
    set_name(object, "announced", peer->announced, strlen(peer->announced));
    if (peer->paired != 0)
        json_object_set_new(object, "settings", settings_of(peer));
    print(object);
}

void json_settled(void) {
    print(begin("settled"));
}

const char *json_state(Fxnode__Control__Transfer__State state) {
    static const char *const names[] = {
        "none",   "scanning", "connecting", "queued", "offered", "running",   "waiting",
        "paused", "placing",  "delivered",  "failed", "refused", "cancelled",
    };
    return (size_t)state < sizeof names / sizeof *names ? names[state] : "none";
}

/* The names as objects, so that a lossless form fits beside each. */
static json_t *names_of(const Fxnode__Control__Transfer *transfer) {
    json_t *names = json_array();
    for (size_t i = 0; i < transfer->n_names; i++) {
        json_t *name = json_object();
        set_name(name, "name", transfer->names[i].data, transfer->names[i].len);
        if (i < 64 && (transfer->existing >> i & 1) != 0)
            json_object_set_new(name, "exists", json_true());
        json_array_append_new(names, name);
    }
    return names;
}

static void set_moving(json_t *object, const Fxnode__Control__Transfer *transfer) {
    bool over = transfer->moving == FXNODE__CONTROL__MOVING__MOVING_OVER;
    json_object_set_new(object, "moving", json_string(over ? "over" : "wanted"));
    if (!over)
        return;
    json_object_set_new(object, "moved", json_integer(transfer->moved));
    json_object_set_new(object, "stayed", json_integer(transfer->stayed));
}

void json_transfer(const Fxnode__Control__Transfer *transfer) {
    json_t *object = begin("transfer");
    json_object_set_new(object, "transfer", json_integer((json_int_t)transfer->number));
    json_object_set_new(
        object, "direction",
        json_string(transfer->direction == FXNODE__CONTROL__TRANSFER__DIRECTION__OUTGOING ? "out"
                                                                                          : "in"));
    json_object_set_new(object, "state", json_string(json_state(transfer->state)));
    set_key(object, "peer", transfer->peer_key.data, transfer->peer_key.len);
    set_name(object, "peer_name", transfer->peer_name, strlen(transfer->peer_name));
    json_object_set_new(object, "entries", json_integer(transfer->entries));
    json_object_set_new(object, "bytes", json_integer((json_int_t)transfer->bytes));
    if (!transfer->done_unknown)
        json_object_set_new(object, "done", json_integer((json_int_t)transfer->done));
    json_object_set_new(object, "failed", json_integer(transfer->failed));
    if (transfer->moving != FXNODE__CONTROL__MOVING__MOVING_NO)
        set_moving(object, transfer);
    json_object_set_new(object, "names", names_of(transfer));
    json_object_set_new(object, "name_count", json_integer(transfer->name_count));
    if (transfer->reason[0] != '\0')
        set_name(object, "reason", transfer->reason, strlen(transfer->reason));
    if (transfer->destination.len > 0)
        set_name(object, "destination", transfer->destination.data, transfer->destination.len);
    json_object_set_new(object, "paired", json_boolean(transfer->paired));
    if (transfer->exists != FXNODE__CONTROL__EXISTS__DEFAULT_EXISTS)
        json_object_set_new(object, "exists", json_string(json_exists(transfer->exists)));
    if (transfer->expires != 0)
        json_object_set_new(object, "expires", json_integer(transfer->expires));
    json_object_set_new(object, "created", json_integer(transfer->created));
    json_object_set_new(object, "changed", json_integer(transfer->changed));
    print(object);
}

void json_note(const Fxnode__Control__Note *note) {
    json_t *object = begin("note");
    set_name(object, "text", note->text, strlen(note->text));
    json_object_set_new(object, "warning", json_boolean(note->warning));
    if (note->path.len > 0)
        set_name(object, "path", note->path.data, note->path.len);
    print(object);
}

void json_checking(const Fxnode__Control__Checking *checking) {
    json_t *object = begin("checking");
    json_object_set_new(object, "done", json_integer((json_int_t)checking->done));
    json_object_set_new(object, "total", json_integer((json_int_t)checking->total));
    print(object);
}

void json_finding(const Fxnode__Control__Finding *finding) {
    static const char *const names[] = {"none",    "missing", "type",      "size",
                                        "content", "target",  "unreadable"};
    bool is_size = finding->what == FXNODE__CONTROL__FINDING__WHAT__SIZE;
    bool is_content = finding->what == FXNODE__CONTROL__FINDING__WHAT__CONTENT;
    bool known = (size_t)finding->what < sizeof names / sizeof *names;
    json_t *object = begin("finding");
    json_object_set_new(object, "what", json_string(names[known ? finding->what : 0]));
    set_name(object, "path", finding->path.data, finding->path.len);
    if (is_size || is_content)
        json_object_set_new(object, "modified", json_boolean(finding->modified));
    if (is_content)
        json_object_set_new(object, "offset", json_integer((json_int_t)finding->offset));
    if (is_size) {
        json_object_set_new(object, "size", json_integer((json_int_t)finding->size));
        json_object_set_new(object, "now", json_integer((json_int_t)finding->now));
    }
    set_name(object, "text", finding->text, strlen(finding->text));
    print(object);
}

void json_checked(const Fxnode__Control__Checked *checked) {
    json_t *object = begin("checked");
    json_object_set_new(object, "entries", json_integer((json_int_t)checked->entries));
    json_object_set_new(object, "bytes", json_integer((json_int_t)checked->bytes));
    json_object_set_new(object, "damaged", json_integer((json_int_t)checked->damaged));
    json_object_set_new(object, "modified", json_integer((json_int_t)checked->modified));
    json_object_set_new(object, "missing", json_integer((json_int_t)checked->missing));
    json_object_set_new(object, "other", json_integer((json_int_t)checked->other));
    json_object_set_new(object, "unknown", json_integer((json_int_t)checked->unknown));
    json_object_set_new(object, "removed", json_integer((json_int_t)checked->removed));
    print(object);
}

void json_pair_code(const Fxnode__Control__PairShow *shown) {
    json_t *object = begin("pair-code");
    set_name(object, "code", shown->code, strlen(shown->code));
    json_object_set_new(object, "seconds", json_integer(shown->seconds));
    print(object);
}

void json_pair_tried(const Fxnode__Control__PairTried *tried) {
    json_t *object = begin("pair-tried");
    json_object_set_new(object, "left", json_integer(tried->left));
    print(object);
}

void json_pair_ask(const Fxnode__Control__PairAsk *asked) {
    json_t *object = begin("pair-ask");
    set_key(object, "id", asked->key.data, asked->key.len);
    set_name(object, "name", asked->name, strlen(asked->name));
    json_object_set_new(object, "again", json_boolean(asked->again));
    json_object_set_new(object, "left", json_integer(asked->left));
    print(object);
}

void json_peer_line(const uint8_t *key, const char *name, const char *line) {
    json_t *object = begin("peer-line");
    set_key(object, "id", key, LIMIT_KEY);
    set_name(object, "name", name, strlen(name));
    set_name(object, "line", line, strlen(line));
    print(object);
}

void json_identity(const uint8_t *key, const char *name) {
    json_t *object = begin("identity");
    set_key(object, "id", key, LIMIT_KEY);
    set_name(object, "name", name, strlen(name));
    print(object);
}

void json_result(int status, const char *text) {
    json_t *object = begin("result");
    json_object_set_new(object, "status", json_integer(status));
    set_name(object, "text", text, strlen(text));
    print(object);
}
