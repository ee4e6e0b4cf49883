/*
 * The Check suites of node/cli/, one per header, and what a test types and reads.
 */
#ifndef TESTS_UNIT_NODE_CLI_SUITES_H
#define TESTS_UNIT_NODE_CLI_SUITES_H

#include <check.h>
#include <stddef.h>

Suite *suite_columns(void);
Suite *suite_digits(void);
Suite *suite_failed(void);
Suite *suite_json(void);
Suite *suite_options(void);
Suite *suite_pair_ask(void);

/* Keeps what is printed from now on; capture_end() returns it, valid until the next call. */
void capture_begin(void);
const char *capture_end(void);

/* Makes these bytes, and then the end of file, what standard input has; at most PIPE_BUF. */
void type_in(const char *bytes, size_t length);

#endif
