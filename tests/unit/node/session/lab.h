/*
 * Two sessions and a node for each that is just enough of one: it keeps in memory what a node keeps
 * in its database, so sessions can be killed and started again.
 */
#ifndef TESTS_SESSION_LAB_H
#define TESTS_SESSION_LAB_H

#include "base/limits.h"
#include "base/rangeset.h"
#include "proto/helper.pb-c.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef Fxnode__Helper__Ended__Outcome lab_outcome;
typedef Fxnode__Helper__Admit__Answer lab_answer;

#define LAB_ENDED(outcome) FXNODE__HELPER__ENDED__OUTCOME__##outcome
#define LAB_ADMIT(answer) FXNODE__HELPER__ADMIT__ANSWER__##answer
#define LAB_STOP(reason) FXNODE__HELPER__STOP__REASON__##reason

#define LAB_NOTES 64
#define LAB_KEY 32
#define LAB_NAMES 48

/* One session process as its node sees it. */
struct lab_session {
    pid_t pid; /* 0: none */
    int chan;
    bool killed;         /* it ended by SIGKILL */
    bool confined;       /* it had given up rights when it last asked for something about placing */
    lab_outcome outcome; /* NONE where it said nothing */
    char text[1024];
    uint64_t done; /* of its last Progress */
    uint64_t moved;
    unsigned notes;
    unsigned failed_notes;
    char note[512];  /* the last one */
    char told[4096]; /* all of them, a line each, as far as they fit */
};

struct lab {
    char root[64];
    char source[96];      /* what is sent is in here */
    char destination[96]; /* where it arrives */
    char directory[32];   /* of the peer, below that; or none */
    const char *barred;   /* absolute path of another peer's, or NULL */
    char work[96];        /* the sender's own directory */
    const char *paths[8];
    unsigned path_count;

    /* Settings of the next run. */
    uint32_t lanes;
    uint32_t features; /* that both sides have: all at first */
    uint64_t rate;
    uint64_t batch_bytes;
    uint32_t batch_ms;         /* a batch is recorded then at the latest */
    const char *crash;         /* crash point of the receiver */
    const char *sender_crash;  /* and of the sender */
    uint64_t cut_after;        /* the connection of cut_lane ends after so many bytes, both ways */
    uint32_t cut_lane;         /* the first one of that number */
    uint32_t stalled_lane;     /* nobody reads the first one of that number, */
    uint64_t stalled_until;    /* which ends when so many bytes are durable */
    uint64_t happens_after;    /* when so many bytes have passed on lane 0, both ways, */
    void (*happens)(void);     /* this does, in a process of its own; or NULL */
    void (*at_delivery)(void); /* this does, before the sender hears that it is recorded; or NULL */
    bool bounded;              /* modes hold for the receiver, even for one of root */
    bool sender_bounded;       /* and for the sender */
    unsigned kill_sender_at;   /* the sender is killed at this Commit of the receiver, from 1 */
    unsigned kill_receiver_at;
    unsigned stop_sender_at; /* or stopped, at this Commit */
    unsigned stop_receiver_at;
    const char *removed; /* this file goes at the first Commit */
    unsigned fill_at;    /* at this Commit a file "filler" takes what space is left */
    Fxnode__Helper__Stop__Reason stop_reason;
    lab_answer answer;
    Fxnode__Helper__Exists exists; /* what becomes of names that exist */
    bool outside_links;            /* the receiver keeps links that lead outside */
    bool ask_first; /* ASKED before the answer, which is NONE where nobody gives one */

    /* What the nodes know. */
    uint64_t number; /* of the transfer at the receiver */
    uint8_t manifest_hash[LIMIT_HASH];
    uint64_t manifest_length;
    uint32_t entries;
    uint64_t bytes;
    uint64_t units;
    struct rangeset extents;
    struct lab_replaced {
        uint64_t number; /* of the transfer that is replaced; 0: none, or it is over */
        uint8_t manifest_hash[LIMIT_HASH];
        uint64_t manifest_length;
        uint32_t entries;
        uint64_t bytes;
        uint64_t units;
        struct rangeset extents;
    } replaced;
    struct {
        uint32_t item;
        uint64_t device;
        uint64_t inode;
        char name[256];
    } names[LAB_NAMES];
    unsigned name_count;
    uint64_t existing; /* of the last offer */
    bool placing;      /* Placing is recorded */
    bool placed;       /* Done is recorded */
    uint32_t failed;
    bool delivered; /* the sender recorded the delivery */
    uint32_t delivered_failed;
    bool finished;
    unsigned commits; /* of this run */

    struct lab_session sender;
    struct lab_session receiver;
    pid_t relay;          /* what ends a connection */
    int stalled;          /* the end that nobody reads, or -1 */
    unsigned lanes_asked; /* connections that the sender asked for in this run */
};

/* An empty lab in a new directory below /tmp, or FXNODE_LAB_DIR, and its end. */
void lab_open(struct lab *lab);
void lab_close(struct lab *lab);

/* Names one more thing to be sent, by its name in lab->source. */
void lab_add(struct lab *lab, const char *name);

/* SCAN, however it ends. */
void lab_try_scan(struct lab *lab);

/* SCAN; fails the test unless it went well. */
void lab_scan(struct lab *lab);

/* The sources have changed: the transfer so far is the one that is replaced, at both ends, and a
 * new one is scanned. */
void lab_replace(struct lab *lab);

/* CLEAN of the transfer `number`, by the receiver's node. */
void lab_clean(struct lab *lab, uint64_t number);

/* One SEND and one RECEIVE over a new connection, until both processes have ended. */
void lab_transfer(struct lab *lab);

/* PLACE or CLEAN, by the receiver's node. */
void lab_recover(struct lab *lab, Fxnode__Helper__Job__Kind kind);

/* Path of `name` below `directory`, in a static buffer that the third call after it reuses. */
const char *lab_path(const char *directory, const char *name);

/* For tests that are the peer: starts one session and gives it `fd` as lane 0 with these keys. */
void lab_start_receiver(struct lab *lab, int fd, const uint8_t *send_key,
                        const uint8_t *receive_key);
void lab_start_sender(struct lab *lab, int fd, const uint8_t *send_key, const uint8_t *receive_key);

/* Serves whatever sessions run until they have ended. */
void lab_serve(struct lab *lab);

#endif
