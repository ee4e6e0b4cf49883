#include "node/daemon/client.h"

#include "base/chan.h"
#include "base/io.h"
#include "proto/local.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct client_packet {
    struct client_packet *next;
    size_t length;
    uint8_t data[];
};

static struct client_packet *packet_new(const uint8_t *data, size_t length) {
    struct client_packet *packet = malloc(sizeof *packet + length);
    if (packet == NULL)
        return NULL;
    packet->next = NULL;
    packet->length = length;
    memcpy(packet->data, data, length);
    return packet;
}

/* A packet may hold a code. */
static void packet_free(struct client_packet *packet) {
    if (packet != NULL)
        sodium_memzero(packet->data, packet->length);
    free(packet);
}

static void packets_drop(struct client *client) {
    while (client->first != NULL) {
        struct client_packet *packet = client->first;
        client->first = packet->next;
        packet_free(packet);
    }
    client->last = &client->first;
    client->waiting = 0;
}

static void free_if_over(struct client *client) {
    if (client->open_handles == 0 && client->jobs == 0)
        free(client);
}

static void on_closed(uv_handle_t *handle) {
    struct client *client = handle->data;
    client->open_handles--;
    free_if_over(client);
}

void client_drop(struct client *client) {
    if (client->fd < 0)
        return;
    control_unlink(client->control, client);
    uv_close((uv_handle_t *)&client->poll, on_closed);
    uv_close((uv_handle_t *)&client->timer, on_closed);
    io_close(&client->fd);
    packets_drop(client);
    request_abandon(client);
    control_desert(client->control);
}

void client_hold(struct client *client) {
    client->jobs++;
}

void client_release(struct client *client) {
    client->jobs--;
    free_if_over(client);
}

bool client_flush(struct client *client) {
    while (client->first != NULL) {
        struct client_packet *packet = client->first;
        int error = chan_send(client->fd, packet->data, packet->length, NULL, 0, MSG_DONTWAIT);
        if (error == -EAGAIN)
            return true;
        if (error != 0)
            return false;
        client->first = packet->next;
        if (client->first == NULL)
            client->last = &client->first;
        client->waiting -= packet->length;
        packet_free(packet);
    }
    return !client->finished;
}

static void on_client_ready(uv_poll_t *poll, int status, int events);

static void watch(struct client *client) {
    uv_poll_start(&client->poll, UV_READABLE | (client->first != NULL ? UV_WRITABLE : 0),
                  on_client_ready);
}

/* Events are sent when the loop comes round to it, so that whoever caused one is not surprised by
 * the end of a client. */
void client_send(struct client *client, const Fxnode__Control__Event *event) {
    static uint8_t buffer[LIMIT_PACKET]; /* one loop, one thread */
    if (client->fd < 0 || client->finished)
        return;
    int length = msg_encode(&event->base, buffer, sizeof buffer);
    if (length < 0)
        return;
    struct client_packet *packet = packet_new(buffer, (size_t)length);
    sodium_memzero(buffer, (size_t)length);
    if (packet == NULL || client->waiting > CLIENT_QUEUE_BYTES) {
        packet_free(packet);
        shutdown(client->fd, SHUT_RDWR); /* its end is noticed when reading */
        return;
    }
    *client->last = packet;
    client->last = &packet->next;
    client->waiting += packet->length;
    watch(client);
}

void client_result(struct client *client, int status, const char *text) {
    Fxnode__Control__Event event = FXNODE__CONTROL__EVENT__INIT;
    Fxnode__Control__Result body = FXNODE__CONTROL__RESULT__INIT;
    body.status = status;
    body.text = (char *)text;
    event.body_case = FXNODE__CONTROL__EVENT__BODY_RESULT;
    event.result = &body;
    client_send(client, &event);
    client->finished = true;
}

static void on_client_packet(struct client *client, const struct chan_packet *packet) {
    const Fxnode__Control__Request *request = NULL;
    struct fail why;
    if (client->finished)
        return;
    if (local_decode_request(client->node->arena, packet->data, packet->length, &request, &why) !=
        0)
        client_result(client, CLIENT_FAILED, "the node does not understand this request");
    else if (!request_handle(client, request))
        client_result(client, CLIENT_FAILED, "the node does not expect this request now");
    msg_arena_wipe(client->node->arena);
}

static void on_client_ready(uv_poll_t *poll, int status, int events) {
    static struct chan_packet packet; /* one loop, one thread */
    struct client *client = poll->data;
    int got = status < 0 ? -EIO : -EAGAIN;

    if ((events & UV_READABLE) != 0)
        got = chan_receive(client->fd, &packet, MSG_DONTWAIT);
    if (got == 1) {
        on_client_packet(client, &packet);
        sodium_memzero(packet.data, packet.length);
        chan_drop_fds(&packet);
    }
    if (client->fd < 0)
        return;
    if ((got != 1 && got != -EAGAIN) || !client_flush(client))
        client_drop(client);
    else
        watch(client);
}

struct client *client_new(struct control *control, struct node *node, int fd) {
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL || uv_poll_init(node->loop, &client->poll, fd) != 0) {
        free(client);
        io_close(&fd);
        return NULL;
    }
    uv_timer_init(node->loop, &client->timer);
    client->poll.data = client;
    client->timer.data = client;
    client->open_handles = 2;
    client->control = control;
    client->node = node;
    client->fd = fd;
    client->last = &client->first;
    watch(client);
    return client;
}
