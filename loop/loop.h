// SPDX-License-Identifier: MIT
// The event loop: the only folder with file descriptors, clocks and system
// calls. It calls nobody: what has happened comes out of loop_next(), one
// event at a time, and core decides what it means.
//
//   loop.c            turns: wait, then give events; posted tasks
//   loop_backend.h    the table of a back end
//   loop_port.{c,h}   the table of a clock and sockets; the system's
//   loop_epoll.c, loop_kqueue.c, loop_poll.c
//   loop_timer.{c,h}  timer wheel; arming and disarming cost the same for any
//                     number of timers
//   loop_clock.{c,h}  monotonic microseconds
//   loop_socket.{c,h} addresses, listening, connecting, reading, writing
//   loop_lookup.{c,h} names -> addresses, in one helper thread
//
// A loop and all that lives on it belong to one thread; only loop_post may be
// called from others, and from signal handlers.

#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/list.h"
#include "grpc.h"
#include "loop/loop_backend.h"
#include "loop/loop_port.h"
#include "loop/loop_timer.h"

// What to watch for, and what was found. LOOP_FAILED (error or hang-up) is
// always watched.
enum {
    LOOP_READABLE = 1,
    LOOP_WRITABLE = 2,
    LOOP_FAILED = 4,
};

// A watched descriptor, embedded in the object that owns it. Zero: unwatched.
// kind is the owner's word for what it is embedded in; the loop never reads it.
// A descriptor has one source at a time.
struct loop_source {
    int fd;
    int slot; // the back end's; 0 when unwatched
    uint8_t kind;
    uint8_t watched; // LOOP_READABLE | LOOP_WRITABLE; written by the loop
    uint8_t pending; // loop.c's: its entry of this turn, from 1; 0: none
};

enum loop_event_type {
    LOOP_EVENT_NONE,
    LOOP_EVENT_FD,    // source, ready
    LOOP_EVENT_TIMER, // timer; it is no longer armed
    LOOP_EVENT_TASK,  // task
};

// A posted task: two words that the poster chose. run is a function of the
// poster's, which core calls with argument.
struct loop_task {
    void (*run)(void *argument);
    void *argument;
};

struct loop_event {
    enum loop_event_type type;
    unsigned ready; // FD: LOOP_READABLE | LOOP_WRITABLE | LOOP_FAILED
    struct loop_source *source;
    struct loop_timer *timer;
    struct loop_task task;
};

struct loop {
    const grpc_allocator *allocator; // borrowed
    const struct loop_port *port;    // borrowed
    const struct loop_backend *backend;
    void *backend_state;
    struct loop_wheel wheel;
    uint64_t now_us; // monotonic; refreshed by every loop_wait
    uint64_t now_ms; // of the same moment, rounded down
    int post_read;   // the pipe of posted tasks
    int post_write;
    int error; // errno of the last failed call
    struct loop_source post_source;
    // The rest is loop.c's: the events of this turn.
    unsigned ready_count;
    unsigned ready_next;
    unsigned task_count;
    unsigned task_next;
    bool tasks_ready; // the pipe of posted tasks is to be read
    struct loop_task tasks[16];
    struct loop_ready ready[LOOP_READY_MAX];
};

// loop_init, with a loop that does not move afterwards, opens the back end and
// the pipe. port is borrowed for the life of the loop. backend is "epoll",
// "kqueue", "poll", or NULL for the port's own or the best that the system has. False:
// loop->error has the errno and nothing is held (EINVAL: no such back end).
// loop_fini comes when all sources are unwatched and all timers stopped; tasks
// that still wait are dropped.
INTERNAL MUST_CHECK bool loop_init(struct loop *loop,
                                   const grpc_allocator *allocator,
                                   const struct loop_port *port,
                                   const char *backend);
INTERNAL void loop_fini(struct loop *loop);

// loop_watch watches source->fd for the given events (0: failure alone), or
// changes what is watched. False: loop->error has the errno, and what was
// watched before still is.
INTERNAL MUST_CHECK bool loop_watch(struct loop *loop,
                                    struct loop_source *source,
                                    unsigned events);

// loop_unwatch forgets the source: no event of it will come, not even one that
// was found in this turn. Call it before the descriptor is closed.
INTERNAL void loop_unwatch(struct loop *loop, struct loop_source *source);

// loop_timer_start arms a timer, or moves one that is armed, to the first turn
// at or after due_ms; one that is due already comes in the next turn, not in
// this. UINT64_MAX is never. loop_timer_stop disarms it; a timer not armed
// stays so.
INTERNAL void loop_timer_start(struct loop *loop, struct loop_timer *timer,
                               uint64_t due_ms);
INTERNAL void loop_timer_stop(struct loop *loop, struct loop_timer *timer);

// loop_post makes run(argument) an event of the loop. From any thread and from
// signal handlers: it only writes to a pipe, keeps errno, and cannot block.
// False: the pipe is full (some 4,000 tasks wait).
INTERNAL MUST_CHECK bool loop_post(struct loop *loop, void (*run)(void *),
                                   void *argument);

// loop_fd becomes readable when loop_wait has something to give other than
// timers; -1 where the back end has no descriptor (poll).
INTERNAL int loop_fd(const struct loop *loop);

// loop_timeout_ms: how long one may wait for loop_fd before the next loop_wait
// is due; -1 when no timer is armed; 0 when something is due. It may be less
// than what is left of the first timer: that turn then gives no event.
INTERNAL int loop_timeout_ms(struct loop *loop);

// loop_wait begins a turn: it waits at most timeout_ms (-1: until something
// happens; never longer than the next timer, which may be a second late when
// the time was refreshed more than a second ago) and refreshes the time. An
// interruption by a signal ends the wait early. Descriptors that the turn
// before did not get to are found again; its tasks and timers are kept. False:
// loop->error.
INTERNAL MUST_CHECK bool loop_wait(struct loop *loop, int timeout_ms);

// loop_next gives the next event of this turn; false when there is none. The
// order is descriptors, tasks, timers: what has arrived by now is seen before
// the deadline that would have cut it off. Of tasks, one turn gives one batch.
INTERNAL bool loop_next(struct loop *loop, struct loop_event *event);

// loop_clock is the port's time in microseconds, read anew.
static inline uint64_t loop_clock(const struct loop *loop)
{
    return loop->port->now_us(loop->port->user);
}

// loop_refresh has the loop's time be the clock's.
static inline void loop_refresh(struct loop *loop)
{
    loop->now_us = loop_clock(loop);
    loop->now_ms = loop->now_us / 1000;
}

#endif
