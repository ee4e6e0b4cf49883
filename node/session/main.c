#include "node/session/main.h"

#include "base/io.h"
#include "base/log.h"
#include "node/common/record_layer.h"
#include "node/session/job.h"

#include <signal.h>
#include <sodium.h>
#include <sys/prctl.h>
#include <sys/stat.h>

static void (*const jobs[])(struct job *, struct uplink *) = {
    [FXNODE__HELPER__JOB__KIND__SCAN] = job_scan,
    [FXNODE__HELPER__JOB__KIND__SEND] = job_send,
    [FXNODE__HELPER__JOB__KIND__RECEIVE] = job_receive,
    [FXNODE__HELPER__JOB__KIND__PLACE] = job_place,
    [FXNODE__HELPER__JOB__KIND__CLEAN] = job_clean,
    [FXNODE__HELPER__JOB__KIND__VERIFY] = job_verify,
    [FXNODE__HELPER__JOB__KIND__REMOVE] = job_remove,
};

/* Collects messages until the job itself is there. 1; 0 where the node is gone; negative. */
static int wait_for_job(struct job *job, struct uplink *uplink) {
    struct uplink_message *message = NULL;
    int r = 1;

    while (r == 1 && job->kind == FXNODE__HELPER__JOB__KIND__NONE) {
        r = uplink_receive(uplink, &message, 0);
        if (r == 1 && job_add(job, message) < 0)
            r = -1;
    }
    return r;
}

/* Bytes to send from which on what is saved by encrypting faster is more than what it takes to load
 * the code that does. A receiver does not know yet. */
#define LARGE (8u << 20)

_Static_assert((int)FXNODE__HELPER__RECORD_LAYER__RECORD_LAYER_LIBSODIUM ==
                       CONFIG_RECORD_LAYER_LIBSODIUM &&
                   (int)FXNODE__HELPER__RECORD_LAYER__RECORD_LAYER_LIBCRYPTO ==
                       CONFIG_RECORD_LAYER_LIBCRYPTO,
               "the same numbers in both");

/* Before the job confines the process and reads a peer. */
static void choose_record_layer(const struct job *job) {
    enum config_record_layer wish = (enum config_record_layer)job->record_layer;
    bool small = job->kind == FXNODE__HELPER__JOB__KIND__SEND && job->manifest.bytes < LARGE;
    struct record_layer layer;

    if ((job->kind != FXNODE__HELPER__JOB__KIND__SEND || small) &&
        job->kind != FXNODE__HELPER__JOB__KIND__RECEIVE)
        return;
    record_layer_choose(&layer, wish);
    if (wish == CONFIG_RECORD_LAYER_LIBCRYPTO && layer.code == secretstream_reference())
        log_warn("%s encrypts, not libcrypto as configured: %s", layer.code->name, layer.why);
    log_debug("%s encrypts: %s", layer.code->name, layer.why);
    secretstream_use(layer.code);
}

/* Whether the kind is one that this program knows: the node may be newer for a moment, after an
 * upgrade. */
static void run(struct job *job, struct uplink *uplink) {
    if (job->kind > 0 && (size_t)job->kind < sizeof jobs / sizeof *jobs)
        jobs[job->kind](job, uplink);
    else
        uplink_ended(uplink, UPLINK_ENDED(FAILED),
                     "this version of fxnode does not know such a job");
}

int session_main(int chan) {
    struct uplink *uplink = NULL;
    struct job job;
    int r = -1;

    log_open("session", LOG_LEVEL_INFO);
    /* A parent that ended before this line shows as the end of the channel. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    job_init(&job);
    if (sodium_init() < 0 || uplink_new(&uplink, chan) < 0)
        goto out;
    r = wait_for_job(&job, uplink);
    if (r == 1) {
        choose_record_layer(&job);
        run(&job, uplink);
    }
out:
    job_clear(&job);
    uplink_free(uplink);
    io_close(&chan);
    return r < 0 ? 1 : 0;
}
