// SPDX-License-Identifier: MIT
// Calls that end at inconvenient times.

#include "tests/unit.h"

#include "core/client_call.h"
#include "tests/stream_kit.h"

// ---- The end is known before all is taken -----------------------------------

static void ends_pause(grpc_call *call, const stream_Text *reply, struct sk *sk)
{
    sk_note(&sk->log, "%d", (int)reply->number);
    grpc_call_pause(call);
}

static void ends_resume(struct sk *sk, grpc_call *call)
{
    grpc_call_resume(call);
    kit_turn(sk->loop);
}

static void test_client_call_outlive__connection(void **state)
{
    struct sk *sk = sk_new();
    (void)state;
    sk->on_message = ends_pause;
    grpc_call *call = sk_start_many(sk, 3, NULL);
    kit_turn(sk->loop);
    assert_string_equal(sk->log.text, "headers 0 ");
    grpc_server_free(sk->server);
    sk->server = NULL;
    kit_turn(sk->loop);
    assert_string_equal(sk->log.text, "headers 0 ");
    assert_false(grpc_call_is_over(call));
    assert_string_not_equal(grpc_call_peer(call), "");
    assert_int_equal(grpc_call_half_close(call), GRPC_ESTATE);
    ends_resume(sk, call);
    ends_resume(sk, call);
    assert_string_equal(sk->log.text, "headers 0 1 2 ");
    ends_resume(sk, call);
    assert_string_equal(sk->log.text, "headers 0 1 2 OK ");
    sk_free(sk);
}

// The server has ended the call early, and so resets the stream, too.
static void ends_early(grpc_call *call, struct sk *sk)
{
    (void)sk;
    for (int32_t i = 0; i < 3; i++) {
        assert_int_equal(
            stream_Streams_Talk_send_reply(call, &(stream_Text){.number = i}),
            GRPC_OK);
    }
    (void)grpc_call_finish(call, GRPC_NOT_FOUND, "early");
}

static void test_client_call_outlive__stream(void **state)
{
    struct sk *sk = sk_new();
    (void)state;
    sk->on_message = ends_pause;
    sk->act = ends_early;
    grpc_call *call = sk_start_talk(sk, NULL);
    kit_turn(sk->loop);
    assert_int_equal(sk_say(call, "late", 1), GRPC_ESTATE);
    ends_resume(sk, call);
    ends_resume(sk, call);
    ends_resume(sk, call);
    assert_string_equal(sk->log.text, "headers 0 1 2 NOT_FOUND ");
    assert_string_equal(sk->text, "early");
    sk_free(sk);
}

static void test_client_call_outlive__waited_for(void **state)
{
    struct sk *sk = sk_new();
    (void)state;
    grpc_arena arena = {0};
    const stream_Text *reply = NULL;
    sk->act = ends_early;
    grpc_call *call = stream_Streams_Talk_call(sk->channel, &arena, NULL);
    for (int32_t i = 0; i < 3; i++) {
        assert_int_equal(stream_Streams_Talk_next(call, &reply), GRPC_MORE);
        assert_int_equal(reply->number, i);
        kit_turn(sk->loop);
    }
    assert_int_equal(stream_Streams_Talk_next(call, &reply), GRPC_OK);
    grpc_status status = grpc_call_end(call);
    assert_int_equal(status.code, GRPC_NOT_FOUND);
    assert_string_equal(status.message, "early");
    grpc_arena_free(&arena);
    sk_free(sk);
}

// It ends in every other way while it waits.
static void test_client_call_outlive__cancelled(void **state)
{
    struct sk *sk = sk_new();
    (void)state;
    sk->on_message = ends_pause;
    sk->act = ends_early;
    grpc_call *call = sk_start_talk(sk, NULL);
    kit_turn(sk->loop);
    grpc_cancel(call);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "headers 0 CANCELLED ");
    sk_free(sk);
}

static void test_client_call_outlive__deadline(void **state)
{
    struct sk *sk = sk_new();
    (void)state;
    sk->on_message = ends_pause;
    sk->act = ends_early;
    (void)sk_start_talk(sk, &(grpc_call_options){.timeout_ms = 20});
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "headers 0 DEADLINE_EXCEEDED ");
    assert_string_equal(sk->text,
                        "deadline exceeded while the response waited to be "
                        "read");
    sk_free(sk);
}

static void test_client_call_outlive__channel_freed(void **state)
{
    struct sk *sk = sk_new();
    (void)state;
    sk->on_message = ends_pause;
    sk->act = ends_early;
    (void)sk_start_talk(sk, NULL);
    kit_turn(sk->loop);
    grpc_channel_free(sk->channel);
    sk->channel = NULL;
    assert_string_equal(sk->log.text, "headers 0 CANCELLED ");
    sk_free(sk);
}

// ends_cancel cancels the call within the message that has waited.
static void ends_cancel(grpc_call *call, const stream_Text *reply,
                        struct sk *sk)
{
    ends_pause(call, reply, sk);
    if (reply->number == 1) {
        grpc_cancel(call);
    }
}

static void test_client_call_outlive__cancelled_within(void **state)
{
    struct sk *sk = sk_new();
    (void)state;
    sk->on_message = ends_cancel;
    sk->act = ends_early;
    grpc_call *call = sk_start_talk(sk, NULL);
    kit_turn(sk->loop);
    ends_resume(sk, call);
    assert_string_equal(sk->log.text, "headers 0 1 CANCELLED ");
    sk_free(sk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_call_outlive__connection),
        cmocka_unit_test(test_client_call_outlive__stream),
        cmocka_unit_test(test_client_call_outlive__waited_for),
        cmocka_unit_test(test_client_call_outlive__cancelled),
        cmocka_unit_test(test_client_call_outlive__deadline),
        cmocka_unit_test(test_client_call_outlive__channel_freed),
        cmocka_unit_test(test_client_call_outlive__cancelled_within),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
