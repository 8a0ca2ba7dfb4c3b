// SPDX-License-Identifier: MIT
// kqueue() and kevent() on Linux, for tests of the back end that Linux has no
// use for: EVFILT_READ and EVFILT_WRITE of sockets and pipes, as the manuals of
// the BSDs describe them.
//
// A queue's descriptor is one of epoll, so that it can be closed, polled and
// nested like a real one; epoll wakes the queue up. What holds is then asked of
// poll, by a filter, each time an event is about to be returned.
//
// A note is what is known of one filter of one descriptor:
//
//               EV_ADD               epoll has something
//   (none) ----------------> idle ------------------------> active, in the ring
//      ^                      ^                                    |
//      | EV_DELETE,           | its filter says no; or it was      |
//      | close(), EV_ONESHOT  | returned and has EV_CLEAR          |
//      +----------------------+------------------------------------+
//                          else it goes to the end of the ring
//
// What differs from a real one:
//   - EV_EOF of writing comes when both directions are shut or the reader is
//     gone; not yet after one's own shutdown of writing alone.
//   - fflags is EIO for every error of a socket: Linux has the error told
//     only once, and it is the program's to ask.
//   - A descriptor is told from another of the same number by its inode. One
//     that is closed while a duplicate of it is open is not forgotten.
//   - The two filters of one descriptor both have EV_CLEAR, or neither.
//   - data of EVFILT_WRITE is 1, not the room.

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include "tests/kqueue_shim/kqueue_shim.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/event.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { SHIM_QUEUES = 65536, SHIM_BATCH = 64 };

struct shim_note {
    bool exists;
    bool is_disabled;
    bool is_active;
    unsigned flags; // EV_CLEAR, EV_ONESHOT, EV_DISPATCH
    struct kevent event;
    unsigned long turn; // when it went into the ring; 0: it is not in it
};

struct shim_file {
    dev_t device;
    ino_t inode;
    struct shim_note notes[2]; // of reading, of writing
};

struct shim_queue {
    int fd;
    pid_t owner;
    struct shim_file *files; // by descriptor
    size_t count;
    unsigned long turn;
};

struct kqueue_shim kqueue_shim;

static struct shim_queue *shim_queues[SHIM_QUEUES]; // by descriptor

// Queues.

int kqueue(void)
{
    int fd = epoll_create1(0);
    if (fd == -1) {
        return -1;
    }
    if (fd >= SHIM_QUEUES) {
        close(fd);
        errno = EMFILE;
        return -1;
    }
    // Of a queue that has been closed its number alone tells.
    struct shim_queue *queue = shim_queues[fd];
    if (queue == NULL) {
        queue = malloc(sizeof *queue);
        if (queue == NULL) {
            close(fd);
            errno = ENOMEM;
            return -1;
        }
    } else {
        free(queue->files);
    }
    *queue = (struct shim_queue){.fd = fd, .owner = getpid()};
    shim_queues[fd] = queue;
    return fd;
}

static struct shim_queue *shim_find(int fd)
{
    struct shim_queue *queue =
        fd >= 0 && fd < SHIM_QUEUES ? shim_queues[fd] : NULL;
    // A child does not inherit it.
    if (queue == NULL || queue->owner != getpid()) {
        errno = EBADF;
        return NULL;
    }
    return queue;
}

// Files.

// shim_forget_stale drops the notes of a descriptor that was closed.
static void shim_forget_stale(struct shim_file *file, int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || status.st_dev != file->device ||
        status.st_ino != file->inode) {
        memset(file, 0, sizeof *file);
    }
}

static struct shim_file *shim_file_find(struct shim_queue *queue, int fd)
{
    if (fd < 0 || (size_t)fd >= queue->count) {
        return NULL;
    }
    shim_forget_stale(&queue->files[fd], fd);
    return &queue->files[fd];
}

// shim_file_make returns an errno.
static int shim_file_make(struct shim_queue *queue, int fd,
                          struct shim_file **out_file)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return errno;
    }
    if ((size_t)fd >= queue->count) {
        size_t count = (size_t)fd + 16;
        struct shim_file *files = realloc(queue->files, count * sizeof *files);
        if (files == NULL) {
            return ENOMEM;
        }
        memset(files + queue->count, 0, (count - queue->count) * sizeof *files);
        queue->files = files;
        queue->count = count;
    }
    *out_file = shim_file_find(queue, fd);
    (*out_file)->device = status.st_dev;
    (*out_file)->inode = status.st_ino;
    return 0;
}

