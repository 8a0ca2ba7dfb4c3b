// SPDX-License-Identifier: MIT
// The part of <sys/event.h> that the kqueue back end needs, for Linux; see
// kqueue_shim.c. By default the types are those of FreeBSD;
// KQUEUE_SHIM_NETBSD has those of NetBSD before version 10.

#ifndef TESTS_KQUEUE_SHIM_SYS_EVENT_H
#define TESTS_KQUEUE_SHIM_SYS_EVENT_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#if defined(KQUEUE_SHIM_NETBSD)
# define EVFILT_READ  0U
# define EVFILT_WRITE 1U
struct kevent {
    uintptr_t ident;
    uint32_t filter;
    uint32_t flags;
    uint32_t fflags;
    int64_t data;
    intptr_t udata;
};
typedef size_t kqueue_shim_count;
#else
# define EVFILT_READ  (-1)
# define EVFILT_WRITE (-2)
struct kevent {
    uintptr_t ident;
    short filter;
    unsigned short flags;
    unsigned fflags;
    int64_t data;
    void *udata;
};
typedef int kqueue_shim_count;
#endif

// Actions.
#define EV_ADD     0x0001
#define EV_DELETE  0x0002
#define EV_ENABLE  0x0004
#define EV_DISABLE 0x0008

// Ways to report.
#define EV_ONESHOT  0x0010
#define EV_CLEAR    0x0020
#define EV_RECEIPT  0x0040
#define EV_DISPATCH 0x0080

// What is returned.
#define EV_ERROR 0x4000
#define EV_EOF   0x8000

int kqueue(void);
int kevent(int kq, const struct kevent *changes, kqueue_shim_count change_count,
           struct kevent *events, kqueue_shim_count event_count,
           const struct timespec *timeout);

#endif
