// SPDX-License-Identifier: MIT

#include "base/alloc.h"

#include <stdint.h>
#include <string.h>

#include "base/assert.h"

void *alloc_new(const grpc_allocator *allocator, size_t size)
{
    ASSERT(size > 0);
    return allocator->allocate(allocator->user, NULL, 0, size);
}

void *alloc_zeroed(const grpc_allocator *allocator, size_t size)
{
    void *pointer = alloc_new(allocator, size);
    if (pointer != NULL) {
        memset(pointer, 0, size);
    }
    return pointer;
}

void *alloc_resize(const grpc_allocator *allocator, void *pointer,
                   size_t old_size, size_t new_size)
{
    ASSERT(new_size > 0);
    ASSERT((pointer == NULL) == (old_size == 0));
    return allocator->allocate(allocator->user, pointer, old_size, new_size);
}

void alloc_free(const grpc_allocator *allocator, void *pointer, size_t size)
{
    if (pointer != NULL) {
        (void)allocator->allocate(allocator->user, pointer, size, 0);
    }
}

void alloc_wipe(void *pointer, size_t size)
{
    volatile unsigned char *bytes = pointer;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = 0;
    }
}

bool alloc_size_add(size_t a, size_t b, size_t *out)
{
    if (b > SIZE_MAX - a) {
        return false;
    }
    *out = a + b;
    return true;
}

bool alloc_size_mul(size_t a, size_t b, size_t *out)
{
    if (a != 0 && b > SIZE_MAX / a) {
        return false;
    }
    *out = a * b;
    return true;
}
