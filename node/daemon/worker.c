#include "node/daemon/worker.h"

#include "base/escape.h"
#include "base/log.h"
#include "node/daemon/helperproc.h"
#include "proto/local.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WORKER_EXTENTS 1024     /* of them in one message */
#define WORKER_PATH_BYTES 32768 /* of paths in one message, about */

struct worker {
    struct worker *next;
    struct node *node;
    struct helperproc *process;
    uv_timer_t grace;
    struct worker_events events;
    bool ended;
    worker_outcome outcome;
    char text[512];
};

struct workers {
    struct node *node;
    struct worker *first;
    size_t count;
    void (*idle)(struct node *node);
};

int workers_new(struct workers **out, struct node *node, void (*idle)(struct node *node)) {
    struct workers *workers = calloc(1, sizeof *workers);
    if (workers == NULL)
        return -ENOMEM;
    workers->node = node;
    workers->idle = idle;
    *out = workers;
    return 0;
}

void workers_free(struct workers *workers) {
    free(workers);
}

size_t workers_count(const struct workers *workers) {
    return workers->count;
}

void workers_stop(struct workers *workers, Fxnode__Helper__Stop__Reason reason) {
    for (struct worker *worker = workers->first; worker != NULL; worker = worker->next)
        worker_stop(worker, reason);
}

static void set_add(struct workers *workers, struct worker *worker) {
    worker->next = workers->first;
    workers->first = worker;
    workers->count++;
}

static void set_remove(struct workers *workers, struct worker *worker) {
    struct worker **at = &workers->first;
    while (*at != worker)
        at = &(*at)->next;
    *at = worker->next;
    workers->count--;
}

static void end_with(struct worker *worker, worker_outcome outcome, const char *text) {
    worker->ended = true;
    worker->outcome = outcome;
    snprintf(worker->text, sizeof worker->text, "%s", text);
    escape_mend(worker->text);
}

static void on_packet(void *arg, struct chan_packet *packet) {
    struct worker *worker = arg;
    const Fxnode__Helper__ToNode *message = NULL;
    struct fail why;

    if (worker->ended)
        return;
    int result = local_decode_from_session(worker->node->arena, packet->data, packet->length,
                                           &message, &why);
    if (result != 0) {
        log_error("a session was stopped: %s", result > 0 ? why.text : "out of memory");
        end_with(worker, result > 0 ? WORKER_ENDED(FAILED) : WORKER_ENDED(LOST),
                 "its session broke the rules of its channel");
        helperproc_kill(worker->process);
    } else if (message->body_case == FXNODE__HELPER__TO_NODE__BODY_ENDED) {
        end_with(worker, message->ended->outcome, message->ended->text);
        if (worker->outcome == WORKER_ENDED(COMPLETE) && worker->events.complete != NULL)
            worker->events.complete(worker->events.arg);
    } else {
        if (message->body_case == FXNODE__HELPER__TO_NODE__BODY_NOTE)
            escape_mend(message->note->text);
        else if (message->body_case == FXNODE__HELPER__TO_NODE__BODY_FOUND)
            escape_mend(message->found->text);
        worker->events.message(worker->events.arg, message);
    }
    msg_arena_reset(worker->node->arena);
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

static void on_gone(void *arg, const char *how) {
    struct worker *worker = arg;
    struct workers *workers = worker->node->workers;

    if (!worker->ended) {
        char text[96];
        snprintf(text, sizeof text, "the session ended unexpectedly (%s)", how);
        end_with(worker, WORKER_ENDED(LOST), text);
    }
    set_remove(workers, worker);
    worker->events.gone(worker->events.arg, worker->outcome, worker->text);
    uv_close((uv_handle_t *)&worker->grace, on_closed);
    if (workers->count == 0)
        workers->idle(worker->node);
}

int worker_start(struct worker **out, struct node *node, const struct worker_events *events,
                 struct fail *fail) {
    struct worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL)
        return fail_set(fail, -ENOMEM, "cannot start a session");
    worker->node = node;
    worker->events = *events;

    struct helperproc_events below = {.packet = on_packet, .gone = on_gone, .arg = worker};
    int error = helperproc_start(&worker->process, node->loop, &node->session, &below, fail);
    if (error != 0) {
        free(worker);
        return error;
    }
    uv_timer_init(node->loop, &worker->grace);
    worker->grace.data = worker;
    set_add(node->workers, worker);
    *out = worker;
    return 0;
}

static void send_with(struct worker *worker, const Fxnode__Helper__ToSession *message, int fd) {
    static uint8_t packet[LIMIT_PACKET]; /* one loop, one thread */
    int length = msg_encode(&message->base, packet, sizeof packet);
    if (length < 0) {
        log_error("a message to a session is too long: it is stopped");
        worker_kill(worker);
        length = 0;
    }
    if (length > 0)
        helperproc_send(worker->process, packet, (size_t)length, fd);
    else if (fd >= 0)
        close(fd);
    sodium_memzero(packet, (size_t)length);
}

void worker_send(struct worker *worker, const Fxnode__Helper__ToSession *message) {
    send_with(worker, message, -1);
}

