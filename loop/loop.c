// SPDX-License-Identifier: MIT
// One turn:
//
//   loop_wait:  forget the turn before -> wait -> read the clock -> move due
//               timers to the due list
//   loop_next:  ready descriptors -> one batch of posted tasks -> due timers
//
// Invariants:
//   1. A source has pending = i + 1 exactly while ready[i].source is that
//      source and i >= ready_next. So unwatching finds its event at once, and
//      a descriptor number that is used again has nothing of its predecessor.
//   2. Whatever is armed or posted by the one who handles an event comes in a
//      later turn: no turn is endless.
//   3. A task that was read from the pipe is given, in a later turn if need
//      be; nothing else outlives a turn.

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include "loop/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"

enum { LOOP_LULL_MS = 1000 }; // longer than a turn should be

_Static_assert(LOOP_READY_MAX < UINT8_MAX, "loop_source.pending holds it");

// POSIX lets no write of up to so many bytes mix with another.
_Static_assert(sizeof(struct loop_task) <= _POSIX_PIPE_BUF,
               "a task is written whole or not at all");

static const struct loop_backend *loop_find_backend(const char *name)
{
    const struct loop_backend *const backends[] = {
#if defined(LOOP_HAS_KQUEUE)
        loop_kqueue_backend(),
#endif
#if defined(__linux__)
        loop_epoll_backend(),
#endif
        loop_poll_backend(),
    };
    for (size_t i = 0; i < sizeof backends / sizeof backends[0]; i++) {
        if (name == NULL || strcmp(name, backends[i]->name) == 0) {
            return backends[i];
        }
    }
    return NULL;
}

static int loop_open_pipe(int fds[2])
{
#if defined(__linux__)
    return pipe2(fds, O_NONBLOCK | O_CLOEXEC) == 0 ? 0 : errno;
#else
    if (pipe(fds) != 0) {
        return errno;
    }
    for (int i = 0; i < 2; i++) {
        if (fcntl(fds[i], F_SETFD, FD_CLOEXEC) == -1 ||
            fcntl(fds[i], F_SETFL, O_NONBLOCK) == -1) {
            int error = errno;
            (void)close(fds[0]);
            (void)close(fds[1]);
            return error;
        }
    }
    return 0;
#endif
}

static int loop_open_post(struct loop *loop)
{
    int fds[2];
    int error = loop_open_pipe(fds);
    if (error != 0) {
        return error;
    }
    loop->post_read = fds[0];
    loop->post_write = fds[1];
    loop->post_source.fd = fds[0];
    if (!loop_watch(loop, &loop->post_source, LOOP_READABLE)) {
        (void)close(fds[0]);
        (void)close(fds[1]);
        return loop->error;
    }
    return 0;
}

bool loop_init(struct loop *loop, const grpc_allocator *allocator,
               const struct loop_port *port, const char *backend)
{
    memset(loop, 0, sizeof *loop);
    loop->allocator = allocator;
    loop->port = port;
    loop->backend = backend == NULL && port->backend != NULL
                        ? port->backend
                        : loop_find_backend(backend);
    if (loop->backend == NULL) {
        loop->error = EINVAL;
        return false;
    }
    loop->error = loop->backend->open(allocator, &loop->backend_state);
    if (loop->error != 0) {
        return false;
    }
    loop->error = loop_open_post(loop);
    if (loop->error != 0) {
        loop->backend->close(loop->backend_state);
        return false;
    }
    loop_refresh(loop);
    loop_wheel_init(&loop->wheel, loop->now_ms);
    return true;
}

void loop_fini(struct loop *loop)
{
    loop_unwatch(loop, &loop->post_source);
    (void)close(loop->post_read);
    (void)close(loop->post_write);
    loop->backend->close(loop->backend_state);
    loop->backend = NULL;
    loop->backend_state = NULL;
}

bool loop_watch(struct loop *loop, struct loop_source *source, unsigned events)
{
    ASSERT((events & ~(unsigned)(LOOP_READABLE | LOOP_WRITABLE)) == 0);
    if (source->slot != 0 && source->watched == events) {
        return true;
    }
    int error = loop->backend->watch(loop->backend_state, source, events);
    if (error != 0) {
        loop->error = error;
        return false;
    }
    ASSERT(source->slot != 0);
    source->watched = (uint8_t)events;
    return true;
}

void loop_unwatch(struct loop *loop, struct loop_source *source)
{
    if (source->slot == 0) {
        return;
    }
    loop->backend->unwatch(loop->backend_state, source);
    ASSERT(source->slot == 0);
    if (source->pending != 0) {
        loop->ready[source->pending - 1].source = NULL;
        source->pending = 0;
    }
    source->watched = 0;
}

void loop_timer_start(struct loop *loop, struct loop_timer *timer,
                      uint64_t due_ms)
{
    loop_wheel_arm(&loop->wheel, timer, due_ms);
}

void loop_timer_stop(struct loop *loop, struct loop_timer *timer)
{
    loop_wheel_disarm(&loop->wheel, timer);
}

bool loop_post(struct loop *loop, void (*run)(void *), void *argument)
{
    struct loop_task task = {.run = run, .argument = argument};
    int kept = errno;
    ssize_t written;
    do {
        written = write(loop->post_write, &task, sizeof task);
    } while (written < 0 && errno == EINTR);
    errno = kept;
    return written == (ssize_t)sizeof task;
}

int loop_fd(const struct loop *loop)
{
    return loop->backend->fd(loop->backend_state);
}

