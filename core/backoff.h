// SPDX-License-Identifier: MIT
// How long to wait before connecting again (connection-backoff.md): 1 s, times
// 1.6 for each further failure, at most 120 s, and 20 % of jitter either way
// but for the first. Pure: the randomness comes from the caller.

#ifndef CORE_BACKOFF_H
#define CORE_BACKOFF_H

#include <stdint.h>

#include "base/linkage.h"

struct backoff {
    uint32_t base_ms; // without jitter; 0: no failure yet
};

// backoff_next is the delay after one more failure. random is any 32 bits.
INTERNAL uint32_t backoff_next(struct backoff *backoff, uint32_t random);

// backoff_reset: a connection has become ready.
INTERNAL void backoff_reset(struct backoff *backoff);

#endif
