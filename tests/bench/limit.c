/*
 * The limit of the machine for what fxnode does with a large file: read, seal, send, receive, open,
 * write to a new file, and nothing else. Two processes, a thread for each lane and side, one TCP
 * connection for each lane, sealed by the record layer that fxnode uses.
 *
 *     limit [OPTION...] copy SOURCE TARGET              both ends, over loopback
 *     limit [OPTION...] receive ADDRESS:PORT TARGET     says "listening" when it is
 *     limit [OPTION...] send ADDRESS:PORT SOURCE
 *
 *     --cipher auto|libcrypto|libsodium|none    auto: as fxnode chooses
 *     --lanes N                                 default: one for each processor
 *     --frame KIB                               default: 256
 *     --congestion NAME                         congestion control of TCP; default: the system's
 *
 * Cipher, lanes and frame have to be the same at both ends. `send` and `copy` end when everything
 * is written at the other end. Nothing is synced. Exit status 0, 1 where something failed, 2 for
 * wrong usage.
 */
#include "limit_lane.h"

#include "base/io.h"
#include "base/limits.h"
#include "node/common/record_layer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define USAGE 2
#define FRAME_KIB_MAX 1023u /* LIMIT_FRAME has to hold an offset too */

struct options {
    const char *cipher;
    const char *congestion; /* NULL: the system's */
    unsigned lanes;
    unsigned frame_kib;
};

typedef int lane_function(struct limit_end *end, int socket);

struct task {
    lane_function *run;
    struct limit_end *end;
    int socket;
    int result;
    pthread_t thread;
};

static void *run_task(void *arg) {
    struct task *task = arg;

    task->result = task->run(task->end, task->socket);
    /* Wakes the peer where this failed; the sender waits for its close otherwise. */
    if (task->result < 0)
        shutdown(task->socket, SHUT_RDWR);
    return NULL;
}

/* Runs all lanes, each in a thread, and closes their sockets. 0 or -errno. */
static int run_lanes(lane_function *run, struct limit_end *end, int *sockets, unsigned lanes) {
    struct task tasks[LIMIT_LANES];
    int result = 0;

    for (unsigned i = 0; i < lanes; i++) {
        tasks[i] = (struct task){.run = run, .end = end, .socket = sockets[i]};
        if (pthread_create(&tasks[i].thread, NULL, run_task, &tasks[i]) != 0)
            exit(EXIT_FAILURE);
    }
    for (unsigned i = 0; i < lanes; i++) {
        pthread_join(tasks[i].thread, NULL);
        result = tasks[i].result < 0 ? tasks[i].result : result;
    }
    for (unsigned i = 0; i < lanes; i++)
        io_close(&sockets[i]);
    return result;
}

static int new_socket(const struct options *options) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    int error = 0;

    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
        (options->congestion == NULL ||
         setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, options->congestion,
                    (socklen_t)strlen(options->congestion)) == 0))
        return fd;
    error = -errno;
    close(fd);
    return error;
}

static int send_file(const struct options *options, const struct sockaddr_in *peer,
                     const char *path) {
    struct limit_end end = {.file = open(path, O_RDONLY | O_CLOEXEC),
                            .plain = strcmp(options->cipher, "none") == 0,
                            .frame = options->frame_kib * 1024u};
    int sockets[LIMIT_LANES];
    struct stat st;

    if (end.file < 0 || fstat(end.file, &st) < 0)
        return -errno;
    end.size = (uint64_t)st.st_size;
    for (unsigned i = 0; i < options->lanes; i++) {
        sockets[i] = new_socket(options);
        if (sockets[i] < 0)
            return sockets[i];
        if (connect(sockets[i], (const struct sockaddr *)peer, sizeof *peer) < 0)
            return -errno;
    }
    return run_lanes(limit_lane_send, &end, sockets, options->lanes);
}

static int receive_file(const struct options *options, int listener, const char *path) {
    struct limit_end end = {.file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600),
                            .plain = strcmp(options->cipher, "none") == 0,
                            .frame = options->frame_kib * 1024u};
    int sockets[LIMIT_LANES];

    if (end.file < 0)
        return -errno;
    for (unsigned i = 0; i < options->lanes; i++) {
        sockets[i] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (sockets[i] < 0)
            return -errno;
    }
    return run_lanes(limit_lane_receive, &end, sockets, options->lanes);
}

/* Listens at *at, whose port is filled in where it was 0. The socket or -errno. */
static int listen_at(const struct options *options, struct sockaddr_in *at) {
    socklen_t length = sizeof *at;
    int fd = new_socket(options);
    int error = 0;

    if (fd < 0)
        return fd;
    if (bind(fd, (struct sockaddr *)at, sizeof *at) == 0 && listen(fd, LIMIT_LANES) == 0 &&
        getsockname(fd, (struct sockaddr *)at, &length) == 0)
        return fd;
    error = -errno;
    close(fd);
    return error;
}

