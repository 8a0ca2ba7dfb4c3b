// SPDX-License-Identifier: MIT

#include "core/server_call.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/assert.h"
#include "core/headers.h"
#include "core/limits.h"
#include "core/percent.h"
#include "core/request.h"
#include "core/server.h"

// ---- The answer -------------------------------------------------------------

enum {
    SERVER_CODE_TEXT = 4, // "16" and a NUL
    SERVER_TRAILER_FIELDS = 5,
};

static bool server_send_headers(struct grpc_call *call)
{
    hpack_hint status = HPACK_STATIC_STATUS;
    const struct h2_field fields[] = {
        headers_field(VIEW(":status"), VIEW("200"), HPACK_STATIC_STATUS,
                      &status),
        headers_field(VIEW("content-type"), VIEW("application/grpc"),
                      HPACK_STATIC_CONTENT_TYPE, &call->conn->content_type),
    };
    return h2_send_headers(&call->conn->h2, call->stream, fields, 2, false);
}

// An answer without messages is one block of headers and trailers together.
struct server_trailers {
    bool alone;           // Trailers-Only: begin with :status, content-type
    uint16_t http_status; // then
    grpc_code code;
    struct view text;
    bool tell_encodings;
};

static size_t server_format_code(grpc_code code, char text[SERVER_CODE_TEXT])
{
    unsigned value = (unsigned)code;
    if (value < 10) {
        text[0] = (char)('0' + value);
        return 1;
    }
    text[0] = (char)('0' + value / 10 % 10);
    text[1] = (char)('0' + value % 10);
    return 2;
}

static void server_format_status(uint16_t status, char text[3])
{
    text[0] = (char)('0' + status / 100 % 10);
    text[1] = (char)('0' + status / 10 % 10);
    text[2] = (char)('0' + status % 10);
}

static bool server_send_trailers(struct conn *conn, struct h2_stream *stream,
                                 const struct server_trailers *trailers)
{
    struct h2_field fields[SERVER_TRAILER_FIELDS];
    size_t count = 0;
    char http_status[3];
    char code[SERVER_CODE_TEXT];
    char message[CORE_MESSAGE_TEXT_BYTES];
    if (trailers->alone) {
        server_format_status(trailers->http_status, http_status);
        fields[count++] =
            headers_passing(VIEW(":status"), view_of(http_status, 3), 8);
        fields[count++] =
            headers_field(VIEW("content-type"), VIEW("application/grpc"), 31,
                          &conn->content_type);
    }
    size_t size = server_format_code(trailers->code, code);
    fields[count++] =
        headers_field(VIEW("grpc-status"), view_of(code, size), 0,
                      trailers->code == GRPC_OK ? &conn->status_ok : NULL);
    if (trailers->text.size > 0) {
        size = percent_encode(trailers->text, message, sizeof message);
        fields[count++] =
            headers_passing(VIEW("grpc-message"), view_of(message, size), 0);
    }
    if (trailers->tell_encodings) {
        fields[count++] = headers_field(VIEW("grpc-accept-encoding"),
                                        VIEW("identity"), 0, NULL);
    }
    return h2_send_headers(&conn->h2, stream, fields, count, true);
}

// server_end_call is what follows END_STREAM: the client may still be
// sending, and is told that nobody listens (RFC 9113 section 8.1).
static void server_end_call(struct grpc_call *call)
{
    flood_ended_well(&call->conn->flood, call->conn->h2.limits);
    call_detach(call, H2_NO_ERROR);
    if (!call->in_handler) {
        call_release(call);
    }
}

// server_await_client: the answer waits for the client to take what stands
// before its end. It has until its deadline, and no longer than the limit on
// stalls without progress.
static void server_await_client(struct grpc_call *call)
{
    uint64_t due_ms =
        run_due(call->loop, call->conn->h2.limits->answer_stall_ms);
    call->queued_mark = h2_queued_bytes(call->stream);
    if (due_ms > call->deadline_ms) {
        due_ms = call->deadline_ms + 1;
    }
    loop_timer_start(&call->loop->loop, &call->timer, due_ms);
}

