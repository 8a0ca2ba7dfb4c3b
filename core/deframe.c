// SPDX-License-Identifier: MIT

#include "core/deframe.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/endian.h"
#include "core/limits.h"

void deframe_init(struct deframe *deframe, struct deframe_spare *spare,
                  uint32_t max_bytes)
{
    deframe->spare = spare;
    deframe->max_bytes = max_bytes;
    deframe->head_size = 0;
    deframe->compressed = false;
    deframe->length = 0;
    deframe->body = NULL;
    deframe->body_size = 0;
    deframe->body_capacity = 0;
    deframe->small = NULL;
    deframe->small_capacity = 0;
}

void deframe_spare_fini(struct deframe_spare *spare,
                        const grpc_allocator *allocator)
{
    if (spare->data != NULL) {
        alloc_free(allocator, spare->data, spare->capacity);
        spare->data = NULL;
        spare->capacity = 0;
    }
}

// deframe_drop_large gives memory of its own back, or keeps it for the next.
static void deframe_drop_large(struct deframe *deframe, grpc_arena *arena)
{
    struct deframe_spare *spare = deframe->spare;
    if (spare->data == NULL &&
        deframe->body_capacity <= CORE_GATHER_KEEP_BYTES) {
        spare->data = deframe->body;
        spare->capacity = deframe->body_capacity;
    } else {
        alloc_free(&arena->allocator, deframe->body, deframe->body_capacity);
    }
    deframe->body = NULL;
    deframe->body_capacity = 0;
}

// deframe_used: memory in the arena is used again.
void deframe_used(struct deframe *deframe, grpc_arena *arena)
{
    if (UNLIKELY(deframe->body != NULL && deframe->body != deframe->small)) {
        deframe_drop_large(deframe, arena);
    }
    deframe->body = NULL;
    deframe->body_size = 0;
    deframe->body_capacity = 0;
}

void deframe_fini(struct deframe *deframe, grpc_arena *arena)
{
    deframe_used(deframe, arena);
    deframe->small = NULL;
    deframe->small_capacity = 0;
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
    if (LIKELY(deframe->head_size == 0 && input->size >= DEFRAME_HEAD)) {
        memcpy(deframe->head, input->data, DEFRAME_HEAD);
        deframe->head_size = DEFRAME_HEAD;
        *input = view_skip(*input, DEFRAME_HEAD);
    }
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

// deframe_use_small gathers in the arena. A stream whose messages differ in
// length takes memory there twice at most, the second time for the longest.
static bool deframe_use_small(struct deframe *deframe, grpc_arena *arena)
{
    if (deframe->small_capacity < deframe->length) {
        uint32_t capacity =
            deframe->small == NULL ? deframe->length : CORE_GATHER_BYTES;
        uint8_t *small = arena_alloc(arena, capacity);
        if (small == NULL) {
            return false;
        }
        deframe->small = small;
        deframe->small_capacity = capacity;
    }
    deframe->body = deframe->small;
    deframe->body_capacity = deframe->small_capacity;
    return true;
}

// deframe_use_spare begins a large message with what the loop has kept.
static void deframe_use_spare(struct deframe *deframe)
{
    struct deframe_spare *spare = deframe->spare;
    deframe->body = spare->data;
    deframe->body_capacity = spare->capacity;
    spare->data = NULL;
    spare->capacity = 0;
}

// deframe_make_room grows the gathered body so that it takes size bytes.
static bool deframe_make_room(struct deframe *deframe, grpc_arena *arena,
                              size_t size)
{
    if (size <= deframe->body_capacity) {
        return true;
    }
    if (deframe->length <= CORE_GATHER_BYTES) {
        return deframe_use_small(deframe, arena);
    }
    if (deframe->body == NULL) {
        deframe_use_spare(deframe);
        if (size <= deframe->body_capacity) {
            return true;
        }
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
        if (UNLIKELY(deframe->body_size > 0)) {
            deframe_used(deframe, arena);
        }
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
