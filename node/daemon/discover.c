#include "node/daemon/discover.h"

#include "base/escape.h"
#include "base/id.h"
#include "base/io.h"
#include "base/log.h"
#include "node/common/discovery_check.h"
#include "node/daemon/helperproc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DISCOVER_PAUSE_MS 1000u /* before a helper that ended is started again, doubled up to */
#define DISCOVER_PAUSE_MAX_MS 60000u
#define DISCOVER_SOUND_MS 60000u  /* one that lived so long begins the pauses anew */
#define DISCOVER_GOODBYE_MS 1500u /* to take the announcement back */

struct discover {
    struct node *node;
    struct part part;
    bool publish;
    bool settled;
    bool stopping;
    struct helperproc *helper;
    struct discover_events events;
    uv_timer_t timer; /* a pause before the next start; settling; the goodbye */
    uint64_t started_ms;
    uint32_t pause_ms;
    struct discover_entry *entries;
    size_t count;
    size_t room;
};

static void start_helper(struct discover *discover);

static bool instance_is_there(const struct discover *discover, const char *instance) {
    for (size_t i = 0; i < discover->count; i++)
        if (strcmp(discover->entries[i].instance, instance) == 0)
            return true;
    return false;
}

static void remove_at(struct discover *discover, size_t i) {
    struct discover_entry gone = discover->entries[i];
    discover->entries[i] = discover->entries[--discover->count];
    if (!instance_is_there(discover, gone.instance))
        discover->events.vanished(discover->events.context, &gone);
}

static bool same_place(const struct discover_entry *a, const struct discover_entry *b) {
    return a->interface == b->interface && strcmp(a->instance, b->instance) == 0 &&
           address_same_host(&a->address, &b->address);
}

static struct discover_entry *find_or_add(struct discover *discover,
                                          const struct discover_entry *entry) {
    for (size_t i = 0; i < discover->count; i++)
        if (same_place(&discover->entries[i], entry))
            return &discover->entries[i];
    if (discover->count == discover->room) {
        size_t room = discover->room == 0 ? 16 : discover->room * 2;
        struct discover_entry *grown =
            room > DISCOVER_TABLE ? NULL : realloc(discover->entries, room * sizeof *grown);
        if (grown == NULL)
            return NULL;
        discover->entries = grown;
        discover->room = room;
    }
    return &discover->entries[discover->count++];
}

static void on_found(struct discover *discover, const struct discovery_found *found) {
    struct discover_entry entry = {.interface = found->interface};
    if (found->own || !address_from_bytes(&entry.address, found->address, found->address_length,
                                          found->port, found->interface))
        return;
    snprintf(entry.instance, sizeof entry.instance, "%s", found->instance);
    entry.has_key = found->version == 1 && id_parse(entry.key, found->id);
    if (entry.has_key && id_equal(entry.key, discover->node->identity.public_key))
        return;
    struct discover_entry *place = find_or_add(discover, &entry);
    if (place == NULL)
        return;
    *place = entry;
    discover->events.appeared(discover->events.context, &entry);
}

static int family_of(const struct address *address) {
    return address->at.any.sa_family == AF_INET ? 4 : 6;
}

static bool has_bytes(const struct address *address, const struct discovery_lost *lost) {
    if (family_of(address) == 4)
        return lost->address_length == 4 && memcmp(&address->at.v4.sin_addr, lost->address, 4) == 0;
    return lost->address_length == 16 && memcmp(&address->at.v6.sin6_addr, lost->address, 16) == 0;
}

static bool is_lost(const struct discover_entry *entry, const struct discovery_lost *lost) {
    if (strcmp(entry->instance, lost->instance) != 0 || entry->interface != lost->interface)
        return false;
    if (lost->address_length > 0)
        return has_bytes(&entry->address, lost);
    return lost->family == 0 || family_of(&entry->address) == lost->family;
}

static void on_lost(struct discover *discover, const struct discovery_lost *lost) {
    for (size_t i = discover->count; i-- > 0;)
        if (is_lost(&discover->entries[i], lost))
            remove_at(discover, i);
}

static void settle(struct discover *discover) {
    if (discover->settled)
        return;
    discover->settled = true;
    discover->events.settled(discover->events.context);
}

static void on_state(struct discover *discover, const struct discovery_state *state) {
    char text[512];
    escape_text(text, sizeof text, state->text);
    if (state->backend == DISCOVERY_NONE)
        log_warn("discovery does not work at the moment: %s", text);
    else if (text[0] != '\0')
        log_debug("discovery: %s", text);
    if (state->settled)
        settle(discover);
}

