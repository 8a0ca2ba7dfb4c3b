// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "base/chunk.h"

enum { CHUNK_TEST_MODEL = 1 << 17 }; // most bytes of one queue in the model

static uint8_t chunk_test_pattern[3 * CHUNK_SIZE];

static void chunk_test_begin(struct test_heap *heap, struct slab *pool,
                             size_t spare_max)
{
    for (size_t i = 0; i < sizeof chunk_test_pattern; i++) {
        chunk_test_pattern[i] = (uint8_t)(i * 7 + i / 251);
    }
    test_heap_init(heap);
    chunk_pool_init(pool, &heap->allocator, spare_max);
}

static void chunk_test_end(struct test_heap *heap, struct slab *pool)
{
    assert_int_equal(pool->taken, 0);
    slab_fini(pool);
    assert_true(test_heap_is_clean(heap));
}

// chunk_test_expect compares all bytes of a queue with a model.
static void chunk_test_expect(const struct chunk_queue *queue,
                              const uint8_t *model, size_t size)
{
    static struct view views[1024];
    chunk_queue_check(queue);
    assert_int_equal(queue->size, size);
    size_t count = chunk_queue_peek(queue, views, 1024);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        assert_true(views[i].size > 0);
        assert_true(views[i].size <= size - at);
        assert_memory_equal(views[i].data, model + at, views[i].size);
        at += views[i].size;
    }
    assert_int_equal(at, size);
}

static struct view chunk_test_bytes(size_t offset, size_t size)
{
    assert_true(offset + size <= sizeof chunk_test_pattern);
    return view_of(chunk_test_pattern + offset, size);
}

static void test_chunk__empty_queue_holds_nothing(void **state)
{
    (void)state;
    struct test_heap heap;
    struct slab pool;
    struct chunk_queue queue;
    chunk_test_begin(&heap, &pool, 8);
    chunk_queue_init(&queue, &pool);
    chunk_test_expect(&queue, NULL, 0);
    assert_true(chunk_queue_append(&queue, view_of(NULL, 0)));
    chunk_queue_consume(&queue, 0);
    chunk_queue_clear(&queue);
    assert_int_equal(heap.calls, 0);
    chunk_test_end(&heap, &pool);
}

static void test_chunk__append_crosses_chunks(void **state)
{
    (void)state;
    static const size_t sizes[] = {
        1,
        2,
        CHUNK_CAPACITY - 1,
        CHUNK_CAPACITY,
        CHUNK_CAPACITY + 1,
        2 * CHUNK_CAPACITY - 1,
        2 * CHUNK_CAPACITY,
        2 * CHUNK_CAPACITY + 1,
    };
    struct test_heap heap;
    struct slab pool;
    struct chunk_queue queue;
    chunk_test_begin(&heap, &pool, 8);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t before = 0; before < 3; before++) {
            chunk_queue_init(&queue, &pool);
            assert_true(
                chunk_queue_append(&queue, chunk_test_bytes(0, before)));
            assert_true(
                chunk_queue_append(&queue, chunk_test_bytes(before, sizes[i])));
            chunk_test_expect(&queue, chunk_test_pattern, before + sizes[i]);
            assert_int_equal(pool.taken,
                             (before + sizes[i] + CHUNK_CAPACITY - 1) /
                                 CHUNK_CAPACITY);
            chunk_queue_clear(&queue);
            chunk_test_expect(&queue, NULL, 0);
        }
    }
    chunk_test_end(&heap, &pool);
}

