// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "hpack/hpack.h"

static void test_hpack_block__starts_empty_without_memory(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct hpack_block block;
    hpack_block_init(&block, &heap.allocator);
    assert_int_equal(block.count, 0);
    assert_int_equal(heap.calls, 0);
    hpack_block_fini(&block);
    assert_true(test_heap_is_clean(&heap));
}

static void test_hpack_block__fields_keep_their_order_over_growth(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct hpack_block block;
    hpack_block_init(&block, &heap.allocator);
    for (size_t i = 0; i < 100; i++) {
        struct hpack_field *field = hpack_block_push(&block);
        assert_non_null(field);
        *field = (struct hpack_field){.static_name = (uint8_t)i};
    }
    assert_int_equal(block.count, 100);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(block.fields[i].static_name, i);
    }
    hpack_block_fini(&block);
    assert_true(test_heap_is_clean(&heap));
}

static void test_hpack_block__kept_text_is_a_copy(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct hpack_block block;
    hpack_block_init(&block, &heap.allocator);
    uint8_t bytes[5] = {'h', 'e', 'l', 'l', 'o'};
    struct view text = view_of(bytes, sizeof bytes);
    assert_true(hpack_block_keep(&block, &text));
    assert_ptr_not_equal(text.data, bytes);
    bytes[0] = 'j';
    assert_memory_equal(text.data, "hello", 5);
    assert_int_equal(text.size, 5);
    struct view none = view_of(NULL, 0);
    assert_true(hpack_block_keep(&block, &none));
    assert_non_null(none.data);
    assert_int_equal(none.size, 0);
    hpack_block_fini(&block);
    assert_true(test_heap_is_clean(&heap));
}

static void test_hpack_block__clear_keeps_memory_for_the_next(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct hpack_block block;
    hpack_block_init(&block, &heap.allocator);
    size_t calls = 0;
    for (int round = 0; round < 3; round++) {
        struct view text = VIEW("some text");
        for (int i = 0; i < 20; i++) {
            assert_non_null(hpack_block_push(&block));
            assert_true(hpack_block_keep(&block, &text));
        }
        block.over_limit = true;
        block.list_bytes = 7;
        block.list_fields = 7;
        hpack_block_clear(&block);
        assert_int_equal(block.count, 0);
        assert_int_equal(block.list_bytes, 0);
        assert_int_equal(block.list_fields, 0);
        assert_false(block.over_limit);
        assert_true(round == 0 || heap.calls == calls);
        calls = heap.calls;
    }
    hpack_block_fini(&block);
    assert_true(test_heap_is_clean(&heap));
}

static void test_hpack_block__without_memory_nothing_changes(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct hpack_block block;
    hpack_block_init(&block, &heap.allocator);
    heap.fail_at = 1;
    assert_null(hpack_block_push(&block));
    assert_int_equal(block.count, 0);
    heap.fail_at = 2;
    struct view text = VIEW("text");
    const uint8_t *before = text.data;
    assert_false(hpack_block_keep(&block, &text));
    assert_ptr_equal(text.data, before);
    assert_non_null(hpack_block_push(&block));
    hpack_block_fini(&block);
    assert_true(test_heap_is_clean(&heap));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hpack_block__starts_empty_without_memory),
        cmocka_unit_test(test_hpack_block__fields_keep_their_order_over_growth),
        cmocka_unit_test(test_hpack_block__kept_text_is_a_copy),
        cmocka_unit_test(test_hpack_block__clear_keeps_memory_for_the_next),
        cmocka_unit_test(test_hpack_block__without_memory_nothing_changes),
    };
    return cmocka_run_group_tests_name("hpack_block", tests, NULL, NULL);
}
