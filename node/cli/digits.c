#include "node/cli/digits.h"

#include "proto/pairing.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define DIGITS_LINES 5
#define DIGITS_WIDTH 3 /* cells, of two columns each */

#define CELL_ON "\033[7m  \033[0m"
#define CELL_OFF "  "

/* A line for each octal digit: 4 is the cell on the left. */
static const uint16_t shapes[10] = {
    075557, 026227, 071747, 071717, 055711, 074717, 074757, 071122, 075757, 075717,
};

static void draw_line(unsigned shape, unsigned line) {
    unsigned cells = shape >> (DIGITS_WIDTH * (DIGITS_LINES - 1 - line));
    for (unsigned bit = DIGITS_WIDTH; bit-- > 0;)
        fputs((cells >> bit & 1) != 0 ? CELL_ON : CELL_OFF, stdout);
}

void digits_draw(const char *code) {
    for (unsigned line = 0; line < DIGITS_LINES; line++) {
        for (size_t i = 0; i < PAIRING_CODE; i++) {
            fputs(i == PAIRING_CODE / 2 ? "      " : "  ", stdout);
            draw_line(shapes[code[i] - '0'], line);
        }
        putchar('\n');
    }
}
