// SPDX-License-Identifier: MIT
// One address of a channel: connecting to it, the time in which it is left
// alone after a failure, and its connection.
//
//         subchannel_connect           SETTINGS
//   IDLE --------------------> CONNECTING ---------------> READY
//    ^ ^                          |                          |
//    | |   failed, or out of time |   soon lost, before any  |
//    | |                          v   answer, twice in a row |
//    | +--- backoff is over --- TRANSIENT_FAILURE <----------+
//    +---------------- lost, or told to go away -------------+
//
// A connection that was told to go away is the channel's until its calls have
// ended; the subchannel has no part in it any more.
//
// Invariants:
//   1. conn is NULL but in CONNECTING and READY.
//   2. The timer is armed in TRANSIENT_FAILURE alone, and always there, unless
//      there is no other connection to hope for (channel_may_redial).

#ifndef CORE_SUBCHANNEL_H
#define CORE_SUBCHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/list.h"
#include "core/backoff.h"
#include "grpc.h"
#include "loop/loop_socket.h"
#include "loop/loop_timer.h"

struct conn;

struct subchannel {
    struct grpc_channel *channel;
    struct list_link link; // of channel->subchannels
    enum grpc_connectivity state;
    bool failed;      // the policy's: in this pass over the addresses
    bool was_useless; // the last connection was soon lost, without an answer
    struct conn *conn;
    struct backoff backoff;
    uint64_t began_ms; // when the last attempt did
    uint64_t retry_ms; // when the next attempt may begin
    struct loop_timer timer;
    struct socket_address address;
};

// subchannel_new is IDLE; NULL without memory. subchannel_free closes what it
// is connecting, and lets the calls of a connection that was READY end.
INTERNAL MUST_CHECK struct subchannel *subchannel_new(
    struct grpc_channel *channel, const struct socket_address *address);
INTERNAL void subchannel_free(struct subchannel *subchannel);

// subchannel_connect begins to connect an IDLE one. False when that has failed
// at once, and it is in TRANSIENT_FAILURE; the policy is not told.
INTERNAL MUST_CHECK bool subchannel_connect(struct subchannel *subchannel);

// subchannel_rest gives up what is being done: IDLE, as if new. The policy is
// not told.
INTERNAL void subchannel_rest(struct subchannel *subchannel);

// subchannel_yield gives up connecting, since another has connected; its backoff
// stays, and so does the time in which it is left alone. The policy is not told.
INTERNAL void subchannel_yield(struct subchannel *subchannel);

// subchannel_hurry ends the time in which it is left alone.
INTERNAL void subchannel_hurry(struct subchannel *subchannel);

// What its connection tells. on_leave: it takes no more calls.
INTERNAL void subchannel_on_ready(struct subchannel *subchannel);
INTERNAL void subchannel_on_leave(struct subchannel *subchannel,
                                  const char *reason);
INTERNAL void subchannel_on_closed(struct subchannel *subchannel,
                                   const char *reason);
INTERNAL void subchannel_on_timer(struct subchannel *subchannel);

#endif
