#include "discovery/hostname.h"

#include "discovery/addresses.h"

#include "base/io.h"
#include "base/log.h"

#include <avahi-common/error.h>
#include <avahi-core/publish.h>
#include <avahi-core/rr.h>

#include <stdlib.h>
#include <string.h>

#define RESCAN_MS 100u  /* changes come in bursts */
#define RETRY_MS 10000u /* after a record that could not be added */

/* One address and the group of its record: each comes and goes alone. */
struct record {
    struct address address;
    AvahiSEntryGroup *group;
};

struct hostname {
    AvahiServer *server;
    const AvahiPoll *poll;
    const char *name; /* the server's, which never changes */
    struct timer rescan;
    int fd;
    AvahiWatch *watch;
    size_t count;
    struct record records[ADDRESSES_MAX];
};

static AvahiRecord *make_record(const char *name, const struct address *address) {
    bool v4 = address->length == 4;
    AvahiRecord *record =
        avahi_record_new_full(name, AVAHI_DNS_CLASS_IN, v4 ? AVAHI_DNS_TYPE_A : AVAHI_DNS_TYPE_AAAA,
                              AVAHI_DEFAULT_TTL_HOST_NAME);
    if (record && v4)
        memcpy(&record->data.a.address, address->bytes, address->length);
    else if (record)
        memcpy(&record->data.aaaa.address, address->bytes, address->length);
    return record;
}

/* Not as a unique record: those of one interface would flush those of another from the caches of a
 * network on which this machine is twice, by cable and by radio (RFC 6762 10.2). */
static int add_to_group(struct hostname *hostname, AvahiSEntryGroup *group,
                        const struct address *address) {
    int error = AVAHI_ERR_NO_MEMORY;
    AvahiRecord *record = make_record(hostname->name, address);
    if (record) {
        error = avahi_server_add(hostname->server, group, (AvahiIfIndex)address->interface,
                                 AVAHI_PROTO_UNSPEC, 0, record);
        avahi_record_unref(record);
    }
    return error == AVAHI_OK ? avahi_s_entry_group_commit(group) : error;
}

static void remove_record(struct hostname *hostname, size_t index) {
    avahi_s_entry_group_free(hostname->records[index].group);
    hostname->records[index] = hostname->records[--hostname->count];
}

static void add_record(struct hostname *hostname, const struct address *address) {
    AvahiSEntryGroup *group = avahi_s_entry_group_new(hostname->server, NULL, NULL);
    int error = group ? add_to_group(hostname, group, address) : AVAHI_ERR_NO_MEMORY;
    if (error == AVAHI_OK) {
        hostname->records[hostname->count++] = (struct record){*address, group};
        return;
    }
    log_debug("cannot publish an address: %s", avahi_strerror(error));
    if (group)
        avahi_s_entry_group_free(group);
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

static void on_readable(AvahiWatch *watch, int fd, AvahiWatchEvent event, void *userdata) {
    struct hostname *hostname = userdata;
    (void)watch;
    (void)event;
    addresses_drain(fd);
    timer_set(&hostname->rescan, RESCAN_MS);
}

static int start_watching(struct hostname *hostname) {
    hostname->fd = addresses_watch();
    if (hostname->fd < 0 || timer_init(&hostname->rescan, hostname->poll, on_rescan, hostname) < 0)
        return -1;
    hostname->watch = hostname->poll->watch_new(hostname->poll, hostname->fd, AVAHI_WATCH_IN,
                                                on_readable, hostname);
    return hostname->watch ? 0 : -1;
}

struct hostname *hostname_new(AvahiServer *server, const AvahiPoll *poll) {
    struct hostname *hostname = calloc(1, sizeof *hostname);
    if (!hostname)
        return NULL;
    hostname->server = server;
    hostname->poll = poll;
    hostname->name = avahi_server_get_host_name_fqdn(server);
    if (start_watching(hostname) < 0) {
        hostname_free(hostname);
        return NULL;
    }
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
    io_close(&hostname->fd);
    free(hostname);
}
