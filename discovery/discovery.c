#include "discovery/discovery.h"

#include "discovery/bus.h"
#include "discovery/embedded.h"
#include "discovery/lookup.h"
#include "discovery/publisher.h"
#include "discovery/remote.h"
#include "discovery/reporter.h"
#include "discovery/timer.h"

#include <avahi-common/error.h>
#include <avahi-common/simple-watch.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FALLBACK_MS 1000u   /* how long a daemon that was there may be gone: a restart takes less */
#define RETRY_FIRST_MS 500u /* to connect again; doubles */
#define RETRIES 7u          /* the last after half a minute */
#define EMBEDDED_RETRY_MS 10000u
#define SETTLE_MS 1500u     /* the first question is asked again after a second (RFC 6762 5.2) */
#define SETTLE_LATE_MS 400u /* longer, for who has answered but not told all */
#define SWEEP_MS 3000u      /* after a change of engine, for what only the earlier one knew */

struct watch {
    AvahiWatch *watch;
    void (*readable)(void *context);
    void *context;
    struct watch *next;
};

struct discovery {
    AvahiSimplePoll *loop;
    const AvahiPoll *poll;
    struct watch *watches;

    bool started;
    struct discovery_setup setup;
    struct engine *client;
    struct engine *embedded;
    struct engine *active; /* one of the two, or NULL */
    bool client_up;
    bool client_down; /* to be freed from the loop */
    bool embedded_down;
    struct bus bus;
    unsigned retries;              /* since something happened that gave hope */
    char why[DISCOVERY_TEXT_ROOM]; /* the last engine that failed, and why */
    struct timer step;             /* reconsiders the engines */
    struct timer retry;            /* connects to the daemon */
    struct timer fallback;         /* starts the embedded one */

    struct publisher publisher;
    struct lookup *lookup;
    struct reporter reporter;
    struct timer sweep;
    struct timer settle;
    bool looked; /* for SETTLE_MS */
};

/* Reports */

static void report_state(struct discovery *discovery) {
    struct discovery_state state = {0};
    const struct publisher *publisher = &discovery->publisher;
    if (discovery->active)
        state.backend = discovery->active->ops->backend;
    if (publisher->established)
        strcpy(state.published, publisher->current.name);
    strcpy(state.text, discovery->active ? publisher->text : discovery->why);
    reporter_state(&discovery->reporter, &state);
}

static void look_around(struct discovery *discovery) {
    discovery->looked = false;
    timer_set(&discovery->settle, SETTLE_MS);
}

static void on_settle(void *context) {
    struct discovery *discovery = context;
    if (discovery->looked || !discovery->lookup || lookup_settled(discovery->lookup))
        reporter_settle(&discovery->reporter);
    else
        timer_set(&discovery->settle, SETTLE_LATE_MS);
    discovery->looked = true;
}

static void on_lookup_changed(void *context) {
    struct discovery *discovery = context;
    reporter_changed(&discovery->reporter);
    if (discovery->looked && lookup_settled(discovery->lookup))
        reporter_settle(&discovery->reporter);
}

static void on_publisher_changed(void *context) {
    report_state(context);
}

static void on_sweep(void *context) {
    struct discovery *discovery = context;
    table_sweep(discovery->reporter.table);
    reporter_changed(&discovery->reporter);
}

/* What engines report. They are freed and exchanged from the loop only: see on_step(). */

static void note_why(struct discovery *discovery, const char *who, const char *why) {
    snprintf(discovery->why, sizeof discovery->why, "%s: %s", who, why);
}

static void on_browsed(void *context, AvahiBrowserEvent event,
                       const struct engine_instance *instance) {
    struct discovery *discovery = context;
    if (discovery->lookup)
        lookup_browsed(discovery->lookup, event, instance);
}

static void on_published(void *context, AvahiEntryGroupState state, const char *why) {
    struct discovery *discovery = context;
    publisher_report(&discovery->publisher, state, why);
}

static void on_client_up(void *context) {
    struct discovery *discovery = context;
    discovery->client_up = true;
    discovery->retries = 0;
    timer_set(&discovery->step, 0);
}

static void on_client_down(void *context, const char *why) {
    struct discovery *discovery = context;
    note_why(discovery, "avahi-daemon", why);
    discovery->client_down = true;
    timer_set(&discovery->step, 0);
}

