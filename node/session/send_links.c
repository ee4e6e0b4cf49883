/* Symbolic links that lead outside, at the sender: they are offered, and the peer says with each
 * yes whether it keeps them. */
#include "base/escape.h"
#include "base/io.h"
#include "node/session/send.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Is there while the last yes keeps them. A peer that has delivered does not say so again. */
#define MARK "links-kept"
#define LINES 32 /* about those that were left out; the rest is counted */

static bool has_any(const struct send *send) {
    return (manifest_index_has(send->index) & MANIFEST_OUTSIDE) != 0;
}

int send_links_load(struct send *send) {
    if (faccessat(send->work, MARK, F_OK, 0) == 0)
        send->links_kept = true;
    else if (errno != ENOENT)
        return -errno;
    return 0;
}

static int set_mark(int work, bool kept) {
    int fd = -1;

    if (!kept)
        return unlinkat(work, MARK, 0) == 0 || errno == ENOENT ? 0 : -errno;
    fd = openat(work, MARK, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    io_close(&fd);
    return 0;
}

int send_links_agree(struct send *send, bool kept) {
    int r = 0;

    if (!has_any(send) || kept == send->links_kept)
        return 0;
    r = set_mark(send->work, kept);
    if (r == 0 && fsync(send->work) < 0)
        r = -errno;
    if (r == 0)
        send->links_kept = kept;
    return r;
}

bool send_links_leaves_out(const struct send *send, const struct entry *entry) {
    return !send->links_kept && entry_leads_outside(entry);
}

static void name_one(const struct send *send, const struct entry *entry) {
    char shown[ESCAPE_ROOM(96)];
    char line[sizeof shown + 128];

    snprintf(line, sizeof line, "%s is left out: it is a symbolic link that leads outside",
             escape_bytes(shown, sizeof shown, entry->path, entry->path_length));
    uplink_note(send->course.uplink, line, false);
}

static void name_rest(const struct send *send, uint32_t count) {
    char line[160];

    if (count == 0)
        return;
    if (count > LINES) {
        snprintf(line, sizeof line, "%u more of them are left out", count - LINES);
        uplink_note(send->course.uplink, line, false);
    }
    uplink_note(send->course.uplink,
                "the receiver keeps such links with `links = all` in its fxnode.conf", false);
}

/* Those of one batch. 0 or negative. */
static int name_batch(struct send *send, const struct manifest_row *row, uint32_t *count) {
    struct fail fail = {0};

    for (uint32_t i = 0; i < row->entries; i++) {
        const struct manifest_item *item = NULL;

        if (catalog_by_entry(send->lookup, row->first_entry + i, &item, &fail) != 0)
            return -EBADMSG;
        if (!entry_leads_outside(&item->entry))
            continue;
        if (++*count <= LINES)
            name_one(send, &item->entry);
    }
    return 0;
}

int send_links_name(struct send *send, uint32_t *count) {
    int r = 0;

    *count = 0;
    if (send->links_kept)
        return 0;
    for (size_t i = 0; i < manifest_index_rows(send->index) && r == 0; i++) {
        const struct manifest_row *row = manifest_index_row(send->index, i);

        if ((row->has & MANIFEST_OUTSIDE) != 0)
            r = name_batch(send, row, count);
    }
    name_rest(send, *count);
    return r;
}
