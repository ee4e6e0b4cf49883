#include "lab_tell.h"

#include "base/chan.h"
#include "base/io.h"
#include "node/session/main.h"
#include "proto/features.h"
#include "proto/local.h"
#include "proto/msg.h"
#include "relay.h"
#include "tree.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

void lab_open(struct lab *lab) {
    *lab = (struct lab){.lanes = 1,
                        .stalled = -1,
                        .features = FEATURES,
                        .batch_bytes = 4 << 20,
                        .batch_ms = 1000,
                        .answer = LAB_ADMIT(ACCEPT),
                        .number = 7};
    ck_assert_int_ge(sodium_init(), 0);
    rangeset_init(&lab->extents);
    rangeset_init(&lab->replaced.extents);
    const char *parent = getenv("FXNODE_LAB_DIR");
    snprintf(lab->root, sizeof lab->root, "%s/fxnode-session-XXXXXX",
             parent != NULL ? parent : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(lab->root));
    snprintf(lab->source, sizeof lab->source, "%s/source", lab->root);
    snprintf(lab->destination, sizeof lab->destination, "%s/destination", lab->root);
    snprintf(lab->work, sizeof lab->work, "%s/work", lab->root);
    ck_assert_int_eq(mkdir(lab->source, 0755), 0);
    ck_assert_int_eq(mkdir(lab->work, 0700), 0);
}

void lab_close(struct lab *lab) {
    rangeset_clear(&lab->extents);
    rangeset_clear(&lab->replaced.extents);
    tree_remove(lab->root);
}

const char *lab_path(const char *directory, const char *name) {
    static char paths[3][512];
    static unsigned at;
    char *path = paths[at++ % 3];

    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

void lab_add(struct lab *lab, const char *name) {
    ck_assert_uint_lt(lab->path_count, 8);
    lab->paths[lab->path_count++] = name;
}

/* Takes from this process what root may do beyond its modes and all the rest. */
static void drop_rights(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

    if (syscall(SYS_capset, &header, none) < 0)
        _exit(99);
}

static void start(struct lab_session *session, const char *crash, bool bounded) {
    int fds[2];

    *session = (struct lab_session){.chan = -1};
    ck_assert_int_eq(chan_pair(fds), 0);
    session->pid = fork();
    ck_assert_int_ge(session->pid, 0);
    if (session->pid == 0) {
        close(fds[0]);
        if (crash != NULL)
            setenv("FXNODE_CRASH", crash, 1);
        if (bounded)
            drop_rights();
        _exit(session_main(fds[1]));
    }
    close(fds[1]);
    session->chan = fds[0];
}

/* A connection over loopback, both ends blocking. */
static void connect_pair(int fds[2]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fds[0], (struct sockaddr *)&address, sizeof address), 0);
    fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    ck_assert_int_ge(fds[1], 0);
    close(listener);
}

static void connect_lane(struct lab *lab, uint32_t lane) {
    uint8_t keys[2][LAB_KEY];
    int fds[2];

    if (lab->cut_after > 0 && lane == lab->cut_lane && lab->relay == 0)
        lab->relay = relay_open(fds, lab->cut_after);
    else if (lab->happens != NULL && lane == 0)
        lab->relay = relay_open_until(fds, lab->happens_after, lab->happens);
    else
        connect_pair(fds);
    randombytes_buf(keys, sizeof keys);
    lab_tell_connection(lab, &lab->sender, lane, fds[0], keys[0], keys[1]);
    lab_tell_connection(lab, &lab->receiver, lane, fds[1], keys[1], keys[0]);
}

