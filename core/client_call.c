// SPDX-License-Identifier: MIT

#include "core/client_call.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/assert.h"
#include "core/base64.h"
#include "core/call_credentials.h"
#include "core/channel.h"
#include "core/connectivity.h"
#include "core/compress.h"
#include "core/conn_secure.h"
#include "core/details.h"
#include "core/headers.h"
#include "core/limits.h"
#include "core/percent.h"
#include "core/receive.h"
#include "core/response.h"
#include "core/send.h"
#include "core/status.h"
#include "core/timeout.h"

void client_call_say(struct grpc_call *call, const char *action,
                     const char *reason)
{
    run_set_error(call->loop, call->channel->error, "%s: %s: %s",
                  grpc_call_method(call), action, reason);
}

// ---- The request ------------------------------------------------------------

enum { CLIENT_FIELDS = 10 };

// client_hint_accepted is the hint of grpc-accept-encoding, which is another
// field when an encoding has been added meanwhile.
static hpack_hint *client_hint_accepted(struct conn_client_hints *hints,
                                        struct view accepted)
{
    if (hints->accepted_size != accepted.size) {
        hints->accepted_size = accepted.size;
        hints->accepted = 0;
    }
    return &hints->accepted;
}

// client_put_encodings adds what tells how messages are compressed.
static size_t client_put_encodings(const struct grpc_call *call,
                                   struct conn *conn, struct h2_field *fields,
                                   size_t count)
{
    const struct compress_registry *compress = &call->loop->compress;
    if (UNLIKELY(call->send_encoding >= 0)) {
        struct view name = compress_name(compress, (size_t)call->send_encoding);
        fields[count++] = headers_field(VIEW("grpc-encoding"), name, 0, NULL);
    }
    struct view accepted = compress_accepted(compress);
    if (accepted.size > 0) {
        fields[count++] =
            headers_field(VIEW("grpc-accept-encoding"), accepted, 0,
                          client_hint_accepted(conn->client_hints, accepted));
    }
    return count;
}

// client_put_own puts what a call has of its own in the place of what its method
// and its channel have: for that the connection has hints.
static void client_put_own(const struct grpc_call *call, struct conn *conn,
                           struct h2_field *path, struct h2_field *authority)
{
    const char *text = call->method->path;
    if ((call->own_names & CALL_OWN_PATH) == 0) {
        path->hint = conn_path_hint(conn, text);
    }
    if ((call->own_names & CALL_OWN_AUTHORITY) != 0) {
        authority->field.value =
            view_of(call->authority, strlen(call->authority));
        authority->hint = NULL;
    }
}

// client_put_fields is how many fields the request's headers have.
static size_t client_put_fields(const struct grpc_call *call, struct conn *conn,
                                struct h2_field *fields,
                                char timeout[TIMEOUT_TEXT])
{
    static const hpack_hint client_method = HPACK_STATIC_METHOD_POST;
    static const hpack_hint client_scheme = HPACK_STATIC_SCHEME;
    const struct grpc_channel *channel = call->channel;
    const char *path = call->method->path;
    struct conn_client_hints *hints = conn->client_hints;
    hints->method = client_method;
    hints->scheme = client_scheme;
    fields[0] = headers_field(VIEW(":method"), VIEW("POST"),
                              HPACK_STATIC_METHOD, &hints->method);
    fields[1] = headers_field(VIEW(":scheme"), VIEW("http"),
                              HPACK_STATIC_SCHEME, &hints->scheme);
    if (channel->is_tls) {
        hints->scheme = HPACK_STATIC_SCHEME_HTTPS;
        fields[1].field.value = VIEW("https");
    }
    fields[2] =
        headers_field(VIEW(":path"), view_of(path, strlen(path)), 4, NULL);
    fields[3] =
        headers_field(VIEW(":authority"),
                      view_of(channel->authority, channel->authority_size), 1,
                      &hints->authority);
    if (LIKELY(call->own_names == 0)) {
        fields[2].hint = conn_path_hint(conn, path);
    } else {
        client_put_own(call, conn, &fields[2], &fields[3]);
    }
    fields[4] = headers_field(VIEW("content-type"), VIEW("application/grpc"),
                              31, &conn->content_type);
    fields[5] =
        headers_field(VIEW("user-agent"),
                      view_of(channel->user_agent, channel->user_agent_size),
                      58, &hints->user_agent);
    fields[6] = headers_field(VIEW("te"), VIEW("trailers"), 0, &hints->te);
    size_t count = client_put_encodings(call, conn, fields, 7);
    if (call->deadline_ms != UINT64_MAX) {
        uint64_t now = call->loop->loop.now_ms;
        size_t size = timeout_format(
            call->deadline_ms > now ? call->deadline_ms - now : 0, timeout);
        fields[count] =
            headers_passing(VIEW("grpc-timeout"), view_of(timeout, size), 0);
        fields[count].mode = HPACK_NAME; // no table has it from the start
        count++;
    }
    return call_fields_append(&call->fields, fields, count);
}