static void test_chunk__bytes_stay_where_they_are(void **state)
{
    (void)state;
    struct test_heap heap;
    struct slab pool;
    struct chunk_queue queue;
    struct view before[1];
    struct view after[1];
    chunk_test_begin(&heap, &pool, 8);
    chunk_queue_init(&queue, &pool);
    assert_true(chunk_queue_append(&queue, chunk_test_bytes(0, 100)));
    assert_int_equal(chunk_queue_peek(&queue, before, 1), 1);
    assert_true(chunk_queue_append(&queue, chunk_test_bytes(100, 9000)));
    assert_int_equal(chunk_queue_peek(&queue, after, 1), 1);
    assert_ptr_equal(after[0].data, before[0].data);
    chunk_queue_consume(&queue, 40);
    assert_int_equal(chunk_queue_peek(&queue, after, 1), 1);
    assert_ptr_equal(after[0].data, before[0].data + 40);
    chunk_test_expect(&queue, chunk_test_pattern + 40, 9060);
    chunk_queue_clear(&queue);
    chunk_test_end(&heap, &pool);
}

static void test_chunk__peek_stops_at_max(void **state)
{
    (void)state;
    struct test_heap heap;
    struct slab pool;
    struct chunk_queue queue;
    struct view views[2];
    chunk_test_begin(&heap, &pool, 8);
    chunk_queue_init(&queue, &pool);
    assert_true(chunk_queue_append(&queue, chunk_test_bytes(0, 12000)));
    assert_int_equal(pool.taken, 3);
    assert_int_equal(chunk_queue_peek(&queue, views, 0), 0);
    assert_int_equal(chunk_queue_peek(&queue, views, 2), 2);
    assert_int_equal(views[0].size, CHUNK_CAPACITY);
    assert_int_equal(views[1].size, CHUNK_CAPACITY);
    chunk_queue_clear(&queue);
    chunk_test_end(&heap, &pool);
}

static void test_chunk__reserve_without_commit_changes_nothing(void **state)
{
    (void)state;
    struct test_heap heap;
    struct slab pool;
    struct chunk_queue queue;
    chunk_test_begin(&heap, &pool, 8);
    chunk_queue_init(&queue, &pool);
    assert_non_null(chunk_queue_reserve(&queue, CHUNK_CAPACITY));
    chunk_queue_check(&queue);
    chunk_test_expect(&queue, NULL, 0);
    // Unused room is used by the next one.
    assert_non_null(chunk_queue_reserve(&queue, 1));
    assert_int_equal(pool.taken, 1);
    assert_true(chunk_queue_append(&queue, chunk_test_bytes(0, 4000)));
    assert_int_equal(pool.taken, 1);
    assert_non_null(chunk_queue_reserve(&queue, 500));
    assert_int_equal(pool.taken, 2);
    chunk_test_expect(&queue, chunk_test_pattern, 4000);
    assert_true(chunk_queue_append(&queue, chunk_test_bytes(4000, 5000)));
    assert_int_equal(pool.taken, 3);
    chunk_test_expect(&queue, chunk_test_pattern, 9000);
    chunk_queue_consume(&queue, 9000);
    assert_int_equal(pool.taken, 0);
    chunk_test_end(&heap, &pool);
}

static void test_chunk__consume_gives_unused_room_back(void **state)
{
    (void)state;
    struct test_heap heap;
    struct slab pool;
    struct chunk_queue queue;
    chunk_test_begin(&heap, &pool, 8);
    chunk_queue_init(&queue, &pool);
    assert_true(chunk_queue_append(&queue, chunk_test_bytes(0, 4000)));
    assert_non_null(chunk_queue_reserve(&queue, 500));
    chunk_queue_consume(&queue, 4000);
    assert_int_equal(pool.taken, 0);
    chunk_test_expect(&queue, NULL, 0);
    chunk_test_end(&heap, &pool);
}

static void test_chunk__commit_of_nothing(void **state)
{
    (void)state;
    struct test_heap heap;
    struct slab pool;
    struct chunk_queue queue;
    chunk_test_begin(&heap, &pool, 8);
    chunk_queue_init(&queue, &pool);
    assert_non_null(chunk_queue_reserve(&queue, 1));
    chunk_queue_commit(&queue, 0);
    chunk_test_expect(&queue, NULL, 0);
    chunk_queue_clear(&queue);
    chunk_test_end(&heap, &pool);
}

