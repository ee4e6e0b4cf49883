#include "base/alias.h"

#include "base/escape.h"
#include "base/id.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SUBJECT "an alias "
#define CHARACTER 4 /* bytes of the longest in UTF-8 */

static const char marker[] = "fxnode-peer ";

_Static_assert(sizeof marker + ID_GROUPED_ROOM + ALIAS_ROOM <= ALIAS_LINE_ROOM, "a whole line");

static bool is_port(const char *text) {
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && text[digits] == '\0';
}

/* IPv4 or IPv6, this also with a zone: `length` bytes of an alias. */
static bool is_bare_address(const char *text, size_t length) {
    char copy[ALIAS_ROOM];
    struct in6_addr address;
    memcpy(copy, text, length);
    copy[length] = '\0';
    if (inet_pton(AF_INET, copy, &address) == 1) {
        return true;
    }
    copy[strcspn(copy, "%")] = '\0';
    return inet_pton(AF_INET6, copy, &address) == 1;
}

/* ADDRESS, V4:PORT, [ADDRESS] or [ADDRESS]:PORT. */
static bool is_address(const char *text) {
    size_t length = strlen(text);
    if (text[0] == '[') {
        size_t inner = strcspn(text, "]") - 1;
        const char *rest = text + 1 + inner;
        return strcmp(rest, "") != 0 &&
               (rest[1] == '\0' || (rest[1] == ':' && is_port(rest + 2))) &&
               is_bare_address(text + 1, inner);
    }
    size_t host = strcspn(text, ":");
    return is_bare_address(text, length) ||
           (host < length && is_port(text + host + 1) && is_bare_address(text, host));
}

static bool is_id(const char *text) {
    uint8_t key[LIMIT_KEY];
    return id_parse(key, text);
}

/* What is wrong, with its subject. */
static const char *fault(const char *text) {
    size_t length = strlen(text);
    if (length == 0) {
        return SUBJECT "cannot be empty";
    }
    if (length > ALIAS_MAX) {
        return SUBJECT "cannot be longer than 63 bytes";
    }
    if (!escape_is_plain(text, length)) {
        return SUBJECT "has printable characters only, and no backslash";
    }
    if (text[0] == ' ' || text[length - 1] == ' ') {
        return SUBJECT "cannot begin or end with a space";
    }
    if (text[0] == '-') {
        return SUBJECT "cannot begin with '-'";
    }
    if (is_id(text)) {
        return SUBJECT "cannot be an id";
    }
    return is_address(text) ? SUBJECT "cannot be an address" : NULL;
}

const char *alias_fault(const char *text) {
    const char *said = fault(text);
    return said == NULL ? NULL : said + sizeof SUBJECT - 1;
}

static size_t without_spaces_at_end(const char *text, size_t length) {
    while (length > 0 && text[length - 1] == ' ') {
        length--;
    }
    return length;
}

/* Bytes that the character at `text` should have, going by the first. */
static size_t character_length(const char *text) {
    uint8_t first = (uint8_t)*text;
    return first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : CHARACTER;
}

char *alias_make(char out[ALIAS_ROOM], const char *name, const uint8_t *key) {
    size_t used = 0;
    while (*name != '\0') {
        size_t length = strnlen(name, character_length(name));
        bool allowed =
            escape_is_plain(name, length) && !(used == 0 && (*name == ' ' || *name == '-'));
        if (allowed && length > ALIAS_MAX - used) {
            break;
        }
        if (allowed) {
            memcpy(out + used, name, length);
            used += length;
        }
        name += allowed ? length : 1;
    }
    out[without_spaces_at_end(out, used)] = '\0';
    if (fault(out) != NULL) { /* empty, or it names a peer in another way */
        char id[ID_SHORT_ROOM];
        id_format_short(id, key);
        snprintf(out, ALIAS_ROOM, "peer-%s", id);
    }
    return out;
}

/* The longest beginning of at most `room` bytes that ends with a character and not with a space. */
static size_t cut(const char *alias, size_t room) {
    size_t length = strnlen(alias, room + 1);
    if (length > room) {
        length = room;
        while (length > 0 && ((uint8_t)alias[length] & 0xc0) == 0x80) {
            length--;
        }
    }
    return without_spaces_at_end(alias, length);
}

char *alias_number(char out[ALIAS_ROOM], const char *alias, unsigned number) {
    char suffix[16];
    size_t length = (size_t)snprintf(suffix, sizeof suffix, " %u", number);
    size_t kept = cut(alias, ALIAS_MAX - length);
    memcpy(out, alias, kept);
    memcpy(out + kept, suffix, length + 1);
    return out;
}

char *alias_line_format(char out[ALIAS_LINE_ROOM], const uint8_t *key, const char *alias) {
    char id[ID_GROUPED_ROOM];
    id_format_grouped(id, key);
    snprintf(out, ALIAS_LINE_ROOM, "%s%s %s", marker, id, alias);
    return out;
}

const char *alias_line_parse(const char *line, size_t length, uint8_t key[LIMIT_KEY],
                             char alias[ALIAS_ROOM]) {
    char copy[ALIAS_LINE_ROOM];
    if (length < sizeof marker - 1 || memcmp(line, marker, sizeof marker - 1) != 0) {
        return "it does not begin with \"fxnode-peer \"";
    }
    if (length >= sizeof copy) {
        return "it is too long";
    }
    if (memchr(line, '\0', length) != NULL) {
        return "it has a zero byte";
    }
    memcpy(copy, line, length);
    copy[length] = '\0';
    char *id = copy + sizeof marker - 1;
    char *name = strchr(id, ' ');
    if (name == NULL) {
        return "it has no alias behind the id";
    }
    *name++ = '\0';
    uint8_t parsed[LIMIT_KEY];
    if (!id_parse(parsed, id)) {
        return "its id is damaged";
    }
    const char *said = fault(name);
    if (said == NULL) {
        memcpy(key, parsed, LIMIT_KEY);
        memcpy(alias, name, strlen(name) + 1);
    }
    return said;
}
