// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/blocking.h"
#include "tests/stream_kit.h"

static void blocking_hold(grpc_call *call, struct sk *sk)
{
    (void)call;
    (void)sk;
}

// ---- The end ----------------------------------------------------------------

static void blocking_fail(grpc_call *call, const stream_Text *request,
                          struct sk *sk)
{
    (void)sk;
    assert_int_equal(
        grpc_call_fail_with(
            call, GRPC_NOT_FOUND, "no such text",
            GRPC_DETAILS(GRPC_DETAIL(
                stream_Number, &(stream_Number){.value = request->number}))),
        GRPC_OK);
}

// The message and the details live in the arena, when the call and the channel
// are gone.
static void test_blocking__status_outlives_the_call(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    grpc_arena arena = {0};
    sk->act_on = blocking_fail;
    grpc_call *call = stream_Streams_Many_call(
        sk->channel, &arena, &(stream_Text){.number = 77}, NULL);
    const stream_Text *reply;
    assert_int_equal(stream_Streams_Many_next(call, &reply), GRPC_OK);
    assert_null(reply);
    grpc_status status = grpc_call_end(call);
    grpc_channel_free(sk->channel);
    sk->channel = NULL;
    assert_int_equal(status.code, GRPC_NOT_FOUND);
    assert_string_equal(status.message, "no such text");
    assert_int_equal(status.message_size, 12);
    stream_Number number;
    assert_int_equal(
        grpc_status_detail(&status, &stream_Number_message, 0, &arena, &number),
        GRPC_OK);
    assert_int_equal(number.value, 77);
    grpc_arena_free(&arena);
    sk_free(sk);
}

// Who has not closed the requests, or not read all replies, gets CANCELLED.
static void test_blocking__end_cancels_what_is_not_over(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    grpc_arena arena = {0};
    const stream_Text *reply;
    grpc_call *call = stream_Streams_Talk_call(sk->channel, &arena, NULL);
    assert_int_equal(sk_say(call, "x", 1), GRPC_OK);
    assert_int_equal(grpc_call_end(call).code, GRPC_CANCELLED);

    call = stream_Streams_Talk_call(sk->channel, &arena, NULL);
    assert_int_equal(sk_say(call, "x", 1), GRPC_OK);
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    assert_int_equal(grpc_call_end(call).code, GRPC_CANCELLED);

    call = stream_Streams_Talk_call(sk->channel, &arena, NULL);
    assert_int_equal(sk_say(call, "x", 1), GRPC_OK);
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    assert_int_equal(stream_Streams_Talk_next(call, &reply), GRPC_MORE);
    // All messages were read, though the end was not asked for.
    assert_int_equal(grpc_call_end(call).code, GRPC_OK);
    kit_turn(sk->loop);
    grpc_arena_free(&arena);
    sk_free(sk);
}

static void test_blocking__end_of_the_wrong_calls(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    grpc_arena arena = {0};
    const void *message;
    stream_Text reply;
    sk->act = blocking_hold;
    grpc_status status = grpc_call_end(NULL);
    assert_int_equal(status.code, GRPC_FAILED_PRECONDITION);
    assert_non_null(strstr(status.message, "there is no call"));
    grpc_call *call = sk_start_talk(sk, NULL);
    status = grpc_call_end(call);
    assert_int_equal(status.code, GRPC_FAILED_PRECONDITION);
    assert_non_null(strstr(status.message, "not one that is waited for"));
    assert_int_equal(grpc_call_next(call, &message), GRPC_ESTATE);
    assert_int_equal(grpc_call_next(call, NULL), GRPC_EINVAL);
    assert_int_equal(grpc_call_next(NULL, &message), GRPC_EINVAL);
    grpc_cancel(call);
    sk_wait_end(sk, 1);
    // A reply that is streamed is not waited for with M_end.
    sk->act = NULL;
    call = stream_Streams_Talk_call(sk->channel, &arena, NULL);
    assert_int_equal(grpc_call_end_with(call, &reply).code, GRPC_CANCELLED);
    call = stream_Streams_Collect_call(sk->channel, &arena, NULL);
    assert_int_equal(grpc_call_end_with(call, NULL).code,
                     GRPC_FAILED_PRECONDITION);
    assert_int_equal(grpc_call_next(call, &message), GRPC_ESTATE);
    assert_int_equal(stream_Streams_Collect_end(call, &reply).code, GRPC_OK);
    assert_null(stream_Streams_Talk_call(NULL, &arena, NULL));
    assert_null(stream_Streams_Talk_call(sk->channel, NULL, NULL));
    call = stream_Streams_Many_call(sk->channel, &arena, NULL, NULL);
    assert_int_equal(grpc_call_end(call).code, GRPC_INVALID_ARGUMENT);
    grpc_arena_free(&arena);
    sk_free(sk);
}

// ---- While others are at work -----------------------------------------------

