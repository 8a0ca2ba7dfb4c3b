// SPDX-License-Identifier: MIT
// Where a channel's addresses come from. A resolver is a class: a table of
// functions, one for each scheme of targets. It tells the channel what it has
// found with channel_on_addresses() and channel_on_no_addresses(), within its
// functions or later.
//
//            resolver_start                answer
//   STOPPED ---------------> ASKING ---------------------> RESTING
//     ^                       ^  |                          |
//     |  resolver_stop        |  | error     resolver_again |
//     +----- (any)            |  v                          v
//                             +-- WAITING <-----------------+
//                        time is over     (or ASKING at once)

#ifndef CORE_RESOLVER_H
#define CORE_RESOLVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/linkage.h"
#include "core/backoff.h"
#include "core/target.h"
#include "grpc.h"
#include "loop/loop_lookup.h"
#include "loop/loop_timer.h"

struct resolver;

struct resolver_class {
    const char *name;
    void (*ask)(struct resolver *resolver);  // begin
    void (*drop)(struct resolver *resolver); // forget the question, the answer
    bool is_constant;                        // asking again would give the same
};

enum resolver_state {
    RESOLVER_STOPPED,
    RESOLVER_ASKING,
    RESOLVER_RESTING,
    RESOLVER_WAITING, // for the time to ask again
};

struct resolver {
    const struct resolver_class *class;
    struct grpc_channel *channel;
    const struct target *target; // borrowed
    enum resolver_state state;
    struct backoff backoff;       // after an error
    struct loop_timer timer;      // in WAITING
    uint64_t answered_ms;         // when the last answer came
    struct lookup_result *lookup; // a name's: being asked, or the last answer
};

// resolver_init chooses the class for a target, which is borrowed.
INTERNAL void resolver_init(struct resolver *resolver,
                            struct grpc_channel *channel,
                            const struct target *target);

// resolver_start asks; resolver_stop drops the answer, and is not answered.
INTERNAL void resolver_start(struct resolver *resolver);
INTERNAL void resolver_stop(struct resolver *resolver);

// resolver_again: the addresses do not work any more. It asks now, or when
// CORE_RESOLVE_MS have passed since the last answer; not after an error, which
// it follows up by itself.
INTERNAL void resolver_again(struct resolver *resolver);

// resolver_hurry ends a wait after an error.
INTERNAL void resolver_hurry(struct resolver *resolver);

INTERNAL void resolver_on_timer(struct resolver *resolver);

// resolver_answered and resolver_failed are for classes: what they have found.
// The addresses are borrowed until they are dropped.
INTERNAL void resolver_answered(struct resolver *resolver,
                                const struct socket_address *addresses,
                                size_t count);
INTERNAL void resolver_failed(struct resolver *resolver, const char *reason);

#endif
