// SPDX-License-Identifier: MIT

#include "core/deframe.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/endian.h"
#include "core/limits.h"

void deframe_init(struct deframe *deframe, uint32_t max_bytes)
{
    deframe->max_bytes = max_bytes;
    deframe->head_size = 0;
    deframe->compressed = false;
    deframe->length = 0;
    deframe->body = NULL;
    deframe->body_size = 0;
    deframe->body_capacity = 0;
    deframe->body_in_arena = false;
}

void deframe_fini(struct deframe *deframe, grpc_arena *arena)
{
    if (deframe->body != NULL && !deframe->body_in_arena) {
        alloc_free(&arena->allocator, deframe->body, deframe->body_capacity);
    }
    deframe->body = NULL;
    deframe->body_size = 0;
    deframe->body_capacity = 0;
}

size_t deframe_wanted(const struct deframe *deframe)
{
    return deframe->head_size == DEFRAME_HEAD
               ? deframe->length - deframe->body_size
               : 0;
}

bool deframe_is_between(const struct deframe *deframe)
{
    return deframe->head_size == 0;
}

// deframe_head takes the prefix; DEFRAME_MESSAGE when it is complete.
static enum deframe_result deframe_head(struct deframe *deframe,
                                        struct view *input)
{
    while (deframe->head_size < DEFRAME_HEAD && input->size > 0) {
        deframe->head[deframe->head_size++] = input->data[0];
        *input = view_skip(*input, 1);
    }
    if (deframe->head_size < DEFRAME_HEAD) {
        return DEFRAME_MORE;
    }
    if (deframe->head[0] > 1) {
        return DEFRAME_BAD_FLAG;
    }
    deframe->compressed = deframe->head[0] == 1;
    deframe->length = load_be32(deframe->head + 1);
    return deframe->length > deframe->max_bytes ? DEFRAME_TOO_LARGE
                                                : DEFRAME_MESSAGE;
}

// deframe_make_room grows the gathered body so that it takes size bytes.
static bool deframe_make_room(struct deframe *deframe, grpc_arena *arena,
                              size_t size)
{
    if (size <= deframe->body_capacity) {
        return true;
    }
    if (deframe->length <= CORE_GATHER_BYTES) {
        deframe->body = arena_alloc(arena, deframe->length);
        deframe->body_capacity = deframe->length;
        deframe->body_in_arena = true;
        return deframe->body != NULL;
    }
    size_t capacity = deframe->body_capacity * 2;
    if (capacity < CORE_GATHER_BYTES) {
        capacity = CORE_GATHER_BYTES;
    }
    if (capacity < size) {
        capacity = size;
    }
    if (capacity > deframe->length) {
        capacity = deframe->length;
    }
    uint8_t *grown = alloc_resize(&arena->allocator, deframe->body,
                                  deframe->body_capacity, capacity);
    if (grown == NULL) {
        return false;
    }
    deframe->body = grown;
    deframe->body_capacity = capacity;
    deframe->body_in_arena = false;
    return true;
}

static enum deframe_result deframe_gather(struct deframe *deframe,
                                          grpc_arena *arena, struct view *input,
                                          struct view *message)
{
    size_t part = deframe->length - deframe->body_size;
    part = part < input->size ? part : input->size;
    if (part > 0) {
        if (!deframe_make_room(deframe, arena, deframe->body_size + part)) {
            return DEFRAME_NO_MEMORY;
        }
        memcpy(deframe->body + deframe->body_size, input->data, part);
        deframe->body_size += part;
        *input = view_skip(*input, part);
    }
    if (deframe->body_size < deframe->length) {
        return DEFRAME_MORE;
    }
    *message = view_of(deframe->body, deframe->body_size);
    return DEFRAME_MESSAGE;
}

enum deframe_result deframe_next(struct deframe *deframe, grpc_arena *arena,
                                 struct view *input, struct view *message)
{
    if (deframe->head_size < DEFRAME_HEAD) {
        deframe_fini(deframe, arena);
        enum deframe_result result = deframe_head(deframe, input);
        if (result != DEFRAME_MESSAGE) {
            return result;
        }
    }
    enum deframe_result result = DEFRAME_MESSAGE;
    if (deframe->body_size == 0 && input->size >= deframe->length) {
        *message = view_of(input->data, deframe->length);
        *input = view_skip(*input, deframe->length);
    } else {
        result = deframe_gather(deframe, arena, input, message);
    }
    if (result == DEFRAME_MESSAGE) {
        deframe->head_size = 0;
    }
    return result;
}
