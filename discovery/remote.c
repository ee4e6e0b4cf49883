#include "discovery/remote.h"

#include <avahi-client/client.h>
#include <avahi-client/lookup.h>
#include <avahi-client/publish.h>
#include <avahi-common/error.h>

#include <stdlib.h>

struct client {
    struct engine engine; /* first */
    AvahiClient *client;
    AvahiServiceBrowser *browser;
    AvahiEntryGroup *group;
    bool up;
    bool publishing; /* `setup` is to be published */
    struct discovery_setup setup;
};

static void report_down(struct client *client, int error) {
    client->engine.events.down(client->engine.events.context, avahi_strerror(error));
}

static void report_published(struct client *client, AvahiEntryGroupState state, int error) {
    client->engine.events.published(client->engine.events.context, state,
                                    error == AVAHI_OK ? "" : avahi_strerror(error));
}

/* Publishing */

static void on_group(AvahiEntryGroup *group, AvahiEntryGroupState state, void *userdata) {
    struct client *client = userdata;
    (void)group;
    report_published(client, state,
                     state == AVAHI_ENTRY_GROUP_FAILURE ? avahi_client_errno(client->client)
                                                        : AVAHI_OK);
}

static int add_service(struct client *client) {
    const struct discovery_setup *setup = &client->setup;
    AvahiStringList *txt = service_write_txt(setup->id);
    int error = AVAHI_ERR_NO_MEMORY;
    if (txt)
        error = avahi_entry_group_add_service_strlst(client->group, AVAHI_IF_UNSPEC,
                                                     AVAHI_PROTO_UNSPEC, 0, setup->name,
                                                     SERVICE_TYPE, NULL, NULL, setup->port, txt);
    avahi_string_list_free(txt);
    if (error == AVAHI_OK)
        error = avahi_entry_group_commit(client->group);
    return error;
}

static void free_group(struct client *client) {
    if (client->group)
        avahi_entry_group_free(client->group);
    client->group = NULL;
}

/* A group that failed half-way is of no more use, so each time there is a new one. */
static void register_service(struct client *client) {
    int error = AVAHI_OK;
    free_group(client);
    client->group = avahi_entry_group_new(client->client, on_group, client);
    error = client->group ? add_service(client) : avahi_client_errno(client->client);
    if (error != AVAHI_OK)
        report_published(client,
                         error == AVAHI_ERR_COLLISION ? AVAHI_ENTRY_GROUP_COLLISION
                                                      : AVAHI_ENTRY_GROUP_FAILURE,
                         error);
}

static void publish(struct engine *engine, const struct discovery_setup *setup) {
    struct client *client = (struct client *)engine;
    client->setup = *setup;
    client->publishing = true;
    if (avahi_client_get_state(client->client) == AVAHI_CLIENT_S_RUNNING)
        register_service(client);
}

static void withdraw(struct engine *engine) {
    struct client *client = (struct client *)engine;
    client->publishing = false;
    free_group(client);
}

/* The daemon's state. While it looks for a host name of its own, no service may stand: its target
 * would be the old name. */
static void on_client(AvahiClient *avahi, AvahiClientState state, void *userdata) {
    struct client *client = userdata;
    client->client = avahi; /* the first call comes before avahi_client_new() has returned */
    switch (state) {
    case AVAHI_CLIENT_S_RUNNING:
        if (client->publishing)
            register_service(client);
        break;
    case AVAHI_CLIENT_S_REGISTERING:
    case AVAHI_CLIENT_S_COLLISION:
        free_group(client);
        break;
    case AVAHI_CLIENT_FAILURE:
        report_down(client, avahi_client_errno(avahi));
        return;
    case AVAHI_CLIENT_CONNECTING:
        return;
    }
    if (!client->up)
        client->engine.events.up(client->engine.events.context);
    client->up = true;
}

/* Browsing */

static void on_browse(AvahiServiceBrowser *browser, AvahiIfIndex interface, AvahiProtocol protocol,
                      AvahiBrowserEvent event, const char *name, const char *type,
                      const char *domain, AvahiLookupResultFlags flags, void *userdata) {
    struct client *client = userdata;
    struct engine_instance instance = {interface, protocol, name, domain,
                                       (flags & AVAHI_LOOKUP_RESULT_LOCAL) != 0};
    (void)browser;
    (void)type;
    if (event == AVAHI_BROWSER_FAILURE)
        report_down(client, avahi_client_errno(client->client));
    else
        client->engine.events.browsed(client->engine.events.context, event,
                                      name ? &instance : NULL);
}

