// SPDX-License-Identifier: MIT

#include "core/receive.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/assert.h"
#include "core/assembly.h"
#include "core/client_call.h"
#include "core/compress.h"
#include "core/limits.h"
#include "core/server_call.h"

static const struct call_failure receive_fine = {GRPC_OK, NULL};

// receive_is_live: messages may be given, now or later.
static bool receive_is_live(const struct grpc_call *call)
{
    return LIKELY(call->conn != NULL) || call->outlives;
}

// receive_is_open: a message that comes now is given at once.
static bool receive_is_open(const struct grpc_call *call)
{
    return call->asked && !call->paused && receive_is_live(call);
}

static bool receive_is_streamed(const struct grpc_call *call)
{
    return call->is_server ? call->method->streams_requests
                           : call->method->streams_replies;
}

static const char *receive_side(const struct grpc_call *call)
{
    return call->is_server ? "request" : "response";
}

// ---- One message ------------------------------------------------------------

static struct call_failure receive_fail(struct grpc_call *call, grpc_code code,
                                        const char *reason)
{
    call_set_text(call, "%s", reason);
    return (struct call_failure){code, call->text};
}

static struct call_failure receive_fail_deframe(struct grpc_call *call,
                                                enum deframe_result result)
{
    switch (result) {
    case DEFRAME_BAD_FLAG:
        call_set_text(call, "grpc: received unexpected payload format %u",
                      (unsigned)call->deframe.head[0]);
        return (struct call_failure){GRPC_INTERNAL, call->text};
    case DEFRAME_TOO_LARGE:
        call_set_text(call,
                      "grpc: received message larger than max (%lu vs. %lu)",
                      (unsigned long)call->deframe.length,
                      (unsigned long)call->deframe.max_bytes);
        return (struct call_failure){GRPC_RESOURCE_EXHAUSTED, call->text};
    case DEFRAME_NO_MEMORY:
        return receive_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
    case DEFRAME_MORE:
    case DEFRAME_MESSAGE:
        break;
    }
    return receive_fine;
}

// receive_decode bounds the memory that one message may take: empty submessages
// are two bytes on the wire and a struct in memory.
static struct call_failure receive_decode(struct grpc_call *call, void *into,
                                          grpc_arena *arena,
                                          struct view message)
{
    const grpc_method *method = call->method;
    size_t users_limit = arena->limit_bytes;
    size_t most = (size_t)call->deframe.max_bytes;
    most = most < SIZE_MAX / 2 / CORE_ARENA_FACTOR ? most * CORE_ARENA_FACTOR
                                                   : SIZE_MAX / 2;
    if (users_limit == 0 || users_limit > arena->held_bytes + most) {
        arena->limit_bytes = arena->held_bytes + most;
    }
    const char *reason = "";
    grpc_str bytes = {(const char *)message.data, message.size};
    grpc_result result =
        method->codec->decode(call->is_server ? method->request : method->reply,
                              into, arena, bytes, &reason);
    arena->limit_bytes = users_limit;
    if (LIKELY(result == GRPC_OK)) {
        return receive_fine;
    }
    call_set_text(call, "grpc: error unmarshalling %s: %s", receive_side(call),
                  reason);
    return (struct call_failure){
        result == GRPC_EFORMAT ? GRPC_INTERNAL : GRPC_RESOURCE_EXHAUSTED,
        call->text};
}

static uint32_t receive_struct_size(const struct grpc_call *call)
{
    return call->is_server ? call->method->request_size
                           : call->method->reply_size;
}

struct call_failure receive_only(struct grpc_call *call, struct view message)
{
    grpc_arena *arena =
        call->reply_arena != NULL ? call->reply_arena : &call->arena;
    if (UNLIKELY(call->has_message)) {
        call_set_text(call, "a second message in the %s of a unary call",
                      receive_side(call));
        return (struct call_failure){GRPC_UNIMPLEMENTED, call->text};
    }
    if (call->message == NULL) {
        call->message = arena_alloc(arena, receive_struct_size(call));
    }
    if (call->message == NULL) {
        call_set_text(call, "grpc: error unmarshalling %s: out of memory",
                      receive_side(call));
        return (struct call_failure){GRPC_RESOURCE_EXHAUSTED, call->text};
    }
    call->has_message = true;
    return receive_decode(call, call->message, arena, message);
}

// receive_call_back gives a decoded message to the user.
static void receive_call_back(struct grpc_call *call, const void *message)
{
    if (call->callback == NULL) {
        return;
    }
    if (call->is_server) {
        call->method->on_request(call, message, call->callback, call->self);
    } else {
        call->method->on_reply(call, message, call->callback, call->self);
    }
}

// receive_raw gives bytes as they are: there is nothing to decode or to copy.
static struct call_failure receive_raw(struct grpc_call *call,
                                       struct view message)
{
    const grpc_str bytes = {(const char *)message.data, message.size};
    receive_call_back(call, &bytes);
    return receive_fine;
}

