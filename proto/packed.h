/*
 * The body of a packed data frame (STREAM_PACKED): records as in a data frame, compressed.
 *
 *   u32be length of the records, 1 to STREAM_BODY_MAX || one zstd frame (RFC 8878) of them, without
 *   a dictionary
 *
 * Each body stands for itself: nothing of another one is needed to unpack it, so that lanes are
 * independent and no memory is held for a window. What is compressed tells its length to whoever
 * watches the line, which is why control messages never are.
 *
 * No I/O. A packer or unpacker belongs to one thread at a time.
 */
#ifndef PROTO_PACKED_H
#define PROTO_PACKED_H

#include "proto/stream.h"

#include <stddef.h>
#include <stdint.h>

/* Levels of zstd that a packer takes: a negative one is faster and packs less. Above, the memory
 * that one needs (2 MiB at the highest) grows more than what it saves. */
#define PACKED_LEVEL_MIN (-7)
#define PACKED_LEVEL_MAX 5

#define PACKED_REFUSED 1 /* not a body as above */

struct packer;
struct unpacker;

/* A packer in *out, for packer_free(). 0 or -ENOMEM. */
int packer_new(struct packer **out);
void packer_free(struct packer *packer); /* NULL is allowed */

/* What follows is packed at this level, PACKED_LEVEL_MIN to PACKED_LEVEL_MAX; 1 at first. */
void packer_set_level(struct packer *packer, int level);

/* Packs `length` bytes of records, 1 to STREAM_BODY_MAX, into `out`, which has `room` bytes. The
 * length of the body; 0 where it would need more room, or memory that there is not. */
size_t packer_pack(struct packer *packer, const uint8_t *records, size_t length, uint8_t *out,
                   size_t room);

/* An unpacker in *out, for unpacker_free(). It has room for the longest records, of which the
 * system gives what is used. 0 or -ENOMEM. */
int unpacker_new(struct unpacker **out);
void unpacker_free(struct unpacker *unpacker); /* NULL is allowed */

/* Unpacks the body of `packed` (its type is not looked at) and makes *data the data frame that it
 * stands for, valid until the next call. Never writes or reserves more than STREAM_BODY_MAX bytes,
 * whatever the body says. 0, PACKED_REFUSED. */
int unpacker_unpack(struct unpacker *unpacker, const struct stream_frame *packed,
                    struct stream_frame *data);

#endif
