/*
 * By which code this process encrypts what it moves (proto/secretstream.h): libsodium, or libcrypto
 * where there is one that does the same and does it faster.
 */
#ifndef NODE_COMMON_RECORD_LAYER_H
#define NODE_COMMON_RECORD_LAYER_H

#include "node/common/config.h"
#include "proto/secretstream.h"

/* What was chosen, and one line, escaped, that says why. */
struct record_layer {
    const struct secretstream *code;
    char why[512];
};

/* Chooses. CONFIG_RECORD_LAYER_AUTO measures both for less than a millisecond; asking for libcrypto
 * saves that, but not the check: what differs from libsodium is never chosen. Loading the library
 * takes two milliseconds more and reads files, so call it before the process is confined, and while
 * it has one thread. */
void record_layer_choose(struct record_layer *out, enum config_record_layer wish);

#endif
