// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "codec/pb_map.h"
#include "tests/pb_kit.h"

typedef struct sample_by_int32 number_entry;
typedef struct sample_by_string text_entry;

static void test_map__of_two_the_last_stays(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    number_entry entries[] = {{.key = 7, .value = 1}, {.key = 7, .value = 2}};
    struct pb_array map = {.data = entries, .count = 2};
    assert_int_equal(pb_map_unique(&arena, &map, &sample_by_int32_type),
                     GRPC_OK);
    assert_int_equal(map.count, 1);
    assert_int_equal(entries[0].value, 2);
    grpc_arena_free(&arena);
}

// map_model drops entries the slow way and compares with pb_map_unique.
static void map_compare_with_model(number_entry *entries, size_t count,
                                   grpc_arena *arena)
{
    number_entry *expected = malloc((count + 1) * sizeof *expected);
    assert_non_null(expected);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        size_t j = i + 1;
        while (j < count && entries[j].key != entries[i].key) {
            j++;
        }
        if (j == count) {
            expected[kept++] = entries[i];
        }
    }
    struct pb_array map = {.data = entries, .count = count};
    assert_int_equal(pb_map_unique(arena, &map, &sample_by_int32_type),
                     GRPC_OK);
    assert_int_equal(map.count, kept);
    assert_memory_equal(entries, expected, kept * sizeof *expected);
    free(expected);
}

static void test_map__numbers_agree_with_the_slow_way(void **state)
{
    (void)state;
    uint64_t seed = 5;
    number_entry entries[300];
    for (int round = 0; round < 2000; round++) {
        grpc_arena arena = {.cursor = NULL};
        size_t count = test_random(&seed) % (round % 20 == 0 ? 300 : 40);
        uint32_t keys = 1 + test_random(&seed) % 60;
        for (size_t i = 0; i < count; i++) {
            entries[i].key = (int32_t)(test_random(&seed) % keys) - 20;
            entries[i].value = (int32_t)i;
        }
        map_compare_with_model(entries, count, &arena);
        grpc_arena_free(&arena);
    }
}

static void test_map__text_keys_of_any_length(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    static char keys[40][48];
    text_entry entries[160];
    for (size_t i = 0; i < 160; i++) {
        size_t k = i * 7 % 40;
        memset(keys[k], 'k', 47);
        keys[k][k / 2] = k % 2 == 0 ? 'a' : '\0';
        entries[i] = (text_entry){
            .key = {.data = keys[k], .size = k},
            .value = {.data = "v", .size = i},
        };
    }
    struct pb_array map = {.data = entries, .count = 160};
    assert_int_equal(pb_map_unique(&arena, &map, &sample_by_string_type),
                     GRPC_OK);
    // 40 keys of 40 lengths; the last 40 entries have each of them once.
    assert_int_equal(map.count, 40);
    for (size_t i = 0; i < 40; i++) {
        assert_int_equal(entries[i].value.size, 120 + i);
    }
    grpc_arena_free(&arena);
}

static void test_map__ascending_keys_need_no_memory(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    grpc_arena arena = {.allocator = heap.allocator};
    number_entry entries[100];
    for (int i = 0; i < 100; i++) {
        entries[i] = (number_entry){.key = i, .value = i};
    }
    struct pb_array map = {.data = entries, .count = 100};
    assert_int_equal(pb_map_unique(&arena, &map, &sample_by_int32_type),
                     GRPC_OK);
    assert_int_equal(map.count, 100);
    assert_int_equal(heap.calls, 0);
}

static void test_map__scratch_memory_is_given_back(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    char *before = grpc_arena_alloc(&arena, 8);
    number_entry entries[50];
    for (int i = 0; i < 50; i++) {
        entries[i] = (number_entry){.key = -i, .value = i};
    }
    struct pb_array map = {.data = entries, .count = 50};
    assert_int_equal(pb_map_unique(&arena, &map, &sample_by_int32_type),
                     GRPC_OK);
    assert_int_equal(map.count, 50);
    assert_ptr_equal(grpc_arena_alloc(&arena, 8), before + 8);
    grpc_arena_free(&arena);
}

static void test_map__without_memory_it_stays_as_it_was(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    heap.fail_at = 1;
    grpc_arena arena = {.allocator = heap.allocator};
    number_entry entries[20];
    for (int i = 0; i < 20; i++) {
        entries[i] = (number_entry){.key = 3, .value = i};
    }
    struct pb_array map = {.data = entries, .count = 20};
    assert_int_equal(pb_map_unique(&arena, &map, &sample_by_int32_type),
                     GRPC_ENOMEM);
    assert_int_equal(map.count, 20);
    assert_int_equal(entries[0].value, 0);
    arena.limit_bytes = 100;
    assert_int_equal(pb_map_unique(&arena, &map, &sample_by_int32_type),
                     GRPC_ELIMIT);
    assert_true(test_heap_is_clean(&heap));
}

// Sorted, reversed, organ pipes, all the same: none may be slow. Quadratic work
// on so many entries would take minutes.
static void test_map__has_no_bad_order(void **state)
{
    (void)state;
    enum { MANY = 200000 };
    grpc_arena arena = {.cursor = NULL};
    number_entry *entries = malloc(MANY * sizeof *entries);
    assert_non_null(entries);
    for (int order = 0; order < 4; order++) {
        for (int i = 0; i < MANY; i++) {
            int key = order == 0   ? MANY - i
                      : order == 1 ? (i < MANY / 2 ? i : MANY - i)
                      : order == 2 ? 1
                                   : i % 1000;
            entries[i] = (number_entry){.key = key, .value = i};
        }
        struct pb_array map = {.data = entries, .count = MANY};
        assert_int_equal(pb_map_unique(&arena, &map, &sample_by_int32_type),
                         GRPC_OK);
        static const size_t left[] = {MANY, MANY / 2 + 1, 1, 1000};
        assert_int_equal(map.count, left[order]);
        assert_int_equal(entries[map.count - 1].value, MANY - 1);
    }
    free(entries);
    grpc_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map__of_two_the_last_stays),
        cmocka_unit_test(test_map__numbers_agree_with_the_slow_way),
        cmocka_unit_test(test_map__text_keys_of_any_length),
        cmocka_unit_test(test_map__ascending_keys_need_no_memory),
        cmocka_unit_test(test_map__scratch_memory_is_given_back),
        cmocka_unit_test(test_map__without_memory_it_stays_as_it_was),
        cmocka_unit_test(test_map__has_no_bad_order),
    };
    return cmocka_run_group_tests_name("pb_map", tests, NULL, NULL);
}
