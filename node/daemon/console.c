#include "node/daemon/console.h"

#include "base/escape.h"
#include "base/id.h"
#include "base/io.h"
#include "base/log.h"
#include "node/common/human.h"
#include "node/common/landing.h"
#include "node/daemon/incoming.h"
#include "node/daemon/peers.h"
#include "node/daemon/receiving.h"
#include "store/store_expire.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#define LANDING_SHOWN 512
#define CONSOLE_NAMES 3 /* of an offer that are shown */
#define CONSOLE_LOOK_MS 1000u
#define CONSOLE_PAUSE_MS 1000u /* longer than a finger takes to stop */

struct console {
    struct node *node;
    uv_poll_t input;
    uv_signal_t suspend; /* SIGTSTP, while single keys are read */
    uv_timer_t look;     /* for the foreground, while an offer waits: nothing tells of that */
    int open_handles;
    int terminal; /* -1: there is none. A description of our own: others go on reading theirs */
    bool keys;    /* the terminal gives single keys and does not show them */
    struct termios lines;
    struct log_limit offers;    /* lines about offers, which peers cause, */
    struct log_limit questions; /* and questions about them */
    uint64_t asked;             /* number of the transfer that is asked about; 0: none */
    uint64_t pause_ms;          /* nothing is asked before that moment */
    bool always;                /* `a` is an answer too */
};

static void on_closed(uv_handle_t *handle) {
    struct console *console = handle->data;
    if (--console->open_handles > 0)
        return;
    io_close(&console->terminal);
    free(console);
}

static bool in_foreground(const struct console *console) {
    return tcgetpgrp(console->terminal) == getpgrp();
}

/* Single keys. What was typed before the question was seen is no answer to it. */
static bool take_keys(struct console *console) {
    struct termios keys;
    if (tcgetattr(console->terminal, &console->lines) != 0)
        return false;
    keys = console->lines;
    keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    keys.c_cc[VMIN] = 1;
    keys.c_cc[VTIME] = 0;
    console->keys = tcsetattr(console->terminal, TCSAFLUSH, &keys) == 0;
    return console->keys;
}

/* Asks nothing any more; the terminal is as it was. */
static void rest(struct console *console) {
    console->asked = 0;
    if (console->terminal < 0)
        return;
    uv_poll_stop(&console->input);
    uv_signal_stop(&console->suspend);
    uv_timer_stop(&console->look);
    /* In the background it is somebody else's by now, who has set it as it should be. */
    if (console->keys && in_foreground(console))
        tcsetattr(console->terminal, TCSANOW, &console->lines);
    console->keys = false;
}

static struct transfer *first_waiting(struct node *node) {
    struct transfer *transfer = transfers_first(node->transfers);
    while (transfer != NULL && (transfer->record.direction != STORE_INCOMING ||
                                transfer->record.state != STORE_OFFERED))
        transfer = transfer->next;
    return transfer;
}

static void on_input(uv_poll_t *input, int status, int events);
static void on_suspend(uv_signal_t *handle, int number);
static void on_look(uv_timer_t *timer);

