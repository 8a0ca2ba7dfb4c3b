// SPDX-License-Identifier: MIT
// What a test can have the shim do, and see of it.

#ifndef TESTS_KQUEUE_SHIM_H
#define TESTS_KQUEUE_SHIM_H

#include <stdbool.h>
#include <time.h>

struct kqueue_shim {
    // What to do, once.
    int refuse;     // n: the n-th EV_ADD from now fails with ENOMEM
    bool interrupt; // the next changes are made and end with EINTR
    int error;      // the next event is an EV_ERROR with this errno
    // What has been done.
    unsigned long calls; // of kevent()
    bool was_endless;    // the last call had no timeout
    struct timespec timeout;
};

extern struct kqueue_shim kqueue_shim;

#endif