// client_send_headers: false without memory, or when the connection has closed
// for lack of it.
static bool client_send_headers(struct grpc_call *call, struct conn *conn,
                                struct h2_stream *stream)
{
    struct h2_field small[CLIENT_FIELDS];
    struct h2_field *fields = small;
    char timeout[TIMEOUT_TEXT];
    if (UNLIKELY(call->fields.count > 0)) {
        fields =
            arena_alloc(&call->arena,
                        (CLIENT_FIELDS + call->fields.count) * sizeof *fields);
    }
    if (fields == NULL) {
        return false;
    }
    size_t count = client_put_fields(call, conn, fields, timeout);
    return h2_send_headers(&conn->h2, stream, fields, count, false);
}

// client_send_messages sends what there is; false without memory.
static bool client_send_messages(struct grpc_call *call)
{
    if (call->method->streams_requests) {
        return send_outbox(call);
    }
    return h2_send_data(&call->conn->h2, call->stream, call->request, true);
}

// client_metadata_fits: the server takes so much metadata, with what gRPC adds.
static bool client_metadata_fits(const struct grpc_call *call,
                                 const struct conn *conn)
{
    return call->fields.count == 0 ||
           call->fields.list_bytes + CORE_HEADER_RESERVE_BYTES <=
               conn->h2.peer.max_header_list_size;
}

// client_refuse_name ends a call whose own authority is not the server's.
static void client_refuse_name(struct grpc_call *call, const struct conn *conn)
{
    char peer[SOCKET_ADDRESS_TEXT];
    conn_peer_text(conn, peer);
    call_set_text(call,
                  "authority \"%.200s\": the certificate of the server, %s, "
                  "does not have that name",
                  call->authority, peer);
    client_call_finish(call, GRPC_UNAVAILABLE);
}

// client_may_name: the connection leads to whom the call's own authority names.
// False: the call has ended.
static bool client_may_name(struct grpc_call *call, const struct conn *conn)
{
    if ((call->own_names & CALL_OWN_AUTHORITY) == 0) {
        return true;
    }
    const char *host =
        arena_copy_text(&call->arena, channel_host(call->authority));
    grpc_result result =
        host == NULL ? GRPC_ENOMEM : conn_allows_authority(conn, host);
    if (result == GRPC_ENOMEM) {
        client_call_refuse_memory(call);
    } else if (result != GRPC_OK) {
        client_refuse_name(call, conn);
    }
    return result == GRPC_OK;
}

bool client_call_send(struct grpc_call *call, struct conn *conn)
{
    ASSERT(call->state == CALL_QUEUED);
    if (!client_metadata_fits(call, conn)) {
        call_set_text(call,
                      "the metadata is larger than the server takes (%lu)",
                      (unsigned long)conn->h2.peer.max_header_list_size);
        client_call_finish(call, GRPC_INTERNAL);
        return true;
    }
    if (UNLIKELY(call->own_names != 0) && !client_may_name(call, conn)) {
        return true;
    }
    struct h2_stream *stream = h2_open(&conn->h2, call);
    if (stream == NULL) {
        return false;
    }
    list_remove(&call->link);
    call_attach(call, conn, stream);
    conn_call_began(conn);
    call_set_state(call, CALL_SENT);
    conn_wake(conn);
    call->place = h2_output_end(&conn->h2);
    // Without memory for the headers the engine closes the connection, and
    // the call ends with it, if not here.
    if (!client_send_headers(call, conn, stream) ||
        !client_send_messages(call)) {
        client_call_refuse_memory(call);
    }
    return true;
}