// loop_time_left: how long from now_ms until the wheel wants the time; -1: for
// ever.
static int loop_time_left(struct loop *loop)
{
    uint64_t next_ms = loop_wheel_next_ms(&loop->wheel);
    if (next_ms == UINT64_MAX) {
        return -1;
    }
    if (next_ms <= loop->now_ms) {
        return 0;
    }
    uint64_t left_ms = next_ms - loop->now_ms;
    return left_ms < INT_MAX ? (int)left_ms : INT_MAX;
}

// loop_first_wait is loop_time_left when the clock was last read before a turn,
// which may have taken long. Only for a timer that is near is it read anew. The
// wait for any other ends after LOOP_LULL_MS, unless something happens sooner,
// and the clock is read then: so a timer is late by LOOP_LULL_MS at most, after a
// turn that took longer than that, and a busy loop reads the clock once a turn.
static int loop_first_wait(struct loop *loop)
{
    int left_ms = loop_time_left(loop);
    if (left_ms > 2 * LOOP_LULL_MS) {
        return LOOP_LULL_MS;
    }
    if (left_ms > 0) {
        loop_refresh(loop);
        left_ms = loop_time_left(loop);
    }
    return left_ms;
}

int loop_timeout_ms(struct loop *loop)
{
    if (loop->task_next < loop->task_count) {
        return 0;
    }
    loop_refresh(loop);
    return loop_time_left(loop);
}

static void loop_forget_turn(struct loop *loop)
{
    for (unsigned i = loop->ready_next; i < loop->ready_count; i++) {
        if (loop->ready[i].source != NULL) {
            loop->ready[i].source->pending = 0;
        }
    }
    loop->ready_next = 0;
    loop->ready_count = 0;
    loop->tasks_ready = false;
}

// loop_collect notes at each source where its event is, and joins the events
// of a source that was reported twice.
static void loop_collect(struct loop *loop)
{
    for (unsigned i = 0; i < loop->ready_count; i++) {
        struct loop_ready *entry = &loop->ready[i];
        struct loop_source *source = entry->source;
        if (source->pending != 0) {
            loop->ready[source->pending - 1].events |= entry->events;
            entry->source = NULL;
        } else {
            source->pending = (uint8_t)(i + 1);
        }
    }
}

// loop_wait_once returns an errno, like the back end.
static int loop_wait_once(struct loop *loop, int timeout_ms)
{
    int error = loop->backend->wait(loop->backend_state, timeout_ms,
                                    loop->ready, &loop->ready_count);
    ASSERT(loop->ready_count <= LOOP_READY_MAX);
    loop_collect(loop);
    loop_refresh(loop);
    loop_wheel_advance(&loop->wheel, loop->now_ms);
    return error;
}

bool loop_wait(struct loop *loop, int timeout_ms)
{
    loop_forget_turn(loop);
    if (loop->task_next < loop->task_count) {
        timeout_ms = 0;
    }
    int left_ms = timeout_ms == 0 ? 0 : loop_first_wait(loop);
    for (;;) {
        bool by_timer =
            left_ms >= 0 && (timeout_ms < 0 || left_ms < timeout_ms);
        int error = loop_wait_once(loop, by_timer ? left_ms : timeout_ms);
        if (error != 0 && error != EINTR) {
            loop->error = error;
            return false;
        }
        if (!by_timer || error == EINTR || loop->ready_count > 0 ||
            loop_wheel_has_due(&loop->wheel)) {
            return true;
        }
        // It was the first wait, or the wheel has opened a slot, and nothing
        // in it was due yet.
        timeout_ms -= timeout_ms > 0 ? left_ms : 0;
        left_ms = loop_time_left(loop);
    }
}

static bool loop_next_ready(struct loop *loop, struct loop_event *event)
{
    while (loop->ready_next < loop->ready_count) {
        const struct loop_ready *entry = &loop->ready[loop->ready_next++];
        struct loop_source *source = entry->source;
        if (source == NULL) {
            continue;
        }
        source->pending = 0;
        // What is watched may have changed since the wait.
        unsigned ready = entry->events & (source->watched | LOOP_FAILED);
        if (ready == 0) {
            continue;
        }
        if (source == &loop->post_source) {
            loop->tasks_ready = true;
            continue;
        }
        *event = (struct loop_event){
            .type = LOOP_EVENT_FD,
            .ready = ready,
            .source = source,
        };
        return true;
    }
    return false;
}

static void loop_read_tasks(struct loop *loop)
{
    loop->task_next = 0;
    loop->task_count = 0;
    ssize_t size;
    do {
        size = read(loop->post_read, loop->tasks, sizeof loop->tasks);
    } while (size < 0 && errno == EINTR);
    if (size > 0) {
        loop->task_count = (unsigned)size / sizeof(struct loop_task);
        ASSERT((size_t)size % sizeof(struct loop_task) == 0);
    }
}

static bool loop_next_task(struct loop *loop, struct loop_event *event)
{
    if (loop->task_next == loop->task_count && loop->tasks_ready) {
        loop->tasks_ready = false;
        loop_read_tasks(loop);
    }
    if (loop->task_next == loop->task_count) {
        return false;
    }
    *event = (struct loop_event){
        .type = LOOP_EVENT_TASK,
        .task = loop->tasks[loop->task_next++],
    };
    return true;
}

static bool loop_next_timer(struct loop *loop, struct loop_event *event)
{
    struct loop_timer *timer = loop_wheel_take(&loop->wheel);
    if (timer == NULL) {
        return false;
    }
    *event = (struct loop_event){.type = LOOP_EVENT_TIMER, .timer = timer};
    return true;
}

bool loop_next(struct loop *loop, struct loop_event *event)
{
    if (loop_next_ready(loop, event) || loop_next_task(loop, event) ||
        loop_next_timer(loop, event)) {
        return true;
    }
    *event = (struct loop_event){.type = LOOP_EVENT_NONE};
    return false;
}
