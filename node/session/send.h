/*
 * The sending side of a transfer, as its threads share it. Only the files send*.c use this.
 */
#ifndef NODE_SESSION_SEND_H
#define NODE_SESSION_SEND_H

#include "base/fail.h"
#include "base/rangeset.h"
#include "files/disks.h"
#include "files/hash.h"
#include "files/hashes.h"
#include "files/holes.h"
#include "files/items.h"
#include "files/receipt.h"
#include "files/source.h"
#include "files/stamps.h"
#include "node/session/catalog.h"
#include "node/session/congestion.h"
#include "node/session/course.h"
#include "node/session/growth.h"
#include "node/session/job.h"
#include "node/session/pace.h"
#include "node/session/send_frame.h"
#include "proto/manifest.h"
#include "proto/sender.h"

#include <stdbool.h>
#include <stdint.h>

/* File content that is read at once, into one record at most: a chunk is four of them. With the
 * buffers of the socket it fits into the cache of a processor, where it is hashed and sealed. */
#define SEND_PIECE (256u * 1024u)

/* Bytes of a data frame at most, and so of any frame that is sent. */
#define SEND_FRAME (SEND_PIECE + 4096u)

struct send {
    struct course course;
    const struct job *job;
    struct sender *sender;  /* under the lock of the course, with what follows */
    bool streaming;         /* lane 0 is to send the manifest */
    bool begins;            /* the peer had not heard of it: what it holds is of other transfers */
    bool heard;             /* the peer has said something */
    bool started;           /* lanes may claim */
    uint32_t lanes;         /* that both sides allow, once that matters; else 0 */
    bool recording;         /* the node is recording the delivery */
    bool links_kept;        /* that lead outside, by the last verdict; not changed during data */
    struct rangeset failed; /* entries */
    struct catalog *lookup; /* for SENDER_REWIND */

    /* Immutable, or with locks of their own. */
    struct manifest_checker *checker; /* has index and summary */
    const struct manifest_index *index;
    struct items *items;
    struct disks *disks; /* that they are on */
    struct hashes *hashes;
    struct pace pace;
    struct send_frames frames;
    int work;
    int manifest;
    int stat;

    /* Of the main thread. */
    struct growth growth; /* once `growing` */
    bool growing;
    bool asked[LIMIT_LANES]; /* connections that the node is asked for */
};

/* What a thread needs to read the sources: each has its own. */
struct send_reader {
    struct send *send;
    struct source *source;
    struct catalog *catalog;
    struct stamps *stamps;
    /* The chunk that is being read. */
    struct stamp stamp; /* of its entry */
    struct holes_map map;
    struct hash *hash;
    uint8_t *room; /* SEND_PIECE bytes, for the caller */
};

/* 0 or -ENOMEM; either way send_reader_clear() is to be called. */
int send_reader_init(struct send_reader *reader, struct send *send);
void send_reader_clear(struct send_reader *reader);

/*
 * Reading a chunk: a begin, which fills reader->map, then each of its pieces in order, bytes in as
 * many steps as the caller likes, then the end, which gives the hash. An empty file is not even
 * looked at: what is confirmed is looked at later. Return an outcome of enum source_outcome, or
 * negative; files/source.h says what they mean for what was read before.
 */
int send_reader_begin(struct send_reader *reader, const struct manifest_item *item, uint64_t chunk,
                      struct fail *fail);
int send_reader_bytes(struct send_reader *reader, const struct manifest_item *item, uint64_t offset,
                      void *data, size_t length, struct fail *fail);
void send_reader_hole(struct send_reader *reader, uint32_t length);
int send_reader_end(struct send_reader *reader, const struct manifest_item *item,
                    uint8_t hash[LIMIT_CHUNK_HASH], struct fail *fail);

/* All of that, where only the hash is wanted. reader->room is used. */
int send_reader_hash(struct send_reader *reader, const struct manifest_item *item, uint64_t chunk,
                     uint8_t hash[LIMIT_CHUNK_HASH], struct fail *fail);

/* What a lane sends of the files: its data frame, which is filled where it is sealed. */
struct send_data {
    struct send *send;
    struct connection *connection;
    struct send_reader *reader;
    struct congestion congestion;
    struct send_frame out; /* how it leaves */
    size_t frame;          /* bytes of a frame at most */
    size_t used;           /* and of this one, at connection_body() */
    uint64_t content;      /* of them, content */
};

