/*
 * What a node can do beyond the first of its protocol's version, as bits of the handshake
 * (proto/handshake.h). A transfer uses what both sides have.
 */
#ifndef PROTO_FEATURES_H
#define PROTO_FEATURES_H

/* Hard links and extended attributes in a manifest. Who lacks it takes a hard link for an unknown
 * type of entry, and does not see attributes. */
#define FEATURE_LINKS (1u << 1)

/* All that this code can do. */
#define FEATURES FEATURE_LINKS

#endif
