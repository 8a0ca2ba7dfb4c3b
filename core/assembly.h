// SPDX-License-Identifier: MIT
// Messages that do not arrive in one piece are gathered, and what is gathered at
// once on a connection has a bound: limits->assembly_bytes.
//
// A call with such a message asks its connection for the message's whole length.
// Granted, its bytes are credited as they come, and the stream's window is
// opened for the rest. Not granted, it keeps what fits into its stream's window
// and waits; the connection's window is credited all the same, so that the
// others go on. One message is always granted, or it would never arrive. Nobody
// is granted anything before one that waits, or a large one might do so for ever.
//
// Invariants (conn_check):
//   1. conn->assembling is the sum of call->assembling over its calls.
//   2. conn->assembly_waits counts its calls that wait; those have nothing
//      granted.

#ifndef CORE_ASSEMBLY_H
#define CORE_ASSEMBLY_H

#include <stddef.h>

#include "base/linkage.h"
#include "core/call.h"

// assembly_take credits size bytes of DATA that the deframer has taken. was_kept:
// the connection was credited before (receive.c, the inbox).
INTERNAL void assembly_take(struct grpc_call *call, size_t size, bool was_kept);

// assembly_drop credits bytes that nobody takes.
INTERNAL void assembly_drop(struct grpc_call *call, size_t size, bool was_kept);

// assembly_end gives back what the call was granted or has kept: its message is
// whole, or the call leaves its connection. Seldom anything was.
INTERNAL void assembly_give_back(struct grpc_call *call);

static inline void assembly_end(struct grpc_call *call)
{
    if (UNLIKELY((call->assembling | call->kept) != 0)) {
        assembly_give_back(call);
    }
}

#endif
