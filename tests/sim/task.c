#include "tests/sim/task.h"

#include "tests/sim/fiber.h"
#include "tests/sim/handle.h"
#include "tests/sim/heap.h"
#include "tests/sim/memory.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define STEP_NS 20000u /* at most between two steps */
#define GIVE_WAY 4u    /* of so many calls one lets others have their turn */

const char task_anything;

enum task_state { READY, WAITING, OVER };

struct task {
    struct task *next;
    struct process *process;
    struct fiber *fiber;
    enum task_state state;
    const void *key;
    uint64_t deadline;
    bool late; /* the deadline came first */
    task_entry *entry;
    void *arg;
    void *result;
};

struct event {
    uint64_t due;
    uint64_t order; /* of equals, the first to be asked for */
    task_fire *fire;
    void *arg;
};

static struct {
    uint64_t random;
    uint64_t clock;
    uint64_t order;
    int pids;
    struct task *now;
    struct task *tasks;
    struct task **last;
    struct process *processes;
    struct event *events; /* a heap */
    size_t event_count;
    size_t event_room;
    void (*called)(struct process *process, const char *name);
} all = {.last = &all.tasks};

/* splitmix64 */
static uint64_t draw(void) {
    uint64_t z = (all.random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t task_draw(uint64_t bound) {
    return bound < 2 ? 0 : draw() % bound;
}

bool task_chance(unsigned n) {
    return task_draw(n) == 0;
}

uint64_t task_clock(void) {
    return all.clock;
}

/* ---- events ---- */

static bool is_before(const struct event *a, const struct event *b) {
    return a->due < b->due || (a->due == b->due && a->order < b->order);
}

static void swap(size_t a, size_t b) {
    struct event kept = all.events[a];
    all.events[a] = all.events[b];
    all.events[b] = kept;
}

void task_at(uint64_t due, task_fire *fire, void *arg) {
    size_t at = all.event_count;

    if (due == TASK_NEVER)
        return;
    if (all.event_count == all.event_room) {
        all.event_room = all.event_room == 0 ? 64 : 2 * all.event_room;
        all.events = memory_grow(all.events, all.event_room * sizeof *all.events);
    }
    all.events[all.event_count++] = (struct event){due, all.order++, fire, arg};
    for (; at > 0 && is_before(&all.events[at], &all.events[(at - 1) / 2]); at = (at - 1) / 2)
        swap(at, (at - 1) / 2);
}

static struct event take_event(void) {
    struct event first = all.events[0];
    size_t at = 0;

    all.events[0] = all.events[--all.event_count];
    for (size_t child = 1; child < all.event_count; child = 2 * at + 1) {
        if (child + 1 < all.event_count && is_before(&all.events[child + 1], &all.events[child]))
            child++;
        if (!is_before(&all.events[child], &all.events[at]))
            break;
        swap(at, child);
        at = child;
    }
    return first;
}

static void fire_due(void) {
    while (all.event_count > 0 && all.events[0].due <= all.clock) {
        struct event event = take_event();
        event.fire(event.arg);
    }
}

/* ---- processes ---- */

struct process *process_now(void) {
    return all.now == NULL ? NULL : all.now->process;
}

struct process *process_first(void) {
    return all.processes;
}

static void drop_tasks(struct process *process) {
    for (struct task *task = all.tasks; task != NULL; task = task->next)
        if (task->process == process)
            task->state = OVER;
}

/* What the system does when a process ends, by itself or not. */
static void end_process(struct process *process, int status, int signal) {
    if (process->ended)
        return;
    process->ended = true;
    process->status = status;
    process->signal = signal;
    drop_tasks(process);
    for (struct process *at = all.processes; at != NULL; at = at->next) {
        if (at->parent != process)
            continue;
        at->parent = NULL;
        end_process(at, 0, SIGKILL); /* as each of them asks for */
    }
    handle_close_all(process);
    task_wake(TASK_ANYTHING);
}

void process_kill(struct process *process, int signal) {
    end_process(process, 0, signal);
    if (process == process_now())
        fiber_leave();
}

static struct task *add_task(struct process *process, task_entry *entry, void *arg) {
    struct task *task = memory_grow(NULL, sizeof *task);

    *task = (struct task){.process = process, .entry = entry, .arg = arg};
    *all.last = task;
    all.last = &task->next;
    return task;
}

struct process *process_start(struct machine *machine, struct process *parent, const char *role,
                              task_entry *entry, void *arg) {
    struct process *process = memory_grow(NULL, sizeof *process);

    memset(process, 0, sizeof *process);
    process->machine = machine;
    process->parent = parent;
    process->role = role;
    process->pid = ++all.pids;
    process->main = add_task(process, entry, arg);
    process->next = all.processes;
    all.processes = process;
    return process;
}

/* Runs in the fiber. */
static void run_task(void *arg) {
    struct task *task = arg;

    task->result = task->entry(task->arg);
    task->state = OVER;
    task_wake(task);
    if (task == task->process->main)
        end_process(task->process, (int)(intptr_t)task->result, 0);
}

struct task *task_start(task_entry *entry, void *arg) {
    return add_task(process_now(), entry, arg);
}

void *task_join(struct task *task) {
    while (task->state != OVER)
        task_wait(task, TASK_NEVER);
    return task->result;
}

/* ---- waiting and running ---- */

/* Each thread has an errno of its own. */
static void rest(void) {
    int kept = errno;

    fiber_leave();
    errno = kept;
}

bool task_wait(const void *key, uint64_t deadline) {
    struct task *task = all.now;

    task->state = WAITING;
    task->key = key;
    task->deadline = deadline;
    task->late = false;
    rest();
    return !task->late;
}

void task_wake(const void *key) {
    for (struct task *task = all.tasks; task != NULL; task = task->next)
        if (task->state == WAITING && task->key == key)
            task->state = READY;
}

void task_watch_calls(void (*called)(struct process *process, const char *name)) {
    all.called = called;
}

void task_call(const char *name) {
    struct task *task = all.now;
    struct process *process = task->process;

    if (all.called != NULL)
        all.called(process, name);
    if (process->ended)
        rest(); /* for ever */
    if (!(process->whole && task == process->main) && task_chance(GIVE_WAY))
        rest();
}

/* Fibers and memory of what is over go only while none of it runs. */
static void sweep(void) {
    struct task **at = &all.tasks;

    while (*at != NULL) {
        struct task *task = *at;
        if (task->state != OVER || task->fiber == NULL) {
            at = &task->next;
            continue;
        }
        fiber_free(task->fiber);
        task->fiber = NULL;
        at = &task->next;
    }
    for (struct process *process = all.processes; process != NULL; process = process->next)
        if (process->ended && process->heap != NULL) {
            heap_end(process->heap);
            process->heap = NULL;
        }
}

static struct task *choose(uint64_t *next) {
    struct task *chosen = NULL;
    uint64_t count = 0;

    *next = all.event_count > 0 ? all.events[0].due : TASK_NEVER;
    for (struct task *task = all.tasks; task != NULL; task = task->next) {
        if (task->state == WAITING && task->deadline <= all.clock) {
            task->state = READY;
            task->late = true;
        }
        if (task->state == READY && task_draw(++count) == 0)
            chosen = task;
        else if (task->state == WAITING && task->deadline < *next)
            *next = task->deadline;
    }
    return chosen;
}

static void run(struct task *task) {
    if (task->fiber == NULL)
        task->fiber = fiber_new(run_task, task);
    all.now = task;
    fiber_enter(task->fiber);
    all.now = NULL;
}

bool task_step(void) {
    uint64_t next = 0;
    struct task *task = NULL;

    fire_due();
    sweep();
    task = choose(&next);
    if (task != NULL) {
        run(task);
        all.clock += 1 + task_draw(STEP_NS);
        return true;
    }
    if (next == TASK_NEVER)
        return false;
    if (next > all.clock)
        all.clock = next;
    return true;
}

void task_seed(uint64_t seed) {
    all.random = seed * 0xd1342543de82ef95u + 1;
}

void task_begin(uint64_t seed) {
    task_end();
    task_seed(seed);
    all.clock = all.order = 0;
    all.pids = 100;
}

void task_end(void) {
    for (struct process *at = all.processes; at != NULL; at = at->next)
        end_process(at, 0, SIGKILL);
    sweep();
    while (all.tasks != NULL) {
        struct task *task = all.tasks;
        all.tasks = task->next;
        memory_release(task);
    }
    while (all.processes != NULL) {
        struct process *process = all.processes;
        all.processes = process->next;
        memory_release(process);
    }
    all.last = &all.tasks;
    all.event_count = 0;
    all.called = NULL;
}
