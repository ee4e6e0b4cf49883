/* The programs that simulated processes run. */
#ifndef TESTS_SIM_PROCESS_H
#define TESTS_SIM_PROCESS_H

#include "tests/sim/task.h"

struct machine;

/* The running process starts fxnode-ROLE, which finds its channel as descriptor PART_CHANNEL. */
struct process *process_spawn(const char *role);

/* A node on the machine, as `fxnode daemon` is. */
struct process *process_daemon(struct machine *machine);

#endif
