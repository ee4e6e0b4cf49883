/*
 * One live Avahi, whichever: what client.c (avahi-daemon) and embedded.c (avahi-core) have in
 * common. An engine finds instances, resolves them, and publishes one service.
 *
 * Everything is asynchronous: calls return at once as far as the network goes, and what follows
 * arrives from the loop. Event receivers must not free the engine; they arrange for it to happen
 * later. Queries are freed before their engine.
 */
#ifndef DISCOVERY_ENGINE_H
#define DISCOVERY_ENGINE_H

#include "discovery/discovery.h"
#include "discovery/service.h"

#include <avahi-common/address.h>
#include <avahi-common/defs.h>
#include <avahi-common/watch.h>

#include <stddef.h>

struct engine;

/* One instance as one interface and one protocol show it. Strings are borrowed. */
struct engine_instance {
    AvahiIfIndex interface;
    AvahiProtocol protocol;
    const char *name;
    const char *domain;
    bool local; /* registered on this machine */
};

/* What an instance resolves to. Borrowed. */
struct engine_service {
    const char *host;
    uint16_t port;
    AvahiStringList *txt;
};

/* Who asked: the first member of the asker's own struct. */
struct engine_listener {
    /* Each time SRV or TXT change; NULL: no answer for now (one may still come). */
    void (*resolved)(struct engine_listener *listener, const struct engine_service *service);
    /* NEW and REMOVE come with an address of 4 or 16 bytes; ALL_FOR_NOW and FAILURE with none. */
    void (*address)(struct engine_listener *listener, AvahiBrowserEvent event, const void *bytes,
                    size_t length);
};

struct engine_events {
    void *context;
    /* It can be used; once. May come before its constructor has returned. */
    void (*up)(void *context);
    /* It is of no more use: free it, from the loop. `why` is for people, borrowed. */
    void (*down)(void *context, const char *why);
    /* REMOVE and NEW of an instance; ALL_FOR_NOW without one. */
    void (*browsed)(void *context, AvahiBrowserEvent event, const struct engine_instance *instance);
    /* The service is established, or has collided with another one's name, or (FAILURE) cannot be
     * published, `why` says the reason. May come from within publish. */
    void (*published)(void *context, AvahiEntryGroupState state, const char *why);
};

/* A query in progress. */
struct engine_query;

struct engine_ops {
    enum discovery_backend backend;
    /* Starts to browse for SERVICE_TYPE; once per engine. 0 or an Avahi error. */
    int (*browse)(struct engine *engine);
    /* Watches SRV and TXT of an instance, and addresses of a host, on `instance`'s interface and
     * protocol: A over IPv4, AAAA over IPv6. NULL where it has no room for more queries. */
    struct engine_query *(*resolve)(struct engine *engine, const struct engine_instance *instance,
                                    struct engine_listener *listener);
    void (*resolve_stop)(struct engine_query *query);
    struct engine_query *(*addresses)(struct engine *engine, const struct engine_instance *instance,
                                      const char *host, struct engine_listener *listener);
    void (*addresses_stop)(struct engine_query *query);
    /* Publishes `setup` in place of what was published before; `published` reports. */
    void (*publish)(struct engine *engine, const struct discovery_setup *setup);
    void (*withdraw)(struct engine *engine);
    void (*free)(struct engine *engine);
};

/* The first member of each engine. */
struct engine {
    const struct engine_ops *ops;
    struct engine_events events;
};

/* Record type to ask for, and expected length of an address, on `protocol`. */
static inline uint16_t engine_record_type(AvahiProtocol protocol) {
    return protocol == AVAHI_PROTO_INET ? AVAHI_DNS_TYPE_A : AVAHI_DNS_TYPE_AAAA;
}

static inline size_t engine_address_length(AvahiProtocol protocol) {
    return protocol == AVAHI_PROTO_INET ? 4 : 16;
}

#endif
