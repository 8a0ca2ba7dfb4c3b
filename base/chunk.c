// SPDX-License-Identifier: MIT

#include "base/chunk.h"

_Static_assert(sizeof(struct chunk) <= CHUNK_SIZE, "a chunk is one page");

void chunk_pool_init(struct slab *pool, const grpc_allocator *allocator,
                     size_t spare_max)
{
    slab_init(pool, allocator, sizeof(struct chunk), spare_max, NULL);
    pool->zero_size = 0; // chunk_take writes the link, and who appends the rest
}

void chunk_queue_init(struct chunk_queue *queue, struct slab *pool)
{
    *queue = (struct chunk_queue){.pool = pool};
}

// ---- Chunks and pieces ------------------------------------------------------

static bool chunk_is_lent(const struct chunk_link *link)
{
    return link->head == CHUNK_CAPACITY;
}

static const struct chunk_lent *chunk_peek_lent(const struct chunk_link *link)
{
    return (const struct chunk_lent *)(const void *)link;
}

static struct chunk_lent *chunk_lent_of(struct chunk_link *link)
{
    ASSERT(chunk_is_lent(link));
    return (struct chunk_lent *)(void *)link;
}

static struct view chunk_view(const struct chunk_link *link)
{
    if (UNLIKELY(chunk_is_lent(link))) {
        const struct chunk_lent *lent = chunk_peek_lent(link);
        return view_of(lent->data, lent->size);
    }
    const struct chunk *chunk = (const struct chunk *)(const void *)link;
    return view_of(chunk->bytes + link->head, link->tail - link->head);
}

static struct chunk_link *chunk_take(struct slab *pool)
{
    struct chunk *chunk = slab_take(pool);
    if (chunk == NULL) {
        return NULL;
    }
    chunk->link = (struct chunk_link){.next = NULL};
    return &chunk->link;
}

// chunk_take_lent is a piece of a loan that does not yet count as one.
static struct chunk_link *chunk_take_lent(struct chunk_loan *loan)
{
    struct chunk_lent *lent = slab_take(&loan->lender->pieces);
    if (lent == NULL) {
        return NULL;
    }
    *lent = (struct chunk_lent){
        .link = {.head = CHUNK_CAPACITY, .tail = CHUNK_CAPACITY},
        .loan = loan,
    };
    return &lent->link;
}

static void chunk_give_lent(struct chunk_lent *lent)
{
    slab_give(&lent->loan->lender->pieces, lent);
}

static void chunk_drop(struct slab *pool, struct chunk_link *link)
{
    if (UNLIKELY(chunk_is_lent(link))) {
        struct chunk_loan *loan = chunk_lent_of(link)->loan;
        chunk_give_lent(chunk_lent_of(link));
        chunk_loan_unref(loan);
    } else {
        slab_give(pool, chunk_of(link));
    }
}

static void chunk_drop_list(struct slab *pool, struct chunk_link *first)
{
    while (first != NULL) {
        struct chunk_link *next = first->next;
        chunk_drop(pool, first);
        first = next;
    }
}

static void chunk_link_last(struct chunk_queue *queue, struct chunk_link *link)
{
    if (queue->last == NULL) {
        queue->first = link;
    } else {
        queue->last->next = link;
    }
    queue->last = link;
}

static struct chunk_link *chunk_unlink_first(struct chunk_queue *queue)
{
    struct chunk_link *link = queue->first;
    queue->first = link->next;
    if (queue->first == NULL) {
        queue->last = NULL;
    }
    link->next = NULL;
    return link;
}

void chunk_queue_clear(struct chunk_queue *queue)
{
    chunk_drop_list(queue->pool, queue->first);
    queue->first = NULL;
    queue->last = NULL;
    queue->size = 0;
}

// ---- Bytes in ---------------------------------------------------------------

bool chunk_link_new(struct chunk_queue *queue)
{
    struct chunk_link *chunk = chunk_take(queue->pool);
    if (chunk == NULL) {
        return false;
    }
    chunk_link_last(queue, chunk);
    return true;
}

