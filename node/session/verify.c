/* VERIFY: everything that was delivered is read again and compared with the hashes that were kept,
 * at the receiver or, of what was sent, at the sender. */
#include "base/escape.h"
#include "base/io.h"
#include "files/hash.h"
#include "files/hashes.h"
#include "files/holes.h"
#include "files/inodes.h"
#include "node/session/audit.h"
#include "node/session/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASHES 1024u         /* read at once */
#define PIECE (256u * 1024u) /* content read at once */
#define TELL_MS 250u         /* between two reports of progress */
#define FINDINGS 1000u       /* that are named; others are only counted */

#define SHOWN 384 /* room for the names of an entry in a text, which has more to say */

#define WHAT(name) FXNODE__HELPER__FOUND__WHAT__##name

struct verify {
    struct audit audit;
    struct inodes *inodes; /* files with other names that are as they were */
    struct hash *hash;
    uint64_t told_ms;
    uint64_t told; /* findings */
    Fxnode__Helper__Checked checked;
    uint8_t hashes[HASHES * LIMIT_CHUNK_HASH];
    uint8_t room[PIECE];
};

/* An entry of which something is to be said: what, and of a file what it is now. */
struct finding {
    Fxnode__Helper__Found__What what;
    bool modified;
    uint64_t offset;
    uint64_t now;
    int error;
};

/* An entry by the name that it has here, and by the one it was sent under where that is another. */
static void show(const struct verify *verify, const struct entry *entry, char shown[SHOWN]) {
    char sent[SHOWN / 2 - 8];
    char here[SHOWN / 2 - 8];
    size_t length = 0;
    const char *path = spots_path_here(verify->audit.spots, &length);

    if (path == NULL)
        escape_bytes(shown, SHOWN, entry->path, entry->path_length);
    else
        snprintf(shown, SHOWN, "%s, sent as %s,", escape_bytes(here, sizeof here, path, length),
                 escape_bytes(sent, sizeof sent, entry->path, entry->path_length));
}

static void describe(struct fail *text, const char *shown, const struct entry *entry,
                     const struct finding *finding, const char *how) {
    unsigned long long offset = finding->offset;

    switch (finding->what) {
    case WHAT(MISSING):
        fail_set(text, 0, "%s is missing", shown);
        break;
    case WHAT(TYPE):
        fail_set(text, 0, "%s is no longer what was %s, but something else", shown, how);
        break;
    case WHAT(SIZE):
        fail_set(text, 0, "%s has %llu bytes, not %llu%s", shown, (unsigned long long)finding->now,
                 (unsigned long long)entry->size,
                 finding->modified ? ": it was modified since" : ", though nobody modified it");
        break;
    case WHAT(CONTENT):
        if (finding->modified)
            fail_set(text, 0,
                     "%s was modified since: its content differs from the MiB on that begins at "
                     "offset %llu",
                     shown, offset);
        else
            fail_set(
                text, 0,
                "%s is damaged: its content differs in the MiB that begins at offset %llu, with "
                "the same size and time as when it was %s",
                shown, offset, how);
        break;
    case WHAT(TARGET):
        fail_set(text, 0, "%s leads elsewhere", shown);
        break;
    default:
        fail_set(text, finding->error, "%s cannot be read", shown);
        break;
    }
}

static void count(Fxnode__Helper__Checked *checked, const struct finding *finding) {
    bool content = finding->what == WHAT(SIZE) || finding->what == WHAT(CONTENT);

    if (content && finding->modified)
        checked->modified++;
    else if (content)
        checked->damaged++;
    else if (finding->what == WHAT(MISSING))
        checked->missing++;
    else
        checked->other++;
}

static void tell(struct verify *verify, const struct entry *entry, const struct finding *finding) {
    Fxnode__Helper__Found body = FXNODE__HELPER__FOUND__INIT;
    Fxnode__Helper__ToNode message = FXNODE__HELPER__TO_NODE__INIT;
    char shown[SHOWN];
    struct fail text;

    if (finding->what == WHAT(MISSING) && verify->audit.sent && verify->audit.job->moves) {
        verify->checked.removed++;
        return;
    }
    count(&verify->checked, finding);
    if (++verify->told > FINDINGS)
        return;
    show(verify, entry, shown);
    describe(&text, shown, entry, finding, verify->audit.sent ? "sent" : "delivered");
    body.what = finding->what;
    body.modified = finding->modified;
    body.path = (ProtobufCBinaryData){entry->path_length, (uint8_t *)(uintptr_t)entry->path};
    body.offset = finding->offset;
    body.size = entry->size;
    body.now = finding->now;
    body.text = text.text;
    message.body_case = FXNODE__HELPER__TO_NODE__BODY_FOUND;
    message.found = &body;
    uplink_send(verify->audit.uplink, &message);
}

