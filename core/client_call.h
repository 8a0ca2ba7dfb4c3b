// SPDX-License-Identifier: MIT
// What a client does with a call: from the request to the status. See the
// diagram in call.h.

#ifndef CORE_CLIENT_CALL_H
#define CORE_CLIENT_CALL_H

#include <stdarg.h>
#include <stdbool.h>

#include "base/linkage.h"
#include "core/call.h"
#include "core/conn.h"

// client_call_begin submits a call to its channel, when no interceptor is waited
// for. It may have ended when this returns.
INTERNAL void client_call_begin(struct grpc_call *call);

// client_call_send opens a stream and sends what there is of the request; the
// connection takes one more. False without memory: the call is as it was.
INTERNAL MUST_CHECK bool client_call_send(struct grpc_call *call,
                                          struct conn *conn);

// client_call_finish ends a call with a code; call->text was set. Its callback
// is due.
INTERNAL void client_call_finish(struct grpc_call *call, grpc_code code);

// client_call_deliver calls the callback and gives the call back.
INTERNAL void client_call_deliver(struct grpc_call *call);

// client_call_outlive: the stream is gone. A call that knows its status already,
// and was only not asked for what came before it, goes on without; false for any
// other.
INTERNAL MUST_CHECK bool client_call_outlive(struct grpc_call *call);

INTERNAL void client_call_expire(struct grpc_call *call);

// client_call_on_end: all of the response has been given.
INTERNAL void client_call_on_end(struct grpc_call *call);

// client_call_refuse ends a call for what the server has sent; call->text says
// why. client_call_refuse_memory: there is none for what is to be sent.
INTERNAL void client_call_refuse(struct grpc_call *call, grpc_code code);
INTERNAL void client_call_refuse_memory(struct grpc_call *call);

// What an interceptor does: grpc_call_fail() and grpc_call_reply().
INTERNAL MUST_CHECK grpc_result client_call_fail(struct grpc_call *call,
                                                 grpc_code code,
                                                 const char *format,
                                                 va_list arguments)
    PRINTF_LIKE(3, 0);
INTERNAL MUST_CHECK grpc_result client_call_reply(struct grpc_call *call,
                                                  const void *reply);

// client_call_say keeps what went wrong for grpc_channel_error().
INTERNAL void client_call_say(struct grpc_call *call, const char *action,
                              const char *reason);

// client_call_has_left: some of it has been sent over the connection that it is
// on.
INTERNAL bool client_call_has_left(const struct grpc_call *call);

// client_call_end_all_on ends the calls of a connection that is over, but for
// those that go on with another one or with none.
INTERNAL void client_call_end_all_on(struct conn *conn, const char *reason);

// Events of the connection, for channel_role:
INTERNAL void client_on_headers(struct conn *conn,
                                const struct h2_event *event);
INTERNAL void client_on_data(struct conn *conn, const struct h2_event *event);
INTERNAL void client_on_writable(struct conn *conn,
                                 const struct h2_event *event);
INTERNAL void client_on_reset(struct conn *conn, const struct h2_event *event);

#endif
