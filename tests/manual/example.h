/*
 * Worked examples of fxnode-protocol(7): made by the code itself with fixed keys, as text, and
 * compared with a file in tests/vectors, which the manual quotes. Where they differ, the text that
 * the code makes is on standard output.
 */
#ifndef TESTS_MANUAL_EXAMPLE_H
#define TESTS_MANUAL_EXAMPLE_H

#include "proto/handshake.h"

#include <stddef.h>
#include <stdint.h>

/* Adds a name, and the bytes in indented lines of hexadecimal digits. */
void example_show(const char *name, const void *bytes, size_t length);

/* Fills `out` with first, first + 1, ... */
void example_count_up(uint8_t *out, size_t length, uint8_t first);

/* The opening of a connection between "attic" and another, whose keys are always the same: adds all
 * of it, and gives both ends, for handshake_free(). */
void example_open(enum handshake_purpose purpose, struct handshake **initiator,
                  struct handshake **responder);

/* Compares `file` with what make() adds: all of a program. The headers of streams, for which
 * libsodium takes random bytes by itself, are 80, 81, ... in it. */
int example_main(const char *file, void (*make)(void));

#endif
