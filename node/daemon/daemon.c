#include "node/daemon/daemon.h"

#include "base/escape.h"
#include "base/id.h"
#include "base/log.h"
#include "node/daemon/clean.h"
#include "node/daemon/console.h"
#include "node/daemon/control.h"
#include "node/daemon/daemon_options.h"
#include "node/daemon/database.h"
#include "node/daemon/discover.h"
#include "node/daemon/incoming.h"
#include "node/daemon/listener.h"
#include "node/daemon/lock.h"
#include "node/daemon/moving.h"
#include "node/daemon/node.h"
#include "node/daemon/notify.h"
#include "node/daemon/outgoing.h"
#include "node/daemon/outwork.h"
#include "node/daemon/pairing_window.h"
#include "node/daemon/peers.h"
#include "node/daemon/stopwatch.h"
#include "node/daemon/transfer.h"
#include "node/daemon/worker.h"
#include "store/store_setting.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DAEMON_PORT_SETTING "port"

struct daemon {
    struct node node;
    uv_loop_t loop;
    uv_signal_t interrupt;
    uv_signal_t terminate;
    struct listener *listener;
    struct stopwatch *stopwatch;
    bool ended;
};

static struct daemon *daemon_of(struct node *node) {
    return (struct daemon *)((char *)node - offsetof(struct daemon, node));
}

/* The end: sessions stop tidily first, then everything else lets go of the loop. */

static void end(struct daemon *daemon) {
    struct node *node = &daemon->node;
    if (daemon->ended)
        return;
    daemon->ended = true;
    database_close(node->database);
    pairing_window_free(node->window);
    console_free(node->console);
    clean_free(node->clean);
    moving_free(node->moving);
    discover_stop(node->discover);
    node->discover = NULL;
    stopwatch_free(daemon->stopwatch);
    uv_close((uv_handle_t *)&daemon->interrupt, NULL);
    uv_close((uv_handle_t *)&daemon->terminate, NULL);
}

static void on_idle(struct node *node) {
    if (node->stopping)
        end(daemon_of(node));
}

static void stop(struct node *node) {
    struct daemon *daemon = daemon_of(node);
    if (node->stopping)
        return;
    node->stopping = true;
    notify_send("STOPPING=1");
    console_rest(node->console);
    if (daemon->listener != NULL)
        listener_close(daemon->listener);
    outgoing_stop_all(node);
    control_close(node->control);
    workers_stop(node->workers, WORKER_STOP(RETIRE));
    if (workers_count(node->workers) == 0)
        end(daemon);
}

static void on_signal(uv_signal_t *handle, int number) {
    struct daemon *daemon = handle->data;
    (void)number;
    stop(&daemon->node);
}

/* What parts of the node tell each other. */

static void on_arrived(void *context, struct link *link) {
    struct node *node = context;
    if (link->result.purpose == HANDSHAKE_PAIR && !node->stopping)
        pairing_window_arrived(node->window, link);
    else
        incoming_arrived(node->incoming, link);
}

static bool is_known(void *context, const uint8_t *key) {
    struct node *node = context;
    return peers_is_known(node->peers, key);
}

static void on_appeared(void *context, const struct discover_entry *entry) {
    struct node *node = context;
    if (entry->has_key)
        outgoing_seen(node, entry->key);
    control_peer_changed(node->control, entry, false);
}

static void on_vanished(void *context, const struct discover_entry *entry) {
    struct node *node = context;
    control_peer_changed(node->control, entry, true);
}

static void on_settled(void *context) {
    struct node *node = context;
    control_peers_settled(node->control);
}

static void on_changed(void *context, const struct transfer *transfer) {
    struct node *node = context;
    if (node->stopping)
        return;
    console_changed(node->console, transfer);
    control_transfer_changed(node->control, transfer);
}

static void on_progress(void *context, const struct transfer *transfer) {
    struct node *node = context;
    if (!node->stopping)
        control_transfer_progress(node->control, transfer);
}

