/*
 * Digits that can be read across a room: five lines of cells in reverse video, which every terminal
 * has, whatever its colours and fonts.
 */
#ifndef NODE_CLI_DIGITS_H
#define NODE_CLI_DIGITS_H

#define DIGITS_COLUMNS 68 /* what eight of them in two groups take */

/* Draws a code of PAIRING_CODE digits (pairing.h) to standard output, in two groups. */
void digits_draw(const char *code);

#endif
