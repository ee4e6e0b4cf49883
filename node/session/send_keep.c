/* What a sender keeps of its transfer once that is delivered. Which entries were sent is known when
 * the last one is confirmed; it is noted before the peer hears of that, for the answer may come on
 * another connection. */
#include "base/io.h"
#include "node/session/keep.h"
#include "node/session/send.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MARKS "marks"
#define MARKS_PART "marks.part"

/* Durably where it decides about what is removed. */
static int write_marks(int work, bool durable, const uint8_t *bytes, size_t length) {
    int fd = openat(work, MARKS_PART, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    int r = fd < 0 ? -errno : io_write_full(fd, bytes, length);

    if (r == 0 && durable && fsync(fd) < 0)
        r = -errno;
    if (r == 0 && renameat(work, MARKS_PART, work, MARKS) < 0)
        r = -errno;
    if (r == 0 && durable && fsync(work) < 0)
        r = -errno;
    io_close(&fd);
    return r;
}

int send_keep_note(struct send *send, struct receipt_marks *marks) {
    uint8_t *bytes = NULL;
    size_t length = 0;
    int r = 0;

    pthread_mutex_lock(&send->course.lock);
    r = rangeset_add_all(&marks->failed, &send->failed);
    pthread_mutex_unlock(&send->course.lock);
    if (r == 0)
        r = receipt_marks_encode(marks, &bytes, &length);
    if (r == 0)
        r = write_marks(send->work, send->job->moves, bytes, length);
    if (r == 0 && send->job->moves)
        r = hashes_sync(send->hashes);
    free(bytes);
    return r;
}

/* What was noted; -ENOENT, -EBADMSG or another error where that is not to be had. */
static int read_marks(const struct send *send, struct receipt_marks *marks) {
    int fd = openat(send->work, MARKS, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int r =
        fd < 0 ? -errno
               : receipt_marks_read(marks, fd, 0, manifest_checker_summary(send->checker)->entries);

    io_close(&fd);
    return r;
}

int send_keep_tell(struct send *send, const Fxnode__Wire__Delivered *delivered) {
    struct receipt_marks marks;
    struct keep keep = {.manifest = send->manifest,
                        .hashes = send->hashes,
                        .stamps = send->stat,
                        .summary = manifest_checker_summary(send->checker),
                        .marks = &marks};
    int r = 0;

    receipt_marks_init(&marks);
    if (read_marks(send, &marks) < 0) {
        receipt_marks_clear(&marks);
        marks.unsure = true;
    }
    if (delivered != NULL) {
        marks.lacking = delivered->lacking;
        marks.exact = delivered->exact;
    }
    r = keep_send(&keep, send->course.uplink);
    receipt_marks_clear(&marks);
    return r;
}
