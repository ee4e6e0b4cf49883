#include "discovery/embedded.h"

#include "discovery/hostname.h"

#include "base/escape.h"
#include "base/log.h"

#include <avahi-common/error.h>
#include <avahi-common/malloc.h>
#include <avahi-core/core.h>
#include <avahi-core/log.h>
#include <avahi-core/lookup.h>
#include <avahi-core/publish.h>

#include <stdlib.h>
#include <string.h>

struct embedded {
    struct engine engine; /* first */
    AvahiServer *server;
    AvahiSServiceBrowser *browser;
    AvahiSEntryGroup *group;
    struct hostname *hostname; /* while something is published */
    struct discovery_setup setup;
    const AvahiPoll *poll;
};

static void report_down(struct embedded *embedded, const char *why) {
    embedded->engine.events.down(embedded->engine.events.context, why);
}

static void on_server(AvahiServer *server, AvahiServerState state, void *userdata) {
    struct embedded *embedded = userdata;
    if (state == AVAHI_SERVER_FAILURE)
        report_down(embedded, avahi_strerror(avahi_server_errno(server)));
}

/* Browsing */

static void on_browse(AvahiSServiceBrowser *browser, AvahiIfIndex interface, AvahiProtocol protocol,
                      AvahiBrowserEvent event, const char *name, const char *type,
                      const char *domain, AvahiLookupResultFlags flags, void *userdata) {
    struct embedded *embedded = userdata;
    struct engine_instance instance = {interface, protocol, name, domain,
                                       (flags & AVAHI_LOOKUP_RESULT_LOCAL) != 0};
    (void)browser;
    (void)type;
    if (event == AVAHI_BROWSER_FAILURE)
        report_down(embedded, avahi_strerror(avahi_server_errno(embedded->server)));
    else
        embedded->engine.events.browsed(embedded->engine.events.context, event,
                                        name ? &instance : NULL);
}

static int browse(struct engine *engine) {
    struct embedded *embedded = (struct embedded *)engine;
    embedded->browser = avahi_s_service_browser_new(
        embedded->server, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC, SERVICE_TYPE, NULL,
        AVAHI_LOOKUP_USE_MULTICAST, on_browse, embedded);
    return embedded->browser ? AVAHI_OK : avahi_server_errno(embedded->server);
}

/* Resolving */

static void on_resolve(AvahiSServiceResolver *resolver, AvahiIfIndex interface,
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
    struct embedded *embedded = (struct embedded *)engine;
    return (struct engine_query *)avahi_s_service_resolver_new(
        embedded->server, instance->interface, instance->protocol, instance->name, SERVICE_TYPE,
        instance->domain, instance->protocol, AVAHI_LOOKUP_USE_MULTICAST | AVAHI_LOOKUP_NO_ADDRESS,
        on_resolve, listener);
}

static void resolve_stop(struct engine_query *query) {
    avahi_s_service_resolver_free((AvahiSServiceResolver *)query);
}

static void on_record(AvahiSRecordBrowser *browser, AvahiIfIndex interface, AvahiProtocol protocol,
                      AvahiBrowserEvent event, AvahiRecord *record, AvahiLookupResultFlags flags,
                      void *userdata) {
    struct engine_listener *listener = userdata;
    const void *bytes = NULL;
    size_t length = 0;
    (void)browser, (void)interface, (void)protocol, (void)flags;
    if (record && record->key->type == AVAHI_DNS_TYPE_A) {
        bytes = &record->data.a.address;
        length = 4;
    } else if (record && record->key->type == AVAHI_DNS_TYPE_AAAA) {
        bytes = &record->data.aaaa.address;
        length = 16;
    }
    listener->address(listener, event, bytes, length);
}

static struct engine_query *addresses(struct engine *engine, const struct engine_instance *instance,
                                      const char *host, struct engine_listener *listener) {
    struct embedded *embedded = (struct embedded *)engine;
    AvahiSRecordBrowser *browser = NULL;
    AvahiKey *key = avahi_key_new(host, AVAHI_DNS_CLASS_IN, engine_record_type(instance->protocol));
    if (key) {
        browser =
            avahi_s_record_browser_new(embedded->server, instance->interface, instance->protocol,
                                       key, AVAHI_LOOKUP_USE_MULTICAST, on_record, listener);
        avahi_key_unref(key);
    }
    return (struct engine_query *)browser;
}

static void addresses_stop(struct engine_query *query) {
    avahi_s_record_browser_free((AvahiSRecordBrowser *)query);
}

/* Publishing */

static void report_published(struct embedded *embedded, AvahiEntryGroupState state, int error) {
    embedded->engine.events.published(embedded->engine.events.context, state,
                                      error == AVAHI_OK ? "" : avahi_strerror(error));
}

