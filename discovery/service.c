#include "discovery/service.h"

#include "base/escape.h"

#include <avahi-common/alternative.h>
#include <avahi-common/malloc.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HOST_ID_CHARACTERS 8
#define COLLISIONS_AT_ONCE 10u
#define COLLISION_DELAY_MS 5000u
#define VERSION_DIGITS 9 /* always fits uint32_t */

static bool has_controls(const char *name) {
    for (; *name; name++)
        if ((unsigned char)*name < 0x20 || *name == 0x7f)
            return true;
    return false;
}

bool service_name_ok(const char *name) {
    size_t length = strnlen(name, DISCOVERY_NAME_ROOM);
    return length > 0 && length < DISCOVERY_NAME_ROOM && !has_controls(name) &&
           escape_is_utf8(name, length);
}

bool service_setup_ok(const struct discovery_setup *setup) {
    uint8_t key[LIMIT_KEY];
    if (strnlen(setup->id, ID_TEXT_ROOM) != ID_TEXT || !id_parse(key, setup->id))
        return false;
    return !setup->publish || (setup->port != 0 && service_name_ok(setup->name));
}

bool service_next_name(char name[DISCOVERY_NAME_ROOM]) {
    char *next = avahi_alternative_service_name(name);
    bool ok = next && strlen(next) < DISCOVERY_NAME_ROOM;
    if (ok)
        strcpy(name, next);
    avahi_free(next);
    return ok;
}

unsigned service_collision_delay_ms(unsigned earlier) {
    return earlier < COLLISIONS_AT_ONCE ? 0 : COLLISION_DELAY_MS;
}

void service_host_label(char label[SERVICE_LABEL_ROOM], const char *id) {
    snprintf(label, SERVICE_LABEL_ROOM, "fxnode-%.*s", HOST_ID_CHARACTERS, id);
}

AvahiStringList *service_write_txt(const char *id) {
    /* Avahi prepends, and writes the last one first. */
    AvahiStringList *list = avahi_string_list_add_printf(NULL, "v=%d", SERVICE_VERSION);
    AvahiStringList *both = list ? avahi_string_list_add_printf(list, "id=%s", id) : NULL;
    if (!both)
        avahi_string_list_free(list);
    return both;
}

/* The value of `item` where its key is `key`: `*length` bytes, not terminated. NULL otherwise. */
static const char *value_of(AvahiStringList *item, const char *key, size_t *length) {
    const char *text = (const char *)avahi_string_list_get_text(item);
    size_t size = avahi_string_list_get_size(item);
    size_t key_length = strlen(key);
    if (size <= key_length || text[key_length] != '=' || strncasecmp(text, key, key_length) != 0)
        return NULL;
    *length = size - key_length - 1;
    return text + key_length + 1;
}

static uint32_t read_version(const char *value, size_t length) {
    uint32_t version = 0;
    if (length > VERSION_DIGITS)
        return 0;
    for (size_t i = 0; i < length; i++) {
        if (value[i] < '0' || value[i] > '9')
            return 0;
        version = version * 10 + (uint32_t)(value[i] - '0');
    }
    return version;
}

static void read_id(char id[ID_TEXT_ROOM], const char *value, size_t length) {
    char text[ID_TEXT_ROOM] = "";
    uint8_t key[LIMIT_KEY];
    if (length != ID_TEXT)
        return;
    memcpy(text, value, length);
    if (id_parse(key, text))
        id_format(id, key);
}

void service_read_txt(struct service_txt *txt, AvahiStringList *list) {
    bool version_seen = false;
    bool id_seen = false;
    memset(txt, 0, sizeof *txt);
    for (; list; list = avahi_string_list_get_next(list)) {
        size_t length = 0;
        const char *value = value_of(list, "v", &length);
        if (value && !version_seen) {
            txt->version = read_version(value, length);
            version_seen = true;
        }
        value = value_of(list, "id", &length);
        if (value && !id_seen) {
            read_id(txt->id, value, length);
            id_seen = true;
        }
    }
}
