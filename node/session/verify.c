/* VERIFY: everything that was delivered is read again and compared with the hashes that were kept,
 * at the receiver or, of what was sent, at the sender. */
#include "node/session/verify.h"

#include "node/session/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STOPS 1024u /* entries between two looks whether to stop */

static int check_hardlink(struct verify *verify, const struct manifest_item *item,
                          const struct spot *spot) {
    const struct manifest_item *original = NULL;
    struct fail fail;

    if (catalog_by_entry(verify->audit.originals, item->entry.original, &original, &fail) != 0)
        return -EBADMSG;
    return verify_file(verify, item, original, spot);
}

static int check_directory(struct verify *verify, const struct entry *entry,
                           const struct spot *spot) {
    struct stat st;

    if (fstatat(spot->parent, spot->name, &st, spot->follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
        return verify_tell_error(verify, entry, -errno);
    return S_ISDIR(st.st_mode) ? 0 : verify_tell_error(verify, entry, -ENOTDIR);
}

static int check_link(struct verify *verify, const struct entry *entry, const struct spot *spot) {
    const struct verify_finding elsewhere = {.what = VERIFY_WHAT(TARGET)};
    char target[LIMIT_PATH + 1];
    ssize_t length = readlinkat(spot->parent, spot->name, target, sizeof target);

    if (length < 0)
        return verify_tell_error(verify, entry, errno == EINVAL ? -ELOOP : -errno);
    if ((size_t)length != entry->target_length ||
        memcmp(target, entry->target, entry->target_length) != 0)
        verify_tell(verify, entry, &elsewhere);
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
        return verify_tell_error(verify, &item->entry, r);
    if (may_be_missing(&verify->audit, item, &spot))
        return 0;
    switch (item->entry.type) {
    case ENTRY_FILE:
        return verify_file(verify, item, item, &spot);
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

        if (i % STOPS == 0 && audit_is_stopped(&verify->audit))
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

    for (size_t i = 0; r == 0 && audit->sent && i < count; i++)
        rules[used++] =
            (struct confine_rule){.path = items_get(audit->items, i).path, .right = CONFINE_READ};
    if (r == 0 && !audit->sent)
        rules[used++] = (struct confine_rule){.fd = audit->destination, .right = CONFINE_READ};
    if (r == 0)
        r = confine_files(rules, used);
    if (r == 0)
        r = confine_calls();
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
