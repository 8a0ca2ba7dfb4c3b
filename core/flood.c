// SPDX-License-Identifier: MIT

#include "core/flood.h"

#include "h2/h2_limits.h"

void flood_init(struct flood *flood, const grpc_limits *limits, uint64_t now_ms)
{
    *flood = (struct flood){
        .tokens = (int32_t)limits->glitch_burst,
        .budget = (int32_t)limits->reset_budget,
        .filled_ms = (uint32_t)now_ms,
    };
}

// flood_fill adds the tokens of the time that has passed. What is less than a
// token is left for later.
static void flood_fill(struct flood *flood, const grpc_limits *limits,
                       uint64_t now_ms)
{
    uint64_t rate = limits->glitches_per_second;
    uint32_t passed_ms = (uint32_t)now_ms - flood->filled_ms;
    uint64_t earned = passed_ms * rate / 1000;
    int64_t tokens = flood->tokens + (int64_t)earned;
    if (tokens >= (int64_t)limits->glitch_burst) {
        flood->tokens = (int32_t)limits->glitch_burst;
        flood->filled_ms = (uint32_t)now_ms;
    } else {
        flood->tokens = (int32_t)tokens;
        flood->filled_ms += (uint32_t)(earned * 1000 / rate);
    }
}

static int32_t flood_spend(int32_t from, uint32_t n)
{
    int64_t left = (int64_t)from - n;
    return left > INT32_MIN ? (int32_t)left : INT32_MIN;
}

static void flood_forget(struct flood *flood, const grpc_limits *limits,
                         uint64_t now_ms)
{
    uint32_t passed_ms = (uint32_t)now_ms - flood->delayed_ms;
    if (passed_ms / limits->delay_ms > flood->delays) {
        flood->delays = 0;
    }
}

static enum flood_answer flood_delay(struct flood *flood, uint64_t now_ms)
{
    flood->delayed_ms = (uint32_t)now_ms;
    return ++flood->delays > H2_LIMIT_DELAYS ? FLOOD_END : FLOOD_DELAY;
}

enum flood_answer flood_count(struct flood *flood, const grpc_limits *limits,
                              uint32_t glitches, uint32_t resets,
                              uint64_t now_ms)
{
    flood_fill(flood, limits, now_ms);
    flood->tokens = flood_spend(flood->tokens, glitches);
    flood->budget = flood_spend(flood->budget, resets);
    if (flood->budget <=
        -(int64_t)H2_LIMIT_RESET_DEBT * (int64_t)limits->reset_budget) {
        return FLOOD_END;
    }
    if (flood->tokens <= 0 || (resets > 0 && flood->budget <= 0)) {
        flood_forget(flood, limits, now_ms);
        return flood_delay(flood, now_ms);
    }
    return FLOOD_FINE;
}

enum flood_answer flood_resume(struct flood *flood, const grpc_limits *limits,
                               uint64_t now_ms)
{
    flood_fill(flood, limits, now_ms);
    return flood->tokens > 0 ? FLOOD_FINE : flood_delay(flood, now_ms);
}
