// SPDX-License-Identifier: MIT
// What a server does with a call: from the request to the answer. See the
// diagram in call.h.

#ifndef CORE_SERVER_CALL_H
#define CORE_SERVER_CALL_H

#include "base/linkage.h"
#include "core/call.h"
#include "core/conn.h"

// The role of a server's connections; conn->owner is the grpc_server.
INTERNAL_DATA const struct conn_role server_role;

// server_call_begin has the handler called, or the only request read, when no
// interceptor is waited for. The call is entered (call_enter).
INTERNAL void server_call_begin(struct grpc_call *call);

// server_call_on_end: all of the request has been given.
INTERNAL void server_call_on_end(struct grpc_call *call);

// server_call_refuse ends a call for what the client has sent, or not; call->text
// says why.
INTERNAL void server_call_refuse(struct grpc_call *call, grpc_code code);

// server_call_lose ends a call without an answer.
INTERNAL void server_call_lose(struct grpc_call *call);

// server_call_expire: the deadline has passed, or the time to take the answer.
INTERNAL void server_call_expire(struct grpc_call *call);

// server_call_say keeps what went wrong for grpc_server_error().
INTERNAL void server_call_say(struct grpc_call *call, const char *action,
                              const char *reason);

#endif