// Two calls that are waited for, and one with callbacks, on one channel.
static void test_blocking__calls_side_by_side(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    grpc_arena first_arena = {0};
    grpc_arena second_arena = {0};
    const stream_Text *reply;
    grpc_call *first =
        stream_Streams_Talk_call(sk->channel, &first_arena, NULL);
    grpc_call *second = stream_Streams_Many_call(
        sk->channel, &second_arena, &(stream_Text){.number = 50}, NULL);
    (void)sk_start_many(sk, 1, NULL);
    for (int32_t i = 0; i < 50; i++) {
        const stream_Text *other;
        assert_int_equal(sk_say(first, "x", i), GRPC_OK);
        assert_int_equal(stream_Streams_Talk_next(first, &reply), GRPC_MORE);
        assert_int_equal(stream_Streams_Many_next(second, &other), GRPC_MORE);
        assert_int_equal(reply->number, i); // it is still there
        assert_int_equal(other->number, i);
    }
    assert_int_equal(sk->ended, 1);
    assert_int_equal(grpc_call_half_close(first), GRPC_OK);
    assert_int_equal(grpc_call_end(first).code, GRPC_OK);
    assert_int_equal(grpc_call_end(second).code, GRPC_OK);
    grpc_arena_free(&first_arena);
    grpc_arena_free(&second_arena);
    sk_free(sk);
}

// A send that finds no room waits for it: nothing else is done by the caller.
static void test_blocking__send_waits_for_room(void **state)
{
    (void)state;
    static char bytes[50000];
    struct sk *sk = sk_new();
    grpc_arena arena = {0};
    stream_Text reply;
    grpc_call *call = stream_Streams_Collect_call(sk->channel, &arena, NULL);
    const stream_Text big = {.data = {bytes, sizeof bytes}};
    for (int i = 0; i < 100; i++) {
        assert_int_equal(stream_Streams_Collect_send(call, &big), GRPC_OK);
    }
    for (int i = 0; i < 100; i++) {
        assert_int_equal(
            grpc_call_send_bytes(call, GRPC_STR("\x18\x01"), NULL, NULL),
            GRPC_OK);
    }
    assert_int_equal(stream_Streams_Collect_end(call, &reply).code, GRPC_OK);
    assert_int_equal(reply.number, 200);
    grpc_arena_free(&arena);
    sk_free(sk);
}

// The server ends the call while the client waits for room.
static void blocking_end_early(void *argument)
{
    struct sk *sk = argument;
    assert_int_equal(grpc_call_fail(sk->call, GRPC_ABORTED, "enough"), GRPC_OK);
}

static void test_blocking__call_ends_while_it_waits_for_room(void **state)
{
    (void)state;
    static char bytes[50000];
    struct sk *sk = sk_new();
    grpc_arena arena = {0};
    stream_Text reply;
    sk->act = blocking_hold;
    grpc_call *call = stream_Streams_Collect_call(sk->channel, &arena, NULL);
    const stream_Text big = {.data = {bytes, sizeof bytes}};
    assert_non_null(grpc_timer_start(sk->loop, 20, blocking_end_early, sk));
    grpc_result result = GRPC_OK;
    while (result == GRPC_OK) {
        result = stream_Streams_Collect_send(call, &big);
    }
    assert_int_equal(result, GRPC_ESTATE);
    grpc_status status = stream_Streams_Collect_end(call, &reply);
    assert_int_equal(status.code, GRPC_ABORTED);
    assert_string_equal(status.message, "enough");
    grpc_arena_free(&arena);
    sk_free(sk);
}

static void test_blocking__deadline(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    grpc_arena arena = {0};
    const stream_Text *reply;
    sk->act = blocking_hold;
    grpc_call *call = stream_Streams_Talk_call(
        sk->channel, &arena, &(grpc_call_options){.timeout_ms = 20});
    assert_int_equal(stream_Streams_Talk_next(call, &reply), GRPC_OK);
    assert_int_equal(sk_say(call, "x", 1), GRPC_ESTATE);
    assert_int_equal(grpc_call_half_close(call), GRPC_ESTATE);
    assert_int_equal(grpc_call_end(call).code, GRPC_DEADLINE_EXCEEDED);
    kit_wait(sk->loop, &sk->told, 1);
    grpc_arena_free(&arena);
    sk_free(sk);
}

// ---- What it waits on goes --------------------------------------------------

static void blocking_free_channel(void *argument)
{
    struct sk *sk = argument;
    grpc_channel_free(sk->channel);
    sk->channel = NULL;
}

static void blocking_free_server(void *argument)
{
    struct sk *sk = argument;
    grpc_server_free(sk->server);
    sk->server = NULL;
}

static void blocking_run_away(void (*run)(void *argument), grpc_code code)
{
    struct sk *sk = sk_new();
    grpc_arena arena = {0};
    const stream_Text *reply;
    sk->act = blocking_hold;
    grpc_call *call = stream_Streams_Talk_call(sk->channel, &arena, NULL);
    assert_int_equal(sk_say(call, "x", 1), GRPC_OK);
    assert_non_null(grpc_timer_start(sk->loop, 20, run, sk));
    assert_int_equal(stream_Streams_Talk_next(call, &reply), GRPC_OK);
    assert_int_equal(stream_Streams_Talk_next(call, &reply), GRPC_OK);
    assert_int_equal(grpc_call_end(call).code, code);
    grpc_arena_free(&arena);
    sk_free(sk);
}