/* The exit status for it. */
static int report(int r) {
    if (r < 0)
        fprintf(stderr, "limit: %s\n", strerror(-r));
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Both ends. Each notices when the other fails: its connections break, or it is killed. */
static int copy(const struct options *options, const char *source, const char *target) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int listener = listen_at(options, &at);
    int status = 0;
    int r = 0;
    pid_t receiver = 0;

    if (listener < 0)
        return listener;
    receiver = fork();
    if (receiver < 0)
        return -errno;
    if (receiver == 0)
        _exit(report(receive_file(options, listener, target)));
    io_close(&listener);
    r = send_file(options, &at, source);
    if (r < 0)
        kill(receiver, SIGKILL);
    if (waitpid(receiver, &status, 0) != receiver || status != 0)
        r = r < 0 ? r : -ECHILD;
    return r;
}

static int receive_at(const struct options *options, struct sockaddr_in *at, const char *target) {
    int listener = listen_at(options, at);
    int r = listener;

    if (listener < 0)
        return r;
    fputs("listening\n", stderr);
    r = receive_file(options, listener, target);
    io_close(&listener);
    return r;
}

/* "10.0.0.1:4000" */
static int parse_address(const char *text, struct sockaddr_in *out) {
    char address[INET_ADDRSTRLEN];
    int port = 0;

    *out = (struct sockaddr_in){.sin_family = AF_INET};
    if (sscanf(text, "%15[0-9.]:%d", address, &port) != 2 || port <= 0 || port > UINT16_MAX ||
        inet_pton(AF_INET, address, &out->sin_addr) != 1)
        return -EINVAL;
    out->sin_port = htons((uint16_t)port);
    return 0;
}

/* Which code seals: a choice for the process. 0, or -EINVAL where it cannot be had. */
static int choose_cipher(const char *name) {
    static const char *const names[] = {[CONFIG_RECORD_LAYER_AUTO] = "auto",
                                        [CONFIG_RECORD_LAYER_LIBSODIUM] = "libsodium",
                                        [CONFIG_RECORD_LAYER_LIBCRYPTO] = "libcrypto"};
    enum config_record_layer wish = CONFIG_RECORD_LAYER_AUTO;
    struct record_layer layer;

    if (strcmp(name, "none") == 0)
        return 0;
    while (wish <= CONFIG_RECORD_LAYER_LIBCRYPTO && strcmp(name, names[wish]) != 0)
        wish++;
    if (wish > CONFIG_RECORD_LAYER_LIBCRYPTO)
        return -EINVAL;
    record_layer_choose(&layer, wish);
    if (wish == CONFIG_RECORD_LAYER_LIBCRYPTO && layer.code == secretstream_reference())
        return -EINVAL;
    secretstream_use(layer.code);
    return 0;
}

static int usage(void) {
    fputs("limit: see the head of limit.c\n", stderr);
    return USAGE;
}

static unsigned number(const char *text, unsigned most) {
    unsigned long value = strtoul(text, NULL, 10);

    return value <= most ? (unsigned)value : 0;
}

/* False for wrong usage. */
static bool parse_options(struct options *options, int argc, char **argv) {
    static const struct option known[] = {{"cipher", required_argument, NULL, 'c'},
                                          {"lanes", required_argument, NULL, 'l'},
                                          {"frame", required_argument, NULL, 'f'},
                                          {"congestion", required_argument, NULL, 't'},
                                          {0}};
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int letter = 0;

    *options = (struct options){.cipher = "auto", .frame_kib = 256};
    options->lanes = cores > 0 && cores < (long)LIMIT_LANES ? (unsigned)cores : LIMIT_LANES;
    while ((letter = getopt_long(argc, argv, "+", known, NULL)) != -1) {
        if (letter == 'c')
            options->cipher = optarg;
        else if (letter == 'l')
            options->lanes = number(optarg, LIMIT_LANES);
        else if (letter == 'f')
            options->frame_kib = number(optarg, FRAME_KIB_MAX);
        else if (letter == 't')
            options->congestion = optarg;
        else
            return false;
    }
    return options->lanes > 0 && options->frame_kib > 0 && argc - optind == 3;
}

int main(int argc, char **argv) {
    struct options options;
    struct sockaddr_in at;
    const char *verb = NULL;
    bool receives = false;
    int r = 0;

    if (sodium_init() < 0 || !parse_options(&options, argc, argv) ||
        choose_cipher(options.cipher) < 0)
        return usage();
    verb = argv[optind++];
    receives = strcmp(verb, "receive") == 0;
    if (strcmp(verb, "copy") == 0)
        r = copy(&options, argv[optind], argv[optind + 1]);
    else if ((!receives && strcmp(verb, "send") != 0) || parse_address(argv[optind], &at) < 0)
        return usage();
    else
        r = receives ? receive_at(&options, &at, argv[optind + 1])
                     : send_file(&options, &at, argv[optind + 1]);
    return report(r);
}
