// SPDX-License-Identifier: MIT
// The back end of FreeBSD, OpenBSD, NetBSD, DragonFly and macOS. The kernel
// keeps a note of a descriptor for each direction, with the pointer to its
// source: that is safe for the reasons that loop_epoll.c gives.
//
// A source that is watched for nothing is watched for failure all the same. No
// filter is for that, so it has a quiet one: that of reading, with EV_CLEAR. It
// speaks once for each arrival, which is dropped, and for the end. A note keeps
// its EV_CLEAR when it is added again, on all systems: quiet and not quiet
// change places by a deletion.
//
// Invariants:
//   1. The slot of a watched source has KQUEUE_HELD and a bit for each note
//      that the kernel has of it; KQUEUE_READ and KQUEUE_QUIET exclude each
//      other. (Notes of a descriptor that was closed are gone without a word.)
//   2. All notes but the quiet one report by level. A failure that the quiet
//      one reports is reported again, because the note is then made anew.
//   3. Changes are made at once and one by one, with no room for events: so an
//      error is that of the change, and no event is lost with it. A call of the
//      library needs more than one change in rare cases only.

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "loop/loop.h"

#if defined(LOOP_HAS_KQUEUE)

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/types.h>
#include <sys/event.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"

enum {
    KQUEUE_READ = 1,
    KQUEUE_WRITE = 2,
    KQUEUE_QUIET = 4,
    KQUEUE_HELD = 8,
};

// udata is a pointer, but NetBSD had an integer there until version 10.
_Static_assert(sizeof(((struct kevent *)0)->udata) ==
                   sizeof(struct loop_source *),
               "a note holds the pointer to its source");

struct kqueue_backend {
    const grpc_allocator *allocator;
    int fd;
};

static int kqueue_backend_open(const grpc_allocator *allocator,
                               void **out_state)
{
    struct kqueue_backend *state = alloc_new(allocator, sizeof *state);
    if (state == NULL) {
        return ENOMEM;
    }
    int fd = kqueue();
    // The ways to have it close on exec from the start differ.
    if (fd == -1 || fcntl(fd, F_SETFD, FD_CLOEXEC) == -1) {
        int error = errno;
        if (fd != -1) {
            (void)close(fd);
        }
        alloc_free(allocator, state, sizeof *state);
        return error;
    }
    *state = (struct kqueue_backend){.allocator = allocator, .fd = fd};
    *out_state = state;
    return 0;
}

static void kqueue_backend_close(void *opaque)
{
    struct kqueue_backend *state = opaque;
    (void)close(state->fd);
    alloc_free(state->allocator, state, sizeof *state);
}

// kqueue_change makes one change of one note.
static int kqueue_change(const struct kqueue_backend *state,
                         struct loop_source *source, int note, bool add)
{
    struct kevent change;
    memset(&change, 0, sizeof change);
    change.ident = (unsigned)source->fd;
    change.filter = note == KQUEUE_WRITE ? EVFILT_WRITE : EVFILT_READ;
    if (!add) {
        change.flags = EV_DELETE;
    } else if (note == KQUEUE_QUIET) {
        change.flags = EV_ADD | EV_CLEAR;
    } else {
        change.flags = EV_ADD;
    }
    memcpy(&change.udata, &source, sizeof source);
    if (kevent(state->fd, &change, 1, NULL, 0, NULL) == 0) {
        return 0;
    }
    // Interrupted, the change is made all the same.
    return errno == EINTR ? 0 : errno;
}

// kqueue_set_notes makes the kernel's notes of a source those that are wanted.
// What is superfluous goes first: it may be in the way.
static int kqueue_set_notes(const struct kqueue_backend *state,
                            struct loop_source *source, int wanted)
{
    for (int note = KQUEUE_READ; note <= KQUEUE_QUIET; note *= 2) {
        if ((source->slot & ~wanted & note) != 0) {
            // It cannot fail but for there being no such note any more, when
            // the descriptor was closed.
            (void)kqueue_change(state, source, note, false);
            source->slot &= ~note;
        }
    }
    for (int note = KQUEUE_READ; note <= KQUEUE_QUIET; note *= 2) {
        if ((wanted & ~source->slot & note) != 0) {
            int error = kqueue_change(state, source, note, true);
            if (error != 0) {
                return error;
            }
            source->slot |= note;
        }
    }
    return 0;
}