// server_send_end sends the status when no DATA stands before it any more.
static void server_send_end(struct grpc_call *call)
{
    if (h2_queued_bytes(call->stream) > 0) {
        h2_want_writable(call->stream);
        server_await_client(call);
        return;
    }
    const struct server_trailers trailers = {
        .alone = !call->stream->headers_sent,
        .http_status = 200,
        .code = call->code,
        .text = view_of(call->text, call->text_size),
    };
    // Without memory the connection is closed, and the call with it.
    if (server_send_trailers(call->conn, call->stream, &trailers)) {
        server_end_call(call);
    }
}

// server_answer sends the status in call->code and text.
static void server_answer(struct grpc_call *call)
{
    call_set_state(call, CALL_ANSWERED);
    conn_wake(call->conn);
    server_send_end(call);
}

static void server_fail(struct grpc_call *call, grpc_code code)
{
    call->code = code;
    server_answer(call);
}

// server_refuse answers a request that never becomes a call.
static void server_refuse(struct conn *conn, struct h2_stream *stream,
                          const struct request *request, const char *reason)
{
    char text[CORE_MESSAGE_TEXT_BYTES];
    int size = request->detail.size == 0
                   ? snprintf(text, sizeof text, "%s", reason)
                   : snprintf(text, sizeof text, "%s \"%.*s\"", reason,
                              headers_clip(request->detail),
                              (const char *)request->detail.data);
    const struct server_trailers trailers = {
        .alone = true,
        .http_status = request->http_status,
        .code = request->code,
        .text = view_of(text, (size_t)size < sizeof text ? (size_t)size
                                                         : sizeof text - 1),
        .tell_encodings = request->tell_encodings,
    };
    if (server_send_trailers(conn, stream, &trailers)) {
        h2_reset(&conn->h2, stream, H2_NO_ERROR);
        h2_release(&conn->h2, stream);
    }
    conn_wake(conn);
}

static void server_refuse_as(struct conn *conn, struct h2_stream *stream,
                             grpc_code code, const char *reason)
{
    const struct request request = {.http_status = 200, .code = code};
    server_refuse(conn, stream, &request, reason);
}

// ---- The end before the answer ----------------------------------------------

// server_orphan keeps a call that its handler still has to answer.
static void server_orphan(struct grpc_call *call, struct conn *conn)
{
    list_append(&conn->orphans, &call->link);
    conn->orphan_count++;
    call->counted_in = &conn->orphan_count;
}

// server_tell says once that nobody waits for the answer any more. A handler
// that asked to be told is done with the call; any other still has to answer.
static void server_tell(struct grpc_call *call, struct conn *conn)
{
    call->over = true;
    if (call->state == CALL_RECEIVING || call->state == CALL_ANSWERED) {
        call_release(call);
        return;
    }
    void (*told)(void *argument) = call->told;
    if (told == NULL) {
        server_orphan(call, conn);
        return;
    }
    call->told = NULL;
    bool was_in_handler = call->in_handler;
    call->in_handler = true; // an answer given now must not free the call
    told(call->told_argument);
    call->in_handler = was_in_handler;
    if (call->state == CALL_HANDLING) {
        call_set_state(call, CALL_ANSWERED);
    }
    if (!call->in_handler) {
        call_release(call);
    }
}

void server_call_lose(struct grpc_call *call)
{
    struct conn *conn = call->conn;
    loop_timer_stop(&call->loop->loop, &call->timer);
    call_detach(call, H2_CANCEL);
    server_tell(call, conn);
}

// server_least_bytes is what a call in that state has to move in that time. The
// least rate is one of the connection: calls that wait side by side share it, as
// they do its line.
static uint64_t server_least_bytes(const struct conn *conn,
                                   enum call_state state, uint32_t ms)
{
    uint64_t count = 0;
    LIST_FOREACH (link, after, &conn->calls) {
        count += LIST_OWNER(link, struct grpc_call, link)->state == state;
    }
    uint64_t all = limits_least_bytes(conn->h2.limits, ms);
    return count < all ? all / (count > 0 ? count : 1) : 1;
}

// server_expire_answer: the client has not taken its answer.
static void server_expire_answer(struct grpc_call *call)
{
    uint64_t least = server_least_bytes(call->conn, CALL_ANSWERED,
                                        call->conn->h2.limits->answer_stall_ms);
    size_t taken = call->queued_mark - h2_queued_bytes(call->stream);
    if (call->loop->loop.now_ms < call->deadline_ms && taken >= least) {
        server_await_client(call);
    } else {
        server_call_lose(call);
    }
}

