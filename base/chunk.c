// SPDX-License-Identifier: MIT

#include "base/chunk.h"

_Static_assert(sizeof(struct chunk) <= CHUNK_SIZE, "a chunk is one page");

void chunk_pool_init(struct slab *pool, const grpc_allocator *allocator,
                     size_t spare_max)
{
    slab_init(pool, allocator, sizeof(struct chunk), spare_max, NULL);
}

void chunk_queue_init(struct chunk_queue *queue, struct slab *pool)
{
    *queue = (struct chunk_queue){.pool = pool};
}

static struct chunk *chunk_take(struct slab *pool)
{
    struct chunk *chunk = slab_take(pool);
    if (chunk != NULL) {
        chunk->next = NULL;
        chunk->head = 0;
        chunk->tail = 0;
    }
    return chunk;
}

static void chunk_free_list(struct slab *pool, struct chunk *first)
{
    while (first != NULL) {
        struct chunk *next = first->next;
        slab_give(pool, first);
        first = next;
    }
}

static void chunk_link_last(struct chunk_queue *queue, struct chunk *chunk)
{
    if (queue->last == NULL) {
        queue->first = chunk;
    } else {
        queue->last->next = chunk;
    }
    queue->last = chunk;
}

void chunk_queue_clear(struct chunk_queue *queue)
{
    chunk_free_list(queue->pool, queue->first);
    queue->first = NULL;
    queue->last = NULL;
    queue->size = 0;
}

bool chunk_link_new(struct chunk_queue *queue)
{
    struct chunk *chunk = chunk_take(queue->pool);
    if (chunk == NULL) {
        return false;
    }
    chunk_link_last(queue, chunk);
    return true;
}

// chunk_take_list returns enough empty chunks for size bytes, linked.
static bool chunk_take_list(struct slab *pool, size_t size,
                            struct chunk **out_first)
{
    struct chunk *first = NULL;
    for (size_t got = 0; got < size; got += CHUNK_CAPACITY) {
        struct chunk *chunk = chunk_take(pool);
        if (chunk == NULL) {
            chunk_free_list(pool, first);
            return false;
        }
        chunk->next = first;
        first = chunk;
    }
    *out_first = first;
    return true;
}

bool chunk_queue_append(struct chunk_queue *queue, struct view bytes)
{
    size_t room = chunk_room(queue);
    struct chunk *fresh = NULL;
    if (bytes.size > room &&
        !chunk_take_list(queue->pool, bytes.size - room, &fresh)) {
        return false;
    }
    while (bytes.size > 0) {
        if (chunk_room(queue) == 0) {
            struct chunk *chunk = fresh;
            fresh = chunk->next;
            chunk->next = NULL;
            chunk_link_last(queue, chunk);
        }
        size_t part = chunk_room(queue);
        part = part < bytes.size ? part : bytes.size;
        memcpy(queue->last->bytes + queue->last->tail, bytes.data, part);
        chunk_queue_commit(queue, part);
        bytes = view_skip(bytes, part);
    }
    ASSERT(fresh == NULL);
    return true;
}

size_t chunk_queue_peek(const struct chunk_queue *queue, struct view *views,
                        size_t max)
{
    size_t count = 0;
    for (const struct chunk *chunk = queue->first; chunk != NULL && count < max;
         chunk = chunk->next) {
        if (chunk->tail > chunk->head) {
            views[count++] =
                view_of(chunk->bytes + chunk->head, chunk->tail - chunk->head);
        }
    }
    return count;
}

static void chunk_drop_first(struct chunk_queue *queue)
{
    struct chunk *chunk = queue->first;
    queue->first = chunk->next;
    if (queue->first == NULL) {
        queue->last = NULL;
    }
    slab_give(queue->pool, chunk);
}

void chunk_queue_consume(struct chunk_queue *queue, size_t size)
{
    ASSERT(size <= queue->size);
    queue->size -= size;
    while (queue->first != NULL) {
        struct chunk *chunk = queue->first;
        size_t here = chunk->tail - chunk->head;
        if (size < here) {
            chunk->head += (uint32_t)size;
            return;
        }
        size -= here;
        chunk_drop_first(queue);
    }
}

// chunk_move_whole relinks the first chunk of from behind those of to.
static void chunk_move_whole(struct chunk_queue *to, struct chunk_queue *from)
{
    struct chunk *chunk = from->first;
    size_t size = chunk->tail - chunk->head;
    from->first = chunk->next;
    if (from->first == NULL) {
        from->last = NULL;
    }
    from->size -= size;
    chunk->next = NULL;
    chunk_link_last(to, chunk);
    to->size += size;
}

// chunk_move_is_whole decides between relinking and copying of size bytes, a
// whole chunk: small ones are copied where they fit, and so is what follows
// room that was reserved and not used, lest an empty chunk stand in between.
static bool chunk_move_is_whole(const struct chunk_queue *to, size_t size)
{
    if (chunk_room(to) < size) {
        return true;
    }
    return size > CHUNK_CAPACITY / 4 && to->last->tail > to->last->head;
}

bool chunk_queue_move(struct chunk_queue *to, struct chunk_queue *from,
                      size_t size)
{
    ASSERT(to != from);
    ASSERT(to->pool == from->pool);
    ASSERT(size <= from->size);
    // Only a cut through a chunk may need a new one; it is taken before
    // anything moves, so that a failure leaves both queues whole.
    struct chunk *reserve = NULL;
    if (size > 0 && size < from->size) {
        reserve = chunk_take(to->pool);
        if (reserve == NULL) {
            return false;
        }
    }
    while (size > 0) {
        struct chunk *chunk = from->first;
        size_t here = chunk->tail - chunk->head;
        if (here <= size && chunk_move_is_whole(to, here)) {
            chunk_move_whole(to, from);
            size -= here;
            continue;
        }
        size_t part = here < size ? here : size;
        if (chunk_room(to) < part) {
            chunk_link_last(to, reserve);
            reserve = NULL;
        }
        memcpy(to->last->bytes + to->last->tail, chunk->bytes + chunk->head,
               part);
        chunk_queue_commit(to, part);
        chunk_queue_consume(from, part);
        size -= part;
    }
    chunk_free_list(to->pool, reserve);
    return true;
}

void chunk_queue_check(const struct chunk_queue *queue)
{
    size_t size = 0;
    for (const struct chunk *chunk = queue->first; chunk != NULL;
         chunk = chunk->next) {
        ASSERT(chunk->head <= chunk->tail);
        ASSERT(chunk->tail <= CHUNK_CAPACITY);
        ASSERT(chunk->next != NULL || chunk == queue->last);
        ASSERT(chunk->next == NULL || chunk->head < chunk->tail);
        size += chunk->tail - chunk->head;
    }
    ASSERT(size == queue->size);
    ASSERT((queue->first == NULL) == (queue->last == NULL));
    (void)size;
}