static void on_embedded_up(void *context) {
    struct discovery *discovery = context;
    timer_set(&discovery->step, 0);
}

static void on_embedded_down(void *context, const char *why) {
    struct discovery *discovery = context;
    note_why(discovery, "mDNS", why);
    discovery->embedded_down = true;
    timer_set(&discovery->step, 0);
}

/* Engines */

/* A few times, since a bus that is there may need a moment. After that, and where there is none,
 * its socket tells (on_bus_appeared()); only what cannot be watched is tried for ever. */
static void set_retry(struct discovery *discovery) {
    bool watched = bus_watched(&discovery->bus);
    if (watched && (discovery->retries == RETRIES || !bus_exists(&discovery->bus)))
        return;
    if (discovery->retries < RETRIES)
        discovery->retries++;
    timer_set(&discovery->retry, RETRY_FIRST_MS << (discovery->retries - 1));
}

static void on_bus_appeared(void *context) {
    struct discovery *discovery = context;
    if (!discovery->started || discovery->client)
        return;
    discovery->retries = 0;
    timer_set(&discovery->retry, 0);
}

static void start_client(void *context) {
    struct discovery *discovery = context;
    struct engine_events events = {discovery, on_client_up, on_client_down, on_browsed,
                                   on_published};
    int error = AVAHI_OK;
    discovery->client = remote_new(discovery->poll, &events, &error);
    if (discovery->client)
        return;
    discovery->client_up = false;
    discovery->client_down = false;
    note_why(discovery, "avahi-daemon", avahi_strerror(error));
    set_retry(discovery);
}

static void start_embedded(void *context) {
    struct discovery *discovery = context;
    struct engine_events events = {discovery, on_embedded_up, on_embedded_down, on_browsed,
                                   on_published};
    char label[SERVICE_LABEL_ROOM];
    int error = AVAHI_OK;
    if (discovery->client_up || discovery->embedded)
        return;
    service_host_label(label, discovery->setup.id);
    discovery->embedded = embedded_new(discovery->poll, &events, label, &error);
    if (discovery->embedded)
        return;
    note_why(discovery, "mDNS", avahi_strerror(error));
    timer_set(&discovery->fallback, EMBEDDED_RETRY_MS);
    report_state(discovery);
}

static void deactivate(struct discovery *discovery) {
    lookup_free(discovery->lookup);
    discovery->lookup = NULL;
    publisher_use(&discovery->publisher, NULL);
    discovery->active = NULL;
}

/* What the engine before knew stays reported for a while: most of it will be found again. */
static void activate(struct discovery *discovery, struct engine *engine) {
    struct lookup_owner owner = {discovery->reporter.table, discovery->setup.id, on_lookup_changed,
                                 discovery};
    table_doubt(discovery->reporter.table);
    timer_set(&discovery->sweep, SWEEP_MS);
    discovery->active = engine;
    discovery->lookup = lookup_new(engine, &owner);
    int error = discovery->lookup ? engine->ops->browse(engine) : AVAHI_ERR_NO_MEMORY;
    if (error != AVAHI_OK)
        engine->events.down(discovery, avahi_strerror(error));
    publisher_use(&discovery->publisher, engine);
    look_around(discovery);
}

static void drop_client(struct discovery *discovery) {
    if (discovery->active && discovery->active == discovery->client)
        deactivate(discovery);
    if (discovery->client)
        discovery->client->ops->free(discovery->client);
    discovery->client = NULL;
    discovery->client_up = false;
    discovery->client_down = false;
}

static void drop_embedded(struct discovery *discovery) {
    if (discovery->active && discovery->active == discovery->embedded)
        deactivate(discovery);
    if (discovery->embedded)
        discovery->embedded->ops->free(discovery->embedded);
    discovery->embedded = NULL;
    discovery->embedded_down = false;
}

static void on_step(void *context) {
    struct discovery *discovery = context;
    if (discovery->client_down) {
        drop_client(discovery);
        set_retry(discovery);
        timer_set(&discovery->fallback, FALLBACK_MS);
    }
    if (discovery->embedded_down) {
        drop_embedded(discovery);
        timer_set(&discovery->fallback, EMBEDDED_RETRY_MS);
    }
    /* Never both at once: they would take each other for a stranger who has our name. */
    if (discovery->client_up && discovery->embedded)
        drop_embedded(discovery);
    struct engine *engine = discovery->client_up ? discovery->client : discovery->embedded;
    if (engine && engine != discovery->active)
        activate(discovery, engine);
    report_state(discovery);
}

