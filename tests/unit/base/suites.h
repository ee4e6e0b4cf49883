/*
 * The Check suites of base/, one per header: each function makes a suite that main.c runs.
 */
#ifndef TESTS_UNIT_BASE_SUITES_H
#define TESTS_UNIT_BASE_SUITES_H

#include <check.h>

Suite *suite_alias(void);
Suite *suite_bytes(void);
Suite *suite_chan(void);
Suite *suite_crash(void);
Suite *suite_entry(void);
Suite *suite_escape(void);
Suite *suite_fail(void);
Suite *suite_id(void);
Suite *suite_io(void);
Suite *suite_lineage(void);
Suite *suite_log(void);
Suite *suite_path(void);
Suite *suite_pattern(void);
Suite *suite_rangeset(void);

#endif
