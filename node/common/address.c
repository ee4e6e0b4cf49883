#include "node/common/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

socklen_t address_length(const struct address *address) {
    return address->at.any.sa_family == AF_INET6 ? sizeof address->at.v6 : sizeof address->at.v4;
}

uint16_t address_port(const struct address *address) {
    return ntohs(address->at.any.sa_family == AF_INET6 ? address->at.v6.sin6_port
                                                       : address->at.v4.sin_port);
}

void address_set_port(struct address *address, uint16_t port) {
    if (address->at.any.sa_family == AF_INET6)
        address->at.v6.sin6_port = htons(port);
    else
        address->at.v4.sin_port = htons(port);
}

void address_format_host(char out[ADDRESS_ROOM], const struct address *address) {
    char host[INET6_ADDRSTRLEN] = "";
    char scope[IF_NAMESIZE];

    if (address->at.any.sa_family != AF_INET6) {
        inet_ntop(AF_INET, &address->at.v4.sin_addr, out, ADDRESS_ROOM);
        return;
    }
    inet_ntop(AF_INET6, &address->at.v6.sin6_addr, host, sizeof host);
    if (address->at.v6.sin6_scope_id == 0)
        snprintf(out, ADDRESS_ROOM, "%s", host);
    else if (if_indextoname(address->at.v6.sin6_scope_id, scope) != NULL)
        snprintf(out, ADDRESS_ROOM, "%s%%%s", host, scope);
    else
        snprintf(out, ADDRESS_ROOM, "%s%%%u", host, (unsigned)address->at.v6.sin6_scope_id);
}

void address_format(char out[ADDRESS_ROOM], const struct address *address) {
    char host[ADDRESS_ROOM];
    address_format_host(host, address);
    snprintf(out, ADDRESS_ROOM, address->at.any.sa_family == AF_INET6 ? "[%.70s]:%u" : "%.70s:%u",
             host, (unsigned)address_port(address));
}

static bool is_link_local(const struct address *address) {
    return address->at.any.sa_family == AF_INET6 &&
           IN6_IS_ADDR_LINKLOCAL(&address->at.v6.sin6_addr);
}

static bool parse_v6(struct address *out, const char *host) {
    char plain[INET6_ADDRSTRLEN];
    const char *scope = strchr(host, '%');
    size_t length = scope != NULL ? (size_t)(scope - host) : strlen(host);

    if (length >= sizeof plain)
        return false;
    memcpy(plain, host, length);
    plain[length] = '\0';
    out->at.v6.sin6_family = AF_INET6;
    if (inet_pton(AF_INET6, plain, &out->at.v6.sin6_addr) != 1)
        return false;
    if (scope == NULL)
        return true;
    out->at.v6.sin6_scope_id = if_nametoindex(scope + 1);
    return out->at.v6.sin6_scope_id != 0;
}

bool address_parse(struct address *out, const char *host, uint16_t port, const char *interface) {
    *out = (struct address){0};
    if (strlen(interface) >= sizeof out->interface)
        return false;
    if (inet_pton(AF_INET, host, &out->at.v4.sin_addr) == 1)
        out->at.v4.sin_family = AF_INET;
    else if (!parse_v6(out, host))
        return false;
    strcpy(out->interface, interface);
    if (is_link_local(out) && out->at.v6.sin6_scope_id == 0 && interface[0] != '\0')
        out->at.v6.sin6_scope_id = if_nametoindex(interface);
    address_set_port(out, port);
    return true;
}

/* Where one could connect to: not "any", not multicast or broadcast (RFC 1122 3.2.1.3, RFC
 * 4291 2.4). */
static bool is_unicast(const uint8_t *bytes, size_t length) {
    static const uint8_t ANY[16] = {0};
    if (length == 4)
        return bytes[0] != 0 && bytes[0] < 224;
    return length == 16 && bytes[0] != 0xff && memcmp(bytes, ANY, sizeof ANY) != 0;
}

bool address_from_bytes(struct address *out, const void *bytes, size_t length, uint16_t port,
                        unsigned interface) {
    *out = (struct address){0};
    if (!is_unicast(bytes, length))
        return false;
    if (interface != 0 && if_indextoname(interface, out->interface) == NULL)
        return false;
    if (length == 4) {
        out->at.v4.sin_family = AF_INET;
        memcpy(&out->at.v4.sin_addr, bytes, 4);
    } else {
        out->at.v6.sin6_family = AF_INET6;
        memcpy(&out->at.v6.sin6_addr, bytes, 16);
        if (is_link_local(out))
            out->at.v6.sin6_scope_id = interface;
    }
    address_set_port(out, port);
    return true;
}

bool address_from_sockaddr(struct address *out, const struct sockaddr *from) {
    *out = (struct address){0};
    if (from->sa_family == AF_INET) {
        memcpy(&out->at.v4, from, sizeof out->at.v4);
        return true;
    }
    if (from->sa_family != AF_INET6)
        return false;
    struct sockaddr_in6 v6;
    memcpy(&v6, from, sizeof v6);
    if (!IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
        out->at.v6 = v6;
        return true;
    }
    out->at.v4.sin_family = AF_INET;
    out->at.v4.sin_port = v6.sin6_port;
    memcpy(&out->at.v4.sin_addr, v6.sin6_addr.s6_addr + 12, 4);
    return true;
}

bool address_same_host(const struct address *a, const struct address *b) {
    if (a->at.any.sa_family != b->at.any.sa_family)
        return false;
    if (a->at.any.sa_family == AF_INET)
        return a->at.v4.sin_addr.s_addr == b->at.v4.sin_addr.s_addr;
    return memcmp(&a->at.v6.sin6_addr, &b->at.v6.sin6_addr, sizeof a->at.v6.sin6_addr) == 0 &&
           a->at.v6.sin6_scope_id == b->at.v6.sin6_scope_id;
}

bool address_equal(const struct address *a, const struct address *b) {
    return address_same_host(a, b) && address_port(a) == address_port(b) &&
           strcmp(a->interface, b->interface) == 0;
}

static bool parse_port(const char *text, uint16_t *port) {
    char *end = NULL;
    if (text[0] < '0' || text[0] > '9')
        return false;
    unsigned long value = strtoul(text, &end, 10);
    if (*end != '\0' || value == 0 || value > UINT16_MAX)
        return false;
    *port = (uint16_t)value;
    return true;
}

bool address_split(const char *text, char host[ADDRESS_HOST_MAX + 1], uint16_t *port) {
    const char *from = text;
    const char *end = text + strlen(text);
    const char *rest = end; /* where ":PORT" may stand */
    const char *colon = strrchr(text, ':');

    *port = ADDRESS_PORT;
    if (text[0] == '[') {
        from = text + 1;
        end = strchr(text, ']');
        if (end == NULL)
            return false;
        rest = end + 1;
    } else if (colon != NULL && strchr(text, ':') == colon) {
        end = rest = colon;
    }
    if (end == from || (size_t)(end - from) > ADDRESS_HOST_MAX)
        return false;
    if (*rest == ':' ? !parse_port(rest + 1, port) : *rest != '\0')
        return false;
    memcpy(host, from, (size_t)(end - from));
    host[end - from] = '\0';
    return true;
}
