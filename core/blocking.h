// SPDX-License-Identifier: MIT
// Waiting for a call: its channel's loop is run until something has happened.

#ifndef CORE_BLOCKING_H
#define CORE_BLOCKING_H

#include <stdbool.h>

#include "base/linkage.h"
#include "core/call.h"
#include "grpc.h"

// blocking_begin and blocking_end stand around the life of a call that is waited
// for: the channel, and its loop, live until then. The call is made between
// them.
INTERNAL void blocking_begin(struct grpc_channel *channel);
INTERNAL void blocking_end(struct grpc_channel *channel);

// blocking_is_done: the call has ended, and nothing of it is left to be done.
INTERNAL bool blocking_is_done(const struct grpc_call *call);

// blocking_step waits for one thing to happen; a call whose loop or channel is
// gone is ended. The call is not done.
INTERNAL void blocking_step(struct grpc_call *call);

// blocking_await_room waits until there is room to send, or the call has ended.
// False: the call is not waited for, or its loop is being stepped.
INTERNAL MUST_CHECK bool blocking_await_room(struct grpc_call *call);

// blocking_clear empties what the options ask for, also for a call that cannot be
// made.
INTERNAL void blocking_clear(const grpc_call_options *options);

// blocking_status is the outcome, with what outlives the call in the arena, the
// metadata too if the options have asked for it.
INTERNAL grpc_status blocking_status(const struct grpc_call *call,
                                     grpc_arena *arena);

#endif