/* What an error says of an entry; 0, or negative where it is a fault of ours. */
static int tell_error(struct verify *verify, const struct entry *entry, int error) {
    struct finding finding = {.what = WHAT(UNREADABLE), .error = error};

    if (error == -ENOMEM || error == -EMFILE || error == -ENFILE || error == -ECANCELED)
        return error;
    if (error == -ENOENT)
        finding.what = WHAT(MISSING);
    else if (error == -ENOTDIR || error == -ELOOP || error == -EXDEV || error == -EBADF)
        finding.what = WHAT(TYPE);
    tell(verify, entry, &finding);
    return 0;
}

/* Files. */

static int hash_piece(struct verify *verify, int fd, uint64_t offset, uint32_t length) {
    for (uint32_t done = 0; done < length;) {
        size_t want = length - done < PIECE ? length - done : PIECE;
        ssize_t got = io_pread_full(fd, verify->room, want, offset + done);

        if (got != (ssize_t)want)
            return got < 0 ? (int)got : -EIO;
        hash_add(verify->hash, verify->room, want);
        done += (uint32_t)want;
    }
    return 0;
}

static int hash_chunk(struct verify *verify, int fd, struct holes_memory *memory, uint64_t offset,
                      uint32_t length, uint8_t out[LIMIT_CHUNK_HASH]) {
    struct holes_map map;
    int r = 0;

    holes_find(fd, memory, offset, length, &map);
    hash_reset(verify->hash);
    for (uint32_t i = 0; i < map.count && r == 0; i++) {
        const struct holes_piece *piece = &map.pieces[i];

        if (piece->is_hole)
            hash_add_zeros(verify->hash, piece->length);
        else
            r = hash_piece(verify, fd, offset + piece->offset, piece->length);
    }
    hash_end(verify->hash, out);
    return r;
}

static void tell_progress(struct verify *verify) {
    uint64_t now = io_now_ms();

    if (now - verify->told_ms < TELL_MS)
        return;
    verify->told_ms = now;
    uplink_progress(verify->audit.uplink, verify->checked.bytes, 0);
}

/* A file that is read, and what is kept of it. */
struct content {
    int fd;
    uint64_t size;
    uint64_t first_unit;
    struct holes_memory holes;
    bool known; /* the hashes of all of it */
};

/* Compares a chunk with the hash that was kept. 1 where it differs; 0; negative. */
static int compare_chunk(struct verify *verify, struct content *content, uint64_t chunk,
                         const uint8_t *kept) {
    uint32_t length = entry_chunk_size(content->size, chunk);
    uint8_t now[LIMIT_CHUNK_HASH];
    int r = 0;

    if (audit_is_stopped(&verify->audit))
        return -ECANCELED;
    if (!hashes_is_known(kept)) {
        content->known = false;
        return 0;
    }
    r = hash_chunk(verify, content->fd, &content->holes, chunk * LIMIT_CHUNK, length, now);
    if (r < 0)
        return r;
    verify->checked.bytes += length;
    tell_progress(verify);
    return memcmp(now, kept, sizeof now) != 0;
}

/* *offset of the first chunk that differs. 1; 0 where none does; negative. */
static int compare_content(struct verify *verify, struct content *content, uint64_t *offset) {
    uint64_t units = content->size == 0 ? 0 : entry_units(ENTRY_FILE, content->size);
    int r = 0;

    for (uint64_t at = 0; at < units && r == 0; at += HASHES) {
        size_t n = units - at < HASHES ? (size_t)(units - at) : HASHES;

        r = audit_hashes(&verify->audit, content->first_unit + at, n, verify->hashes);
        for (size_t i = 0; i < n && r == 0; i++) {
            *offset = (at + i) * LIMIT_CHUNK;
            r = compare_chunk(verify, content, at + i, verify->hashes + i * LIMIT_CHUNK_HASH);
        }
    }
    return r;
}

