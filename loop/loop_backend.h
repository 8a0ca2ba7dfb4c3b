// SPDX-License-Identifier: MIT
// What a back end is: the one table behind which epoll, poll and whatever else
// a system offers for waiting on descriptors look alike.
//
// A back end knows sources and descriptors, no time beyond one timeout, and no
// turns: which events are still good is loop.c's to know. It may report a
// source more than once in one wait (kqueue has a filter for each direction);
// loop.c joins them.

#ifndef LOOP_BACKEND_H
#define LOOP_BACKEND_H

#include <stddef.h>

#include "base/linkage.h"
#include "grpc.h"

struct loop_source;

enum { LOOP_READY_MAX = 64 }; // entries of one wait

struct loop_ready {
    struct loop_source *source;
    unsigned events; // LOOP_READABLE | LOOP_WRITABLE | LOOP_FAILED
};

// The functions that can fail return 0 or an errno.
struct loop_backend {
    const char *name;

    // open makes a state with this allocator, which it borrows.
    int (*open)(const grpc_allocator *allocator, void **out_state);

    void (*close)(void *state);

    // watch adds a source whose slot is 0 and sets its slot, or changes one.
    // On an error what was watched before still is.
    int (*watch)(void *state, struct loop_source *source, unsigned events);

    // unwatch takes a source out and sets its slot to 0. No later wait
    // reports it.
    void (*unwatch)(void *state, struct loop_source *source);

    // wait fills ready, which has LOOP_READY_MAX entries. *out_count is 0 on
    // an error; EINTR says that a signal came. Readiness is by level: what
    // found no room is reported by one of the next waits.
    int (*wait)(void *state, int timeout_ms, struct loop_ready *ready,
                unsigned *out_count);

    // fd is readable when wait has something to report; -1: there is none.
    int (*fd)(const void *state);
};

// Who tests a back end that the system does not have defines LOOP_HAS_KQUEUE.
#if !defined(LOOP_HAS_KQUEUE)
# if defined(__APPLE__) || defined(__DragonFly__) || defined(__FreeBSD__) || \
     defined(__NetBSD__) || defined(__OpenBSD__)
#  define LOOP_HAS_KQUEUE
# endif
#endif

// The tables are asked for by functions: an object that is declared static in
// one place cannot be defined without the word in another; a function can.
#if defined(LOOP_HAS_KQUEUE)
INTERNAL const struct loop_backend *loop_kqueue_backend(void);
#endif
#if defined(__linux__)
INTERNAL const struct loop_backend *loop_epoll_backend(void);
#endif
INTERNAL const struct loop_backend *loop_poll_backend(void);

#endif