static void on_noted(void *context, const struct transfer *transfer, const struct note *note) {
    struct node *node = context;
    if (!node->stopping)
        control_transfer_noted(node->control, transfer, note);
}

/* Set-up, in this order: what is ours alone, what it remembers, its parts, the network. */

static int open_state(struct node *node, struct fail *fail) {
    const char *path = node->locations.state;
    int error = part_open(&node->session, "session", fail);
    if (error == 0)
        error = statedir_open(&node->statedir, path, fail);
    if (error == 0)
        error = lock_take(&node->statedir, path, fail);
    if (error == 0)
        error = identity_load(&node->identity, node->statedir.fd, path, fail);
    if (error == 0)
        identity_tidy(node->statedir.fd);
    return error;
}

static bool is_outgoing(void *context, uint64_t number) {
    struct node *node = context;
    const struct transfer *transfer = transfers_find(node->transfers, number);
    return transfer != NULL && transfer->record.direction == STORE_OUTGOING;
}

static int open_memory(struct node *node, struct fail *fail) {
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/fxnode.db", node->locations.state);
    int error = outwork_make(node->statedir.fd, fail);
    if (error == 0)
        error = database_open(&node->database, node->loop, path, fail);
    struct store *store = error == 0 ? database_store(node->database) : NULL;
    if (error == 0)
        error = peers_load(&node->peers, node, store, fail);
    if (error == 0)
        error = transfers_load(&node->transfers, node, store, fail);
    if (error == 0)
        error = outwork_prepare(node->statedir.fd, is_outgoing, node, fail);
    return error;
}

static int make_parts(struct node *node, struct fail *fail) {
    struct transfers_watch watch = {on_changed, on_progress, on_noted, node};
    struct control_events events = {.retire = stop, .deserted = stop};
    int error = msg_arena_new(&node->arena, LIMIT_ARENA);
    if (error == 0)
        error = workers_new(&node->workers, node, on_idle);
    if (error == 0)
        error = incoming_new(&node->incoming, node);
    if (error == 0)
        error = pairing_window_new(&node->window, node);
    if (error == 0)
        error = clean_new(&node->clean, node);
    if (error == 0)
        error = moving_new(&node->moving, node);
    if (error == 0)
        error = console_new(&node->console, node);
    if (error != 0)
        return fail_set(fail, error, "cannot start");
    transfers_watch(node->transfers, &watch);
    return control_open(&node->control, node, &events, fail);
}

/* The port once got is kept, so that peers find the node where it was. */
static int listen_for_peers(struct daemon *daemon, struct fail *fail) {
    struct node *node = &daemon->node;
    struct store *store = database_store(node->database);
    int64_t port = 0;
    struct listener_setup setup = {
        .loop = node->loop,
        .identity = &node->identity,
        .config = &node->config,
        .arrived = on_arrived,
        .is_known = is_known,
        .context = node,
    };
    int error = store_setting_get(store, DAEMON_PORT_SETTING, &port, fail);
    if (error < 0)
        return error;
    setup.port = port > 0 && port <= UINT16_MAX ? (uint16_t)port : 0;
    error = listener_open(&daemon->listener, &setup, fail);
    if (error != 0)
        return error;
    node->port = listener_port(daemon->listener);
    if (node->port != port && node->config.listen_count == 0)
        error = store_setting_set(store, DAEMON_PORT_SETTING, node->port, fail);
    return error;
}

static int look_around(struct node *node, struct fail *fail) {
    struct discover_events events = {on_appeared, on_vanished, on_settled, node};
    bool publish = !node->transient && node->config.discovery == CONFIG_DISCOVERY_ON;
    if (node->config.discovery == CONFIG_DISCOVERY_OFF)
        return 0;
    return discover_start(&node->discover, node, publish, &events, fail);
}

