/*
 * import: peers whose keys came by other means, as lines of text (alias.h). All of them become
 * paired, or none.
 */
#include "base/alias.h"
#include "base/escape.h"
#include "base/id.h"
#include "node/cli/cli.h"
#include "node/cli/command.h"
#include "node/cli/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMPORT_PEERS 512 /* what fits into one request */
#define IMPORT_LINE 1024 /* of a comment; a peer takes less */

static const struct options_spec spec = {
    .command = "import",
    .usage = "[FILE] [--json]\n\n"
             "Pairs with the peers in FILE, or else on standard input: lines as fxnode export\n"
             "writes them. All of them or, where one is wrong, none.\n",
    .most = 1,
};

struct imported {
    uint8_t key[LIMIT_KEY];
    char alias[ALIAS_ROOM];
    unsigned line;
};

struct list {
    struct imported peers[IMPORT_PEERS];
    size_t count;
};

static const struct imported *find_same(const struct list *list, const struct imported *peer) {
    for (size_t i = 0; i < list->count; i++)
        if (id_equal(list->peers[i].key, peer->key) ||
            strcmp(list->peers[i].alias, peer->alias) == 0)
            return &list->peers[i];
    return NULL;
}

static bool is_left_out(const char *line) {
    return line[0] == '#' || line[strspn(line, " \t")] == '\0';
}

/* Adds what one line says. 0, or -EINVAL with `fail` filled. */
static int add_line(struct list *list, const char *line, size_t length, unsigned number,
                    struct fail *fail) {
    struct imported peer = {.line = number};
    const char *fault = alias_line_parse(line, length, peer.key, peer.alias);
    if (fault != NULL)
        return fail_set(fail, 0, "line %u: %s", number, fault);
    const struct imported *same = find_same(list, &peer);
    if (same != NULL)
        return fail_set(fail, 0, "line %u: the %s of line %u again", number,
                        id_equal(same->key, peer.key) ? "id" : "name", same->line);
    if (list->count == IMPORT_PEERS)
        return fail_set(fail, 0, "line %u: more than %d peers at once", number, IMPORT_PEERS);
    list->peers[list->count++] = peer;
    return 0;
}

static int read_lines(struct list *list, FILE *file, struct fail *fail) {
    char line[IMPORT_LINE];
    int rc = 0;
    for (unsigned number = 1; rc == 0 && fgets(line, sizeof line, file) != NULL; number++) {
        size_t length = strcspn(line, "\n");
        /* Nothing but a newline or the end of the file ends a line. */
        if (line[length] == '\0' && !feof(file))
            return fail_set(fail, 0, "line %u: it is too long, or no text", number);
        if (length > 0 && line[length - 1] == '\r')
            length--; /* of a file that went through another system */
        line[length] = '\0';
        if (!is_left_out(line))
            rc = add_line(list, line, length, number, fail);
    }
    if (rc == 0 && ferror(file))
        return fail_set(fail, -errno, "it cannot be read");
    if (rc == 0 && list->count == 0)
        return fail_set(fail, 0, "there is no peer in it");
    return rc;
}

static int read_list(struct list *list, const char *path, struct fail *fail) {
    char shown[256];
    struct fail why;
    bool named = path != NULL && strcmp(path, "-") != 0;
    FILE *file = named ? fopen(path, "re") : stdin;

    escape_text(shown, sizeof shown, named ? path : "standard input");
    if (file == NULL)
        return fail_set(fail, -errno, "cannot read %s", shown);
    int rc = read_lines(list, file, &why);
    if (named)
        fclose(file);
    return rc == 0 ? 0 : fail_set(fail, 0, "%s: %s; no peer was imported", shown, why.text);
}

static void show(void *context, bool json, const Fxnode__Control__Event *event) {
    char peer[COMMAND_PEER_ROOM];
    (void)context;
    if (event->body_case != FXNODE__CONTROL__EVENT__BODY_PEER)
        return;
    if (json)
        json_peer(event->peer);
    else
        printf("paired with %s\n", command_peer(peer, event->peer->name, &event->peer->key));
}

static int import(const struct options *options, struct list *list) {
    static Fxnode__Control__Imported peers[IMPORT_PEERS];
    static Fxnode__Control__Imported *pointers[IMPORT_PEERS];
    Fxnode__Control__Import body = FXNODE__CONTROL__IMPORT__INIT;
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;

    for (size_t i = 0; i < list->count; i++) {
        fxnode__control__imported__init(&peers[i]);
        peers[i].key = (ProtobufCBinaryData){LIMIT_KEY, list->peers[i].key};
        peers[i].name = list->peers[i].alias;
        pointers[i] = &peers[i];
    }
    body.peers = pointers;
    body.n_peers = list->count;
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_IMPORT;
    request.import = &body;
    return command_run(options, CLIENT_MAY_START, &request, show, NULL);
}

int cli_import(int argc, char **argv) {
    struct options options;
    struct list *list = NULL;
    struct fail fail;
    int status;

    if (!options_parse(&options, &spec, argc, argv, &status))
        return status;
    list = calloc(1, sizeof *list);
    if (list == NULL)
        fail_set(&fail, -ENOMEM, "cannot import");
    if (list == NULL ||
        read_list(list, options.operand_count > 0 ? options.operands[0] : NULL, &fail) != 0)
        status = command_fail(options.json, &fail);
    else
        status = import(&options, list);
    free(list);
    return status;
}
