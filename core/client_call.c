// SPDX-License-Identifier: MIT

#include "core/client_call.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/assert.h"
#include "core/channel.h"
#include "core/headers.h"
#include "core/limits.h"
#include "core/percent.h"
#include "core/response.h"
#include "core/status.h"
#include "core/timeout.h"

// ---- The request ------------------------------------------------------------

enum { CLIENT_FIELDS = 8 };

static bool client_send_headers(struct grpc_call *call, struct conn *conn,
                                struct h2_stream *stream)
{
    const struct grpc_channel *channel = call->channel;
    const char *path = call->method->path;
    struct conn_client_hints *hints = conn->client_hints;
    hpack_hint method = HPACK_STATIC_METHOD_POST;
    hpack_hint scheme = HPACK_STATIC_SCHEME;
    struct h2_field fields[CLIENT_FIELDS] = {
        headers_field(VIEW(":method"), VIEW("POST"), HPACK_STATIC_METHOD,
                      &method),
        headers_field(VIEW(":scheme"), VIEW("http"), HPACK_STATIC_SCHEME,
                      &scheme),
        headers_field(VIEW(":path"), view_of(path, strlen(path)), 4,
                      conn_path_hint(conn, path)),
        headers_field(VIEW(":authority"),
                      view_of(channel->authority, channel->authority_size), 1,
                      &hints->authority),
        headers_field(VIEW("content-type"), VIEW("application/grpc"), 31,
                      &conn->content_type),
        headers_field(VIEW("user-agent"),
                      view_of(channel->user_agent, channel->user_agent_size),
                      58, &hints->user_agent),
        headers_field(VIEW("te"), VIEW("trailers"), 0, &hints->te),
    };
    size_t count = 7;
    char timeout[TIMEOUT_TEXT];
    if (call->deadline_ms != UINT64_MAX) {
        uint64_t now = call->loop->loop.now_ms;
        size_t size = timeout_format(
            call->deadline_ms > now ? call->deadline_ms - now : 0, timeout);
        fields[count] =
            headers_passing(VIEW("grpc-timeout"), view_of(timeout, size), 0);
        fields[count].mode = HPACK_NAME; // no table has it from the start
        count++;
    }
    return h2_send_headers(&conn->h2, stream, fields, count, false);
}

bool client_call_send(struct grpc_call *call, struct conn *conn)
{
    ASSERT(call->state == CALL_QUEUED);
    struct h2_stream *stream = h2_open(&conn->h2, call);
    if (stream == NULL) {
        return false;
    }
    list_remove(&call->link);
    call_attach(call, conn, stream);
    call_set_state(call, CALL_SENT);
    conn_wake(conn);
    // Without memory for the headers the engine closes the connection, and
    // the call ends with it.
    if (client_send_headers(call, conn, stream) &&
        !h2_send_data(&conn->h2, stream, call->request, true)) {
        call_set_text(call, "out of memory");
        client_call_finish(call, GRPC_RESOURCE_EXHAUSTED);
    }
    return true;
}

// ---- The end ----------------------------------------------------------------

void client_call_finish(struct grpc_call *call, grpc_code code)
{
    if (call->state == CALL_FINISHED) {
        return;
    }
    struct grpc_loop *loop = call->loop;
    call->code = code;
    loop_timer_stop(&loop->loop, &call->timer);
    // A server that has ended the stream early no longer listens; any other is
    // told to stop.
    bool heard_all = call->stream != NULL &&
                     call->stream->state == H2_STATE_HALF_CLOSED_REMOTE;
    if (call->conn != NULL && call->stream->state == H2_STATE_CLOSED &&
        !call->stream->reset) {
        flood_ended_well(&call->conn->flood, call->conn->h2.limits);
    }
    call_detach(call, heard_all ? H2_NO_ERROR : H2_CANCEL);
    list_remove(&call->link);
    call_set_state(call, CALL_FINISHED);
    list_append(&loop->finished, &call->link);
    channel_pump(call->channel); // its stream may have been waited for
}

void client_call_deliver(struct grpc_call *call)
{
    ASSERT(call->state == CALL_FINISHED);
    list_remove(&call->link);
    if (call->blocking) {
        return; // grpc_unary looks at the state and gives the call back
    }
    const grpc_status status = {
        .code = call->code,
        .message = call->text,
        .message_size = call->text_size,
    };
    call->method->done(call, &status,
                       call->code == GRPC_OK ? call->message : NULL,
                       call->callback, call->self);
    call_release(call);
}

void client_call_expire(struct grpc_call *call)
{
    const char *cause = call->channel->cause;
    if (call->state == CALL_QUEUED && cause[0] != '\0') {
        call_set_text(call,
                      "deadline exceeded while waiting for a connection; "
                      "last cause: %s",
                      cause);
    } else if (call->state == CALL_QUEUED) {
        call_set_text(call, "deadline exceeded while waiting for a connection");
    } else {
        char peer[SOCKET_ADDRESS_TEXT];
        struct socket_address address;
        conn_peer(call->conn, &address);
        socket_address_text(&address, peer);
        call_set_text(
            call, "deadline exceeded: no answer from %s for %lu ms", peer,
            (unsigned long)(call->loop->loop.now_ms - call->started_ms));
    }
    client_call_finish(call, GRPC_DEADLINE_EXCEEDED);
}

// client_fail ends a call because of what the server has sent.
static void client_fail(struct grpc_call *call, grpc_code code,
                        enum h2_code reset)
{
    if (call->stream != NULL) {
        h2_reset(&call->conn->h2, call->stream, reset);
    }
    client_call_finish(call, code);
}

// ---- The response -----------------------------------------------------------

