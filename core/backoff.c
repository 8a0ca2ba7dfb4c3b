// SPDX-License-Identifier: MIT

#include "core/backoff.h"

#include "core/limits.h"

static uint32_t backoff_least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

grpc_backoff backoff_resolve(const grpc_backoff *options)
{
    grpc_backoff resolved = *options;
    if (resolved.base_ms == 0) {
        resolved.base_ms = CORE_BACKOFF_MS;
    }
    if (resolved.max_ms == 0) {
        resolved.max_ms = CORE_BACKOFF_MAX_MS;
    }
    if (resolved.multiplier_percent == 0) {
        resolved.multiplier_percent = CORE_BACKOFF_PERCENT;
    } else if (resolved.multiplier_percent < 100) {
        resolved.multiplier_percent = 100; // it is to grow, or stay
    }
    if (resolved.jitter_percent == 0) {
        resolved.jitter_percent = CORE_BACKOFF_JITTER_PERCENT;
    } else if (resolved.jitter_percent > 100) {
        resolved.jitter_percent = 0;
    }
    resolved.base_ms = backoff_least(resolved.base_ms, resolved.max_ms);
    return resolved;
}

uint32_t backoff_next(struct backoff *backoff, const grpc_backoff *options,
                      uint32_t random)
{
    if (backoff->base_ms == 0) {
        backoff->base_ms = options->base_ms;
        return options->base_ms;
    }
    // (2^32 times 2^32 fits.)
    uint64_t base =
        (uint64_t)backoff->base_ms * options->multiplier_percent / 100;
    if (base > options->max_ms) {
        base = options->max_ms;
    }
    backoff->base_ms = (uint32_t)base;
    // The least of the range, and a part of its width: random / 2^32.
    uint64_t least = base * (100 - options->jitter_percent) / 100;
    uint64_t width = base * 2 * options->jitter_percent / 100;
    uint64_t delay = least + (width >> 32) * random +
                     (((width & UINT32_MAX) * random) >> 32);
    return delay < UINT32_MAX ? (uint32_t)delay : UINT32_MAX - 1;
}

void backoff_reset(struct backoff *backoff)
{
    backoff->base_ms = 0;
}
