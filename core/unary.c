// SPDX-License-Identifier: MIT
// The public functions of a client's unary call, asynchronous and blocking.

#include "base/arena.h"
#include "core/blocking.h"
#include "core/call.h"
#include "core/channel.h"
#include "core/client_call.h"
#include "core/client_start.h"
#include "core/unary.h"

grpc_call *grpc_unary_start(grpc_channel *channel, const grpc_method *method,
                            const void *request, grpc_function *callback,
                            void *self, const grpc_call_options *options)
{
    if (channel == NULL) {
        return NULL;
    }
    const char *fault = NULL;
    if (method == NULL || request == NULL || callback == NULL) {
        fault = "method, request or callback is NULL";
    }
    struct grpc_call *call =
        client_start_asked(channel, method, NULL, request, options, fault);
    if (call == NULL) {
        return NULL;
    }
    call->done = callback;
    call->self = self;
    client_start(call);
    return call;
}

void grpc_cancel(grpc_call *call)
{
    if (call == NULL || call->is_server || call->state == CALL_FINISHED) {
        return;
    }
    call_set_text(call, "cancelled by the caller");
    client_call_finish(call, GRPC_CANCELLED);
}

// ---- Blocking ---------------------------------------------------------------

static grpc_status unary_status(grpc_code code, const char *text)
{
    return (grpc_status){
        .code = code,
        .message = text,
        .message_size = strlen(text),
    };
}

static grpc_status unary_block(struct grpc_call *call, grpc_arena *arena,
                               void *reply)
{
    call->blocking = true;
    call->reply_arena = arena;
    call->message = reply;
    client_start(call);
    while (!blocking_is_done(call)) {
        blocking_step(call);
    }
    grpc_status status = blocking_status(call, arena);
    call_release(call);
    return status;
}

// unary_refused is the outcome of a call that could not be made; its words live
// in the arena.
static grpc_status unary_refused(grpc_arena *arena, const char *reason)
{
    const char *copy = arena_copy_text(arena, view_of(reason, strlen(reason)));
    return unary_status(GRPC_INTERNAL, copy == NULL ? "out of memory" : copy);
}

grpc_status unary_named(grpc_channel *channel, grpc_arena *arena,
                        const grpc_method *method, const char *path,
                        const void *request, void *reply,
                        const grpc_call_options *options)
{
    blocking_clear(options);
    if (channel == NULL || arena == NULL || method == NULL || request == NULL ||
        reply == NULL) {
        return unary_status(GRPC_INVALID_ARGUMENT,
                            "channel, arena, method, request or reply is NULL");
    }
    struct grpc_loop *loop = channel->loop;
    if (loop->stepping) {
        return unary_status(GRPC_FAILED_PRECONDITION,
                            "a blocking call within a callback of its loop");
    }
    arena_bind(arena, &loop->allocator);
    blocking_begin(channel);
    // What has come since the last step: above all, that the connection is
    // gone, so that this call does not go down with it.
    const char *reason = "the loop cannot wait for events";
    struct grpc_call *call = NULL;
    if (run_step(loop, 0) == GRPC_OK) {
        call =
            client_start_new(channel, method, path, request, options, &reason);
    }
    grpc_status status = call == NULL ? unary_refused(arena, reason)
                                      : unary_block(call, arena, reply);
    blocking_end(channel);
    return status;
}

grpc_status grpc_unary(grpc_channel *channel, grpc_arena *arena,
                       const grpc_method *method, const void *request,
                       void *reply, const grpc_call_options *options)
{
    return unary_named(channel, arena, method, NULL, request, reply, options);
}