void worker_send_job_with(struct worker *worker, const Fxnode__Helper__Job *job, int fd) {
    Fxnode__Helper__ToSession message = FXNODE__HELPER__TO_SESSION__INIT;
    message.body_case = FXNODE__HELPER__TO_SESSION__BODY_JOB;
    message.job = (Fxnode__Helper__Job *)job;
    send_with(worker, &message, fd);
}

void worker_send_job(struct worker *worker, const Fxnode__Helper__Job *job) {
    worker_send_job_with(worker, job, -1);
}

/* How many of the paths from `first` on fit into one message; at least one. */
static size_t paths_that_fit(const struct store_names *paths, size_t first) {
    size_t bytes = 0;
    size_t count = 0;
    while (first + count < paths->length && bytes < WORKER_PATH_BYTES)
        bytes += paths->items[first + count++].length + 8;
    return count;
}

void worker_send_paths(struct worker *worker, const struct store_names *paths) {
    for (size_t first = 0; first < paths->length;) {
        Fxnode__Helper__ToSession message = FXNODE__HELPER__TO_SESSION__INIT;
        Fxnode__Helper__Paths body = FXNODE__HELPER__PATHS__INIT;
        size_t count = paths_that_fit(paths, first);
        ProtobufCBinaryData *list = calloc(count, sizeof *list);
        if (list == NULL) {
            worker_kill(worker);
            return;
        }
        for (size_t i = 0; i < count; i++)
            list[i] = (ProtobufCBinaryData){.len = paths->items[first + i].length,
                                            .data = (uint8_t *)paths->items[first + i].bytes};
        body.n_paths = count;
        body.paths = list;
        message.body_case = FXNODE__HELPER__TO_SESSION__BODY_PATHS;
        message.paths = &body;
        worker_send(worker, &message);
        free(list);
        first += count;
    }
}

static void send_extents(struct worker *worker, const struct range *ranges, size_t count,
                         bool replaced) {
    Fxnode__Helper__ToSession message = FXNODE__HELPER__TO_SESSION__INIT;
    Fxnode__Helper__Extents body = FXNODE__HELPER__EXTENTS__INIT;
    Fxnode__Helper__Extent extents[WORKER_EXTENTS];
    Fxnode__Helper__Extent *list[WORKER_EXTENTS];

    for (size_t i = 0; i < count; i++) {
        fxnode__helper__extent__init(&extents[i]);
        extents[i].first = ranges[i].first;
        extents[i].count = ranges[i].count;
        list[i] = &extents[i];
    }
    body.n_extents = count;
    body.extents = list;
    body.replaced = replaced;
    message.body_case = FXNODE__HELPER__TO_SESSION__BODY_EXTENTS;
    message.extents = &body;
    worker_send(worker, &message);
}

void worker_send_extents(struct worker *worker, const struct rangeset *extents, bool replaced) {
    for (size_t first = 0; first < extents->length; first += WORKER_EXTENTS) {
        size_t left = extents->length - first;
        send_extents(worker, extents->ranges + first, left < WORKER_EXTENTS ? left : WORKER_EXTENTS,
                     replaced);
    }
}

void worker_send_link(struct worker *worker, struct link *link, uint32_t lane) {
    Fxnode__Helper__ToSession message = FXNODE__HELPER__TO_SESSION__INIT;
    Fxnode__Helper__Connection body = FXNODE__HELPER__CONNECTION__INIT;
    body.lane = lane;
    body.send_key = (ProtobufCBinaryData){LIMIT_KEY, link->result.send_key};
    body.receive_key = (ProtobufCBinaryData){LIMIT_KEY, link->result.receive_key};
    body.features = link->result.features;
    message.body_case = FXNODE__HELPER__TO_SESSION__BODY_CONNECTION;
    message.connection = &body;
    int fd = link->fd;
    link->fd = -1;
    send_with(worker, &message, fd);
    link_drop(link);
}

bool worker_keeps_up(const struct worker *worker) {
    return helperproc_keeps_up(worker->process);
}

void worker_send_committed(struct worker *worker, uint64_t ticket) {
    Fxnode__Helper__ToSession message = FXNODE__HELPER__TO_SESSION__INIT;
    Fxnode__Helper__Committed body = FXNODE__HELPER__COMMITTED__INIT;
    body.ticket = ticket;
    message.body_case = FXNODE__HELPER__TO_SESSION__BODY_COMMITTED;
    message.committed = &body;
    worker_send(worker, &message);
}

static void on_grace_over(uv_timer_t *timer) {
    worker_kill(timer->data);
}

void worker_stop(struct worker *worker, Fxnode__Helper__Stop__Reason reason) {
    Fxnode__Helper__ToSession message = FXNODE__HELPER__TO_SESSION__INIT;
    Fxnode__Helper__Stop body = FXNODE__HELPER__STOP__INIT;
    body.reason = reason;
    message.body_case = FXNODE__HELPER__TO_SESSION__BODY_STOP;
    message.stop = &body;
    worker_send(worker, &message);
    if (!uv_is_active((uv_handle_t *)&worker->grace))
        uv_timer_start(&worker->grace, on_grace_over, WORKER_GRACE_MS, 0);
}

void worker_kill(struct worker *worker) {
    helperproc_kill(worker->process);
}

void worker_give_up(struct worker *worker, const char *why) {
    if (!worker->ended)
        end_with(worker, WORKER_ENDED(LOST), why);
    worker_kill(worker);
}
