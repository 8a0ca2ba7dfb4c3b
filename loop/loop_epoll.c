// SPDX-License-Identifier: MIT
// The back end of Linux. The kernel keeps the table of sources: an event
// carries the pointer to its source, which is safe because a source is taken
// out before its memory goes, and loop.c drops what was found of it by then.

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "loop/loop.h"

#if defined(__linux__)

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/alloc.h"

struct epoll_backend {
    const grpc_allocator *allocator;
    int fd;
};

static int epoll_backend_open(const grpc_allocator *allocator, void **out_state)
{
    struct epoll_backend *state = alloc_new(allocator, sizeof *state);
    if (state == NULL) {
        return ENOMEM;
    }
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd == -1) {
        int error = errno;
        alloc_free(allocator, state, sizeof *state);
        return error;
    }
    *state = (struct epoll_backend){.allocator = allocator, .fd = fd};
    *out_state = state;
    return 0;
}

static void epoll_backend_close(void *opaque)
{
    struct epoll_backend *state = opaque;
    (void)close(state->fd);
    alloc_free(state->allocator, state, sizeof *state);
}

static int epoll_backend_watch(void *opaque, struct loop_source *source,
                               unsigned events)
{
    const struct epoll_backend *state = opaque;
    struct epoll_event change = {.data = {.ptr = source}};
    if ((events & LOOP_READABLE) != 0) {
        change.events |= EPOLLIN;
    }
    if ((events & LOOP_WRITABLE) != 0) {
        change.events |= EPOLLOUT;
    }
    int verb = source->slot == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (epoll_ctl(state->fd, verb, source->fd, &change) != 0) {
        return errno;
    }
    source->slot = 1;
    return 0;
}

static void epoll_backend_unwatch(void *opaque, struct loop_source *source)
{
    const struct epoll_backend *state = opaque;
    // Old kernels want an event here though they do not read it.
    struct epoll_event unused = {0};
    (void)epoll_ctl(state->fd, EPOLL_CTL_DEL, source->fd, &unused);
    source->slot = 0;
}

static unsigned epoll_backend_events(uint32_t found)
{
    unsigned events = 0;
    if ((found & EPOLLIN) != 0) {
        events |= LOOP_READABLE;
    }
    if ((found & EPOLLOUT) != 0) {
        events |= LOOP_WRITABLE;
    }
    if ((found & (EPOLLERR | EPOLLHUP)) != 0) {
        events |= LOOP_FAILED;
    }
    return events;
}

static int epoll_backend_wait(void *opaque, int timeout_ms,
                              struct loop_ready *ready, unsigned *out_count)
{
    const struct epoll_backend *state = opaque;
    struct epoll_event found[LOOP_READY_MAX];
    *out_count = 0;
    int count = epoll_wait(state->fd, found, LOOP_READY_MAX, timeout_ms);
    if (count < 0) {
        return errno;
    }
    for (int i = 0; i < count; i++) {
        ready[i] = (struct loop_ready){
            .source = found[i].data.ptr,
            .events = epoll_backend_events(found[i].events),
        };
    }
    *out_count = (unsigned)count;
    return 0;
}

static int epoll_backend_fd(const void *opaque)
{
    const struct epoll_backend *state = opaque;
    return state->fd;
}

const struct loop_backend *loop_epoll_backend(void)
{
    static const struct loop_backend table = {
        .name = "epoll",
        .open = epoll_backend_open,
        .close = epoll_backend_close,
        .watch = epoll_backend_watch,
        .unwatch = epoll_backend_unwatch,
        .wait = epoll_backend_wait,
        .fd = epoll_backend_fd,
    };
    return &table;
}

#endif
