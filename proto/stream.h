/*
 * The record layer: frames, encrypted and in order, over a byte stream. One sealer and one opener
 * for each connection, each with its own key (handshake.h).
 *
 * A direction starts with the 24 bytes of libsodium's secretstream header
 * (crypto_secretstream_xchacha20poly1305), then records follow, no additional data:
 *
 *     u32 length, big-endian || ciphertext of `length` bytes, 17 more than its plaintext
 *
 * A record with tag MESSAGE holds one frame: a type byte and a body, together 1 to LIMIT_FRAME
 * bytes. A record with tag FINAL holds nothing at all (length 17) and ends the direction. Other
 * tags, an empty MESSAGE, a FINAL that is not empty, a type that is not known, and anything after
 * FINAL are refused. End of file before FINAL is a broken connection: that is for the caller to
 * say, who has not seen STREAM_FINAL by then.
 *
 * A frame lies in its buffer so that it is sealed and opened where it is, without a copy:
 *
 *     sealing:   record    [4 length][1 tag][1 type][ body ... ][16 mac]
 *     opening:   sealed              [1 tag][1 type][ body ... ][16 mac]
 *
 * No I/O; nothing blocks. A sealer or opener belongs to one thread at a time; two of them are
 * independent. sodium_init() must have been called. Keys live in sodium_malloc() memory. Both
 * compute by what secretstream_used() says when they are made (secretstream.h).
 */
#ifndef PROTO_STREAM_H
#define PROTO_STREAM_H

#include "base/limits.h"

#include <stddef.h>
#include <stdint.h>

#define STREAM_KEY 32
#define STREAM_HEADER 24   /* once, before the first record */
#define STREAM_PREFIX 4    /* the length before each record */
#define STREAM_OVERHEAD 17 /* of ciphertext over plaintext: tag byte and authenticator */
#define STREAM_HEADROOM 6  /* from the start of a record to the body of its frame */
#define STREAM_TAILROOM 16 /* from the end of the body to the end of the record */

#define STREAM_BODY_MAX (LIMIT_FRAME - 1u)                /* bytes of a frame's body */
#define STREAM_SEALED_MAX (LIMIT_FRAME + STREAM_OVERHEAD) /* ciphertext of a record */
#define STREAM_FINAL_RECORD (STREAM_PREFIX + STREAM_OVERHEAD)

/* Bytes of the whole record whose frame has a body of `length` bytes. */
#define STREAM_RECORD(length) ((length) + STREAM_HEADROOM + STREAM_TAILROOM)

enum stream_type {
    STREAM_CONTROL = 1, /* one protobuf message */
    STREAM_DATA = 2,    /* records of file content */
    STREAM_PACKED = 3,  /* the same, compressed: packed.h */
};

/* Outcomes of opening that a peer, or whoever sits between, can cause. */
#define STREAM_FINAL 1   /* the direction has ended as it should; nothing more may follow */
#define STREAM_REFUSED 2 /* damaged, out of order, too long or not allowed; said ever after */

/* A frame as opened; `body` lies in the caller's buffer. */
struct stream_frame {
    enum stream_type type;
    uint8_t *body;
    size_t length;
};

struct stream_sealer;
struct stream_opener;

/* A sealer in *out, for stream_sealer_free(), and the header that the peer has to receive before
 * its first record. The key is copied. 0 or -ENOMEM. */
int stream_sealer_new(struct stream_sealer **out, const uint8_t key[STREAM_KEY],
                      uint8_t header[STREAM_HEADER]);
void stream_sealer_free(struct stream_sealer *sealer); /* wipes; NULL is allowed */

/* Seals, in place, the frame whose body of `length` bytes the caller has put at
 * record + STREAM_HEADROOM. All of `record`, STREAM_RECORD(length) bytes, is then to be sent. 0;
 * -EMSGSIZE beyond STREAM_BODY_MAX; -EINVAL for a type that is none; -EPIPE after
 * stream_seal_final(): `record` is untouched then. -EIO where the computing failed: `record` may
 * hold anything, and the sealer is of no more use. Where it is not 0 nothing may be sent of it. */
int stream_seal(struct stream_sealer *sealer, enum stream_type type, uint8_t *record,
                size_t length);

/* Writes the record that ends the direction. 0; -EPIPE where that was done before, or -EIO. */
int stream_seal_final(struct stream_sealer *sealer, uint8_t record[STREAM_FINAL_RECORD]);

/* An opener in *out, for stream_opener_free(), of the stream whose first bytes are `header`. The
 * key is copied. 0 or -ENOMEM; a wrong header shows at the first record. */
int stream_opener_new(struct stream_opener **out, const uint8_t key[STREAM_KEY],
                      const uint8_t header[STREAM_HEADER]);
void stream_opener_free(struct stream_opener *opener); /* wipes; NULL is allowed */

/* How many bytes follow the prefix of the next record: in *length, STREAM_OVERHEAD to
 * STREAM_SEALED_MAX, so that the caller can receive them. 0, or STREAM_REFUSED, also after
 * FINAL. */
int stream_open_length(struct stream_opener *opener, const uint8_t prefix[STREAM_PREFIX],
                       size_t *length);

/* Opens, in place, the `length` bytes that followed a prefix. 0 and a frame; STREAM_FINAL;
 * STREAM_REFUSED; -EIO where the computing failed. Other than with 0 `sealed` may hold anything,
 * *frame is not set, and nothing more is opened. */
int stream_open(struct stream_opener *opener, uint8_t *sealed, size_t length,
                struct stream_frame *frame);

#endif
