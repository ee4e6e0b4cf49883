/*
 * secretstream.h by OpenSSL's libcrypto (3.0 or later): its ChaCha20 and Poly1305 use wider vectors
 * than libsodium's. Only in builds with the option FXNODE_LIBCRYPTO.
 *
 * The library is loaded when it is asked for and not when the program starts: that takes as long as
 * starting the rest of it, and most processes never need it. It comes from where the dynamic linker
 * looks for libraries. Its configuration file is not read and nothing of it runs at exit.
 */
#ifndef PROTO_SECRETSTREAM_LIBCRYPTO_H
#define PROTO_SECRETSTREAM_LIBCRYPTO_H

#include "base/fail.h"
#include "proto/secretstream.h"

/* Loads it, the first time, and gives it in *out: valid until the process ends. Reads files, so
 * call it before the process is confined, and while it has one thread; using it needs memory and
 * nothing else. 0; negative with `why` filled where the library or a part of it is not there. */
int secretstream_libcrypto_load(const struct secretstream **out, struct fail *why);

#endif
