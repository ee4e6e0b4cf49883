/* A simulated machine: its disk outlives what happens to it. */
#ifndef TESTS_SIM_MACHINE_H
#define TESTS_SIM_MACHINE_H

#include "tests/sim/disk.h"
#include "tests/sim/task.h"

#include <stdbool.h>
#include <stdint.h>

/* What becomes of names that exist: its configuration. */
enum machine_exists { MACHINE_RENAME, MACHINE_SKIP, MACHINE_OVERWRITE };

struct machine {
    const char *name;
    uint32_t address; /* IPv4, in host order */
    const char *port; /* that and the port */
    enum machine_exists exists;
    struct disk *disk;
    struct inode *before; /* what was in /files: a copy that nothing happens to */
    bool up;              /* it has power */
    uint64_t calls;       /* of the system, that its processes have made */
    uint64_t fatal;       /* the call that it does not survive; 0: none */
};

#endif
