// SPDX-License-Identifier: MIT
// What a server sends beside messages: response headers, trailers, and the
// answers to requests that never become calls (PROTOCOL-HTTP2.md, Responses).

#ifndef CORE_SERVER_HEADERS_H
#define CORE_SERVER_HEADERS_H

#include <stdbool.h>

#include "base/linkage.h"
#include "core/call.h"
#include "core/conn.h"
#include "core/request.h"

// server_headers_send sends the response headers. GRPC_ELIMIT: the client does
// not take so much; GRPC_ENOMEM: the connection may be closed.
INTERNAL MUST_CHECK grpc_result server_headers_send(struct grpc_call *call);

// server_trailers_send sends the status in call->code and text, with END_STREAM;
// no DATA waits. False: without memory; the engine has closed the connection.
INTERNAL MUST_CHECK bool server_trailers_send(struct grpc_call *call);

// server_refuse answers a request that never becomes a call, as request->code
// says, and releases the stream; server_refuse_as does with a code.
INTERNAL void server_refuse(struct conn *conn, struct h2_stream *stream,
                            const struct request *request, const char *reason);
INTERNAL void server_refuse_as(struct conn *conn, struct h2_stream *stream,
                               grpc_code code, const char *reason);

#endif