static void stop(struct discovery *discovery) {
    drop_embedded(discovery);
    drop_client(discovery);
    timer_stop(&discovery->step);
    timer_stop(&discovery->retry);
    timer_stop(&discovery->fallback);
}

static void start(struct discovery *discovery) {
    discovery->started = true;
    discovery->retries = 0;
    look_around(discovery); /* also where nothing works */
    start_client(discovery);
    start_embedded(discovery);
}

int discovery_setup(struct discovery *discovery, const struct discovery_setup *setup) {
    if (!service_setup_ok(setup))
        return -EINVAL;
    if (discovery->started && strcmp(discovery->setup.id, setup->id) != 0) {
        stop(discovery);
        discovery->started = false;
    }
    discovery->setup = *setup;
    publisher_want(&discovery->publisher, setup);
    if (!discovery->started)
        start(discovery);
    return 0;
}

/* The loop and its life */

static int init_timers(struct discovery *discovery) {
    const struct {
        struct timer *timer;
        void (*expired)(void *context);
    } all[] = {{&discovery->step, on_step},
               {&discovery->retry, start_client},
               {&discovery->fallback, start_embedded},
               {&discovery->sweep, on_sweep},
               {&discovery->settle, on_settle}};
    int result = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all && result == 0; i++)
        result = timer_init(all[i].timer, discovery->poll, all[i].expired, discovery);
    return result;
}

static int init(struct discovery *discovery, const struct discovery_events *events) {
    discovery->loop = avahi_simple_poll_new();
    if (!discovery->loop)
        return -ENOMEM;
    discovery->poll = avahi_simple_poll_get(discovery->loop);
    int result = init_timers(discovery);
    if (result == 0)
        result = reporter_init(&discovery->reporter, discovery->poll, events);
    if (result == 0)
        result =
            publisher_init(&discovery->publisher, discovery->poll, on_publisher_changed, discovery);
    if (result == 0)
        bus_init(&discovery->bus, discovery->poll, on_bus_appeared, discovery);
    return result;
}

int discovery_new(struct discovery **out, const struct discovery_events *events) {
    struct discovery *discovery = calloc(1, sizeof *discovery);
    int result = discovery ? init(discovery, events) : -ENOMEM;
    if (result < 0)
        discovery_free(discovery);
    else
        *out = discovery;
    return result;
}

static void free_watches(struct discovery *discovery) {
    while (discovery->watches) {
        struct watch *watch = discovery->watches;
        discovery->watches = watch->next;
        discovery->poll->watch_free(watch->watch);
        free(watch);
    }
}

static void free_timers(struct discovery *discovery) {
    publisher_clear(&discovery->publisher);
    timer_clear(&discovery->step);
    timer_clear(&discovery->retry);
    timer_clear(&discovery->fallback);
    timer_clear(&discovery->sweep);
    timer_clear(&discovery->settle);
}

void discovery_free(struct discovery *discovery) {
    if (!discovery)
        return;
    if (discovery->started)
        stop(discovery);
    bus_clear(&discovery->bus);
    free_watches(discovery);
    free_timers(discovery);
    reporter_clear(&discovery->reporter);
    if (discovery->loop)
        avahi_simple_poll_free(discovery->loop);
    free(discovery);
}

static void on_watch(AvahiWatch *avahi, int fd, AvahiWatchEvent event, void *userdata) {
    struct watch *watch = userdata;
    (void)avahi;
    (void)fd;
    (void)event;
    watch->readable(watch->context);
}

int discovery_watch(struct discovery *discovery, int fd, void (*readable)(void *context),
                    void *context) {
    struct watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return -ENOMEM;
    watch->readable = readable;
    watch->context = context;
    watch->watch = discovery->poll->watch_new(discovery->poll, fd, AVAHI_WATCH_IN, on_watch, watch);
    if (!watch->watch) {
        free(watch);
        return -ENOMEM;
    }
    watch->next = discovery->watches;
    discovery->watches = watch;
    return 0;
}

int discovery_run(struct discovery *discovery) {
    return avahi_simple_poll_loop(discovery->loop) > 0 ? 0 : -EIO;
}

void discovery_quit(struct discovery *discovery) {
    avahi_simple_poll_quit(discovery->loop);
}
