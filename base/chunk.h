// SPDX-License-Identifier: MIT
// A queue of bytes in chunks of one size that come from a slab shared by all
// connections of a loop: an empty queue holds no memory, and bytes never move
// once they are written.
//
// Invariants (chunk_queue_check):
//   1. size is the sum of tail - head over all chunks.
//   2. first is NULL exactly when last is, and then size is 0.
//   3. no chunk but the last is empty, and the last only between
//      chunk_queue_reserve and chunk_queue_commit.

#ifndef BASE_CHUNK_H
#define BASE_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/linkage.h"
#include "base/slab.h"
#include "base/view.h"

enum {
    CHUNK_SIZE = 4096, // bytes of a chunk with its head: one page
    CHUNK_CAPACITY = CHUNK_SIZE - sizeof(void *) - 2 * sizeof(uint32_t),
};

struct chunk {
    struct chunk *next;
    uint32_t head; // offset of the first byte that is not yet consumed
    uint32_t tail; // offset behind the last byte that was written
    uint8_t bytes[CHUNK_CAPACITY];
};

struct chunk_queue {
    struct slab *pool; // of struct chunk; borrowed for the life of the queue
    struct chunk *first;
    struct chunk *last;
    size_t size; // bytes queued
};

// chunk_pool_init makes a slab of chunks that keeps up to spare_max of them.
INTERNAL void chunk_pool_init(struct slab *pool,
                              const grpc_allocator *allocator,
                              size_t spare_max);

INTERNAL void chunk_queue_init(struct chunk_queue *queue, struct slab *pool);

// chunk_queue_clear drops all bytes and gives all chunks back.
INTERNAL void chunk_queue_clear(struct chunk_queue *queue);

// chunk_queue_reserve returns room for size contiguous bytes behind the last
// byte; NULL without memory. size is at most CHUNK_CAPACITY. The bytes count
// from chunk_queue_commit on; without a commit the queue is as it was. No
// other call on the queue comes between the two.
static inline MUST_CHECK uint8_t *chunk_queue_reserve(struct chunk_queue *queue,
                                                      size_t size);

// chunk_queue_commit adds the first size bytes of the reserved room.
static inline void chunk_queue_commit(struct chunk_queue *queue, size_t size);

// chunk_queue_append copies bytes in; false without memory, and then nothing
// was added.
INTERNAL MUST_CHECK bool chunk_queue_append(struct chunk_queue *queue,
                                            struct view bytes);

// chunk_queue_peek fills up to max views with the queued bytes in order and
// returns how many it filled. They stay valid until those bytes are consumed.
INTERNAL size_t chunk_queue_peek(const struct chunk_queue *queue,
                                 struct view *views, size_t max);

// chunk_queue_consume drops the first size bytes; there are that many.
INTERNAL void chunk_queue_consume(struct chunk_queue *queue, size_t size);

// chunk_queue_move moves the first size bytes of from behind the bytes of to,
// another queue on the same pool; only a cut through a chunk needs memory.
// False without memory, and then both are as they were.
INTERNAL MUST_CHECK bool chunk_queue_move(struct chunk_queue *to,
                                          struct chunk_queue *from,
                                          size_t size);

INTERNAL void chunk_queue_check(const struct chunk_queue *queue);

// ---- Inline, because every frame and field that is sent passes here ---------

// chunk_room is what the last chunk still takes.
static inline size_t chunk_room(const struct chunk_queue *queue)
{
    return queue->last == NULL ? 0 : CHUNK_CAPACITY - queue->last->tail;
}

// chunk_link_new puts an empty chunk behind the others; false without memory.
INTERNAL MUST_CHECK bool chunk_link_new(struct chunk_queue *queue);

static inline uint8_t *chunk_queue_reserve(struct chunk_queue *queue,
                                           size_t size)
{
    ASSERT(size <= CHUNK_CAPACITY);
    if (UNLIKELY(queue->last == NULL || chunk_room(queue) < size) &&
        !chunk_link_new(queue)) {
        return NULL;
    }
    return queue->last->bytes + queue->last->tail;
}

static inline void chunk_queue_commit(struct chunk_queue *queue, size_t size)
{
    ASSERT(queue->last != NULL);
    ASSERT(size <= chunk_room(queue));
    queue->last->tail += (uint32_t)size;
    queue->size += size;
}

#endif