static bool is_modified(const struct stat *st, const struct entry *original) {
    return st->st_mtim.tv_sec != original->mtime_s ||
           (uint64_t)st->st_mtim.tv_nsec != original->mtime_ns;
}

/* What is in memory may be other than what is on the disk, which is what matters. */
static void forget_cached(int fd) {
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

/* The receiver has kept a file of its own, and what came instead is not there: there may be hashes
 * of that. */
static bool is_theirs(const struct audit *audit, const struct manifest_item *item) {
    return !audit->sent && rangeset_contains(&audit->marks.theirs, item->number, 1);
}

/* The content of a file that is open: of `item`, or of another name of it, `entry`. 1 where
 * something was said; 0; negative. */
static int check_content(struct verify *verify, const struct entry *entry,
                         const struct manifest_item *item, int fd, const struct stat *st) {
    struct finding finding = {.modified = is_modified(st, &item->entry),
                              .now = (uint64_t)st->st_size};
    struct content content = {
        .fd = fd, .size = item->entry.size, .first_unit = item->first_unit, .known = true};
    struct entry sized = *entry;
    int r = 0;

    sized.size = item->entry.size;
    if (finding.now != item->entry.size) {
        finding.what = WHAT(SIZE);
        tell(verify, &sized, &finding);
        return 1;
    }
    if (is_theirs(&verify->audit, item)) {
        verify->checked.unknown++;
        return 0;
    }
    forget_cached(fd);
    r = compare_content(verify, &content, &finding.offset);
    if (r == 1) {
        finding.what = WHAT(CONTENT);
        tell(verify, &sized, &finding);
    }
    if (r == 0 && !content.known)
        verify->checked.unknown++;
    return r;
}

/* A file, or with an `original` other than itself a hard link of it, which need not be read again
 * where it still is one. */
static int check_file(struct verify *verify, const struct manifest_item *item,
                      const struct manifest_item *original, const struct spot *spot) {
    int fd = spots_open(spot);
    uint32_t same = UINT32_MAX;
    struct stat st;
    int r = 0;

    if (fd < 0 || fstat(fd, &st) < 0)
        r = fd < 0 ? fd : -errno;
    else if (!inodes_find(verify->inodes, &st, &same) || same != original->number) {
        r = check_content(verify, &item->entry, original, fd, &st);
        if (r == 0 && same == UINT32_MAX)
            r = inodes_add(verify->inodes, &st, original->number);
    }
    io_close(&fd);
    return r < 0 ? tell_error(verify, &item->entry, r) : 0;
}

static int check_hardlink(struct verify *verify, const struct manifest_item *item,
                          const struct spot *spot) {
    const struct manifest_item *original = NULL;
    struct fail fail;

    if (catalog_by_entry(verify->audit.originals, item->entry.original, &original, &fail) != 0)
        return -EBADMSG;
    return check_file(verify, item, original, spot);
}

/* Others. */

static int check_directory(struct verify *verify, const struct entry *entry,
                           const struct spot *spot) {
    struct stat st;

    if (fstatat(spot->parent, spot->name, &st, spot->follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
        return tell_error(verify, entry, -errno);
    return S_ISDIR(st.st_mode) ? 0 : tell_error(verify, entry, -ENOTDIR);
}

static int check_link(struct verify *verify, const struct entry *entry, const struct spot *spot) {
    const struct finding elsewhere = {.what = WHAT(TARGET)};
    char target[LIMIT_PATH + 1];
    ssize_t length = readlinkat(spot->parent, spot->name, target, sizeof target);

    if (length < 0)
        return tell_error(verify, entry, errno == EINVAL ? -ELOOP : -errno);
    if ((size_t)length != entry->target_length ||
        memcmp(target, entry->target, entry->target_length) != 0)
        tell(verify, entry, &elsewhere);
    return 0;
}

/* What was never there under this name, or need not be: directories that failed may have come with
 * what is in them. */
static bool is_expected(const struct audit *audit, const struct manifest_item *item) {
    const struct receipt_marks *marks = &audit->marks;

    return !rangeset_contains(&marks->failed, item->number, 1) &&
           (audit->sent || !rangeset_contains(&marks->left_out, item->number, 1));
}

/* Where an interruption has left open what became of it, that it is missing says nothing. */
static bool may_be_missing(const struct audit *audit, const struct manifest_item *item,
                           const struct spot *spot) {
    struct stat st;

    return !audit->sent && audit->marks.unsure && item->entry.type != ENTRY_FILE &&
           fstatat(spot->parent, spot->name, &st, AT_SYMLINK_NOFOLLOW) < 0;
}

static int check_entry(struct verify *verify, const struct manifest_item *item) {
    struct spot spot;
    int r = spots_find(verify->audit.spots, item, &spot);

    verify->checked.entries++;
    if (r < 0)
        return tell_error(verify, &item->entry, r);
    if (may_be_missing(&verify->audit, item, &spot))
        return 0;
    switch (item->entry.type) {
    case ENTRY_FILE:
        return check_file(verify, item, item, &spot);
    case ENTRY_HARDLINK:
        return check_hardlink(verify, item, &spot);
    case ENTRY_DIRECTORY:
        return check_directory(verify, &item->entry, &spot);
    default:
        return check_link(verify, &item->entry, &spot);
    }
}

static int check_all(struct verify *verify, struct fail *fail) {
    int r = 0;

    for (uint32_t i = 0; i < verify->audit.job->manifest.entries && r == 0; i++) {
        const struct manifest_item *item = NULL;

        if (i % HASHES == 0 && audit_is_stopped(&verify->audit))
            return -ECANCELED;
        r = catalog_by_entry(verify->audit.catalog, i, &item, fail);
        if (r != 0)
            return -EBADMSG;
        if (is_expected(&verify->audit, item))
            r = check_entry(verify, item);
    }
    return r < 0 ? fail_set(fail, r, "cannot verify the transfer") : 0;
}

static void report(const struct verify *verify) {
    Fxnode__Helper__Checked body = verify->checked;
    Fxnode__Helper__ToNode message = FXNODE__HELPER__TO_NODE__INIT;

    message.body_case = FXNODE__HELPER__TO_NODE__BODY_CHECKED;
    message.checked = &body;
    uplink_send(verify->audit.uplink, &message);
}

/* Reading, and only what the transfer is about. */
static int confine(const struct audit *audit, struct fail *fail) {
    size_t count = audit->sent ? items_count(audit->items) : 1;
    struct confine_rule *rules = calloc(count, sizeof *rules);
    size_t used = 0;
    int r = rules == NULL ? -ENOMEM : 0;

    for (size_t i = 0; r == 0 && audit->sent && i < count; i++) {
        int fd = open(items_get(audit->items, i).path, O_PATH | O_CLOEXEC);

        if (fd >= 0)
            rules[used++] = (struct confine_rule){.fd = fd, .right = CONFINE_READ};
    }
    if (r == 0 && !audit->sent)
        rules[used++] = (struct confine_rule){.fd = audit->destination, .right = CONFINE_READ};
    if (r == 0)
        r = confine_files(rules, used);
    if (r == 0)
        r = confine_calls();
    for (size_t i = 0; i < used && audit->sent; i++)
        io_close(&rules[i].fd);
    free(rules);
    return r < 0 ? fail_set(fail, r, "cannot confine the session") : 0;
}

static int prepare(struct verify *verify, const struct job *job, struct uplink *uplink,
                   struct fail *fail) {
    int r = audit_open(&verify->audit, job, uplink, fail);

    if (r == 0)
        r = confine(&verify->audit, fail);
    if (r == 0 && (inodes_new(&verify->inodes) < 0 || hash_new(&verify->hash) < 0))
        r = fail_set(fail, -ENOMEM, "cannot verify the transfer");
    return r;
}

void job_verify(struct job *job, struct uplink *uplink) {
    struct verify *verify = calloc(1, sizeof *verify);
    struct fail fail = {0};
    int r = verify == NULL ? fail_set(&fail, -ENOMEM, "cannot verify the transfer") : 0;

    if (verify != NULL) {
        fxnode__helper__checked__init(&verify->checked);
        r = prepare(verify, job, uplink, &fail);
        if (r == 0)
            r = check_all(verify, &fail);
        if (r == 0)
            report(verify);
        audit_close(&verify->audit);
        inodes_free(verify->inodes);
        hash_free(verify->hash);
    }
    free(verify);
    uplink_ended(uplink, r == 0 ? UPLINK_ENDED(COMPLETE) : UPLINK_ENDED(FAILED), fail.text);
}
