// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "tests/core_kit.h"

static void test_values__version(void **state)
{
    (void)state;
    assert_string_equal(grpc_version(), GRPC_VERSION);
    unsigned major, minor, patch;
    assert_int_equal(sscanf(GRPC_VERSION, "%u.%u.%u", &major, &minor, &patch),
                     3);
    assert_int_equal(GRPC_VERSION_NUM, major << 16 | minor << 8 | patch);
}

static void test_values__features(void **state)
{
    unsigned features = grpc_features();
    (void)state;
    assert_int_equal(features & ~127u, 0);
    assert_true((features & GRPC_FEATURE_POLL) != 0);
    static const struct {
        const char *name;
        unsigned feature;
    } backends[] = {
        {"epoll", GRPC_FEATURE_EPOLL},
        {"kqueue", GRPC_FEATURE_KQUEUE},
        {"poll", GRPC_FEATURE_POLL},
    };
    for (int i = 0; i < 3; i++) {
        grpc_loop *loop =
            grpc_loop_new(&(grpc_loop_options){.backend = backends[i].name});
        assert_int_equal(loop != NULL, (features & backends[i].feature) != 0);
        assert_int_equal(grpc_loop_free(loop), GRPC_OK);
    }
#if defined(__linux__)
    assert_true((features & GRPC_FEATURE_VSOCK) != 0);
#endif
#if defined(GRPC_WITH_MBEDTLS)
    assert_true((features & GRPC_FEATURE_TLS) != 0);
#else
    assert_int_equal(features & GRPC_FEATURE_TLS, 0);
#endif
}

static void test_values__str(void **state)
{
    static const char text[] = "text";
    (void)state;
    assert_ptr_equal(grpc_str_z(text).data, text);
    assert_int_equal(grpc_str_z(text).size, 4);
    assert_int_equal(grpc_str_z("").size, 0);
    assert_int_equal(grpc_str_z(NULL).size, 0);
    assert_non_null(grpc_str_z(NULL).data);
    assert_int_equal(GRPC_STR("a\0b").size, 3);
    char out[16];
    (void)snprintf(out, sizeof out, "<%.*s%.*s>", GRPC_STR_ARG(GRPC_STR("x")),
                   GRPC_STR_ARG(((grpc_str){NULL, 0})));
    assert_string_equal(out, "<x>");
}

static void test_values__arena_printf(void **state)
{
    struct test_heap heap;
    char long_text[1000];
    (void)state;
    test_heap_init(&heap);
    grpc_arena arena = {.allocator = heap.allocator};
    grpc_str text = grpc_arena_printf(&arena, "%s-%d", "a", 7);
    assert_int_equal(text.size, 3);
    assert_string_equal(text.data, "a-7");
    text = grpc_arena_printf(&arena, "%s", "");
    assert_int_equal(text.size, 0);
    assert_string_equal(text.data, "");
    // On either side of the buffer that most texts fit in.
    for (size_t size = 250; size < 260; size++) {
        memset(long_text, 'x', size);
        long_text[size] = '\0';
        text = grpc_arena_printf(&arena, "%s", long_text);
        assert_int_equal(text.size, size);
        assert_string_equal(text.data, long_text);
    }
    assert_null(grpc_arena_printf(NULL, "x").data);
    grpc_arena_free(&arena);
    heap.fail_at = heap.calls + 1;
    text = grpc_arena_printf(&arena, "x");
    assert_null(text.data);
    assert_int_equal(text.size, 0);
    grpc_arena_free(&arena);
    assert_true(test_heap_is_clean(&heap));
}

// Any limit of an arena, and so any rest of its last block.
static void test_values__arena_printf_at_the_limit(void **state)
{
    (void)state;
    for (size_t limit = 60; limit < 130; limit++) {
        struct test_heap heap;
        test_heap_init(&heap);
        grpc_arena arena = {.allocator = heap.allocator, .limit_bytes = limit};
        for (;;) {
            grpc_str text = grpc_arena_printf(&arena, "%s", "twelve bytes");
            if (text.data == NULL) {
                break;
            }
            assert_int_equal(text.size, 12);
            assert_string_equal(text.data, "twelve bytes");
            assert_true(heap.live_bytes <= limit);
        }
        // And where one more block may follow.
        grpc_arena_reset(&arena);
        arena.limit_bytes = 0;
        for (int i = 0; i < 20; i++) {
            grpc_str text = grpc_arena_printf(&arena, "%s", "twelve bytes");
            assert_string_equal(text.data, "twelve bytes");
        }
        grpc_arena_free(&arena);
        assert_true(test_heap_is_clean(&heap));
    }
}

static void values_look(grpc_call *call, struct kit_greeter *greeter)
{
    assert_string_equal(grpc_call_peer(call), "unix:");
    assert_string_equal(grpc_call_method(call), "/kit.Greeter/Say");
    grpc_str text = grpc_call_printf(call, "%s!", greeter->name);
    assert_string_equal(text.data, "bob!");
    struct kit_hello reply = {.name = text};
    assert_int_equal(grpc_call_reply(call, &reply), GRPC_OK);
}

static void test_values__of_a_call(void **state)
{
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    (void)state;
    bench->greeter.act = values_look;
    kit_headers(&bench->peer, 1, false, KIT_REQUEST);
    kit_message(&bench->peer, 1, true, "bob");
    kit_turn(bench->loop);
    assert_int_equal(bench->greeter.handled, 1);
    kit_bench_end(bench);
}

static void test_values__null(void **state)
{
    (void)state;
    assert_string_equal(grpc_call_peer(NULL), "");
    assert_string_equal(grpc_call_method(NULL), "");
    assert_null(grpc_call_printf(NULL, "x").data);
    assert_null(grpc_call_arena(NULL));
    assert_null(grpc_call_alloc(NULL, 4));
    assert_null(grpc_call_loop(NULL));
    assert_true(grpc_call_is_over(NULL));
    assert_int_equal(grpc_call_time_left_ms(NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values__version),
        cmocka_unit_test(test_values__features),
        cmocka_unit_test(test_values__str),
        cmocka_unit_test(test_values__arena_printf),
        cmocka_unit_test(test_values__arena_printf_at_the_limit),
        cmocka_unit_test(test_values__of_a_call),
        cmocka_unit_test(test_values__null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