// shim_file_arm tells epoll what to wake up for. Arming anew has it look again
// at what is there already.
static int shim_file_arm(struct shim_queue *queue, int fd)
{
    static const uint32_t masks[2] = {EPOLLIN | EPOLLRDHUP, EPOLLOUT};
    struct shim_file *file = &queue->files[fd];
    struct epoll_event event = {.data = {.fd = fd}};
    bool wanted = false;
    for (int i = 0; i < 2; i++) {
        const struct shim_note *note = &file->notes[i];
        if (note->exists && !note->is_disabled) {
            uint32_t edge = (note->flags & EV_CLEAR) != 0 ? EPOLLET : 0;
            if (wanted && (event.events & (uint32_t)EPOLLET) != edge) {
                return ENOTSUP;
            }
            event.events |= masks[i] | edge;
            wanted = true;
        }
    }
    if (!wanted) {
        (void)epoll_ctl(queue->fd, EPOLL_CTL_DEL, fd, &event);
        return 0;
    }
    if (epoll_ctl(queue->fd, EPOLL_CTL_MOD, fd, &event) == 0 ||
        (errno == ENOENT &&
         epoll_ctl(queue->fd, EPOLL_CTL_ADD, fd, &event) == 0)) {
        return 0;
    }
    return errno;
}

// Changes.

static int shim_index(const struct kevent *change)
{
    if (change->filter == EVFILT_READ) {
        return 0;
    }
    return change->filter == EVFILT_WRITE ? 1 : -1;
}

static void shim_deactivate(struct shim_note *note)
{
    note->is_active = false;
    note->turn = 0;
}

// shim_change_note returns an errno. What EV_ADD changes in a note that is
// there are its parameters, not the way it reports.
static int shim_change_note(struct shim_queue *queue, int fd,
                            struct shim_note *note, const struct kevent *change)
{
    struct shim_note before = *note;
    if ((change->flags & EV_DELETE) != 0) {
        memset(note, 0, sizeof *note);
        return shim_file_arm(queue, fd);
    }
    if (!note->exists) {
        *note = (struct shim_note){
            .exists = true,
            .flags = change->flags & (EV_CLEAR | EV_ONESHOT | EV_DISPATCH),
        };
    }
    note->event.ident = change->ident;
    note->event.filter = change->filter;
    note->event.udata = change->udata;
    if ((change->flags & EV_DISABLE) != 0) {
        note->is_disabled = true;
    } else if ((change->flags & (EV_ADD | EV_ENABLE)) != 0) {
        note->is_disabled = false;
    }
    int error = shim_file_arm(queue, fd);
    if (error != 0) {
        *note = before;
        (void)shim_file_arm(queue, fd);
    }
    return error;
}

// shim_change returns an errno.
static int shim_change(struct shim_queue *queue, const struct kevent *change)
{
    int index = shim_index(change);
    if (index < 0) {
        return EINVAL;
    }
    int fd = (int)change->ident;
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return EBADF;
    }
    if ((change->flags & EV_ADD) != 0 && kqueue_shim.refuse > 0 &&
        --kqueue_shim.refuse == 0) {
        return ENOMEM;
    }
    struct shim_file *file = shim_file_find(queue, fd);
    if (file == NULL || !file->notes[index].exists) {
        if ((change->flags & EV_ADD) == 0) {
            return ENOENT;
        }
        int error = shim_file_make(queue, fd, &file);
        if (error != 0) {
            return error;
        }
    }
    return shim_change_note(queue, fd, &file->notes[index], change);
}

