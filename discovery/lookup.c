#include "discovery/lookup.h"

#include "base/log.h"

#include <avahi-common/domain.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One instance that is being followed. */
struct item {
    struct engine_listener listener; /* first: the engine hands it back */
    struct lookup *lookup;
    struct engine_instance instance; /* its strings are the two below */
    char name[DISCOVERY_NAME_ROOM];
    char domain[AVAHI_DOMAIN_NAME_MAX];
    char host[AVAHI_DOMAIN_NAME_MAX];
    struct discovery_found found; /* all but the address */
    bool answered;                /* resolved, or known not to answer for now */
    struct engine_query *resolver;
    struct engine_query *addresses;
    uint8_t held[TABLE_PER_INSTANCE]
                [16]; /* addresses seen, so that a changed port reaches them all */
    size_t held_count;
};

struct lookup {
    struct engine *engine;
    struct lookup_owner owner;
    bool all_seen;
    bool full_told;
    struct item *items[LOOKUP_INSTANCES];
    size_t length;
};

struct lookup *lookup_new(struct engine *engine, const struct lookup_owner *owner) {
    struct lookup *lookup = calloc(1, sizeof *lookup);
    if (lookup) {
        lookup->engine = engine;
        lookup->owner = *owner;
    }
    return lookup;
}

static void stop_queries(struct item *item) {
    const struct engine_ops *ops = item->lookup->engine->ops;
    if (item->addresses)
        ops->addresses_stop(item->addresses);
    if (item->resolver)
        ops->resolve_stop(item->resolver);
    item->addresses = NULL;
    item->resolver = NULL;
}

static void item_free(struct item *item) {
    stop_queries(item);
    free(item);
}

void lookup_free(struct lookup *lookup) {
    if (!lookup)
        return;
    for (size_t i = 0; i < lookup->length; i++)
        item_free(lookup->items[i]);
    free(lookup);
}

bool lookup_settled(const struct lookup *lookup) {
    if (!lookup->all_seen)
        return false;
    for (size_t i = 0; i < lookup->length; i++)
        if (!lookup->items[i]->answered)
            return false;
    return true;
}

static void changed(struct lookup *lookup) {
    lookup->owner.changed(lookup->owner.context);
}

/* Says so once, until there is plenty of room again. */
static void note_full(struct lookup *lookup) {
    if (!lookup->full_told)
        log_warn("too many services on the network: not all of them are listed");
    lookup->full_told = true;
}

/* The table's key of all addresses of an item, or of one. */
static struct table_key key_of(const struct item *item, const void *address) {
    size_t length = engine_address_length(item->instance.protocol);
    return (struct table_key){.instance = item->name,
                              .interface = item->found.interface,
                              .family = length == 4 ? 4 : 6,
                              .address = address,
                              .address_length = address ? (uint8_t)length : 0};
}

static void put_address(struct item *item, const uint8_t *address) {
    struct discovery_found found = item->found;
    found.address_length = (uint8_t)engine_address_length(item->instance.protocol);
    memcpy(found.address, address, found.address_length);
    if (table_put(item->lookup->owner.table, &found) < 0)
        note_full(item->lookup);
}

static size_t held_index(const struct item *item, const void *address, size_t length) {
    size_t i = 0;
    while (i < item->held_count && memcmp(item->held[i], address, length) != 0)
        i++;
    return i;
}

static void address_new(struct item *item, const void *address, size_t length) {
    if (held_index(item, address, length) < item->held_count)
        return;
    if (item->held_count == TABLE_PER_INSTANCE) {
        note_full(item->lookup);
        return;
    }
    memcpy(item->held[item->held_count++], address, length);
    put_address(item, address);
}

static void address_gone(struct item *item, const void *address, size_t length) {
    size_t i = held_index(item, address, length);
    if (i == item->held_count)
        return;
    struct table_key key = key_of(item, address);
    table_drop(item->lookup->owner.table, &key);
    item->held_count--;
    memmove(item->held[i], item->held[item->held_count], sizeof item->held[i]);
}

/* This node's own instance needs no watching: its records would be asked for again every two
 * minutes, the only traffic of a node that is alone. */
static void rest_if_own(struct item *item) {
    if (item->instance.local && item->found.own)
        stop_queries(item);
}

static void on_address(struct engine_listener *listener, AvahiBrowserEvent event, const void *bytes,
                       size_t length) {
    struct item *item = (struct item *)listener;
    bool usable = bytes && length == engine_address_length(item->instance.protocol);
    if (event == AVAHI_BROWSER_NEW && usable)
        address_new(item, bytes, length);
    else if (event == AVAHI_BROWSER_REMOVE && usable)
        address_gone(item, bytes, length);
    else if (event == AVAHI_BROWSER_ALL_FOR_NOW)
        rest_if_own(item);
    if (event != AVAHI_BROWSER_CACHE_EXHAUSTED)
        item->answered = true;
    changed(item->lookup);
}

