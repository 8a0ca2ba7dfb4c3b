// SPDX-License-Identifier: MIT
// The back end of every POSIX system: one array of descriptors, without holes,
// that poll() reads whole at each wait.
//
// Invariants:
//   1. sources[i]->slot is i + 1, and fds[i] is its descriptor.
//   2. Both arrays have room for capacity entries, of which count are used.

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include "loop/loop.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "base/alloc.h"
#include "base/assert.h"

enum { POLL_BACKEND_FIRST = 16 }; // entries of the first arrays

struct poll_backend {
    const grpc_allocator *allocator;
    struct pollfd *fds;
    struct loop_source **sources;
    size_t count;
    size_t capacity;
    size_t first; // where the next wait begins to look, lest the last starve
};

static int poll_backend_open(const grpc_allocator *allocator, void **out_state)
{
    struct poll_backend *state = alloc_new(allocator, sizeof *state);
    if (state == NULL) {
        return ENOMEM;
    }
    *state = (struct poll_backend){.allocator = allocator};
    *out_state = state;
    return 0;
}

static void poll_backend_close(void *opaque)
{
    struct poll_backend *state = opaque;
    alloc_free(state->allocator, state->fds,
               state->capacity * sizeof *state->fds);
    alloc_free(state->allocator, state->sources,
               state->capacity * sizeof *state->sources);
    alloc_free(state->allocator, state, sizeof *state);
}

// poll_backend_grow makes new arrays rather than resizing two old ones, so
// that a failure of the second leaves nothing half done.
static int poll_backend_grow(struct poll_backend *state)
{
    size_t capacity =
        state->capacity == 0 ? POLL_BACKEND_FIRST : state->capacity * 2;
    if (capacity > INT_MAX / sizeof *state->fds) {
        return ENOMEM;
    }
    struct pollfd *fds =
        alloc_new(state->allocator, capacity * sizeof *state->fds);
    struct loop_source **sources =
        alloc_new(state->allocator, capacity * sizeof *state->sources);
    if (fds == NULL || sources == NULL) {
        alloc_free(state->allocator, fds, capacity * sizeof *state->fds);
        alloc_free(state->allocator, sources,
                   capacity * sizeof *state->sources);
        return ENOMEM;
    }
    for (size_t i = 0; i < state->count; i++) {
        fds[i] = state->fds[i];
        sources[i] = state->sources[i];
    }
    alloc_free(state->allocator, state->fds,
               state->capacity * sizeof *state->fds);
    alloc_free(state->allocator, state->sources,
               state->capacity * sizeof *state->sources);
    state->fds = fds;
    state->sources = sources;
    state->capacity = capacity;
    return 0;
}

static int poll_backend_watch(void *opaque, struct loop_source *source,
                              unsigned events)
{
    struct poll_backend *state = opaque;
    if (source->slot == 0) {
        if (source->fd < 0) {
            return EBADF;
        }
        if (state->count == state->capacity) {
            int error = poll_backend_grow(state);
            if (error != 0) {
                return error;
            }
        }
        state->sources[state->count++] = source;
        source->slot = (int)state->count;
    }
    short wanted = 0;
    if ((events & LOOP_READABLE) != 0) {
        wanted = POLLIN;
    }
    if ((events & LOOP_WRITABLE) != 0) {
        wanted = (short)(wanted | POLLOUT);
    }
    state->fds[source->slot - 1] =
        (struct pollfd){.fd = source->fd, .events = wanted};
    return 0;
}

static void poll_backend_unwatch(void *opaque, struct loop_source *source)
{
    struct poll_backend *state = opaque;
    size_t i = (size_t)source->slot - 1;
    ASSERT(i < state->count);
    ASSERT(state->sources[i] == source);
    state->count--;
    state->fds[i] = state->fds[state->count];
    state->sources[i] = state->sources[state->count];
    state->sources[i]->slot = (int)i + 1;
    source->slot = 0;
}

static unsigned poll_backend_events(short found)
{
    unsigned events = 0;
    if ((found & POLLIN) != 0) {
        events |= LOOP_READABLE;
    }
    if ((found & POLLOUT) != 0) {
        events |= LOOP_WRITABLE;
    }
    if ((found & (POLLERR | POLLHUP | POLLNVAL)) != 0) {
        events |= LOOP_FAILED;
    }
    return events;
}

static int poll_backend_wait(void *opaque, int timeout_ms,
                             struct loop_ready *ready, unsigned *out_count)
{
    struct poll_backend *state = opaque;
    *out_count = 0;
    int left = poll(state->fds, (nfds_t)state->count, timeout_ms);
    if (left < 0) {
        return errno;
    }
    size_t at = state->first < state->count ? state->first : 0;
    unsigned count = 0;
    for (size_t seen = 0; seen < state->count && left > 0; seen++) {
        if (count == LOOP_READY_MAX) {
            break;
        }
        unsigned events = poll_backend_events(state->fds[at].revents);
        if (events != 0) {
            ready[count++] = (struct loop_ready){
                .source = state->sources[at],
                .events = events,
            };
            left--;
        }
        at = at + 1 < state->count ? at + 1 : 0;
    }
    state->first = at;
    *out_count = count;
    return 0;
}

static int poll_backend_fd(const void *opaque)
{
    (void)opaque;
    return -1;
}

const struct loop_backend *loop_poll_backend(void)
{
    static const struct loop_backend table = {
        .name = "poll",
        .open = poll_backend_open,
        .close = poll_backend_close,
        .watch = poll_backend_watch,
        .unwatch = poll_backend_unwatch,
        .wait = poll_backend_wait,
        .fd = poll_backend_fd,
    };
    return &table;
}