// chunk_take_list returns enough empty chunks for size bytes, linked.
static bool chunk_take_list(struct slab *pool, size_t size,
                            struct chunk_link **out_first)
{
    struct chunk_link *first = NULL;
    for (size_t got = 0; got < size; got += CHUNK_CAPACITY) {
        struct chunk_link *chunk = chunk_take(pool);
        if (chunk == NULL) {
            chunk_drop_list(pool, first);
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
    struct chunk_link *fresh = NULL;
    if (bytes.size > room &&
        !chunk_take_list(queue->pool, bytes.size - room, &fresh)) {
        return false;
    }
    while (bytes.size > 0) {
        if (chunk_room(queue) == 0) {
            struct chunk_link *chunk = fresh;
            fresh = chunk->next;
            chunk->next = NULL;
            chunk_link_last(queue, chunk);
        }
        size_t part = chunk_room(queue);
        part = part < bytes.size ? part : bytes.size;
        memcpy(chunk_of(queue->last)->bytes + queue->last->tail, bytes.data,
               part);
        chunk_queue_commit(queue, part);
        bytes = view_skip(bytes, part);
    }
    ASSERT(fresh == NULL);
    return true;
}

// ---- Bytes out --------------------------------------------------------------

size_t chunk_queue_peek(const struct chunk_queue *queue, struct view *views,
                        size_t max)
{
    size_t count = 0;
    for (const struct chunk_link *link = queue->first;
         link != NULL && count < max; link = link->next) {
        struct view view = chunk_view(link);
        if (view.size > 0) {
            views[count++] = view;
        }
    }
    return count;
}

// chunk_consume_lent drops the first bytes of the piece that is first, and the
// piece with its last; it returns how many of size are still to be dropped.
static size_t chunk_consume_lent(struct chunk_queue *queue, size_t size)
{
    struct chunk_lent *lent = chunk_lent_of(queue->first);
    if (size < lent->size) {
        lent->data += size;
        lent->size -= size;
        return 0;
    }
    size -= lent->size;
    chunk_drop(queue->pool, chunk_unlink_first(queue));
    return size;
}

void chunk_queue_consume(struct chunk_queue *queue, size_t size)
{
    ASSERT(size <= queue->size);
    queue->size -= size;
    while (queue->first != NULL) {
        struct chunk_link *link = queue->first;
        size_t here = link->tail - link->head;
        if (size < here) {
            link->head += (uint32_t)size;
            return;
        }
        if (UNLIKELY(chunk_is_lent(link))) {
            if (size == 0) {
                return;
            }
            size = chunk_consume_lent(queue, size);
            continue;
        }
        size -= here;
        slab_give(queue->pool, chunk_of(chunk_unlink_first(queue)));
    }
}

// ---- From queue to queue ----------------------------------------------------

// chunk_drop_unused drops room that was reserved and not used, lest an empty
// chunk stand in front of a piece.
static void chunk_drop_unused(struct chunk_queue *queue)
{
    struct chunk_link *last = queue->last;
    if (last == NULL || last->tail > last->head || chunk_is_lent(last)) {
        return;
    }
    struct chunk_link *before = NULL;
    for (struct chunk_link *i = queue->first; i != last; i = i->next) {
        before = i;
    }
    queue->last = before;
    if (before == NULL) {
        queue->first = NULL;
    } else {
        before->next = NULL;
    }
    slab_give(queue->pool, chunk_of(last));
}

// chunk_link_lent puts a piece of bytes behind the others.
static void chunk_link_lent(struct chunk_queue *queue, struct chunk_link *link,
                            struct view bytes)
{
    struct chunk_lent *lent = chunk_lent_of(link);
    lent->data = bytes.data;
    lent->size = bytes.size;
    lent->loan->refs++;
    chunk_drop_unused(queue);
    chunk_link_last(queue, link);
    queue->size += bytes.size;
}

// chunk_take_cut takes what a cut behind the first size bytes, fewer than there
// are, may need: NULL between two chunks.
static bool chunk_take_cut(const struct chunk_queue *from, size_t size,
                           struct chunk_link **out_link)
{
    const struct chunk_link *link = from->first;
    size_t here;
    while ((here = chunk_view(link).size) <= size) {
        size -= here;
        link = link->next;
    }
    *out_link = NULL;
    if (size > 0) {
        *out_link = chunk_is_lent(link)
                        ? chunk_take_lent(chunk_peek_lent(link)->loan)
                        : chunk_take(from->pool);
    }
    return size == 0 || *out_link != NULL;
}

static void chunk_give_reserve(struct slab *pool, struct chunk_link *link)
{
    if (chunk_is_lent(link)) {
        chunk_give_lent(chunk_lent_of(link));
    } else {
        slab_give(pool, chunk_of(link));
    }
}

// chunk_move_whole relinks the first chunk or piece of from behind those of to.
static void chunk_move_whole(struct chunk_queue *to, struct chunk_queue *from)
{
    struct chunk_link *link = chunk_unlink_first(from);
    size_t size = chunk_view(link).size;
    if (chunk_is_lent(link)) {
        chunk_drop_unused(to);
    }
    chunk_link_last(to, link);
    from->size -= size;
    to->size += size;
}

// chunk_move_is_copy decides between copying and relinking or sharing of part
// of what is first: small ones are copied where they fit, and so is what
// follows room that was reserved and not used, lest an empty chunk stand in
// between. is_cut: a part of a chunk cannot but be copied.
static bool chunk_move_is_copy(const struct chunk_queue *to,
                               const struct chunk_link *link, size_t part,
                               bool is_cut)
{
    bool fits = part <= chunk_room(to);
    if (chunk_is_lent(link)) {
        return fits && part <= CHUNK_COPIED;
    }
    bool is_small = part <= CHUNK_CAPACITY / 4;
    return is_cut || (fits && (is_small || to->last->tail == to->last->head));
}

// chunk_move_copy copies into the room of to, or the reserve.
static void chunk_move_copy(struct chunk_queue *to, struct chunk_queue *from,
                            size_t part, struct chunk_link **reserve)
{
    if (chunk_room(to) < part) {
        chunk_link_last(to, *reserve);
        *reserve = NULL;
    }
    memcpy(chunk_of(to->last)->bytes + to->last->tail,
           chunk_view(from->first).data, part);
    chunk_queue_commit(to, part);
    chunk_queue_consume(from, part);
}

// chunk_move_share lets part of the first piece of from be one of its own.
static void chunk_move_share(struct chunk_queue *to, struct chunk_queue *from,
                             size_t part, struct chunk_link **reserve)
{
    chunk_link_lent(to, *reserve, view_of(chunk_view(from->first).data, part));
    *reserve = NULL;
    chunk_queue_consume(from, part);
}

// chunk_move_part moves up to size bytes of what is first in from, and returns
// how many.
static size_t chunk_move_part(struct chunk_queue *to, struct chunk_queue *from,
                              size_t size, struct chunk_link **reserve)
{
    const struct chunk_link *link = from->first;
    size_t here = chunk_view(link).size;
    size_t part = here < size ? here : size;
    if (chunk_move_is_copy(to, link, part, part < here)) {
        chunk_move_copy(to, from, part, reserve);
    } else if (part == here) {
        chunk_move_whole(to, from);
    } else {
        chunk_move_share(to, from, part, reserve);
    }
    return part;
}

bool chunk_queue_move(struct chunk_queue *to, struct chunk_queue *from,
                      size_t size)
{
    ASSERT(to != from);
    ASSERT(to->pool == from->pool);
    ASSERT(size <= from->size);
    // Only a cut may need memory; it is taken before anything moves, so that a
    // failure leaves both queues whole.
    struct chunk_link *reserve = NULL;
    if (size < from->size && !chunk_take_cut(from, size, &reserve)) {
        return false;
    }
    while (size > 0) {
        size -= chunk_move_part(to, from, size, &reserve);
    }
    if (reserve != NULL) {
        chunk_give_reserve(to->pool, reserve);
    }
    return true;
}

void chunk_queue_check(const struct chunk_queue *queue)
{
    size_t size = 0;
    for (const struct chunk_link *link = queue->first; link != NULL;
         link = link->next) {
        ASSERT(link->head <= link->tail);
        ASSERT(link->tail <= CHUNK_CAPACITY);
        ASSERT(link->next != NULL || link == queue->last);
        ASSERT(link->next == NULL || chunk_view(link).size > 0);
        if (chunk_is_lent(link)) {
            ASSERT(chunk_peek_lent(link)->size > 0);
            ASSERT(chunk_peek_lent(link)->loan->refs > 0);
        }
        size += chunk_view(link).size;
    }
    ASSERT(size == queue->size);
    ASSERT((queue->first == NULL) == (queue->last == NULL));
    (void)size;
}

// ---- Loans ------------------------------------------------------------------

void chunk_lender_init(struct chunk_lender *lender,
                       const grpc_allocator *allocator, size_t spare_max)
{
    slab_init(&lender->pieces, allocator, sizeof(struct chunk_lent), spare_max,
              NULL);
    slab_init(&lender->loans, allocator, sizeof(struct chunk_loan), spare_max,
              NULL);
    list_init(&lender->returned);
}

void chunk_lender_fini(struct chunk_lender *lender)
{
    ASSERT(list_is_empty(&lender->returned));
    slab_fini(&lender->pieces);
    slab_fini(&lender->loans);
}

struct chunk_loan *chunk_loan_new(struct chunk_lender *lender,
                                  void (*release)(void *argument),
                                  void *argument)
{
    struct chunk_loan *loan = slab_take(&lender->loans);
    if (loan != NULL) {
        *loan = (struct chunk_loan){
            .lender = lender,
            .release = release,
            .argument = argument,
            .refs = 1,
        };
    }
    return loan;
}

void chunk_loan_cancel(struct chunk_loan *loan)
{
    ASSERT(loan->refs == 1);
    slab_give(&loan->lender->loans, loan);
}

void chunk_loan_unref(struct chunk_loan *loan)
{
    ASSERT(loan->refs > 0);
    loan->refs--;
    if (loan->refs == 0) {
        list_append(&loan->lender->returned, &loan->link_returned);
    }
}

bool chunk_queue_lend(struct chunk_queue *queue, struct chunk_loan *loan,
                      struct view prefix, struct view bytes)
{
    ASSERT(prefix.size <= CHUNK_PREFIX);
    struct chunk_link *links[2] = {NULL, NULL};
    const struct view views[2] = {view_of(loan->prefix, prefix.size), bytes};
    for (size_t i = 0; i < 2; i++) {
        if (views[i].size == 0) {
            continue;
        }
        links[i] = chunk_take_lent(loan);
        if (links[i] == NULL) {
            if (links[0] != NULL) {
                chunk_give_lent(chunk_lent_of(links[0]));
            }
            return false;
        }
    }
    if (prefix.size > 0) {
        memcpy(loan->prefix, prefix.data, prefix.size);
    }
    for (size_t i = 0; i < 2; i++) {
        if (links[i] != NULL) {
            chunk_link_lent(queue, links[i], views[i]);
        }
    }
    return true;
}

bool chunk_take_returned(struct chunk_lender *lender,
                         void (**out_release)(void *argument),
                         void **out_argument)
{
    struct list_link *link = list_take(&lender->returned);
    if (link == NULL) {
        return false;
    }
    struct chunk_loan *loan =
        LIST_OWNER(link, struct chunk_loan, link_returned);
    *out_release = loan->release;
    *out_argument = loan->argument;
    slab_give(&lender->loans, loan);
    return true;
}

void chunk_lender_check(const struct chunk_lender *lender)
{
    LIST_EACH (cursor, after, &lender->returned) {
        ASSERT(LIST_OWNER(cursor, struct chunk_loan, link_returned)->refs == 0);
    }
    // Of one piece each at least.
    ASSERT(lender->loans.taken > 0 || lender->pieces.taken == 0);
    ASSERT(lender->loans.taken > 0 || list_is_empty(&lender->returned));
    (void)lender;
}
