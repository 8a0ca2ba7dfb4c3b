// SPDX-License-Identifier: MIT

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include "loop/loop_clock.h"

#include <time.h>

uint64_t loop_clock_us(void)
{
    struct timespec now = {0};
    // It cannot fail: every system we build on has this clock.
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}
