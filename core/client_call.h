// SPDX-License-Identifier: MIT
// What a client does with a call: from the request to the status. See the
// diagram in call.h.

#ifndef CORE_CLIENT_CALL_H
#define CORE_CLIENT_CALL_H

#include <stdbool.h>

#include "base/linkage.h"
#include "core/call.h"
#include "core/conn.h"

// client_call_send opens a stream and sends the whole request; the connection
// takes one more. False without memory: the call is as it was.
INTERNAL MUST_CHECK bool client_call_send(struct grpc_call *call,
                                          struct conn *conn);

// client_call_finish ends a call with a code; call->text was set. Its callback
// is due.
INTERNAL void client_call_finish(struct grpc_call *call, grpc_code code);

// client_call_deliver calls the callback and gives the call back.
INTERNAL void client_call_deliver(struct grpc_call *call);

INTERNAL void client_call_expire(struct grpc_call *call);

// Events of the connection, for channel_role:
INTERNAL void client_on_headers(struct conn *conn,
                                const struct h2_event *event);
INTERNAL void client_on_data(struct conn *conn, const struct h2_event *event);
INTERNAL void client_on_reset(struct conn *conn, const struct h2_event *event);

#endif
