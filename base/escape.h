/*
 * Foreign bytes made safe to show: names, device names, reasons, anything that a peer, a file
 * system or the network chose.
 *
 * Printable UTF-8 stays. C0, DEL, C1, line and paragraph separators, bidirectional controls,
 * zero-width and other format characters become \n, \t, \r, \e or \u{HEX}; bytes that are no
 * UTF-8 become \xHH; a backslash becomes \\. The result is one line, valid UTF-8, unambiguous.
 */
#ifndef BASE_ESCAPE_H
#define BASE_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

/* Room that always suffices for `length` foreign bytes, the terminating NUL included. */
#define ESCAPE_ROOM(length) ((length)*8 + 1)

/* Writes the escaped form of `length` bytes at `bytes` into `out` (`room` bytes, NUL-terminated).
 * Where it does not fit it is cut at a whole character and ends in "...". Returns `out`. */
char *escape_bytes(char *out, size_t room, const void *bytes, size_t length);

/* The same for a NUL-terminated string. */
char *escape_text(char *out, size_t room, const char *text);

/* Whether all of it is shown as it is: nothing in it has to be escaped. */
bool escape_is_plain(const void *bytes, size_t length);

/* For a line that should have been escaped where it was made, by a process that may have been taken
 * over since: puts '?' in place of every byte that cannot be shown as it is. Backslashes stay. */
void escape_mend(char *line);

/* Whether `length` bytes are valid UTF-8 (no surrogates, no overlong forms). */
bool escape_is_utf8(const void *bytes, size_t length);

#endif
