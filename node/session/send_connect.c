/* A connection that the node hands over becomes a lane. */
#include "base/io.h"
#include "node/session/send.h"
#include "proto/features.h"
#include "proto/wire.h"

#include <errno.h>

/* What a peer with these features does not understand in the manifest. */
static unsigned find_unknown(const struct send *send, uint32_t features) {
    unsigned known = (features & FEATURE_OUTSIDE) != 0 ? MANIFEST_OUTSIDE : 0;

    if ((features & FEATURE_LINKS) != 0)
        known |= MANIFEST_HARDLINKS | MANIFEST_ATTRIBUTES;
    return manifest_index_has(send->index) & ~known;
}

/* Whether the peer can take the manifest. One that is too old leaves attributes out, but takes some
 * links for nonsense. */
static bool suits(struct send *send, uint32_t features) {
    unsigned unknown = find_unknown(send, features);
    const char *why = NULL;

    if ((unknown & MANIFEST_HARDLINKS) != 0)
        why = "there are hard links to send, and the peer's fxnode is too old for them: update it "
              "there";
    else if ((unknown & MANIFEST_OUTSIDE) != 0)
        why = "there are symbolic links to send that lead outside, and the peer's fxnode is too "
              "old for them: update it there, or leave them out with --exclude";
    if (why != NULL) {
        pthread_mutex_lock(&send->course.lock);
        course_end(&send->course, EXCHANGE_FAILED, why);
        pthread_mutex_unlock(&send->course.lock);
        return false;
    }
    if ((unknown & MANIFEST_ATTRIBUTES) != 0)
        uplink_note(send->course.uplink,
                    "extended attributes are not kept: the peer's fxnode is too old for them",
                    false);
    return true;
}

/* There was no memory for a connection. Without the first one nothing would ever come. */
static void miss_lane(struct send *send, uint32_t number) {
    if (number > 0) {
        send_lanes_came(send, number, false);
        return;
    }
    send_stop(send, -ENOMEM, "out of memory");
}

void send_connect(struct send *send, struct uplink_message *message) {
    uint32_t number = message->body->connection->lane;
    struct connection *connection = NULL;
    int r = 0;

    if (number >= LIMIT_LANES || send->course.lanes[number].connection != NULL)
        return;
    if (number == 0 && !suits(send, message->body->connection->features))
        return;
    if (number == 0)
        send->frames.packs = (message->body->connection->features & FEATURE_PACKED) != 0;
    connection = course_connect(&send->course, message, SEND_FRAME, LIMIT_CONTROL);
    if (connection == NULL) {
        miss_lane(send, number);
        return;
    }
    pthread_mutex_lock(&send->course.lock);
    r = number == 0 ? sender_start(send->sender, io_now_ms())
                    : sender_lane_opened(send->sender, number);
    if (number == 0 && r < 0)
        send_out_of_step(send, r);
    send_act(send);
    pthread_mutex_unlock(&send->course.lock);
    if (number > 0)
        send_lanes_came(send, number, r == 0);
    if (r < 0)
        connection_free(connection);
    else if (course_open_lane(&send->course, number, connection,
                              number == 0 ? send_listen : send_watch, send_write) < 0)
        send_stop(send, -EAGAIN, "cannot start a thread");
}