/* Listens before the question is seen: who answers it with Ctrl-Z at once is asked again later. */
static bool begin(struct console *console) {
    uv_signal_start(&console->suspend, on_suspend, SIGTSTP);
    if (!take_keys(console)) {
        rest(console);
        return false;
    }
    uv_poll_start(&console->input, UV_READABLE, on_input);
    return true;
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

/* What a yes would do to what exists, also to what is not among the names that are told, or comes
 * to exist before all of it is here. */
static void announce_existing(const struct transfer *transfer) {
    static const char *const becomes[] = {
        [STORE_EXISTS_RENAME] = "what comes gets another name",
        [STORE_EXISTS_SKIP] = "the same files are left out, others get another name",
        [STORE_EXISTS_OVERWRITE] = "files that differ are replaced",
    };
    char names[OFFER_EXISTING_ROOM];
    offer_existing(names, &transfer->record);
    log_info("transfer %llu: %s%s: %s (`fxnode accept --exists` has a choice)",
             (unsigned long long)transfer->record.number,
             transfer->record.existing != 0 ? names : "where a name exists",
             transfer->record.existing != 0 ? " there already" : "",
             becomes[transfer->record.exists]);
}

/* Who, what, where to and until when: all that a yes is about. What the peer has chosen comes after
 * what it has not, so that no name passes for the rest of the line. */
static void announce(struct transfer *transfer) {
    const struct store_transfer *record = &transfer->record;
    bool paired = peers_paired(transfer->node->peers, record->peer_key) != NULL;
    const char *limit = incoming_limit(transfer);
    char peer[ESCAPE_ROOM(LIMIT_NAME)];
    char id[ID_GROUPED_ROOM];
    char names[512];
    char size[HUMAN_ROOM];
    char until[HUMAN_ROOM];
    char plain[PATH_MAX];
    char landing[LANDING_SHOWN];

    transfer->announced = true;
    escape_text(peer, sizeof peer, record->peer_name);
    id_format_grouped(id, record->peer_key);
    escape_text(landing, sizeof landing, landing_plain(plain, record->destination));
    describe_names(names, sizeof names, record);
    log_info(
        "%s peer %s (%s) offers %u %s, %s%s%s, for %s (`fxnode accept %llu` takes it, until %s): "
        "%s",
        paired ? "paired" : "unpaired", peer[0] != '\0' ? peer : "without a name", id,
        record->entries, record->entries == 1 ? "entry" : "entries",
        human_bytes(size, record->bytes), limit[0] != '\0' ? ", " : "", limit, landing,
        (unsigned long long)record->number,
        human_time(until, record->created + STORE_EXPIRE_OFFER_S), names);
    if (record->exists != STORE_EXISTS_RENAME || offer_may_exist(record))
        announce_existing(transfer);
}

/* Asks about the offer that waits longest, if there is one and somebody to ask. What is asked about
 * has been said, in whatever crowd of offers it came. */
static void ask(struct console *console) {
    struct transfer *transfer = first_waiting(console->node);
    uint32_t dropped = 0;
    rest(console);
    if (transfer == NULL || console->node->stopping)
        return;
    if (!in_foreground(console) || io_now_ms() < console->pause_ms ||
        !log_limit_take(&console->questions, io_now_ms(), &dropped) || !begin(console)) {
        uv_timer_start(&console->look, on_look, CONSOLE_LOOK_MS, 0);
        return;
    }
    console->asked = transfer->record.number;
    console->always = incoming_may_always(transfer);
    if (!transfer->announced)
        announce(transfer);
    log_info("press y to accept transfer %llu, n to reject it%s",
             (unsigned long long)console->asked,
             console->always ? ", a to accept all that this peer offers" : "");
}

static void on_look(uv_timer_t *timer) {
    ask(timer->data);
}

/* Ctrl-Z: stops as it would without us, with the terminal as it was. */
static void on_suspend(uv_signal_t *handle, int number) {
    struct console *console = handle->data;
    rest(console);
    raise(number);
    ask(console);
}

static int answer(struct transfer *transfer, char key, struct fail *fail) {
    switch (key) {
    case 'y':
        return incoming_accept(transfer, STORE_EXISTS_DEFAULT, fail);
    case 'a':
        return incoming_accept_always(transfer, STORE_EXISTS_DEFAULT, fail);
    default:
        return incoming_reject(transfer, fail);
    }
}

static void act(struct console *console, char key) {
    struct transfer *transfer = transfers_find(console->node->transfers, console->asked);
    unsigned long long number = console->asked;
    struct fail fail;
    console->asked = 0;
    if (transfer == NULL)
        return;
    if (answer(transfer, key, &fail) != 0)
        log_info("%s", fail.text);
    else
        log_info("transfer %llu is %s", number,
                 key == 'n'   ? "rejected"
                 : key == 'a' ? "accepted, and so is what this peer offers from now on"
                              : "accepted");
}

static void on_input(uv_poll_t *input, int status, int events) {
    struct console *console = input->data;
    char key = '\0';
    (void)events;
    if (status < 0 || !in_foreground(console) || read(console->terminal, &key, 1) != 1) {
        ask(console); /* later */
        return;
    }
    key = (char)tolower((unsigned char)key);
    if (key != 'y' && key != 'n' && (key != 'a' || !console->always))
        return;
    act(console, key);
    if (console->asked == 0)
        ask(console);
}

/* Watches the terminal that the daemon was started on. One of the background is only looked at for
 * who is in its foreground. */
static void open_terminal(struct console *console) {
    uv_loop_t *loop = console->node->loop;
    if (console->node->transient || isatty(STDIN_FILENO) != 1)
        return;
    console->terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (console->terminal < 0)
        return;
    if (uv_poll_init(loop, &console->input, console->terminal) != 0) {
        io_close(&console->terminal);
        return;
    }
    uv_signal_init(loop, &console->suspend);
    uv_timer_init(loop, &console->look);
    console->input.data = console->suspend.data = console->look.data = console;
    console->open_handles = 3;
}

int console_new(struct console **out, struct node *node) {
    struct console *console = calloc(1, sizeof *console);
    if (console == NULL)
        return -ENOMEM;
    console->node = node;
    console->terminal = -1;
    open_terminal(console);
    *out = console;
    return 0;
}

void console_free(struct console *console) {
    if (console == NULL)
        return;
    rest(console);
    if (console->terminal < 0) {
        free(console);
        return;
    }
    uv_close((uv_handle_t *)&console->input, on_closed);
    uv_close((uv_handle_t *)&console->suspend, on_closed);
    uv_close((uv_handle_t *)&console->look, on_closed);
}

void console_rest(struct console *console) {
    rest(console);
}

/* A sender that takes its offer back just before a key is pressed would have the key answer another
 * one: what is typed in the pause is no answer (take_keys()). */
void console_changed(struct console *console, const struct transfer *transfer) {
    if (console->asked != transfer->record.number || transfer->record.state == STORE_OFFERED)
        return;
    console->pause_ms = io_now_ms() + CONSOLE_PAUSE_MS;
    ask(console);
}

/* A sender that comes back has made its offer before. */
static bool may_announce(struct console *console, const struct transfer *transfer) {
    uint32_t dropped = 0;
    if (transfer->announced || !log_limit_take(&console->offers, io_now_ms(), &dropped))
        return false;
    if (dropped > 0)
        log_info("%u more offers came and may have gone; `fxnode transfers` lists them", dropped);
    return true;
}

void console_offer(struct transfer *transfer) {
    struct console *console = transfer->node->console;
    if (may_announce(console, transfer))
        announce(transfer);
    if (console->terminal >= 0 && console->asked == 0)
        ask(console);
}
