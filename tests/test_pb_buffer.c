// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "codec/pb_buffer.h"

// buffer_put writes size bytes of one value in front.
static void buffer_put(grpc_buffer *buffer, int value, size_t size)
{
    assert_int_equal(pb_buffer_reserve(buffer, size), GRPC_OK);
    buffer->first -= size;
    memset(buffer->first, value, size);
    pb_buffer_check(buffer);
}

static void test_buffer__starts_empty(void **state)
{
    (void)state;
    grpc_buffer buffer = {.base = NULL};
    assert_int_equal(pb_buffer_size(&buffer), 0);
    assert_int_equal(pb_buffer_room(&buffer), 0);
    assert_int_equal(pb_buffer_reserve(&buffer, 0), GRPC_OK);
    assert_null(buffer.base);
    pb_buffer_fini(&buffer);
}

static void test_buffer__growth_keeps_what_was_written_at_the_end(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    grpc_buffer buffer = {.allocator = heap.allocator};
    size_t total = 0;
    for (int i = 0; i < 100; i++) {
        buffer_put(&buffer, i, (size_t)i + 1);
        total += (size_t)i + 1;
    }
    assert_int_equal(pb_buffer_size(&buffer), total);
    const unsigned char *p = buffer.end;
    for (int i = 0; i < 100; i++) {
        for (int k = 0; k <= i; k++) {
            assert_int_equal(*--p, i);
        }
    }
    assert_ptr_equal(p, buffer.first);
    assert_int_equal(heap.live_blocks, 1);
    pb_buffer_fini(&buffer);
    assert_true(test_heap_is_clean(&heap));
}

static void test_buffer__at_least_doubles(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    grpc_buffer buffer = {.allocator = heap.allocator};
    for (int i = 0; i < 100000; i++) {
        buffer_put(&buffer, i, 1);
    }
    // 256 bytes, then doubled nine times.
    assert_int_equal(heap.calls, 10);
    assert_int_equal(heap.live_bytes, 131072);
    pb_buffer_fini(&buffer);
    assert_true(test_heap_is_clean(&heap));
}

static void test_buffer__one_large_reserve_takes_what_it_needs(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    grpc_buffer buffer = {.allocator = heap.allocator};
    buffer_put(&buffer, 1, 10);
    assert_int_equal(pb_buffer_reserve(&buffer, 5000), GRPC_OK);
    assert_int_equal(heap.live_bytes, 5010);
    assert_int_equal(pb_buffer_room(&buffer), 5000);
    pb_buffer_fini(&buffer);
    assert_true(test_heap_is_clean(&heap));
}

static void test_buffer__limit_is_reached_and_not_passed(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    grpc_buffer buffer = {.allocator = heap.allocator, .limit_bytes = 1000};
    buffer_put(&buffer, 1, 600);
    assert_int_equal(pb_buffer_reserve(&buffer, 401), GRPC_ELIMIT);
    assert_int_equal(pb_buffer_size(&buffer), 600);
    assert_int_equal(pb_buffer_reserve(&buffer, SIZE_MAX), GRPC_ELIMIT);
    assert_int_equal(pb_buffer_reserve(&buffer, SIZE_MAX - 600), GRPC_ELIMIT);
    assert_int_equal(pb_buffer_reserve(&buffer, 400), GRPC_OK);
    assert_int_equal(heap.live_bytes, 1000);
    assert_int_equal(pb_buffer_size(&buffer), 600);
    pb_buffer_fini(&buffer);
    grpc_buffer small = {.allocator = heap.allocator, .limit_bytes = 10};
    assert_int_equal(pb_buffer_reserve(&small, 11), GRPC_ELIMIT);
    assert_null(small.base);
    assert_int_equal(pb_buffer_reserve(&small, 10), GRPC_OK);
    pb_buffer_fini(&small);
    assert_true(test_heap_is_clean(&heap));
}

static void test_buffer__without_memory_it_stays_as_it_was(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    grpc_buffer buffer = {.allocator = heap.allocator};
    heap.fail_at = 1;
    assert_int_equal(pb_buffer_reserve(&buffer, 1), GRPC_ENOMEM);
    assert_null(buffer.base);
    buffer_put(&buffer, 7, 256);
    heap.fail_at = heap.calls + 1;
    unsigned char *base = buffer.base;
    assert_int_equal(pb_buffer_reserve(&buffer, 1), GRPC_ENOMEM);
    assert_ptr_equal(buffer.base, base);
    assert_int_equal(pb_buffer_size(&buffer), 256);
    assert_int_equal(buffer.first[255], 7);
    buffer_put(&buffer, 8, 1);
    assert_int_equal(buffer.first[0], 8);
    assert_int_equal(buffer.first[256], 7);
    pb_buffer_fini(&buffer);
    assert_true(test_heap_is_clean(&heap));
}

static void test_buffer__without_an_allocator_it_uses_the_heap(void **state)
{
    (void)state;
    grpc_buffer buffer = {.base = NULL};
    buffer_put(&buffer, 3, 1000);
    assert_int_equal(buffer.first[999], 3);
    pb_buffer_fini(&buffer);
    assert_null(buffer.base);
    assert_int_equal(pb_buffer_size(&buffer), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buffer__starts_empty),
        cmocka_unit_test(test_buffer__growth_keeps_what_was_written_at_the_end),
        cmocka_unit_test(test_buffer__at_least_doubles),
        cmocka_unit_test(test_buffer__one_large_reserve_takes_what_it_needs),
        cmocka_unit_test(test_buffer__limit_is_reached_and_not_passed),
        cmocka_unit_test(test_buffer__without_memory_it_stays_as_it_was),
        cmocka_unit_test(test_buffer__without_an_allocator_it_uses_the_heap),
    };
    return cmocka_run_group_tests_name("pb_buffer", tests, NULL, NULL);
}
