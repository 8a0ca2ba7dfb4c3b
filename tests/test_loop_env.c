// SPDX-License-Identifier: MIT

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include "tests/unit.h"

#include "loop/loop_env.h"

// env_set has four variables, NULL: not set.
static void env_set(const char *https_proxy, const char *small_https_proxy,
                    const char *no_proxy, const char *small_no_proxy)
{
    static const char *const names[] = {"HTTPS_PROXY", "https_proxy",
                                        "NO_PROXY", "no_proxy"};
    const char *values[] = {https_proxy, small_https_proxy, no_proxy,
                            small_no_proxy};
    for (size_t i = 0; i < 4; i++) {
        if (values[i] == NULL) {
            assert_int_equal(unsetenv(names[i]), 0);
        } else {
            assert_int_equal(setenv(names[i], values[i], 1), 0);
        }
    }
}

static void env_expect(const char *https_proxy, const char *no_proxy)
{
    struct test_heap heap;
    struct loop_env env;
    test_heap_init(&heap);
    assert_true(loop_env_init(&env, &heap.allocator));
    const char *found[] = {env.https_proxy, env.no_proxy};
    const char *expected[] = {https_proxy, no_proxy};
    for (size_t i = 0; i < 2; i++) {
        if (expected[i] == NULL) {
            assert_null(found[i]);
        } else {
            assert_non_null(found[i]);
            assert_string_equal(found[i], expected[i]);
        }
    }
    loop_env_fini(&env, &heap.allocator);
    assert_null(env.https_proxy);
    assert_null(env.no_proxy);
    assert_true(test_heap_is_clean(&heap));
}

static void test_loop_env__large_letters_come_first(void **state)
{
    (void)state;
    env_set(NULL, NULL, NULL, NULL);
    env_expect(NULL, NULL);
    env_set("a", "b", "c", "d");
    env_expect("a", "c");
    env_set(NULL, "b", NULL, "d");
    env_expect("b", "d");
    env_set("a", NULL, NULL, NULL);
    env_expect("a", NULL);
    // An empty one is as if it were not set.
    env_set("", "b", "", "");
    env_expect("b", NULL);
    env_set(NULL, NULL, NULL, NULL);
}

// What was read stays when the program changes its environment.
static void test_loop_env__is_a_copy(void **state)
{
    struct test_heap heap;
    struct loop_env env;
    (void)state;
    test_heap_init(&heap);
    env_set("http://one", NULL, "two", NULL);
    assert_true(loop_env_init(&env, &heap.allocator));
    env_set("http://ONE", NULL, "TWO", NULL);
    assert_string_equal(env.https_proxy, "http://one");
    assert_string_equal(env.no_proxy, "two");
    loop_env_fini(&env, &heap.allocator);
    assert_true(test_heap_is_clean(&heap));
    env_set(NULL, NULL, NULL, NULL);
}

static void test_loop_env__no_memory(void **state)
{
    (void)state;
    env_set("a", NULL, NULL, "d");
    for (size_t fail_at = 1; fail_at <= 2; fail_at++) {
        struct test_heap heap;
        struct loop_env env;
        test_heap_init(&heap);
        heap.fail_at = fail_at;
        assert_false(loop_env_init(&env, &heap.allocator));
        assert_null(env.https_proxy);
        assert_null(env.no_proxy);
        assert_true(test_heap_is_clean(&heap));
    }
    env_set(NULL, NULL, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loop_env__large_letters_come_first),
        cmocka_unit_test(test_loop_env__is_a_copy),
        cmocka_unit_test(test_loop_env__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
