// SPDX-License-Identifier: MIT

#include "base/arena.h"

#include "base/alloc.h"
#include "base/heap.h"

// A block's head; the bytes that are handed out follow it.
struct grpc_arena_block {
    struct grpc_arena_block *older;
    size_t size; // bytes, this head included
};

enum { ARENA_HEAD = (sizeof(struct grpc_arena_block) + 7) & ~(size_t)7 };

void arena_bind(grpc_arena *arena, const grpc_allocator *allocator)
{
    if (arena->allocator.allocate == NULL) {
        arena->allocator = heap_or_default(allocator);
    }
}

// arena_next_size doubles from block to block, and is always large enough for
// one allocation of the given size; 0 when the size overflows.
static size_t arena_next_size(const grpc_arena *arena, size_t rounded)
{
    size_t size = ARENA_BLOCK_MIN;
    if (arena->newest != NULL && arena->newest->size >= ARENA_BLOCK_MIN / 2) {
        size = arena->newest->size * 2;
    }
    if (size > ARENA_BLOCK_MAX) {
        size = ARENA_BLOCK_MAX;
    }
    size_t needed;
    if (!alloc_size_add(rounded, ARENA_HEAD, &needed)) {
        return 0;
    }
    return needed > size ? needed : size;
}

// arena_fit_limit lowers a block's size to what the limit leaves; 0 when that
// is not enough.
static size_t arena_fit_limit(const grpc_arena *arena, size_t size,
                              size_t rounded)
{
    if (arena->limit_bytes == 0) {
        return size;
    }
    size_t left = arena->held_bytes < arena->limit_bytes
                      ? arena->limit_bytes - arena->held_bytes
                      : 0;
    if (size <= left) {
        return size;
    }
    return left >= ARENA_HEAD && left - ARENA_HEAD >= rounded ? left : 0;
}

void *arena_alloc_slow(grpc_arena *arena, size_t size)
{
    size_t rounded;
    if (!alloc_size_add(size, ARENA_ALIGN - 1, &rounded)) {
        return NULL;
    }
    rounded &= ~(size_t)(ARENA_ALIGN - 1);
    size_t block_size = arena_next_size(arena, rounded);
    block_size = arena_fit_limit(arena, block_size, rounded);
    if (block_size == 0) {
        return NULL;
    }
    arena_bind(arena, NULL);
    struct grpc_arena_block *block = alloc_new(&arena->allocator, block_size);
    if (block == NULL) {
        return NULL;
    }
    *block =
        (struct grpc_arena_block){.older = arena->newest, .size = block_size};
    arena->newest = block;
    arena->held_bytes += block_size;
    char *start = (char *)block + ARENA_HEAD;
    arena->cursor = start + rounded;
    arena->end = (char *)block + block_size;
    return start;
}

void *arena_alloc_zeroed(grpc_arena *arena, size_t size)
{
    void *pointer = arena_alloc(arena, size);
    if (pointer != NULL) {
        memset(pointer, 0, size);
    }
    return pointer;
}

void *arena_grow(grpc_arena *arena, void *pointer, size_t old_size,
                 size_t new_size)
{
    ASSERT(new_size >= old_size);
    char *start = pointer;
    size_t old_rounded =
        (old_size + (ARENA_ALIGN - 1)) & ~(size_t)(ARENA_ALIGN - 1);
    if (start != NULL && start + old_rounded == arena->cursor) {
        size_t room = (size_t)(arena->end - start);
        size_t rounded =
            (new_size + (ARENA_ALIGN - 1)) & ~(size_t)(ARENA_ALIGN - 1);
        if (rounded >= new_size && rounded <= room) {
            arena->cursor = start + rounded;
            return pointer;
        }
    }
    void *copy = arena_alloc(arena, new_size);
    if (copy != NULL && old_size > 0) {
        memcpy(copy, pointer, old_size);
    }
    return copy;
}

char *arena_copy_text(grpc_arena *arena, struct view text)
{
    size_t size;
    if (!alloc_size_add(text.size, 1, &size)) {
        return NULL;
    }
    char *copy = arena_alloc(arena, size);
    if (copy == NULL) {
        return NULL;
    }
    if (text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    copy[text.size] = '\0';
    return copy;
}

void arena_reset(grpc_arena *arena, size_t keep_bytes)
{
    struct grpc_arena_block *kept = NULL;
    for (struct grpc_arena_block *block = arena->newest, *older; block != NULL;
         block = older) {
        older = block->older;
        if (kept == NULL && block->size <= keep_bytes) {
            kept = block;
            continue;
        }
        alloc_free(&arena->allocator, block, block->size);
    }
    arena->newest = kept;
    arena->cursor = NULL;
    arena->end = NULL;
    arena->held_bytes = 0;
    if (kept != NULL) {
        kept->older = NULL;
        arena->cursor = (char *)kept + ARENA_HEAD;
        arena->end = (char *)kept + kept->size;
        arena->held_bytes = kept->size;
    }
}

void arena_reset_whole(grpc_arena *arena, size_t keep_bytes)
{
    struct grpc_arena_block *newest = arena->newest;
    size_t held = arena->held_bytes;
    if (LIKELY(newest != NULL && newest->older == NULL && held <= keep_bytes)) {
        arena->cursor = (char *)newest + ARENA_HEAD;
        return;
    }
    if (newest == NULL || held > keep_bytes) {
        arena_reset(arena, keep_bytes);
        return;
    }
    arena_reset(arena, 0);
    struct grpc_arena_block *block = alloc_new(&arena->allocator, held);
    if (block != NULL) {
        *block = (struct grpc_arena_block){.older = NULL, .size = held};
        arena->newest = block;
        arena_reset(arena, keep_bytes);
    }
}

void arena_check(const grpc_arena *arena)
{
    size_t held = 0;
    for (const struct grpc_arena_block *block = arena->newest; block != NULL;
         block = block->older) {
        held += block->size;
    }
    ASSERT(held == arena->held_bytes);
    ASSERT(arena->limit_bytes == 0 || held <= arena->limit_bytes);
    ASSERT((arena->cursor == NULL) == (arena->newest == NULL));
    ASSERT(arena->cursor <= arena->end);
    (void)held;
}

void *grpc_arena_alloc(grpc_arena *arena, size_t size)
{
    return arena == NULL ? NULL : arena_alloc(arena, size);
}

void grpc_arena_reset(grpc_arena *arena)
{
    if (arena != NULL) {
        arena_reset(arena, ARENA_BLOCK_MAX);
    }
}

void grpc_arena_free(grpc_arena *arena)
{
    if (arena != NULL) {
        arena_reset(arena, 0);
    }
}
