/*
 * The Check suites of node/common/, one per header, and a directory for each test.
 */
#ifndef TESTS_UNIT_NODE_COMMON_SUITES_H
#define TESTS_UNIT_NODE_COMMON_SUITES_H

#include <check.h>

Suite *suite_address(void);
Suite *suite_config(void);
Suite *suite_identity(void);
Suite *suite_landing(void);
Suite *suite_locations(void);
Suite *suite_part(void);
Suite *suite_record_layer(void);
Suite *suite_statedir(void);

/* A new directory, 0700; its path is valid until the next call. scratch_remove() takes it away. */
const char *scratch_make(void);
void scratch_remove(const char *path);

/* Writes `text` to DIR/NAME with `mode`. */
void scratch_write(const char *dir, const char *name, const char *text, unsigned mode);

#endif
