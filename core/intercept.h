// SPDX-License-Identifier: MIT
// The interceptors of a server or a channel, and how a call passes them.
//
//          start of each, in order                  end of each, in turn
//   call ---- held <--> proceed ----> goes on ... outcome ---->
//               | fail, reply
//               +--> outcome
//
// Those whose start was passed, or called last, are told the end, the last one
// first. Call credentials (call_credentials.h) take their turns behind the
// interceptors of a channel, as if they were some that see no messages.

#ifndef CORE_INTERCEPT_H
#define CORE_INTERCEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/view.h"
#include "grpc.h"

struct intercept_chain {
    grpc_interceptor *interceptors; // our copies
    uint16_t count;
    uint16_t credentials; // so many are interceptors; behind them are call
                          // credentials
    uint8_t to_anybody; // of those: a bit for each that may be sent insecurely
    bool sees_messages; // some of them
};

// intercept_init copies the user's list, and call credentials unless they are
// NULL or zero. GRPC_EINVAL, GRPC_ENOMEM: nothing is held.
INTERNAL MUST_CHECK grpc_result intercept_init(
    struct intercept_chain *chain, const grpc_allocator *allocator,
    const grpc_interceptors *list, const grpc_call_credentials *credentials);
INTERNAL void intercept_fini(struct intercept_chain *chain,
                             const grpc_allocator *allocator);

// intercept_start calls the starts that are left; true when the call goes on,
// false when one of them is waited for, or has ended the call. It may have been
// released then, unless the caller has entered it (call_enter).
INTERNAL MUST_CHECK bool intercept_start(struct grpc_call *call);

// intercept_end tells those that the call has passed its outcome, once.
INTERNAL void intercept_end(struct grpc_call *call);

// intercept_sent and intercept_received let the interceptors see a message, and
// replace it.
INTERNAL struct view intercept_sent(struct grpc_call *call,
                                    struct view message);
INTERNAL struct view intercept_received(struct grpc_call *call,
                                        struct view message);

#endif
