// SPDX-License-Identifier: MIT
// Mistakes in streams that the simulation and the sweep of allocations found.

#include "tests/unit.h"

#include "core/stream.h"
#include "tests/stream_kit.h"

static void stream_hears_empty(grpc_call *call, struct sk *sk)
{
    grpc_str value;
    assert_true(grpc_call_header(call, "trace-bin", &value));
    assert_int_equal(value.size, 0);
    sk->received++;
    assert_int_equal(grpc_call_finish(call, GRPC_OK, NULL), GRPC_OK);
}

// Of a binary value, size 0 is no byte, in whatever case its key is written.
static void test_stream__empty_binary_metadata(void **state)
{
    struct sk *sk = sk_new();
    (void)state;
    sk->act = stream_hears_empty;
    (void)sk_start_talk(
        sk, &(grpc_call_options){
                .metadata = GRPC_METADATA({"Trace-Bin", "not to be read", 0})});
    sk_wait_end(sk, 1);
    assert_int_equal(sk->received, 1);
    assert_int_equal(sk->code, GRPC_OK);
    sk_free(sk);
}

static void stream_says_two(grpc_call *call, struct sk *sk)
{
    for (int32_t i = 0; i < 2; i++) {
        assert_int_equal(
            stream_Streams_Talk_send_reply(
                call, &(stream_Text){.text = GRPC_STR("early"), .number = i}),
            GRPC_OK);
    }
    sk->received++;
    assert_int_equal(grpc_call_finish(call, GRPC_OK, NULL), GRPC_OK);
}

// A server that ends the call before its requests have resets the stream. A
// client that has paused still gets what stood before that.
static void test_stream__reset_behind_the_status_of_a_paused_call(void **state)
{
    struct sk *sk = sk_new();
    (void)state;
    sk->act = stream_says_two;
    grpc_call *call = sk_start_talk(sk, NULL);
    grpc_call_pause(call);
    kit_wait(sk->loop, &sk->received, 1);
    kit_turn(sk->loop);
    assert_string_equal(sk->log.text, "headers ");
    grpc_call_resume(call);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "headers early:0 early:1 OK ");
    sk_free(sk);
}

static void stream_replies_wrongly(grpc_call *call, void *self)
{
    (void)self;
    assert_int_equal(grpc_call_reply(call, NULL), GRPC_EINVAL);
    assert_int_equal(grpc_call_reply(call, NULL), GRPC_ESTATE);
}

// A client's interceptor whose reply cannot be had ends its call, as a handler
// does.
static void test_stream__interceptor_replies_wrongly(void **state)
{
    static const grpc_interceptor interceptor = {.start =
                                                     stream_replies_wrongly};
    struct sk *sk =
        sk_new_with(&(grpc_server_options){.max_connections = 0},
                    &(grpc_channel_options){
                        .interceptors = GRPC_INTERCEPTORS(&interceptor)});
    (void)state;
    assert_non_null(stream_Streams_Collect_start(sk->channel,
                                                 &sk_collect_events, sk, NULL));
    sk_wait_end(sk, 1);
    assert_int_equal(sk->code, GRPC_INTERNAL);
    assert_string_equal(sk->text,
                        "grpc: error marshalling response: it is NULL");
    assert_int_equal(sk->handled, 0);
    sk_free(sk);
}

// A channel that there is no memory for is none.
static void test_stream__no_memory_for_interceptors(void **state)
{
    static const grpc_interceptor interceptor = {.start = NULL};
    struct sk *sk = sk_new();
    (void)state;
    size_t blocks = sk->heap.live_blocks;
    sk->heap.fail_at = sk->heap.calls + 2; // behind the channel itself
    assert_null(grpc_channel_new(
        "localhost:1", &(grpc_channel_options){
                           .loop = sk->loop,
                           .interceptors = GRPC_INTERCEPTORS(&interceptor)}));
    assert_int_equal(sk->heap.live_blocks, blocks);
    sk_free(sk);
}

static void stream_sends_garbage(grpc_call *call, const stream_Text *request,
                                 struct sk *sk)
{
    (void)request;
    (void)sk;
    (void)grpc_call_send_bytes(call, GRPC_STR("\xff"), NULL, NULL);
    (void)grpc_call_finish(call, GRPC_OK, NULL);
}

// A message that cannot be decoded is not given.
static void test_stream__next_is_not_garbage(void **state)
{
    struct sk *sk = sk_new();
    grpc_arena arena = {0};
    const stream_Text *reply;
    (void)state;
    sk->act_on = stream_sends_garbage;
    grpc_call *call = stream_Streams_Many_call(
        sk->channel, &arena, &(stream_Text){.number = 1}, NULL);
    assert_int_equal(stream_Streams_Many_next(call, &reply), GRPC_OK);
    assert_null(reply);
    assert_int_equal(grpc_call_end(call).code, GRPC_INTERNAL);
    grpc_arena_free(&arena);
    sk_free(sk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream__empty_binary_metadata),
        cmocka_unit_test(test_stream__reset_behind_the_status_of_a_paused_call),
        cmocka_unit_test(test_stream__interceptor_replies_wrongly),
        cmocka_unit_test(test_stream__no_memory_for_interceptors),
        cmocka_unit_test(test_stream__next_is_not_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
