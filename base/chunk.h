// SPDX-License-Identifier: MIT
// A queue of bytes in chunks of one size that come from a slab shared by all
// connections of a loop: an empty queue holds no memory, and bytes never move
// once they are written.
//
// Between the chunks there may be lent pieces: bytes that stay in the memory of
// their owner. All pieces of one loan count as its references. When the last is
// gone the loan waits at its lender until chunk_take_returned hands its release
// out: nothing here calls it, so that it may do what it likes.
//
// Invariants (chunk_queue_check, chunk_lender_check):
//   1. size is the sum of the sizes of all chunks and pieces.
//   2. first is NULL exactly when last is, and then size is 0.
//   3. no chunk but the last is empty, and the last only between
//      chunk_queue_reserve and chunk_queue_commit; no piece is empty.
//   4. a piece has head and tail at CHUNK_CAPACITY, a chunk never has the head
//      there: so a piece has no room, and the usual paths need not ask.
//   5. a loan is among the returned ones exactly when it has no reference.

#ifndef BASE_CHUNK_H
#define BASE_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/linkage.h"
#include "base/list.h"
#include "base/slab.h"
#include "base/view.h"

// What a chunk and a lent piece begin with.
struct chunk_link {
    struct chunk_link *next;
    uint32_t head; // offset of the first byte that is not yet consumed
    uint32_t tail; // offset behind the last byte that was written
};

enum {
    CHUNK_SIZE = 4096, // bytes of a chunk with its head: one page
    CHUNK_CAPACITY = CHUNK_SIZE - sizeof(struct chunk_link),
    // A part of a lent piece up to this is copied where it finds room behind
    // what is queued. Measured with a system call for each message, a copy is
    // as fast as a piece at some 3 KiB; and as the room of the chunk in front
    // of a piece is lost, shorter ones would cost more memory than a copy.
    CHUNK_COPIED = 3072,
    CHUNK_PREFIX = 8, // most bytes that a loan keeps for its borrower
};

struct chunk {
    struct chunk_link link;
    uint8_t bytes[CHUNK_CAPACITY];
};

struct chunk_queue {
    struct slab *pool; // of struct chunk; borrowed for the life of the queue
    struct chunk_link *first;
    struct chunk_link *last;
    size_t size; // bytes queued
};

// Where loans come from, and where they wait when they are over.
struct chunk_lender {
    struct slab pieces;        // of struct chunk_lent
    struct slab loans;         // of struct chunk_loan
    struct list_link returned; // by link_returned, oldest first
};

struct chunk_loan {
    struct chunk_lender *lender;
    void (*release)(void *argument);
    void *argument;
    size_t refs; // pieces, and one for as long as its maker wants
    struct list_link link_returned;
    uint8_t prefix[CHUNK_PREFIX]; // copied bytes that go in front
};

struct chunk_lent {
    struct chunk_link link;
    struct chunk_loan *loan;
    const uint8_t *data; // the owner's, or the loan's prefix
    size_t size;
};

// chunk_pool_init makes a slab of chunks that keeps up to spare_max of them.
INTERNAL void chunk_pool_init(struct slab *pool,
                              const grpc_allocator *allocator,
                              size_t spare_max);

INTERNAL void chunk_queue_init(struct chunk_queue *queue, struct slab *pool);

// chunk_queue_clear drops all bytes and gives all chunks back.
INTERNAL void chunk_queue_clear(struct chunk_queue *queue);

// chunk_queue_reserve returns room for size contiguous bytes behind the last
// byte; NULL without memory. size is 1 to CHUNK_CAPACITY. The bytes count
// from chunk_queue_commit on; without a commit the queue is as it was. No
// other call on the queue comes between the two. The room is never within a
// lent piece.
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
// another queue on the same pool; only a cut through a chunk or a piece needs
// memory. False without memory, and then both are as they were.
INTERNAL MUST_CHECK bool chunk_queue_move(struct chunk_queue *to,
                                          struct chunk_queue *from,
                                          size_t size);

INTERNAL void chunk_queue_check(const struct chunk_queue *queue);

// ---- Bytes that are lent ----------------------------------------------------

// chunk_lender_init allocates nothing; of pieces and loans without use up to
// spare_max each are kept.
INTERNAL void chunk_lender_init(struct chunk_lender *lender,
                                const grpc_allocator *allocator,
                                size_t spare_max);

// chunk_lender_fini: no loan is out, and none waits to be taken.
INTERNAL void chunk_lender_fini(struct chunk_lender *lender);

// chunk_loan_new makes a loan with one reference, the caller's; NULL without
// memory. release is due, with argument, when there are no references.
INTERNAL MUST_CHECK struct chunk_loan *chunk_loan_new(
    struct chunk_lender *lender, void (*release)(void *argument),
    void *argument);

// chunk_loan_cancel drops a loan that nobody else refers to: no release is due.
INTERNAL void chunk_loan_cancel(struct chunk_loan *loan);

// chunk_loan_unref drops a reference.
INTERNAL void chunk_loan_unref(struct chunk_loan *loan);

// chunk_queue_lend adds a copy of prefix, at most CHUNK_PREFIX bytes, and then
// bytes, where they are. A loan has one prefix. False without memory, and then
// nothing was added.
INTERNAL MUST_CHECK bool chunk_queue_lend(struct chunk_queue *queue,
                                          struct chunk_loan *loan,
                                          struct view prefix,
                                          struct view bytes);

// chunk_take_returned takes the release of a loan that is over, the oldest
// first; false when there is none.
INTERNAL MUST_CHECK bool chunk_take_returned(
    struct chunk_lender *lender, void (**out_release)(void *argument),
    void **out_argument);

INTERNAL void chunk_lender_check(const struct chunk_lender *lender);

// ---- Inline, because every frame and field that is sent passes here ---------

// chunk_room is what the last chunk still takes; nothing if that is a piece.
static inline size_t chunk_room(const struct chunk_queue *queue)
{
    return queue->last == NULL ? 0 : CHUNK_CAPACITY - queue->last->tail;
}

static inline struct chunk *chunk_of(struct chunk_link *link)
{
    ASSERT(link->head < CHUNK_CAPACITY);
    return (struct chunk *)(void *)link;
}

// chunk_link_new puts an empty chunk behind the others; false without memory.
INTERNAL MUST_CHECK bool chunk_link_new(struct chunk_queue *queue);

static inline uint8_t *chunk_queue_reserve(struct chunk_queue *queue,
                                           size_t size)
{
    ASSERT(size > 0 && size <= CHUNK_CAPACITY);
    if (UNLIKELY(queue->last == NULL || chunk_room(queue) < size) &&
        !chunk_link_new(queue)) {
        return NULL;
    }
    return chunk_of(queue->last)->bytes + queue->last->tail;
}

static inline void chunk_queue_commit(struct chunk_queue *queue, size_t size)
{
    ASSERT(queue->last != NULL);
    ASSERT(size <= chunk_room(queue));
    queue->last->tail += (uint32_t)size;
    queue->size += size;
}

#endif
