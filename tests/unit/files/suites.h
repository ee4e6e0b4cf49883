/*
 * The Check suites of files/: each function makes a suite that main.c runs.
 */
#ifndef TESTS_UNIT_FILES_SUITES_H
#define TESTS_UNIT_FILES_SUITES_H

#include <check.h>

Suite *suite_attributes(void);
Suite *suite_beneath(void);
Suite *suite_clean(void);
Suite *suite_destination(void);
Suite *suite_direct(void);
Suite *suite_finish(void);
Suite *suite_hardlinks(void);
Suite *suite_holes(void);
Suite *suite_inodes(void);
Suite *suite_links(void);
Suite *suite_merge(void);
Suite *suite_place(void);
Suite *suite_receipt(void);
Suite *suite_records(void);
Suite *suite_source(void);
Suite *suite_staging(void);
Suite *suite_stage_writer(void);
Suite *suite_walk(void);
Suite *suite_walk_rules(void);

#endif
