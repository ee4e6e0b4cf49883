/*
 * What a walk reports, kept for a test: entries in their order and the lines about what is skipped.
 * One walk at a time.
 */
#ifndef TESTS_UNIT_FILES_WALKED_H
#define TESTS_UNIT_FILES_WALKED_H

#include "files/walk.h"

#include <stdbool.h>
#include <stddef.h>

#define WALKED_MAX 4096
#define WALKED_LINES_MAX 16

/* One entry that was reported. */
struct walked {
    struct entry entry;
    struct stamp stamp;
    char *path;
    char *target;
    size_t attribute_count;
    char attributes[4][64]; /* NAME=VALUE */
};

extern struct walked walked[WALKED_MAX];
extern size_t walked_count;
extern size_t walked_limit; /* a further one ends the walk */
extern char walked_lines[WALKED_LINES_MAX][512];
extern enum walk_loss walked_losses[WALKED_LINES_MAX];
extern size_t walked_line_count;
extern struct walk_rules walked_rules; /* what the walks leave out */

/* Walks these paths; or one below the test's room; or that without what one of up to three patterns
 * matches. As walk_items(). */
int walked_items(const char *const *paths, size_t count);
int walked_one(const char *path);
int walked_without(const char *path, const char *const patterns[3]);

/* The paths that were reported, as one string in a static buffer. */
const char *walked_all(void);

/* Frees what is kept. */
void walked_forget(void);

#endif
