#include "node/cli/command.h"

#include "base/escape.h"
#include "base/id.h"
#include "node/cli/cli.h"
#include "node/cli/json.h"

#include <stdio.h>
#include <string.h>

/* What can be done where a peer was not found or cannot be reached; a text that names a command has
 * said so itself. */
static void say_way_out(const char *text) {
    if (strstr(text, "fxnode ") == NULL)
        fprintf(stderr, "fxnode: `fxnode peers` lists who is remembered or there; to be found, the "
                        "other machine has to run `fxnode daemon`\n");
}

int command_end(bool json, int status, const char *text) {
    if (json)
        json_result(status, text);
    if (text[0] == '\0')
        return status;
    if (status != CLI_DONE)
        fprintf(stderr, "fxnode: %s\n", text);
    else if (!json)
        printf("%s\n", text);
    if (status == CLI_UNREACHABLE && !json)
        say_way_out(text);
    return status;
}

int command_fail(bool json, const struct fail *fail) {
    return command_end(json, CLI_FAILED, fail->text);
}

int command_lost(bool json, int outcome, const struct fail *fail) {
    if (outcome == CLIENT_NO_NODE)
        return command_end(json, CLI_FAILED, "no daemon is running: start one with fxnode daemon");
    if (outcome == CLIENT_CLOSED)
        return command_end(json, CLI_FAILED, "the node went away: try again");
    return command_fail(json, fail);
}

int command_open(const struct options *options, enum client_start start, struct locations *where,
                 struct client **out) {
    struct fail fail;
    *out = NULL;
    int rc = locations_find(where, &options->where, &fail);
    if (rc == 0)
        rc = client_open(out, where, start, &fail);
    return rc == 0 ? CLI_DONE : command_lost(options->json, rc, &fail);
}

/* Events until the result. */
static int follow(struct client *client, bool json, command_show *show, void *context) {
    for (;;) {
        const Fxnode__Control__Event *event = NULL;
        struct fail fail = {0};
        int rc = client_next(client, &event, NULL, &fail);
        if (rc != 0)
            return command_lost(json, rc, &fail);
        if (event->body_case == FXNODE__CONTROL__EVENT__BODY_RESULT)
            return command_end(json, event->result->status, event->result->text);
        show(context, json, event);
    }
}

int command_run(const struct options *options, enum client_start start,
                const Fxnode__Control__Request *request, command_show *show, void *context) {
    struct locations where;
    struct client *client = NULL;
    struct fail fail;

    int status = command_open(options, start, &where, &client);
    if (client == NULL)
        return status;
    int rc = client_request(client, request, &fail);
    status = rc == 0 ? follow(client, options->json, show, context)
                     : command_lost(options->json, rc, &fail);
    client_close(client);
    return status;
}

char *command_peer(char out[COMMAND_PEER_ROOM], const char *name, const ProtobufCBinaryData *key) {
    char shown[ESCAPE_ROOM(LIMIT_NAME)];
    char id[ID_SHORT_ROOM] = "no id";
    if (key->len == LIMIT_KEY)
        id_format_short(id, key->data);
    escape_text(shown, sizeof shown, name);
    snprintf(out, COMMAND_PEER_ROOM, "%s (%s)", shown[0] != '\0' ? shown : "a node", id);
    return out;
}

void command_note(bool json, const Fxnode__Control__Note *note) {
    if (json)
        json_note(note);
    else
        fprintf(stderr, "fxnode: %s\n", note->text);
}

char *command_names(char out[COMMAND_NAMES_ROOM], const Fxnode__Control__Transfer *transfer) {
    size_t shown = transfer->n_names < 3 ? transfer->n_names : 3;
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < shown; i++) {
        char name[100];
        escape_bytes(name, sizeof name, transfer->names[i].data, transfer->names[i].len);
        used += (size_t)snprintf(out + used, COMMAND_NAMES_ROOM - used, "%s%s", i > 0 ? ", " : "",
                                 name);
    }
    if (transfer->name_count > shown)
        snprintf(out + used, COMMAND_NAMES_ROOM - used, "%s%zu more", shown > 0 ? " and " : "",
                 transfer->name_count - shown);
    return out;
}
