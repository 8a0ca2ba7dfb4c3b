// SPDX-License-Identifier: MIT
// A channel: the calls of a client, and the connection that they go over.
//
//            call               an address answers with SETTINGS
//   IDLE ----------> CONNECTING --------------------> READY
//    ^ ^                 | all addresses have failed    | lost, or told to go
//    | |                 v                              | away
//    | +-- backoff -- FAILED                            |
//    +--------------------------------------------------+
//
// CONNECTING looks up the name (if it is one), then tries one address after
// the other. In FAILED calls end at once with the cause, unless they wait for
// ready. A connection that was told to go away keeps its calls to their end,
// outside of this diagram.

#ifndef CORE_CHANNEL_H
#define CORE_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/list.h"
#include "core/backoff.h"
#include "core/conn.h"
#include "core/intercept.h"
#include "core/rules.h"
#include "core/run.h"
#include "core/target.h"
#include "grpc.h"

enum channel_state {
    CHANNEL_IDLE,
    CHANNEL_CONNECTING,
    CHANNEL_READY,
    CHANNEL_FAILED,
};

struct grpc_channel {
    struct grpc_loop *loop;
    bool owns_loop;
    bool freed;        // by the user, while the loop was being stepped
    bool fixed;        // made from a descriptor: cannot connect again
    bool bad_target;   // or limits; cause tells why
    bool pumping;      // channel_pump is at work, or may not begin now
    uint32_t blocking; // blocking calls on the stack
    enum channel_state state;
    uint32_t max_receive_bytes;
    uint32_t max_send_bytes;
    uint32_t connect_timeout_ms;
    struct intercept_chain interceptors;
    struct conn_rules rules;
    struct list_link link_loop;
    struct list_link conns;   // all, those that drain included
    struct list_link held;    // calls that wait for an interceptor, and those
                              // that outlive their connection
    struct list_link waiting; // calls that wait for a connection
    struct conn *conn;        // CONNECTING: being tried. READY: for new calls
    struct loop_timer timer;  // backoff
    struct backoff backoff;
    uint64_t attempt_ms;          // when this round of connecting began
    struct lookup_result *lookup; // being asked, or the answer in use
    bool looking_up;
    size_t next_address;
    struct target target;
    char *user_agent; // whole header value; owned
    size_t user_agent_size;
    char *authority; // owned
    size_t authority_size;
    char cause[RUN_ERROR_TEXT]; // why connecting failed last
    char error[RUN_ERROR_TEXT]; // why a function failed last
};

// The role of a channel's connections; conn->owner is the grpc_channel.
INTERNAL_DATA const struct conn_role channel_role;

// channel_submit takes a QUEUED call: it is sent now, or waits, or ends.
INTERNAL void channel_submit(struct grpc_channel *channel,
                             struct grpc_call *call);

// channel_pump sends calls that wait, as far as the connection takes them.
INTERNAL void channel_pump(struct grpc_channel *channel);

// channel_on_timer: the backoff is over.
INTERNAL void channel_on_timer(struct grpc_channel *channel);

// channel_reap frees a channel that was freed within a step.
INTERNAL void channel_reap(struct grpc_channel *channel);

#endif
