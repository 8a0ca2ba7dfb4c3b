// SPDX-License-Identifier: MIT

#include "codec/pb_array.h"

#include "base/alloc.h"
#include "base/arena.h"

_Static_assert(sizeof(size_t) <= PB_ARRAY_HEAD, "the capacity fits its place");
_Static_assert(PB_ARRAY_HEAD % ARENA_ALIGN == 0, "elements stay aligned");

grpc_result pb_array_shortage(const grpc_arena *arena, size_t size)
{
    if (arena->limit_bytes == 0) {
        return GRPC_ENOMEM;
    }
    // An arena puts a link and a size in front of each block.
    size_t needed = 2 * sizeof(void *);
    if (!alloc_size_add(size, needed, &needed) ||
        !alloc_size_add(needed, ARENA_ALIGN - 1, &needed)) {
        return GRPC_ELIMIT;
    }
    needed &= ~(size_t)(ARENA_ALIGN - 1);
    return arena->held_bytes > arena->limit_bytes ||
                   needed > arena->limit_bytes - arena->held_bytes
               ? GRPC_ELIMIT
               : GRPC_ENOMEM;
}

// array_bytes: of an array with its head; false when that is too many.
static bool array_bytes(size_t capacity, size_t element_size, size_t *out)
{
    size_t bytes;
    return alloc_size_mul(capacity, element_size, &bytes) &&
           alloc_size_add(bytes, PB_ARRAY_HEAD, out);
}

grpc_result pb_array_grow(grpc_arena *arena, struct pb_array *array,
                          size_t element_size, size_t more)
{
    size_t capacity = pb_array_capacity(array);
    size_t needed;
    size_t old_bytes = 0;
    size_t new_bytes;
    if (!alloc_size_add(array->count, more, &needed) ||
        (capacity > 0 && !array_bytes(capacity, element_size, &old_bytes))) {
        return pb_array_shortage(arena, SIZE_MAX);
    }
    size_t next = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
    if (next < needed) {
        next = needed;
    }
    if (!array_bytes(next, element_size, &new_bytes)) {
        return pb_array_shortage(arena, SIZE_MAX);
    }
    char *head = capacity > 0 ? (char *)array->data - PB_ARRAY_HEAD : NULL;
    head = arena_grow(arena, head, old_bytes, new_bytes);
    if (head == NULL) {
        return pb_array_shortage(arena, new_bytes);
    }
    memcpy(head, &next, sizeof next);
    array->data = head + PB_ARRAY_HEAD;
    return GRPC_OK;
}