/* Follows the addresses of another host than before. */
static void follow_host(struct item *item, const char *host) {
    const struct engine_ops *ops = item->lookup->engine->ops;
    struct table_key all = key_of(item, NULL);
    if (item->addresses)
        ops->addresses_stop(item->addresses);
    item->held_count = 0;
    table_drop(item->lookup->owner.table, &all);
    snprintf(item->host, sizeof item->host, "%s", host);
    item->addresses =
        ops->addresses(item->lookup->engine, &item->instance, item->host, &item->listener);
    if (!item->addresses) {
        note_full(item->lookup);
        item->answered = true;
    }
}

static void take_service(struct item *item, const struct engine_service *service) {
    struct service_txt txt;
    service_read_txt(&txt, service->txt);
    item->found.version = txt.version;
    strcpy(item->found.id, txt.id);
    item->found.own = txt.id[0] && strcmp(txt.id, item->lookup->owner.id) == 0;
    item->found.port = service->port;
    if (!item->addresses || !avahi_domain_equal(item->host, service->host))
        follow_host(item, service->host);
    else
        for (size_t i = 0; i < item->held_count; i++)
            put_address(item, item->held[i]);
}

static void on_resolved(struct engine_listener *listener, const struct engine_service *service) {
    struct item *item = (struct item *)listener;
    if (service && service->port != 0 && avahi_is_valid_domain_name(service->host))
        take_service(item, service);
    else
        item->answered = true;
    changed(item->lookup);
}

static size_t find(const struct lookup *lookup, const struct engine_instance *instance) {
    size_t i = 0;
    for (; i < lookup->length; i++) {
        const struct engine_instance *other = &lookup->items[i]->instance;
        if (other->interface == instance->interface && other->protocol == instance->protocol &&
            strcmp(other->name, instance->name) == 0)
            break;
    }
    return i;
}

static struct item *item_new(struct lookup *lookup, const struct engine_instance *instance) {
    struct item *item = calloc(1, sizeof *item);
    if (!item)
        return NULL;
    item->lookup = lookup;
    item->listener = (struct engine_listener){.resolved = on_resolved, .address = on_address};
    strcpy(item->name, instance->name);
    snprintf(item->domain, sizeof item->domain, "%s", instance->domain);
    item->instance = *instance;
    item->instance.name = item->name;
    item->instance.domain = item->domain;
    strcpy(item->found.instance, instance->name);
    item->found.interface = (uint32_t)instance->interface;
    return item;
}

static void instance_new(struct lookup *lookup, const struct engine_instance *instance) {
    struct item *item = NULL;
    if (find(lookup, instance) < lookup->length)
        return;
    if (lookup->length < LOOKUP_INSTANCES)
        item = item_new(lookup, instance);
    if (!item) {
        note_full(lookup);
        return;
    }
    lookup->items[lookup->length++] = item;
    item->resolver = lookup->engine->ops->resolve(lookup->engine, &item->instance, &item->listener);
    if (!item->resolver) {
        note_full(lookup);
        item->answered = true;
    }
}

static void instance_gone(struct lookup *lookup, const struct engine_instance *instance) {
    size_t i = find(lookup, instance);
    if (i == lookup->length)
        return;
    struct item *item = lookup->items[i];
    struct table_key all = key_of(item, NULL);
    table_drop(lookup->owner.table, &all);
    lookup->items[i] = lookup->items[--lookup->length];
    item_free(item);
    if (lookup->length < LOOKUP_INSTANCES / 2)
        lookup->full_told = false;
}

static bool is_usable(const struct engine_instance *instance) {
    return instance->interface > 0 && service_name_ok(instance->name) &&
           (instance->protocol == AVAHI_PROTO_INET || instance->protocol == AVAHI_PROTO_INET6);
}

void lookup_browsed(struct lookup *lookup, AvahiBrowserEvent event,
                    const struct engine_instance *instance) {
    if (event == AVAHI_BROWSER_ALL_FOR_NOW)
        lookup->all_seen = true;
    else if (instance && is_usable(instance)) {
        if (event == AVAHI_BROWSER_NEW)
            instance_new(lookup, instance);
        else if (event == AVAHI_BROWSER_REMOVE)
            instance_gone(lookup, instance);
    }
    changed(lookup);
}
