// SPDX-License-Identifier: MIT
// The public functions of a client's streams. A stream that is waited for is
// paused unless it is asked for the next message or its end.

#include "core/stream.h"

#include "base/arena.h"
#include "core/blocking.h"
#include "core/call.h"
#include "core/channel.h"
#include "core/client_call.h"
#include "core/client_start.h"
#include "core/limits.h"
#include "core/receive.h"

// ---- With callbacks ---------------------------------------------------------

static void stream_set_events(struct grpc_call *call, const grpc_events *events,
                              void *self)
{
    call->self = self;
    call->writable_argument = self;
    if (events != NULL) {
        call->on_headers = events->headers;
        call->callback = events->message;
        call->writable = events->writable;
        call->done = events->end;
    }
}

grpc_call *stream_start(grpc_channel *channel, const grpc_method *method,
                        const char *path, const void *request,
                        const grpc_events *events, void *self,
                        const grpc_call_options *options)
{
    if (channel == NULL) {
        return NULL;
    }
    const char *fault = NULL;
    if (method == NULL || (request == NULL && !method->streams_requests)) {
        fault = "method or request is NULL";
    }
    struct grpc_call *call =
        client_start_asked(channel, method, path, request, options, fault);
    if (call == NULL) {
        return NULL;
    }
    stream_set_events(call, events, self);
    client_start(call);
    return call;
}

grpc_call *grpc_stream_start(grpc_channel *channel, const grpc_method *method,
                             const void *request, const grpc_events *events,
                             void *self, const grpc_call_options *options)
{
    return stream_start(channel, method, NULL, request, events, self, options);
}

// ---- Waited for -------------------------------------------------------------

// stream_refused makes a call that has ended before it began, for the sake of
// grpc_call_end().
static struct grpc_call *stream_refused(struct grpc_channel *channel,
                                        const grpc_method *method,
                                        grpc_code code, const char *reason)
{
    struct grpc_call *call = call_new(channel->loop, method, 0);
    if (call != NULL) {
        call->channel = channel;
        call->chain = &channel->interceptors;
        chunk_queue_init(&call->outbox, &channel->loop->h2.chunks);
        call->code = code;
        call_set_text(call, "%s", reason);
        call_set_state(call, CALL_QUEUED);
        call_set_state(call, CALL_FINISHED);
    }
    return call;
}

// stream_make is a call that may begin, or one that has ended.
static struct grpc_call *stream_make(struct grpc_channel *channel,
                                     const grpc_method *method,
                                     const char *path, const void *request,
                                     const grpc_call_options *options)
{
    if (channel->loop->stepping) {
        return stream_refused(channel, method, GRPC_FAILED_PRECONDITION,
                              "a blocking call within a callback of its loop");
    }
    if (request == NULL && !method->streams_requests) {
        return stream_refused(channel, method, GRPC_INVALID_ARGUMENT,
                              "the request is NULL");
    }
    // As in grpc_unary: what has come since the last step.
    const char *reason = "the loop cannot wait for events";
    struct grpc_call *call = NULL;
    if (run_step(channel->loop, 0) == GRPC_OK) {
        call =
            client_start_new(channel, method, path, request, options, &reason);
    }
    return call != NULL
               ? call
               : stream_refused(channel, method, GRPC_INTERNAL, reason);
}

// stream_give_up drops a call for which there is no memory. It has not begun,
// but its parent and its channel may know it.
static void stream_give_up(struct grpc_channel *channel, struct grpc_call *call)
{
    if (call != NULL) {
        client_call_finish(call, GRPC_RESOURCE_EXHAUSTED);
        call_release(call);
    }
    blocking_end(channel);
}

