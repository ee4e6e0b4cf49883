/*
 * discovery-probe [--browse] NAME SEED PORT: the discovery helper with somebody to talk to. Prints
 * what it reports, one line each, through the checks that the node applies. A line "NAME PORT" on
 * standard input is a new setup; its end ends the helper, whose exit status is this program's.
 *
 *   found INSTANCE IFINDEX ADDRESS PORT v=VERSION id=ID [own]
 *   lost INSTANCE IFINDEX ADDRESS
 *   state none|daemon|embedded published=NAME settled=0|1 TEXT
 */
#include "base/chan.h"
#include "base/escape.h"
#include "base/io.h"
#include "node/common/discovery_check.h"
#include "node/helper/discovery_helper.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct probe {
    int chan;
    struct msg_arena *arena;
    struct chan_packet packet;
    struct discovery_setup setup;
};

static const char *address_text(char out[INET6_ADDRSTRLEN], const uint8_t *bytes, size_t length) {
    return inet_ntop(length == 4 ? AF_INET : AF_INET6, bytes, out, INET6_ADDRSTRLEN);
}

static void print_report(const struct discovery_report *report) {
    static const char *const BACKENDS[] = {"none", "daemon", "embedded"};
    char name[ESCAPE_ROOM(DISCOVERY_NAME_ROOM)];
    char address[INET6_ADDRSTRLEN];
    switch (report->type) {
    case DISCOVERY_FOUND:
        printf("found %s %u %s %u v=%u id=%s%s\n",
               escape_text(name, sizeof name, report->found.instance), report->found.interface,
               address_text(address, report->found.address, report->found.address_length),
               report->found.port, report->found.version, report->found.id,
               report->found.own ? " own" : "");
        break;
    case DISCOVERY_LOST:
        printf("lost %s %u %s\n", escape_text(name, sizeof name, report->lost.instance),
               report->lost.interface,
               address_text(address, report->lost.address, report->lost.address_length));
        break;
    case DISCOVERY_STATE:
        printf("state %s published=%s settled=%d %s\n", BACKENDS[report->state.backend],
               escape_text(name, sizeof name, report->state.published), report->state.settled,
               report->state.text);
        break;
    }
    fflush(stdout);
}

static void send_setup(struct probe *probe) {
    uint8_t data[DISCOVERY_CHECK_ROOM];
    int length = discovery_check_write_setup(&probe->setup, data, sizeof data);
    if (length < 0 || chan_send(probe->chan, data, (size_t)length, NULL, 0, 0) < 0)
        fprintf(stderr, "discovery-probe: cannot send the setup\n");
}

/* False at the end of the channel. */
static int read_report(struct probe *probe) {
    struct discovery_report report;
    struct fail why = {0};
    int result = chan_receive(probe->chan, &probe->packet, 0);
    if (result != 1)
        return 0;
    result = discovery_check_report(&report, probe->arena, probe->packet.data, probe->packet.length,
                                    &why);
    if (result == 0)
        print_report(&report);
    else
        printf("bad %s\n", why.text);
    return 1;
}

static int set_up(struct discovery_setup *setup, const char *name, const char *port) {
    char *end = NULL;
    unsigned long number = strtoul(port, &end, 10);
    if (*end != '\0' || number > UINT16_MAX || strlen(name) >= sizeof setup->name)
        return 0;
    snprintf(setup->name, sizeof setup->name, "%s", name);
    setup->port = (uint16_t)number;
    return 1;
}

/* A line of standard input; false at its end. */
static int read_command(struct probe *probe) {
    char line[256];
    ssize_t length = read(STDIN_FILENO, line, sizeof line - 1);
    if (length <= 0)
        return 0;
    line[length] = '\0';
    line[strcspn(line, "\n")] = '\0';
    char *port = strrchr(line, ' ');
    if (port)
        *port++ = '\0';
    if (port && set_up(&probe->setup, line, port))
        send_setup(probe);
    return 1;
}

static void converse(struct probe *probe) {
    struct pollfd fds[] = {{.fd = probe->chan, .events = POLLIN},
                           {.fd = STDIN_FILENO, .events = POLLIN}};
    send_setup(probe);
    for (int on = 1; on;) {
        if (poll(fds, 2, -1) < 0)
            continue;
        if (fds[0].revents)
            on = read_report(probe);
        if (on && fds[1].revents)
            on = read_command(probe);
    }
}

static int run(struct probe *probe) {
    int fds[2];
    int status = 0;
    if (chan_pair(fds) < 0 || msg_arena_new(&probe->arena, DISCOVERY_CHECK_ARENA) < 0)
        return EXIT_FAILURE;
    pid_t child = fork();
    if (child < 0)
        return EXIT_FAILURE;
    if (child == 0) {
        close(fds[0]);
        exit(discovery_helper_main(fds[1]));
    }
    close(fds[1]);
    probe->chan = fds[0];
    fprintf(stderr, "discovery-probe: helper %d\n", (int)child);
    converse(probe);
    io_close(&probe->chan);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

int main(int argc, char **argv) {
    static struct probe probe;
    uint8_t key[LIMIT_KEY] = {0};
    int browse = argc > 1 && strcmp(argv[1], "--browse") == 0;
    argv += browse;
    argc -= browse;
    if (argc != 4 || !set_up(&probe.setup, argv[1], argv[3])) {
        fprintf(stderr, "usage: discovery-probe [--browse] NAME SEED PORT\n");
        return EXIT_FAILURE;
    }
    probe.setup.publish = !browse;
    memcpy(key, argv[2], strnlen(argv[2], sizeof key));
    id_format(probe.setup.id, key);
    int status = run(&probe);
    msg_arena_free(probe.arena);
    return status;
}
