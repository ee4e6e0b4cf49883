#include "tests/sim/world.h"

#include "tests/sim/client.h"
#include "tests/sim/handle.h"
#include "tests/sim/image.h"
#include "tests/sim/machine.h"
#include "tests/sim/memory.h"
#include "tests/sim/process.h"
#include "tests/sim/region.h"
#include "tests/sim/socket.h"
#include "tests/sim/sources.h"
#include "tests/sim/trace.h"
#include "tests/sim/tree.h"
#include "tests/sim/watch.h"
#include "tests/sim/weaken.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS 1000000ull
#define SECOND (1000 * MS)
#define FAULTS_S 60u  /* no fault begins later */
#define FINISH_S 600u /* after the last one, everything is done */
#define STEPS_MAX 3000000u
#define TOGETHER 128u /* seeds go on from the same two nodes */
#define PORT_TEXT "10.0.0.2:42420"

enum crash { KILL_PROCESS, KILL_NODE, CUT_POWER, CUT_BOTH, CRASHES };

static struct {
    struct machine machines[2];
    struct machine *list[2];
    struct client_order order;
    struct process *client;
    unsigned crashes; /* that are still to come */
    uint64_t last_fault;
    struct world_tally *tally;
    struct image *states[2]; /* of nodes that have run before */
    uint64_t made;           /* the number of those that were kept */
} world;

static struct machine *sender(void) {
    return &world.machines[0];
}

static struct machine *receiver(void) {
    return &world.machines[1];
}

/* ---- machines ---- */

/* The next crash comes within some calls: few, where it is to hit the begin or a recovery. */
static void plan_crash(struct machine *machine) {
    machine->fatal = 0;
    if (world.crashes == 0 || task_clock() > FAULTS_S * SECOND)
        return;
    world.crashes--;
    machine->fatal = machine->calls + 1 + task_draw(16ull << task_draw(9));
}

static bool belongs(const struct process *process, const struct machine *machine) {
    return process->machine == machine && !process->ended;
}

static bool runs_node(const struct machine *machine) {
    for (struct process *at = process_first(); at != NULL; at = at->next)
        if (belongs(at, machine) && strcmp(at->role, "daemon") == 0)
            return true;
    return false;
}

static void boot(void *arg) {
    struct machine *machine = arg;

    if (runs_node(machine))
        return;
    if (machine->fatal == 0)
        plan_crash(machine);
    machine->up = true;
    trace("%s starts", machine->name);
    process_daemon(machine);
    if (machine == sender() && (world.client == NULL || world.client->ended))
        world.client = client_start(machine, &world.order);
}

static void boot_later(struct machine *machine) {
    uint64_t delay = (1 + task_draw(20000)) * MS >> task_draw(8);

    task_at(task_clock() + delay, boot, machine);
    if (task_clock() + delay > world.last_fault)
        world.last_fault = task_clock() + delay;
}

/* Between two steps: nothing of the machine runs any more. */
static void lose_power(void *arg) {
    struct machine *machine = arg;

    trace("%s: what is left after the cut", machine->name);
    disk_cut(machine->disk);
    watch_look();
    boot_later(machine);
}

static void kill_all(struct machine *machine) {
    for (struct process *at = process_first(); at != NULL; at = at->next)
        if (belongs(at, machine) && at != process_now())
            process_kill(at, SIGKILL);
}

static void cut_power(struct machine *machine) {
    if (!machine->up)
        return;
    trace("%s loses its power", machine->name);
    world.tally->cuts++;
    machine->up = false;
    machine->fatal = 0;
    kill_all(machine);
    task_at(task_clock(), lose_power, machine);
}

static void kill_node(struct machine *machine) {
    struct process *own = process_now();

    trace("the node of %s is killed", machine->name);
    for (struct process *at = process_first(); at != NULL; at = at->next)
        if (belongs(at, machine) && at != own && strcmp(at->role, "daemon") == 0)
            process_kill(at, SIGKILL);
    boot_later(machine);
}

static void crash(struct machine *machine, struct process *process) {
    enum crash kind = (enum crash)task_draw(CRASHES);
    bool is_node = strcmp(process->role, "daemon") == 0;
    bool is_command = process == world.client;

    world.last_fault = task_clock();
    machine->fatal = 0;
    if (kind == CUT_BOTH) {
        cut_power(sender());
        cut_power(receiver());
    } else if (kind == CUT_POWER) {
        cut_power(machine);
    } else {
        world.tally->kills++;
        trace("%s is killed", process->role);
        if (is_node || is_command || kind == KILL_NODE)
            kill_node(machine);
        plan_crash(machine);
        if (is_command)
            return; /* it comes again by itself */
    }
    process_kill(process, SIGKILL);
}

static void on_call(struct process *process, const char *name) {
    struct machine *machine = process->machine;

    (void)name;
    watch_glance();
    machine->calls++;
    if (machine->fatal != 0 && machine->calls >= machine->fatal)
        crash(machine, process);
}