/* The receiver does not hear of it. */
static void connect_stalled(struct lab *lab, uint32_t lane) {
    uint8_t keys[2][LAB_KEY];
    int fds[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    randombytes_buf(keys, sizeof keys);
    lab_tell_connection(lab, &lab->sender, lane, fds[0], keys[0], keys[1]);
    lab->stalled = fds[1];
}

static void connect_asked(struct lab *lab, uint32_t lane) {
    lab->lanes_asked++;
    if (lane == lab->stalled_lane && lab->stalled < 0 && lab->stalled_until > 0)
        connect_stalled(lab, lane);
    else
        connect_lane(lab, lane);
}

static void take_offered(struct lab *lab) {
    lab_answer answer = lab->placed ? LAB_ADMIT(DELIVERED) : lab->answer;

    if (lab->ask_first)
        lab_tell_admit(lab, LAB_ADMIT(ASKED), false);
    lab_tell_extents(lab, &lab->receiver);
    if (lab->placing)
        lab_tell_names(lab, &lab->receiver);
    if (answer != LAB_ADMIT(NONE))
        lab_tell_admit(lab, answer, lab->placing);
}

static void fill_destination(struct lab *lab) {
    static const char data[4096] = "filler";
    int fd = open(lab_path(lab->destination, "filler"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    while (write(fd, data, sizeof data) > 0)
        continue;
    ck_assert_int_eq(errno, ENOSPC);
    close(fd);
}

static void take_commit(struct lab *lab, const Fxnode__Helper__Commit *commit) {
    for (size_t i = 0; i < commit->n_forget; i++)
        ck_assert_int_eq(
            rangeset_remove(&lab->extents, commit->forget[i]->first, commit->forget[i]->count), 0);
    for (size_t i = 0; i < commit->n_add; i++)
        ck_assert_int_eq(rangeset_add(&lab->extents, commit->add[i]->first, commit->add[i]->count),
                         0);
    for (size_t i = 0; i < commit->n_forget_replaced; i++)
        ck_assert_int_eq(rangeset_remove(&lab->replaced.extents, commit->forget_replaced[i]->first,
                                         commit->forget_replaced[i]->count),
                         0);
    lab->commits++;
    if (lab->commits == 1 && lab->removed != NULL)
        ck_assert_int_eq(unlink(lab->removed), 0);
    if (lab->commits == lab->fill_at)
        fill_destination(lab);
    if (lab->commits == lab->kill_sender_at)
        kill(lab->sender.pid, SIGKILL);
    if (lab->commits == lab->kill_receiver_at)
        kill(lab->receiver.pid, SIGKILL);
    if (lab->commits == lab->stop_sender_at)
        lab_tell_stop(&lab->sender, lab->stop_reason);
    if (lab->commits == lab->stop_receiver_at)
        lab_tell_stop(&lab->receiver, lab->stop_reason);
    lab_tell_committed(&lab->receiver, commit->ticket);
}

/* The line of a process that counts its filters of system calls; empty where there is none. */
static void read_filters(char line[128], pid_t pid) {
    char path[64];
    bool found = false;

    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *status = fopen(path, "re");
    ck_assert_ptr_nonnull(status);
    while (!found && fgets(line, 128, status) != NULL)
        found = strncmp(line, "Seccomp_filters:", 16) == 0;
    fclose(status);
    if (!found)
        line[0] = '\0';
}

/* Whether a session, which waits for our answer, has more of them than we have. */
static bool is_confined(const struct lab_session *session) {
    char ours[128], theirs[128];

    read_filters(ours, getpid());
    read_filters(theirs, session->pid);
    return strcmp(ours, theirs) != 0;
}

static void take_placing(struct lab *lab, const Fxnode__Helper__Placing *placing) {
    for (size_t i = 0; i < placing->n_items; i++) {
        unsigned at = 0;

        while (at < lab->name_count && lab->names[at].item != placing->items[i]->item)
            at++;
        ck_assert_uint_lt(at, LAB_NAMES);
        lab->name_count = at == lab->name_count ? at + 1 : lab->name_count;
        lab->names[at].item = placing->items[i]->item;
        lab->names[at].device = placing->items[i]->device;
        lab->names[at].inode = placing->items[i]->inode;
        snprintf(lab->names[at].name, sizeof lab->names[at].name, "%.*s",
                 (int)placing->items[i]->name.len, (const char *)placing->items[i]->name.data);
    }
    if (placing->more)
        return;
    lab->placing = true;
    lab->failed = placing->failed;
    lab_tell_committed(&lab->receiver, placing->ticket);
}

static void take_scanned(struct lab *lab, const Fxnode__Helper__Scanned *scanned) {
    memcpy(lab->manifest_hash, scanned->manifest_hash.data, LIMIT_HASH);
    lab->manifest_length = scanned->manifest_length;
    lab->entries = scanned->entries;
    lab->bytes = scanned->bytes;
    lab->units = scanned->units;
}

/* Messages that one side's node acts upon. */
static void act(struct lab *lab, struct lab_session *session,
                const Fxnode__Helper__ToNode *message) {
    switch (message->body_case) {
    case FXNODE__HELPER__TO_NODE__BODY_SCANNED:
        take_scanned(lab, message->scanned);
        break;
    case FXNODE__HELPER__TO_NODE__BODY_NEED_LANE:
        connect_asked(lab, message->need_lane->lane);
        break;
    case FXNODE__HELPER__TO_NODE__BODY_OFFERED:
        ck_assert_int_eq(
            memcmp(message->offered->manifest_hash.data, lab->manifest_hash, LIMIT_HASH), 0);
        lab->existing = message->offered->existing;
        take_offered(lab);
        break;
    case FXNODE__HELPER__TO_NODE__BODY_COMMIT:
        take_commit(lab, message->commit);
        break;
    case FXNODE__HELPER__TO_NODE__BODY_PLACING:
        session->confined = is_confined(session);
        take_placing(lab, message->placing);
        break;
    case FXNODE__HELPER__TO_NODE__BODY_DONE:
        session->confined = is_confined(session);
        lab->placed = true;
        lab->failed = message->done->failed;
        lab_tell_committed(session, message->done->ticket);
        break;
    case FXNODE__HELPER__TO_NODE__BODY_DELIVERED:
        lab->delivered = true;
        lab->delivered_failed = message->delivered->failed;
        if (lab->at_delivery != NULL)
            lab->at_delivery();
        lab_tell_committed(session, message->delivered->ticket);
        break;
    case FXNODE__HELPER__TO_NODE__BODY_FINISHED:
        lab->finished = true;
        break;
    case FXNODE__HELPER__TO_NODE__BODY_INHERITED:
        ck_assert_uint_ne(lab->replaced.number, 0);
        lab->replaced.number = 0;
        break;
    default:
        break;
    }
}

static void take_message(struct lab *lab, struct lab_session *session,
                         const Fxnode__Helper__ToNode *message) {
    switch (message->body_case) {
    case FXNODE__HELPER__TO_NODE__BODY_PROGRESS:
        session->done = message->progress->done;
        session->moved = message->progress->moved;
        if (lab->stalled >= 0 && session == &lab->receiver && session->done >= lab->stalled_until) {
            lab->stalled_until = 0;
            io_close(&lab->stalled);
        }
        break;
    case FXNODE__HELPER__TO_NODE__BODY_NOTE:
        session->notes++;
        session->failed_notes += message->note->failed ? 1 : 0;
        snprintf(session->note, sizeof session->note, "%s", message->note->text);
        snprintf(session->told + strlen(session->told),
                 sizeof session->told - strlen(session->told), "%s\n", message->note->text);
        break;
    case FXNODE__HELPER__TO_NODE__BODY_ENDED:
        session->outcome = message->ended->outcome;
        snprintf(session->text, sizeof session->text, "%s", message->ended->text);
        break;
    default:
        act(lab, session, message);
    }
}

static void reap(struct lab_session *session) {
    int status = 0;

    ck_assert_int_eq(waitpid(session->pid, &status, 0), session->pid);
    session->killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    ck_assert_msg(session->killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0),
                  "a session ended with status %#x", (unsigned)status);
    session->pid = 0;
    io_close(&session->chan);
}

static void take_packet(struct lab *lab, struct lab_session *session, struct msg_arena *arena) {
    static struct chan_packet packet;
    const Fxnode__Helper__ToNode *message = NULL;
    struct fail why = {0};
    int r = chan_receive(session->chan, &packet, 0);

    if (r <= 0) {
        reap(session);
        return;
    }
    r = local_decode_from_session(arena, packet.data, packet.length, &message, &why);
    ck_assert_msg(r == 0, "a session says nonsense: %s", why.text);
    take_message(lab, session, message);
}

void lab_serve(struct lab *lab) {
    struct msg_arena *arena = NULL;

    ck_assert_int_eq(msg_arena_new(&arena, 1 << 20), 0);
    while (lab->sender.pid != 0 || lab->receiver.pid != 0) {
        struct lab_session *sessions[] = {&lab->sender, &lab->receiver};
        struct pollfd fds[2];

        for (int i = 0; i < 2; i++)
            fds[i] = (struct pollfd){.fd = sessions[i]->pid != 0 ? sessions[i]->chan : -1,
                                     .events = POLLIN};
        ck_assert_int_gt(poll(fds, 2, -1), 0);
        for (int i = 0; i < 2; i++)
            if (fds[i].revents != 0)
                take_packet(lab, sessions[i], arena);
    }
    msg_arena_free(arena);
}

void lab_try_scan(struct lab *lab) {
    start(&lab->sender, lab->sender_crash, lab->sender_bounded);
    lab_tell_paths(lab, &lab->sender);
    lab_tell_job(lab, &lab->sender, FXNODE__HELPER__JOB__KIND__SCAN);
    lab_serve(lab);
}

void lab_scan(struct lab *lab) {
    lab_try_scan(lab);
    ck_assert_msg(lab->sender.outcome == LAB_ENDED(COMPLETE), "the scan: %s", lab->sender.text);
}

/* As node/daemon/outwork.h. What was not sent from before has no hashes. */
static void give_over_work(struct lab *lab) {
    static const char *const names[] = {"hashes", "stat", "manifest"};

    for (int i = 0; i < 3; i++) {
        char to[160];

        snprintf(to, sizeof to, "%s/%s.old", lab->work, names[i]);
        ck_assert_int_eq(rename(lab_path(lab->work, names[i]), to), 0);
    }
}

void lab_replace(struct lab *lab) {
    struct lab_replaced *replaced = &lab->replaced;

    replaced->number = lab->number++;
    memcpy(replaced->manifest_hash, lab->manifest_hash, LIMIT_HASH);
    replaced->manifest_length = lab->manifest_length;
    replaced->entries = lab->entries;
    replaced->bytes = lab->bytes;
    replaced->units = lab->units;
    rangeset_move(&replaced->extents, &lab->extents);
    give_over_work(lab);
    lab_scan(lab);
}

void lab_clean(struct lab *lab, uint64_t number) {
    uint64_t current = lab->number;

    lab->number = number;
    lab_recover(lab, FXNODE__HELPER__JOB__KIND__CLEAN);
    lab->number = current;
}

void lab_transfer(struct lab *lab) {
    lab->commits = 0;
    lab->lanes_asked = 0;
    start(&lab->sender, lab->sender_crash, lab->sender_bounded);
    start(&lab->receiver, lab->crash, lab->bounded);
    lab_tell_paths(lab, &lab->sender);
    lab_tell_job(lab, &lab->sender, FXNODE__HELPER__JOB__KIND__SEND);
    lab_tell_job(lab, &lab->receiver, FXNODE__HELPER__JOB__KIND__RECEIVE);
    connect_lane(lab, 0);
    lab_serve(lab);
    if (lab->relay != 0)
        ck_assert_int_eq(waitpid(lab->relay, NULL, 0), lab->relay);
    lab->relay = 0;
}

void lab_recover(struct lab *lab, Fxnode__Helper__Job__Kind kind) {
    start(&lab->receiver, lab->crash, lab->bounded);
    lab_tell_extents(lab, &lab->receiver);
    lab_tell_names(lab, &lab->receiver);
    lab_tell_job(lab, &lab->receiver, kind);
    lab_serve(lab);
}

void lab_start_receiver(struct lab *lab, int fd, const uint8_t *send_key,
                        const uint8_t *receive_key) {
    start(&lab->receiver, NULL, lab->bounded);
    lab_tell_job(lab, &lab->receiver, FXNODE__HELPER__JOB__KIND__RECEIVE);
    lab_tell_connection(lab, &lab->receiver, 0, fd, send_key, receive_key);
}

void lab_start_sender(struct lab *lab, int fd, const uint8_t *send_key,
                      const uint8_t *receive_key) {
    start(&lab->sender, lab->sender_crash, lab->sender_bounded);
    lab_tell_paths(lab, &lab->sender);
    lab_tell_job(lab, &lab->sender, FXNODE__HELPER__JOB__KIND__SEND);
    lab_tell_connection(lab, &lab->sender, 0, fd, send_key, receive_key);
}
