/*
 * Every hard cap of the program, by name. Bytes unless a name says otherwise.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#include <stddef.h>
#include <stdint.h>

/* Identities */
#define LIMIT_KEY 32         /* an X25519 public key */
#define LIMIT_NAME 64        /* device name on the wire, zero-padded */
#define LIMIT_TRANSFER_ID 16 /* random, chosen by the sender */
#define LIMIT_HASH 32        /* BLAKE2b-256 of a manifest */
#define LIMIT_CHUNK_HASH 16  /* XXH3-128 of a chunk, canonical (big-endian) */
#define LIMIT_SESSION_ID 16  /* first bytes of the control connection's handshake hash */

/* Wire */
#define LIMIT_FRAME (1024u * 1024u)           /* plaintext of one frame, its type byte included */
#define LIMIT_CONTROL (64u * 1024u)           /* an encoded control message */
#define LIMIT_MANIFEST_BATCH (256u * 1024u)   /* one encoded batch of manifest entries */
#define LIMIT_ARENA (4u * 1024u * 1024u)      /* memory of one decoded message */
#define LIMIT_CHUNK (1024u * 1024u)           /* the unit of progress within a file */
#define LIMIT_ENTRIES 16777216u               /* entries of a manifest */
#define LIMIT_MANIFEST (4ull << 30)           /* a whole manifest */
#define LIMIT_FILE_SIZE ((uint64_t)INT64_MAX) /* a file */
#define LIMIT_ATTRIBUTES 1024u                /* extended attributes of one entry */
#define LIMIT_ATTRIBUTE_NAME 255u             /* the name of one */
#define LIMIT_ATTRIBUTE_VALUE (64u * 1024u)   /* its value */
#define LIMIT_ATTRIBUTE_BYTES (128u * 1024u)  /* names and values of one entry */
#define LIMIT_OFFER_NAMES 64u                 /* top-level names shown in an offer */
#define LIMIT_LANES 8u                        /* connections of a transfer, control included */
#define LIMIT_LINEAGE 16u                     /* transfers that one is said to replace */

/* What is kept of a delivered transfer to verify it by: one that has more has none */
#define LIMIT_RECEIPT (128u * 1024u * 1024u)

/* Channels to helpers and commands: one SOCK_SEQPACKET message */
#define LIMIT_PACKET (64u * 1024u)
#define LIMIT_PACKET_FDS 4u

/* Paths */
#define LIMIT_COMPONENT 255u
#define LIMIT_DEPTH 128u
#define LIMIT_PATH 4095u

/* Patterns of what is not to be sent, of one command */
#define LIMIT_PATTERN LIMIT_PATH          /* one */
#define LIMIT_PATTERNS 64u                /* how many */
#define LIMIT_PATTERN_BYTES (32u * 1024u) /* all together: they travel in one packet */

#endif