static void test_blocking__channel_or_server_goes(void **state)
{
    (void)state;
    blocking_run_away(blocking_free_channel, GRPC_CANCELLED);
    blocking_run_away(blocking_free_server, GRPC_UNAVAILABLE);
}

// The channel was freed before the next step of a call that is waited for.
static void test_blocking__channel_is_freed_between_the_steps(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    grpc_arena arena = {0};
    const stream_Text *reply;
    grpc_call *call = stream_Streams_Many_call(
        sk->channel, &arena, &(stream_Text){.number = 1000000}, NULL);
    assert_int_equal(stream_Streams_Many_next(call, &reply), GRPC_MORE);
    blocking_free_channel(sk);
    assert_int_equal(stream_Streams_Many_next(call, &reply), GRPC_OK);
    grpc_status status = grpc_call_end(call);
    assert_int_equal(status.code, GRPC_CANCELLED);
    grpc_arena_free(&arena);
    sk_free(sk);
}

// ---- From within ------------------------------------------------------------

static grpc_call *blocking_outer;

static void blocking_from_within(grpc_call *call, struct sk *sk)
{
    grpc_arena arena = {0};
    const void *message;
    grpc_call *inner = stream_Streams_Talk_call(sk->channel, &arena, NULL);
    assert_non_null(inner);
    assert_int_equal(sk_say(inner, "x", 1), GRPC_ESTATE);
    assert_int_equal(grpc_call_next(inner, &message), GRPC_ESTATE);
    grpc_status status = grpc_call_end(inner);
    assert_int_equal(status.code, GRPC_FAILED_PRECONDITION);
    assert_non_null(
        strstr(status.message, "a blocking call within a callback"));
    if (blocking_outer != NULL) {
        assert_int_equal(grpc_call_next(blocking_outer, &message), GRPC_ESTATE);
        assert_int_equal(grpc_call_end(blocking_outer).code,
                         GRPC_FAILED_PRECONDITION);
    }
    grpc_arena_free(&arena);
    sk_note(&sk->server_log, "refused");
    assert_int_equal(grpc_call_finish(call, GRPC_OK, NULL), GRPC_OK);
}

// The loop that a blocking call would run is being run: it is refused, and the
// one outside is none the worse.
static void test_blocking__refused_within_a_callback(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    grpc_arena arena = {0};
    const stream_Text *reply;
    sk->act = blocking_from_within;
    blocking_outer = NULL;
    blocking_outer = stream_Streams_Talk_call(sk->channel, &arena, NULL);
    assert_int_equal(stream_Streams_Talk_next(blocking_outer, &reply), GRPC_OK);
    assert_int_equal(grpc_call_end(blocking_outer).code, GRPC_OK);
    assert_string_equal(sk->server_log.text, "refused ");
    grpc_arena_free(&arena);
    sk_free(sk);
}

// ---- Memory -----------------------------------------------------------------

// blocking_talk is how many allocations some messages, to and fro, have taken.
static size_t blocking_talk(struct sk *sk, grpc_call *call, size_t size)
{
    static char bytes[1000000];
    const stream_Text text = {.data = {bytes, size}};
    const stream_Text *reply;
    size_t before = sk->heap.calls;
    for (int round = 0; round < 30; round++) {
        assert_int_equal(stream_Streams_Talk_send(call, &text), GRPC_OK);
        assert_int_equal(stream_Streams_Talk_next(call, &reply), GRPC_MORE);
        assert_int_equal(reply->data.size, size);
    }
    return sk->heap.calls - before;
}

// Messages that are waited for live in memory that is used again. Some of the
// first batches allocate, as long as windows grow; then none does.
static void test_blocking__messages_allocate_nothing(void **state)
{
    (void)state;
    static const size_t sizes[] = {10, 5000, 1000000};
    struct sk *sk = sk_new();
    grpc_arena arena = {0};
    const stream_Text *reply;
    grpc_call *call = stream_Streams_Talk_call(sk->channel, &arena, NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        int batches = 0;
        while (blocking_talk(sk, call, sizes[i]) > 0) {
            assert_true(++batches < 30);
        }
    }
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    assert_int_equal(stream_Streams_Talk_next(call, &reply), GRPC_OK);
    assert_int_equal(grpc_call_end(call).code, GRPC_OK);
    grpc_arena_free(&arena);
    sk_free(sk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocking__status_outlives_the_call),
        cmocka_unit_test(test_blocking__end_cancels_what_is_not_over),
        cmocka_unit_test(test_blocking__end_of_the_wrong_calls),
        cmocka_unit_test(test_blocking__calls_side_by_side),
        cmocka_unit_test(test_blocking__send_waits_for_room),
        cmocka_unit_test(test_blocking__call_ends_while_it_waits_for_room),
        cmocka_unit_test(test_blocking__deadline),
        cmocka_unit_test(test_blocking__channel_or_server_goes),
        cmocka_unit_test(test_blocking__channel_is_freed_between_the_steps),
        cmocka_unit_test(test_blocking__refused_within_a_callback),
        cmocka_unit_test(test_blocking__messages_allocate_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
