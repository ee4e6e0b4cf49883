/* The transfers of a seed: what is wished of the nodes, and what has come of it. */
#ifndef TESTS_SIM_ORDER_H
#define TESTS_SIM_ORDER_H

#include "tests/sim/disk.h"
#include "tests/sim/task.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORDERS 4       /* at most */
#define ORDER_ITEMS 3  /* top-level ones of a transfer, at most */
#define ORDER_FILES 64 /* entries of a transfer, at most */
#define ORDER_UNITS 256

struct machine;

/* A file that is sent, as the scan lists it. */
struct listed {
    char path[256];
    uint64_t size;
    uint64_t first_unit;
    uint64_t units;
};

/* Plain value; world.c plans it, watch.c fills in what happens. */
struct order {
    struct machine *from;
    struct machine *to;
    unsigned char id[16];
    char directory[16]; /* of what is sent, on `from` */
    char *paths[ORDER_ITEMS];
    size_t count;
    bool moves;          /* what is sent is removed then */
    bool meddles;        /* somebody changes the sources meanwhile, or is to */
    bool cancels;        /* somebody cancels it */
    uint64_t disk_moves; /* of `from` at the begin */
    uint64_t begins;     /* when it is asked for */

    bool verifies;       /* somebody verifies it once it is delivered */
    bool verifies_there; /* at the receiver, or else at the sender */

    /* What begins, with the order: once the receiver says that it is delivered (NULL: nothing), and
     * once the command knows. */
    task_fire *when_placed;
    task_fire *when_delivered;

    struct process *client;   /* the command; NULL before it is started */
    struct process *verifier; /* likewise */
    struct inode *originals;  /* what there was to be sent, on a disk that nothing happens to */
    struct inode *meddled;    /* likewise, since somebody has changed it; NULL: nobody did */
    struct listed listed[ORDER_FILES];
    size_t listed_count;
    uint64_t units;
    bool durable[ORDER_UNITS];     /* was said to be */
    uint64_t pending[ORDER_UNITS]; /* bytes written on this connection and not durable */
    bool given_up;                 /* somebody is cancelling it */
    bool queued;                   /* the command was told so */
    bool placed;                   /* the receiver says that it is delivered */
    bool delivered;                /* the command knows */
    bool cancelled;                /* likewise */
    bool verified;
    bool stays; /* not all of what was sent is removed */
};

/* All of this seed, the first `order_count()` of a list. */
struct order *order_list(void);
size_t order_count(void);

/* Begins without any, and adds one that is all zeros. */
void order_begin(void);
struct order *order_add(void);

/* By its id; NULL where it is none of these. */
struct order *order_of_id(const void *id, size_t length);

/* By a top-level name that it sends; NULL likewise. */
struct order *order_of_name(const char *name, size_t length);

#endif
