/*
 * Whether another way to compute a secretstream does what libsodium does.
 */
#ifndef PROTO_SECRETSTREAM_CHECK_H
#define PROTO_SECRETSTREAM_CHECK_H

#include "proto/secretstream.h"

#include <stdbool.h>

/* Has `suspect` and libsodium seal and open the same messages, of lengths around every block and
 * vector size that matters, apart and in place, with changes of key asked for and due: ciphertext,
 * plaintext, tag and state have to be the same after each, and what is damaged has to be refused.
 * The same messages each time; less than a millisecond. False too where there is no memory. */
bool secretstream_check(const struct secretstream *suspect);

#endif