static int browse(struct engine *engine) {
    struct client *client = (struct client *)engine;
    client->browser =
        avahi_service_browser_new(client->client, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC, SERVICE_TYPE,
                                  NULL, AVAHI_LOOKUP_USE_MULTICAST, on_browse, client);
    return client->browser ? AVAHI_OK : avahi_client_errno(client->client);
}

/* Resolving */

static void on_resolve(AvahiServiceResolver *resolver, AvahiIfIndex interface,
                       AvahiProtocol protocol, AvahiResolverEvent event, const char *name,
                       const char *type, const char *domain, const char *host,
                       const AvahiAddress *address, uint16_t port, AvahiStringList *txt,
                       AvahiLookupResultFlags flags, void *userdata) {
    struct engine_listener *listener = userdata;
    struct engine_service service = {host, port, txt};
    (void)resolver, (void)interface, (void)protocol, (void)name, (void)type, (void)domain;
    (void)address, (void)flags;
    listener->resolved(listener, event == AVAHI_RESOLVER_FOUND && host ? &service : NULL);
}

static struct engine_query *resolve(struct engine *engine, const struct engine_instance *instance,
                                    struct engine_listener *listener) {
    struct client *client = (struct client *)engine;
    return (struct engine_query *)avahi_service_resolver_new(
        client->client, instance->interface, instance->protocol, instance->name, SERVICE_TYPE,
        instance->domain, instance->protocol, AVAHI_LOOKUP_USE_MULTICAST | AVAHI_LOOKUP_NO_ADDRESS,
        on_resolve, listener);
}

static void resolve_stop(struct engine_query *query) {
    avahi_service_resolver_free((AvahiServiceResolver *)query);
}

static void on_record(AvahiRecordBrowser *browser, AvahiIfIndex interface, AvahiProtocol protocol,
                      AvahiBrowserEvent event, const char *name, uint16_t class, uint16_t type,
                      const void *bytes, size_t length, AvahiLookupResultFlags flags,
                      void *userdata) {
    struct engine_listener *listener = userdata;
    (void)browser, (void)interface, (void)protocol, (void)name, (void)class, (void)type;
    (void)flags;
    listener->address(listener, event, bytes, length);
}

static struct engine_query *addresses(struct engine *engine, const struct engine_instance *instance,
                                      const char *host, struct engine_listener *listener) {
    struct client *client = (struct client *)engine;
    return (struct engine_query *)avahi_record_browser_new(
        client->client, instance->interface, instance->protocol, host, AVAHI_DNS_CLASS_IN,
        engine_record_type(instance->protocol), AVAHI_LOOKUP_USE_MULTICAST, on_record, listener);
}

static void addresses_stop(struct engine_query *query) {
    avahi_record_browser_free((AvahiRecordBrowser *)query);
}

/* Life. Everything is freed before the client, which would take it along. */

static void client_free(struct engine *engine) {
    struct client *client = (struct client *)engine;
    withdraw(engine);
    if (client->browser)
        avahi_service_browser_free(client->browser);
    if (client->client)
        avahi_client_free(client->client);
    free(client);
}

static const struct engine_ops OPS = {
    .backend = DISCOVERY_DAEMON,
    .browse = browse,
    .resolve = resolve,
    .resolve_stop = resolve_stop,
    .addresses = addresses,
    .addresses_stop = addresses_stop,
    .publish = publish,
    .withdraw = withdraw,
    .free = client_free,
};

struct engine *remote_new(const AvahiPoll *poll, const struct engine_events *events, int *error) {
    struct client *client = calloc(1, sizeof *client);
    *error = AVAHI_ERR_NO_MEMORY;
    if (!client)
        return NULL;
    client->engine = (struct engine){.ops = &OPS, .events = *events};
    AvahiClient *avahi = avahi_client_new(
        poll, AVAHI_CLIENT_NO_FAIL | AVAHI_CLIENT_IGNORE_USER_CONFIG, on_client, client, error);
    /* Where it fails, what on_client() may have been given is freed already. */
    client->client = avahi;
    if (!avahi) {
        client_free(&client->engine);
        return NULL;
    }
    return &client->engine;
}