// client_pack_request makes a frame of the only request, which lies in the arena
// with room for the head in front.
static bool client_pack_request(struct grpc_call *call)
{
    struct view bytes;
    const char *reason = "";
    if (call->method->streams_requests) {
        return true;
    }
    grpc_result result = send_request(call, call->request, &bytes, &reason);
    uint8_t *copy = NULL;
    if (LIKELY(result == GRPC_OK &&
               bytes.data == call->request.data - DEFRAME_HEAD)) {
        call->request = bytes;
        return true;
    }
    if (result == GRPC_OK) {
        copy = arena_alloc(&call->arena, bytes.size);
        reason = "out of memory";
    }
    if (copy == NULL) {
        call_set_text(call, "grpc: error marshalling request: %s", reason);
        client_call_finish(call, result == GRPC_EINVAL || result == GRPC_ESTATE
                                     ? GRPC_INTERNAL
                                     : GRPC_RESOURCE_EXHAUSTED);
        return false;
    }
    memcpy(copy, bytes.data, bytes.size);
    call->request = view_of(copy, bytes.size);
    return true;
}

void client_call_begin(struct grpc_call *call)
{
    if (call->state != CALL_QUEUED ||
        (UNLIKELY(call->started < call->chain->count) &&
         !intercept_start(call))) {
        return;
    }
    call->begun = true;
    if (send_held(call) && client_pack_request(call) &&
        call->state == CALL_QUEUED) {
        channel_submit(call->channel, call);
    }
}

// ---- The end ----------------------------------------------------------------

void client_call_finish(struct grpc_call *call, grpc_code code)
{
    if (call->state == CALL_FINISHED) {
        return;
    }
    struct grpc_loop *loop = call->loop;
    call->code = code;
    call->held = false;
    call->send_waits = false;
    loop_timer_stop(&loop->loop, &call->timer);
    list_remove(&call->link_parent);
    send_forget(call);
    // A server that has ended the stream early no longer listens; any other is
    // told to stop.
    bool heard_all = call->stream != NULL &&
                     call->stream->state == H2_STATE_HALF_CLOSED_REMOTE;
    if (call->conn != NULL && call->stream->state == H2_STATE_CLOSED &&
        !call->stream->reset) {
        flood_ended_well(&call->conn->flood, call->conn->h2.limits);
    }
    call_detach(call, heard_all ? H2_NO_ERROR : H2_CANCEL);
    if (UNLIKELY(call->outlives)) {
        call->outlives = false;
        receive_fini(call);
    }
    list_remove(&call->link);
    call_set_state(call, CALL_FINISHED);
    list_append(&loop->finished, &call->link);
    call->channel->used_ms = run_now(loop);
    channel_pump(call->channel); // its stream may have been waited for
}

bool client_call_outlive(struct grpc_call *call)
{
    if (!call->status_known || call->end_given) {
        return false;
    }
    struct chunk_queue inbox = call->inbox;
    bool is_ready = list_is_linked(&call->link_ready);
    chunk_queue_init(&call->inbox, inbox.pool);
    call_detach(call, H2_NO_ERROR);
    call->inbox = inbox;
    call->outlives = true;
    call->half_closed = true;
    call->send_waits = false;
    list_append(&call->channel->held, &call->link);
    if (is_ready) {
        receive_ready(call);
    }
    channel_pump(call->channel);
    return true;
}

void client_call_deliver(struct grpc_call *call)
{
    ASSERT(call->state == CALL_FINISHED);
    list_remove(&call->link);
    if (UNLIKELY(call->started > 0)) {
        intercept_end(call);
    }
    if (call->blocking) {
        return; // whoever waits looks at the state and gives the call back
    }
    const grpc_status status = call_status(call);
    call->method->done(call, &status,
                       call->code == GRPC_OK ? call->message : NULL, call->done,
                       call->self);
    call_release(call);
}

