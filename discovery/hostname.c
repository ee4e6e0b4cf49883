#include "discovery/hostname.h"

#include "discovery/addresses.h"

#include "base/io.h"
#include "base/log.h"

#include <avahi-common/domain.h>
#include <avahi-common/error.h>
#include <avahi-core/publish.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESCAN_MS 100u  /* changes come in bursts */
#define RETRY_MS 10000u /* after a record that could not be added */

/* One address and the group of its record: each comes and goes alone, so that a new one does not
 * withdraw the others for the time of its probing. */
struct record {
    struct address address;
    AvahiSEntryGroup *group;
};

struct hostname {
    AvahiServer *server;
    const AvahiPoll *poll;
    void (*renamed)(void *context, const char *name);
    void *context;
    char label[SERVICE_LABEL_ROOM];
    char name[AVAHI_DOMAIN_NAME_MAX];
    unsigned collisions;
    struct timer rescan;
    struct timer rename;
    int fd;
    AvahiWatch *watch;
    size_t count;
    struct record records[ADDRESSES_MAX];
};

const char *hostname_get(const struct hostname *hostname) {
    return hostname->name;
}

static void on_group(AvahiServer *server, AvahiSEntryGroup *group, AvahiEntryGroupState state,
                     void *userdata) {
    struct hostname *hostname = userdata;
    (void)server;
    (void)group;
    if (state == AVAHI_ENTRY_GROUP_COLLISION)
        timer_set(&hostname->rename, service_collision_delay_ms(hostname->collisions++));
    else if (state == AVAHI_ENTRY_GROUP_FAILURE)
        timer_set(&hostname->rescan, RETRY_MS);
}

static int register_record(struct hostname *hostname, struct record *record) {
    AvahiAddress address = {.proto =
                                record->address.length == 4 ? AVAHI_PROTO_INET : AVAHI_PROTO_INET6};
    memcpy(address.data.data, record->address.bytes, record->address.length);
    record->group = avahi_s_entry_group_new(hostname->server, on_group, hostname);
    if (!record->group)
        return avahi_server_errno(hostname->server);
    int error = avahi_server_add_address(
        hostname->server, record->group, (AvahiIfIndex)record->address.interface,
        AVAHI_PROTO_UNSPEC, AVAHI_PUBLISH_NO_REVERSE, hostname->name, &address);
    return error == AVAHI_OK ? avahi_s_entry_group_commit(record->group) : error;
}

static void remove_record(struct hostname *hostname, size_t index) {
    avahi_s_entry_group_free(hostname->records[index].group);
    hostname->records[index] = hostname->records[--hostname->count];
}

static void add_record(struct hostname *hostname, const struct address *address) {
    struct record *record = &hostname->records[hostname->count];
    record->address = *address;
    int error = register_record(hostname, record);
    if (error == AVAHI_OK) {
        hostname->count++;
        return;
    }
    log_debug("cannot publish an address: %s", avahi_strerror(error));
    if (record->group)
        avahi_s_entry_group_free(record->group);
    if (error == AVAHI_ERR_COLLISION)
        timer_set(&hostname->rename, service_collision_delay_ms(hostname->collisions++));
    else
        timer_set(&hostname->rescan, RETRY_MS);
}

static bool in_list(const struct addresses *addresses, const struct address *address) {
    for (size_t i = 0; i < addresses->count; i++)
        if (addresses_equal(&addresses->list[i], address))
            return true;
    return false;
}

static bool is_published(const struct hostname *hostname, const struct address *address) {
    for (size_t i = 0; i < hostname->count; i++)
        if (addresses_equal(&hostname->records[i].address, address))
            return true;
    return false;
}

static void on_rescan(void *context) {
    struct hostname *hostname = context;
    struct addresses now;
    if (addresses_scan(&now) < 0) {
        timer_set(&hostname->rescan, RETRY_MS);
        return;
    }
    for (size_t i = 0; i < hostname->count;)
        if (in_list(&now, &hostname->records[i].address))
            i++;
        else
            remove_record(hostname, i);
    for (size_t i = 0; i < now.count; i++)
        if (!is_published(hostname, &now.list[i]))
            add_record(hostname, &now.list[i]);
}

static void set_name(struct hostname *hostname) {
    snprintf(hostname->name, sizeof hostname->name, "%s.%s", hostname->label,
             avahi_server_get_domain_name(hostname->server));
}

static void on_rename(void *context) {
    struct hostname *hostname = context;
    while (hostname->count > 0)
        remove_record(hostname, hostname->count - 1);
    service_next_host_label(hostname->label);
    set_name(hostname);
    on_rescan(hostname);
    hostname->renamed(hostname->context, hostname->name);
}

static void on_readable(AvahiWatch *watch, int fd, AvahiWatchEvent event, void *userdata) {
    struct hostname *hostname = userdata;
    (void)watch;
    (void)event;
    addresses_drain(fd);
    timer_set(&hostname->rescan, RESCAN_MS);
}

static int start_watching(struct hostname *hostname) {
    hostname->fd = addresses_watch();
    if (hostname->fd < 0 ||
        timer_init(&hostname->rescan, hostname->poll, on_rescan, hostname) < 0 ||
        timer_init(&hostname->rename, hostname->poll, on_rename, hostname) < 0)
        return -1;
    hostname->watch = hostname->poll->watch_new(hostname->poll, hostname->fd, AVAHI_WATCH_IN,
                                                on_readable, hostname);
    return hostname->watch ? 0 : -1;
}

struct hostname *hostname_new(AvahiServer *server, const AvahiPoll *poll, const char *label,
                              void (*renamed)(void *context, const char *name), void *context) {
    struct hostname *hostname = calloc(1, sizeof *hostname);
    if (!hostname)
        return NULL;
    hostname->server = server;
    hostname->poll = poll;
    hostname->renamed = renamed;
    hostname->context = context;
    snprintf(hostname->label, sizeof hostname->label, "%s", label);
    if (start_watching(hostname) < 0) {
        hostname_free(hostname);
        return NULL;
    }
    set_name(hostname);
    on_rescan(hostname);
    return hostname;
}

void hostname_free(struct hostname *hostname) {
    if (!hostname)
        return;
    while (hostname->count > 0)
        remove_record(hostname, hostname->count - 1);
    if (hostname->watch)
        hostname->poll->watch_free(hostname->watch);
    timer_clear(&hostname->rescan);
    timer_clear(&hostname->rename);
    io_close(&hostname->fd);
    free(hostname);
}
