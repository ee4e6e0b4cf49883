/*
 * The Check suites of what connects a node to others: gate, listener and dialer.
 */
#ifndef TESTS_UNIT_NODE_NETWORK_SUITES_H
#define TESTS_UNIT_NODE_NETWORK_SUITES_H

#include <check.h>

Suite *suite_gate(void);
Suite *suite_dialing(void);

#endif
