#include "node/common/discovery_check.h"

#include "base/escape.h"
#include "proto/discovery.pb-c.h"

#include <string.h>

/* Fields */

/* Copies a string that is valid UTF-8 and fits; control characters are for whoever shows it. */
static bool take_text(char *out, size_t room, const char *text) {
    size_t length = strnlen(text, room);
    if (length == room || !escape_is_utf8(text, length))
        return false;
    memcpy(out, text, length + 1);
    return true;
}

static bool take_instance(char out[DISCOVERY_NAME_ROOM], const char *text) {
    return text[0] && take_text(out, DISCOVERY_NAME_ROOM, text);
}

/* An id in its canonical form, or none. */
static bool take_id(char out[ID_TEXT_ROOM], const char *text) {
    uint8_t key[LIMIT_KEY];
    if (text[0] == '\0')
        return true;
    if (strnlen(text, ID_TEXT_ROOM) != ID_TEXT || !id_parse(key, text))
        return false;
    id_format(out, key);
    return true;
}

static bool take_address(uint8_t out[16], uint8_t *out_length, const ProtobufCBinaryData *address) {
    if (address->len != 4 && address->len != 16)
        return false;
    memcpy(out, address->data, address->len);
    *out_length = (uint8_t)address->len;
    return true;
}

static bool is_interface(uint32_t interface) {
    return interface >= 1 && interface <= INT32_MAX;
}

static bool is_port(uint32_t port) {
    return port >= 1 && port <= UINT16_MAX;
}

/* Messages to the node */

static const char *read_found(struct discovery_found *found,
                              const Fxnode__Discovery__Found *message) {
    if (!take_instance(found->instance, message->instance))
        return "instance name";
    if (!take_id(found->id, message->id))
        return "id";
    if (!is_interface(message->interface))
        return "interface";
    if (!take_address(found->address, &found->address_length, &message->address))
        return "address";
    if (!is_port(message->port))
        return "port";
    found->version = message->version;
    found->interface = message->interface;
    found->port = (uint16_t)message->port;
    found->own = message->own;
    return NULL;
}

static const char *read_lost(struct discovery_lost *lost, const Fxnode__Discovery__Lost *message) {
    if (!take_instance(lost->instance, message->instance))
        return "instance name";
    if (!is_interface(message->interface))
        return "interface";
    if (message->family != 0 && message->family != 4 && message->family != 6)
        return "family";
    lost->interface = message->interface;
    lost->family = (uint8_t)message->family;
    if (message->address.len == 0)
        return NULL;
    if (!take_address(lost->address, &lost->address_length, &message->address) ||
        lost->family != (lost->address_length == 4 ? 4 : 6))
        return "address";
    return NULL;
}

static const char *read_state(struct discovery_state *state,
                              const Fxnode__Discovery__State *message) {
    switch (message->backend) {
    case FXNODE__DISCOVERY__STATE__BACKEND__NONE:
        state->backend = DISCOVERY_NONE;
        break;
    case FXNODE__DISCOVERY__STATE__BACKEND__DAEMON:
        state->backend = DISCOVERY_DAEMON;
        break;
    case FXNODE__DISCOVERY__STATE__BACKEND__EMBEDDED:
        state->backend = DISCOVERY_EMBEDDED;
        break;
    default:
        return "backend";
    }
    if (!take_text(state->published, sizeof state->published, message->published))
        return "published name";
    if (!take_text(state->text, sizeof state->text, message->text))
        return "text";
    state->settled = message->settled;
    return NULL;
}

/* The field that is at fault, or NULL. */
static const char *read_report(struct discovery_report *report,
                               const Fxnode__Discovery__ToNode *message) {
    switch (message->body_case) {
    case FXNODE__DISCOVERY__TO_NODE__BODY_FOUND:
        report->type = DISCOVERY_FOUND;
        return read_found(&report->found, message->found);
    case FXNODE__DISCOVERY__TO_NODE__BODY_LOST:
        report->type = DISCOVERY_LOST;
        return read_lost(&report->lost, message->lost);
    case FXNODE__DISCOVERY__TO_NODE__BODY_STATE:
        report->type = DISCOVERY_STATE;
        return read_state(&report->state, message->state);
    default:
        return "body";
    }
}

int discovery_check_report(struct discovery_report *report, struct msg_arena *arena,
                           const void *data, size_t length, struct fail *why) {
    const ProtobufCMessage *message = NULL;
    memset(report, 0, sizeof *report);
    int result = msg_decode(arena, &fxnode__discovery__to_node__descriptor, data, length, &message);
    if (result == MSG_INVALID)
        return msg_invalid(why, "the discovery helper sent something that is no message");
    if (result != 0)
        return result;
    const char *fault = read_report(report, (const Fxnode__Discovery__ToNode *)message);
    if (fault)
        return msg_invalid(why, "the discovery helper sent a message with a bad %s", fault);
    return 0;
}

