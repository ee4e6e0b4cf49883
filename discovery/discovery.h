/*
 * Who is on the local network: publishes this node as a DNS-SD service and looks for others
 * (RFC 6762, RFC 6763). Through avahi-daemon where there is one, else with avahi-core in this
 * process; it moves from one to the other, any number of times, without anybody noticing.
 *
 * One loop, one thread: everything below is called from that thread, and the callbacks come from
 * within discovery_run(). Calls to avahi-daemon block for as long as it takes to answer.
 *
 * Everything reported comes from the network unauthenticated: a hint, never trust. It is bounded
 * (DISCOVERY_ADDRESSES_MAX live addresses, further ones are left out until there is room) and paced
 * (changes that undo each other within a moment are not reported, floods are thinned).
 */
#ifndef DISCOVERY_DISCOVERY_H
#define DISCOVERY_DISCOVERY_H

#include "base/id.h"

#include <stdbool.h>
#include <stdint.h>

#define DISCOVERY_NAME_ROOM 64 /* an instance name: 63 bytes of UTF-8 (RFC 6763 4.1.1), NUL */
#define DISCOVERY_ADDRESSES_MAX 1024u /* addresses reported and not yet lost */
#define DISCOVERY_TEXT_ROOM 128

/* What this node wants to be known as. */
struct discovery_setup {
    bool publish; /* else only look for others */
    char name[DISCOVERY_NAME_ROOM];
    char id[ID_TEXT_ROOM];
    uint16_t port; /* 1 or more where `publish` */
};

/* One address of one instance on one interface. The same instance, interface and address again
 * replaces what was reported before. */
struct discovery_found {
    char instance[DISCOVERY_NAME_ROOM]; /* valid UTF-8, but not escaped */
    char id[ID_TEXT_ROOM];              /* canonical, or empty where TXT has no valid one */
    uint32_t version;                   /* TXT v=, 0 where missing or no number */
    uint32_t interface;                 /* index; the scope of a link-local address */
    uint8_t address[16];                /* network order; unused bytes are 0 */
    uint8_t address_length;             /* 4 or 16 */
    uint16_t port;
    bool own; /* carries this node's id */
};

/* That address is gone. */
struct discovery_lost {
    char instance[DISCOVERY_NAME_ROOM];
    uint32_t interface;
    uint8_t family; /* 4 or 6; from a helper also 0: both */
    uint8_t address[16];
    uint8_t address_length; /* 4 or 16; from a helper also 0: all of that family */
};

enum discovery_backend { DISCOVERY_NONE, DISCOVERY_DAEMON, DISCOVERY_EMBEDDED };

/* How things stand. */
struct discovery_state {
    enum discovery_backend backend;
    char published[DISCOVERY_NAME_ROOM]; /* name in use, empty while none is */
    char text[DISCOVERY_TEXT_ROOM];      /* why something does not work, for people; or empty */
    bool settled; /* the first look around is over: who answers at once has been reported */
};

/* Receivers of reports, all required; arguments are borrowed for the call. They must not call into
 * this library, except discovery_quit(). */
struct discovery_events {
    void *context;
    void (*found)(void *context, const struct discovery_found *found);
    void (*lost)(void *context, const struct discovery_lost *lost);
    void (*state)(void *context, const struct discovery_state *state);
};

struct discovery;

/* A discovery that does nothing yet. `events` is copied. 0, or -ENOMEM. */
int discovery_new(struct discovery **out, const struct discovery_events *events);

/* Withdraws what is published, says goodbye on the network, frees. NULL is nothing. Blocks while
 * avahi-daemon does its part. */
void discovery_free(struct discovery *discovery);

/* Calls `readable(context)` from the loop whenever `fd` (borrowed) has something to read or its
 * other end is closed. The callback may call anything here but discovery_free(). 0 or -ENOMEM. */
int discovery_watch(struct discovery *discovery, int fd, void (*readable)(void *context),
                    void *context);

/* Starts, or changes what is published. 0; -EINVAL for a name, id or port that cannot be published;
 * -ENOMEM. Nothing on the network makes it fail: that is told by `state`. */
int discovery_setup(struct discovery *discovery, const struct discovery_setup *setup);

/* Runs the loop until discovery_quit(). 0, or -EIO where the loop itself fails. */
int discovery_run(struct discovery *discovery);
void discovery_quit(struct discovery *discovery);

#endif