void server_call_expire(struct grpc_call *call)
{
    if (call->conn == NULL) {
        return;
    }
    if (call->state == CALL_ANSWERED) {
        server_expire_answer(call);
        return;
    }
    call_set_text(call, "deadline exceeded");
    call->code = GRPC_DEADLINE_EXCEEDED;
    if (call->state != CALL_HANDLING) {
        server_answer(call);
        return;
    }
    // The handler is still at work: the client hears from us now, the handler
    // is told, and its answer goes nowhere.
    const struct server_trailers trailers = {
        .alone = true,
        .http_status = 200,
        .code = call->code,
        .text = view_of(call->text, call->text_size),
    };
    struct conn *conn = call->conn;
    conn_wake(conn);
    if (server_send_trailers(conn, call->stream, &trailers)) {
        call_detach(call, H2_NO_ERROR);
        server_tell(call, conn);
    }
}

// ---- The request ------------------------------------------------------------

// server_lookup finds the method; a path that came from the header table is
// looked up once per connection, and remembered there.
static const struct method_entry *server_lookup(struct grpc_server *server,
                                                const struct hpack_field *path)
{
    uintptr_t memo = path->memo == NULL ? 0 : *path->memo & ~H2_MEMO_VALID;
    if (memo != 0) {
        return (const struct method_entry *)memo;
    }
    const struct method_entry *entry = server_find(server, path->value);
    if (entry != NULL && path->memo != NULL) {
        *path->memo |= (uintptr_t)entry;
    }
    return entry;
}

// server_refuse_unknown tells an unknown method from an unknown service.
static void server_refuse_unknown(struct conn *conn, struct h2_stream *stream,
                                  const struct request *request)
{
    struct view path = view_skip(request->path->value, 1);
    size_t slash = path.size;
    while (slash > 0 && path.data[slash - 1] != '/') {
        slash--;
    }
    if (slash == 0) {
        struct request refused = *request;
        refused.code = GRPC_UNIMPLEMENTED;
        refused.detail = request->path->value;
        server_refuse(conn, stream, &refused, "malformed method name");
        return;
    }
    char reason[CORE_MESSAGE_TEXT_BYTES];
    struct view service = view_of(path.data, slash - 1);
    struct view method = view_skip(path, slash);
    if (server_has_service(conn->owner, service)) {
        (void)snprintf(reason, sizeof reason,
                       "unknown method %.*s for service %.*s",
                       headers_clip(method), (const char *)method.data,
                       headers_clip(service), (const char *)service.data);
    } else {
        (void)snprintf(reason, sizeof reason, "unknown service %.*s",
                       headers_clip(service), (const char *)service.data);
    }
    server_refuse_as(conn, stream, GRPC_UNIMPLEMENTED, reason);
}

static void server_finish_request(struct grpc_call *call);

// server_is_full: as many handlers are at work for this connection as it may
// have streams, though the client has reset some of them; or the client does
// not take the replies that it has asked for; or the server was freed, and this
// is input that was held back. None of it is the client's fault alone: it may
// try again, and a refusal counts as a glitch, not as a reset.
static bool server_is_full(const struct conn *conn)
{
    const struct grpc_server *server = conn->owner;
    return server->freed ||
           conn->orphan_count + conn->h2.stream_count >
               server->max_concurrent_streams ||
           h2_queued_in_all(&conn->h2) > conn->h2.limits->queued_bytes;
}

// server_read_request reads what the block of the event says, unless it is the
// block that was read last.
static const struct request *server_read_request(struct grpc_loop *loop,
                                                 const struct h2_event *event)
{
    if (loop->h2.block_memo == 0) {
        request_parse(&loop->request, event->block);
        loop->h2.block_memo = 1;
    }
    return &loop->request;
}

