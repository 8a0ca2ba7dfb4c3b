// SPDX-License-Identifier: MIT
// The memory behind a grpc_buffer, which is filled from its end: what is
// written stays at the end when the memory grows.
//
// Invariants (pb_buffer_check):
//   1. base <= first <= end, or all three are NULL.
//   2. end - base <= limit_bytes when a limit is set.

#ifndef CODEC_PB_BUFFER_H
#define CODEC_PB_BUFFER_H

#include <stddef.h>

#include "base/assert.h"
#include "base/linkage.h"
#include "codec/pb_limits.h"
#include "grpc.h"

// pb_buffer_size is what was written, pb_buffer_room what is free in front.
static inline size_t pb_buffer_size(const grpc_buffer *buffer)
{
    return buffer->base == NULL ? 0 : (size_t)(buffer->end - buffer->first);
}

static inline size_t pb_buffer_room(const grpc_buffer *buffer)
{
    return buffer->base == NULL ? 0 : (size_t)(buffer->first - buffer->base);
}

INTERNAL MUST_CHECK grpc_result pb_buffer_grow(grpc_buffer *buffer,
                                               size_t size);

// pb_buffer_reserve makes sure that size bytes are free in front of first. The
// bytes that were written may move. GRPC_ENOMEM, or GRPC_ELIMIT when
// limit_bytes forbids it: nothing has changed then.
static inline MUST_CHECK grpc_result pb_buffer_reserve(grpc_buffer *buffer,
                                                       size_t size)
{
    if (LIKELY(pb_buffer_room(buffer) >= size)) {
        return GRPC_OK;
    }
    return pb_buffer_grow(buffer, size);
}

// pb_buffer_fini frees the memory and leaves an empty buffer.
INTERNAL void pb_buffer_fini(grpc_buffer *buffer);

INTERNAL void pb_buffer_check(const grpc_buffer *buffer);

#endif
