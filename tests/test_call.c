// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/call.h"
#include "core/send.h"
#include "tests/core_kit.h"

static struct test_heap call_heap;

static grpc_loop *call_loop(void)
{
    test_heap_init(&call_heap);
    return kit_loop(&call_heap, NULL);
}

static void call_loop_end(grpc_loop *loop)
{
    assert_int_equal(loop->calls.taken, 0);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
    assert_true(test_heap_is_clean(&call_heap));
}

// call_encode_hello encodes as a client's call would.
static grpc_result call_encode_hello(grpc_loop *loop,
                                     const struct kit_hello *message,
                                     struct view *bytes, const char **reason)
{
    static const struct intercept_chain chain;
    size_t fail_at = call_heap.fail_at;
    call_heap.fail_at = 0;
    struct grpc_call *call = call_new(loop, &kit_methods[0], 100);
    call_heap.fail_at = fail_at == 0 ? 0 : call_heap.calls + 1;
    assert_non_null(call);
    call->chain = &chain;
    call->max_send_bytes = UINT32_MAX;
    grpc_result result = send_encode(call, message, bytes, reason);
    call_release(call);
    return result;
}

static void test_call__encode(void **state)
{
    grpc_loop *loop = call_loop();
    struct kit_hello message = {.name = GRPC_STR("bob")};
    struct view bytes;
    const char *reason = "";
    (void)state;
    assert_int_equal(call_encode_hello(loop, &message, &bytes, &reason),
                     GRPC_OK);
    assert_int_equal(bytes.size, 10);
    assert_memory_equal(bytes.data, "\0\0\0\0\5\x0a\3bob", 10);
    // The buffer is used again: no more memory.
    size_t calls = call_heap.calls;
    message.name = GRPC_STR("");
    assert_int_equal(call_encode_hello(loop, &message, &bytes, &reason),
                     GRPC_OK);
    assert_int_equal(bytes.size, 5);
    assert_memory_equal(bytes.data, "\0\0\0\0\0", 5);
    assert_int_equal(call_heap.calls, calls);
    message.name = GRPC_STR("\xff");
    assert_int_equal(call_encode_hello(loop, &message, &bytes, &reason),
                     GRPC_EINVAL);
    assert_string_equal(reason, "a string is not UTF-8");
    call_loop_end(loop);
}

static void test_call__encode_without_memory(void **state)
{
    grpc_loop *loop = call_loop();
    struct kit_hello message = {.name = GRPC_STR("bob")};
    struct view bytes;
    const char *reason = "";
    (void)state;
    call_heap.fail_at = call_heap.calls + 1;
    assert_int_equal(call_encode_hello(loop, &message, &bytes, &reason),
                     GRPC_ENOMEM);
    assert_string_equal(reason, "out of memory");
    call_heap.fail_at = 0;
    assert_int_equal(call_encode_hello(loop, &message, &bytes, &reason),
                     GRPC_OK);
    call_loop_end(loop);
}

// A call that is given back keeps a small block for the next one, and nothing
// of what it was.
static void test_call__is_recycled(void **state)
{
    grpc_loop *loop = call_loop();
    (void)state;
    struct grpc_call *call = call_new(loop, &kit_methods[0], 100);
    assert_non_null(call);
    assert_int_equal(call->state, CALL_NEW);
    assert_non_null(grpc_call_alloc(call, 100));
    call_set_text(call, "text %d", 1);
    call->wait_for_ready = true;
    call->over = true;
    call_release(call);
    size_t calls = call_heap.calls;
    struct grpc_call *again = call_new(loop, &kit_methods[1], 100);
    assert_ptr_equal(again, call);
    assert_non_null(grpc_call_alloc(again, 100));
    assert_int_equal(call_heap.calls, calls);
    assert_string_equal(again->text, "");
    assert_int_equal(again->text_size, 0);
    assert_false(again->wait_for_ready);
    assert_false(again->over);
    assert_string_equal(grpc_call_method(again), "/kit.Greeter/Missing");
    assert_int_equal(grpc_call_time_left_ms(again), -1);
    // A large one is given back.
    size_t held = call_heap.live_bytes;
    assert_non_null(grpc_call_alloc(again, 100000));
    assert_true(call_heap.live_bytes > held + 100000);
    call_release(again);
    assert_true(call_heap.live_bytes <= held + CORE_CALL_KEEP_BYTES);
    call_loop_end(loop);
}

static void test_call__memory(void **state)
{
    grpc_loop *loop = call_loop();
    (void)state;
    struct grpc_call *call = call_new(loop, &kit_methods[0], 100);
    const char *zeroed = grpc_call_alloc(call, 64);
    for (size_t i = 0; i < 64; i++) {
        assert_int_equal(zeroed[i], 0);
    }
    assert_ptr_equal(grpc_call_arena(call), &call->arena);
    assert_ptr_equal(grpc_call_loop(call), loop);
    call_heap.fail_at = call_heap.calls + 1;
    assert_null(grpc_call_alloc(call, 100000));
    call_heap.fail_at = 0;
    call_release(call);
    call_heap.fail_at = call_heap.calls + 1;
    struct grpc_call *kept = call_new(loop, &kit_methods[0], 100);
    assert_non_null(kept); // from the slab
    assert_null(call_new(loop, &kit_methods[0], 100));
    call_heap.fail_at = 0;
    call_release(kept);
    call_loop_end(loop);
}

static void test_call__text(void **state)
{
    static char long_text[5000];
    grpc_loop *loop = call_loop();
    (void)state;
    struct grpc_call *call = call_new(loop, &kit_methods[0], 100);
    call_set_text(call, "%s=%d", "a", 5);
    assert_string_equal(call->text, "a=5");
    assert_int_equal(call->text_size, 3);
    memset(long_text, 'x', sizeof long_text - 1);
    call_set_text(call, "%s", long_text);
    assert_int_equal(call->text_size, CORE_MESSAGE_TEXT_BYTES - 1);
    assert_int_equal(strlen(call->text), CORE_MESSAGE_TEXT_BYTES - 1);
    call_heap.fail_at = call_heap.calls + 1;
    call_heap.fail_on = true;
    for (int i = 0; i < 10; i++) {
        call_set_text(call, "%s", long_text);
    }
    assert_string_equal(call->text, "out of memory");
    assert_int_equal(call->text_size, 13);
    call_heap.fail_at = 0;
    call_release(call);
    call_loop_end(loop);
}

static void test_call__deadline(void **state)
{
    grpc_loop *loop = call_loop();
    (void)state;
    struct grpc_call *call = call_new(loop, &kit_methods[0], 100);
    call_arm(call, 5000);
    assert_in_range(grpc_call_time_left_ms(call), 4990, 5000);
    // Far beyond what a clock counts: no overflow.
    call_arm(call, UINT64_MAX - 1);
    assert_true(grpc_call_time_left_ms(call) > INT64_C(1) << 60);
    call_arm(call, 0);
    assert_int_equal(grpc_call_time_left_ms(call), 0);
    assert_true(loop_timer_is_armed(&call->timer));
    call_release(call);
    assert_false(loop_timer_is_armed(&call->timer));
    call_loop_end(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call__encode),
        cmocka_unit_test(test_call__encode_without_memory),
        cmocka_unit_test(test_call__is_recycled),
        cmocka_unit_test(test_call__memory),
        cmocka_unit_test(test_call__text),
        cmocka_unit_test(test_call__deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
