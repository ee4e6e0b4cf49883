#include "fake_engine.h"

#include <stdio.h>
#include <string.h>

/* Each query is its engine. */

static struct engine_query *open_query(struct fake_engine *fake, size_t *count,
                                       struct engine_listener *listener) {
    if (fake->room == 0)
        return NULL;
    fake->room--;
    ++*count;
    fake->listener = listener;
    return (struct engine_query *)fake;
}

static struct engine_query *resolve(struct engine *engine, const struct engine_instance *instance,
                                    struct engine_listener *listener) {
    struct fake_engine *fake = (struct fake_engine *)engine;
    (void)instance;
    return open_query(fake, &fake->resolving, listener);
}

static void resolve_stop(struct engine_query *query) {
    struct fake_engine *fake = (struct fake_engine *)query;
    fake->resolving--;
    fake->room++;
}

static struct engine_query *addresses(struct engine *engine, const struct engine_instance *instance,
                                      const char *host, struct engine_listener *listener) {
    struct fake_engine *fake = (struct fake_engine *)engine;
    (void)instance;
    snprintf(fake->host, sizeof fake->host, "%s", host);
    return open_query(fake, &fake->browsing, listener);
}

static void addresses_stop(struct engine_query *query) {
    struct fake_engine *fake = (struct fake_engine *)query;
    fake->browsing--;
    fake->room++;
}

static void publish(struct engine *engine, const struct discovery_setup *setup) {
    struct fake_engine *fake = (struct fake_engine *)engine;
    fake->publications++;
    fake->published = *setup;
}

static void withdraw(struct engine *engine) {
    ((struct fake_engine *)engine)->withdrawals++;
}

static const struct engine_ops OPS = {
    .backend = DISCOVERY_EMBEDDED,
    .resolve = resolve,
    .resolve_stop = resolve_stop,
    .addresses = addresses,
    .addresses_stop = addresses_stop,
    .publish = publish,
    .withdraw = withdraw,
};

void fake_engine_init(struct fake_engine *fake, size_t room) {
    memset(fake, 0, sizeof *fake);
    fake->engine.ops = &OPS;
    fake->room = room;
}
