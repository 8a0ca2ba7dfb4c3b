// SPDX-License-Identifier: MIT

#include "base/heap.h"

#include <stdlib.h>

static void *heap_allocate(void *user, void *pointer, size_t old_size,
                           size_t new_size)
{
    (void)user;
    (void)old_size;
    if (new_size == 0) {
        free(pointer);
        return NULL;
    }
    return realloc(pointer, new_size);
}

grpc_allocator heap_allocator(void)
{
    return (grpc_allocator){.allocate = heap_allocate, .user = NULL};
}

grpc_allocator heap_or_default(const grpc_allocator *allocator)
{
    if (allocator == NULL || allocator->allocate == NULL) {
        return heap_allocator();
    }
    return *allocator;
}
