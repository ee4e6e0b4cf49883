#include "discovery/bus.h"

#include "base/io.h"
#include "base/log.h"

#include <dbus/dbus.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define DEFAULT_ADDRESS "unix:path=/run/dbus/system_bus_socket"
#define EVENTS (IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

/* Where the socket is */

static bool take_path(char path[PATH_MAX], DBusAddressEntry *entry) {
    const char *value = dbus_address_entry_get_value(entry, "path");
    if (strcmp(dbus_address_entry_get_method(entry), "unix") != 0 || !value || value[0] != '/' ||
        strlen(value) >= PATH_MAX)
        return false;
    strcpy(path, value);
    return true;
}

static void find_path(char path[PATH_MAX]) {
    const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");
    DBusAddressEntry **entries = NULL;
    int count = 0;
    bool found = false;
    path[0] = '\0';
    if (!dbus_parse_address(address ? address : DEFAULT_ADDRESS, &entries, &count, NULL))
        return;
    for (int i = 0; i < count && !found; i++)
        found = take_path(path, entries[i]);
    dbus_address_entries_free(entries);
}

/* Watching */

/* Makes `path` that of the directory above; false at the root. */
static bool go_up(char *path) {
    char *slash = strrchr(path, '/');
    if (!slash || path[1] == '\0')
        return false;
    slash[slash == path] = '\0';
    return true;
}

static int watch_nearest(const struct bus *bus) {
    char path[PATH_MAX];
    int directory = -1;
    strcpy(path, bus->path);
    while (directory < 0 && go_up(path))
        directory = inotify_add_watch(bus->fd, path, EVENTS);
    return directory;
}

/* Directories come and go meanwhile: once the same one is found twice, none was missed between. */
static void rearm(struct bus *bus) {
    int before;
    do {
        before = bus->directory;
        bus->directory = watch_nearest(bus);
        if (before >= 0 && before != bus->directory)
            inotify_rm_watch(bus->fd, before);
    } while (before != bus->directory);
}

/* Whether the socket is there and not the one of the last look. */
static bool look(struct bus *bus) {
    struct stat now = {0};
    struct stat before = bus->seen;
    if (stat(bus->path, &now) < 0)
        now = (struct stat){0};
    bus->seen = now;
    return now.st_ino != 0 && (now.st_dev != before.st_dev || now.st_ino != before.st_ino ||
                               now.st_ctim.tv_sec != before.st_ctim.tv_sec ||
                               now.st_ctim.tv_nsec != before.st_ctim.tv_nsec);
}

/* What the events say does not matter: the look tells more, and covers lost ones too. */
static void on_events(AvahiWatch *watch, int fd, AvahiWatchEvent event, void *userdata) {
    struct bus *bus = userdata;
    char events[4096];
    (void)watch;
    (void)event;
    while (read(fd, events, sizeof events) > 0)
        continue;
    rearm(bus);
    if (look(bus))
        bus->appeared(bus->context);
}

void bus_init(struct bus *bus, const AvahiPoll *poll, void (*appeared)(void *context),
              void *context) {
    *bus = (struct bus){
        .poll = poll, .appeared = appeared, .context = context, .fd = -1, .directory = -1};
    find_path(bus->path);
    if (bus->path[0] == '\0')
        return;
    bus->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (bus->fd < 0) {
        log_debug("cannot wait for the message bus: %s", strerror(errno));
        return;
    }
    rearm(bus);
    look(bus);
    bus->watch = poll->watch_new(poll, bus->fd, AVAHI_WATCH_IN, on_events, bus);
}

void bus_clear(struct bus *bus) {
    if (!bus->poll)
        return;
    if (bus->watch)
        bus->poll->watch_free(bus->watch);
    bus->watch = NULL;
    io_close(&bus->fd);
}

bool bus_watched(const struct bus *bus) {
    return bus->watch && bus->directory >= 0;
}

bool bus_exists(const struct bus *bus) {
    struct stat now;
    return stat(bus->path, &now) == 0;
}