static int set_up(struct daemon *daemon, struct fail *fail) {
    struct node *node = &daemon->node;
    int error = open_state(node, fail);
    if (error == 0)
        error = open_memory(node, fail);
    if (error == 0)
        error = make_parts(node, fail);
    if (error == 0 && !node->transient)
        error = listen_for_peers(daemon, fail);
    if (error == 0)
        error =
            statedir_publish(&node->statedir, node->locations.state, node->locations.socket, fail);
    if (error == 0)
        error = look_around(node, fail);
    return error;
}

static void set_signals(struct daemon *daemon) {
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGTTIN, SIG_IGN);
    signal(SIGTTOU, SIG_IGN);
    uv_signal_init(&daemon->loop, &daemon->interrupt);
    uv_signal_init(&daemon->loop, &daemon->terminate);
    daemon->interrupt.data = daemon->terminate.data = daemon;
    uv_signal_start(&daemon->interrupt, on_signal, SIGINT);
    uv_signal_start(&daemon->terminate, on_signal, SIGTERM);
}

static void say_ready(const struct node *node) {
    char name[ESCAPE_ROOM(LIMIT_NAME)];
    char id[ID_GROUPED_ROOM];
    escape_text(name, sizeof name, node->config.name);
    id_format_grouped(id, node->identity.public_key);
    if (!node->transient)
        fprintf(stderr, "fxnode: %s (%s) is listening on port %u\n", name, id, node->port);
    if (!node->transient && node->config.accept == CONFIG_ACCEPT_ALL)
        log_warn("everybody who reaches this port can put files into %s%s", node->files,
                 node->config.exists == CONFIG_EXISTS_OVERWRITE
                     ? ", and replace those that are there"
                     : "");
    notify_send("READY=1");
    unsetenv("NOTIFY_SOCKET"); /* helpers have nothing to report */
}

/* Whoever started a transient node listens to its standard error only until it is ready. */
static void let_go_of_stderr(void) {
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDERR_FILENO);
        close(null);
    }
}

static void run(struct daemon *daemon) {
    struct node *node = &daemon->node;
    say_ready(node);
    if (node->transient)
        let_go_of_stderr();
    else
        outgoing_start_all(node);
    incoming_recover(node->incoming);
    moving_start_all(node->moving);
    clean_expired(node->clean);
    daemon->stopwatch = stopwatch_new(node->loop);
    uv_run(&daemon->loop, UV_RUN_DEFAULT);
}

static void tear_down(struct daemon *daemon) {
    struct node *node = &daemon->node;
    identity_clear(&node->identity);
    transfers_free(node->transfers);
    peers_free(node->peers);
    incoming_free(node->incoming);
    workers_free(node->workers);
    msg_arena_free(node->arena);
    statedir_close(&node->statedir);
    part_close(&node->session);
}

/* 0, or the exit status of a node that could not start. */
static int serve(struct daemon *daemon) {
    struct fail fail;

    if (sodium_init() < 0 || uv_loop_init(&daemon->loop) != 0) {
        log_error("cannot start: the system gives no randomness or no descriptors");
        return 1;
    }
    daemon->node.loop = &daemon->loop;
    set_signals(daemon);
    if (set_up(daemon, &fail) != 0) {
        log_error("%s", fail.text);
        return 1;
    }
    run(daemon);
    tear_down(daemon);
    return 0;
}

/* What a node still has at its end, such as the timers of transfers that wait, is left to the
 * system: it hangs from the loop, and that from here, so it is nothing that was lost. */
static struct daemon *volatile left;

int daemon_main(int argc, char **argv) {
    struct daemon *daemon = calloc(1, sizeof *daemon);
    int status = 1;

    log_open(NULL, LOG_LEVEL_INFO);
    if (daemon == NULL) {
        log_error("cannot start: out of memory");
        return 1;
    }
    left = daemon;
    daemon->node.statedir = (struct statedir){-1, -1};
    daemon->node.session.fd = -1;
    if (daemon_options_parse(&daemon->node, argc, argv, &status))
        status = serve(daemon);
    return status;
}