// client_say_queued makes the text of a call whose deadline has passed before it
// was sent.
static void client_say_queued(struct grpc_call *call)
{
    char why[RUN_ERROR_TEXT];
    if (call->held) {
        call_set_text(call, "deadline exceeded while waiting for %s",
                      call_credentials_are_asked(call) ? "call credentials"
                                                       : "an interceptor");
    } else if (call->channel->state == GRPC_READY) {
        call_set_text(call, "deadline exceeded while waiting for a stream: the "
                            "server takes no more calls at the same time");
    } else {
        channel_why_waiting(call->channel, why);
        call_set_text(
            call, "deadline exceeded while waiting for a connection: %s", why);
    }
}

void client_call_expire(struct grpc_call *call)
{
    if (call->state == CALL_QUEUED) {
        client_say_queued(call);
    } else if (call->outlives) {
        call_set_text(call, "deadline exceeded while the response waited to "
                            "be read");
    } else {
        char peer[SOCKET_ADDRESS_TEXT];
        struct socket_address address;
        conn_peer(call->conn, &address);
        socket_address_text(&address, peer);
        call_set_text(
            call, "deadline exceeded: no answer from %s for %lu ms", peer,
            (unsigned long)((run_now_us(call->loop) - call->started_us) /
                            1000));
    }
    client_call_finish(call, GRPC_DEADLINE_EXCEEDED);
}

void client_call_refuse(struct grpc_call *call, grpc_code code)
{
    client_call_finish(call, code);
}

void client_call_refuse_memory(struct grpc_call *call)
{
    call_set_text(call, "out of memory");
    client_call_finish(call, GRPC_RESOURCE_EXHAUSTED);
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

// client_take_details keeps the details of a status that are for the user to
// decode. What is not base64, or contradicts the status, is none: it does not
// cost the user the status.
static void client_take_details(struct grpc_call *call, struct view encoded,
                                grpc_code code)
{
    if (LIKELY(encoded.size == 0)) {
        return;
    }
    size_t size = 0;
    char *bytes = arena_alloc(&call->arena, base64_decoded_max(encoded.size));
    if (bytes == NULL || !base64_decode(encoded, bytes, &size)) {
        return;
    }
    const grpc_str details = {bytes, size};
    if (!details_contradict(&call->arena, details, code)) {
        call->details = details;
    }
}

// client_take_metadata: false ends the call.
static bool client_take_metadata(struct grpc_call *call,
                                 const struct hpack_block *block,
                                 const struct response *response,
                                 grpc_metadata *out)
{
    if (LIKELY(!response->has_metadata)) {
        return true;
    }
    switch (call_fields_collect(&call->arena, block, out)) {
    case CALL_FIELDS_DONE:
        return true;
    case CALL_FIELDS_NO_MEMORY:
        call_set_text(call, "out of memory");
        client_fail(call, GRPC_RESOURCE_EXHAUSTED, H2_CANCEL);
        break;
    case CALL_FIELDS_BAD_BASE64:
        call_set_text(call, "a header whose name ends in -bin is not base64");
        client_fail(call, GRPC_INTERNAL, H2_PROTOCOL_ERROR);
        break;
    case CALL_FIELDS_TOO_MANY:
        call_set_text(call, "the metadata has more than 1,000 pieces");
        client_fail(call, GRPC_RESOURCE_EXHAUSTED, H2_CANCEL);
        break;
    }
    return false;
}

// client_stop_sending: the server has ended the call and listens no more. Whoever
// waits for room need not.
static void client_stop_sending(struct grpc_call *call)
{
    call->half_closed = true;
    call->send_waits = false;
}

// client_take_status takes the status that the trailers tell. The call ends with
// it when its messages have been given.
static void client_take_status(struct grpc_call *call,
                               const struct response *response,
                               const struct hpack_block *block)
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
    client_take_details(call, response->details, code);
    if (client_take_metadata(call, block, response, &call->trailers)) {
        call->code = code;
        call->status_known = true;
        client_stop_sending(call);
        receive_end(call);
    }
}

