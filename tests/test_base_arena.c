// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "base/arena.h"

static void arena_test_begin(struct test_heap *heap, grpc_arena *arena)
{
    test_heap_init(heap);
    *arena = (grpc_arena){0};
    arena_bind(arena, &heap->allocator);
}

static void arena_test_end(struct test_heap *heap, grpc_arena *arena)
{
    grpc_arena_free(arena);
    arena_check(arena);
    assert_int_equal(arena->held_bytes, 0);
    assert_true(test_heap_is_clean(heap));
}

static void test_arena__zero_holds_nothing(void **state)
{
    (void)state;
    struct test_heap heap;
    grpc_arena arena;
    arena_test_begin(&heap, &arena);
    arena_check(&arena);
    assert_int_equal(heap.calls, 0);
    arena_test_end(&heap, &arena);
}

static void test_arena__allocations_are_aligned_and_apart(void **state)
{
    (void)state;
    struct test_heap heap;
    grpc_arena arena;
    arena_test_begin(&heap, &arena);
    char *previous = NULL;
    for (size_t size = 0; size < 60; size++) {
        char *block = arena_alloc(&arena, size);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % ARENA_ALIGN, 0);
        if (size > 1 && size < 30) {
            // All of these stand in the first block, one behind another.
            size_t before = (size - 1 + 7) / 8 * 8;
            assert_ptr_equal(block, previous + before);
        }
        memset(block, (int)size, size);
        previous = block;
        arena_check(&arena);
    }
    arena_test_end(&heap, &arena);
}

static void test_arena__blocks_double_up_to_the_largest(void **state)
{
    (void)state;
    struct test_heap heap;
    grpc_arena arena;
    arena_test_begin(&heap, &arena);
    size_t expected = ARENA_BLOCK_MIN;
    size_t held = 0;
    for (int i = 0; i < 12; i++) {
        size_t calls = heap.calls;
        while (heap.calls == calls) {
            assert_non_null(arena_alloc(&arena, 64));
        }
        held += expected;
        assert_int_equal(arena.held_bytes, held);
        expected =
            expected * 2 < ARENA_BLOCK_MAX ? expected * 2 : ARENA_BLOCK_MAX;
        arena_check(&arena);
    }
    assert_int_equal(expected, ARENA_BLOCK_MAX);
    arena_test_end(&heap, &arena);
}

static void test_arena__large_allocation_has_a_block_of_its_size(void **state)
{
    (void)state;
    struct test_heap heap;
    grpc_arena arena;
    arena_test_begin(&heap, &arena);
    char *large = arena_alloc(&arena, 1000000);
    assert_non_null(large);
    memset(large, 1, 1000000);
    assert_int_equal(heap.calls, 1);
    assert_true(arena.held_bytes >= 1000000 && arena.held_bytes < 1000064);
    assert_non_null(arena_alloc(&arena, 1));
    assert_true(arena.held_bytes < 1000064 + ARENA_BLOCK_MAX + 1);
    arena_check(&arena);
    arena_test_end(&heap, &arena);
}

static void test_arena__overflowing_sizes_fail(void **state)
{
    (void)state;
    struct test_heap heap;
    grpc_arena arena;
    arena_test_begin(&heap, &arena);
    // Rounded up, or together with the head of a block, these are too large
    // for a size_t.
    for (size_t less = 0; less < 2 * sizeof(void *); less++) {
        assert_null(arena_alloc(&arena, SIZE_MAX - less));
    }
    assert_int_equal(heap.calls, 0);
    assert_non_null(arena_alloc(&arena, 8));
    assert_null(arena_alloc(&arena, SIZE_MAX));
    void *last = arena_alloc(&arena, 8);
    assert_non_null(last);
    assert_null(arena_grow(&arena, last, 8, SIZE_MAX));
    assert_null(
        arena_copy_text(&arena, (struct view){.data = NULL, .size = SIZE_MAX}));
    arena_check(&arena);
    arena_test_end(&heap, &arena);
}

static void test_arena__zeroed_is_zero_after_use(void **state)
{
    (void)state;
    struct test_heap heap;
    grpc_arena arena;
    arena_test_begin(&heap, &arena);
    char *used = arena_alloc(&arena, 100);
    assert_non_null(used);
    memset(used, 0x55, 100);
    arena_reset(&arena, ARENA_BLOCK_MAX);
    char *fresh = arena_alloc_zeroed(&arena, 100);
    assert_ptr_equal(fresh, used);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(fresh[i], 0);
    }
    arena_test_end(&heap, &arena);
}

