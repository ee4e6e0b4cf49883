#include "base/escape.h"
#include "node/session/send.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SHOWN 256 /* room for a path in a message */

enum exchange_outcome send_outcome(int error) {
    switch (error) {
    case -ENOSPC:
    case -EDQUOT:
        return EXCHANGE_NO_SPACE;
    case -ENODEV:
    case -ENOMEM:
    case -EAGAIN:
    case -EMFILE:
    case -ENFILE:
        return EXCHANGE_LOST;
    default:
        return EXCHANGE_FAILED;
    }
}

int send_own_failed(const struct send *send, int error, struct fail *fail) {
    char shown[SHOWN];

    fail_set(fail, error, "cannot write into %s",
             escape_text(shown, sizeof shown, send->job->work));
    if (send_outcome(error) == EXCHANGE_NO_SPACE) {
        size_t used = strlen(fail->text);
        snprintf(fail->text + used, sizeof fail->text - used,
                 "; once there is room the transfer goes on by itself");
    }
    return error;
}

/* One that has failed is not gone on with: what the peer keeps of it may go. */
void send_stop_locked(struct send *send, int error, const char *text) {
    enum exchange_outcome outcome = send_outcome(error);
    static const exchange_reason reasons[] = {
        [EXCHANGE_NO_SPACE] = FXNODE__WIRE__STOP__REASON__NO_SPACE,
        [EXCHANGE_LOST] = FXNODE__WIRE__STOP__REASON__BUSY,
        [EXCHANGE_FAILED] = FXNODE__WIRE__STOP__REASON__CANCELLED,
    };

    course_prepare_end(&send->course, outcome, text);
    if (sender_stop(send->sender, reasons[outcome], NULL) == 0)
        send_act(send);
    course_end(&send->course, outcome, text);
}

void send_out_of_step(struct send *send, int error) {
    send_stop_locked(send, error,
                     error == -ENOMEM ? "out of memory" : "the transfer got out of step");
}

void send_stop(struct send *send, int error, const char *text) {
    pthread_mutex_lock(&send->course.lock);
    send_stop_locked(send, error, text);
    pthread_mutex_unlock(&send->course.lock);
}
