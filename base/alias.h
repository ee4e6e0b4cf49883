/*
 * Local names of paired peers, and a peer as one line of text for people who exchange keys by other
 * means.
 *
 * An alias has 1 to ALIAS_MAX bytes of printable UTF-8: nothing that escape.h would change, no
 * space at its ends, no '-' at its beginning; and it does not read as something else that names a
 * peer: a whole id (id.h), or a numeric address with or without a port.
 *
 * A line is
 *
 *     fxnode-peer ID ALIAS
 *
 * with single spaces, the id in either form; the alias goes to the end of the line (and may contain
 * spaces). No newline is part of it.
 */
#ifndef BASE_ALIAS_H
#define BASE_ALIAS_H

#include "base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ALIAS_MAX 63
#define ALIAS_ROOM (ALIAS_MAX + 1)
#define ALIAS_LINE_ROOM 160 /* a whole line with its NUL */

/* NULL where `text` is a valid alias; else what is wrong with it, for "an alias ...". */
const char *alias_fault(const char *text);

/* Makes a valid alias of a foreign name: what is not allowed is left out or replaced, an empty rest
 * becomes "peer-" and the first eight characters of the key's id. Returns `out`. */
char *alias_make(char out[ALIAS_ROOM], const char *name, const uint8_t *key);

/* The same alias with " 2", " 3" ... behind it (`number` >= 2), cut at a whole character where it
 * would get too long. Returns `out`. */
char *alias_number(char out[ALIAS_ROOM], const char *alias, unsigned number);

/* Writes a line, without a newline. `alias` is valid. Returns `out`. */
char *alias_line_format(char out[ALIAS_LINE_ROOM], const uint8_t *key, const char *alias);

/* Reads one: NULL, or what is wrong with it, for people. `length` bytes, foreign; no NUL needed. */
const char *alias_line_parse(const char *line, size_t length, uint8_t key[LIMIT_KEY],
                             char alias[ALIAS_ROOM]);

#endif
