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

static void test_chunk__reserve_and_commit_of_nothing(void **state)
{
    (void)state;
    struct test_heap heap;
    struct slab pool;
    struct chunk_queue queue;
    chunk_test_begin(&heap, &pool, 8);
    chunk_queue_init(&queue, &pool);
    // NULL means that there is no memory, and nothing else.
    assert_non_null(chunk_queue_reserve(&queue, 0));
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

// The model: two queues beside two plain arrays.
struct chunk_test_model {
    struct chunk_queue queue;
    size_t size;
    uint8_t bytes[CHUNK_TEST_MODEL];
};

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
    switch (test_random(seed) % 8) {
    case 0:
    case 1:
    case 2:
        chunk_test_append(one, seed, false);
        break;
    case 3:
    case 4:
        chunk_test_append(one, seed, true);
        break;
    case 5:
        chunk_queue_consume(&one->queue, size);
        chunk_test_drop(one, size);
        break;
    default:
        if (other->size + size <= CHUNK_TEST_MODEL &&
            chunk_queue_move(&other->queue, &one->queue, size)) {
            memcpy(other->bytes + other->size, one->bytes, size);
            other->size += size;
            chunk_test_drop(one, size);
        }
        break;
    }
}

static void chunk_test_run_model(uint64_t seed, bool fail)
{
    static struct chunk_test_model models[2];
    struct test_heap heap;
    struct slab pool;
    chunk_test_begin(&heap, &pool, 4);
    for (int i = 0; i < 2; i++) {
        chunk_queue_init(&models[i].queue, &pool);
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
    }
    chunk_queue_clear(&models[0].queue);
    chunk_queue_clear(&models[1].queue);
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
        cmocka_unit_test(test_chunk__reserve_and_commit_of_nothing),
        cmocka_unit_test(test_chunk__whole_move_relinks),
        cmocka_unit_test(test_chunk__move_behind_unused_room),
        cmocka_unit_test(test_chunk__small_moves_are_copied_together),
        cmocka_unit_test(test_chunk__failures_change_nothing),
        cmocka_unit_test(test_chunk__random_steps_match_two_arrays),
        cmocka_unit_test(test_chunk__random_steps_survive_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
