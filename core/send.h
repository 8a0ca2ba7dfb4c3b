// SPDX-License-Identifier: MIT
// How a call's messages leave.
//
//   user --> encode --> interceptors --> compress --> 5 bytes of head --> stream
//
// A client's stream keeps what it has sent for as long as it may have to be sent
// again over another connection: a server that has not processed a call says so
// before it answers anything (gRFC A6, transparent retries).
//
// There is room as long as less than CORE_SEND_ROOM_BYTES wait in the stream;
// the message that is taken then may be of any size. When all that waited is in
// the connection's output, the user is told that there is room again.

#ifndef CORE_SEND_H
#define CORE_SEND_H

#include <stdbool.h>

#include "base/linkage.h"
#include "base/view.h"
#include "core/call.h"

// send_encode encodes a message with its head, compressed as the call says. On
// failure *reason is static text or the call's. The view lasts until the next
// send_encode on the loop.
INTERNAL MUST_CHECK grpc_result send_encode(struct grpc_call *call,
                                            const void *message,
                                            struct view *out_bytes,
                                            const char **reason);

// send_bytes is send_encode for a message that is encoded already.
INTERNAL MUST_CHECK grpc_result send_bytes(struct grpc_call *call,
                                           struct view message,
                                           struct view *out_bytes,
                                           const char **reason);

// send_request makes a frame of a message that lies in the call's arena, with
// room for the head in front of it; in place where nothing has to change.
INTERNAL MUST_CHECK grpc_result send_request(struct grpc_call *call,
                                             struct view message,
                                             struct view *out_bytes,
                                             const char **reason);

// send_data gives the stream a frame that one of these has made; false without
// memory. A large one is lent, with the buffer that it was encoded in.
INTERNAL MUST_CHECK bool send_data(struct grpc_call *call, struct view bytes);

// send_held shows the messages that were taken while an interceptor was waited
// for to all of them; false when the call has ended with it.
INTERNAL MUST_CHECK bool send_held(struct grpc_call *call);

// send_outbox sends what has waited for the stream, or was sent over one that the
// server has not processed; false without memory.
INTERNAL MUST_CHECK bool send_outbox(struct grpc_call *call);

// send_forget: the messages of a client's call will not be sent again.
INTERNAL void send_forget(struct grpc_call *call);

// send_on_writable: all that waited in the stream has left it.
INTERNAL void send_on_writable(struct grpc_call *call);

#endif
