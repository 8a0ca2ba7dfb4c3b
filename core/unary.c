// SPDX-License-Identifier: MIT
// The public functions of a client's unary call, asynchronous and blocking.

#include <stdio.h>

#include "base/arena.h"
#include "base/assert.h"
#include "core/call.h"
#include "core/channel.h"
#include "core/client_call.h"

// unary_new makes a call with its request encoded, in state QUEUED and in no
// list yet. NULL: *reason says why.
static struct grpc_call *unary_new(struct grpc_channel *channel,
                                   const grpc_method *method,
                                   const void *request,
                                   const grpc_call_options *options,
                                   const char **reason)
{
    struct grpc_loop *loop = channel->loop;
    struct view bytes;
    if (call_encode(loop, method->codec, method->request, request, &bytes,
                    reason) != GRPC_OK) {
        return NULL;
    }
    *reason = "out of memory";
    struct grpc_call *call = call_new(loop, method, channel->max_receive_bytes);
    if (call == NULL) {
        return NULL;
    }
    uint8_t *copy = arena_alloc(&call->arena, bytes.size);
    if (copy == NULL) {
        call_release(call);
        return NULL;
    }
    memcpy(copy, bytes.data, bytes.size);
    call->channel = channel;
    call->started_ms = run_now(loop);
    call->request = view_of(copy, bytes.size);
    call->wait_for_ready = options->wait_for_ready;
    call_set_state(call, CALL_QUEUED);
    if (options->timeout_ms != 0) {
        call_arm(call, options->timeout_ms);
    }
    return call;
}

static const grpc_call_options unary_defaults = {0};

grpc_call *grpc_unary_start(grpc_channel *channel, const grpc_method *method,
                            const void *request, grpc_function *callback,
                            void *self, const grpc_call_options *options)
{
    if (channel == NULL) {
        return NULL;
    }
    const char *reason = NULL;
    if (method == NULL || request == NULL || callback == NULL) {
        reason = "method, request or callback is NULL";
    } else if (channel->owns_loop) {
        reason = "the channel has a private loop, which only blocking calls "
                 "run; make it with a loop of your own";
    } else if (channel->freed) {
        reason = "the channel was freed";
    }
    struct grpc_call *call = NULL;
    if (reason == NULL) {
        call = unary_new(channel, method, request,
                         options == NULL ? &unary_defaults : options, &reason);
    }
    if (call == NULL) {
        run_set_error(channel->loop, channel->error, "start a call: %s",
                      reason);
        return NULL;
    }
    call->callback = callback;
    call->self = self;
    channel_submit(channel, call);
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

// unary_result copies what outlives the call into the caller's arena.
static grpc_status unary_result(struct grpc_call *call, grpc_arena *arena)
{
    char *text = arena_copy_text(arena, view_of(call->text, call->text_size));
    if (text == NULL) {
        return unary_status(call->code, "");
    }
    return (grpc_status){
        .code = call->code,
        .message = text,
        .message_size = call->text_size,
    };
}

static void unary_run(struct grpc_call *call)
{
    struct grpc_loop *loop = call->loop;
    while (call->state != CALL_FINISHED || list_is_linked(&call->link)) {
        if (call->channel->freed && call->state != CALL_FINISHED) {
            call_set_text(call, "the channel was freed");
            client_call_finish(call, GRPC_CANCELLED);
        }
        if (run_step(loop, -1) != GRPC_OK && call->state != CALL_FINISHED) {
            call_set_text(call, "%s", loop->error);
            client_call_finish(call, GRPC_INTERNAL);
        }
    }
}

static grpc_status unary_block(struct grpc_channel *channel, grpc_arena *arena,
                               struct grpc_call *call, void *reply)
{
    call->blocking = true;
    call->reply_arena = arena;
    call->message = reply;
    channel_submit(channel, call);
    unary_run(call);
    grpc_status status = unary_result(call, arena);
    call_release(call);
    return status;
}

grpc_status grpc_unary(grpc_channel *channel, grpc_arena *arena,
                       const grpc_method *method, const void *request,
                       void *reply, const grpc_call_options *options)
{
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
    channel->blocking++;
    // What has come since the last step: above all, that the connection is
    // gone, so that this call does not go down with it.
    const char *reason = "the loop cannot wait for events";
    struct grpc_call *call = NULL;
    if (run_step(loop, 0) == GRPC_OK) {
        call = unary_new(channel, method, request,
                         options == NULL ? &unary_defaults : options, &reason);
    }
    grpc_status status = call == NULL
                             ? unary_status(GRPC_INTERNAL, reason)
                             : unary_block(channel, arena, call, reply);
    channel->blocking--;
    if (channel->freed) {
        loop->freeing = true;
        run_settle(loop);
    }
    return status;
}
