#include "discovery/publisher.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>

#define RETRY_MS 10000u

static void set(struct publisher *publisher, bool established, const char *text) {
    /* Also where `text` is what stands there: nothing is copied onto itself. */
    if (publisher->established == established && strcmp(publisher->text, text) == 0)
        return;
    publisher->established = established;
    if (text != publisher->text)
        snprintf(publisher->text, sizeof publisher->text, "%s", text);
    publisher->changed(publisher->context);
}

static void publish(void *context) {
    struct publisher *publisher = context;
    if (publisher->engine && publisher->current.publish)
        publisher->engine->ops->publish(publisher->engine, &publisher->current);
}

int publisher_init(struct publisher *publisher, const AvahiPoll *poll,
                   void (*changed)(void *context), void *context) {
    memset(publisher, 0, sizeof *publisher);
    publisher->changed = changed;
    publisher->context = context;
    return timer_init(&publisher->retry, poll, publish, publisher);
}

void publisher_clear(struct publisher *publisher) {
    timer_clear(&publisher->retry);
}

static void withdraw(struct publisher *publisher) {
    timer_stop(&publisher->retry);
    if (publisher->engine)
        publisher->engine->ops->withdraw(publisher->engine);
    set(publisher, false, "");
}

/* A name that was found after a collision is kept until another one is wanted: peers know it. */
void publisher_want(struct publisher *publisher, const struct discovery_setup *setup) {
    bool renamed = strcmp(publisher->wanted.name, setup->name) != 0;
    char name[DISCOVERY_NAME_ROOM];
    memcpy(name, publisher->current.name, sizeof name);
    publisher->wanted = *setup;
    publisher->current = *setup;
    if (!renamed)
        memcpy(publisher->current.name, name, sizeof name);
    publisher->collisions = 0;
    withdraw(publisher);
    publish(publisher);
}

void publisher_use(struct publisher *publisher, struct engine *engine) {
    withdraw(publisher);
    publisher->engine = engine;
    publish(publisher);
}

static void next_name(struct publisher *publisher) {
    service_next_name(publisher->current.name);
    timer_set(&publisher->retry, service_collision_delay_ms(publisher->collisions++));
    set(publisher, false, "");
}

void publisher_report(struct publisher *publisher, AvahiEntryGroupState state, const char *why) {
    char text[DISCOVERY_TEXT_ROOM];
    switch (state) {
    case AVAHI_ENTRY_GROUP_ESTABLISHED:
        set(publisher, true, "");
        break;
    case AVAHI_ENTRY_GROUP_COLLISION:
        next_name(publisher);
        break;
    case AVAHI_ENTRY_GROUP_FAILURE:
        snprintf(text, sizeof text, "cannot be published: %s", why);
        timer_set(&publisher->retry, RETRY_MS);
        set(publisher, false, text);
        break;
    case AVAHI_ENTRY_GROUP_UNCOMMITED:
    case AVAHI_ENTRY_GROUP_REGISTERING:
        set(publisher, false, publisher->text);
        break;
    }
}