static int kqueue_backend_watch(void *opaque, struct loop_source *source,
                                unsigned events)
{
    const struct kqueue_backend *state = opaque;
    int wanted = 0;
    if ((events & LOOP_READABLE) != 0) {
        wanted |= KQUEUE_READ;
    }
    if ((events & LOOP_WRITABLE) != 0) {
        wanted |= KQUEUE_WRITE;
    }
    if (wanted == 0) {
        wanted = KQUEUE_QUIET;
    }
    int before = source->slot;
    int error = kqueue_set_notes(state, source, wanted);
    if (error == 0) {
        source->slot |= KQUEUE_HELD;
    } else {
        (void)kqueue_set_notes(state, source, before);
    }
    return error;
}

static void kqueue_backend_unwatch(void *opaque, struct loop_source *source)
{
    (void)kqueue_set_notes(opaque, source, 0);
    source->slot = 0;
}

// kqueue_is_hung_up: both directions have ended, and not one alone. Where poll
// does not say so of a socket (NetBSD), it has no peer any more; and a pipe has
// not got two directions.
static bool kqueue_is_hung_up(int fd)
{
    struct pollfd probe = {.fd = fd, .events = POLLOUT};
    if (poll(&probe, 1, 0) == 1 &&
        (probe.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) {
        return true;
    }
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    return getpeername(fd, (struct sockaddr *)(void *)&peer, &size) != 0;
}

// kqueue_has_failed: EV_EOF is no failure where the peer has only finished
// sending, or we have.
static bool kqueue_has_failed(const struct kevent *found, int fd)
{
    if ((found->flags & EV_ERROR) != 0) {
        return true;
    }
    return (found->flags & EV_EOF) != 0 && kqueue_is_hung_up(fd);
}

static unsigned kqueue_backend_events(const struct kqueue_backend *state,
                                      struct loop_source *source,
                                      const struct kevent *found)
{
    bool is_quiet = (source->slot & KQUEUE_QUIET) != 0;
    unsigned events = 0;
    if (!is_quiet) {
        events = found->filter == EVFILT_WRITE ? LOOP_WRITABLE : LOOP_READABLE;
    }
    if (kqueue_has_failed(found, source->fd)) {
        events |= LOOP_FAILED;
        if (is_quiet) {
            // Without memory for it, this was the last report.
            (void)kqueue_set_notes(state, source, KQUEUE_HELD);
            (void)kqueue_set_notes(state, source, KQUEUE_QUIET);
        }
    }
    return events;
}

static int kqueue_backend_wait(void *opaque, int timeout_ms,
                               struct loop_ready *ready, unsigned *out_count)
{
    const struct kqueue_backend *state = opaque;
    struct kevent found[LOOP_READY_MAX];
    struct timespec timeout = {
        .tv_sec = timeout_ms / 1000,
        .tv_nsec = timeout_ms % 1000 * 1000000L,
    };
    *out_count = 0;
    int count = kevent(state->fd, NULL, 0, found, LOOP_READY_MAX,
                       timeout_ms < 0 ? NULL : &timeout);
    if (count < 0) {
        return errno;
    }
    for (int i = 0; i < count; i++) {
        struct loop_source *source;
        memcpy(&source, &found[i].udata, sizeof source);
        unsigned events = kqueue_backend_events(state, source, &found[i]);
        if (events != 0) {
            ready[*out_count] =
                (struct loop_ready){.source = source, .events = events};
            ++*out_count;
        }
    }
    return 0;
}

static int kqueue_backend_fd(const void *opaque)
{
    const struct kqueue_backend *state = opaque;
    return state->fd;
}

const struct loop_backend *loop_kqueue_backend(void)
{
    static const struct loop_backend table = {
        .name = "kqueue",
        .open = kqueue_backend_open,
        .close = kqueue_backend_close,
        .watch = kqueue_backend_watch,
        .unwatch = kqueue_backend_unwatch,
        .wait = kqueue_backend_wait,
        .fd = kqueue_backend_fd,
    };
    return &table;
}

#endif
