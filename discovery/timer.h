/*
 * A timer of an Avahi loop: set again and again, or stopped.
 */
#ifndef DISCOVERY_TIMER_H
#define DISCOVERY_TIMER_H

#include <avahi-common/watch.h>

struct timer {
    const AvahiPoll *poll;
    AvahiTimeout *timeout;
    void (*expired)(void *context);
    void *context;
};

/* A stopped timer that will call `expired(context)`. `timer` must stay where it is. 0 or -ENOMEM.
 */
int timer_init(struct timer *timer, const AvahiPoll *poll, void (*expired)(void *context),
               void *context);

/* Frees; a zeroed or freed timer is nothing. */
void timer_clear(struct timer *timer);

/* Expires once, `ms` milliseconds from now; replaces what was set before. */
void timer_set(struct timer *timer, unsigned ms);
void timer_stop(struct timer *timer);

#endif
