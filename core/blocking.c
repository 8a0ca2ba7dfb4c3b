// SPDX-License-Identifier: MIT

#include "core/blocking.h"

#include "base/arena.h"
#include "core/channel.h"
#include "core/client_call.h"

void blocking_begin(struct grpc_channel *channel)
{
    channel->blocking++;
}

void blocking_end(struct grpc_channel *channel)
{
    channel->blocking--;
    if (channel->freed) {
        channel->loop->freeing = true;
        run_settle(channel->loop);
    }
}

bool blocking_is_done(const struct grpc_call *call)
{
    return call->state == CALL_FINISHED && !list_is_linked(&call->link);
}

void blocking_step(struct grpc_call *call)
{
    struct grpc_loop *loop = call->loop;
    if (call->channel->freed && call->state != CALL_FINISHED) {
        call_set_text(call, "the channel was freed");
        client_call_finish(call, GRPC_CANCELLED);
    }
    if (run_step(loop, -1) != GRPC_OK && call->state != CALL_FINISHED) {
        call_set_text(call, "%s", loop->error);
        client_call_finish(call, GRPC_INTERNAL);
    }
}

bool blocking_await_room(struct grpc_call *call)
{
    if (!call->blocking || call->loop->stepping) {
        return false;
    }
    while (call->send_waits && !blocking_is_done(call)) {
        blocking_step(call);
    }
    return true;
}

// blocking_copy_metadata copies what outlives the call; nothing without memory.
static void blocking_copy_metadata(grpc_metadata from, grpc_arena *arena,
                                   grpc_metadata *to)
{
    if (to == NULL) {
        return;
    }
    *to = (grpc_metadata){NULL, 0};
    grpc_header *copies = arena_alloc(arena, from.count * sizeof *copies);
    for (size_t i = 0; i < from.count && copies != NULL; i++) {
        const grpc_header *header = &from.data[i];
        const struct view key = view_of(header->key, strlen(header->key));
        const struct view value = view_of(header->value, header->size);
        copies[i] = (grpc_header){arena_copy_text(arena, key),
                                  arena_copy_text(arena, value), header->size};
        if (copies[i].key == NULL || copies[i].value == NULL) {
            return;
        }
    }
    if (copies != NULL && from.count > 0) {
        *to = (grpc_metadata){copies, from.count};
    }
}

void blocking_clear(const grpc_call_options *options)
{
    const grpc_metadata none = {NULL, 0};
    if (options != NULL && options->headers != NULL) {
        *options->headers = none;
    }
    if (options != NULL && options->trailers != NULL) {
        *options->trailers = none;
    }
}

grpc_status blocking_status(const struct grpc_call *call, grpc_arena *arena)
{
    blocking_copy_metadata(call->headers, arena, call->headers_out);
    blocking_copy_metadata(call->trailers, arena, call->trailers_out);
    grpc_status status = call_status(call);
    const struct view text = view_of(call->text, call->text_size);
    status.message = arena_copy_text(arena, text);
    if (status.message == NULL) {
        status.message = "";
        status.message_size = 0;
    }
    if (status.details.size > 0) {
        const struct view details =
            view_of(status.details.data, status.details.size);
        status.details.data = arena_copy_text(arena, details);
        status.details.size = status.details.data == NULL ? 0 : details.size;
    }
    return status;
}
