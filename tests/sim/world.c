#include "tests/sim/world.h"

#include "tests/sim/crash.h"
#include "tests/sim/handle.h"
#include "tests/sim/image.h"
#include "tests/sim/memory.h"
#include "tests/sim/order.h"
#include "tests/sim/person.h"
#include "tests/sim/process.h"
#include "tests/sim/region.h"
#include "tests/sim/socket.h"
#include "tests/sim/sources.h"
#include "tests/sim/trace.h"
#include "tests/sim/tree.h"
#include "tests/sim/watch.h"
#include "tests/sim/weaken.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define MS 1000000ull
#define SECOND (1000 * MS)
#define FAULTS_S 60u  /* no fault begins later */
#define FINISH_S 600u /* after the last one, everything is done */
#define TIDY_S 7300u  /* and tidied up: a node looks around every hour */
#define STEPS_MAX 3000000u
#define TOGETHER 128u /* seeds go on from the same two nodes */

static struct {
    struct machine machines[2];
    struct machine *list[2];
    struct disk *aside; /* what the seed has to remember */
    uint64_t last_fault;
    struct world_tally *tally;
    struct image *states[2]; /* of nodes that have run before */
    uint64_t made;           /* the number of those that were kept */
} world;

static void not_before(uint64_t when) {
    if (when > world.last_fault)
        world.last_fault = when;
}

/* ---- machines ---- */

static void configure(struct machine *machine) {
    static const char *const names[] = {"rename", "skip", "overwrite"};
    char config[160];

    machine->exists = (enum machine_exists)(task_chance(2) ? task_draw(3) : MACHINE_RENAME);
    snprintf(config, sizeof config,
             "batch = 256K\nlanes = %u\nrecord-layer = libsodium\ncompress = %s\nexists = %s\n",
             1 + (unsigned)task_draw(WATCH_LANES), task_chance(4) ? "auto" : "off",
             names[machine->exists]);
    tree_write(machine->disk, "etc", "fxnode.conf", config);
}

static void set_up(struct machine *machine, const char *name, uint32_t address, const char *port) {
    *machine = (struct machine){.name = name, .address = address, .port = port, .disk = disk_new()};
    tree_make(machine->disk, "home");
    tree_make(machine->disk, "files");
    tree_make(machine->disk, "run");
    tree_write(machine->disk, "usr/bin", "fxnode", "");
    tree_write(machine->disk, "usr/bin", "fxnode-session", "");
    configure(machine);
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
    not_before(task_clock() + span);
}

static void plan_network(void) {
    unsigned count = (unsigned)task_draw(4);

    socket_pace((1 + task_draw(50)) * MS >> task_draw(6));
    for (unsigned i = 0; i < count; i++) {
        uint64_t when = (1 + task_draw(FAULTS_S * 1000)) * MS >> task_draw(10);
        task_at(when, task_chance(3) ? part : cut_connection, NULL);
        not_before(when);
    }
}

/* ---- what people do ---- */

static bool is_over(const struct order *order) {
    return order->delivered || order->cancelled;
}

static bool is_to_be_verified(const struct order *order) {
    return order->delivered && order->verifies && !order->verified;
}

static bool runs(const struct process *process) {
    return process != NULL && !process->ended;
}

/* Commands that should run there do: whoever started one that is gone does so again. */
static void start_commands(struct machine *machine) {
    for (size_t i = 0; i < order_count() && machine->up; i++) {
        struct order *order = &order_list()[i];
        if (order->from == machine && order->begins <= task_clock() && !is_over(order) &&
            !runs(order->client))
            order->client = person_send(order);
        if ((order->verifies_there ? order->to : order->from) == machine &&
            is_to_be_verified(order) && !runs(order->verifier))
            order->verifier = person_verify(order);
    }
}

static void begin_verify(void *arg) {
    const struct order *order = arg;

    start_commands(order->verifies_there ? order->to : order->from);
}

static void begin_order(void *arg) {
    start_commands(((struct order *)arg)->from);
}

static void act(struct order *order, Fxnode__Control__Act__What what) {
    bool at_receiver = task_chance(2);

    if ((at_receiver ? order->to : order->from)->up && !is_over(order))
        person_act(order, at_receiver, what);
}

static void cancel(void *arg) {
    act(arg, FXNODE__CONTROL__ACT__WHAT__CANCEL);
}

static void pause(void *arg) {
    act(arg, FXNODE__CONTROL__ACT__WHAT__PAUSE);
}

static void resume(void *arg) {
    for (int i = 0; i < 2; i++)
        if (!is_over(arg))
            person_act(arg, i == 1, FXNODE__CONTROL__ACT__WHAT__RESUME);
}

static uint64_t soon(uint64_t after) {
    return after + ((1 + task_draw(4000)) * MS >> task_draw(10));
}

