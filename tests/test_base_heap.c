// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "base/alloc.h"
#include "base/heap.h"

static void test_heap__allocates_grows_and_frees(void **state)
{
    (void)state;
    const grpc_allocator heap = heap_allocator();
    assert_non_null(heap.allocate);
    char *block = alloc_new(&heap, 5);
    assert_non_null(block);
    memcpy(block, "hello", 5);
    block = alloc_resize(&heap, block, 5, 100000);
    assert_non_null(block);
    assert_memory_equal(block, "hello", 5);
    alloc_free(&heap, block, 100000);
}

static void test_heap__default_stands_in_for_no_allocator(void **state)
{
    (void)state;
    const grpc_allocator heap = heap_allocator();
    const grpc_allocator none = {NULL, NULL};
    assert_true(heap_or_default(NULL).allocate == heap.allocate);
    assert_true(heap_or_default(&none).allocate == heap.allocate);
}

static void test_heap__default_keeps_the_users(void **state)
{
    (void)state;
    struct test_heap users;
    test_heap_init(&users);
    grpc_allocator chosen = heap_or_default(&users.allocator);
    assert_true(chosen.allocate == users.allocator.allocate);
    assert_ptr_equal(chosen.user, &users);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heap__allocates_grows_and_frees),
        cmocka_unit_test(test_heap__default_stands_in_for_no_allocator),
        cmocka_unit_test(test_heap__default_keeps_the_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