static void client_take_text(struct grpc_call *call, struct view encoded)
{
    char *text = arena_alloc(&call->arena, encoded.size + 1);
    if (text == NULL) {
        call_set_text(call, "out of memory");
        return;
    }
    call->text_size = percent_decode(encoded, text);
    text[call->text_size] = '\0';
    call->text = text;
}

// client_take_status ends the call as the trailers say. A reply that is
// missing matters only where the status is OK.
static void client_take_status(struct grpc_call *call,
                               const struct response *response)
{
    if (response->status.size == 0) {
        call_set_text(call, "the server's trailers have no grpc-status");
        client_fail(call, GRPC_UNKNOWN, H2_NO_ERROR);
        return;
    }
    grpc_code code;
    if (!status_parse(response->status, &code)) {
        call_set_text(call, "malformed grpc-status: \"%.*s\"",
                      headers_clip(response->status),
                      (const char *)response->status.data);
        client_fail(call, GRPC_UNKNOWN, H2_NO_ERROR);
        return;
    }
    client_take_text(call, response->message);
    if (code == GRPC_OK && !deframe_is_between(&call->deframe)) {
        call_set_text(call, "the response ends within a message");
        code = GRPC_INTERNAL;
    } else if (code == GRPC_OK && !call->has_message) {
        call_set_text(call, "no message in the response of a unary call");
        code = GRPC_UNIMPLEMENTED;
    }
    client_call_finish(call, code);
}

// client_refuse_response ends a call whose response is not gRPC: a proxy, or a
// server of something else.
static void client_refuse_response(struct grpc_call *call,
                                   const struct response *response)
{
    unsigned http_status = call->http_status;
    if (http_status != 200) {
        call_set_text(call,
                      "unexpected HTTP status code received from server: %u "
                      "(%s); transport: received unexpected content-type "
                      "\"%.*s\"",
                      http_status, status_http_name(http_status),
                      headers_clip(response->content_type),
                      (const char *)response->content_type.data);
    } else {
        call_set_text(call,
                      "transport: received unexpected content-type "
                      "\"%.*s\"",
                      headers_clip(response->content_type),
                      (const char *)response->content_type.data);
    }
    client_fail(call, status_of_http(http_status), H2_PROTOCOL_ERROR);
}

static void client_take_response(struct grpc_call *call,
                                 const struct h2_event *event,
                                 const struct response *response)
{
    call->http_status = event->http_status;
    call->response_seen = true;
    if (!response->is_grpc && response->status.size == 0) {
        client_refuse_response(call, response);
    } else if (event->end_stream) {
        client_take_status(call, response);
    } else if (event->http_status != 200) {
        call_set_text(call,
                      "unexpected HTTP status code received from "
                      "server: %u (%s)",
                      (unsigned)event->http_status,
                      status_http_name(event->http_status));
        client_fail(call, status_of_http(event->http_status),
                    H2_PROTOCOL_ERROR);
    }
}

void client_on_headers(struct conn *conn, const struct h2_event *event)
{
    struct grpc_call *call = event->stream->owner;
    (void)conn;
    if (call == NULL || event->headers == H2_HEADERS_INFORMATIONAL) {
        return;
    }
    struct response response;
    response_parse(&response, event->block);
    if (event->block->over_limit && response.status.size == 0) {
        call_set_text(call, "the response headers are larger than the limit");
        client_fail(call, GRPC_RESOURCE_EXHAUSTED, H2_CANCEL);
    } else if (event->headers == H2_HEADERS_RESPONSE) {
        client_take_response(call, event, &response);
    } else {
        client_take_status(call, &response);
    }
}

void client_on_data(struct conn *conn, const struct h2_event *event)
{
    struct grpc_call *call = event->stream->owner;
    if (call == NULL) {
        h2_credit(&conn->h2, event->stream, event->data.size);
        return;
    }
    struct call_failure failure = call_take_data(call, event->data);
    if (failure.reason != NULL) {
        client_fail(call, failure.code, H2_CANCEL);
    } else if (event->end_stream) {
        call_set_text(call,
                      "server closed the stream without sending trailers");
        client_call_finish(call, GRPC_INTERNAL);
    }
}

// client_is_expired: the server's clock may be a little ahead of our timer, and
// its reset arrive first; it is our deadline all the same.
static bool client_is_expired(const struct grpc_call *call,
                              const struct h2_event *event)
{
    return event->by_peer && event->code == H2_CANCEL &&
           call->loop->loop.now_ms >= call->deadline_ms;
}

// client_may_retry: the server has not processed the call, so it is sent once
// more without the user's knowledge (gRFC A6, transparent retries).
static bool client_may_retry(const struct grpc_call *call,
                             const struct h2_event *event)
{
    return event->by_peer && event->code == H2_REFUSED_STREAM &&
           !call->response_seen && call->retries == 0 && !call->channel->freed;
}

void client_on_reset(struct conn *conn, const struct h2_event *event)
{
    struct grpc_call *call = event->stream->owner;
    if (call == NULL) {
        h2_release(&conn->h2, event->stream);
        return;
    }
    if (client_may_retry(call, event)) {
        call->retries++;
        call_detach(call, H2_CANCEL);
        call_set_state(call, CALL_QUEUED);
        channel_submit(call->channel, call);
        return;
    }
    if (client_is_expired(call, event)) {
        client_call_expire(call);
        return;
    }
    grpc_code code =
        event->by_peer ? status_of_reset(event->code) : GRPC_INTERNAL;
    if (event->by_peer) {
        call_set_text(call,
                      "stream terminated by RST_STREAM with error code: %s",
                      h2_code_name(event->code));
    } else {
        call_set_text(call, "the server broke the protocol: %s", event->reason);
    }
    client_call_finish(call, code);
}
