#include "base/io.h"
#include "files/clean.h"
#include "node/session/catalog.h"
#include "node/session/confine.h"
#include "node/session/receive_admit.h"

#include <errno.h>
#include <stdlib.h>

/* PLACE and CLEAN: what is left to do for a transfer without any connection. */

static uplink_outcome outcome_of(int r) {
    if (r == 0)
        return UPLINK_ENDED(COMPLETE);
    return r == STAGING_NO_SPACE ? UPLINK_ENDED(NO_SPACE) : UPLINK_ENDED(FAILED);
}

static int open_staging(struct receive *receive, struct fail *fail) {
    int r = destination_open(&receive->destination, receive->job->destination,
                             receive->job->directory, fail);

    if (r < 0)
        return r;
    return staging_open(&receive->staging, receive->destination, receive->job->number, false, fail);
}

/* What lies in the staging came from a peer, by way of a session that may have been taken over:
 * from here on only what the job needs. */
static int confine(struct receive *receive, struct fail *fail) {
    bool replaces = receive->exists == FXNODE__HELPER__EXISTS__EXISTS_OVERWRITE;
    const struct confine_rule rules[] = {{.fd = staging_fd(receive->staging), .right = CONFINE_OWN},
                                         {.fd = destination_fd(receive->destination),
                                          .right = replaces ? CONFINE_REPLACE : CONFINE_PLACE}};
    int r = confine_files(rules, sizeof rules / sizeof *rules);

    if (r == 0)
        r = confine_calls();
    return r < 0 ? fail_set(fail, r, "cannot confine the session") : 0;
}

static int place(struct receive *receive, struct fail *fail) {
    struct placing_result result;
    struct manifest_checker *checker = NULL;
    int r = open_staging(receive, fail);

    if (r == 0)
        r = receive_bar(receive, fail);
    if (r == 0)
        r = confine(receive, fail);
    if (r == 0)
        r = staging_manifest_open(receive->staging, &receive->manifest, fail);
    if (r == 0)
        r = catalog_check(&checker, receive->manifest, &receive->job->manifest, fail);
    if (r == 0)
        r = receive_resume_placing(receive, manifest_checker_index(checker),
                                   receive->job->manifest.entries, &result, fail);
    manifest_checker_free(checker);
    return r == 0 ? clean_staging(receive->staging, fail) : r;
}

static void close_all(struct receive *receive) {
    io_close(&receive->manifest);
    staging_close(receive->staging);
    destination_close(receive->destination);
}

void job_place(struct job *job, struct uplink *uplink) {
    struct receive receive = {
        .course = {.uplink = uplink}, .job = job, .manifest = -1, .exists = job->exists};
    struct fail fail = {0};
    int r = place(&receive, &fail);

    close_all(&receive);
    uplink_ended(uplink, outcome_of(r), r == 0 ? "" : fail.text);
}

void job_clean(struct job *job, struct uplink *uplink) {
    struct receive receive = {.course = {.uplink = uplink}, .job = job, .manifest = -1};
    struct fail fail = {0};
    int r = open_staging(&receive, &fail);
    bool absent = r == STAGING_NONE;

    if (r == 0)
        r = confine(&receive, &fail);
    if (absent)
        r = clean_area(receive.destination, &fail);
    else if (r == 0)
        r = clean_staging(receive.staging, &fail);
    close_all(&receive);
    if (r == 0)
        uplink_ended(uplink, absent ? UPLINK_ENDED(ABSENT) : UPLINK_ENDED(COMPLETE), "");
    else
        uplink_ended(uplink, outcome_of(r), fail.text);
}
