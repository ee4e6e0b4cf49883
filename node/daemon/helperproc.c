#include "node/daemon/helperproc.h"

#include "base/io.h"
#include "base/log.h"

#include <errno.h>
#include <linux/sockios.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define HELPERPROC_PACKETS 32 /* read at most so many before other work gets its turn */

/* A packet that did not fit into the socket at once. */
struct outgoing_packet {
    struct outgoing_packet *next;
    int fd;
    size_t length;
    uint8_t data[];
};

struct helperproc {
    uv_process_t process;
    uv_poll_t poll;
    int chan;
    int open_handles;
    bool exited;
    bool drained; /* end of file or an error was read from the channel */
    bool reported;
    bool given_up; /* nothing more is sent to it */
    struct helperproc_events events;
    struct outgoing_packet *first;
    struct outgoing_packet **last;
    size_t waiting;
    char how[64];
};

static void packet_free(struct outgoing_packet *packet) {
    io_close(&packet->fd);
    sodium_memzero(packet->data, packet->length);
    free(packet);
}

static void queue_drop(struct helperproc *helper) {
    while (helper->first != NULL) {
        struct outgoing_packet *packet = helper->first;
        helper->first = packet->next;
        packet_free(packet);
    }
    helper->last = &helper->first;
    helper->waiting = 0;
}

static void handle_closed(uv_handle_t *handle) {
    struct helperproc *helper = handle->data;
    if (--helper->open_handles == 0)
        free(helper);
}

static void channel_close(struct helperproc *helper) {
    queue_drop(helper);
    if (helper->chan < 0)
        return;
    uv_close((uv_handle_t *)&helper->poll, handle_closed);
    io_close(&helper->chan);
}

/* Both ends of a helper's life come in either order: its exit and the last of what it sent. */
static void report_if_over(struct helperproc *helper) {
    if (!helper->exited || !helper->drained || helper->reported)
        return;
    helper->reported = true;
    helper->events.gone(helper->events.arg, helper->how);
    uv_close((uv_handle_t *)&helper->process, handle_closed);
}

static void channel_over(struct helperproc *helper) {
    helper->drained = true;
    channel_close(helper);
    /* A helper has no business without its channel. */
    if (!helper->exited)
        uv_process_kill(&helper->process, SIGKILL);
    report_if_over(helper);
}

static void watch(struct helperproc *helper);

/* Sends what waits. 0, or -errno where the channel is broken. */
static int flush(struct helperproc *helper) {
    while (helper->first != NULL) {
        struct outgoing_packet *packet = helper->first;
        int error = chan_send(helper->chan, packet->data, packet->length, &packet->fd,
                              packet->fd >= 0 ? 1 : 0, MSG_DONTWAIT);
        if (error == -EAGAIN)
            return 0;
        if (error != 0)
            return error;
        helper->first = packet->next;
        if (helper->first == NULL)
            helper->last = &helper->first;
        helper->waiting--;
        packet_free(packet);
    }
    return 0;
}

/* Nothing more can be said to the helper: a message is lost, and it would wait for it forever. It
 * finds the end of its channel and ends; what it said before is read first. */
static void fall_silent(struct helperproc *helper) {
    queue_drop(helper);
    helper->given_up = true;
    shutdown(helper->chan, SHUT_WR);
}

/* Reads and reports packets. True once the channel has ended. */
static bool receive(struct helperproc *helper) {
    static struct chan_packet
        packet; /* one loop, one thread: 64 KiB that need not be on the stack */

    for (int i = 0; i < HELPERPROC_PACKETS; i++) {
        int got = chan_receive(helper->chan, &packet, MSG_DONTWAIT);
        if (got == -EAGAIN)
            return false;
        if (got <= 0)
            return true;
        helper->events.packet(helper->events.arg, &packet);
        chan_drop_fds(&packet);
    }
    return false;
}

static void on_poll(uv_poll_t *poll, int status, int events) {
    struct helperproc *helper = poll->data;
    (void)events;
    if (receive(helper) || status < 0) {
        channel_over(helper);
        return;
    }
    if (flush(helper) != 0)
        fall_silent(helper);
    watch(helper);
}

static void watch(struct helperproc *helper) {
    int events = UV_READABLE | (helper->first != NULL ? UV_WRITABLE : 0);
    uv_poll_start(&helper->poll, events, on_poll);
}

