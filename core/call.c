// SPDX-License-Identifier: MIT

#include "core/call.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/assert.h"
#include "core/assembly.h"
#include "core/client_call.h"
#include "core/limits.h"
#include "core/receive.h"
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
    memset(call, 0, offsetof(struct grpc_call, arena));
    call->peer_address.size = 0;
    call->loop = loop;
    call->method = method;
    call->state = CALL_NEW;
    call->deadline_ms = UINT64_MAX;
    call->text = "";
    arena_bind(&call->arena, &loop->allocator);
    call->timer.kind = RUN_CALL;
    call->started_us = run_now_us(loop);
    call->receive_encoding = CALL_IDENTITY;
    call->send_encoding = CALL_IDENTITY;
    call->compresses = true;
    chunk_queue_init(&call->inbox, &loop->h2.chunks);
    deframe_init(&call->deframe, &loop->spare_body, max_receive_bytes);
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
    receive_fini(call);
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
    if (call->is_server) {
        call_names_drop(&loop->allocator, call->names);
        if (call->counted_in != NULL) {
            --*call->counted_in;
        }
    }
    list_remove(&call->link_ready);
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

// call_text_cut is the size of text that was cut at size, without the part of a
// character that may be at its end: text that was UTF-8 still is.
static size_t call_text_cut(const char *text, size_t size)
{
    size_t lead = size;
    while (lead > 0 && size - lead < 4) {
        unsigned char c = (unsigned char)text[--lead];
        if ((c & 0xc0) != 0x80) {
            size_t whole = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
            return size - lead < whole ? lead : size;
        }
    }
    return size;
}

void call_set_text_list(struct grpc_call *call, const char *format,
                        va_list arguments)
{
    char text[CORE_MESSAGE_TEXT_BYTES];
    int size = vsnprintf(text, sizeof text, format, arguments);
    if (size < 0) {
        size = 0;
    }
    call->text_size = (size_t)size < sizeof text
                          ? (size_t)size
                          : call_text_cut(text, sizeof text - 1);
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

void call_set_static(struct grpc_call *call, struct view text)
{
    call->text = (const char *)text.data;
    call->text_size = text.size;
}

grpc_status call_status(const struct grpc_call *call)
{
    return (grpc_status){
        .code = call->code,
        .message = call->text,
        .message_size = call->text_size,
        .details = call->details,
    };
}

bool call_enter(struct grpc_call *call)
{
    bool was = call->in_handler;
    call->in_handler = true;
    return was;
}

void call_leave(struct grpc_call *call, bool entered)
{
    call->in_handler = entered;
    if (!entered && call->state == CALL_ANSWERED && call->conn == NULL) {
        call_release(call);
    }
}

void call_end_children(struct grpc_call *call)
{
    while (call->children.next != NULL && !list_is_empty(&call->children)) {
        struct list_link *link = list_first(&call->children);
        struct grpc_call *child =
            LIST_OWNER(link, struct grpc_call, link_parent);
        list_remove(link);
        call_set_text(child, "the call that it was made for has ended");
        client_call_finish(child, GRPC_CANCELLED);
    }
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

uint64_t grpc_call_elapsed_us(const grpc_call *call)
{
    return call == NULL ? 0 : run_clock_us(call->loop) - call->started_us;
}

// call_list_names puts the names that requests share in front of the metadata,
// when somebody asks for all of it. Without memory they are left out.
static void call_list_names(struct grpc_call *call)
{
    grpc_metadata listed =
        call_names_list(call->names, &call->arena, call->headers);
    if (listed.count > 0) {
        call->headers = listed;
        call_names_drop(&call->loop->allocator, call->names);
        call->names = NULL;
    }
}

grpc_metadata grpc_call_headers(grpc_call *call)
{
    if (call == NULL) {
        return (grpc_metadata){NULL, 0};
    }
    if (call->is_server && call->names != NULL) {
        call_list_names(call);
    }
    return call->headers;
}

grpc_metadata grpc_call_trailers(const grpc_call *call)
{
    return call == NULL ? (grpc_metadata){NULL, 0} : call->trailers;
}

bool grpc_call_header(const grpc_call *call, const char *key, grpc_str *value)
{
    const grpc_metadata none = {NULL, 0};
    if (grpc_metadata_get(call == NULL ? none : call->headers, key, 0, value)) {
        return true;
    }
    return call != NULL && call->is_server && call->names != NULL &&
           call_names_get(call->names, key, value);
}

bool grpc_call_trailer(const grpc_call *call, const char *key, grpc_str *value)
{
    return grpc_metadata_get(grpc_call_trailers(call), key, 0, value);
}

// call_may_add_header: response headers, or a request's, have not been sent.
static bool call_may_add_header(const struct grpc_call *call)
{
    if (call->is_server) {
        return !call->over && call->stream != NULL &&
               !call->stream->headers_sent && call->state != CALL_ANSWERED;
    }
    return call->state == CALL_QUEUED && !call->begun;
}

grpc_result grpc_call_add_header_bytes(grpc_call *call, const char *key,
                                       const void *value, size_t size)
{
    if (call == NULL || key == NULL || (value == NULL && size > 0)) {
        return GRPC_EINVAL;
    }
    if (!call_may_add_header(call)) {
        return GRPC_ESTATE;
    }
    return call_fields_add(&call->fields, &call->arena, key,
                           view_of(value, size));
}

grpc_result grpc_call_add_trailer_bytes(grpc_call *call, const char *key,
                                        const void *value, size_t size)
{
    if (call == NULL || key == NULL || (value == NULL && size > 0)) {
        return GRPC_EINVAL;
    }
    if (!call->is_server || call->over || call->state == CALL_ANSWERED) {
        return GRPC_ESTATE;
    }
    return call_fields_add(&call->endings, &call->arena, key,
                           view_of(value, size));
}

grpc_result grpc_call_add_header(grpc_call *call, const char *key,
                                 const char *text)
{
    grpc_str value = grpc_str_z(text);
    return grpc_call_add_header_bytes(call, key, value.data, value.size);
}

grpc_result grpc_call_add_trailer(grpc_call *call, const char *key,
                                  const char *text)
{
    grpc_str value = grpc_str_z(text);
    return grpc_call_add_trailer_bytes(call, key, value.data, value.size);
}
