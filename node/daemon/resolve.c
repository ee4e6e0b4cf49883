#include "node/daemon/resolve.h"

#include "base/escape.h"
#include "base/id.h"
#include "node/daemon/discover.h"
#include "node/daemon/peers.h"
#include "node/daemon/trust.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESOLVE_LOOK_MS 100u /* between looks at the table while discovery settles */

struct resolve {
    struct node *node;
    uv_timer_t timer;
    uv_getaddrinfo_t lookup;
    bool looking_up;
    bool cancelled;
    bool again; /* it is known who is meant */
    uint8_t key[LIMIT_KEY];
    resolve_done done;
    void *context;
    struct resolve_target target;
    char peer[512];
    char shown[ESCAPE_ROOM(128)];
    char text[TRUST_TEXT];
};

__attribute__((format(printf, 2, 3))) static void say(struct resolve *resolve, const char *format,
                                                      ...) {
    va_list values;
    va_start(values, format);
    vsnprintf(resolve->text, sizeof resolve->text, format, values);
    va_end(values);
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

/* The last thing that happens to it: the timer is closed, and freed with it the rest. */
static void finish(struct resolve *resolve, enum resolve_outcome outcome) {
    if (!resolve->cancelled)
        resolve->done(resolve->context, outcome, &resolve->target, resolve->text);
    uv_close((uv_handle_t *)&resolve->timer, on_closed);
}

static void set_key(struct resolve *resolve, const uint8_t *key) {
    struct resolve_target *target = &resolve->target;
    const char *name = peers_name(resolve->node->peers, key);
    target->has_key = true;
    memcpy(target->key, key, LIMIT_KEY);
    snprintf(target->name, sizeof target->name, "%.*s", LIMIT_NAME,
             name[0] != '\0' ? name : resolve->peer);
    target->count = peers_candidates(resolve->node->peers, key, target->candidates);
}

/* A search through all peers for one that fits. */
struct search {
    const char *text;
    bool fits_more; /* keys that differ fit */
    bool found;
    bool online; /* the one that was found */
    uint8_t key[LIMIT_KEY];
    bool (*fits)(const struct peers_line *line, const char *text);
};

static bool fits_prefix(const struct peers_line *line, const char *text) {
    return line->has_key && id_has_prefix(line->key, text);
}

/* Where a name is taken on the network, its second bearer is announced as "NAME #2": whoever types
 * NAME may mean either. */
static bool is_called(const char *announced, const char *text) {
    size_t length = strlen(text);
    if (strncmp(announced, text, length) != 0)
        return false;
    const char *rest = announced + length;
    return rest[0] == '\0' || (strncmp(rest, " #", 2) == 0 && rest[2] != '\0' &&
                               rest[2 + strspn(rest + 2, "0123456789")] == '\0');
}

static bool fits_online_name(const struct peers_line *line, const char *text) {
    return line->has_key && line->online &&
           (strcmp(line->name, text) == 0 || is_called(line->announced, text));
}

static bool fits_known_name(const struct peers_line *line, const char *text) {
    return line->known && (strcmp(line->name, text) == 0 || strcmp(line->remembered, text) == 0);
}

static bool fits_alias(const struct peers_line *line, const char *text) {
    return line->paired != 0 && strcmp(line->name, text) == 0;
}

/* Somebody who is not paired goes by that name now. */
static bool fits_claim(const struct peers_line *line, const char *text) {
    return line->has_key && line->online && line->paired == 0 && is_called(line->announced, text);
}

static void look_at(void *context, const struct peers_line *line) {
    struct search *search = context;
    if (!search->fits(line, search->text))
        return;
    if (search->found && !id_equal(search->key, line->key))
        search->fits_more = true;
    memcpy(search->key, line->key, LIMIT_KEY);
    search->online = line->online;
    search->found = true;
}

static struct search search(const struct resolve *resolve,
                            bool (*fits)(const struct peers_line *line, const char *text)) {
    struct search with = {.text = resolve->peer, .fits = fits};
    peers_each(resolve->node->peers, look_at, &with);
    return with;
}

static enum resolve_outcome ambiguous(struct resolve *resolve) {
    say(resolve, "%s is ambiguous: several peers are called so; name one by its id (fxnode peers)",
        resolve->shown);
    return RESOLVE_AMBIGUOUS;
}

static enum resolve_outcome found(struct resolve *resolve, const uint8_t *key) {
    set_key(resolve, key);
    return RESOLVE_FOUND;
}

static bool is_online(const struct resolve *resolve, const uint8_t *key) {
    struct peers_line line;
    return peers_line(resolve->node->peers, key, "", &line) && line.online;
}

/* One that is announced under another name itself is not tried: hardly anybody means it. */
static enum resolve_outcome key_changed(struct resolve *resolve, const uint8_t *before,
                                        const uint8_t *now) {
    struct trust_change change = {
        .name = resolve->peer,
        .level = trust_of(resolve->node->peers, before),
        .before = before,
        .now = now,
    };
    trust_changed(resolve->text, &change);
    if (!is_online(resolve, before))
        set_key(resolve, before);
    return RESOLVE_TRUST;
}

/* Whoever announces the alias of a peer that is not there may be that peer with a new key, or
 * pretend to be it; one that is paired itself is neither. Nobody gets what is meant for it. */
static enum resolve_outcome by_alias(struct resolve *resolve) {
    struct search alias = search(resolve, fits_alias);
    if (!alias.found)
        return RESOLVE_UNKNOWN;
    struct search prefix = search(resolve, fits_prefix);
    if (prefix.found && (prefix.fits_more || !id_equal(prefix.key, alias.key))) {
        say(resolve,
            "%s is ambiguous: one peer is called so, and the id of another one begins with it; "
            "name it by more of its id (fxnode peers)",
            resolve->shown);
        return RESOLVE_AMBIGUOUS;
    }
    struct search claim = search(resolve, fits_claim);
    if (!alias.online && claim.found)
        return key_changed(resolve, alias.key, claim.key);
    return found(resolve, alias.key);
}

static enum resolve_outcome by_id(struct resolve *resolve) {
    uint8_t key[LIMIT_KEY];
    if (id_parse(key, resolve->peer)) {
        set_key(resolve, key);
        if (resolve->target.count > 0 || peers_is_known(resolve->node->peers, key))
            return RESOLVE_FOUND;
        return RESOLVE_UNKNOWN;
    }
    struct search with = search(resolve, fits_prefix);
    if (with.fits_more)
        return ambiguous(resolve);
    return with.found ? found(resolve, with.key) : RESOLVE_UNKNOWN;
}

/* A remembered peer that now announces the name of another one is not that other one. */
static bool is_known_as(const struct resolve *resolve, const uint8_t *key) {
    struct peers_line line;
    return peers_line(resolve->node->peers, key, "", &line) &&
           fits_known_name(&line, resolve->peer);
}

/* Whether the name is also that of a host where another peer was called before, whom a person may
 * mean by it: `before`. One that is known under the name, and trusted no less, is meant itself. */
static bool is_host_of_another(const struct resolve *resolve, const uint8_t *key,
                               uint8_t before[LIMIT_KEY]) {
    const struct peers *peers = resolve->node->peers;
    char typed[STORE_PEER_TYPED_ROOM];
    return resolve_typed(typed, resolve->peer) && peers_find_typed(peers, typed, before) &&
           !id_equal(before, key) &&
           !(is_known_as(resolve, key) && trust_of(peers, key) >= trust_of(peers, before));
}

static enum resolve_outcome by_name(struct resolve *resolve) {
    uint8_t before[LIMIT_KEY];
    struct search online = search(resolve, fits_online_name);
    struct search known = search(resolve, fits_known_name);
    if (online.fits_more)
        return ambiguous(resolve);
    if (online.found && known.found && !is_known_as(resolve, online.key))
        return key_changed(resolve, known.key, online.key);
    if (online.found && is_host_of_another(resolve, online.key, before))
        return key_changed(resolve, before, online.key);
    if (online.found)
        return found(resolve, online.key);
    if (known.fits_more)
        return ambiguous(resolve);
    if (!known.found || is_host_of_another(resolve, known.key, before))
        return RESOLVE_UNKNOWN; /* an address, then */
    return found(resolve, known.key);
}

/* By address. */

static bool is_among(const struct address *list, size_t count, const struct address *address) {
    size_t i = 0;
    while (i < count && !address_equal(&list[i], address))
        i++;
    return i < count;
}

static void use_typed_key(struct resolve *resolve) {
    uint8_t key[LIMIT_KEY];
    struct resolve_target *target = &resolve->target;
    if (resolve->again)
        memcpy(key, resolve->key, LIMIT_KEY);
    else if (!peers_find_typed(resolve->node->peers, target->typed, key))
        return;
    struct address first[DIALER_CANDIDATES];
    size_t count = target->count;
    memcpy(first, target->candidates, count * sizeof first[0]);
    set_key(resolve, key);
    /* What was typed comes first, wherever else the peer was seen. */
    for (size_t i = 0; i < target->count && count < DIALER_CANDIDATES; i++)
        if (!is_among(first, count, &target->candidates[i]))
            first[count++] = target->candidates[i];
    memcpy(target->candidates, first, count * sizeof first[0]);
    target->count = count;
}

static void format_typed(char out[STORE_PEER_TYPED_ROOM], const char *host, uint16_t port) {
    bool v6 = strchr(host, ':') != NULL;
    snprintf(out, STORE_PEER_TYPED_ROOM, "%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

bool resolve_typed(char out[STORE_PEER_TYPED_ROOM], const char *text) {
    char host[ADDRESS_HOST_MAX + 1];
    uint16_t port = 0;
    if (!address_split(text, host, &port))
        return false;
    format_typed(out, host, port);
    return true;
}

bool resolve_is_address(const char *text) {
    char host[ADDRESS_HOST_MAX + 1];
    uint16_t port = 0;
    struct address address;
    return address_split(text, host, &port) && address_parse(&address, host, port, "");
}

static void add_looked_up(struct resolve *resolve, const struct addrinfo *list) {
    struct resolve_target *target = &resolve->target;
    for (; list != NULL && target->count < DIALER_CANDIDATES; list = list->ai_next)
        if (address_from_sockaddr(&target->candidates[target->count], list->ai_addr))
            target->count++;
}

/* `more` is said of what nobody is called. */
static void say_unknown(struct resolve *resolve, const char *more) {
    if (strcmp(resolve->peer, resolve->node->config.name) == 0)
        say(resolve, "%s is this node itself; `fxnode peers` lists the others", resolve->shown);
    else
        say(resolve, "no peer is called %s%s", resolve->shown, more);
}

static void finish_lookup(struct resolve *resolve) {
    const struct resolve_target *target = &resolve->target;
    if (!resolve->cancelled)
        use_typed_key(resolve);
    if (target->count == 0 && !target->has_key)
        say_unknown(resolve, ", and there is no host of that name");
    finish(resolve, target->count > 0 || target->has_key ? RESOLVE_FOUND : RESOLVE_UNKNOWN);
}

static void on_looked_up(uv_getaddrinfo_t *request, int status, struct addrinfo *list) {
    struct resolve *resolve = request->data;
    resolve->looking_up = false;
    if (status == 0)
        add_looked_up(resolve, list);
    uv_freeaddrinfo(list);
    finish_lookup(resolve);
}

static void by_address(struct resolve *resolve) {
    char host[ADDRESS_HOST_MAX + 1];
    char service[8];
    uint16_t port = 0;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};

    if (!address_split(resolve->peer, host, &port)) {
        say_unknown(resolve, "");
        finish(resolve, RESOLVE_UNKNOWN);
        return;
    }
    format_typed(resolve->target.typed, host, port);
    snprintf(resolve->target.name, sizeof resolve->target.name, "%.*s", LIMIT_NAME, resolve->peer);
    if (address_parse(&resolve->target.candidates[0], host, port, "")) {
        resolve->target.count = 1;
        use_typed_key(resolve);
        finish(resolve, RESOLVE_FOUND);
        return;
    }
    snprintf(service, sizeof service, "%u", port);
    resolve->lookup.data = resolve;
    resolve->looking_up = true;
    if (uv_getaddrinfo(resolve->node->loop, &resolve->lookup, on_looked_up, host, service,
                       &hints) != 0) {
        resolve->looking_up = false;
        finish_lookup(resolve);
    }
}

static bool looks_like_address(const char *peer) {
    return strpbrk(peer, ".:") != NULL;
}

/* Looks at what is known now; again, as long as discovery is still looking around. */
static void look(uv_timer_t *timer) {
    struct resolve *resolve = timer->data;
    enum resolve_outcome outcome = by_alias(resolve);
    if (outcome == RESOLVE_UNKNOWN)
        outcome = by_id(resolve);
    if (outcome == RESOLVE_UNKNOWN && !resolve_is_address(resolve->peer))
        outcome = by_name(resolve);
    if (outcome != RESOLVE_UNKNOWN) {
        finish(resolve, outcome);
        return;
    }
    if (!looks_like_address(resolve->peer) && !discover_is_settled(resolve->node->discover)) {
        uv_timer_start(timer, look, RESOLVE_LOOK_MS, 0);
        return;
    }
    memset(&resolve->target, 0, sizeof resolve->target);
    by_address(resolve);
}

static void look_again(uv_timer_t *timer) {
    struct resolve *resolve = timer->data;
    if (resolve->peer[0] != '\0')
        by_address(resolve);
    else
        finish(resolve, found(resolve, resolve->key));
}

static struct resolve *make(struct node *node, const char *peer, resolve_done done, void *context) {
    struct resolve *resolve = calloc(1, sizeof *resolve);
    if (resolve == NULL)
        return NULL;
    resolve->node = node;
    resolve->done = done;
    resolve->context = context;
    snprintf(resolve->peer, sizeof resolve->peer, "%s", peer);
    escape_text(resolve->shown, sizeof resolve->shown, resolve->peer);
    uv_timer_init(node->loop, &resolve->timer);
    resolve->timer.data = resolve;
    return resolve;
}

int resolve_start(struct resolve **out, struct node *node, const char *peer, resolve_done done,
                  void *context) {
    *out = make(node, peer, done, context);
    return *out == NULL ? -ENOMEM : uv_timer_start(&(*out)->timer, look, 0, 0);
}

int resolve_again(struct resolve **out, struct node *node, const uint8_t *key, resolve_done done,
                  void *context) {
    const char *typed = peers_typed_name(node->peers, key);
    *out = make(node, typed != NULL ? typed : "", done, context);
    if (*out == NULL)
        return -ENOMEM;
    (*out)->again = true;
    memcpy((*out)->key, key, LIMIT_KEY);
    return uv_timer_start(&(*out)->timer, look_again, 0, 0);
}

void resolve_cancel(struct resolve *resolve) {
    if (resolve == NULL)
        return;
    resolve->cancelled = true;
    if (resolve->looking_up)
        uv_cancel((uv_req_t *)&resolve->lookup); /* on_looked_up follows in any case */
    else
        uv_close((uv_handle_t *)&resolve->timer, on_closed);
}
