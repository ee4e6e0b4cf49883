#include "tests/sim/crash.h"

#include "tests/sim/process.h"
#include "tests/sim/trace.h"
#include "tests/sim/watch.h"

#include <signal.h>
#include <string.h>

#define MS 1000000ull

enum crash { KILL_PROCESS, KILL_NODE, CUT_POWER, CUT_BOTH, CRASHES };

static struct crash_world world;

/* The next crash comes within some calls: few, where it is to hit the begin or a recovery. */
static void plan(struct machine *machine) {
    machine->fatal = 0;
    if (world.left == 0 || task_clock() > world.until)
        return;
    world.left--;
    machine->fatal = machine->calls + 1 + task_draw(16ull << task_draw(9));
}

static bool belongs(const struct process *process, const struct machine *machine) {
    return process->machine == machine && !process->ended;
}

static bool is_node(const struct process *process) {
    return strcmp(process->role, "daemon") == 0;
}

static bool is_command(const struct process *process) {
    return !is_node(process) && strcmp(process->role, "session") != 0;
}

static bool runs_node(const struct machine *machine) {
    for (struct process *at = process_first(); at != NULL; at = at->next)
        if (belongs(at, machine) && is_node(at))
            return true;
    return false;
}

static void boot(void *arg) {
    struct machine *machine = arg;

    if (runs_node(machine))
        return;
    if (machine->fatal == 0)
        plan(machine);
    machine->up = true;
    trace("%s starts", machine->name);
    process_daemon(machine);
    world.started(machine);
}

void crash_start(struct machine *machine) {
    boot(machine);
    if (machine->fatal == 0)
        plan(machine);
}

static void boot_later(struct machine *machine) {
    uint64_t delay = (1 + task_draw(20000)) * MS >> task_draw(8);

    task_at(task_clock() + delay, boot, machine);
    world.over(task_clock() + delay);
}

/* Between two steps: nothing of the machine runs any more. */
static void lose_power(void *arg) {
    struct machine *machine = arg;

    trace("%s: what is left after the cut", machine->name);
    disk_cut(machine->disk);
    watch_look();
    boot_later(machine);
}

static void cut_power(struct machine *machine) {
    if (!machine->up)
        return;
    trace("%s loses its power", machine->name);
    world.tally->cuts++;
    machine->up = false;
    machine->fatal = 0;
    for (struct process *at = process_first(); at != NULL; at = at->next)
        if (belongs(at, machine) && at != process_now())
            process_kill(at, SIGKILL);
    task_at(task_clock(), lose_power, machine);
}

static void kill_node(struct machine *machine) {
    trace("the node of %s is killed", machine->name);
    for (struct process *at = process_first(); at != NULL; at = at->next)
        if (belongs(at, machine) && at != process_now() && is_node(at))
            process_kill(at, SIGKILL);
    boot_later(machine);
}

static void crash(struct machine *machine, struct process *process) {
    enum crash kind = (enum crash)task_draw(CRASHES);

    world.over(task_clock());
    machine->fatal = 0;
    if (kind == CUT_BOTH) {
        cut_power(&world.machines[0]);
        cut_power(&world.machines[1]);
    } else if (kind == CUT_POWER) {
        cut_power(machine);
    } else {
        world.tally->kills++;
        trace("%s is killed", process->role);
        if (kind == KILL_NODE || is_node(process) || is_command(process))
            kill_node(machine);
        plan(machine);
        if (is_command(process))
            return; /* it comes again by itself */
    }
    process_kill(process, SIGKILL);
}

static void on_call(struct process *process, const char *name) {
    struct machine *machine = process->machine;

    (void)name;
    watch_glance(machine);
    machine->calls++;
    if (machine->fatal != 0 && machine->calls >= machine->fatal)
        crash(machine, process);
}

void crash_begin(const struct crash_world *with) {
    world = *with;
    task_watch_calls(on_call);
}
