// SPDX-License-Identifier: MIT
// The allocator that is used where the user names none: the C library's heap.
// heap.c is the only file of the pure layers that includes <stdlib.h>.

#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include "base/linkage.h"
#include "grpc.h"

// heap_allocator is the C library's realloc() and free().
INTERNAL grpc_allocator heap_allocator(void);

// heap_or_default is *allocator, or the C library's heap when allocator is
// NULL or names no function.
INTERNAL grpc_allocator heap_or_default(const grpc_allocator *allocator);

#endif
