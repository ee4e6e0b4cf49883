#include "base/escape.h"
#include "files/hash.h"
#include "node/session/send.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Entries confirmed by one message, and hashes read at once. */
#define ENTRIES 4096
#define HASHES 1024

/* The thread that confirms: once all units of an entry are durable at the peer, its source is
 * looked at again, and the hashes of what was sent go into a digest. */
struct confirm {
    struct send_reader reader;
    struct catalog *originals; /* for hard links */
    struct hash *digest;
    bool added;                 /* something of the current entry is in the digest */
    struct receipt_marks marks; /* what was not sent */
    uint8_t hashes[HASHES * LIMIT_CHUNK_HASH];
};

/* Whether all units of an entry are durable or will never be. */
static bool is_settled(struct send *send, const struct manifest_item *item) {
    bool settled = false;

    pthread_mutex_lock(&send->course.lock);
    settled = sender_is_durable(send->sender, item->first_unit,
                                entry_units(item->entry.type, item->entry.size));
    pthread_mutex_unlock(&send->course.lock);
    return settled;
}

static bool has_failed(struct send *send, uint32_t entry) {
    bool failed = false;

    pthread_mutex_lock(&send->course.lock);
    failed = rangeset_contains(&send->failed, entry, 1);
    pthread_mutex_unlock(&send->course.lock);
    return failed;
}

static bool is_skipped(struct send *send, const struct manifest_item *item) {
    uint64_t units = entry_units(item->entry.type, item->entry.size);
    bool skipped = false;

    pthread_mutex_lock(&send->course.lock);
    skipped = sender_skips(send->sender, item->number, item->first_unit, units);
    pthread_mutex_unlock(&send->course.lock);
    return skipped;
}

/* Compares a chunk, read again, with what was sent of it. An outcome; negative. */
static int reread(struct confirm *confirm, const struct manifest_item *item, uint64_t chunk,
                  uint8_t *kept, struct fail *fail) {
    uint8_t now[LIMIT_CHUNK_HASH];
    int r = send_reader_hash(&confirm->reader, item, chunk, now, fail);

    if (r != SOURCE_SAME && r != SOURCE_SOFT)
        return r;
    if (hashes_is_known(kept) && memcmp(kept, now, sizeof now) != 0) {
        char shown[ESCAPE_ROOM(96)];

        fail_set(fail, 0, "%s: its content changed while it was sent; send it again",
                 escape_bytes(shown, sizeof shown, item->entry.path, item->entry.path_length));
        return SOURCE_CHANGED;
    }
    memcpy(kept, now, sizeof now);
    int noted = hashes_set(confirm->reader.send->hashes, item->first_unit + chunk, now);
    return noted < 0 ? send_own_failed(confirm->reader.send, noted, fail) : r;
}

/* Looks at `count` chunks from `chunk` on, whose hashes are in confirm->hashes: what is not known
 * is read again, and all of it where the file is not quite the one that was sent. */
static int check_chunks(struct confirm *confirm, const struct manifest_item *item, uint64_t chunk,
                        size_t count, enum source_outcome state, struct fail *fail) {
    int r = SOURCE_SAME;

    for (size_t i = 0; i < count && (r == SOURCE_SAME || r == SOURCE_SOFT); i++) {
        uint8_t *kept = confirm->hashes + i * LIMIT_CHUNK_HASH;

        if (state == SOURCE_SOFT || !hashes_is_known(kept))
            r = reread(confirm, item, chunk + i, kept, fail);
    }
    return r;
}

/* The chunks of a file, a bounded number at a time. */
static int check_file(struct confirm *confirm, const struct manifest_item *item,
                      enum source_outcome state, struct fail *fail) {
    uint64_t units = entry_units(item->entry.type, item->entry.size);
    int r = SOURCE_SAME;

    for (uint64_t at = 0; at < units && (r == SOURCE_SAME || r == SOURCE_SOFT); at += HASHES) {
        size_t count = units - at < HASHES ? (size_t)(units - at) : HASHES;

        r = hashes_get(confirm->reader.send->hashes, item->first_unit + at, count, confirm->hashes);
        if (r == 0)
            r = check_chunks(confirm, item, at, count, state, fail);
        if (r == SOURCE_SAME || r == SOURCE_SOFT) {
            hash_add(confirm->digest, confirm->hashes, count * LIMIT_CHUNK_HASH);
            confirm->added = true;
        }
    }
    return r;
}

/* A hard link is what its original is, also where that could not be sent. An outcome; negative. */
static int check_hardlink(struct confirm *confirm, const struct manifest_item *item,
                          struct fail *fail) {
    const struct manifest_item *original = NULL;
    char shown[2][ESCAPE_ROOM(24)];
    int r = catalog_by_entry(confirm->originals, item->entry.original, &original, fail);

    if (r != 0)
        return -EBADMSG;
    if (!has_failed(confirm->reader.send, original->number))
        return source_check_hardlink(confirm->reader.source, &item->entry, &original->entry, fail);
    fail_set(
        fail, 0, "%s is another name of %s, which was not sent",
        escape_bytes(shown[0], sizeof shown[0], item->entry.path, item->entry.path_length),
        escape_bytes(shown[1], sizeof shown[1], original->entry.path, original->entry.path_length));
    return SOURCE_CHANGED;
}

