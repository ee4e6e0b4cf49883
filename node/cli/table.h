/*
 * Rows for people in columns that are as wide as they have to be: rows are kept until all are
 * there.
 */
#ifndef NODE_CLI_TABLE_H
#define NODE_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#define TABLE_COLUMNS 5
#define TABLE_WIDEST 40 /* a wider cell does not push the others' columns away */

struct table;

/* `headings`: TABLE_COLUMNS texts that outlive the table. NULL where there is no memory. */
struct table *table_new(const char *const *headings);
void table_free(struct table *table);

/* Adds a row of TABLE_COLUMNS escaped texts, copied; `note` (may be NULL) is a line of its own
 * below it. Rows with a lower `rank` come first, those with the same in the order in which they
 * were added. False where there is no memory. */
bool table_add(struct table *table, unsigned rank, const char *const *cells, const char *note);

/* How many rows there are. */
size_t table_count(const struct table *table);

/* Prints headings and rows to standard output; nothing where there are no rows. */
void table_print(const struct table *table);

#endif