static void test_chunk__whole_move_relinks(void **state)
{
    (void)state;
    struct test_heap heap;
    struct slab pool;
    struct chunk_queue from;
    struct chunk_queue to;
    chunk_test_begin(&heap, &pool, 8);
    chunk_queue_init(&from, &pool);
    chunk_queue_init(&to, &pool);
    assert_true(chunk_queue_append(&from, chunk_test_bytes(0, 10000)));
    struct view before[3];
    struct view after[3];
    assert_int_equal(chunk_queue_peek(&from, before, 3), 3);
    size_t calls = heap.calls;
    heap.fail_at = calls + 1;
    heap.fail_on = true;
    assert_true(chunk_queue_move(&to, &from, 10000));
    assert_int_equal(heap.calls, calls);
    assert_int_equal(chunk_queue_peek(&to, after, 3), 3);
    for (int i = 0; i < 3; i++) {
        assert_ptr_equal(after[i].data, before[i].data);
    }
    chunk_test_expect(&to, chunk_test_pattern, 10000);
    chunk_test_expect(&from, NULL, 0);
    assert_true(chunk_queue_move(&to, &from, 0));
    chunk_queue_clear(&to);
    chunk_test_end(&heap, &pool);
}

static void test_chunk__move_behind_unused_room(void **state)
{
    (void)state;
    struct test_heap heap;
    struct slab pool;
    struct chunk_queue from;
    struct chunk_queue to;
    chunk_test_begin(&heap, &pool, 8);
    chunk_queue_init(&from, &pool);
    chunk_queue_init(&to, &pool);
    assert_true(chunk_queue_append(&to, chunk_test_bytes(0, 4000)));
    assert_non_null(chunk_queue_reserve(&to, 1000));
    assert_true(chunk_queue_append(&from, chunk_test_bytes(4000, 4500)));
    assert_true(chunk_queue_move(&to, &from, 4500));
    // No empty chunk stands in the middle: the check would tell.
    chunk_test_expect(&to, chunk_test_pattern, 8500);
    chunk_test_expect(&from, NULL, 0);
    chunk_queue_clear(&to);
    chunk_test_end(&heap, &pool);
}

static void test_chunk__small_moves_are_copied_together(void **state)
{
    (void)state;
    struct test_heap heap;
    struct slab pool;
    struct chunk_queue from;
    struct chunk_queue to;
    chunk_test_begin(&heap, &pool, 8);
    chunk_queue_init(&from, &pool);
    chunk_queue_init(&to, &pool);
    for (size_t i = 0; i < 40; i++) {
        assert_true(chunk_queue_append(&from, chunk_test_bytes(i * 100, 100)));
        assert_true(chunk_queue_move(&to, &from, 100));
        assert_int_equal(pool.taken, 1);
    }
    chunk_test_expect(&to, chunk_test_pattern, 4000);
    chunk_queue_clear(&to);
    chunk_test_end(&heap, &pool);
}

static void test_chunk__failures_change_nothing(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 4; n++) {
        struct test_heap heap;
        struct slab pool;
        struct chunk_queue from;
        struct chunk_queue to;
        chunk_test_begin(&heap, &pool, 0);
        chunk_queue_init(&from, &pool);
        chunk_queue_init(&to, &pool);
        assert_true(chunk_queue_append(&from, chunk_test_bytes(0, 10)));
        heap.fail_at = heap.calls + n;
        bool appended =
            chunk_queue_append(&from, chunk_test_bytes(10, 3 * CHUNK_CAPACITY));
        assert_int_equal(appended, n == 4);
        size_t size = 10 + (appended ? 3 * (size_t)CHUNK_CAPACITY : 0);
        chunk_test_expect(&from, chunk_test_pattern, size);
        assert_int_equal(pool.taken, appended ? 4 : 1);
        heap.fail_at = heap.calls + 1;
        assert_null(chunk_queue_reserve(&to, 1));
        chunk_test_expect(&to, NULL, 0);
        heap.fail_at = heap.calls + 1;
        assert_false(chunk_queue_move(&to, &from, 5));
        chunk_test_expect(&from, chunk_test_pattern, size);
        chunk_test_expect(&to, NULL, 0);
        chunk_queue_clear(&from);
        chunk_test_end(&heap, &pool);
    }
}