static void meddle(void *arg) {
    struct order *order = arg;

    if (order->from->up)
        sources_meddle(order, world.aside);
}

/* Before the sender has heard of it, or just then. */
static void meddle_at_once(void *arg) {
    task_at(task_clock() + (task_draw(32 * MS) >> task_draw(6)), meddle, arg);
}

/* Meanwhile, or about when what was sent is removed, which is to leave what has changed. */
static void plan_meddling(struct order *order) {
    order->meddles = task_chance(order->moves ? 2 : 6);
    if (order->meddles && order->moves && task_chance(2))
        order->when_placed = meddle_at_once;
    else if (order->meddles)
        task_at(soon(order->begins), meddle, order);
}

/* Once nothing else goes wrong, what is paused goes on. */
static void plan_pause(struct order *order) {
    uint64_t end = (FAULTS_S + 60) * SECOND;

    task_at(soon(order->begins), pause, order);
    task_at(soon(order->begins) + SECOND, resume, order);
    task_at(end, resume, order);
    not_before(end);
}

static void plan_order(unsigned index) {
    struct order *order = order_add();
    unsigned from = (unsigned)task_draw(2);

    order->from = world.list[from];
    order->to = world.list[1 - from];
    order->moves = task_chance(3);
    order->disk_moves = disk_moves(order->from->disk);
    for (size_t i = 0; i < sizeof order->id; i++)
        order->id[i] = (unsigned char)task_draw(256);
    order->begins = index == 0 ? task_clock() : soon(task_clock());
    sources_make(order, index, world.aside);
    plan_meddling(order);
    order->cancels = task_chance(8);
    if (order->cancels)
        task_at(soon(order->begins), cancel, order);
    else if (task_chance(8))
        plan_pause(order);
    order->verifies = task_chance(4);
    order->verifies_there = task_chance(2);
    order->when_delivered = begin_verify;
    task_at(order->begins, begin_order, order);
}

/* ---- a seed ---- */

static void set_up_both(uint64_t seed) {
    task_begin(seed);
    memory_lasting_end();
    handle_forget_locks();
    weaken_begin();
    order_begin();
    sqlite3_randomness(0, NULL);
    world.last_fault = 0;
    for (int i = 0; i < 2; i++)
        world.list[i] = &world.machines[i];
    socket_network(world.list, 2, MS);
    set_up(world.list[0], "north", 0x0a000001, "10.0.0.1:42420");
    set_up(world.list[1], "south", 0x0a000002, "10.0.0.2:42420");
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

static void plan_orders(void) {
    unsigned count = 1 + (unsigned)task_draw(1 + task_draw(ORDERS));

    world.aside = disk_new();
    for (unsigned i = 0; i < count; i++)
        plan_order(i);
    for (int i = 0; i < 2; i++) {
        struct inode *root = disk_root(world.machines[i].disk);
        world.machines[i].before = tree_make(world.aside, i == 0 ? "north" : "south");
        tree_copy_all(tree_find(root, "files"), world.machines[i].before);
        disk_sync_all(world.machines[i].disk);
    }
}

/* Nodes start, or run already. */
static void begin(uint64_t seed) {
    task_seed(seed);
    if (task_chance(4)) {
        set_up_both(seed);
        age(0);
        age(1);
    }
    plan_orders();
    watch_begin(world.list);
    plan_network();
    crash_begin(&(struct crash_world){.machines = world.machines,
                                      .tally = world.tally,
                                      .left = (unsigned)task_draw(6),
                                      .until = FAULTS_S * SECOND,
                                      .started = start_commands,
                                      .over = not_before});
    for (int i = 0; i < 2; i++)
        crash_start(&world.machines[i]);
}

static bool all_over(void) {
    for (size_t i = 0; i < order_count(); i++)
        if (!is_over(&order_list()[i]) || is_to_be_verified(&order_list()[i]))
            return false;
    return true;
}

/* Whether nothing more is to come. */
static bool has_ended(uint64_t steps) {
    if (watch_failure() != NULL)
        return true;
    if (steps > STEPS_MAX) {
        watch_fail("it goes on and on");
        return true;
    }
    if (all_over())
        return watch_is_tidy() || task_clock() > world.last_fault + TIDY_S * SECOND;
    return task_clock() > world.last_fault + FINISH_S * SECOND;
}

const char *world_run(uint64_t seed, bool anew, struct world_tally *tally) {
    uint64_t steps = 0;

    make_nodes(seed / TOGETHER, anew);
    world.tally = tally;
    begin(seed);
    while (!has_ended(steps) && task_step())
        steps++;
    task_watch_calls(NULL);
    if (watch_failure() == NULL)
        watch_end();
    tally->steps += steps;
    tally->transfers += order_count();
    tally->virtual_ns += task_clock();
    return watch_failure();
}
