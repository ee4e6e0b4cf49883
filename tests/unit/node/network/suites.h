/*
 * The Check suites of what connects a node to others: gate, listener, dialer and
 * pairing.
 */
#ifndef TESTS_UNIT_NODE_NETWORK_SUITES_H
#define TESTS_UNIT_NODE_NETWORK_SUITES_H

#include <check.h>

Suite *suite_gate(void);
Suite *suite_dialing(void);
Suite *suite_pairing(void);
Suite *suite_window(void);

#endif
