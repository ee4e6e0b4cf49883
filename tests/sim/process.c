#include "tests/sim/process.h"

#include "node/common/part.h"
#include "node/daemon/daemon.h"
#include "node/session/main.h"
#include "tests/sim/machine.h"

static void *run_session(void *arg) {
    (void)arg;
    return (void *)(intptr_t)session_main(PART_CHANNEL);
}

struct process *process_spawn(const char *role) {
    struct process *parent = process_now();

    return process_start(parent->machine, parent, role, run_session, NULL);
}

static void *run_daemon(void *arg) {
    char *words[] = {(char *)"daemon",
                     (char *)"--state",
                     (char *)"/state",
                     (char *)"--config",
                     (char *)"/etc/fxnode.conf",
                     (char *)"--socket",
                     (char *)"/run/control",
                     (char *)"--files",
                     (char *)"/files",
                     (char *)"--no-discovery",
                     (char *)"--accept",
                     (char *)"all",
                     NULL};

    (void)arg;
    return (void *)(intptr_t)daemon_main(sizeof words / sizeof *words - 1, words);
}

struct process *process_daemon(struct machine *machine) {
    struct process *process = process_start(machine, NULL, "daemon", run_daemon, NULL);

    process->whole = true; /* what handles one event is never mixed with another */
    return process;
}
