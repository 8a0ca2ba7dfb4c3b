// SPDX-License-Identifier: MIT

#include "codec/pb_buffer.h"

#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/heap.h"

static size_t buffer_held(const grpc_buffer *buffer)
{
    return buffer->base == NULL ? 0 : (size_t)(buffer->end - buffer->base);
}

// buffer_next_size doubles, and is never less than needed; 0 when the limit
// does not allow that.
static size_t buffer_next_size(const grpc_buffer *buffer, size_t needed)
{
    size_t held = buffer_held(buffer);
    size_t size = held > SIZE_MAX / 2 ? SIZE_MAX : held * 2;
    if (size < PB_BUFFER_MIN) {
        size = PB_BUFFER_MIN;
    }
    if (size < needed) {
        size = needed;
    }
    if (buffer->limit_bytes != 0 && size > buffer->limit_bytes) {
        size = buffer->limit_bytes;
    }
    return size >= needed ? size : 0;
}

grpc_result pb_buffer_grow(grpc_buffer *buffer, size_t size)
{
    size_t used = pb_buffer_size(buffer);
    size_t needed;
    if (!alloc_size_add(used, size, &needed)) {
        return GRPC_ELIMIT;
    }
    size_t next = buffer_next_size(buffer, needed);
    if (next == 0) {
        return GRPC_ELIMIT;
    }
    buffer->allocator = heap_or_default(&buffer->allocator);
    unsigned char *base = alloc_new(&buffer->allocator, next);
    if (base == NULL) {
        return GRPC_ENOMEM;
    }
    if (used > 0) {
        memcpy(base + (next - used), buffer->first, used);
    }
    alloc_free(&buffer->allocator, buffer->base, buffer_held(buffer));
    buffer->base = base;
    buffer->end = base + next;
    buffer->first = buffer->end - used;
    return GRPC_OK;
}

void pb_buffer_fini(grpc_buffer *buffer)
{
    alloc_free(&buffer->allocator, buffer->base, buffer_held(buffer));
    buffer->base = NULL;
    buffer->first = NULL;
    buffer->end = NULL;
}

void pb_buffer_check(const grpc_buffer *buffer)
{
    ASSERT((buffer->base == NULL) == (buffer->first == NULL));
    ASSERT((buffer->base == NULL) == (buffer->end == NULL));
    ASSERT(buffer->base <= buffer->first);
    ASSERT(buffer->first <= buffer->end);
    ASSERT(buffer->limit_bytes == 0 ||
           buffer_held(buffer) <= buffer->limit_bytes);
    (void)buffer;
}
