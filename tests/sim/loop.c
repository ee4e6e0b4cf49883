/* What the node asks of libuv, for simulated processes: the same functions, which the program of
 * the simulation is linked with instead. Each behaves as libuv's documentation says. */
#include "tests/sim/handle.h"
#include "tests/sim/machine.h"
#include "tests/sim/memory.h"
#include "tests/sim/process.h"
#include "tests/sim/socket.h"
#include "tests/sim/trace.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <uv.h>

#define MS 1000000u /* in ns */

enum { ACTIVE = 1, CLOSING = 2, UNREF = 4 }; /* in uv_handle_t.flags */

/* One in a process. */
struct loop {
    uv_handle_t **handles;
    size_t count;
    size_t room;
};

static struct loop *mine(void) {
    return process_now()->loop;
}

static void init(uv_loop_t *loop, uv_handle_t *handle, uv_handle_type type) {
    struct loop *own = mine();

    handle->loop = loop;
    handle->type = type;
    handle->flags = 0;
    if (own->count == own->room) {
        size_t room = own->room == 0 ? 32 : 2 * own->room;
        uv_handle_t **grown = memory_lasting(room * sizeof *grown);
        if (own->count > 0)
            memcpy(grown, own->handles, own->count * sizeof *own->handles);
        own->handles = grown;
        own->room = room;
    }
    own->handles[own->count++] = handle;
}

static bool is_active(const uv_handle_t *handle) {
    return (handle->flags & (ACTIVE | CLOSING)) == ACTIVE;
}

int uv_loop_init(uv_loop_t *loop) {
    memset(loop, 0, sizeof *loop);
    process_now()->loop = memory_lasting(sizeof(struct loop));
    return 0;
}

int uv_loop_configure(uv_loop_t *loop, uv_loop_option option, ...) {
    (void)loop;
    (void)option;
    return 0;
}

uint64_t uv_metrics_idle_time(uv_loop_t *loop) {
    (void)loop;
    return 0;
}

uint64_t uv_hrtime(void) {
    return 0;
}

uint64_t uv_now(const uv_loop_t *loop) {
    (void)loop;
    return task_clock() / MS;
}

void uv_close(uv_handle_t *handle, uv_close_cb closed) {
    handle->flags |= CLOSING;
    handle->close_cb = closed;
}

int uv_is_active(const uv_handle_t *handle) {
    return is_active(handle);
}

void uv_unref(uv_handle_t *handle) {
    handle->flags |= UNREF;
}

uv_handle_type uv_handle_get_type(const uv_handle_t *handle) {
    return handle->type;
}

void uv_walk(uv_loop_t *loop, uv_walk_cb visit, void *arg) {
    struct loop *own = mine();

    (void)loop;
    for (size_t i = 0; i < own->count; i++)
        visit(own->handles[i], arg);
}

int uv_prepare_init(uv_loop_t *loop, uv_prepare_t *prepare) {
    init(loop, (uv_handle_t *)prepare, UV_PREPARE);
    return 0;
}

/* It only measures the machine that the program runs on. */
int uv_prepare_start(uv_prepare_t *prepare, uv_prepare_cb called) {
    (void)prepare;
    (void)called;
    return 0;
}

int uv_signal_init(uv_loop_t *loop, uv_signal_t *handle) {
    init(loop, (uv_handle_t *)handle, UV_SIGNAL);
    return 0;
}

/* None comes but those that kill. */
int uv_signal_start(uv_signal_t *handle, uv_signal_cb called, int number) {
    handle->signal_cb = called;
    handle->signum = number;
    handle->flags |= ACTIVE;
    return 0;
}

int uv_signal_stop(uv_signal_t *handle) {
    handle->flags &= ~(unsigned)ACTIVE;
    return 0;
}

/* ---- timers ---- */

int uv_timer_init(uv_loop_t *loop, uv_timer_t *timer) {
    init(loop, (uv_handle_t *)timer, UV_TIMER);
    return 0;
}

