// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "codec/pb_array.h"

static void array_push(grpc_arena *arena, struct pb_array *array,
                       uint32_t value)
{
    assert_int_equal(pb_array_extend(arena, array, 4, 1), GRPC_OK);
    memcpy((char *)array->data + 4 * array->count, &value, sizeof value);
    array->count++;
}

static void test_array__first_size_is_what_was_asked_for(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    grpc_arena arena = {.allocator = heap.allocator};
    struct pb_array array = {.data = NULL};
    assert_int_equal(pb_array_capacity(&array), 0);
    assert_int_equal(pb_array_extend(&arena, &array, 24, 7), GRPC_OK);
    assert_int_equal(pb_array_capacity(&array), 7);
    assert_int_equal((uintptr_t)array.data % 8, 0);
    array.count = 7;
    assert_int_equal(pb_array_extend(&arena, &array, 24, 1), GRPC_OK);
    assert_int_equal(pb_array_capacity(&array), 14);
    assert_int_equal(pb_array_extend(&arena, &array, 24, 100), GRPC_OK);
    assert_int_equal(pb_array_capacity(&array), 107);
    grpc_arena_free(&arena);
    assert_true(test_heap_is_clean(&heap));
}

static void test_array__elements_survive_growth_and_neighbours(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    struct pb_array a = {.data = NULL};
    struct pb_array b = {.data = NULL};
    for (uint32_t i = 0; i < 5000; i++) {
        array_push(&arena, &a, i);
        array_push(&arena, &b, ~i);
    }
    for (uint32_t i = 0; i < 5000; i++) {
        uint32_t value;
        memcpy(&value, (char *)a.data + 4 * i, sizeof value);
        assert_int_equal(value, i);
        memcpy(&value, (char *)b.data + 4 * i, sizeof value);
        assert_int_equal(value, ~i);
    }
    // Twice what is held at the end, for both, and the arena's own doubling.
    assert_true(arena.held_bytes < 4 * 2 * 8192 * 4);
    grpc_arena_free(&arena);
}

static void test_array__overflow_is_a_shortage(void **state)
{
    (void)state;
    grpc_arena arena = {.limit_bytes = 1000};
    struct pb_array array = {.data = NULL};
    assert_int_equal(pb_array_extend(&arena, &array, 16, SIZE_MAX / 8),
                     GRPC_ELIMIT);
    assert_int_equal(pb_array_extend(&arena, &array, 1, SIZE_MAX - 4),
                     GRPC_ELIMIT);
    assert_int_equal(pb_array_extend(&arena, &array, 1, SIZE_MAX - 16),
                     GRPC_ELIMIT);
    arena.limit_bytes = 0;
    assert_int_equal(pb_array_extend(&arena, &array, 16, SIZE_MAX / 8),
                     GRPC_ENOMEM);
    array_push(&arena, &array, 5);
    assert_int_equal(pb_array_extend(&arena, &array, 4, SIZE_MAX), GRPC_ENOMEM);
    assert_int_equal(array.count, 1);
    grpc_arena_free(&arena);
}

static void test_array__shortage_tells_the_limit_from_the_heap(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    // For every limit and size: refused with a heap that works means that the
    // limit did it.
    for (size_t limit = 1; limit < 200; limit++) {
        for (size_t size = 1; size < 200; size++) {
            grpc_arena arena = {.allocator = heap.allocator,
                                .limit_bytes = limit};
            if (grpc_arena_alloc(&arena, size) == NULL) {
                assert_int_equal(pb_array_shortage(&arena, size), GRPC_ELIMIT);
            } else {
                grpc_arena_free(&arena);
                heap.fail_at = heap.calls + 1;
                assert_null(grpc_arena_alloc(&arena, size));
                assert_int_equal(pb_array_shortage(&arena, size), GRPC_ENOMEM);
                heap.fail_at = 0;
            }
            grpc_arena_free(&arena);
        }
    }
    grpc_arena unlimited = {.allocator = heap.allocator};
    assert_int_equal(pb_array_shortage(&unlimited, SIZE_MAX), GRPC_ENOMEM);
    assert_true(test_heap_is_clean(&heap));
}

static void test_array__without_memory_it_stays_as_it_was(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    grpc_arena arena = {.allocator = heap.allocator};
    struct pb_array array = {.data = NULL};
    for (uint32_t i = 0; i < 100; i++) {
        array_push(&arena, &array, i);
    }
    void *data = array.data;
    heap.fail_at = heap.calls + 1;
    assert_int_equal(pb_array_extend(&arena, &array, 4, 5000), GRPC_ENOMEM);
    assert_ptr_equal(array.data, data);
    assert_int_equal(array.count, 100);
    array_push(&arena, &array, 100);
    grpc_arena_free(&arena);
    assert_true(test_heap_is_clean(&heap));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_array__first_size_is_what_was_asked_for),
        cmocka_unit_test(test_array__elements_survive_growth_and_neighbours),
        cmocka_unit_test(test_array__overflow_is_a_shortage),
        cmocka_unit_test(test_array__shortage_tells_the_limit_from_the_heap),
        cmocka_unit_test(test_array__without_memory_it_stays_as_it_was),
    };
    return cmocka_run_group_tests_name("pb_array", tests, NULL, NULL);
}
