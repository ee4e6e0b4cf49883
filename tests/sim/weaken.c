#include "tests/sim/weaken.h"

#include "files/merge.h"
#include "node/session/same.h"
#include "node/session/send.h"
#include "node/session/uplink.h"
#include "proto/msg.h"
#include "store/store_transfer.h"
#include "tests/sim/disk.h"
#include "tests/sim/handle.h"
#include "tests/sim/machine.h"
#include "tests/sim/memory.h"
#include "tests/sim/socket.h"
#include "tests/sim/task.h"
#include "tests/sim/watch.h"

#include <string.h>

#define LATE_NS 200000000u

static enum weaken chosen;
static bool holding;               /* LATE_QUEUE: nothing of a database is flushed now */
static const struct sender *early; /* MOVE_EARLY: has confirmed everything */

bool weaken_choose(const char *name) {
    static const char *const names[] = {
        [WEAKEN_NO_SYNC] = "no-sync",
        [WEAKEN_LATE_SYNC] = "late-sync",
        [WEAKEN_NO_DIRECTORY_SYNC] = "no-directory-sync",
        [WEAKEN_EARLY_ACK] = "early-ack",
        [WEAKEN_LATE_QUEUE] = "late-queue",
        [WEAKEN_NO_COMMIT_SYNC] = "no-commit-sync",
        [WEAKEN_MOVE_EARLY] = "move-early",
        [WEAKEN_MOVE_CHANGED] = "move-changed",
        [WEAKEN_SKIP_OVERWRITES] = "skip-overwrites",
    };

    for (size_t i = 1; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) != 0)
            continue;
        chosen = (enum weaken)i;
        return true;
    }
    return false;
}

void weaken_begin(void) {
    holding = false;
    early = NULL;
}

static void flush_late(void *arg) {
    struct machine *machine = arg;

    holding = false;
    if (machine->up)
        disk_sync_all(machine->disk);
}

static void flush_later(void) {
    struct machine *machine = process_now()->machine;

    task_at(task_clock() + LATE_NS, flush_late, machine);
}

bool weaken_flushes(struct inode *inode) {
    bool is_directory = inode != NULL && S_ISDIR(disk_mode(inode));

    if (process_now()->order == NULL)
        return true;
    if (chosen == WEAKEN_LATE_SYNC)
        flush_later();
    if (is_directory)
        return chosen != WEAKEN_NO_DIRECTORY_SYNC;
    return chosen != WEAKEN_NO_SYNC && chosen != WEAKEN_LATE_SYNC;
}

bool weaken_flushes_log(struct inode *inode) {
    (void)inode;
    return !holding && chosen != WEAKEN_NO_COMMIT_SYNC;
}

void __real_uplink_send(struct uplink *uplink, const Fxnode__Helper__ToNode *message);
void __wrap_uplink_send(struct uplink *uplink, const Fxnode__Helper__ToNode *message);

/* As if the node had answered already. */
static void answer(struct uplink *uplink, uint64_t ticket) {
    Fxnode__Helper__Committed committed = FXNODE__HELPER__COMMITTED__INIT;
    Fxnode__Helper__ToSession message = FXNODE__HELPER__TO_SESSION__INIT;
    uint8_t packet[64];
    int length = 0;

    committed.ticket = ticket;
    message.body_case = FXNODE__HELPER__TO_SESSION__BODY_COMMITTED;
    message.committed = &committed;
    length = msg_encode(&message.base, packet, sizeof packet);
    socket_feed(handle_get(uplink_fd(uplink))->socket, packet, (size_t)length);
}

void __wrap_uplink_send(struct uplink *uplink, const Fxnode__Helper__ToNode *message) {
    if (message->body_case == FXNODE__HELPER__TO_NODE__BODY_OFFERED)
        watch_offered(message->offered->transfer_id.data, message->offered->transfer_id.len);
    if (chosen == WEAKEN_EARLY_ACK && message->body_case == FXNODE__HELPER__TO_NODE__BODY_COMMIT)
        answer(uplink, message->commit->ticket);
    __real_uplink_send(uplink, message);
}

int __real_store_transfer_create(struct store *store, const struct store_transfer_new *with,
                                 uint64_t *number, struct fail *fail);
int __wrap_store_transfer_create(struct store *store, const struct store_transfer_new *with,
                                 uint64_t *number, struct fail *fail);

int __wrap_store_transfer_create(struct store *store, const struct store_transfer_new *with,
                                 uint64_t *number, struct fail *fail) {
    if (chosen == WEAKEN_LATE_QUEUE) {
        holding = true;
        flush_later();
    }
    return __real_store_transfer_create(store, with, number, fail);
}

int __real_send_keep_note(struct send *send, struct receipt_marks *marks);
int __wrap_send_keep_note(struct send *send, struct receipt_marks *marks);

int __wrap_send_keep_note(struct send *send, struct receipt_marks *marks) {
    int r = __real_send_keep_note(send, marks);

    if (chosen == WEAKEN_MOVE_EARLY && r == 0 && send->job->moves)
        early = send->sender;
    return r;
}

bool __real_sender_next(struct sender *sender, struct sender_action *action);
bool __wrap_sender_next(struct sender *sender, struct sender_action *action);

/* As if the receiver had answered already. */
bool __wrap_sender_next(struct sender *sender, struct sender_action *action) {
    static Fxnode__Wire__Delivered delivered = FXNODE__WIRE__DELIVERED__INIT;

    if (early == NULL || early != sender)
        return __real_sender_next(sender, action);
    early = NULL;
    delivered.exact = true;
    *action = (struct sender_action){.kind = SENDER_DELIVERED, .delivered = &delivered};
    return true;
}

const char *__real_same_file(struct same *same, const struct manifest_item *original, int fd,
                             const struct stamp *stamp);
const char *__wrap_same_file(struct same *same, const struct manifest_item *original, int fd,
                             const struct stamp *stamp);

const char *__wrap_same_file(struct same *same, const struct manifest_item *original, int fd,
                             const struct stamp *stamp) {
    return chosen == WEAKEN_MOVE_CHANGED ? NULL : __real_same_file(same, original, fd, stamp);
}

int __real_merge_new(struct merge **out, struct staging *staging, bool replaces);
int __wrap_merge_new(struct merge **out, struct staging *staging, bool replaces);

int __wrap_merge_new(struct merge **out, struct staging *staging, bool replaces) {
    return __real_merge_new(out, staging, replaces || chosen == WEAKEN_SKIP_OVERWRITES);
}