static void test_arena__grow_in_place(void **state)
{
    (void)state;
    struct test_heap heap;
    grpc_arena arena;
    arena_test_begin(&heap, &arena);
    char *text = arena_alloc(&arena, 10);
    assert_non_null(text);
    memcpy(text, "0123456789", 10);
    assert_ptr_equal(arena_grow(&arena, text, 10, 11), text);
    assert_ptr_equal(arena_grow(&arena, text, 11, 500), text);
    assert_memory_equal(text, "0123456789", 10);
    char *behind = arena_alloc(&arena, 1);
    assert_ptr_equal(behind, text + 504);
    arena_check(&arena);
    arena_test_end(&heap, &arena);
}

static void test_arena__grow_copies_what_is_not_newest(void **state)
{
    (void)state;
    struct test_heap heap;
    grpc_arena arena;
    arena_test_begin(&heap, &arena);
    char *text = arena_alloc(&arena, 8);
    assert_non_null(text);
    memcpy(text, "abcdefgh", 8);
    assert_non_null(arena_alloc(&arena, 8));
    char *grown = arena_grow(&arena, text, 8, 16);
    assert_non_null(grown);
    assert_ptr_not_equal(grown, text);
    assert_memory_equal(grown, "abcdefgh", 8);
    arena_test_end(&heap, &arena);
}

static void test_arena__grow_copies_over_the_end_of_a_block(void **state)
{
    (void)state;
    struct test_heap heap;
    grpc_arena arena;
    arena_test_begin(&heap, &arena);
    char *text = arena_alloc(&arena, 8);
    assert_non_null(text);
    memcpy(text, "abcdefgh", 8);
    char *grown = arena_grow(&arena, text, 8, ARENA_BLOCK_MIN);
    assert_non_null(grown);
    assert_memory_equal(grown, "abcdefgh", 8);
    assert_int_equal(heap.live_blocks, 2);
    heap.fail_at = heap.calls + 1;
    assert_null(arena_grow(&arena, grown, ARENA_BLOCK_MIN, 100000));
    assert_memory_equal(grown, "abcdefgh", 8);
    arena_check(&arena);
    arena_test_end(&heap, &arena);
}

static void test_arena__grow_from_nothing(void **state)
{
    (void)state;
    struct test_heap heap;
    grpc_arena arena;
    arena_test_begin(&heap, &arena);
    char *text = arena_grow(&arena, NULL, 0, 3);
    assert_non_null(text);
    text = arena_grow(&arena, text, 3, 3);
    assert_non_null(text);
    arena_check(&arena);
    arena_test_end(&heap, &arena);
}

static void test_arena__copy_text_ends_with_nul(void **state)
{
    (void)state;
    struct test_heap heap;
    grpc_arena arena;
    arena_test_begin(&heap, &arena);
    assert_string_equal(arena_copy_text(&arena, VIEW("some text")),
                        "some text");
    assert_string_equal(arena_copy_text(&arena, view_of(NULL, 0)), "");
    heap.fail_at = heap.calls + 1;
    static const uint8_t much[ARENA_BLOCK_MIN];
    assert_null(arena_copy_text(&arena, view_of(much, sizeof much)));
    arena_test_end(&heap, &arena);
}

static void test_arena__reset_keeps_one_block(void **state)
{
    (void)state;
    struct test_heap heap;
    grpc_arena arena;
    arena_test_begin(&heap, &arena);
    assert_non_null(arena_alloc(&arena, 1000));
    assert_non_null(arena_alloc(&arena, 1500));
    assert_non_null(arena_alloc(&arena, 100000));
    assert_int_equal(heap.live_blocks, 3);
    // The newest that is small enough is the second one.
    arena_reset(&arena, 4096);
    arena_check(&arena);
    assert_int_equal(heap.live_blocks, 1);
    assert_int_equal(arena.held_bytes, 2048);
    size_t calls = heap.calls;
    assert_non_null(arena_alloc(&arena, 1500));
    assert_int_equal(heap.calls, calls);
    arena_reset(&arena, 2047);
    arena_check(&arena);
    assert_int_equal(heap.live_blocks, 0);
    arena_test_end(&heap, &arena);
}

