// SPDX-License-Identifier: MIT
// How long an address that failed is left alone (connection-backoff.md): 1 s,
// times 1.6 for each further failure, at most 120 s, and 20 % of jitter either
// way but for the first. Pure: the randomness comes from the caller.

#ifndef CORE_BACKOFF_H
#define CORE_BACKOFF_H

#include <stdint.h>

#include "base/linkage.h"
#include "grpc.h"

struct backoff {
    uint32_t base_ms; // without jitter; 0: no failure yet
};

// backoff_resolve fills in the defaults.
INTERNAL grpc_backoff backoff_resolve(const grpc_backoff *options);

// backoff_next is the delay after one more failure; options are resolved,
// random is any 32 bits.
INTERNAL uint32_t backoff_next(struct backoff *backoff,
                               const grpc_backoff *options, uint32_t random);

// backoff_reset: the next failure is the first.
INTERNAL void backoff_reset(struct backoff *backoff);

#endif