static void server_on_request(struct conn *conn, const struct h2_event *event)
{
    struct grpc_server *server = conn->owner;
    if (UNLIKELY(server_is_full(conn))) {
        conn->h2.glitches++;
        h2_reset(&conn->h2, event->stream, H2_REFUSED_STREAM);
        h2_release(&conn->h2, event->stream);
        conn_wake(conn);
        return;
    }
    const struct request *request = server_read_request(conn->loop, event);
    if (request->code != GRPC_OK) {
        server_refuse(conn, event->stream, request, request->reason);
        return;
    }
    const struct method_entry *entry = server_lookup(server, request->path);
    if (entry == NULL) {
        server_refuse_unknown(conn, event->stream, request);
        return;
    }
    if (request->timeout_ms == 0) {
        server_refuse_as(conn, event->stream, GRPC_DEADLINE_EXCEEDED,
                         "deadline exceeded");
        return;
    }
    struct grpc_call *call =
        call_new(conn->loop, entry->method, server->max_receive_bytes);
    if (call == NULL) {
        server_refuse_as(conn, event->stream, GRPC_RESOURCE_EXHAUSTED,
                         "out of memory");
        return;
    }
    call->is_server = true;
    call->entry = entry;
    call_set_state(call, CALL_RECEIVING);
    call_attach(call, conn, event->stream);
    if (request->timeout_ms != UINT64_MAX) {
        call_arm(call, request->timeout_ms);
    }
    if (event->end_stream) {
        server_finish_request(call);
    }
}

// server_finish_request: the client has sent all; the handler's turn.
static void server_finish_request(struct grpc_call *call)
{
    if (!deframe_is_between(&call->deframe)) {
        call_set_text(call, "the request ends within a message");
        server_fail(call, GRPC_INTERNAL);
        return;
    }
    if (!call->has_message) {
        call_set_text(call, "no message in the request of a unary call");
        server_fail(call, GRPC_UNIMPLEMENTED);
        return;
    }
    call_set_state(call, CALL_HANDLING);
    call->in_handler = true;
    const struct method_entry *entry = call->entry;
    entry->method->handle(call, call->message, entry->handlers, entry->self);
    call->in_handler = false;
    if (call->state == CALL_ANSWERED && call->conn == NULL) {
        call_release(call);
    }
}

// ---- Events of the connection -----------------------------------------------

static void server_on_headers(struct conn *conn, const struct h2_event *event)
{
    if (event->headers == H2_HEADERS_REQUEST) {
        server_on_request(conn, event);
        return;
    }
    struct grpc_call *call = event->stream->owner;
    if (call != NULL && call->state == CALL_RECEIVING && event->end_stream) {
        server_finish_request(call);
    }
}

static void server_on_data(struct conn *conn, const struct h2_event *event)
{
    struct grpc_call *call = event->stream->owner;
    if (call == NULL || call->state != CALL_RECEIVING) {
        h2_credit(&conn->h2, event->stream, event->data.size);
        return;
    }
    struct call_failure failure = call_take_data(call, event->data);
    if (failure.reason != NULL) {
        server_fail(call, failure.code);
    } else if (event->end_stream) {
        server_finish_request(call);
    }
}

static void server_on_reset(struct conn *conn, const struct h2_event *event)
{
    struct grpc_call *call = event->stream->owner;
    if (call != NULL) {
        // Once its handler has begun, a call keeps its place until that ends.
        conn->h2.resets += event->by_peer && call->state == CALL_RECEIVING;
        server_call_lose(call);
    } else {
        h2_release(&conn->h2, event->stream);
    }
}

static void server_on_writable(struct conn *conn, const struct h2_event *event)
{
    struct grpc_call *call = event->stream->owner;
    (void)conn;
    if (call != NULL && call->state == CALL_ANSWERED) {
        server_send_end(call);
    }
}

// server_is_overdue: less of the request has arrived since the last look than a
// peer has to send. One whose message has to wait for others is not.
static bool server_is_overdue(struct grpc_call *call, uint64_t least)
{
    size_t arrived = call->deframe.head_size + call->deframe.body_size + 1;
    size_t before = call->queued_mark;
    call->queued_mark = call->assembly_waits ? 0 : arrived;
    return call->queued_mark != 0 && before != 0 && arrived >= before &&
           arrived - before < least;
}

static void server_on_overdue(struct conn *conn)
{
    uint64_t least = server_least_bytes(conn, CALL_RECEIVING,
                                        conn->h2.limits->request_stall_ms);
    LIST_FOREACH (link, after, &conn->calls) {
        struct grpc_call *call = LIST_OWNER(link, struct grpc_call, link);
        if (call->state == CALL_RECEIVING && server_is_overdue(call, least)) {
            call_set_text(call, "the request does not arrive");
            server_fail(call, GRPC_DEADLINE_EXCEEDED);
        }
    }
}

static void server_on_ready(struct conn *conn)
{
    (void)conn;
}

static void server_on_goaway(struct conn *conn, const struct h2_event *event)
{
    // The client opens no more calls; it closes when it is done.
    (void)conn;
    (void)event;
}

