// SPDX-License-Identifier: MIT

#include "core/server_call.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/assert.h"
#include "core/client_call.h"
#include "core/compress.h"
#include "core/details.h"
#include "core/headers.h"
#include "core/limits.h"
#include "core/receive.h"
#include "core/request.h"
#include "core/send.h"
#include "core/server.h"
#include "core/server_headers.h"

void server_call_say(struct grpc_call *call, const char *action,
                     const char *reason)
{
    struct grpc_server *server = call->entry->server;
    run_set_error(call->loop, server->error, "%s: %s: %s",
                  grpc_call_method(call), action, reason);
}

// ---- The answer -------------------------------------------------------------

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
    // Without memory the connection is closed, and the call with it.
    if (server_trailers_send(call)) {
        server_end_call(call);
    }
}

// server_decide ends the time in which the user had the call: its outcome, in
// call->code and text, is known.
static void server_decide(struct grpc_call *call)
{
    call_set_state(call, CALL_ANSWERED);
    call->asked = false;
    call->held = false;
    call->awaits_room = false;
    call->send_waits = false;
    if (UNLIKELY(call->started > 0)) {
        intercept_end(call);
    }
    if (UNLIKELY(call->children.next != NULL)) {
        call_end_children(call);
    }
}

// server_answer sends the status in call->code and text.
static void server_answer(struct grpc_call *call)
{
    server_decide(call);
    conn_wake(call->conn);
    server_send_end(call);
}

static void server_fail(struct grpc_call *call, grpc_code code)
{
    call->code = code;
    server_answer(call);
}

// ---- The end before the answer ----------------------------------------------

// server_orphan keeps a call that its handler still has to answer.
static void server_orphan(struct grpc_call *call, struct conn *conn)
{
    list_append(&conn->orphans, &call->link);
    conn->orphan_count++;
    call->counted_in = &conn->orphan_count;
}

// server_is_with_user: somebody of the user's has the call's pointer.
static bool server_is_with_user(const struct grpc_call *call)
{
    return call->state == CALL_HANDLING || call->held;
}

// server_tell says once that nobody waits for the answer any more. A handler
// that asked to be told is done with the call; any other still has to answer.
static void server_tell(struct grpc_call *call, struct conn *conn)
{
    bool with_user = server_is_with_user(call);
    call->over = true;
    call->asked = false;
    call->send_waits = false;
    bool entered = call_enter(call); // an answer given now must not free it
    if (UNLIKELY(call->started > 0)) {
        intercept_end(call);
    }
    call_end_children(call);
    void (*told)(void *argument) = call->told;
    call->told = NULL;
    if (with_user && told != NULL) {
        told(call->told_argument);
    }
    if (with_user && told == NULL && call->state != CALL_ANSWERED) {
        server_orphan(call, conn);
    } else if (call->state != CALL_ANSWERED) {
        call_set_state(call, CALL_ANSWERED);
    }
    call_leave(call, entered);
}

// server_lose ends a call whose client is gone, or has waited long enough.
static void server_lose(struct grpc_call *call, enum h2_code reset)
{
    struct conn *conn = call->conn;
    loop_timer_stop(&call->loop->loop, &call->timer);
    call_detach(call, reset);
    server_tell(call, conn);
}

void server_call_lose(struct grpc_call *call)
{
    if (call->state != CALL_ANSWERED) {
        call->code = GRPC_CANCELLED;
        call_set_static(call, VIEW("the client has cancelled the call, or is "
                                   "gone"));
    }
    server_lose(call, H2_CANCEL);
}

// server_end_early ends a call that the handler has not answered, with the
// status in call->code and text: the client hears it now, the handler is told,
// and its answer goes nowhere.
static void server_end_early(struct grpc_call *call)
{
    if (!server_is_with_user(call)) {
        server_answer(call);
        return;
    }
    conn_wake(call->conn);
    if (h2_queued_bytes(call->stream) > 0) {
        // Trailers would have to wait for what the client does not take.
        server_lose(call, H2_CANCEL);
    } else if (server_trailers_send(call)) {
        server_lose(call, H2_NO_ERROR);
    }
}