// shim_change_all returns how many errors and receipts it has put into events;
// -1, with errno, for an error that found no room: the rest is not changed.
static int shim_change_all(struct shim_queue *queue,
                           const struct kevent *changes, size_t change_count,
                           struct kevent *events, size_t event_count)
{
    size_t told = 0;
    for (size_t i = 0; i < change_count; i++) {
        struct kevent change = changes[i];
        int error = shim_change(queue, &change);
        if (error == 0 && (change.flags & EV_RECEIPT) == 0) {
            continue;
        }
        if (told < event_count) {
            events[told] = change;
            events[told].flags = EV_ERROR;
            events[told].data = error;
            told++;
        } else if (error != 0) {
            errno = error;
            return -1;
        }
    }
    return (int)told;
}

// Filters.

static bool shim_is_socket(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

static bool shim_filter_read(int fd, short found, struct kevent *event)
{
    int size = 0;
    if (ioctl(fd, FIONREAD, &size) != 0) {
        size = 1; // a socket that listens
    }
    event->data = size;
    bool is_end = (found & (POLLRDHUP | POLLHUP)) != 0;
    // A pipe that nobody reads has ended for who would read its other end.
    if (is_end || ((found & POLLERR) != 0 && !shim_is_socket(fd))) {
        event->flags |= EV_EOF;
    }
    return (found & (POLLIN | POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

static bool shim_filter_write(short found, struct kevent *event)
{
    event->data = 1;
    if ((found & (POLLHUP | POLLERR)) != 0) {
        event->flags |= EV_EOF;
    }
    return (found & (POLLOUT | POLLHUP | POLLERR)) != 0;
}

// shim_filter: whether the note is to be returned, and as what.
static bool shim_filter(int fd, int index, const struct shim_note *note,
                        struct kevent *event)
{
    short wanted = index == 0 ? POLLIN | POLLRDHUP : POLLOUT;
    struct pollfd probe = {.fd = fd, .events = wanted};
    // (Not poll: a test may have one of its own.)
    const struct timespec at_once = {.tv_sec = 0};
    if (ppoll(&probe, 1, &at_once, NULL) != 1) {
        return false;
    }
    *event = note->event;
    event->flags = EV_ADD;
    event->flags |= (unsigned short)note->flags;
    event->fflags =
        (probe.revents & POLLERR) != 0 && shim_is_socket(fd) ? EIO : 0;
    bool holds = index == 0 ? shim_filter_read(fd, probe.revents, event)
                            : shim_filter_write(probe.revents, event);
    if (holds && kqueue_shim.error != 0) {
        event->flags |= EV_ERROR;
        event->data = kqueue_shim.error;
        kqueue_shim.error = 0;
    }
    return holds;
}

// The ring.

static void shim_activate(struct shim_queue *queue, int fd, uint32_t found)
{
    static const uint32_t masks[2] = {
        EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR,
        EPOLLOUT | EPOLLHUP | EPOLLERR,
    };
    struct shim_file *file = shim_file_find(queue, fd);
    for (int i = 0; file != NULL && i < 2; i++) {
        struct shim_note *note = &file->notes[i];
        if (note->exists && !note->is_disabled && (found & masks[i]) != 0 &&
            !note->is_active) {
            note->is_active = true;
            note->turn = ++queue->turn;
        }
    }
}

// shim_collect moves what epoll knows into the ring; -1 with errno.
static int shim_collect(struct shim_queue *queue, int timeout_ms)
{
    struct epoll_event found[SHIM_BATCH];
    // epoll turns round what it has more of, and it may have each descriptor
    // once.
    size_t most = queue->count / SHIM_BATCH + 1;
    for (size_t n = 0; n < most; n++) {
        int count =
            epoll_wait(queue->fd, found, SHIM_BATCH, n == 0 ? timeout_ms : 0);
        if (count < 0) {
            return -1;
        }
        for (int i = 0; i < count; i++) {
            shim_activate(queue, found[i].data.fd, found[i].events);
        }
        if (count < SHIM_BATCH) {
            break;
        }
    }
    return 0;
}

// shim_oldest finds the note that went into the ring first, but not after last.
static struct shim_note *shim_oldest(struct shim_queue *queue,
                                     unsigned long last, int *fd, int *index)
{
    struct shim_note *oldest = NULL;
    for (size_t i = 0; i < queue->count; i++) {
        for (int k = 0; k < 2; k++) {
            struct shim_note *note = &queue->files[i].notes[k];
            if (note->turn != 0 && note->turn <= last &&
                (oldest == NULL || note->turn < oldest->turn)) {
                oldest = note;
                *fd = (int)i;
                *index = k;
            }
        }
    }
    return oldest;
}

// shim_returned does what follows from a note's being returned.
static void shim_returned(struct shim_queue *queue, int fd,
                          struct shim_note *note)
{
    if ((note->flags & EV_ONESHOT) != 0) {
        memset(note, 0, sizeof *note);
        (void)shim_file_arm(queue, fd);
    } else if ((note->flags & EV_DISPATCH) != 0) {
        shim_deactivate(note);
        note->is_disabled = true;
        (void)shim_file_arm(queue, fd);
    } else if ((note->flags & EV_CLEAR) != 0) {
        shim_deactivate(note);
    } else {
        note->turn = ++queue->turn;
    }
}

// shim_wake_for_edges: an edge that found no room is no edge for epoll any more,
// but has to wake up whoever polls the queue.
static void shim_wake_for_edges(struct shim_queue *queue)
{
    for (size_t i = 0; i < queue->count; i++) {
        for (int k = 0; k < 2; k++) {
            const struct shim_note *note = &queue->files[i].notes[k];
            if (note->turn != 0 && (note->flags & EV_CLEAR) != 0) {
                (void)shim_file_arm(queue, (int)i);
            }
        }
    }
}

static size_t shim_scan(struct shim_queue *queue, struct kevent *events,
                        size_t event_count)
{
    unsigned long last = queue->turn;
    size_t count = 0;
    int fd = -1;
    int index = 0;
    struct shim_note *note;
    while (count < event_count &&
           (note = shim_oldest(queue, last, &fd, &index)) != NULL) {
        shim_forget_stale(&queue->files[fd], fd);
        if (!note->exists) {
            continue;
        }
        if (!note->is_disabled &&
            shim_filter(fd, index, note, &events[count])) {
            count++;
            shim_returned(queue, fd, note);
        } else {
            shim_deactivate(note);
        }
    }
    shim_wake_for_edges(queue);
    return count;
}

// Time.

static int64_t shim_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// shim_left_ms is rounded up; -1 is for ever.
static int shim_left_ms(int64_t end_ns)
{
    if (end_ns < 0) {
        return -1;
    }
    int64_t left_ns = end_ns - shim_now_ns();
    if (left_ns <= 0) {
        return 0;
    }
    int64_t left_ms = (left_ns + 999999) / 1000000;
    return left_ms < 1000000 ? (int)left_ms : 1000000;
}

static int shim_wait(struct shim_queue *queue, struct kevent *events,
                     size_t event_count, const struct timespec *timeout)
{
    int64_t end_ns = -1;
    if (timeout != NULL) {
        end_ns = shim_now_ns() + (int64_t)timeout->tv_sec * 1000000000 +
                 timeout->tv_nsec;
    }
    for (;;) {
        int left_ms = shim_left_ms(end_ns);
        if (shim_collect(queue, left_ms) != 0) {
            return -1;
        }
        size_t count = shim_scan(queue, events, event_count);
        if (count > 0 || left_ms == 0) {
            return (int)count;
        }
    }
}

int kevent(int kq, const struct kevent *changes, kqueue_shim_count change_count,
           struct kevent *events, kqueue_shim_count event_count,
           const struct timespec *timeout)
{
    kqueue_shim.calls++;
    kqueue_shim.was_endless = timeout == NULL;
    if (timeout != NULL) {
        kqueue_shim.timeout = *timeout;
    }
    struct shim_queue *queue = shim_find(kq);
    if (queue == NULL) {
        return -1;
    }
    if (timeout != NULL && (timeout->tv_sec < 0 || timeout->tv_nsec < 0 ||
                            timeout->tv_nsec >= 1000000000)) {
        errno = EINVAL;
        return -1;
    }
    int told = shim_change_all(queue, changes, (size_t)change_count, events,
                               (size_t)event_count);
    if (told >= 0 && change_count > 0 && kqueue_shim.interrupt) {
        kqueue_shim.interrupt = false;
        errno = EINTR;
        return -1;
    }
    if (told != 0 || event_count == 0) {
        return told;
    }
    return shim_wait(queue, events, (size_t)event_count, timeout);
}