// ---- Bytes that are lent ----------------------------------------------------

static void chunk_test_count(void *argument)
{
    ++*(int *)argument;
}

// chunk_test_settle calls the releases that are due.
static void chunk_test_settle(struct chunk_lender *lender)
{
    void (*release)(void *) = NULL;
    void *argument = NULL;
    chunk_lender_check(lender);
    while (chunk_take_returned(lender, &release, &argument)) {
        release(argument);
        chunk_lender_check(lender);
    }
}

struct chunk_test_bank {
    struct test_heap heap;
    struct slab pool;
    struct chunk_lender lender;
    struct chunk_queue from;
    struct chunk_queue to;
    int released;
};

static void chunk_test_open(struct chunk_test_bank *bank)
{
    chunk_test_begin(&bank->heap, &bank->pool, 0);
    chunk_lender_init(&bank->lender, &bank->heap.allocator, 0);
    chunk_queue_init(&bank->from, &bank->pool);
    chunk_queue_init(&bank->to, &bank->pool);
    bank->released = 0;
}

static void chunk_test_close(struct chunk_test_bank *bank)
{
    chunk_queue_clear(&bank->from);
    chunk_queue_clear(&bank->to);
    chunk_test_settle(&bank->lender);
    chunk_lender_fini(&bank->lender);
    chunk_test_end(&bank->heap, &bank->pool);
}

// chunk_test_lend lends to bank->from; false without memory.
static bool chunk_test_lend(struct chunk_test_bank *bank, size_t prefix,
                            struct view bytes)
{
    struct chunk_loan *loan =
        chunk_loan_new(&bank->lender, chunk_test_count, &bank->released);
    if (loan == NULL) {
        return false;
    }
    struct view front = chunk_test_bytes(0, prefix);
    if (!chunk_queue_lend(&bank->from, loan, front, bytes)) {
        chunk_loan_cancel(loan);
        return false;
    }
    chunk_loan_unref(loan);
    return true;
}

static void test_chunk__lent_bytes_stay_where_they_are(void **state)
{
    (void)state;
    struct chunk_test_bank bank;
    struct view views[5];
    chunk_test_open(&bank);
    assert_true(chunk_queue_append(&bank.from, chunk_test_bytes(0, 7)));
    uint8_t front[CHUNK_PREFIX];
    memcpy(front, chunk_test_pattern + 7, 5);
    struct chunk_loan *loan =
        chunk_loan_new(&bank.lender, chunk_test_count, &bank.released);
    assert_non_null(loan);
    assert_true(chunk_queue_lend(&bank.from, loan, view_of(front, 5),
                                 chunk_test_bytes(12, 9000)));
    chunk_loan_unref(loan);
    memset(front, 0, sizeof front); // it was copied
    assert_true(chunk_queue_append(&bank.from, chunk_test_bytes(9012, 3)));
    chunk_test_expect(&bank.from, chunk_test_pattern, 9015);
    assert_int_equal(chunk_queue_peek(&bank.from, views, 5), 4);
    assert_ptr_equal(views[2].data, chunk_test_pattern + 12);
    assert_int_equal(views[2].size, 9000);
    chunk_queue_consume(&bank.from, 0);
    chunk_queue_consume(&bank.from, 13);
    chunk_test_expect(&bank.from, chunk_test_pattern + 13, 9002);
    assert_int_equal(chunk_queue_peek(&bank.from, views, 5), 2);
    assert_ptr_equal(views[0].data, chunk_test_pattern + 13);
    chunk_queue_consume(&bank.from, 8998);
    chunk_queue_consume(&bank.from, 0);
    chunk_test_expect(&bank.from, chunk_test_pattern + 9011, 4);
    chunk_test_settle(&bank.lender);
    assert_int_equal(bank.released, 0);
    chunk_queue_consume(&bank.from, 1);
    chunk_test_settle(&bank.lender);
    assert_int_equal(bank.released, 1);
    chunk_test_expect(&bank.from, chunk_test_pattern + 9012, 3);
    chunk_test_close(&bank);
    assert_int_equal(bank.released, 1);
}

