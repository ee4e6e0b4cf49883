#include "node/daemon/console.h"

#include "base/escape.h"
#include "base/id.h"
#include "base/log.h"
#include "node/daemon/incoming.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONSOLE_NAMES 3 /* of an offer that are shown */

struct console {
    struct node *node;
    uv_poll_t input;
    bool can_watch; /* standard input is a terminal */
    uint64_t asked; /* number of the transfer that was asked about last; 0: none */
};

int console_new(struct console **out, struct node *node) {
    struct console *console = calloc(1, sizeof *console);
    if (console == NULL)
        return -ENOMEM;
    console->node = node;
    console->input.data = console;
    console->can_watch = !node->transient && isatty(STDIN_FILENO) == 1 &&
                         uv_poll_init(node->loop, &console->input, STDIN_FILENO) == 0;
    *out = console;
    return 0;
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

void console_free(struct console *console) {
    if (console == NULL)
        return;
    if (console->can_watch)
        uv_close((uv_handle_t *)&console->input, on_closed);
    else
        free(console);
}

static bool in_foreground(void) {
    return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static struct transfer *first_waiting(struct node *node) {
    struct transfer *transfer = transfers_first(node->transfers);
    while (transfer != NULL && (transfer->record.direction != STORE_INCOMING ||
                                transfer->record.state != STORE_OFFERED))
        transfer = transfer->next;
    return transfer;
}

static void on_input(uv_poll_t *input, int status, int events);

/* Asks about the offer that waits longest, if there is one and somebody to ask. */
static void ask(struct console *console) {
    struct transfer *transfer = first_waiting(console->node);
    console->asked = transfer == NULL || !in_foreground() ? 0 : transfer->record.number;
    if (console->asked == 0) {
        uv_poll_stop(&console->input);
        return;
    }
    fprintf(stderr, "fxnode: accept transfer %llu? [y/n] ", (unsigned long long)console->asked);
    fflush(stderr);
    uv_poll_start(&console->input, UV_READABLE, on_input);
}

static void act(struct console *console, char answer) {
    struct transfer *transfer = transfers_find(console->node->transfers, console->asked);
    struct fail fail;
    int error = 0;
    if (transfer == NULL)
        log_info("transfer %llu is no longer offered", (unsigned long long)console->asked);
    else if (answer == 'y' || answer == 'Y')
        error = incoming_accept(transfer, &fail);
    else if (answer == 'n' || answer == 'N')
        error = incoming_reject(transfer, &fail);
    if (error != 0)
        log_info("%s", fail.text);
}

static void on_input(uv_poll_t *input, int status, int events) {
    struct console *console = input->data;
    char line[64];
    (void)events;
    if (status < 0 || !in_foreground()) {
        uv_poll_stop(input);
        return;
    }
    ssize_t got = read(STDIN_FILENO, line, sizeof line);
    if (got <= 0) {
        uv_poll_stop(input);
        return;
    }
    act(console, line[0]);
    ask(console);
}

static void describe_names(char *out, size_t room, const struct store_transfer *record) {
    size_t length = 0;
    out[0] = '\0';
    for (size_t i = 0; i < record->names.length && i < CONSOLE_NAMES && length < room; i++) {
        char name[128];
        escape_bytes(name, sizeof name, record->names.items[i].bytes,
                     record->names.items[i].length);
        length +=
            (size_t)snprintf(out + length, room - length, "%s\"%s\"", i > 0 ? ", " : "", name);
    }
    if (record->name_count > CONSOLE_NAMES && length < room)
        snprintf(out + length, room - length, " and %u more", record->name_count - CONSOLE_NAMES);
}

void console_offer(struct transfer *transfer) {
    struct console *console = transfer->node->console;
    const struct store_transfer *record = &transfer->record;
    char peer[ESCAPE_ROOM(LIMIT_NAME)];
    char id[ID_GROUPED_ROOM];
    char names[512];

    escape_text(peer, sizeof peer, record->peer_name);
    id_format_grouped(id, record->peer_key);
    describe_names(names, sizeof names, record);
    log_info("%s (%s) offers %s: %u entries, %llu bytes; `fxnode accept %llu` takes it",
             peer[0] != '\0' ? peer : "a peer without a name", id, names, record->entries,
             (unsigned long long)record->bytes, (unsigned long long)record->number);
    if (console->can_watch && console->asked == 0)
        ask(console);
}
