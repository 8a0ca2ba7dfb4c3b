// SPDX-License-Identifier: MIT
// What a server does with a call: from the request's headers to the last byte
// of the answer. See the diagram in call.h.

#ifndef CORE_SERVER_CALL_H
#define CORE_SERVER_CALL_H

#include "base/linkage.h"
#include "core/call.h"
#include "core/conn.h"

// The role of a server's connections; conn->owner is the grpc_server.
INTERNAL_DATA const struct conn_role server_role;

// server_call_expire: the deadline has passed on our clock.
INTERNAL void server_call_expire(struct grpc_call *call);

// server_call_lose: the stream is gone (reset, connection lost).
INTERNAL void server_call_lose(struct grpc_call *call);

#endif