grpc_call *stream_call(grpc_channel *channel, grpc_arena *arena,
                       const grpc_method *method, const char *path,
                       const void *request, const grpc_call_options *options)
{
    blocking_clear(options);
    if (channel == NULL || arena == NULL || method == NULL) {
        return NULL;
    }
    arena_bind(arena, &channel->loop->allocator);
    blocking_begin(channel);
    struct grpc_call *call =
        stream_make(channel, method, path, request, options);
    grpc_arena *next_arena = NULL;
    if (call != NULL) {
        next_arena = arena_alloc_zeroed(&call->arena, sizeof *next_arena);
    }
    if (next_arena == NULL) {
        stream_give_up(channel, call);
        return NULL;
    }
    arena_bind(next_arena, &channel->loop->allocator);
    call->blocking = true;
    call->paused = true;
    call->reply_arena = arena;
    call->next_arena = next_arena;
    if (call->state == CALL_QUEUED) {
        client_start(call);
    }
    return call;
}

grpc_call *grpc_stream_call(grpc_channel *channel, grpc_arena *arena,
                            const grpc_method *method, const void *request,
                            const grpc_call_options *options)
{
    return stream_call(channel, arena, method, NULL, request, options);
}

// stream_await lets messages come until one has, or the call is done.
static void stream_await(struct grpc_call *call)
{
    call->paused = false;
    receive_ready(call);
    while (call->next == NULL && !blocking_is_done(call)) {
        blocking_step(call);
    }
    call->paused = true;
}

grpc_result grpc_call_next(grpc_call *call, const void **message)
{
    if (call == NULL || message == NULL) {
        return GRPC_EINVAL;
    }
    *message = NULL;
    if (!call->blocking || !call->method->streams_replies ||
        call->loop->stepping) {
        return GRPC_ESTATE;
    }
    call->next = NULL;
    arena_reset_whole(call->next_arena, CORE_SCRATCH_KEEP_BYTES);
    stream_await(call);
    *message = call->next;
    return call->next != NULL ? GRPC_MORE : GRPC_OK;
}

grpc_result grpc_call_await_headers(grpc_call *call)
{
    if (call == NULL || !call->blocking) {
        return GRPC_EINVAL;
    }
    while (!call->response_seen && !blocking_is_done(call)) {
        if (call->loop->stepping) {
            return GRPC_ESTATE;
        }
        blocking_step(call);
    }
    return call->headers_given ? GRPC_OK : GRPC_ESTATE;
}

// stream_close gives the call back.
static grpc_status stream_close(struct grpc_call *call)
{
    struct grpc_channel *channel = call->channel;
    grpc_status status = blocking_status(call, call->reply_arena);
    arena_reset(call->next_arena, 0);
    call_release(call);
    blocking_end(channel);
    return status;
}

// stream_finish runs the call to its end. A message that comes instead was not
// asked for: the call is cancelled.
static void stream_finish(struct grpc_call *call)
{
    call->next = NULL;
    if (call->method->streams_requests && !call->half_closed) {
        grpc_cancel(call);
    }
    stream_await(call);
    if (!blocking_is_done(call)) {
        grpc_cancel(call);
    }
    while (!blocking_is_done(call)) {
        blocking_step(call);
    }
}

static grpc_status stream_misused(const char *text)
{
    return (grpc_status){
        .code = GRPC_FAILED_PRECONDITION,
        .message = text,
        .message_size = strlen(text),
    };
}

grpc_status grpc_call_end(grpc_call *call)
{
    if (call == NULL) {
        return stream_misused("there is no call: out of memory, or no channel");
    }
    if (!call->blocking) {
        return stream_misused("the call is not one that is waited for");
    }
    if (call->loop->stepping && !blocking_is_done(call)) {
        return stream_misused("a blocking call within a callback of its loop");
    }
    if (!blocking_is_done(call)) {
        stream_finish(call);
    }
    return stream_close(call);
}

grpc_status grpc_call_end_with(grpc_call *call, void *reply)
{
    if (call == NULL || !call->blocking || reply == NULL ||
        call->method->streams_replies || call->loop->stepping) {
        return reply != NULL ? grpc_call_end(call)
                             : stream_misused("the reply is NULL");
    }
    (void)grpc_call_half_close(call);
    call->message = reply;
    if (!blocking_is_done(call)) {
        stream_await(call);
    }
    return stream_close(call);
}
