// SPDX-License-Identifier: MIT
// What the rates of a peer's doings cost it. It may make glitch_burst useless
// frames at once and glitches_per_second in the long run, and cause
// reset_budget early resets more than streams that end well (grpc_limits).
//
//   FINE --a bound is met--> DELAY --as long as it is met--> DELAY
//    ^                         |   |
//    +-------------------------+   +--H2_LIMIT_DELAYS of them, or
//                                     H2_LIMIT_RESET_DEBT budgets of debt--> END
//
// Delays are forgotten when none was needed for as long as they were in all: to
// be FINE for a moment is not enough, since every delay earns some tokens.

#ifndef CORE_FLOOD_H
#define CORE_FLOOD_H

#include <stdint.h>

#include "base/linkage.h"
#include "grpc.h"

struct flood {
    int32_t tokens;      // glitches that are left; below zero: debt
    int32_t budget;      // early resets, likewise
    uint32_t filled_ms;  // low bits of when the tokens were filled up
    uint32_t delays;     // that are not forgotten
    uint32_t delayed_ms; // low bits of when the last one began
};

enum flood_answer {
    FLOOD_FINE,
    FLOOD_DELAY, // do not read for limits->delay_ms, then ask flood_resume
    FLOOD_END,   // close the connection: ENHANCE_YOUR_CALM
};

INTERNAL void flood_init(struct flood *flood, const grpc_limits *limits,
                         uint64_t now_ms);

// flood_count takes so many glitches and early resets.
INTERNAL enum flood_answer flood_count(struct flood *flood,
                                       const grpc_limits *limits,
                                       uint32_t glitches, uint32_t resets,
                                       uint64_t now_ms);

// flood_resume: a delay is over.
INTERNAL enum flood_answer flood_resume(struct flood *flood,
                                        const grpc_limits *limits,
                                        uint64_t now_ms);

// flood_ended_well: a stream has.
static inline void flood_ended_well(struct flood *flood,
                                    const grpc_limits *limits)
{
    flood->budget += flood->budget < (int32_t)limits->reset_budget;
}

#endif