static void test_chunk__releases_come_in_order(void **state)
{
    (void)state;
    struct chunk_test_bank bank;
    int counts[3] = {0, 0, 0};
    chunk_test_open(&bank);
    for (int i = 0; i < 3; i++) {
        struct chunk_loan *loan =
            chunk_loan_new(&bank.lender, chunk_test_count, &counts[i]);
        assert_non_null(loan);
        assert_true(chunk_queue_lend(&bank.from, loan, view_of(NULL, 0),
                                     chunk_test_bytes(0, 5000)));
        chunk_loan_unref(loan);
    }
    chunk_queue_clear(&bank.from);
    for (int i = 0; i < 3; i++) {
        void (*release)(void *) = NULL;
        void *argument = NULL;
        assert_true(chunk_take_returned(&bank.lender, &release, &argument));
        assert_true(release == chunk_test_count);
        assert_ptr_equal(argument, &counts[i]);
    }
    chunk_test_close(&bank);
}

static void test_chunk__room_is_never_within_a_piece(void **state)
{
    (void)state;
    struct chunk_test_bank bank;
    uint8_t lent[5000];
    chunk_test_open(&bank);
    memcpy(lent, chunk_test_pattern, sizeof lent);
    assert_true(chunk_test_lend(&bank, 0, view_of(lent, sizeof lent)));
    for (int i = 0; i < 4; i++) {
        // Room that is not used does not stand in front of the next piece.
        assert_non_null(chunk_queue_reserve(&bank.from, 1));
        uint8_t *room = chunk_queue_reserve(&bank.from, CHUNK_CAPACITY);
        assert_non_null(room);
        memset(room, 0xee, CHUNK_CAPACITY);
        assert_true(chunk_test_lend(&bank, 0, view_of(lent, sizeof lent)));
        chunk_queue_check(&bank.from);
        assert_int_equal(bank.pool.taken, 0);
    }
    assert_memory_equal(lent, chunk_test_pattern, sizeof lent);
    // Nor does it in front of one that is moved, alone or behind others.
    for (size_t before = 0; before < 2; before++) {
        assert_true(chunk_queue_append(
            &bank.to, chunk_test_bytes(0, before * CHUNK_CAPACITY)));
        assert_non_null(chunk_queue_reserve(&bank.to, 1));
        assert_true(chunk_queue_move(&bank.to, &bank.from, 5000));
        assert_non_null(chunk_queue_reserve(&bank.to, 1));
        assert_true(chunk_queue_move(&bank.to, &bank.from, 4000));
        chunk_queue_check(&bank.to);
        assert_int_equal(bank.to.size, before * CHUNK_CAPACITY + 9000);
        assert_int_equal(bank.pool.taken, before);
        assert_true(chunk_queue_move(&bank.to, &bank.from, 1000));
        chunk_queue_clear(&bank.to);
    }
    chunk_test_close(&bank);
    assert_int_equal(bank.released, 5);
}