void client_call_on_end(struct grpc_call *call)
{
    grpc_code code = call->code;
    if (!call->status_known) {
        call_set_text(call,
                      "server closed the stream without sending trailers");
        code = GRPC_INTERNAL;
    } else if (code == GRPC_OK && !deframe_is_between(&call->deframe)) {
        call_set_text(call, "the response ends within a message");
        code = GRPC_INTERNAL;
    } else if (code == GRPC_OK && !call->has_message &&
               !call->method->streams_replies) {
        // A reply that is missing matters only where the status is OK.
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

// client_keep_encoding keeps the name of an encoding that we lack, in case that a
// message uses it.
static void client_keep_encoding(struct grpc_call *call, struct view encoding)
{
    encoding.size = (size_t)headers_clip(encoding);
    call->unknown_encoding = arena_copy_text(&call->arena, encoding);
    if (call->unknown_encoding == NULL) {
        call->unknown_encoding = "";
    }
}

// client_take_headers takes response headers that are gRPC's.
static void client_take_headers(struct grpc_call *call,
                                const struct hpack_block *block,
                                const struct response *response)
{
    struct view encoding = response->encoding;
    if (UNLIKELY(encoding.size > 0 && !VIEW_IS(encoding, "identity"))) {
        int found = compress_find(&call->loop->compress, encoding);
        call->receive_encoding =
            found < 0 ? CALL_UNKNOWN_ENCODING : (int8_t)found;
        if (found < 0) {
            client_keep_encoding(call, encoding);
        }
    }
    if (!client_take_metadata(call, block, response, &call->headers)) {
        return;
    }
    call->headers_given = true;
    if (call->on_headers != NULL) {
        call->on_headers(call, call->self);
    }
}

static void client_take_response(struct grpc_call *call,
                                 const struct h2_event *event,
                                 const struct response *response)
{
    call->http_status = event->http_status;
    call->response_seen = true;
    call->conn->has_answered = true;
    send_forget(call);
    if (!response->is_grpc && response->status.size == 0) {
        client_refuse_response(call, response);
    } else if (event->end_stream) {
        client_take_status(call, response, event->block);
    } else if (event->http_status != 200) {
        call_set_text(call,
                      "unexpected HTTP status code received from "
                      "server: %u (%s)",
                      (unsigned)event->http_status,
                      status_http_name(event->http_status));
        client_fail(call, status_of_http(event->http_status),
                    H2_PROTOCOL_ERROR);
    } else {
        client_take_headers(call, event->block, response);
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
        client_take_status(call, &response, event->block);
    }
}

void client_on_data(struct conn *conn, const struct h2_event *event)
{
    struct grpc_call *call = event->stream->owner;
    if (call == NULL) {
        h2_credit(&conn->h2, event->stream, event->data.size);
        return;
    }
    receive_data(call, event->data);
    if (event->end_stream && call->state == CALL_SENT) {
        receive_end(call);
    }
}

void client_on_writable(struct conn *conn, const struct h2_event *event)
{
    struct grpc_call *call = event->stream->owner;
    (void)conn;
    if (call != NULL) {
        send_on_writable(call);
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

// client_is_whole: all that was sent is still there to be sent once more.
static bool client_is_whole(const struct grpc_call *call)
{
    return !call->method->streams_requests || call->outbox_is_whole;
}

// client_may_retry: the server has not processed the call, so it is sent once
// more without the user's knowledge (gRFC A6, transparent retries).
static bool client_may_retry(const struct grpc_call *call,
                             const struct h2_event *event)
{
    return event->by_peer && event->code == H2_REFUSED_STREAM &&
           !call->response_seen && call->retries == 0 &&
           !call->channel->freed && client_is_whole(call);
}

// client_say_reset makes the call's text of why its stream was reset.
static void client_say_reset(struct grpc_call *call,
                             const struct h2_event *event)
{
    const struct h2_conn *h2 = &call->conn->h2;
    if (!event->by_peer) {
        call_set_text(call, "the server broke the protocol: %s", event->reason);
    } else if (h2->goaway_received &&
               event->stream->id > h2->goaway_received_id) {
        // There was no such frame: the GOAWAY left the stream out.
        call_set_text(call,
                      "the server, %s, did not process the call, and went away",
                      grpc_call_peer(call));
    } else {
        call_set_text(call,
                      "stream terminated by RST_STREAM with error code: %s",
                      h2_code_name(event->code));
    }
}

// client_send_again has the call look for a connection anew.
static void client_send_again(struct grpc_call *call)
{
    call_detach(call, H2_CANCEL);
    call_set_state(call, CALL_QUEUED);
    channel_submit(call->channel, call);
}

void client_on_reset(struct conn *conn, const struct h2_event *event)
{
    struct grpc_call *call = event->stream->owner;
    if (call == NULL) {
        h2_release(&conn->h2, event->stream);
        return;
    }
    if (client_call_outlive(call)) {
        return;
    }
    if (client_may_retry(call, event)) {
        call->retries++;
        client_send_again(call);
        return;
    }
    if (client_is_expired(call, event)) {
        client_call_expire(call);
        return;
    }
    client_say_reset(call, event);
    client_call_finish(call, event->by_peer ? status_of_reset(event->code)
                                            : GRPC_INTERNAL);
}

// ---- The end of the connection ----------------------------------------------

bool client_call_has_left(const struct grpc_call *call)
{
    return h2_has_left(&call->conn->h2, call->place);
}

// client_may_start_over: no server can have seen any of the call, so it goes on
// with the next connection as if it had waited for that; as often as it takes
// (gRFC A6, transparent retries).
static bool client_may_start_over(const struct grpc_call *call)
{
    return !client_call_has_left(call) && !call->channel->freed &&
           client_is_whole(call);
}

void client_call_end_all_on(struct conn *conn, const char *reason)
{
    bool taken_back = false;
    while (!list_is_empty(&conn->calls)) {
        struct list_link *link = list_first(&conn->calls);
        struct grpc_call *call = LIST_OWNER(link, struct grpc_call, link);
        if (client_may_start_over(call)) {
            // The output may still be sent, for the sake of a GOAWAY. The first
            // call of the list is the first in it.
            if (!taken_back) {
                h2_take_back(&conn->h2, call->place);
                taken_back = true;
            }
            client_send_again(call);
        } else if (!client_call_outlive(call)) {
            call_set_text(call, "%s", reason);
            client_call_finish(call, GRPC_UNAVAILABLE);
        }
    }
}

// ---- An interceptor's answer ------------------------------------------------

static bool client_is_open(const struct grpc_call *call)
{
    return call->state == CALL_QUEUED || call->state == CALL_SENT;
}

grpc_result client_call_fail(struct grpc_call *call, grpc_code code,
                             const char *format, va_list arguments)
{
    if (!client_is_open(call)) {
        return GRPC_ESTATE;
    }
    if (format != NULL) {
        call_set_text_list(call, format, arguments);
    }
    grpc_result result = GRPC_OK;
    grpc_code told = code;
    if ((unsigned)code < 1 || (unsigned)code > 16) {
        told = GRPC_UNKNOWN;
        result = GRPC_EINVAL;
    }
    if (call_credentials_are_asked(call)) {
        told = call_credentials_failed(call, code);
    }
    client_call_finish(call, told);
    return result;
}

// client_reply_failed ends a call whose interceptor has a reply that it cannot
// have: as on a server, it is not left without an end.
static grpc_result client_reply_failed(struct grpc_call *call,
                                       grpc_result result, const char *reason)
{
    call_set_text(call, "grpc: error marshalling response: %s", reason);
    client_call_finish(call, result == GRPC_EINVAL ? GRPC_INTERNAL
                                                   : GRPC_RESOURCE_EXHAUSTED);
    return result;
}

grpc_result client_call_reply(struct grpc_call *call, const void *reply)
{
    const grpc_method *method = call->method;
    if (!client_is_open(call) || call->begun || method->streams_replies) {
        return GRPC_ESTATE;
    }
    if (reply == NULL) {
        return client_reply_failed(call, GRPC_EINVAL, "it is NULL");
    }
    // What the caller gets must be its own, so it is encoded and decoded.
    grpc_buffer *buffer = encoded_begin(&call->loop->encoded);
    const char *reason = "";
    grpc_result result =
        method->codec->encode(method->reply, reply, buffer, &reason);
    if (result != GRPC_OK) {
        return client_reply_failed(call, result, reason);
    }
    struct view bytes =
        view_of(buffer->first, (size_t)(buffer->end - buffer->first));
    struct call_failure failure = receive_only(call, bytes);
    client_call_finish(call, failure.code);
    return failure.reason == NULL ? GRPC_OK : GRPC_ENOMEM;
}
