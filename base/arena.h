// SPDX-License-Identifier: MIT
// A bump allocator: memory is taken in blocks and given back all at once. The
// struct is public (grpc_arena), because callers keep it on their stack.
//
// Invariants (arena_check):
//   1. cursor <= end, and both lie in the newest block, or both are NULL.
//   2. held_bytes is the sum of the sizes of all blocks.
//   3. held_bytes <= limit_bytes when a limit is set.

#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/assert.h"
#include "base/linkage.h"
#include "base/view.h"
#include "grpc.h"

enum {
    ARENA_ALIGN = 8,          // of every allocation; enough for all our types
    ARENA_BLOCK_MIN = 1024,   // bytes of the first block, its head included
    ARENA_BLOCK_MAX = 262144, // blocks double up to this
};

// arena_bind gives an unbound arena its allocator; a bound one keeps its own.
INTERNAL void arena_bind(grpc_arena *arena, const grpc_allocator *allocator);

// arena_alloc_slow is arena_alloc when the newest block is full.
INTERNAL MUST_CHECK void *arena_alloc_slow(grpc_arena *arena, size_t size);

// arena_alloc returns size bytes, aligned to ARENA_ALIGN, uninitialised;
// NULL when there is no memory or the limit is met. size 0 gives a pointer
// that may not be read.
static inline MUST_CHECK void *arena_alloc(grpc_arena *arena, size_t size)
{
    size_t rounded = (size + (ARENA_ALIGN - 1)) & ~(size_t)(ARENA_ALIGN - 1);
    if (LIKELY(rounded >= size && arena->cursor != NULL &&
               (size_t)(arena->end - arena->cursor) >= rounded)) {
        void *pointer = arena->cursor;
        arena->cursor += rounded;
        return pointer;
    }
    return arena_alloc_slow(arena, size);
}

// arena_alloc_zeroed is arena_alloc with every byte 0.
INTERNAL MUST_CHECK void *arena_alloc_zeroed(grpc_arena *arena, size_t size);

// arena_grow makes the newest allocation larger in place when it can, else
// copies it. On NULL the old memory is as it was.
INTERNAL MUST_CHECK void *arena_grow(grpc_arena *arena, void *pointer,
                                     size_t old_size, size_t new_size);

// arena_copy_text copies text and puts a NUL behind it; NULL without memory.
INTERNAL MUST_CHECK char *arena_copy_text(grpc_arena *arena, struct view text);

// arena_reset drops all that was allocated. One block stays for the next
// user of the arena if it is no larger than keep_bytes.
INTERNAL void arena_reset(grpc_arena *arena, size_t keep_bytes);

// arena_reset_whole is arena_reset for an arena that will be filled the same way
// again: where that took several blocks, one of their size is kept in their
// place, so that the next time takes none.
INTERNAL void arena_reset_whole(grpc_arena *arena, size_t keep_bytes);

INTERNAL void arena_check(const grpc_arena *arena);

#endif
