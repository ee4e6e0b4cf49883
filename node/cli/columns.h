/*
 * Rows for people in columns that are as wide as they have to be: rows are kept until all are
 * there.
 */
#ifndef NODE_CLI_COLUMNS_H
#define NODE_CLI_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#define COLUMNS_COUNT 5
#define COLUMNS_WIDEST 40 /* a wider cell does not push the others' columns away */

struct columns;

/* `headings`: COLUMNS_COUNT texts that outlive the table. NULL where there is no memory. */
struct columns *columns_new(const char *const *headings);
void columns_free(struct columns *columns);

/* Adds a row of COLUMNS_COUNT escaped texts, copied; `note` (may be NULL) is a line of its own
 * below it. Rows with a lower `rank` come first, those with the same in the order in which they
 * were added. False where there is no memory. */
bool columns_add(struct columns *columns, unsigned rank, const char *const *cells,
                 const char *note);

/* Prints headings and rows to standard output; nothing where there are no rows. */
void columns_print(const struct columns *columns);

#endif