static void set_up(struct machine *machine, const char *name, uint32_t address) {
    char config[160];

    *machine = (struct machine){.name = name, .address = address, .disk = disk_new()};
    tree_make(machine->disk, "home");
    tree_make(machine->disk, "files");
    tree_make(machine->disk, "src");
    tree_make(machine->disk, "run");
    tree_write(machine->disk, "usr/bin", "fxnode", "");
    tree_write(machine->disk, "usr/bin", "fxnode-session", "");
    snprintf(config, sizeof config,
             "batch = 256K\nlanes = %u\nrecord-layer = libsodium\ncompress = %s\n",
             1 + (unsigned)task_draw(WATCH_LANES), task_chance(4) ? "auto" : "off");
    tree_write(machine->disk, "etc", "fxnode.conf", config);
}

/* ---- the network ---- */

static void cut_connection(void *arg) {
    (void)arg;
    world.tally->breaks++;
    socket_cut(task_chance(3));
}

static void part(void *arg) {
    uint64_t span = (1 + task_draw(40000)) * MS >> task_draw(8);

    (void)arg;
    trace("nothing gets through for %llu ms", (unsigned long long)(span / MS));
    world.tally->breaks++;
    socket_partition(task_clock() + span);
    if (task_clock() + span > world.last_fault)
        world.last_fault = task_clock() + span;
}

static void plan_network(void) {
    unsigned count = (unsigned)task_draw(4);

    socket_pace((1 + task_draw(50)) * MS >> task_draw(6));
    for (unsigned i = 0; i < count; i++) {
        uint64_t when = (1 + task_draw(FAULTS_S * 1000)) * MS >> task_draw(10);
        task_at(when, task_chance(3) ? part : cut_connection, NULL);
        if (when > world.last_fault)
            world.last_fault = when;
    }
}

/* ---- a seed ---- */

static void set_up_both(uint64_t seed) {
    task_begin(seed);
    memory_lasting_end();
    handle_forget_locks();
    weaken_begin();
    sqlite3_randomness(0, NULL);
    memset(&world.order, 0, sizeof world.order);
    world.client = NULL;
    world.last_fault = 0;
    world.list[0] = sender();
    world.list[1] = receiver();
    socket_network(world.list, 2, MS);
    set_up(sender(), "sender", 0x0a000001);
    set_up(receiver(), "receiver", 0x0a000002);
}

/* So that the clock does not leap over the time. */
static void stop_here(void *arg) {
    (void)arg;
}

/* Both nodes are up, and nothing goes wrong. */
static void run_quietly(uint64_t seed) {
    set_up_both(seed);
    for (int i = 0; i < 2; i++) {
        world.machines[i].up = true;
        process_daemon(&world.machines[i]);
    }
    task_at(SECOND, stop_here, NULL);
    while (task_clock() < SECOND && task_step())
        continue;
}

void world_prepare(void) {
    run_quietly(0);
    for (int i = 0; i < 2; i++)
        world.states[i] = image_take(tree_find(disk_root(world.machines[i].disk), "state"));
}

static void make_nodes(uint64_t number, bool anew) {
    if (!anew && world.made == number && region_back())
        return;
    run_quietly(~number);
    world.made = number;
    region_keep();
}

/* Most nodes are not new. */
static void age(int which) {
    struct disk *disk = world.machines[which].disk;
    struct inode *state = NULL;

    if (task_chance(16))
        return;
    state = tree_make(disk, "state");
    disk_set_mode(state, 0700);
    image_put(world.states[which], state);
}

/* Nodes start, or run already. */
static void begin(uint64_t seed) {
    task_seed(seed);
    if (task_chance(4)) {
        set_up_both(seed);
        age(0);
        age(1);
    }
    sources_make(sender()->disk, receiver()->disk, &world.order);
    world.order.peer = PORT_TEXT;
    for (size_t i = 0; i < sizeof world.order.id; i++)
        world.order.id[i] = (unsigned char)task_draw(256);
    disk_sync_all(sender()->disk);
    disk_sync_all(receiver()->disk);
    watch_begin(sender(), receiver());
    plan_network();
    world.crashes = (unsigned)task_draw(6);
    task_watch_calls(on_call);
}

static void start(void) {
    for (int i = 0; i < 2; i++) {
        boot(&world.machines[i]);
        if (world.machines[i].fatal == 0)
            plan_crash(&world.machines[i]);
    }
    if (world.client == NULL)
        world.client = client_start(sender(), &world.order);
}

/* Whether nothing more is to come. */
static bool is_over(uint64_t steps) {
    if (watch_failure() != NULL)
        return true;
    if (steps > STEPS_MAX) {
        watch_fail("it goes on and on");
        return true;
    }
    if (task_clock() > world.last_fault + FINISH_S * SECOND)
        return true;
    return world.client != NULL && world.client->ended && world.client->signal == 0 &&
           watch_is_tidy();
}

const char *world_run(uint64_t seed, bool anew, struct world_tally *tally) {
    uint64_t steps = 0;

    make_nodes(seed / TOGETHER, anew);
    world.tally = tally;
    begin(seed);
    start();
    while (!is_over(steps) && task_step())
        steps++;
    task_watch_calls(NULL);
    if (watch_failure() == NULL)
        watch_end();
    tally->steps += steps;
    tally->virtual_ns += task_clock();
    return watch_failure();
}