void server_call_refuse(struct grpc_call *call, grpc_code code)
{
    call->code = code;
    server_end_early(call);
}

// server_least_bytes is what a call in that state has to move in that time. The
// least rate is one of the connection: calls that wait side by side share it, as
// they do its line.
static uint64_t server_least_bytes(const struct conn *conn,
                                   bool (*counts)(const struct grpc_call *call),
                                   uint32_t ms)
{
    uint64_t count = 0;
    LIST_EACH (link, after, &conn->calls) {
        count += counts(LIST_OWNER(link, struct grpc_call, link));
    }
    uint64_t all = limits_least_bytes(conn->h2.limits, ms);
    return count < all ? all / (count > 0 ? count : 1) : 1;
}

static bool server_is_answered(const struct grpc_call *call)
{
    return call->state == CALL_ANSWERED;
}

// server_expire_answer: the client has not taken its answer.
static void server_expire_answer(struct grpc_call *call)
{
    uint64_t least = server_least_bytes(call->conn, server_is_answered,
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
    server_call_refuse(call, GRPC_DEADLINE_EXCEEDED);
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

// server_is_full: as many handlers are at work for this connection as it may
// have streams, though the client has reset some of them; or the server was
// freed, and this is input that was held back. None of it is the client's fault
// alone: it may try again, and a refusal counts as a glitch, not as a reset.
static bool server_is_full(const struct conn *conn)
{
    const struct grpc_server *server = conn->owner;
    return server->freed || conn->orphan_count + conn->h2.stream_count >
                                server->max_concurrent_streams;
}

// server_has_room: the client takes the replies that it has asked for.
static bool server_has_room(const struct conn *conn)
{
    return h2_queued_in_all(&conn->h2) <= conn->h2.limits->queued_bytes;
}

// server_on_flushed lets the calls begin that wait for room, in their order;
// those that find none wait again.
static void server_on_flushed(struct conn *conn)
{
    if (!server_has_room(conn)) {
        return;
    }
    conn->has_waiting = false;
    LIST_EACH (link, after, &conn->calls) {
        struct grpc_call *call = LIST_OWNER(link, struct grpc_call, link);
        if (call->awaits_room) {
            call->awaits_room = false;
            receive_ready(call);
        }
    }
}

// What h2.block_memo says of the block that was read last.
enum {
    SERVER_PARSED = 1, // loop->request is what it says
    SERVER_NAMED,      // and its connection's names are its names
};

// server_read_request reads what the block of the event says, unless it is the
// block that was read last.
static const struct request *server_read_request(struct grpc_loop *loop,
                                                 const struct h2_event *event)
{
    if (loop->h2.block_memo == 0) {
        request_parse(&loop->request, event->block, &loop->compress);
        loop->h2.block_memo = SERVER_PARSED;
    }
    return &loop->request;
}

// server_name_method gives a call of whatever method the name that the client
// has asked for.
static bool server_name_method(struct grpc_call *call,
                               const struct request *request)
{
    if (LIKELY(call->method->path != NULL)) {
        return true;
    }
    grpc_method *named = arena_alloc(&call->arena, sizeof *named);
    char *path = arena_copy_text(&call->arena, request->path->value);
    if (named == NULL || path == NULL) {
        return false;
    }
    *named = *call->method;
    named->path = path;
    call->method = named;
    return true;
}

// server_set_encodings: replies are compressed as the request is, if the client
// takes that.
static void server_set_encodings(struct grpc_call *call,
                                 const struct request *request)
{
    call->receive_encoding = request->encoding;
    call->accepts = request->accepts;
    if (UNLIKELY(request->encoding >= 0)) {
        uint32_t bit = UINT32_C(1) << (unsigned)request->encoding;
        call->accepts |= request->has_accepts ? 0 : bit;
        call->send_encoding =
            (call->accepts & bit) != 0 ? request->encoding : CALL_IDENTITY;
    }
}

// server_take_names: a block that is read again has the names that it had.
static bool server_take_names(struct grpc_call *call, struct conn *conn,
                              const struct request *request)
{
    struct grpc_loop *loop = call->loop;
    if (LIKELY(loop->h2.block_memo == SERVER_NAMED && conn->names != NULL)) {
        call->names = conn->names;
        call->names->count++;
        return true;
    }
    call->names = call_names_take(&loop->allocator, &conn->names,
                                  request->authority, request->user_agent);
    if (call->names == NULL) {
        return false;
    }
    loop->h2.block_memo = SERVER_NAMED;
    return true;
}

// server_take_metadata keeps what the user may ask for.
static enum call_fields_result server_take_metadata(
    struct grpc_call *call, struct conn *conn, const struct hpack_block *block,
    const struct request *request)
{
    if (UNLIKELY(!server_name_method(call, request) ||
                 !server_take_names(call, conn, request))) {
        return CALL_FIELDS_NO_MEMORY;
    }
    return LIKELY(!request->has_metadata)
               ? CALL_FIELDS_DONE
               : call_fields_collect(&call->arena, block, &call->headers);
}

static void server_refuse_metadata(struct conn *conn, struct h2_stream *stream,
                                   enum call_fields_result fault)
{
    const struct request refused = {.http_status = 400, .code = GRPC_INTERNAL};
    switch (fault) {
    case CALL_FIELDS_DONE:
        break;
    case CALL_FIELDS_NO_MEMORY:
        server_refuse_as(conn, stream, GRPC_RESOURCE_EXHAUSTED,
                         "out of memory");
        break;
    case CALL_FIELDS_BAD_BASE64:
        server_refuse(conn, stream, &refused,
                      "a header whose name ends in -bin is not base64");
        break;
    case CALL_FIELDS_TOO_MANY:
        server_refuse_as(conn, stream, GRPC_RESOURCE_EXHAUSTED,
                         "the metadata has more than 1,000 pieces");
        break;
    }
}

// server_prepare fills in what the request's headers say. On false it is
// refused already.
static bool server_prepare(struct grpc_call *call, struct conn *conn,
                           const struct h2_event *event,
                           const struct request *request)
{
    enum call_fields_result collected =
        server_take_metadata(call, conn, event->block, request);
    if (LIKELY(collected == CALL_FIELDS_DONE)) {
        server_set_encodings(call, request);
        return true;
    }
    call_release(call);
    server_refuse_metadata(conn, event->stream, collected);
    return false;
}

// server_call_of makes the call of a request; NULL: it was refused.
static struct grpc_call *server_call_of(struct conn *conn,
                                        const struct h2_event *event,
                                        const struct request *request,
                                        const struct method_entry *entry)
{
    struct grpc_server *server = conn->owner;
    struct grpc_call *call =
        call_new(conn->loop, entry->method, server->max_receive_bytes);
    if (call == NULL) {
        server_refuse_as(conn, event->stream, GRPC_RESOURCE_EXHAUSTED,
                         "out of memory");
        return NULL;
    }
    call->is_server = true;
    call->entry = entry;
    call->chain = &server->interceptors;
    call->max_send_bytes = server->max_send_bytes;
    if (!server_prepare(call, conn, event, request)) {
        return NULL;
    }
    call_set_state(call, CALL_RECEIVING);
    call_attach(call, conn, event->stream);
    if (request->timeout_ms != UINT64_MAX) {
        call_arm(call, request->timeout_ms);
    }
    return call;
}

// server_only_reads: nobody of the user's is asked before the only request is
// there, and it is not.
static bool server_only_reads(const struct grpc_call *call)
{
    return call->chain->count == 0 && !call->method->streams_requests &&
           !call->peer_ended && server_has_room(call->conn);
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
        entry = server->unknown;
    }
    if (entry == NULL) {
        server_refuse_unknown(conn, event->stream, request);
        return;
    }
    if (request->timeout_ms == 0) {
        server_refuse_as(conn, event->stream, GRPC_DEADLINE_EXCEEDED,
                         "deadline exceeded");
        return;
    }
    struct grpc_call *call = server_call_of(conn, event, request, entry);
    if (call == NULL) {
        return;
    }
    call->peer_ended = event->end_stream;
    if (LIKELY(server_only_reads(call))) {
        call->begun = true;
        call->asked = true;
    } else {
        receive_go_on(call);
    }
}

static void server_handle(struct grpc_call *call, const void *request)
{
    const struct method_entry *entry = call->entry;
    call_set_state(call, CALL_HANDLING);
    entry->method->handle(call, request, entry->handlers, entry->self);
}

void server_call_begin(struct grpc_call *call)
{
    if (UNLIKELY(call->over)) {
        call_set_state(call, CALL_ANSWERED); // nobody waits for it any more
        return;
    }
    if (UNLIKELY(call->started == 0 && !server_has_room(call->conn))) {
        call->awaits_room = true;
        call->conn->has_waiting = true;
        return;
    }
    if (UNLIKELY(call->started < call->chain->count) &&
        !intercept_start(call)) {
        return;
    }
    call->begun = true;
    if (call->method->streams_requests) {
        server_handle(call, NULL);
        return;
    }
    call->asked = true;
}

// server_finish_request: the client has sent its only message; the handler's
// turn.
static void server_finish_request(struct grpc_call *call)
{
    if (!call->has_message) {
        call_set_text(call, "no message in the request of a unary call");
        server_fail(call, GRPC_UNIMPLEMENTED);
        return;
    }
    server_handle(call, call->message);
}

void server_call_on_end(struct grpc_call *call)
{
    if (!deframe_is_between(&call->deframe)) {
        call_set_text(call, "the request ends within a message");
        server_call_refuse(call, GRPC_INTERNAL);
    } else if (call->state == CALL_RECEIVING) {
        server_finish_request(call);
    } else if (call->on_end != NULL) {
        call->on_end(call, call->self);
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
    if (call != NULL && event->end_stream) {
        receive_end(call);
    }
}

static void server_on_data(struct conn *conn, const struct h2_event *event)
{
    struct grpc_call *call = event->stream->owner;
    if (UNLIKELY(call == NULL || call->state == CALL_ANSWERED)) {
        h2_credit(&conn->h2, event->stream, event->data.size);
        return;
    }
    bool entered = call_enter(call);
    receive_data(call, event->data);
    if (event->end_stream) {
        receive_end(call);
    }
    call_leave(call, entered);
}

static void server_on_reset(struct conn *conn, const struct h2_event *event)
{
    struct grpc_call *call = event->stream->owner;
    conn_wake(conn); // what the stream had queued makes room
    if (call != NULL) {
        // Once its handler has begun, a call keeps its place until that ends.
        conn->h2.resets += event->by_peer && !server_is_with_user(call) &&
                           call->state == CALL_RECEIVING;
        server_call_lose(call);
    } else {
        h2_release(&conn->h2, event->stream);
    }
}

static void server_on_writable(struct conn *conn, const struct h2_event *event)
{
    struct grpc_call *call = event->stream->owner;
    (void)conn;
    if (call == NULL) {
        return;
    }
    if (call->state == CALL_ANSWERED) {
        server_send_end(call);
    } else {
        send_on_writable(call);
    }
}

// server_is_arriving: a message of the call's has to arrive, and nothing of ours
// keeps it from that.
static bool server_is_arriving(const struct grpc_call *call)
{
    if (call->state == CALL_RECEIVING) {
        return call->begun;
    }
    return call->state == CALL_HANDLING && call->asked && !call->paused &&
           !deframe_is_between(&call->deframe);
}

// server_is_overdue: less of the message has arrived since the last look than a
// peer has to send. One that has to wait for others is not.
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
    uint64_t least = server_least_bytes(conn, server_is_arriving,
                                        conn->h2.limits->request_stall_ms);
    LIST_EACH (link, after, &conn->calls) {
        struct grpc_call *call = LIST_OWNER(link, struct grpc_call, link);
        if (!server_is_arriving(call)) {
            continue;
        }
        if (server_is_overdue(call, least)) {
            call_set_text(call, "the request does not arrive");
            server_call_refuse(call, GRPC_DEADLINE_EXCEEDED);
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
    LIST_EACH (orphan, after, &conn->orphans) {
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
    .flushed = server_on_flushed,
    .overdue = server_on_overdue,
    .closed = server_on_closed,
    .gone = server_on_gone,
};

// ---- The public functions of a handler --------------------------------------

// server_may_answer: the user has the call, and has not answered. A call that
// is over takes its answer too, and forgets it.
static bool server_may_answer(const struct grpc_call *call)
{
    return call != NULL && call->is_server &&
           (call->state == CALL_HANDLING ||
            (call->state == CALL_RECEIVING && (call->held || call->in_start)));
}

// server_forget ends a call whose answer nobody waits for.
static grpc_result server_forget(struct grpc_call *call)
{
    call_set_state(call, CALL_ANSWERED);
    call->held = false;
    if (!call->in_handler) {
        call_release(call);
    }
    return GRPC_OK;
}

// server_fail_as answers with a status; call->text and details are set.
static grpc_result server_fail_as(struct grpc_call *call, grpc_code code)
{
    // A handler seldom looks at the result: a call is never left without an
    // answer because of a wrong argument.
    bool is_valid = (unsigned)code >= 1 && (unsigned)code <= 16;
    server_fail(call, is_valid ? code : GRPC_UNKNOWN);
    return is_valid ? GRPC_OK : GRPC_EINVAL;
}

// server_send_reply sends the only reply, without the status.
static grpc_result server_send_reply(struct grpc_call *call, const void *reply)
{
    struct view bytes;
    const char *reason = "";
    grpc_result result = send_encode(call, reply, &bytes, &reason);
    if (result != GRPC_OK) {
        call_set_text(call, "grpc: error marshalling response: %s", reason);
        call->code =
            result == GRPC_EINVAL ? GRPC_INTERNAL : GRPC_RESOURCE_EXHAUSTED;
        return result;
    }
    if (call->state == CALL_ANSWERED) {
        return GRPC_ESTATE; // by an interceptor that has seen the reply
    }
    if (!call->stream->headers_sent) {
        result = server_headers_send(call);
    }
    if (result == GRPC_ELIMIT) {
        call_set_text(call, "the response headers are larger than the client "
                            "takes");
        call->fields.count = 0;
        call->code = GRPC_INTERNAL;
    } else if (result != GRPC_OK || !send_data(call, bytes)) {
        call_set_text(call, "out of memory");
        call->code = GRPC_RESOURCE_EXHAUSTED;
        result = GRPC_ENOMEM;
    }
    return result;
}

grpc_result grpc_call_reply(grpc_call *call, const void *reply)
{
    if (call != NULL && !call->is_server) {
        return client_call_reply(call, reply);
    }
    if (!server_may_answer(call) || call->method->streams_replies) {
        return GRPC_ESTATE;
    }
    if (call->over) {
        return server_forget(call);
    }
    bool entered = call_enter(call);
    grpc_result result = GRPC_EINVAL;
    if (reply == NULL) {
        call_set_text(call, "grpc: error marshalling response: it is NULL");
        call->code = GRPC_INTERNAL;
    } else {
        result = server_send_reply(call, reply);
    }
    if (call->state != CALL_ANSWERED) {
        server_answer(call);
    }
    call_leave(call, entered);
    return result;
}

// server_finish_ok ends a call well. Where one reply is due it has been sent, or
// something is wrong with the handler.
static grpc_result server_finish_ok(struct grpc_call *call)
{
    if (!call->method->streams_replies) {
        call_set_text(call, "the handler has ended the call without a reply");
        server_fail(call, GRPC_INTERNAL);
        return GRPC_ESTATE;
    }
    call->text = "";
    call->text_size = 0;
    server_fail(call, GRPC_OK);
    return GRPC_OK;
}

PRINTF_LIKE(3, 0)
static grpc_result server_finish_list(struct grpc_call *call, grpc_code code,
                                      const char *format, va_list arguments)
{
    if (call->over) {
        return server_forget(call);
    }
    if (format != NULL) {
        call_set_text_list(call, format, arguments);
    }
    return server_fail_as(call, code);
}

grpc_result grpc_call_finish(grpc_call *call, grpc_code code,
                             const char *format, ...)
{
    if (!server_may_answer(call)) {
        return GRPC_ESTATE;
    }
    if (code == GRPC_OK) {
        return call->over ? server_forget(call) : server_finish_ok(call);
    }
    va_list arguments;
    va_start(arguments, format);
    grpc_result result = server_finish_list(call, code, format, arguments);
    va_end(arguments);
    return result;
}

grpc_result grpc_call_fail(grpc_call *call, grpc_code code, const char *format,
                           ...)
{
    va_list arguments;
    va_start(arguments, format);
    grpc_result result = GRPC_ESTATE;
    if (call != NULL && !call->is_server) {
        result = client_call_fail(call, code, format, arguments);
    } else if (server_may_answer(call)) {
        result = server_finish_list(call, code, format, arguments);
    }
    va_end(arguments);
    return result;
}

// server_fail_details answers with details; memory: there was some for them.
static grpc_result server_fail_details(struct grpc_call *call, grpc_code code,
                                       grpc_str details)
{
    call->details = details;
    grpc_result result = server_fail_as(call, code);
    return details.data == NULL ? GRPC_ENOMEM : result;
}

grpc_result grpc_call_fail_with(grpc_call *call, grpc_code code,
                                const char *message, const grpc_detail *details)
{
    if (!server_may_answer(call)) {
        return GRPC_ESTATE;
    }
    if (call->over) {
        return server_forget(call);
    }
    call_set_text(call, "%s", message == NULL ? "" : message);
    grpc_str text = {call->text, call->text_size};
    grpc_str encoded =
        details_encode(&call->arena, code, text,
                       details == NULL ? &(grpc_detail){NULL, NULL} : details);
    return server_fail_details(call, code, encoded);
}

grpc_result grpc_call_fail_status(grpc_call *call, const grpc_status *status)
{
    if (!server_may_answer(call)) {
        return GRPC_ESTATE;
    }
    if (call->over) {
        return server_forget(call);
    }
    if (status == NULL) {
        call_set_text(call, "the handler's status is NULL");
        return server_fail_as(call, GRPC_OK);
    }
    call_set_text(call, "%s", status->message == NULL ? "" : status->message);
    char *copy = arena_alloc(&call->arena, status->details.size);
    if (copy != NULL && status->details.size > 0) {
        memcpy(copy, status->details.data, status->details.size);
    }
    size_t size = copy == NULL ? 0 : status->details.size;
    return server_fail_details(call, status->code, (grpc_str){copy, size});
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

// ---- Headers and trailers of a handler --------------------------------------

grpc_result grpc_call_send_headers(grpc_call *call)
{
    if (!server_may_answer(call) || call->over || call->stream->headers_sent) {
        return GRPC_ESTATE;
    }
    return server_headers_send(call);
}

grpc_result grpc_call_set_encoding(grpc_call *call, const char *encoding)
{
    if (!server_may_answer(call) || call->over || call->stream->headers_sent) {
        return GRPC_ESTATE;
    }
    struct view name =
        view_of(encoding, encoding == NULL ? 0 : strlen(encoding));
    if (name.size == 0 || VIEW_IS(name, "identity")) {
        call->send_encoding = CALL_IDENTITY;
        return GRPC_OK;
    }
    int found = compress_find(&call->loop->compress, name);
    if (found < 0) {
        server_call_say(call, "set encoding", compress_why_not(name));
        return GRPC_EINVAL;
    }
    if ((call->accepts >> found & 1) == 0) {
        server_call_say(call, "set encoding", "the client does not accept it");
        return GRPC_EINVAL;
    }
    call->send_encoding = (int8_t)found;
    return GRPC_OK;
}
