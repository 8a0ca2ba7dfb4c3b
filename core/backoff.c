// SPDX-License-Identifier: MIT

#include "core/backoff.h"

#include "core/limits.h"

uint32_t backoff_next(struct backoff *backoff, uint32_t random)
{
    if (backoff->base_ms == 0) {
        backoff->base_ms = CORE_BACKOFF_MS;
        return CORE_BACKOFF_MS;
    }
    uint64_t base = (uint64_t)backoff->base_ms * 16 / 10;
    if (base > CORE_BACKOFF_MAX_MS) {
        base = CORE_BACKOFF_MAX_MS;
    }
    backoff->base_ms = (uint32_t)base;
    // From 0.8 to 1.2 of it: 0.8 + 0.4 * random / 2^32.
    uint64_t jitter = (base * 4 / 10 * random) >> 32;
    return (uint32_t)(base * 8 / 10 + jitter);
}

void backoff_reset(struct backoff *backoff)
{
    backoff->base_ms = 0;
}