/* Protobuf wants strings that are not const. */
int discovery_check_write_setup(const struct discovery_setup *setup, void *buffer, size_t room) {
    Fxnode__Discovery__ToDiscovery message = FXNODE__DISCOVERY__TO_DISCOVERY__INIT;
    Fxnode__Discovery__Setup body = FXNODE__DISCOVERY__SETUP__INIT;
    body.publish = setup->publish;
    body.name = (char *)setup->name;
    body.id = (char *)setup->id;
    body.port = setup->port;
    message.body_case = FXNODE__DISCOVERY__TO_DISCOVERY__BODY_SETUP;
    message.setup = &body;
    return msg_encode(&message.base, buffer, room);
}

/* Messages to the helper */

static const char *read_setup(struct discovery_setup *setup,
                              const Fxnode__Discovery__Setup *message) {
    if (!take_text(setup->name, sizeof setup->name, message->name))
        return "name";
    if (!take_id(setup->id, message->id))
        return "id";
    if (message->port > UINT16_MAX)
        return "port";
    setup->publish = message->publish;
    setup->port = (uint16_t)message->port;
    return NULL;
}

int discovery_check_setup(struct discovery_setup *setup, struct msg_arena *arena, const void *data,
                          size_t length, struct fail *why) {
    const ProtobufCMessage *decoded = NULL;
    memset(setup, 0, sizeof *setup);
    int result =
        msg_decode(arena, &fxnode__discovery__to_discovery__descriptor, data, length, &decoded);
    if (result == MSG_INVALID)
        return msg_invalid(why, "the node sent something that is no message");
    if (result != 0)
        return result;
    const Fxnode__Discovery__ToDiscovery *message = (const Fxnode__Discovery__ToDiscovery *)decoded;
    if (message->body_case != FXNODE__DISCOVERY__TO_DISCOVERY__BODY_SETUP)
        return msg_invalid(why, "the node sent a message of an unknown kind");
    const char *fault = read_setup(setup, message->setup);
    if (fault)
        return msg_invalid(why, "the node sent a setup with a bad %s", fault);
    return 0;
}

static void fill_found(Fxnode__Discovery__Found *message, const struct discovery_found *found) {
    fxnode__discovery__found__init(message);
    message->instance = (char *)found->instance;
    message->id = (char *)found->id;
    message->version = found->version;
    message->interface = found->interface;
    message->address.data = (uint8_t *)found->address;
    message->address.len = found->address_length;
    message->port = found->port;
    message->own = found->own;
}

static void fill_lost(Fxnode__Discovery__Lost *message, const struct discovery_lost *lost) {
    fxnode__discovery__lost__init(message);
    message->instance = (char *)lost->instance;
    message->interface = lost->interface;
    message->family = lost->family;
    message->address.data = (uint8_t *)lost->address;
    message->address.len = lost->address_length;
}

static void fill_state(Fxnode__Discovery__State *message, const struct discovery_state *state) {
    static const Fxnode__Discovery__State__Backend BACKENDS[] = {
        [DISCOVERY_NONE] = FXNODE__DISCOVERY__STATE__BACKEND__NONE,
        [DISCOVERY_DAEMON] = FXNODE__DISCOVERY__STATE__BACKEND__DAEMON,
        [DISCOVERY_EMBEDDED] = FXNODE__DISCOVERY__STATE__BACKEND__EMBEDDED,
    };
    fxnode__discovery__state__init(message);
    message->backend = BACKENDS[state->backend];
    message->published = (char *)state->published;
    message->text = (char *)state->text;
    message->settled = state->settled;
}

int discovery_check_write_report(const struct discovery_report *report, void *buffer, size_t room) {
    Fxnode__Discovery__ToNode message = FXNODE__DISCOVERY__TO_NODE__INIT;
    Fxnode__Discovery__Found found;
    Fxnode__Discovery__Lost lost;
    Fxnode__Discovery__State state;
    switch (report->type) {
    case DISCOVERY_FOUND:
        fill_found(&found, &report->found);
        message.body_case = FXNODE__DISCOVERY__TO_NODE__BODY_FOUND;
        message.found = &found;
        break;
    case DISCOVERY_LOST:
        fill_lost(&lost, &report->lost);
        message.body_case = FXNODE__DISCOVERY__TO_NODE__BODY_LOST;
        message.lost = &lost;
        break;
    case DISCOVERY_STATE:
        fill_state(&state, &report->state);
        message.body_case = FXNODE__DISCOVERY__TO_NODE__BODY_STATE;
        message.state = &state;
        break;
    }
    return msg_encode(&message.base, buffer, room);
}
