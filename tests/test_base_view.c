// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "base/view.h"

static void test_view__literal_has_no_nul(void **state)
{
    (void)state;
    struct view view = VIEW("abc");
    assert_int_equal(view.size, 3);
    assert_memory_equal(view.data, "abc", 3);
    assert_int_equal(VIEW("").size, 0);
    assert_int_equal(VIEW("a\0b").size, 3);
}

static void test_view__equal_compares_size_and_bytes(void **state)
{
    (void)state;
    const struct view none = view_of(NULL, 0);
    assert_true(view_equal(VIEW("abc"), VIEW("abc")));
    assert_false(view_equal(VIEW("abc"), VIEW("abd")));
    assert_false(view_equal(VIEW("abc"), VIEW("ab")));
    assert_false(view_equal(VIEW("a\0b"), VIEW("a\0c")));
    assert_true(view_equal(none, none));
    assert_true(view_equal(none, VIEW("")));
    assert_false(view_equal(none, VIEW("a")));
}

static void test_view__starts_with(void **state)
{
    (void)state;
    const struct view none = view_of(NULL, 0);
    assert_true(view_starts_with(VIEW("grpc-status"), VIEW("grpc-")));
    assert_true(view_starts_with(VIEW("grpc-"), VIEW("grpc-")));
    assert_false(view_starts_with(VIEW("grpc"), VIEW("grpc-")));
    assert_false(view_starts_with(VIEW("Grpc-status"), VIEW("grpc-")));
    assert_true(view_starts_with(VIEW("x"), none));
    assert_true(view_starts_with(none, none));
    assert_false(view_starts_with(none, VIEW("x")));
}

static void test_view__skip_moves_the_start(void **state)
{
    (void)state;
    struct view view = VIEW("abcdef");
    const uint8_t *start = view.data;
    view = view_skip(view, 0);
    assert_ptr_equal(view.data, start);
    assert_int_equal(view.size, 6);
    view = view_skip(view, 4);
    assert_true(view_equal(view, VIEW("ef")));
    view = view_skip(view, 2);
    assert_ptr_equal(view.data, start + 6);
    assert_int_equal(view.size, 0);
}

static void test_view__skip_of_nothing_in_nothing(void **state)
{
    (void)state;
    struct view view = view_skip(view_of(NULL, 0), 0);
    assert_null(view.data);
    assert_int_equal(view.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_view__literal_has_no_nul),
        cmocka_unit_test(test_view__equal_compares_size_and_bytes),
        cmocka_unit_test(test_view__starts_with),
        cmocka_unit_test(test_view__skip_moves_the_start),
        cmocka_unit_test(test_view__skip_of_nothing_in_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