static void test_chunk__moves_share_a_loan(void **state)
{
    (void)state;
    struct chunk_test_bank bank;
    struct view views[4];
    chunk_test_open(&bank);
    assert_true(chunk_test_lend(&bank, 0, chunk_test_bytes(0, 10000)));
    // A cut leaves the bytes where they are, on both sides.
    assert_true(chunk_queue_move(&bank.to, &bank.from, CHUNK_COPIED + 1));
    assert_int_equal(chunk_queue_peek(&bank.to, views, 4), 1);
    assert_ptr_equal(views[0].data, chunk_test_pattern);
    assert_int_equal(chunk_queue_peek(&bank.from, views, 4), 1);
    assert_ptr_equal(views[0].data, chunk_test_pattern + CHUNK_COPIED + 1);
    // So does one of a few bytes, where there is no room for a copy.
    assert_true(chunk_queue_move(&bank.to, &bank.from, 10));
    assert_int_equal(bank.pool.taken, 0);
    chunk_queue_clear(&bank.to);
    chunk_test_settle(&bank.lender);
    assert_int_equal(bank.released, 0);
    // With room short parts are copied, and the rest moves as it is.
    assert_true(chunk_queue_append(&bank.to, chunk_test_bytes(0, 9)));
    assert_true(chunk_queue_move(&bank.to, &bank.from, CHUNK_COPIED));
    assert_int_equal(chunk_queue_peek(&bank.to, views, 4), 1);
    assert_int_equal(views[0].size, 9 + CHUNK_COPIED);
    assert_true(chunk_queue_move(&bank.to, &bank.from, bank.from.size));
    assert_int_equal(bank.lender.pieces.taken, 1);
    assert_int_equal(bank.released, 0);
    chunk_test_close(&bank);
    assert_int_equal(bank.released, 1);
}

static void test_chunk__lending_without_memory(void **state)
{
    (void)state;
    bool done = false;
    size_t n = 0;
    while (!done) {
        struct chunk_test_bank bank;
        chunk_test_open(&bank);
        assert_true(chunk_queue_append(&bank.from, chunk_test_bytes(0, 5)));
        n++;
        bank.heap.fail_at = bank.heap.calls + n;
        bool lent = chunk_test_lend(&bank, 5, chunk_test_bytes(5, 9000));
        done = bank.heap.calls < bank.heap.fail_at;
        assert_int_equal(lent, done);
        assert_int_equal(bank.from.size, lent ? 9010 : 5);
        assert_int_equal(bank.lender.loans.taken, lent ? 1 : 0);
        assert_int_equal(bank.lender.pieces.taken, lent ? 2 : 0);
        chunk_queue_check(&bank.from);
        chunk_test_close(&bank);
        assert_int_equal(bank.released, lent ? 1 : 0);
    }
    assert_int_equal(n, 4); // a loan and two pieces
}

static void test_chunk__cuts_without_memory(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        bool needs;
    } cuts[] = {{3, true}, {5, false}, {4000, true}, {9005, false}};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        struct chunk_test_bank bank;
        chunk_test_open(&bank);
        assert_true(chunk_queue_append(&bank.from, chunk_test_bytes(0, 5)));
        assert_true(chunk_test_lend(&bank, 0, chunk_test_bytes(5, 9000)));
        assert_true(chunk_queue_append(&bank.from, chunk_test_bytes(9005, 9)));
        bank.heap.fail_at = bank.heap.calls + 1;
        bank.heap.fail_on = true;
        size_t moved = cuts[i].needs ? 0 : cuts[i].size;
        assert_int_equal(chunk_queue_move(&bank.to, &bank.from, cuts[i].size),
                         !cuts[i].needs);
        chunk_test_expect(&bank.to, chunk_test_pattern, moved);
        chunk_test_expect(&bank.from, chunk_test_pattern + moved, 9014 - moved);
        bank.heap.fail_on = false;
        bank.heap.fail_at = 0;
        assert_true(chunk_queue_move(&bank.to, &bank.from, 9014 - moved));
        chunk_test_expect(&bank.to, chunk_test_pattern, 9014);
        chunk_test_close(&bank);
        assert_int_equal(bank.released, 1);
    }
}

