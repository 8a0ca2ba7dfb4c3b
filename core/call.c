// SPDX-License-Identifier: MIT

#include "core/call.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/endian.h"
#include "core/assembly.h"
#include "core/client_call.h"
#include "core/limits.h"
#include "core/server_call.h"

static bool call_may_follow(enum call_state from, enum call_state to)
{
    static const uint16_t call_next[] = {
        [CALL_NEW] = 1 << CALL_RECEIVING | 1 << CALL_QUEUED | 1 << CALL_DONE,
        [CALL_RECEIVING] =
            1 << CALL_HANDLING | 1 << CALL_ANSWERED | 1 << CALL_DONE,
        [CALL_HANDLING] = 1 << CALL_ANSWERED | 1 << CALL_DONE,
        [CALL_ANSWERED] = 1 << CALL_DONE,
        [CALL_QUEUED] = 1 << CALL_SENT | 1 << CALL_FINISHED,
        [CALL_SENT] = 1 << CALL_QUEUED | 1 << CALL_FINISHED,
        [CALL_FINISHED] = 1 << CALL_DONE,
        [CALL_DONE] = 0,
    };
    return (call_next[from] >> to & 1) != 0;
}

void call_set_state(struct grpc_call *call, enum call_state state)
{
    ASSERT(call_may_follow(call->state, state));
    call->state = state;
    (void)call_may_follow;
}

struct grpc_call *call_new(struct grpc_loop *loop, const grpc_method *method,
                           uint32_t max_receive_bytes)
{
    struct grpc_call *call = slab_take(&loop->calls);
    if (call == NULL) {
        return NULL;
    }
    // A spare call keeps its arena's block; everything else starts anew.
    grpc_arena arena = call->arena;
    *call = (struct grpc_call){
        .loop = loop,
        .method = method,
        .state = CALL_NEW,
        .deadline_ms = UINT64_MAX,
        .arena = arena,
        .text = "",
    };
    arena_bind(&call->arena, &loop->allocator);
    call->timer.kind = RUN_CALL;
    deframe_init(&call->deframe, max_receive_bytes);
    return call;
}

void call_slab_fini(void *object)
{
    struct grpc_call *call = object;
    arena_reset(&call->arena, 0);
}

void call_attach(struct grpc_call *call, struct conn *conn,
                 struct h2_stream *stream)
{
    ASSERT(call->conn == NULL);
    call->conn = conn;
    call->stream = stream;
    stream->owner = call;
    list_append(&conn->calls, &call->link);
}

void call_detach(struct grpc_call *call, enum h2_code code)
{
    if (call->conn == NULL) {
        return;
    }
    struct conn *conn = call->conn;
    conn_peer(conn, &call->peer_address); // a handler or callback may still ask
    assembly_end(call);
    call->stream->owner = NULL;
    h2_reset(&conn->h2, call->stream, code);
    h2_release(&conn->h2, call->stream);
    call->conn = NULL;
    call->stream = NULL;
    list_remove(&call->link);
    conn_wake(conn);
}

void call_release(struct grpc_call *call)
{
    struct grpc_loop *loop = call->loop;
    ASSERT(call->conn == NULL);
    call_set_state(call, CALL_DONE);
    loop_timer_stop(&loop->loop, &call->timer);
    list_remove(&call->link);
    if (call->counted_in != NULL) {
        --*call->counted_in;
    }
    deframe_fini(&call->deframe, &call->arena);
    arena_reset(&call->arena, CORE_CALL_KEEP_BYTES);
    slab_give(&loop->calls, call);
}

void call_arm(struct grpc_call *call, uint64_t timeout_ms)
{
    uint64_t due_ms = run_due(call->loop, timeout_ms);
    call->deadline_ms = due_ms - 1;
    loop_timer_start(&call->loop->loop, &call->timer, due_ms);
}

void call_on_timer(struct grpc_call *call)
{
    if (call->is_server) {
        server_call_expire(call);
    } else {
        client_call_expire(call);
    }
}

void call_set_text_list(struct grpc_call *call, const char *format,
                        va_list arguments)
{
    char text[CORE_MESSAGE_TEXT_BYTES];
    int size = vsnprintf(text, sizeof text, format, arguments);
    if (size < 0) {
        size = 0;
    }
    call->text_size =
        (size_t)size < sizeof text ? (size_t)size : sizeof text - 1;
    call->text = arena_copy_text(&call->arena, view_of(text, call->text_size));
    if (call->text == NULL) {
        call->text = "out of memory";
        call->text_size = strlen(call->text);
    }
}

void call_set_text(struct grpc_call *call, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    call_set_text_list(call, format, arguments);
    va_end(arguments);
}

