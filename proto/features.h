/*
 * What a node can do beyond the first of its protocol's version, as bits of the handshake
 * (proto/handshake.h). A transfer uses what both sides have.
 */
#ifndef PROTO_FEATURES_H
#define PROTO_FEATURES_H

/* Hard links and extended attributes in a manifest. Who lacks it takes a hard link for an unknown
 * type of entry, and does not see attributes. */
#define FEATURE_LINKS (1u << 1)

/* A Holding that names entries which are not to be sent, since the receiver has such files. To who
 * lacks it they are not named, and come. */
#define FEATURE_SKIPS (1u << 2)

/* Symbolic links in a manifest that lead out of what is sent, and a Verdict that says whether they
 * are kept. Who lacks it takes them for an attack. */
#define FEATURE_OUTSIDE (1u << 3)

/* Data frames that are compressed (proto/packed.h), on any connection of a transfer whose control
 * connection has it. A node whose user does not want that does not offer it. */
#define FEATURE_PACKED (1u << 4)

/* All that this code can do. */
#define FEATURES (FEATURE_LINKS | FEATURE_SKIPS | FEATURE_OUTSIDE | FEATURE_PACKED)

#endif
