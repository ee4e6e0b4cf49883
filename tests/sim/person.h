/* What people do: commands, each a process that asks again where the node goes away. */
#ifndef TESTS_SIM_PERSON_H
#define TESTS_SIM_PERSON_H

#include "proto/control.pb-c.h"
#include "tests/sim/order.h"
#include "tests/sim/task.h"

/* `fxnode send`, which comes again until the transfer is over. */
struct process *person_send(struct order *order);

/* `fxnode pause`, `resume`, `cancel`, for as long as the order is not over. At the receiver or the
 * sender. */
struct process *person_act(struct order *order, bool at_receiver, Fxnode__Control__Act__What what);

/* `fxnode verify`, once it is delivered, where the order says. */
struct process *person_verify(struct order *order);

#endif