// server_leave_orphans: the connection goes, those of its calls that are not
// answered yet stay.
static void server_leave_orphans(struct conn *conn)
{
    struct grpc_server *server = conn->owner;
    LIST_FOREACH (orphan, after, &conn->orphans) {
        LIST_OWNER(orphan, struct grpc_call, link)->counted_in =
            &server->orphan_count;
    }
    list_move(&server->orphans, &conn->orphans);
    server->orphan_count += conn->orphan_count;
    conn->orphan_count = 0;
}

static void server_on_closed(struct conn *conn, const char *reason)
{
    (void)reason;
    while (!list_is_empty(&conn->calls)) {
        struct list_link *link = list_first(&conn->calls);
        server_call_lose(LIST_OWNER(link, struct grpc_call, link));
    }
    server_leave_orphans(conn);
}

static void server_on_gone(struct conn *conn)
{
    server_on_conn_gone(conn->owner);
}

INTERNAL_DEFINE const struct conn_role server_role = {
    .ready = server_on_ready,
    .headers = server_on_headers,
    .data = server_on_data,
    .reset = server_on_reset,
    .writable = server_on_writable,
    .goaway = server_on_goaway,
    .overdue = server_on_overdue,
    .closed = server_on_closed,
    .gone = server_on_gone,
};

// ---- The public functions of a handler --------------------------------------

// server_may_answer: the handler has the call, and has not answered. A call
// that is over takes its answer too, and forgets it.
static bool server_may_answer(const struct grpc_call *call)
{
    return call != NULL && call->is_server && call->state == CALL_HANDLING;
}

// server_forget ends a call whose answer nobody waits for.
static grpc_result server_forget(struct grpc_call *call)
{
    call_set_state(call, CALL_ANSWERED);
    if (!call->in_handler) {
        call_release(call);
    }
    return GRPC_OK;
}

grpc_result grpc_call_reply(grpc_call *call, const void *reply)
{
    if (!server_may_answer(call)) {
        return GRPC_ESTATE;
    }
    if (call->over) {
        return server_forget(call);
    }
    if (reply == NULL) {
        call_set_text(call, "grpc: error marshalling response: it is NULL");
        server_fail(call, GRPC_INTERNAL);
        return GRPC_EINVAL;
    }
    struct view bytes;
    const char *reason = "";
    grpc_result result =
        call_encode(call->loop, call->method->codec, call->method->reply, reply,
                    &bytes, &reason);
    if (result != GRPC_OK) {
        call_set_text(call, "grpc: error marshalling response: %s", reason);
        server_fail(call, result == GRPC_EINVAL ? GRPC_INTERNAL
                                                : GRPC_RESOURCE_EXHAUSTED);
        return result;
    }
    if (!server_send_headers(call)) {
        // The engine has closed the connection, which ends the call.
        call_set_state(call, CALL_ANSWERED);
        conn_wake(call->conn);
        return GRPC_ENOMEM;
    }
    if (!h2_send_data(&call->conn->h2, call->stream, bytes, false)) {
        call_set_text(call, "out of memory");
        server_fail(call, GRPC_RESOURCE_EXHAUSTED);
        return GRPC_ENOMEM;
    }
    server_answer(call);
    return GRPC_OK;
}

grpc_result grpc_call_fail(grpc_call *call, grpc_code code, const char *format,
                           ...)
{
    if (!server_may_answer(call)) {
        return GRPC_ESTATE;
    }
    if (call->over) {
        return server_forget(call);
    }
    // A handler seldom looks at the result: a call is never left without an
    // answer because of a wrong argument.
    bool is_valid = (unsigned)code >= 1 && (unsigned)code <= 16;
    va_list arguments;
    va_start(arguments, format);
    if (format != NULL) {
        call_set_text_list(call, format, arguments);
    }
    va_end(arguments);
    server_fail(call, is_valid ? code : GRPC_UNKNOWN);
    return is_valid ? GRPC_OK : GRPC_EINVAL;
}

void grpc_call_unimplemented(grpc_call *call)
{
    (void)grpc_call_fail(call, GRPC_UNIMPLEMENTED, "method %s not implemented",
                         grpc_call_method(call));
}

void grpc_call_on_end(grpc_call *call, void (*told)(void *argument),
                      void *argument)
{
    if (call != NULL && call->is_server) {
        call->told = told;
        call->told_argument = argument;
    }
}