static void on_exited(uv_process_t *process, int64_t status, int signal_number) {
    struct helperproc *helper = process->data;
    helper->exited = true;
    if (signal_number != 0)
        snprintf(helper->how, sizeof helper->how, "killed by signal %d", signal_number);
    else
        snprintf(helper->how, sizeof helper->how, "exit status %d", (int)status);
    report_if_over(helper);
}

static int spawn(struct helperproc *helper, uv_loop_t *loop, const struct part *part, int theirs) {
    char path[PART_PATH_ROOM];
    char *args[] = {(char *)"fxnode", (char *)(uintptr_t)part->role, NULL};
    uv_stdio_container_t stdio[] = {
        {.flags = UV_IGNORE},
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
        {.flags = UV_INHERIT_FD, .data.fd = theirs},
    };
    uv_process_options_t options = {
        .file = path,
        .flags = UV_PROCESS_DETACHED, /* Ctrl-C and hangups are for the node: it ends its helpers */
        .args = args,
        .stdio_count = PART_CHANNEL + 1,
        .stdio = stdio,
        .exit_cb = on_exited,
    };
    part_path(part, path);
    return uv_spawn(loop, &helper->process, &options);
}

/* A process that failed to start still has a handle that the loop must close. */
static void abandon(struct helperproc *helper) {
    uv_close((uv_handle_t *)&helper->poll, handle_closed);
    uv_close((uv_handle_t *)&helper->process, handle_closed);
}

int helperproc_start(struct helperproc **out, uv_loop_t *loop, const struct part *part,
                     const struct helperproc_events *events, struct fail *fail) {
    int error = 0;
    int pair[2] = {-1, -1};
    struct helperproc *helper = calloc(1, sizeof *helper);
    if (helper == NULL)
        return fail_set(fail, -ENOMEM, "cannot start a helper");
    helper->events = *events;
    helper->last = &helper->first;
    helper->chan = -1;
    helper->process.data = helper;
    helper->poll.data = helper;

    error = chan_pair(pair);
    if (error != 0) {
        free(helper);
        fail_set(fail, error, "cannot make a channel to a helper");
        goto out;
    }
    /* First what can be taken back. */
    error = uv_poll_init(loop, &helper->poll, pair[0]);
    if (error != 0) {
        free(helper);
        fail_set(fail, error, "cannot watch a helper's channel");
        goto out;
    }
    helper->open_handles = 2;
    error = spawn(helper, loop, part, pair[1]);
    if (error != 0) {
        abandon(helper);
        fail_set(fail, error, "cannot start fxnode %s", part->role);
        goto out;
    }
    helper->chan = pair[0];
    pair[0] = -1;
    watch(helper);
    *out = helper;
out:
    io_close(&pair[0]);
    io_close(&pair[1]);
    return error;
}

void helperproc_send(struct helperproc *helper, const void *data, size_t length, int fd) {
    struct outgoing_packet *packet = NULL;
    if (helper->chan < 0 || helper->given_up)
        goto out;
    packet = malloc(sizeof *packet + length);
    if (packet == NULL || helper->waiting >= HELPERPROC_QUEUE) {
        log_error("a helper does not take its messages: it is stopped");
        helper->given_up = true;
        helperproc_kill(helper);
        goto out;
    }
    packet->next = NULL;
    packet->fd = fd;
    packet->length = length;
    memcpy(packet->data, data, length);
    *helper->last = packet;
    helper->last = &packet->next;
    helper->waiting++;
    if (flush(helper) != 0)
        fall_silent(helper);
    watch(helper);
    return;
out:
    free(packet);
    io_close(&fd);
}

bool helperproc_keeps_up(const struct helperproc *helper) {
    int unread = 0;
    return helper->first == NULL && helper->chan >= 0 &&
           ioctl(helper->chan, SIOCOUTQ, &unread) == 0 && unread <= HELPERPROC_UNREAD;
}

void helperproc_hang_up(struct helperproc *helper) {
    if (helper->chan >= 0)
        fall_silent(helper);
}

struct search {
    pid_t pid;
    bool found;
};

static void compare(uv_handle_t *handle, void *arg) {
    struct search *search = arg;
    if (uv_handle_get_type(handle) == UV_PROCESS && uv_is_active(handle) &&
        uv_process_get_pid((const uv_process_t *)handle) == search->pid)
        search->found = true;
}

bool helperproc_is_one(uv_loop_t *loop, pid_t pid) {
    struct search search = {.pid = pid};
    uv_walk(loop, compare, &search);
    return search.found;
}

void helperproc_kill(struct helperproc *helper) {
    if (!helper->exited)
        uv_process_kill(&helper->process, SIGKILL);
}
