/*
 * What `send` shows while it goes on: one line that is drawn again and again on a terminal, plain
 * lines when something changes elsewhere.
 */
#ifndef NODE_CLI_PROGRESS_H
#define NODE_CLI_PROGRESS_H

#include "proto/control.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

/* Zero-initialise it. Plain value. */
struct progress {
    bool detached;  /* set by the caller: nothing is followed once it is queued */
    bool terminal;  /* standard output is one */
    bool drawn;     /* a line stands there without its end */
    bool ended;     /* the delivery was said */
    bool announced; /* what is sent to whom was said */
    int state;      /* the last one shown */
    uint64_t number;
    uint64_t began_ms; /* the first event, or that which ended an offer; 0: none */
    struct progress_mark {
        uint64_t at_ms; /* 0: none */
        uint64_t done;
    } origin, next; /* the current rate is that since `origin`, which `next` will replace */
    double rate;    /* bytes a second */
};

/* Shows a transfer's new state at `now_ms` (monotonic). */
void progress_show(struct progress *progress, const Fxnode__Control__Transfer *transfer,
                   uint64_t now_ms);

/* Ends or wipes the line that is drawn, so that something else can be printed. */
void progress_clear(struct progress *progress);

#endif
