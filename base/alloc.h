// SPDX-License-Identifier: MIT
// The verbs over the one allocator function of grpc.h. Sizes are known to the
// caller at every free, so that an allocator needs no headers.

#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stddef.h>

#include "base/linkage.h"
#include "grpc.h"

// alloc_new returns size uninitialised bytes; NULL when there is no memory.
// size is not 0.
INTERNAL MUST_CHECK void *alloc_new(const grpc_allocator *allocator,
                                    size_t size);

// alloc_zeroed is alloc_new with every byte 0.
INTERNAL MUST_CHECK void *alloc_zeroed(const grpc_allocator *allocator,
                                       size_t size);

// alloc_resize grows or shrinks; on NULL the old memory is as it was. pointer
// may be NULL with old_size 0.
INTERNAL MUST_CHECK void *alloc_resize(const grpc_allocator *allocator,
                                       void *pointer, size_t old_size,
                                       size_t new_size);

// alloc_free accepts NULL.
INTERNAL void alloc_free(const grpc_allocator *allocator, void *pointer,
                         size_t size);

// alloc_wipe overwrites a secret, which a compiler that sees nobody read it again
// must not leave out. alloc_resize may leave a copy behind: secrets are moved by
// hand.
INTERNAL void alloc_wipe(void *pointer, size_t size);

// alloc_size_add and alloc_size_mul are false on overflow; *out is then as
// it was.
INTERNAL MUST_CHECK bool alloc_size_add(size_t a, size_t b, size_t *out);
INTERNAL MUST_CHECK bool alloc_size_mul(size_t a, size_t b, size_t *out);

#endif
