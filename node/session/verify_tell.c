#include "node/session/verify.h"

#include "base/escape.h"

#include <errno.h>
#include <stdio.h>

#define FINDINGS 1000u /* that are named; others are only counted */

#define SHOWN 384 /* room for the names of an entry in a text, which has more to say */

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
                     const struct verify_finding *finding, const char *how) {
    unsigned long long offset = finding->offset;

    switch (finding->what) {
    case VERIFY_WHAT(MISSING):
        fail_set(text, 0, "%s is missing", shown);
        break;
    case VERIFY_WHAT(TYPE):
        fail_set(text, 0, "%s is no longer what was %s, but something else", shown, how);
        break;
    case VERIFY_WHAT(SIZE):
        fail_set(text, 0, "%s has %llu bytes, not %llu%s", shown, (unsigned long long)finding->now,
                 (unsigned long long)entry->size,
                 finding->modified ? ": it was modified since" : ", though nobody modified it");
        break;
    case VERIFY_WHAT(CONTENT):
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
    case VERIFY_WHAT(TARGET):
        fail_set(text, 0, "%s leads elsewhere", shown);
        break;
    default:
        fail_set(text, finding->error, "%s cannot be read", shown);
        break;
    }
}

static void count(Fxnode__Helper__Checked *checked, const struct verify_finding *finding) {
    bool content = finding->what == VERIFY_WHAT(SIZE) || finding->what == VERIFY_WHAT(CONTENT);

    if (content && finding->modified)
        checked->modified++;
    else if (content)
        checked->damaged++;
    else if (finding->what == VERIFY_WHAT(MISSING))
        checked->missing++;
    else
        checked->other++;
}

void verify_tell(struct verify *verify, const struct entry *entry,
                 const struct verify_finding *finding) {
    Fxnode__Helper__Found body = FXNODE__HELPER__FOUND__INIT;
    Fxnode__Helper__ToNode message = FXNODE__HELPER__TO_NODE__INIT;
    char shown[SHOWN];
    struct fail text;

    if (finding->what == VERIFY_WHAT(MISSING) && verify->audit.sent && verify->audit.job->moves) {
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

int verify_tell_error(struct verify *verify, const struct entry *entry, int error) {
    struct verify_finding finding = {.what = VERIFY_WHAT(UNREADABLE), .error = error};

    if (error == -ENOMEM || error == -EMFILE || error == -ENFILE || error == -ECANCELED)
        return error;
    if (error == -ENOENT)
        finding.what = VERIFY_WHAT(MISSING);
    else if (error == -ENOTDIR || error == -ELOOP || error == -EXDEV || error == -EBADF)
        finding.what = VERIFY_WHAT(TYPE);
    verify_tell(verify, entry, &finding);
    return 0;
}
