// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "base/alloc.h"

static void test_alloc__new_and_free_balance(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    char *block = alloc_new(&heap.allocator, 100);
    assert_non_null(block);
    assert_int_equal(heap.live_bytes, 100);
    assert_int_equal(heap.calls, 1);
    memset(block, 1, 100);
    alloc_free(&heap.allocator, block, 100);
    assert_true(test_heap_is_clean(&heap));
}

static void test_alloc__zeroed_is_all_zero(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    unsigned char *block = alloc_zeroed(&heap.allocator, 77);
    assert_non_null(block);
    for (size_t i = 0; i < 77; i++) {
        assert_int_equal(block[i], 0);
    }
    alloc_free(&heap.allocator, block, 77);
    assert_true(test_heap_is_clean(&heap));
}

static void test_alloc__resize_keeps_the_bytes(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    char *block = alloc_resize(&heap.allocator, NULL, 0, 4);
    assert_non_null(block);
    memcpy(block, "abcd", 4);
    block = alloc_resize(&heap.allocator, block, 4, 4000);
    assert_non_null(block);
    assert_memory_equal(block, "abcd", 4);
    block = alloc_resize(&heap.allocator, block, 4000, 2);
    assert_non_null(block);
    assert_memory_equal(block, "ab", 2);
    assert_int_equal(heap.live_bytes, 2);
    alloc_free(&heap.allocator, block, 2);
    assert_true(test_heap_is_clean(&heap));
}

static void test_alloc__failed_resize_leaves_the_old_block(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    char *block = alloc_new(&heap.allocator, 3);
    assert_non_null(block);
    memcpy(block, "xyz", 3);
    heap.fail_at = 2;
    assert_null(alloc_resize(&heap.allocator, block, 3, 9));
    assert_memory_equal(block, "xyz", 3);
    alloc_free(&heap.allocator, block, 3);
    assert_true(test_heap_is_clean(&heap));
}

static void test_alloc__failure_is_null(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    heap.fail_at = 1;
    heap.fail_on = true;
    assert_null(alloc_new(&heap.allocator, 1));
    assert_null(alloc_zeroed(&heap.allocator, 1));
    assert_null(alloc_resize(&heap.allocator, NULL, 0, 1));
    assert_int_equal(heap.calls, 3);
    assert_true(test_heap_is_clean(&heap));
}

static void test_alloc__free_of_null_does_nothing(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    alloc_free(&heap.allocator, NULL, 0);
    alloc_free(&heap.allocator, NULL, 10);
    assert_int_equal(heap.calls, 0);
}

static void test_alloc__wipe_is_of_these_bytes_alone(void **state)
{
    (void)state;
    char bytes[] = "abcdef";
    alloc_wipe(bytes + 1, 4);
    assert_memory_equal(bytes, "a\0\0\0\0f", sizeof bytes);
    alloc_wipe(bytes, 0);
    alloc_wipe(NULL, 0);
    assert_int_equal(bytes[0], 'a');
}

static void test_alloc__size_add_finds_overflow(void **state)
{
    (void)state;
    size_t out = 5;
    assert_true(alloc_size_add(2, 3, &out));
    assert_int_equal(out, 5);
    assert_true(alloc_size_add(SIZE_MAX, 0, &out));
    assert_true(out == SIZE_MAX);
    assert_true(alloc_size_add(SIZE_MAX - 1, 1, &out));
    assert_true(out == SIZE_MAX);
    out = 7;
    assert_false(alloc_size_add(SIZE_MAX, 1, &out));
    assert_false(alloc_size_add(1, SIZE_MAX, &out));
    assert_false(alloc_size_add(SIZE_MAX / 2 + 1, SIZE_MAX / 2 + 1, &out));
    assert_int_equal(out, 7);
}

static void test_alloc__size_mul_finds_overflow(void **state)
{
    (void)state;
    size_t out = 0;
    assert_true(alloc_size_mul(6, 7, &out));
    assert_int_equal(out, 42);
    assert_true(alloc_size_mul(0, SIZE_MAX, &out));
    assert_int_equal(out, 0);
    assert_true(alloc_size_mul(SIZE_MAX, 0, &out));
    assert_int_equal(out, 0);
    assert_true(alloc_size_mul(SIZE_MAX / 3, 3, &out));
    assert_true(out == SIZE_MAX / 3 * 3);
    out = 7;
    assert_false(alloc_size_mul(SIZE_MAX / 3 + 1, 3, &out));
    assert_false(alloc_size_mul(2, SIZE_MAX, &out));
    assert_false(alloc_size_mul(SIZE_MAX, SIZE_MAX, &out));
    assert_int_equal(out, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc__new_and_free_balance),
        cmocka_unit_test(test_alloc__zeroed_is_all_zero),
        cmocka_unit_test(test_alloc__resize_keeps_the_bytes),
        cmocka_unit_test(test_alloc__failed_resize_leaves_the_old_block),
        cmocka_unit_test(test_alloc__failure_is_null),
        cmocka_unit_test(test_alloc__free_of_null_does_nothing),
        cmocka_unit_test(test_alloc__wipe_is_of_these_bytes_alone),
        cmocka_unit_test(test_alloc__size_add_finds_overflow),
        cmocka_unit_test(test_alloc__size_mul_finds_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