// ---- The model --------------------------------------------------------------

// Two queues beside two plain arrays.
struct chunk_test_model {
    struct chunk_queue queue;
    struct chunk_lender *lender;
    size_t size;
    uint8_t bytes[CHUNK_TEST_MODEL];
};

// chunk_test_owned counts what is lent and not yet released.
static size_t chunk_test_owned;

static void chunk_test_free(void *argument)
{
    assert_true(chunk_test_owned > 0);
    chunk_test_owned--;
    free(argument); // a second time is found, and so is reading on
}

// chunk_test_lend_copy lends memory of its own; false without memory.
static bool chunk_test_lend_copy(struct chunk_test_model *model,
                                 struct view prefix, struct view bytes)
{
    uint8_t *copy = malloc(bytes.size > 0 ? bytes.size : 1);
    assert_non_null(copy);
    struct chunk_loan *loan =
        chunk_loan_new(model->lender, chunk_test_free, copy);
    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    if (loan == NULL || !chunk_queue_lend(&model->queue, loan, prefix,
                                          view_of(copy, bytes.size))) {
        if (loan != NULL) {
            chunk_loan_cancel(loan);
        }
        free(copy);
        return false;
    }
    chunk_test_owned++;
    chunk_loan_unref(loan);
    return true;
}

static size_t chunk_test_size(uint64_t *seed)
{
    // Small ones mostly, and some that take several chunks.
    static const size_t bounds[] = {2, 20, 300, 1500, 5000, 10000};
    return test_random(seed) % bounds[test_random(seed) % 6];
}

static void chunk_test_append(struct chunk_test_model *model, uint64_t *seed,
                              bool reserve)
{
    size_t size = chunk_test_size(seed);
    if (reserve && size > CHUNK_CAPACITY) {
        size = CHUNK_CAPACITY;
    }
    if (reserve && size == 0) {
        size = 1;
    }
    if (model->size + size > CHUNK_TEST_MODEL) {
        return;
    }
    struct view bytes = chunk_test_bytes(test_random(seed) % 2000, size);
    if (reserve) {
        uint8_t *room = chunk_queue_reserve(&model->queue, size);
        if (room == NULL) {
            return;
        }
        size = test_random(seed) % (size + 1); // not all of it, as a rule
        if (size > 0) {
            memcpy(room, bytes.data, size);
        }
        chunk_queue_commit(&model->queue, size);
    } else if (!chunk_queue_append(&model->queue, bytes)) {
        return;
    }
    if (size > 0) {
        memcpy(model->bytes + model->size, bytes.data, size);
    }
    model->size += size;
}

static void chunk_test_append_lent(struct chunk_test_model *model,
                                   uint64_t *seed)
{
    size_t size = chunk_test_size(seed);
    size_t prefix = test_random(seed) % (CHUNK_PREFIX + 1);
    prefix = prefix < size ? prefix : size;
    struct view bytes = chunk_test_bytes(test_random(seed) % 2000, size);
    if (model->size + size > CHUNK_TEST_MODEL ||
        !chunk_test_lend_copy(model, view_of(bytes.data, prefix),
                              view_skip(bytes, prefix))) {
        return;
    }
    memcpy(model->bytes + model->size, bytes.data, size);
    model->size += size;
}

static size_t chunk_test_part(const struct chunk_test_model *model,
                              uint64_t *seed)
{
    size_t size = chunk_test_size(seed);
    return size < model->size && test_random(seed) % 4 != 0 ? size
                                                            : model->size;
}

static void chunk_test_drop(struct chunk_test_model *model, size_t size)
{
    model->size -= size;
    memmove(model->bytes, model->bytes + size, model->size);
}