// What has taken several blocks takes none the next time.
static void test_arena__reset_whole_keeps_room_for_all(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    grpc_arena arena = {.allocator = heap.allocator};
    arena_reset_whole(&arena, 1 << 20); // an empty one
    for (int round = 0; round < 4; round++) {
        size_t before = heap.calls;
        assert_non_null(arena_alloc(&arena, 100));
        assert_non_null(arena_alloc(&arena, 300000));
        assert_non_null(arena_alloc(&arena, 400000));
        assert_true(round == 0 || heap.calls == before);
        arena_reset_whole(&arena, 1 << 20);
        arena_check(&arena);
        assert_int_equal(heap.live_blocks, 1);
    }
    // More than is to be kept: as arena_reset.
    assert_non_null(arena_alloc(&arena, 1 << 20));
    arena_reset_whole(&arena, 1 << 20);
    arena_check(&arena);
    assert_int_equal(heap.live_blocks, 1);
    assert_true(heap.live_bytes < 1 << 20);
    // Without memory nothing is kept, and it can be used again.
    assert_non_null(arena_alloc(&arena, 1 << 18));
    assert_non_null(arena_alloc(&arena, 1 << 19));
    heap.fail_at = heap.calls + 1;
    arena_reset_whole(&arena, 2 << 20);
    arena_check(&arena);
    assert_int_equal(heap.live_blocks, 0);
    assert_non_null(arena_alloc(&arena, 100));
    arena_reset(&arena, 0);
    assert_true(test_heap_is_clean(&heap));
}

static void test_arena__limit_holds(void **state)
{
    (void)state;
    struct test_heap heap;
    grpc_arena arena;
    arena_test_begin(&heap, &arena);
    arena.limit_bytes = 1500;
    size_t got = 0;
    while (arena_alloc(&arena, 8) != NULL) {
        got += 8;
        arena_check(&arena);
    }
    assert_true(got > 1400 && got <= 1500);
    assert_true(arena.held_bytes <= 1500);
    assert_null(arena_alloc(&arena, 1));
    arena_reset(&arena, 0);
    assert_null(arena_alloc(&arena, 1500));
    assert_null(arena_alloc(&arena, SIZE_MAX / 2));
    assert_non_null(arena_alloc(&arena, 1400));
    arena_test_end(&heap, &arena);
}

static void test_arena__failures_leave_it_usable(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 5; n++) {
        struct test_heap heap;
        grpc_arena arena;
        arena_test_begin(&heap, &arena);
        heap.fail_at = n;
        size_t failures = 0;
        for (int i = 0; i < 200; i++) {
            char *block = arena_alloc(&arena, 40);
            if (block == NULL) {
                failures++;
            } else {
                memset(block, i, 40);
            }
            arena_check(&arena);
        }
        // 8,000 bytes take four blocks, of 1, 2, 4 and 8 KB.
        assert_int_equal(failures, n <= 4 ? 1 : 0);
        arena_test_end(&heap, &arena);
    }
}

static void test_arena__bind_keeps_the_first_allocator(void **state)
{
    (void)state;
    struct test_heap heap;
    struct test_heap other;
    grpc_arena arena;
    arena_test_begin(&heap, &arena);
    test_heap_init(&other);
    arena_bind(&arena, &other.allocator);
    assert_non_null(arena_alloc(&arena, 1));
    assert_int_equal(heap.calls, 1);
    assert_int_equal(other.calls, 0);
    arena_test_end(&heap, &arena);
}

static void test_arena__public_calls_accept_null_and_zero(void **state)
{
    (void)state;
    assert_null(grpc_arena_alloc(NULL, 1));
    grpc_arena_reset(NULL);
    grpc_arena_free(NULL);
    grpc_arena arena = {0};
    grpc_arena_reset(&arena);
    grpc_arena_free(&arena);
    char *block = grpc_arena_alloc(&arena, 10);
    assert_non_null(block);
    memset(block, 1, 10);
    grpc_arena_reset(&arena);
    assert_ptr_equal(grpc_arena_alloc(&arena, 10), block);
    grpc_arena_free(&arena);
    assert_int_equal(arena.held_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena__zero_holds_nothing),
        cmocka_unit_test(test_arena__allocations_are_aligned_and_apart),
        cmocka_unit_test(test_arena__blocks_double_up_to_the_largest),
        cmocka_unit_test(test_arena__large_allocation_has_a_block_of_its_size),
        cmocka_unit_test(test_arena__overflowing_sizes_fail),
        cmocka_unit_test(test_arena__zeroed_is_zero_after_use),
        cmocka_unit_test(test_arena__grow_in_place),
        cmocka_unit_test(test_arena__grow_copies_what_is_not_newest),
        cmocka_unit_test(test_arena__grow_copies_over_the_end_of_a_block),
        cmocka_unit_test(test_arena__grow_from_nothing),
        cmocka_unit_test(test_arena__copy_text_ends_with_nul),
        cmocka_unit_test(test_arena__reset_keeps_one_block),
        cmocka_unit_test(test_arena__reset_whole_keeps_room_for_all),
        cmocka_unit_test(test_arena__limit_holds),
        cmocka_unit_test(test_arena__failures_leave_it_usable),
        cmocka_unit_test(test_arena__bind_keeps_the_first_allocator),
        cmocka_unit_test(test_arena__public_calls_accept_null_and_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
