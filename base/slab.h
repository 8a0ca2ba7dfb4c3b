// SPDX-License-Identifier: MIT
// A store of objects of one size that are taken and given back all the time:
// calls, streams, chunks. What is given back is kept for the next taker, up to
// a bound, so that steady work allocates nothing and a burst is not kept
// forever.
//
// An object keeps its content between slab_give and the next slab_take: a call
// keeps its arena's block that way. Whoever gives last decides what stays.

#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/linkage.h"
#include "grpc.h"

// The head stands before the object, so that a spare object stays untouched.
struct slab_head {
    struct slab_head *next;
};

// Objects begin at an alignment that suits every type we store.
enum { SLAB_HEAD = (sizeof(struct slab_head) + 15) & ~(size_t)15 };

struct slab {
    const grpc_allocator *allocator; // borrowed for the life of the slab
    void (*fini)(void *object);      // before memory is freed; may be NULL
    struct slab_head *spare;         // given back, newest first
    size_t object_size;              // bytes
    size_t zero_size; // of them, zero in a new object; slab_init says: all
    size_t spare_count;
    size_t spare_max; // more than this are freed at once
    size_t taken;     // objects out there
};

// slab_init allocates nothing. fini releases what a spare object still holds.
INTERNAL void slab_init(struct slab *slab, const grpc_allocator *allocator,
                        size_t object_size, size_t spare_max,
                        void (*fini)(void *object));

// slab_take returns a spare object as it was left, or a new one that is zero;
// NULL without memory.
static inline MUST_CHECK void *slab_take(struct slab *slab);

// slab_give takes the object back.
INTERNAL void slab_give(struct slab *slab, void *object);

// slab_trim frees spare objects until at most spare_count are left.
INTERNAL void slab_trim(struct slab *slab, size_t spare_count);

// slab_fini frees all spare objects; none may be out.
INTERNAL void slab_fini(struct slab *slab);

// slab_take_new is slab_take when there is no spare object.
INTERNAL MUST_CHECK void *slab_take_new(struct slab *slab);

// Inline, because a call takes several.
static inline void *slab_take(struct slab *slab)
{
    struct slab_head *head = slab->spare;
    if (UNLIKELY(head == NULL)) {
        return slab_take_new(slab);
    }
    slab->spare = head->next;
    slab->spare_count--;
    slab->taken++;
    return (char *)head + SLAB_HEAD;
}

#endif