static void chunk_test_step(struct chunk_test_model *one,
                            struct chunk_test_model *other, uint64_t *seed)
{
    size_t size = chunk_test_part(one, seed);
    uint64_t what = test_random(seed) % 32;
    if (what < 1) {
        chunk_queue_clear(&one->queue);
        one->size = 0;
    } else if (what < 8) {
        chunk_test_append(one, seed, false);
    } else if (what < 12) {
        chunk_test_append(one, seed, true);
    } else if (what < 20) {
        chunk_test_append_lent(one, seed);
    } else if (what < 24) {
        chunk_queue_consume(&one->queue, size);
        chunk_test_drop(one, size);
    } else if (other->size + size <= CHUNK_TEST_MODEL &&
               chunk_queue_move(&other->queue, &one->queue, size)) {
        memcpy(other->bytes + other->size, one->bytes, size);
        other->size += size;
        chunk_test_drop(one, size);
    }
}

static void chunk_test_run_model(uint64_t seed, bool fail)
{
    static struct chunk_test_model models[2];
    struct test_heap heap;
    struct slab pool;
    struct chunk_lender lender;
    chunk_test_begin(&heap, &pool, 4);
    chunk_lender_init(&lender, &heap.allocator, 4);
    chunk_test_owned = 0;
    for (int i = 0; i < 2; i++) {
        chunk_queue_init(&models[i].queue, &pool);
        models[i].lender = &lender;
        models[i].size = 0;
    }
    for (int step = 0; step < 4000; step++) {
        if (fail && test_random(&seed) % 3 == 0) {
            heap.fail_at = heap.calls + 1 + test_random(&seed) % 3;
        }
        int i = (int)(test_random(&seed) % 2);
        chunk_test_step(&models[i], &models[1 - i], &seed);
        chunk_test_expect(&models[0].queue, models[0].bytes, models[0].size);
        chunk_test_expect(&models[1].queue, models[1].bytes, models[1].size);
        chunk_test_settle(&lender);
        assert_int_equal(lender.loans.taken, chunk_test_owned);
        if (models[0].size + models[1].size == 0) {
            assert_int_equal(chunk_test_owned, 0);
        }
    }
    chunk_queue_clear(&models[0].queue);
    chunk_queue_clear(&models[1].queue);
    chunk_test_settle(&lender);
    assert_int_equal(chunk_test_owned, 0);
    chunk_lender_fini(&lender);
    chunk_test_end(&heap, &pool);
}

static void test_chunk__random_steps_match_two_arrays(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        chunk_test_run_model(seed, false);
    }
}

static void test_chunk__random_steps_survive_failures(void **state)
{
    (void)state;
    for (uint64_t seed = 101; seed <= 105; seed++) {
        chunk_test_run_model(seed, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunk__empty_queue_holds_nothing),
        cmocka_unit_test(test_chunk__append_crosses_chunks),
        cmocka_unit_test(test_chunk__bytes_stay_where_they_are),
        cmocka_unit_test(test_chunk__peek_stops_at_max),
        cmocka_unit_test(test_chunk__reserve_without_commit_changes_nothing),
        cmocka_unit_test(test_chunk__consume_gives_unused_room_back),
        cmocka_unit_test(test_chunk__commit_of_nothing),
        cmocka_unit_test(test_chunk__whole_move_relinks),
        cmocka_unit_test(test_chunk__move_behind_unused_room),
        cmocka_unit_test(test_chunk__small_moves_are_copied_together),
        cmocka_unit_test(test_chunk__failures_change_nothing),
        cmocka_unit_test(test_chunk__lent_bytes_stay_where_they_are),
        cmocka_unit_test(test_chunk__releases_come_in_order),
        cmocka_unit_test(test_chunk__room_is_never_within_a_piece),
        cmocka_unit_test(test_chunk__moves_share_a_loan),
        cmocka_unit_test(test_chunk__lending_without_memory),
        cmocka_unit_test(test_chunk__cuts_without_memory),
        cmocka_unit_test(test_chunk__random_steps_match_two_arrays),
        cmocka_unit_test(test_chunk__random_steps_survive_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