static void on_packet(void *arg, struct chan_packet *packet) {
    struct discover *discover = arg;
    struct discovery_report report;
    struct fail why;

    if (discover->stopping)
        return;
    int rc =
        discovery_check_report(&report, discover->node->arena, packet->data, packet->length, &why);
    msg_arena_reset(discover->node->arena);
    if (rc != 0) {
        log_error("the discovery helper broke the rules of its channel: it is started again");
        helperproc_kill(discover->helper);
        return;
    }
    switch (report.type) {
    case DISCOVERY_FOUND:
        on_found(discover, &report.found);
        break;
    case DISCOVERY_LOST:
        on_lost(discover, &report.lost);
        break;
    case DISCOVERY_STATE:
        on_state(discover, &report.state);
        break;
    }
}

static void on_closed(uv_handle_t *handle) {
    struct discover *discover = handle->data;
    part_close(&discover->part);
    free(discover->entries);
    free(discover);
}

static void on_pause_over(uv_timer_t *timer) {
    start_helper(timer->data);
}

static void on_settle_late(uv_timer_t *timer) {
    settle(timer->data);
}

static void on_goodbye_late(uv_timer_t *timer) {
    struct discover *discover = timer->data;
    helperproc_kill(discover->helper);
}

/* What a helper reported is true no longer than it lives. */
static void forget_all(struct discover *discover) {
    while (discover->count > 0)
        remove_at(discover, discover->count - 1);
}

static void start_later(struct discover *discover) {
    uint64_t lived_ms = io_now_ms() - discover->started_ms;
    if (discover->pause_ms == 0 || lived_ms >= DISCOVER_SOUND_MS)
        discover->pause_ms = DISCOVER_PAUSE_MS;
    else if ((discover->pause_ms *= 2) > DISCOVER_PAUSE_MAX_MS)
        discover->pause_ms = DISCOVER_PAUSE_MAX_MS;
    uv_timer_start(&discover->timer, on_pause_over, discover->pause_ms, 0);
}

static void on_gone(void *arg, const char *how) {
    struct discover *discover = arg;
    discover->helper = NULL;
    if (discover->stopping) {
        uv_close((uv_handle_t *)&discover->timer, on_closed);
        return;
    }
    log_warn("the discovery helper ended (%s): it is started again", how);
    forget_all(discover);
    settle(discover);
    start_later(discover);
}

static void send_setup(struct discover *discover) {
    struct discovery_setup setup = {.publish = discover->publish, .port = discover->node->port};
    uint8_t packet[DISCOVERY_CHECK_ROOM];

    snprintf(setup.name, sizeof setup.name, "%s", discover->node->config.name);
    id_format(setup.id, discover->node->identity.public_key);
    int length = discovery_check_write_setup(&setup, packet, sizeof packet);
    if (length > 0)
        helperproc_send(discover->helper, packet, (size_t)length, -1);
}

static int spawn(struct discover *discover, struct fail *fail) {
    struct helperproc_events events = {.packet = on_packet, .gone = on_gone, .arg = discover};
    discover->started_ms = io_now_ms();
    int error =
        helperproc_start(&discover->helper, discover->node->loop, &discover->part, &events, fail);
    if (error == 0)
        send_setup(discover);
    return error;
}

static void start_helper(struct discover *discover) {
    struct fail fail;
    if (spawn(discover, &fail) != 0) {
        log_error("%s", fail.text);
        start_later(discover);
    }
}

int discover_start(struct discover **out, struct node *node, bool publish,
                   const struct discover_events *events, struct fail *fail) {
    struct discover *discover = calloc(1, sizeof *discover);
    if (discover == NULL)
        return fail_set(fail, -ENOMEM, "cannot start discovery");
    discover->node = node;
    discover->publish = publish;
    discover->events = *events;
    discover->part.fd = -1;
    int error = part_open(&discover->part, "discovery", fail);
    if (error == 0)
        error = spawn(discover, fail);
    if (error != 0) {
        part_close(&discover->part);
        free(discover);
        return error;
    }
    uv_timer_init(node->loop, &discover->timer);
    discover->timer.data = discover;
    uv_timer_start(&discover->timer, on_settle_late, DISCOVER_SETTLE_MS, 0);
    *out = discover;
    return 0;
}

bool discover_is_settled(const struct discover *discover) {
    return discover == NULL || discover->settled;
}

const struct discover_entry *discover_entries(const struct discover *discover, size_t *count) {
    *count = discover == NULL ? 0 : discover->count;
    return discover == NULL ? NULL : discover->entries;
}

void discover_stop(struct discover *discover) {
    if (discover == NULL)
        return;
    discover->stopping = true;
    uv_timer_stop(&discover->timer);
    if (discover->helper == NULL) {
        uv_close((uv_handle_t *)&discover->timer, on_closed);
        return;
    }
    helperproc_hang_up(discover->helper);
    uv_timer_start(&discover->timer, on_goodbye_late, DISCOVER_GOODBYE_MS, 0);
}