static void on_group(AvahiServer *server, AvahiSEntryGroup *group, AvahiEntryGroupState state,
                     void *userdata) {
    (void)group;
    report_published(userdata, state,
                     state == AVAHI_ENTRY_GROUP_FAILURE ? avahi_server_errno(server) : AVAHI_OK);
}

static int add_service(struct embedded *embedded) {
    const struct discovery_setup *setup = &embedded->setup;
    AvahiStringList *txt = service_write_txt(setup->id);
    int error = AVAHI_ERR_NO_MEMORY;
    if (txt)
        error = avahi_server_add_service_strlst(embedded->server, embedded->group, AVAHI_IF_UNSPEC,
                                                AVAHI_PROTO_UNSPEC, 0, setup->name, SERVICE_TYPE,
                                                NULL, NULL, setup->port, txt);
    avahi_string_list_free(txt);
    if (error == AVAHI_OK)
        error = avahi_s_entry_group_commit(embedded->group);
    return error;
}

/* A group that failed half-way is of no more use, so each time there is a new one. */
static void register_service(struct embedded *embedded) {
    int error = AVAHI_OK;
    if (embedded->group)
        avahi_s_entry_group_free(embedded->group);
    embedded->group = avahi_s_entry_group_new(embedded->server, on_group, embedded);
    error = embedded->group ? add_service(embedded) : avahi_server_errno(embedded->server);
    if (error != AVAHI_OK)
        report_published(embedded,
                         error == AVAHI_ERR_COLLISION ? AVAHI_ENTRY_GROUP_COLLISION
                                                      : AVAHI_ENTRY_GROUP_FAILURE,
                         error);
}

static void withdraw(struct engine *engine) {
    struct embedded *embedded = (struct embedded *)engine;
    if (embedded->group)
        avahi_s_entry_group_free(embedded->group);
    embedded->group = NULL;
    hostname_free(embedded->hostname);
    embedded->hostname = NULL;
}

static void publish(struct engine *engine, const struct discovery_setup *setup) {
    struct embedded *embedded = (struct embedded *)engine;
    embedded->setup = *setup;
    if (!embedded->hostname)
        embedded->hostname = hostname_new(embedded->server, embedded->poll);
    if (embedded->hostname)
        register_service(embedded);
    else
        report_published(embedded, AVAHI_ENTRY_GROUP_FAILURE, AVAHI_ERR_OS);
}

/* Life */

static void embedded_free(struct engine *engine) {
    struct embedded *embedded = (struct embedded *)engine;
    withdraw(engine);
    if (embedded->browser)
        avahi_s_service_browser_free(embedded->browser);
    if (embedded->server)
        avahi_server_free(embedded->server);
    free(embedded);
}

static const struct engine_ops OPS = {
    .backend = DISCOVERY_EMBEDDED,
    .browse = browse,
    .resolve = resolve,
    .resolve_stop = resolve_stop,
    .addresses = addresses,
    .addresses_stop = addresses_stop,
    .publish = publish,
    .withdraw = withdraw,
    .free = embedded_free,
};

/* Avahi's own lines quote the network and would be many: only for those who ask. */
static void on_log(AvahiLogLevel level, const char *text) {
    char line[512];
    (void)level;
    log_debug("avahi: %s", escape_text(line, sizeof line, text));
}

static AvahiServer *start_server(struct embedded *embedded, const char *label, int *error) {
    AvahiServerConfig config;
    AvahiServer *server = NULL;
    avahi_set_log_function(on_log);
    avahi_server_config_init(&config);
    config.host_name = avahi_strdup(label);
    config.deny_interfaces = avahi_string_list_new("lo", NULL);
    config.publish_addresses = 0;
    config.publish_hinfo = 0;
    config.publish_workstation = 0;
    config.publish_domain = 0;
    config.enable_wide_area = 0;
    if (config.host_name && config.deny_interfaces)
        server = avahi_server_new(embedded->poll, &config, on_server, embedded, error);
    else
        *error = AVAHI_ERR_NO_MEMORY;
    avahi_server_config_free(&config);
    return server;
}

struct engine *embedded_new(const AvahiPoll *poll, const struct engine_events *events,
                            const char *label, int *error) {
    struct embedded *embedded = calloc(1, sizeof *embedded);
    *error = AVAHI_ERR_NO_MEMORY;
    if (!embedded)
        return NULL;
    embedded->engine = (struct engine){.ops = &OPS, .events = *events};
    embedded->poll = poll;
    embedded->server = start_server(embedded, label, error);
    if (!embedded->server) {
        embedded_free(&embedded->engine);
        return NULL;
    }
    events->up(events->context);
    return &embedded->engine;
}
