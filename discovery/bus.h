/*
 * Tells when the system message bus may have come, so that nobody has to look from time to time: an
 * inotify(7) watch on the directory of its socket, or on the nearest one above it that is there.
 */
#ifndef DISCOVERY_BUS_H
#define DISCOVERY_BUS_H

#include <avahi-common/watch.h>

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

struct bus {
    const AvahiPoll *poll;
    void (*appeared)(void *context);
    void *context;
    char path[PATH_MAX]; /* of the socket */
    struct stat seen;    /* the socket as it was last; zeroes where there was none */
    int fd;              /* of inotify, or -1 */
    int directory;       /* what is watched, or -1 */
    AvahiWatch *watch;
};

/* Watches from now on: `appeared(context)` is called from the loop each time the socket comes anew
 * or its rights change. `bus` must stay where it is. Where the socket is follows
 * $DBUS_SYSTEM_BUS_ADDRESS, of which the first that is a path counts. What hinders only
 * makes bus_watched() false. */
void bus_init(struct bus *bus, const AvahiPoll *poll, void (*appeared)(void *context),
              void *context);

/* Frees; a zeroed or freed bus is nothing. */
void bus_clear(struct bus *bus);

/* Whether appeared() can be relied upon: false for an address that is no path, and where there is
 * no inotify instance left. */
bool bus_watched(const struct bus *bus);

/* There is a socket, in use or not. */
bool bus_exists(const struct bus *bus);

#endif
