// SPDX-License-Identifier: MIT
// The codec that leaves messages as they are: each is a grpc_str.

#include <string.h>

#include "base/arena.h"
#include "codec/pb_buffer.h"
#include "grpc.h"

static grpc_result codec_raw_decode(const void *type, void *message,
                                    grpc_arena *arena, grpc_str data,
                                    const char **reason)
{
    (void)type;
    const char *copy = arena_copy_text(
        arena, (struct view){(const uint8_t *)data.data, data.size});
    if (copy == NULL) {
        *reason = "out of memory";
        return GRPC_ENOMEM;
    }
    grpc_str *out = message;
    *out = (grpc_str){copy, data.size};
    return GRPC_OK;
}

static grpc_result codec_raw_encode(const void *type, const void *message,
                                    grpc_buffer *buffer, const char **reason)
{
    (void)type;
    const grpc_str *text = message;
    if (text->data == NULL && text->size > 0) {
        *reason = "it is NULL";
        return GRPC_EINVAL;
    }
    grpc_result result = GRPC_ELIMIT;
    if (text->size <= SIZE_MAX - GRPC_BUFFER_HEADROOM) {
        result = pb_buffer_reserve(buffer, text->size + GRPC_BUFFER_HEADROOM);
    }
    if (result != GRPC_OK) {
        *reason = result == GRPC_ENOMEM ? "out of memory" : "it is too long";
        return result;
    }
    buffer->first -= text->size;
    if (text->size > 0) {
        // It may be a part of what the buffer held.
        memmove(buffer->first, text->data, text->size);
    }
    return GRPC_OK;
}

const grpc_codec grpc_raw = {
    .name = "raw",
    .decode = codec_raw_decode,
    .encode = codec_raw_encode,
};
