#include "node/session/audit.h"

#include "base/escape.h"
#include "base/io.h"
#include "files/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SHOWN 256 /* room for a path in a message */

static int read_marks(struct audit *audit, struct fail *fail) {
    int r = receipt_marks_read(&audit->marks, audit->job->receipt, audit->layout.marks,
                               audit->job->manifest.entries);

    return r < 0 ? fail_set(fail, r, "what is kept of the transfer cannot be read") : 0;
}

static int open_receipt(struct audit *audit, struct fail *fail) {
    const struct manifest_summary *manifest = &audit->job->manifest;
    int r = catalog_check_first(&audit->checker, audit->job->receipt, manifest, fail);

    if (r != 0)
        return r;
    audit->layout =
        receipt_lay_out(manifest->length, manifest->units, manifest->entries, audit->sent);
    r = catalog_new(&audit->catalog, audit->job->receipt, manifest_checker_index(audit->checker));
    if (r == 0)
        r = catalog_again(&audit->originals, audit->catalog);
    return r < 0 ? fail_set(fail, r, "cannot look at the transfer") : read_marks(audit, fail);
}

static int not_opened(const struct job *job, int error, struct fail *fail) {
    const char *below = job->directory[0] != '\0' ? "/" : "";
    char path[PATH_MAX];
    char shown[SHOWN];

    snprintf(path, sizeof path, "%s%s%s", job->destination, below, job->directory);
    return fail_set(fail, error, "cannot open %s, where the transfer was received",
                    escape_text(shown, sizeof shown, path));
}

/* Nothing is made: it may be on a disk that is not mounted. */
static int open_destination(struct audit *audit, struct fail *fail) {
    const struct job *job = audit->job;
    struct beneath *beneath = NULL;
    int base = open(job->destination, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int r = base < 0 ? -errno : beneath_new(&beneath, base, false);

    if (r == 0)
        r = beneath_open(beneath, job->directory, strlen(job->directory), O_PATH | O_DIRECTORY, 0);
    audit->destination = r;
    beneath_free(beneath);
    io_close(&base);
    return r < 0 ? not_opened(job, r, fail) : 0;
}

static int open_places(struct audit *audit, struct fail *fail) {
    const struct job *job = audit->job;
    int r = audit->sent
                ? items_new(&audit->items, (const char *const *)job->paths, job->path_count, fail)
                : open_destination(audit, fail);

    if (r < 0)
        return r;
    r = audit->sent ? spots_new_sent(&audit->spots, audit->items)
                    : spots_new_received(&audit->spots, audit->destination, &audit->marks);
    return r < 0 ? fail_set(fail, r, "cannot look at the transfer") : 0;
}

int audit_open(struct audit *audit, const struct job *job, struct uplink *uplink,
               struct fail *fail) {
    int r = 0;

    *audit = (struct audit){
        .job = job, .uplink = uplink, .sent = job->path_count > 0, .destination = -1};
    receipt_marks_init(&audit->marks);
    if (job->receipt < 0)
        return fail_set(fail, -EBADMSG, "nothing is kept of the transfer");
    r = open_receipt(audit, fail);
    return r == 0 ? open_places(audit, fail) : r;
}

void audit_close(struct audit *audit) {
    spots_free(audit->spots);
    items_free(audit->items);
    io_close(&audit->destination);
    receipt_marks_clear(&audit->marks);
    catalog_free(audit->originals);
    catalog_free(audit->catalog);
    manifest_checker_free(audit->checker);
}

int audit_hashes(const struct audit *audit, uint64_t first, size_t count, uint8_t *out) {
    size_t length = count * LIMIT_CHUNK_HASH;
    ssize_t got = io_pread_full(audit->job->receipt, out, length,
                                audit->layout.hashes + first * LIMIT_CHUNK_HASH);

    if (got < 0)
        return (int)got;
    return (size_t)got == length ? 0 : -EBADMSG;
}

bool audit_is_stopped(const struct audit *audit) {
    struct uplink_message *message = NULL;
    int r = uplink_receive(audit->uplink, &message, MSG_DONTWAIT);

    return r == 1 ? message->body->body_case == FXNODE__HELPER__TO_SESSION__BODY_STOP
                  : r != -EAGAIN;
}