/* Whether the source of an entry still is what was sent. An outcome; negative. */
static int check_entry(struct confirm *confirm, const struct manifest_item *item,
                       struct fail *fail) {
    struct stamp stamp;
    int r = 0;

    if (item->entry.type == ENTRY_HARDLINK)
        return check_hardlink(confirm, item, fail);
    if (send_links_leaves_out(confirm->reader.send, &item->entry))
        return rangeset_add(&confirm->marks.left_out, item->number, 1);
    r = stamps_get(confirm->reader.stamps, item->number, &stamp);

    if (r < 0)
        return r;
    r = source_check(confirm->reader.source, &item->entry, &stamp, fail);
    if (r != SOURCE_SAME && r != SOURCE_SOFT)
        return r;
    if (is_skipped(confirm->reader.send, item))
        return rangeset_add(&confirm->marks.theirs, item->number, 1);
    return check_file(confirm, item, (enum source_outcome)r, fail);
}

/* Adds an entry to the digest, or finds that it has failed. 0; 1 where part of a failed one is in
 * the digest already, so that all of it has to be discarded; negative. */
static int add_entry(struct confirm *confirm, const struct manifest_item *item) {
    struct send *send = confirm->reader.send;
    struct fail fail = {0};
    int r = 0;

    if (has_failed(send, item->number))
        return 0;
    confirm->added = false;
    r = check_entry(confirm, item, &fail);
    if (r == SOURCE_SAME || r == SOURCE_SOFT)
        return 0;
    if (r < 0) {
        send_stop(send, r,
                  fail.text[0] != '\0' ? fail.text : "cannot read what was noted of the files");
        return r;
    }
    send_entry_failed(send, item, (enum source_outcome)r, &fail);
    return confirm->added ? 1 : 0;
}

/* Collects settled entries from span->first_entry on into the digest. Returns as add_entry(). */
static int collect(struct confirm *confirm, struct sender_confirmation *span) {
    struct send *send = confirm->reader.send;
    uint32_t entries = manifest_checker_summary(send->checker)->entries;
    int r = 0;

    hash_reset(confirm->digest);
    while (r == 0 && span->count < ENTRIES && span->count < entries - span->first_entry) {
        const struct manifest_item *item = NULL;
        struct fail fail = {0};

        r = catalog_by_entry(confirm->reader.catalog, span->first_entry + span->count, &item,
                             &fail);
        if (r != 0) {
            send_stop(send, r, fail.text);
            return -EBADMSG;
        }
        if (atomic_load(&send->course.ended) || !is_settled(send, item))
            break;
        if (span->count == 0)
            span->first_unit = item->first_unit;
        r = add_entry(confirm, item);
        span->units += entry_units(item->entry.type, item->entry.size);
        span->count++;
    }
    return r;
}

/* Says so to the peer, unless it took back meanwhile what it had. Lock held. */
static void confirm_span(struct send *send, const struct sender_confirmation *span) {
    int r = sender_confirm(send->sender, span);

    if (r < 0)
        send_out_of_step(send, r);
    send_act(send);
}

/* What is known once the last entry is confirmed outlasts this connection, which may be lost before
 * the peer has answered. */
static int note_last(struct confirm *confirm, const struct sender_confirmation *span) {
    struct send *send = confirm->reader.send;
    struct fail fail = {0};
    int r = 0;

    if (span->first_entry + span->count < manifest_checker_summary(send->checker)->entries)
        return 0;
    r = send_keep_note(send, &confirm->marks);
    if (r < 0)
        send_stop(send, send_own_failed(send, r, &fail), fail.text);
    return r;
}

/* Waits until there may be something to confirm. False at the end. Lock held. */
static bool wait_for_work(struct send *send, uint64_t *seen) {
    uint32_t entries = manifest_checker_summary(send->checker)->entries;

    while (!atomic_load(&send->course.ended) &&
           (!send->started || outbox_is_full(&send->course.outbox) ||
            send->course.version == *seen || sender_confirm_next(send->sender) == entries))
        course_wait(&send->course, send->course.version, EXCHANGE_NEVER);
    *seen = send->course.version;
    return !atomic_load(&send->course.ended);
}

static void confirm_loop(struct confirm *confirm) {
    struct send *send = confirm->reader.send;
    uint64_t seen = UINT64_MAX;

    pthread_mutex_lock(&send->course.lock);
    while (wait_for_work(send, &seen)) {
        struct sender_confirmation span = {.first_entry = sender_confirm_next(send->sender)};
        int r = 0;

        pthread_mutex_unlock(&send->course.lock);
        r = collect(confirm, &span);
        hash_end(confirm->digest, span.digest);
        source_rest(confirm->reader.source);
        if (r == 0)
            r = note_last(confirm, &span);
        pthread_mutex_lock(&send->course.lock);
        if (r == 0 && span.count > 0 && !atomic_load(&send->course.ended))
            confirm_span(send, &span);
        if (span.count > 0)
            seen = UINT64_MAX;
    }
    pthread_mutex_unlock(&send->course.lock);
}

void *send_confirm(void *arg) {
    struct send *send = arg;
    struct confirm *confirm = calloc(1, sizeof *confirm);

    if (confirm != NULL)
        receipt_marks_init(&confirm->marks);
    if (confirm != NULL && send_reader_init(&confirm->reader, send) == 0 &&
        catalog_again(&confirm->originals, confirm->reader.catalog) == 0 &&
        hash_new(&confirm->digest) == 0)
        confirm_loop(confirm);
    else
        send_stop(send, -ENOMEM, "out of memory");
    if (confirm != NULL) {
        send_reader_clear(&confirm->reader);
        catalog_free(confirm->originals);
        hash_free(confirm->digest);
        receipt_marks_clear(&confirm->marks);
    }
    free(confirm);
    return NULL;
}