grpc_result call_encode(struct grpc_loop *loop, const grpc_codec *codec,
                        const void *type, const void *message,
                        struct view *out_bytes, const char **reason)
{
    grpc_buffer *buffer = &loop->encoded;
    buffer->first = buffer->end;
    grpc_result result = codec->encode(type, message, buffer, reason);
    if (result != GRPC_OK) {
        return result;
    }
    // The codec leaves GRPC_BUFFER_HEADROOM in front: room for the prefix.
    size_t size = (size_t)(buffer->end - buffer->first);
    if (size > UINT32_MAX) {
        *reason = "the message is longer than 4 GiB";
        return GRPC_ELIMIT;
    }
    buffer->first -= DEFRAME_HEAD;
    buffer->first[0] = 0;
    store_be32(buffer->first + 1, (uint32_t)size);
    *out_bytes = view_of(buffer->first, size + DEFRAME_HEAD);
    return GRPC_OK;
}

// ---- Receiving messages -----------------------------------------------------

static struct call_failure call_fail_deframe(struct grpc_call *call,
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
        call_set_text(call, "out of memory");
        return (struct call_failure){GRPC_RESOURCE_EXHAUSTED, call->text};
    case DEFRAME_MORE:
    case DEFRAME_MESSAGE:
        break;
    }
    return (struct call_failure){GRPC_OK, NULL};
}

// call_decode bounds the memory that one message may take: empty submessages
// are two bytes on the wire and a struct in memory.
static grpc_result call_decode(struct grpc_call *call, struct view message,
                               const char **reason)
{
    const grpc_method *method = call->method;
    grpc_arena *arena =
        call->reply_arena != NULL ? call->reply_arena : &call->arena;
    if (call->message == NULL) {
        call->message = arena_alloc(
            arena, call->is_server ? method->request_size : method->reply_size);
    }
    if (call->message == NULL) {
        *reason = "out of memory";
        return GRPC_ENOMEM;
    }
    size_t users_limit = arena->limit_bytes;
    size_t most = (size_t)call->deframe.max_bytes;
    most = most < SIZE_MAX / 2 / CORE_ARENA_FACTOR ? most * CORE_ARENA_FACTOR
                                                   : SIZE_MAX / 2;
    if (users_limit == 0 || users_limit > arena->held_bytes + most) {
        arena->limit_bytes = arena->held_bytes + most;
    }
    grpc_str bytes = {(const char *)message.data, message.size};
    grpc_result result =
        method->codec->decode(call->is_server ? method->request : method->reply,
                              call->message, arena, bytes, reason);
    arena->limit_bytes = users_limit;
    return result;
}

// call_take_message takes the only message of a unary call.
static struct call_failure call_take_message(struct grpc_call *call,
                                             struct view message)
{
    const char *side = call->is_server ? "request" : "response";
    if (call->has_message) {
        call_set_text(call, "a second message in the %s of a unary call", side);
        return (struct call_failure){GRPC_UNIMPLEMENTED, call->text};
    }
    if (call->deframe.compressed) {
        call_set_text(call, "grpc: compressed flag set with identity or empty "
                            "encoding");
        return (struct call_failure){GRPC_INTERNAL, call->text};
    }
    const char *reason = "";
    grpc_result result = call_decode(call, message, &reason);
    if (result == GRPC_OK) {
        call->has_message = true;
        return (struct call_failure){GRPC_OK, NULL};
    }
    call_set_text(call, "grpc: error unmarshalling %s: %s", side, reason);
    return (struct call_failure){
        result == GRPC_EFORMAT ? GRPC_INTERNAL : GRPC_RESOURCE_EXHAUSTED,
        call->text};
}

struct call_failure call_take_data(struct grpc_call *call, struct view data)
{
    size_t size = data.size;
    struct call_failure failure = {GRPC_OK, NULL};
    enum deframe_result result = DEFRAME_MESSAGE;
    while (failure.reason == NULL && result == DEFRAME_MESSAGE) {
        struct view message;
        result = deframe_next(&call->deframe, &call->arena, &data, &message);
        if (result == DEFRAME_MESSAGE) {
            failure = call_take_message(call, message);
            assembly_end(call);
        } else {
            failure = call_fail_deframe(call, result);
        }
    }
    if (failure.reason != NULL) {
        h2_credit(&call->conn->h2, call->stream, size);
    } else if (size > 0) {
        assembly_take(call, size);
    }
    return failure;
}

// ---- The public functions that both sides share -----------------------------

grpc_arena *grpc_call_arena(grpc_call *call)
{
    return call == NULL ? NULL : &call->arena;
}

void *grpc_call_alloc(grpc_call *call, size_t size)
{
    return call == NULL ? NULL : arena_alloc_zeroed(&call->arena, size);
}

const char *grpc_call_method(const grpc_call *call)
{
    return call == NULL ? "" : call->method->path;
}

grpc_loop *grpc_call_loop(grpc_call *call)
{
    return call == NULL ? NULL : call->loop;
}

bool grpc_call_is_over(const grpc_call *call)
{
    return call == NULL || call->over || call->state >= CALL_FINISHED;
}

int64_t grpc_call_time_left_ms(const grpc_call *call)
{
    if (call == NULL || call->deadline_ms == UINT64_MAX) {
        return -1;
    }
    uint64_t now = call->loop->loop.now_ms;
    uint64_t left = call->deadline_ms > now ? call->deadline_ms - now : 0;
    return left < INT64_MAX ? (int64_t)left : INT64_MAX;
}
