/*
 * REMOVE: what a transfer has sent goes at the sender, once it is delivered: whatever the receiver
 * has got from here and is unchanged since. From the last entry to the first, so that directories
 * come after what is in them. What is gone already was removed before an interruption, or by
 * somebody else; so all of it can be done again.
 */
#include "node/session/remove.h"

#include "base/crash.h"
#include "base/io.h"
#include "node/session/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int remove_all(struct remove *remove, struct fail *fail) {
    int r = 0;

    for (uint32_t left = remove->audit.job->manifest.entries; left > 0 && r == 0; left--) {
        const struct manifest_item *item = NULL;

        if (audit_is_stopped(&remove->audit))
            return fail_set(fail, -ECANCELED, "what was delivered is not removed yet");
        r = catalog_by_entry(remove->audit.catalog, left - 1, &item, fail);
        if (r == 0)
            r = remove_entry(remove, item);
        else
            r = -EBADMSG;
    }
    return r < 0 ? fail_set(fail, r, "cannot remove what was delivered") : 0;
}

/* The length of the path of the directory that an item lies in. */
static size_t parent_length(const struct items *items, size_t index) {
    const char *path = items_get(items, index).path;

    return (size_t)(strrchr(path, '/') - path);
}

/* Whether no item before it lies in the same directory; else *first is the first that does. */
static bool is_first_there(const struct items *items, size_t index, size_t *first) {
    size_t length = parent_length(items, index);

    for (*first = 0; *first < index; ++*first)
        if (parent_length(items, *first) == length &&
            memcmp(items_get(items, *first).path, items_get(items, index).path, length) == 0)
            return false;
    return true;
}

/* Whether its directory is open, and not looked at with an item before. */
static bool is_next_parent(const struct remove *remove, size_t index) {
    size_t first = 0;

    return remove->parents[index] >= 0 && is_first_there(remove->audit.items, index, &first);
}

/* Of the directories that the items lie in, and of what is in the items. */
static int sync_all(struct remove *remove, struct fail *fail) {
    int r = remove_sync(remove);

    for (size_t i = 0; r == 0 && i < items_count(remove->audit.items); i++)
        if (is_next_parent(remove, i) && syncfs(remove->parents[i]) < 0 && errno != EROFS)
            r = -errno;
    if (r < 0)
        return fail_set(fail, r, "cannot make durable what was removed");
    crash_point("move-synced");
    return 0;
}

static void report(const struct remove *remove) {
    Fxnode__Helper__Removed body = FXNODE__HELPER__REMOVED__INIT;
    Fxnode__Helper__ToNode message = FXNODE__HELPER__TO_NODE__INIT;

    body.moved = remove->moved;
    body.stayed = remove->stayed;
    message.body_case = FXNODE__HELPER__TO_NODE__BODY_REMOVED;
    message.removed = &body;
    uplink_send(remove->audit.uplink, &message);
}

/* A descriptor or -errno. */
static int open_parent(const struct items *items, size_t index) {
    size_t length = parent_length(items, index);
    char *parent = strndup(items_get(items, index).path, length > 0 ? length : 1);
    int fd = parent == NULL ? -1 : open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        fd = parent == NULL ? -ENOMEM : -errno;
    free(parent);
    return fd;
}

/* The directories that the items lie in, each of them once: there may be more items than
 * descriptors. */
static int open_parents(struct remove *remove) {
    const struct items *items = remove->audit.items;
    size_t count = items_count(items);
    size_t first = 0;

    remove->parents = calloc(count, sizeof *remove->parents);
    if (remove->parents == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        remove->parents[i] =
            is_first_there(items, i, &first) ? open_parent(items, i) : remove->parents[first];
    return 0;
}

/* Reading what was sent, and removing below the directories that it lies in. Of an item that is a
 * symbolic link nothing is removed. */
static int confine(const struct remove *remove) {
    const struct items *items = remove->audit.items;
    size_t count = items_count(items);
    struct confine_rule *rules = calloc(2 * count, sizeof *rules);
    size_t used = 0;
    struct stat st;
    int r = rules == NULL ? -ENOMEM : 0;

    for (size_t i = 0; r == 0 && i < count; i++) {
        const char *path = items_get(items, i).path;

        if (lstat(path, &st) == 0 && !S_ISLNK(st.st_mode))
            rules[used++] = (struct confine_rule){.path = path, .right = CONFINE_READ};
        if (is_next_parent(remove, i))
            rules[used++] =
                (struct confine_rule){.fd = remove->parents[i], .right = CONFINE_REMOVE};
    }
    if (r == 0)
        r = confine_files(rules, used);
    if (r == 0)
        r = confine_calls_but_leases();
    free(rules);
    return r;
}

/* Who was delivered is known, and is all that the receiver knows of. */
static const char *find_doubt(const struct audit *audit) {
    const struct receipt_marks *marks = &audit->marks;
    uint64_t known = rangeset_total(&marks->failed) + rangeset_total(&marks->left_out);

    if (marks->unsure)
        return "it is not known what exactly was delivered";
    if (!marks->exact)
        return "the receiver does not say that its files are exactly what was sent";
    if (known != audit->job->failed)
        return "the receiver has not taken everything, and does not say what";
    return NULL;
}

static int prepare(struct remove *remove, const struct job *job, struct uplink *uplink,
                   struct fail *fail) {
    int r = audit_open(&remove->audit, job, uplink, fail);

    if (r != 0)
        return r;
    if (!remove->audit.sent)
        return fail_set(fail, 0, "only what was sent can be removed");
    remove->why = find_doubt(&remove->audit);
    r = stamps_new_at(&remove->stamps, job->receipt, remove->audit.layout.stamps);
    if (r == 0 && catalog_has_hardlinks(remove->audit.catalog))
        r = originals_new(&remove->same.originals, remove->audit.catalog, job->manifest.entries,
                          fail);
    if (r == 0)
        r = open_parents(remove);
    if (r == 0)
        r = confine(remove);
    return r < 0 ? fail_set(fail, r, "cannot remove what was delivered") : 0;
}

static void clear(struct remove *remove) {
    for (size_t i = 0; remove->parents != NULL && i < items_count(remove->audit.items); i++)
        if (is_next_parent(remove, i))
            io_close(&remove->parents[i]);
    free(remove->parents);
    io_close(&remove->begun_at);
    originals_free(remove->same.originals);
    stamps_free(remove->stamps);
    audit_close(&remove->audit);
}

void job_remove(struct job *job, struct uplink *uplink) {
    struct remove *remove = calloc(1, sizeof *remove);
    struct fail fail = {0};
    int r = remove == NULL ? fail_set(&fail, -ENOMEM, "cannot remove what was delivered") : 0;

    signal(SIGIO, SIG_IGN); /* somebody waits to write */
    if (remove != NULL) {
        remove->begun_at = -1;
        remove->same = (struct same){.audit = &remove->audit, .room = remove->room};
        r = prepare(remove, job, uplink, &fail);
        if (r == 0)
            r = remove_all(remove, &fail);
        if (r == 0)
            r = sync_all(remove, &fail);
        if (r == 0)
            report(remove);
        clear(remove);
    }
    free(remove);
    uplink_ended(uplink, r == 0 ? UPLINK_ENDED(COMPLETE) : UPLINK_ENDED(FAILED), fail.text);
}
