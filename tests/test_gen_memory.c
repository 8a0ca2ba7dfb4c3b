// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "gen/gen_memory.h"

static void test_gen_alloc__is_zeroed_and_aligned(void **state)
{
    struct gen_memory memory = {0};
    static const size_t sizes[] = {0, 1, 3, 17, 4000, 65536, 200000, 5};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned char *bytes = gen_alloc(&memory, sizes[i]);
        assert_non_null(bytes);
        assert_int_equal((uintptr_t)bytes % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < sizes[i]; k++) {
            assert_int_equal(bytes[k], 0);
            bytes[k] = 0xff;
        }
    }
    gen_memory_free(&memory);
    assert_null(memory.newest);
}

static void test_gen_copy__adds_a_nul(void **state)
{
    struct gen_memory memory = {0};
    (void)state;
    assert_string_equal(gen_copy(&memory, "abcdef", 3), "abc");
    assert_string_equal(gen_copy(&memory, NULL, 0), "");
    assert_string_equal(gen_print(&memory, "%s-%d", "a", 7), "a-7");
    gen_memory_free(&memory);
}

static void test_gen_buffer__grows(void **state)
{
    struct gen_memory memory = {0};
    struct gen_buffer buffer = {&memory, NULL, 0, 0};
    (void)state;
    for (int i = 0; i < 1000; i++) {
        gen_buffer_add(&buffer, "abc", 3);
        gen_buffer_print(&buffer, "%03d", i);
    }
    assert_int_equal(buffer.size, 6000);
    assert_int_equal(strlen(buffer.data), 6000);
    assert_memory_equal(buffer.data + 5994, "abc999", 6);
    gen_buffer_add(&buffer, NULL, 0);
    assert_int_equal(buffer.size, 6000);
    gen_buffer_free(&buffer);
    assert_null(buffer.data);
    gen_memory_free(&memory);
}

static void test_gen_map__finds_what_was_added(void **state)
{
    struct gen_memory memory = {0};
    struct gen_map map = {NULL, 0, 0};
    int values[500];
    (void)state;
    assert_null(gen_map_find(&map, "a", 1));
    for (int i = 0; i < 500; i++) {
        const char *key = gen_print(&memory, "key%d", i);
        values[i] = i;
        assert_null(gen_map_add(&memory, &map, key, strlen(key), &values[i]));
    }
    assert_int_equal(map.count, 500);
    for (int i = 0; i < 500; i++) {
        const char *key = gen_print(&memory, "key%d", i);
        assert_ptr_equal(gen_map_find(&map, key, strlen(key)), &values[i]);
    }
    assert_null(gen_map_find(&map, "key", 3));
    gen_memory_free(&memory);
}

static void test_gen_map__keeps_the_first_value(void **state)
{
    struct gen_memory memory = {0};
    struct gen_map map = {NULL, 0, 0};
    int one = 1;
    int two = 2;
    (void)state;
    assert_null(gen_map_add(&memory, &map, "ab", 2, &one));
    assert_ptr_equal(gen_map_add(&memory, &map, "ab", 2, &two), &one);
    assert_ptr_equal(gen_map_find(&map, "abc", 2), &one);
    assert_null(gen_map_find(&map, "ab", 1));
    gen_memory_free(&memory);
}

static void test_gen_hash__is_fnv1a(void **state)
{
    (void)state;
    assert_int_equal(gen_hash("", 0), 0x811c9dc5U);
    assert_int_equal(gen_hash("a", 1), 0xe40c292cU);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gen_alloc__is_zeroed_and_aligned),
        cmocka_unit_test(test_gen_copy__adds_a_nul),
        cmocka_unit_test(test_gen_buffer__grows),
        cmocka_unit_test(test_gen_map__finds_what_was_added),
        cmocka_unit_test(test_gen_map__keeps_the_first_value),
        cmocka_unit_test(test_gen_hash__is_fnv1a),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
