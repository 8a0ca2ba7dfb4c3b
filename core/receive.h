// SPDX-License-Identifier: MIT
// How a call's messages arrive.
//
//   DATA --> deframe --> decompress --> interceptors --> decode --> user
//     |        ^
//     +-> inbox+   while nobody asks: not asked yet, paused, or held by an
//                  interceptor
//
// A stream whose inbox holds something is credited for the connection alone, so
// that its peer, and nobody else, has to wait (h2_credit_connection). What waits
// is given from settle: grpc_call_resume() and the like call nothing back.
//
// Where a direction is not streamed, its only message is decoded into memory
// that the call keeps. The messages of a stream are decoded, one after the
// other, into the loop's scratch arena, or for a blocking call into one that
// lives until the next is asked for.

#ifndef CORE_RECEIVE_H
#define CORE_RECEIVE_H

#include <stdbool.h>

#include "base/linkage.h"
#include "base/view.h"
#include "core/call.h"

// receive_data takes DATA of the call's stream. The user may have answered,
// cancelled or freed anything when it returns; the call is entered meanwhile.
INTERNAL void receive_data(struct grpc_call *call, struct view data);

// receive_end: the peer sends no more. The side is told (server_call_on_end,
// client_call_on_end) when all messages have been given.
INTERNAL void receive_end(struct grpc_call *call);

// receive_ready has what waits given in this step.
INTERNAL void receive_ready(struct grpc_call *call);

// receive_go_on begins a call that no interceptor holds any more, and gives what
// waits. Called from where the user may be called back.
INTERNAL void receive_go_on(struct grpc_call *call);

// receive_only decodes bytes as the only message of its direction.
INTERNAL MUST_CHECK struct call_failure receive_only(struct grpc_call *call,
                                                     struct view message);

// receive_fini drops what waits.
INTERNAL void receive_fini(struct grpc_call *call);

#endif
