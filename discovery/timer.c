#include "discovery/timer.h"

#include <avahi-common/timeval.h>

#include <errno.h>
#include <stddef.h>

static void on_timeout(AvahiTimeout *timeout, void *userdata) {
    struct timer *timer = userdata;
    (void)timeout;
    timer->expired(timer->context);
}

int timer_init(struct timer *timer, const AvahiPoll *poll, void (*expired)(void *context),
               void *context) {
    timer->poll = poll;
    timer->expired = expired;
    timer->context = context;
    timer->timeout = poll->timeout_new(poll, NULL, on_timeout, timer);
    return timer->timeout ? 0 : -ENOMEM;
}

void timer_clear(struct timer *timer) {
    if (timer->timeout)
        timer->poll->timeout_free(timer->timeout);
    timer->timeout = NULL;
}

void timer_set(struct timer *timer, unsigned ms) {
    struct timeval when;
    avahi_elapse_time(&when, ms, 0);
    timer->poll->timeout_update(timer->timeout, &when);
}

void timer_stop(struct timer *timer) {
    timer->poll->timeout_update(timer->timeout, NULL);
}
