// SPDX-License-Identifier: MIT
// Call credentials: metadata that proves who makes a call. They take their turns
// behind the interceptors of a client's call, in the same chain and by the same
// means (intercept.h): first the channel's, then the call's.
//
//   starts of the interceptors     start of the credentials, each once
//   call ------------------------> held <--> proceed ------------> is sent, and
//                                    | fail                        sent again
//          not PRIVATE: UNAUTHENTICATED  +--> A54 --> outcome
//
// They are not asked where anybody on the way could read what they add.

#ifndef CORE_CALL_CREDENTIALS_H
#define CORE_CALL_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/linkage.h"
#include "core/intercept.h"
#include "grpc.h"

// call_credentials_are_set: there are some. NULL is accepted.
static inline bool call_credentials_are_set(
    const grpc_call_credentials *credentials)
{
    return credentials != NULL && credentials->start != NULL;
}

// call_credentials_append puts some behind a chain that has room for them.
INTERNAL void call_credentials_append(struct intercept_chain *chain,
                                      const grpc_call_credentials *credentials);

// call_credentials_add gives a client's call a chain of its own, with these at
// its end. False without memory.
INTERNAL MUST_CHECK bool call_credentials_add(
    struct grpc_call *call, const grpc_call_credentials *credentials);

// call_credentials_may_start: those whose turn it is may be asked. False: the
// call has ended, since it cannot be sent with them.
INTERNAL MUST_CHECK bool call_credentials_may_start(struct grpc_call *call);

// call_credentials_are_asked: the call is held by some.
INTERNAL bool call_credentials_are_asked(const struct grpc_call *call);

// call_credentials_failed is the code of a call that those that are asked end
// with code. What only a server may say becomes INTERNAL (gRFC A54), and the
// call's text has the code then.
INTERNAL grpc_code call_credentials_failed(struct grpc_call *call,
                                           grpc_code code);

#endif
