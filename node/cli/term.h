/*
 * The terminal that a person looks at: what `send` and `pair` need to draw one line again and
 * again.
 */
#ifndef NODE_CLI_TERM_H
#define NODE_CLI_TERM_H

#include <stdbool.h>

/* Whether standard output is a terminal that takes escape sequences. */
bool term_can_draw(void);

/* Its width in columns at this moment; 80 where it does not tell. */
unsigned term_columns(void);

/* Writes `line` (ASCII) over the line on which the cursor stands, cut so that it never wraps. */
void term_redraw(const char *line);

/* Wipes that line. */
void term_clear(void);

#endif