// receive_next keeps a message for the blocking call that asks for it.
static struct call_failure receive_next(struct grpc_call *call,
                                        struct view message)
{
    void *into = arena_alloc(call->next_arena, receive_struct_size(call));
    if (into == NULL) {
        return receive_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
    }
    call->paused = true;
    struct call_failure failure =
        receive_decode(call, into, call->next_arena, message);
    call->next = failure.reason == NULL ? into : NULL;
    return failure;
}

static struct call_failure receive_one_of_many(struct grpc_call *call,
                                               struct view message)
{
    if (call->is_server) {
        call->queued_mark = 0; // the next message has its own time to arrive
    }
    if (call->blocking) {
        return receive_next(call, message);
    }
    if (call->method->codec == &grpc_raw) {
        return receive_raw(call, message);
    }
    grpc_arena *arena = &call->loop->scratch;
    void *into = arena_alloc(arena, receive_struct_size(call));
    if (into == NULL) {
        return receive_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
    }
    struct call_failure failure = receive_decode(call, into, arena, message);
    if (failure.reason == NULL) {
        receive_call_back(call, into);
    }
    return failure;
}

// receive_decompress replaces *message by what was compressed; it lies in the
// loop's memory for that.
static struct call_failure receive_decompress(struct grpc_call *call,
                                              struct view *message)
{
    const char *reason = "";
    if (call->receive_encoding == CALL_IDENTITY) {
        return receive_fail(call, GRPC_INTERNAL,
                            "grpc: compressed flag set with identity or empty "
                            "encoding");
    }
    if (call->receive_encoding == CALL_UNKNOWN_ENCODING) {
        call_set_text(call,
                      "grpc: Decompressor is not installed for grpc-encoding "
                      "\"%s\"",
                      call->unknown_encoding);
        return (struct call_failure){GRPC_INTERNAL, call->text};
    }
    grpc_result result = compress_decompress(
        &call->loop->compress, (size_t)call->receive_encoding, *message,
        call->deframe.max_bytes, message, &reason);
    if (result == GRPC_OK) {
        return receive_fine;
    }
    if (result == GRPC_ELIMIT) {
        call_set_text(call,
                      "grpc: received message larger than max after "
                      "decompression (max %lu)",
                      (unsigned long)call->deframe.max_bytes);
        return (struct call_failure){GRPC_RESOURCE_EXHAUSTED, call->text};
    }
    call_set_text(call, "grpc: failed to decompress the message: %s", reason);
    return (struct call_failure){result == GRPC_ENOMEM ? GRPC_RESOURCE_EXHAUSTED
                                                       : GRPC_INTERNAL,
                                 call->text};
}

// receive_plain gives a message that is not compressed, or not any more.
static struct call_failure receive_plain(struct grpc_call *call,
                                         struct view message)
{
    if (UNLIKELY(call->chain->sees_messages)) {
        message = intercept_received(call, message);
        if (!receive_is_open(call)) {
            return receive_fine; // an interceptor has ended the call
        }
    }
    if (LIKELY(!receive_is_streamed(call))) {
        return receive_only(call, message);
    }
    struct call_failure failure = receive_one_of_many(call, message);
    arena_reset_whole(&call->loop->scratch, CORE_SCRATCH_KEEP_BYTES);
    return failure;
}

static struct call_failure receive_message(struct grpc_call *call,
                                           struct view message)
{
    struct call_failure failure = receive_fine;
    call->was_compressed = call->deframe.compressed;
    if (UNLIKELY(call->deframe.compressed)) {
        failure = receive_decompress(call, &message);
    }
    return failure.reason != NULL ? failure : receive_plain(call, message);
}

// ---- Many -------------------------------------------------------------------

// receive_refuse ends the call for what the peer has sent.
static void receive_refuse(struct grpc_call *call, struct call_failure failure)
{
    if (call->is_server) {
        server_call_refuse(call, failure.code);
    } else {
        client_call_refuse(call, failure.code);
    }
}

// receive_some gives the messages in data, as long as they are asked for, and
// returns what is left of it. was_kept: it comes from the inbox.
static struct view receive_some(struct grpc_call *call, struct view data,
                                bool was_kept)
{
    size_t size = data.size;
    struct call_failure failure = receive_fine;
    enum deframe_result result = DEFRAME_MESSAGE;
    do {
        struct view message;
        result = deframe_next(&call->deframe, &call->arena, &data, &message);
        if (LIKELY(result == DEFRAME_MESSAGE)) {
            failure = receive_message(call, message);
            if (UNLIKELY(call->deframe.body_size > 0)) {
                deframe_used(&call->deframe, &call->arena);
            }
            if (call->conn != NULL) {
                assembly_end(call);
            }
        } else {
            failure = receive_fail_deframe(call, result);
        }
    } while (failure.reason == NULL && result == DEFRAME_MESSAGE &&
             data.size > 0 && receive_is_open(call));
    if (!receive_is_live(call)) {
        return view_of(NULL, 0);
    }
    if (failure.reason != NULL) {
        if (call->conn != NULL) {
            assembly_drop(call, size, was_kept);
        }
        receive_refuse(call, failure);
        return view_of(NULL, 0);
    }
    if (size > data.size && call->conn != NULL) {
        assembly_take(call, size - data.size, was_kept);
    }
    return data;
}