/* Nothing is in the frame yet. `lane` and `reader` are borrowed. For send_data_clear(). */
void send_data_init(struct send_data *data, struct send *send, struct lane *lane,
                    struct send_reader *reader);
void send_data_clear(struct send_data *data);

/* Reads a unit into the frame, notes its hash, and sends what is full. What cannot be read fails by
 * itself, and the transfer goes on: of such a unit the peer may have got the beginning, never the
 * end. Lock not held. 0, or -errno where the connection is broken. */
int send_data_unit(struct send_data *data, uint64_t unit);

/* Sends what is in the frame. Lock not held. Returns as above. */
int send_data_flush(struct send_data *data);

/* Takes over the hashes of files that are the same from what the node has given over
 * (node/common/inherited.h), which goes. Before there are other threads. */
void send_inherit(struct send *send);

/* Tells the user how much the receiver has taken over: of `held` what is not of `skipped` entries.
 * Lock held. */
void send_inherit_tell(struct send *send, const struct rangeset *held,
                       const struct rangeset *skipped);

/* Tends the lanes besides lane 0: those that are lost are closed, and more asked for where they are
 * wanted. Main thread, lock not held; as often as there is something to look at. */
void send_lanes_tend(struct send *send, uint64_t now_ms);

/* A connection from the node becomes a lane (send_connect.c). What comes too late or twice is
 * closed. Main thread. */
void send_connect(struct send *send, struct uplink_message *message);

/* A lane that was asked for is there, or cannot be had now. Main thread. */
void send_lanes_came(struct send *send, uint32_t number, bool there);

/* Takes all actions of the state machine. Lock held, after every input to it. */
void send_act(struct send *send);

/* How a transfer ends for an error of ours (send_stop.c): one for which there was no room left
 * (-ENOSPC, -EDQUOT), no disk (-ENODEV), no memory, thread (-EAGAIN) or descriptor is tried again
 * later. */
enum exchange_outcome send_outcome(int error);

/* Stops the transfer for an error of ours. Lock not held. */
void send_stop(struct send *send, int error, const char *text);

/* The same with the lock held. */
void send_stop_locked(struct send *send, int error, const char *text);

/* The same for `error` of the state machine: a call that it does not allow, or no memory for what
 * follows from it. Lock held. */
void send_out_of_step(struct send *send, int error);

/* Fills `fail`: the directory of this transfer cannot be written. Returns `error`. */
int send_own_failed(const struct send *send, int error, struct fail *fail);

/* Whether the disk of an item seems not to be mounted: 0, or -ENODEV with `fail` filled. Before the
 * session is confined. */
int send_away_look(struct send *send, struct fail *fail);

/* Stops the transfer where the disk of `entry` is gone, which could not be read; false where it is
 * the entry alone. Lock not held. */
bool send_away_stops(struct send *send, const struct entry *entry);

/* An entry cannot be sent, as `outcome` says; `fail` is told to the user, once. Lock not held. */
void send_entry_failed(struct send *send, const struct manifest_item *item,
                       enum source_outcome outcome, const struct fail *fail);

/* What the peer said last, on an earlier connection. 0 or -errno. */
int send_links_load(struct send *send);

/* The peer said yes, and that it keeps links that lead outside or not: is durable when this
 * returns. Lock held. 0 or -errno. */
int send_links_agree(struct send *send, bool kept);

/* Whether the entry is a link that the peer does not keep. */
bool send_links_leaves_out(const struct send *send, const struct entry *entry);

/* Names those that the peer has not kept to the user, and how many they are in *count. Lock held.
 * 0; negative where the list of files cannot be read. */
int send_links_name(struct send *send, uint32_t *count);

/* Every entry is confirmed or failed: notes which ones were not sent, before the peer hears of it.
 * `marks` has the others, and gets those that failed. Lock not held. 0 or -errno. */
int send_keep_note(struct send *send, struct receipt_marks *marks);

/* It is delivered, as the peer says, or NULL where it did not say how: gives the node what is kept
 * of it. 0 or -errno. */
int send_keep_tell(struct send *send, const Fxnode__Wire__Delivered *delivered);

/* Threads: the reader of lane 0, that of any other, the writer of any, and the one that confirms
 * (its argument is the struct send; the others get their lane). */
void *send_listen(void *arg);
void *send_watch(void *arg);
void *send_write(void *arg);
void *send_confirm(void *arg);

#endif