int uv_timer_start(uv_timer_t *timer, uv_timer_cb called, uint64_t timeout, uint64_t repeat) {
    if ((timer->flags & CLOSING) != 0)
        return UV_EINVAL;
    timer->timer_cb = called;
    timer->timeout = uv_now(timer->loop) + timeout;
    timer->repeat = repeat;
    timer->flags |= ACTIVE;
    return 0;
}

int uv_timer_stop(uv_timer_t *timer) {
    timer->flags &= ~(unsigned)ACTIVE;
    return 0;
}

uint64_t uv_timer_get_due_in(const uv_timer_t *timer) {
    uint64_t now = uv_now(timer->loop);
    return timer->timeout > now ? timer->timeout - now : 0;
}

static void run_timer(uv_timer_t *timer) {
    if (timer->timeout > uv_now(timer->loop))
        return;
    timer->flags &= ~(unsigned)ACTIVE;
    if (timer->repeat > 0)
        uv_timer_start(timer, timer->timer_cb, timer->repeat, timer->repeat);
    timer->timer_cb(timer);
}

/* ---- descriptors ---- */

int uv_poll_init(uv_loop_t *loop, uv_poll_t *poll, int fd) {
    init(loop, (uv_handle_t *)poll, UV_POLL);
    poll->io_watcher.fd = fd;
    /* as libuv does */
    process_now()->handles[fd]->flags |= 04000; /* O_NONBLOCK */
    return 0;
}

int uv_poll_start(uv_poll_t *poll, int events, uv_poll_cb called) {
    poll->poll_cb = called;
    poll->io_watcher.pevents = (unsigned)events;
    poll->flags |= ACTIVE;
    return 0;
}

int uv_poll_stop(uv_poll_t *poll) {
    poll->flags &= ~(unsigned)ACTIVE;
    return 0;
}

static int find_ready(const uv_poll_t *poll) {
    struct handle *handle = process_now()->handles[poll->io_watcher.fd];
    int ready = handle != NULL && handle->kind == HANDLE_SOCKET ? socket_ready(handle->socket) : 0;
    int events = 0;

    if ((ready & (POLLIN | POLLHUP | POLLERR)) != 0)
        events |= UV_READABLE;
    if ((ready & (POLLOUT | POLLHUP | POLLERR)) != 0)
        events |= UV_WRITABLE;
    return events & (int)poll->io_watcher.pevents;
}

static void run_poll(uv_poll_t *poll) {
    int events = find_ready(poll);

    if (events != 0)
        poll->poll_cb(poll, 0, events);
}

/* ---- threads and processes ---- */

int uv_async_init(uv_loop_t *loop, uv_async_t *async, uv_async_cb called) {
    init(loop, (uv_handle_t *)async, UV_ASYNC);
    async->async_cb = called;
    async->pending = 0;
    async->flags |= ACTIVE;
    return 0;
}

int uv_async_send(uv_async_t *async) {
    async->pending = 1;
    task_wake(TASK_ANYTHING);
    return 0;
}

static void run_async(uv_async_t *async) {
    if (async->pending == 0)
        return;
    async->pending = 0;
    async->async_cb(async);
}

int uv_spawn(uv_loop_t *loop, uv_process_t *process, const uv_process_options_t *options) {
    struct process *child = NULL;
    int channel = options->stdio_count - 1;

    task_call("spawn");
    init(loop, (uv_handle_t *)process, UV_PROCESS);
    child = process_spawn(options->args[1]);
    child->handles[channel] = process_now()->handles[options->stdio[channel].data.fd];
    handle_use(child->handles[channel]);
    process->pid = child->pid;
    process->exit_cb = options->exit_cb;
    process->u.reserved[0] = child;
    process->flags |= ACTIVE;
    trace("starts %s[%d]", child->role, child->pid);
    return 0;
}

int uv_process_kill(uv_process_t *process, int number) {
    struct process *child = process->u.reserved[0];

    if (child->ended)
        return UV_ESRCH;
    process_kill(child, number);
    return 0;
}