static void receive_keep(struct grpc_call *call, struct view data)
{
    if (call->state == CALL_ANSWERED) {
        assembly_drop(call, data.size, false);
        return;
    }
    if (!chunk_queue_append(&call->inbox, data)) {
        assembly_drop(call, data.size, false);
        receive_refuse(
            call, receive_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory"));
        return;
    }
    if (UNLIKELY(call->inbox.size > CORE_SEND_ROOM_BYTES)) {
        run_keep_chunks(call->loop, call->inbox.size);
    }
    h2_credit_connection(&call->conn->h2, call->stream, data.size);
}

void receive_data(struct grpc_call *call, struct view data)
{
    bool entered = call_enter(call);
    if (LIKELY(receive_is_open(call) && call->inbox.size == 0 &&
               data.size > 0)) {
        data = receive_some(call, data, false);
    }
    if (UNLIKELY(data.size > 0 && call->conn != NULL)) {
        receive_keep(call, data);
    }
    call_leave(call, entered);
}

// receive_check_end tells the side of the end, when nothing stands before it.
static void receive_check_end(struct grpc_call *call)
{
    if (!call->peer_ended || call->end_given || call->inbox.size > 0 ||
        !receive_is_open(call)) {
        return;
    }
    call->end_given = true;
    if (call->is_server) {
        server_call_on_end(call);
    } else {
        client_call_on_end(call);
    }
}

void receive_end(struct grpc_call *call)
{
    bool entered = call_enter(call);
    call->peer_ended = true;
    receive_check_end(call);
    call_leave(call, entered);
}

// receive_inbox gives what waits in the inbox. Its bytes are taken out before,
// because the user may look at them after having ended the call.
static void receive_inbox(struct grpc_call *call)
{
    struct chunk_queue taken = call->inbox;
    chunk_queue_init(&call->inbox, taken.pool);
    while (taken.size > 0 && receive_is_open(call)) {
        struct view piece = {NULL, 0};
        (void)chunk_queue_peek(&taken, &piece, 1);
        struct view left = receive_some(call, piece, true);
        chunk_queue_consume(&taken, piece.size - left.size);
    }
    if (!receive_is_live(call) || call->state == CALL_ANSWERED) {
        chunk_queue_clear(&taken);
    } else {
        call->inbox = taken;
    }
}

void receive_ready(struct grpc_call *call)
{
    if (!list_is_linked(&call->link_ready)) {
        list_append(&call->loop->ready, &call->link_ready);
    }
}

// receive_begin: an interceptor has let the call go on.
static void receive_begin(struct grpc_call *call)
{
    if (call->held || call->awaits_room) {
        return;
    }
    if (call->is_server) {
        server_call_begin(call);
    } else {
        client_call_begin(call);
    }
}

void receive_go_on(struct grpc_call *call)
{
    bool entered = call_enter(call);
    if (UNLIKELY(!call->begun)) {
        receive_begin(call);
    }
    if (call->inbox.size > 0 && receive_is_open(call)) {
        receive_inbox(call);
        if (call->conn != NULL) {
            conn_wake(call->conn); // for the credit
        }
    }
    receive_check_end(call);
    call_leave(call, entered);
}

void receive_fini(struct grpc_call *call)
{
    if (UNLIKELY(call->inbox.size > 0)) {
        chunk_queue_clear(&call->inbox);
    }
    list_remove(&call->link_ready);
}

// ---- The public functions ---------------------------------------------------

void grpc_call_pause(grpc_call *call)
{
    if (call != NULL && !call->blocking) {
        call->paused = true;
    }
}

void grpc_call_resume(grpc_call *call)
{
    if (call != NULL && !call->blocking && call->paused) {
        call->paused = false;
        receive_ready(call);
    }
}

grpc_result grpc_call_receive(grpc_call *call, grpc_function *message,
                              void (*end)(grpc_call *call, void *argument),
                              void *argument)
{
    if (call == NULL || !call->is_server || !call->method->streams_requests ||
        call->state != CALL_HANDLING || call->asked) {
        return GRPC_ESTATE;
    }
    call->callback = message;
    call->self = argument;
    call->on_end = end;
    call->asked = true;
    if (call->inbox.size > 0 || call->peer_ended) {
        receive_ready(call);
    }
    return GRPC_OK;
}

bool grpc_call_was_compressed(const grpc_call *call)
{
    return call != NULL && call->was_compressed;
}

grpc_arena *grpc_call_scratch(grpc_call *call)
{
    return call == NULL ? NULL : &call->loop->scratch;
}
