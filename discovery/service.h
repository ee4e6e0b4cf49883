/*
 * The service as DNS-SD sees it: its type, names and TXT record. No I/O.
 */
#ifndef DISCOVERY_SERVICE_H
#define DISCOVERY_SERVICE_H

#include "discovery/discovery.h"

#include <avahi-common/strlst.h>

#define SERVICE_TYPE "_fxnode._tcp"
#define SERVICE_VERSION 1
#define SERVICE_LABEL_ROOM 64 /* one DNS label (RFC 1035 2.3.4) and its NUL */

/* What a TXT record says. */
struct service_txt {
    uint32_t version;
    char id[ID_TEXT_ROOM];
};

/* Whether `name` may be an instance name: 1 to 63 bytes of valid UTF-8 without control characters
 * (RFC 6763 4.1.1). */
bool service_name_ok(const char *name);

/* Whether `setup` can be published, or browsed for. */
bool service_setup_ok(const struct discovery_setup *setup);

/* The next name to try after a collision ("name" -> "name #2"), never over 63 bytes. False where
 * memory ran out. `name` is changed in place. */
bool service_next_name(char name[DISCOVERY_NAME_ROOM]);

/* A host label that is this node's alone ("fxnode-" and the first characters of its id), so that
 * nobody else on this machine answers for it. */
void service_host_label(char label[SERVICE_LABEL_ROOM], const char *id);

/* How long to wait before the next name is tried, after `earlier` collisions: not at all at first,
 * then five seconds, so that a quarrel does not flood the network (RFC 6762 8.1). */
unsigned service_collision_delay_ms(unsigned earlier);

/* The TXT record of this node: "v=1", "id=ID" (RFC 6763 6). The caller frees it
 * (avahi_string_list_free). NULL where memory ran out. */
AvahiStringList *service_write_txt(const char *id);

/* Reads a foreign TXT record: keys in any case, the first of each counts (RFC 6763 6.4), unknown
 * ones are ignored, what is not valid is as if missing. */
void service_read_txt(struct service_txt *txt, AvahiStringList *list);

#endif
