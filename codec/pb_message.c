// SPDX-License-Identifier: MIT
// The public face of the protobuf codec.

#include "grpc.h"

#include "base/arena.h"
#include "codec/pb_buffer.h"
#include "codec/pb_decode.h"
#include "codec/pb_encode.h"

const grpc_codec grpc_protobuf = {
    .name = "proto",
    .decode = pb_decode,
    .encode = pb_encode,
};

grpc_result grpc_message_decode(const grpc_message *type, void *message,
                                grpc_arena *arena, const void *data,
                                size_t size)
{
    if (type == NULL || message == NULL || arena == NULL ||
        (data == NULL && size > 0)) {
        return GRPC_EINVAL;
    }
    const char *reason;
    grpc_str bytes = {.data = data, .size = size};
    return pb_decode(type, message, arena, bytes, &reason);
}

// message_arena_allocate is an allocator whose memory an arena owns: what is
// freed stays there until the arena is reset.
static void *message_arena_allocate(void *user, void *pointer, size_t old_size,
                                    size_t new_size)
{
    (void)pointer;
    (void)old_size;
    return new_size == 0 ? NULL : arena_alloc(user, new_size);
}

grpc_str grpc_message_encode(const grpc_message *type, const void *message,
                             grpc_arena *arena)
{
    grpc_str bytes = {.data = NULL, .size = 0};
    if (type == NULL || message == NULL || arena == NULL) {
        return bytes;
    }
    const char *reason;
    grpc_buffer buffer = {
        .allocator = {.allocate = message_arena_allocate, .user = arena},
    };
    if (pb_encode(type, message, &buffer, &reason) == GRPC_OK) {
        bytes.data = (const char *)buffer.first;
        bytes.size = pb_buffer_size(&buffer);
    }
    return bytes;
}