uv_pid_t uv_process_get_pid(const uv_process_t *process) {
    return process->pid;
}

static void run_process(uv_process_t *process) {
    struct process *child = process->u.reserved[0];

    if (!child->ended)
        return;
    process->flags &= ~(unsigned)ACTIVE;
    process->exit_cb(process, child->status, child->signal);
}

/* ---- names of hosts: there are only addresses ---- */

int uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *request, uv_getaddrinfo_cb done,
                   const char *node, const char *service, const struct addrinfo *hints) {
    (void)loop;
    (void)request;
    (void)done;
    (void)node;
    (void)service;
    (void)hints;
    return UV_EAI_NONAME;
}

void uv_freeaddrinfo(struct addrinfo *info) {
    (void)info;
}

int uv_cancel(uv_req_t *request) {
    (void)request;
    return UV_EBUSY;
}

/* ---- running ---- */

static void run_one(uv_handle_t *handle) {
    switch (handle->type) {
    case UV_TIMER:
        run_timer((uv_timer_t *)handle);
        break;
    case UV_POLL:
        run_poll((uv_poll_t *)handle);
        break;
    case UV_ASYNC:
        run_async((uv_async_t *)handle);
        break;
    case UV_PROCESS:
        run_process((uv_process_t *)handle);
        break;
    default:
        break;
    }
}

/* In an order that is drawn: nobody may count on another. */
static void run_all(struct loop *own) {
    size_t count = own->count;
    size_t first = (size_t)task_draw(count);

    for (size_t i = 0; i < count; i++) {
        uv_handle_t *handle = own->handles[(first + i) % count];
        if (is_active(handle))
            run_one(handle);
    }
}

/* Handles go only here, so that no callback finds another one gone. */
static bool close_some(struct loop *own) {
    bool any = false;

    for (size_t i = 0; i < own->count;) {
        uv_handle_t *handle = own->handles[i];
        if ((handle->flags & CLOSING) == 0) {
            i++;
            continue;
        }
        memmove(&own->handles[i], &own->handles[i + 1], (--own->count - i) * sizeof *own->handles);
        any = true;
        if (handle->close_cb != NULL)
            handle->close_cb(handle);
    }
    return any;
}

static bool is_alive(const struct loop *own) {
    for (size_t i = 0; i < own->count; i++)
        if ((own->handles[i]->flags & CLOSING) != 0 ||
            (is_active(own->handles[i]) && (own->handles[i]->flags & UNREF) == 0))
            return true;
    return false;
}

/* Whether something is to be done now; else *next is when. */
static bool has_work(const struct loop *own, uint64_t *next) {
    *next = TASK_NEVER;
    for (size_t i = 0; i < own->count; i++) {
        uv_handle_t *handle = own->handles[i];
        if ((handle->flags & CLOSING) != 0)
            return true;
        if (!is_active(handle))
            continue;
        if (handle->type == UV_TIMER) {
            uint64_t due = ((uv_timer_t *)handle)->timeout * MS;
            if (due <= task_clock())
                return true;
            *next = due < *next ? due : *next;
        }
        if ((handle->type == UV_POLL && find_ready((uv_poll_t *)handle) != 0) ||
            (handle->type == UV_ASYNC && ((uv_async_t *)handle)->pending != 0) ||
            (handle->type == UV_PROCESS &&
             ((struct process *)((uv_process_t *)handle)->u.reserved[0])->ended))
            return true;
    }
    return false;
}

int uv_run(uv_loop_t *loop, uv_run_mode mode) {
    struct loop *own = mine();

    (void)loop;
    (void)mode;
    while (is_alive(own)) {
        uint64_t next = 0;

        task_call("epoll_wait");
        if (has_work(own, &next)) {
            run_all(own);
            close_some(own);
            task_wait(TASK_ANYTHING, task_clock()); /* others get their turn */
        } else {
            task_wait(TASK_ANYTHING, next);
        }
    }
    return 0;
}
