// SPDX-License-Identifier: MIT
// A load-balancing policy: it makes connections to the addresses that the
// resolver gives, and chooses one for each call. A policy is a class: a table
// of functions, named as a service config names it. The channel owns one.
//
// Its state is what the channel shows (grpc_connectivity). It changes it with
// policy_set_state() alone, as the last thing that one of its functions does:
// the channel then sends calls, ends them, or has the policy connect.

#ifndef CORE_POLICY_H
#define CORE_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/linkage.h"
#include "core/subchannel.h"
#include "grpc.h"
#include "loop/loop_socket.h"
#include "loop/loop_timer.h"

struct policy;

struct policy_class {
    const char *name;
    size_t size; // of its struct, which begins with a struct policy
    // The resolver's addresses, one at least, copied; false without memory, and
    // then nothing has changed.
    bool (*update)(struct policy *policy,
                   const struct socket_address *addresses, size_t count);
    // IDLE, and a call is waiting.
    void (*connect)(struct policy *policy);
    // A subchannel's state has changed from was, but not within
    // subchannel_connect().
    void (*changed)(struct policy *policy, struct subchannel *subchannel,
                    enum grpc_connectivity was);
    // READY: the subchannel for the next call.
    struct subchannel *(*pick)(const struct policy *policy);
    void (*on_timer)(struct policy *policy);
    // Back to IDLE without any connection or address.
    void (*stop)(struct policy *policy);
};

struct policy {
    const struct policy_class *class;
    struct grpc_channel *channel;
    enum grpc_connectivity state;
    struct loop_timer timer;
};

// policy_new is an IDLE policy without addresses; NULL without memory.
INTERNAL MUST_CHECK struct policy *policy_new(struct grpc_channel *channel,
                                              const struct policy_class *class);
// policy_free comes after stop.
INTERNAL void policy_free(struct policy *policy);

INTERNAL void policy_set_state(struct policy *policy,
                               enum grpc_connectivity state);

#endif
