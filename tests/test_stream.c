// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/stream.h"
#include "tests/stream_kit.h"

// ---- Four kinds, with callbacks ---------------------------------------------

static void test_stream__many(void **state)
{
    struct sk *sk = sk_new();
    (void)state;
    (void)sk_start_many(sk, 3, NULL);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "headers reply:0 reply:1 reply:2 OK ");
    assert_int_equal(sk->told, 0);
    sk_free(sk);
}

// Without messages there are no headers either: Trailers-Only.
static void test_stream__many_of_none(void **state)
{
    struct sk *sk = sk_new();
    (void)state;
    (void)sk_start_many(sk, 0, NULL);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "OK ");
    sk_free(sk);
}

static void test_stream__collect(void **state)
{
    struct sk *sk = sk_new();
    (void)state;
    grpc_call *call =
        stream_Streams_Collect_start(sk->channel, &sk_collect_events, sk, NULL);
    assert_non_null(call);
    for (int32_t i = 0; i < 5; i++) {
        assert_int_equal(
            stream_Streams_Collect_send(call, &(stream_Text){.number = i}),
            GRPC_OK);
    }
    kit_turn(sk->loop);
    assert_int_equal(sk->received, 5);
    assert_string_equal(sk->server_log.text, "");
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    assert_int_equal(grpc_call_half_close(call), GRPC_ESTATE);
    assert_int_equal(
        stream_Streams_Collect_send(call, &(stream_Text){.number = 1}),
        GRPC_ESTATE);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "headers all:5 OK ");
    assert_string_equal(sk->server_log.text, "end ");
    sk_free(sk);
}

static void test_stream__talk(void **state)
{
    struct sk *sk = sk_new();
    (void)state;
    grpc_call *call = sk_start_talk(sk, NULL);
    assert_int_equal(sk_say(call, "a", 1), GRPC_OK);
    kit_wait(sk->loop, &sk->messages, 1);
    assert_int_equal(sk_say(call, "b", 2), GRPC_OK);
    assert_int_equal(sk_say(call, "c", 3), GRPC_OK);
    kit_wait(sk->loop, &sk->messages, 3);
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "headers a:1 b:2 c:3 OK ");
    assert_string_equal(sk->server_log.text, "end ");
    sk_free(sk);
}

static void test_stream__talk_of_nothing(void **state)
{
    struct sk *sk = sk_new();
    (void)state;
    grpc_call *call = sk_start_talk(sk, NULL);
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "OK ");
    sk_free(sk);
}

// ---- Waited for -------------------------------------------------------------

static void test_stream__many_waited_for(void **state)
{
    struct sk *sk = sk_new();
    grpc_arena arena = {0};
    const stream_Text *reply;
    (void)state;
    grpc_call *call = stream_Streams_Many_call(
        sk->channel, &arena, &(stream_Text){.number = 100}, NULL);
    int32_t count = 0;
    while (stream_Streams_Many_next(call, &reply) == GRPC_MORE) {
        assert_int_equal(reply->number, count);
        assert_string_equal(reply->text.data, "reply");
        count++;
    }
    assert_int_equal(count, 100);
    assert_null(reply);
    assert_int_equal(stream_Streams_Many_next(call, &reply), GRPC_OK);
    grpc_status status = grpc_call_end(call);
    assert_int_equal(status.code, GRPC_OK);
    grpc_arena_free(&arena);
    sk_free(sk);
}

// Who leaves early gets CANCELLED, and so does the server.
static void test_stream__left_early(void **state)
{
    struct sk *sk = sk_new();
    grpc_arena arena = {0};
    const stream_Text *reply;
    (void)state;
    grpc_call *call = stream_Streams_Many_call(
        sk->channel, &arena, &(stream_Text){.number = INT32_MAX}, NULL);
    assert_int_equal(stream_Streams_Many_next(call, &reply), GRPC_MORE);
    grpc_status status = grpc_call_end(call);
    assert_int_equal(status.code, GRPC_CANCELLED);
    kit_wait(sk->loop, &sk->told, 1);
    grpc_arena_free(&arena);
    sk_free(sk);
}

static void test_stream__collect_waited_for(void **state)
{
    struct sk *sk = sk_new();
    grpc_arena arena = {0};
    stream_Text reply;
    (void)state;
    grpc_call *call = stream_Streams_Collect_call(sk->channel, &arena, NULL);
    static char bytes[10000];
    const stream_Text request = {.data = {bytes, sizeof bytes}};
    for (int i = 0; i < 200; i++) {
        assert_int_equal(stream_Streams_Collect_send(call, &request), GRPC_OK);
    }
    grpc_status status = stream_Streams_Collect_end(call, &reply);
    assert_int_equal(status.code, GRPC_OK);
    assert_int_equal(reply.number, 200);
    grpc_arena_free(&arena);
    sk_free(sk);
}

static void test_stream__talk_waited_for(void **state)
{
    struct sk *sk = sk_new();
    grpc_arena arena = {0};
    const stream_Text *reply;
    (void)state;
    grpc_call *call = stream_Streams_Talk_call(sk->channel, &arena, NULL);
    for (int32_t i = 0; i < 10; i++) {
        assert_int_equal(sk_say(call, "x", i), GRPC_OK);
        assert_int_equal(stream_Streams_Talk_next(call, &reply), GRPC_MORE);
        assert_int_equal(reply->number, i);
    }
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    assert_int_equal(stream_Streams_Talk_next(call, &reply), GRPC_OK);
    assert_int_equal(grpc_call_end(call).code, GRPC_OK);
    grpc_arena_free(&arena);
    sk_free(sk);
}

static void stream_head(grpc_call *call, struct sk *sk)
{
    (void)sk;
    assert_int_equal(grpc_call_add_header(call, "Served-By", "me"), GRPC_OK);
    assert_int_equal(grpc_call_add_trailer(call, "cost", "3"), GRPC_OK);
    assert_int_equal(grpc_call_send_headers(call), GRPC_OK);
    assert_int_equal(grpc_call_send_headers(call), GRPC_ESTATE);
    assert_int_equal(grpc_call_add_header(call, "late", "1"), GRPC_ESTATE);
    assert_int_equal(
        stream_Streams_Talk_receive(call, sk_echo, sk_echo_end, sk), GRPC_OK);
}

// Headers are there before the first message, and outlive the call where the
// options say so.
static void test_stream__headers_waited_for(void **state)
{
    struct sk *sk = sk_new();
    grpc_arena arena = {0};
    grpc_metadata headers;
    grpc_metadata trailers;
    grpc_str value;
    const grpc_call_options options = {
        .headers = &headers,
        .trailers = &trailers,
    };
    sk->act = stream_head;
    (void)state;
    grpc_call *call = stream_Streams_Talk_call(sk->channel, &arena, &options);
    assert_int_equal(grpc_call_await_headers(call), GRPC_OK);
    assert_true(grpc_call_header(call, "served-by", &value));
    assert_string_equal(value.data, "me");
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    assert_int_equal(grpc_call_end(call).code, GRPC_OK);
    assert_int_equal(headers.count, 1);
    assert_string_equal(headers.data[0].key, "served-by");
    assert_true(grpc_metadata_get(trailers, "cost", 0, &value));
    assert_string_equal(value.data, "3");
    assert_false(grpc_metadata_get(trailers, "cost", 1, &value));
    grpc_arena_free(&arena);
    sk_free(sk);
}

// ---- Room -------------------------------------------------------------------

static void stream_count(grpc_call *call, const stream_Text *reply,
                         struct sk *sk)
{
    (void)call;
    assert_int_equal(reply->number, sk->messages - 1);
}

static void test_stream__many_has_no_room(void **state)
{
    struct sk *sk = sk_new();
    sk->on_message = stream_count;
    (void)state;
    (void)sk_start_many(sk, 20000, NULL);
    sk_wait_end(sk, 1);
    assert_int_equal(sk->code, GRPC_OK);
    assert_int_equal(sk->messages, 20000);
    assert_non_null(strstr(sk->server_log.text, "again"));
    sk_free(sk);
}

// A client's messages wait for the connection; then they are told of room.
static void test_stream__client_has_no_room(void **state)
{
    struct sk *sk = sk_new();
    static char bytes[30000];
    const stream_Text request = {.data = {bytes, sizeof bytes}};
    (void)state;
    grpc_call *call =
        stream_Streams_Collect_start(sk->channel, &sk_collect_events, sk, NULL);
    int32_t sent = 0;
    while (stream_Streams_Collect_send(call, &request) == GRPC_OK) {
        sent++;
    }
    assert_int_equal(sent, 3);
    assert_int_equal(stream_Streams_Collect_send(call, &request), GRPC_AGAIN);
    kit_turn(sk->loop);
    assert_string_equal(sk->log.text, "writable ");
    assert_int_equal(stream_Streams_Collect_send(call, &request), GRPC_OK);
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "writable headers all:4 OK ");
    sk_free(sk);
}

static void stream_pause(grpc_call *call, const stream_Text *request,
                         struct sk *sk)
{
    (void)request;
    if (sk->received == 2) {
        grpc_call_pause(call);
    }
}

// Messages that were not asked for wait, and come in order.
static void test_stream__paused(void **state)
{
    struct sk *sk = sk_new();
    sk->act_on = stream_pause;
    (void)state;
    grpc_call *call =
        stream_Streams_Collect_start(sk->channel, &sk_collect_events, sk, NULL);
    for (int32_t i = 0; i < 10; i++) {
        assert_int_equal(
            stream_Streams_Collect_send(call, &(stream_Text){.number = i}),
            GRPC_OK);
    }
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    kit_turn(sk->loop);
    assert_int_equal(sk->received, 2);
    assert_string_equal(sk->server_log.text, "");
    grpc_call_resume(sk->call);
    assert_int_equal(sk->received, 2); // not from within
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "headers all:10 OK ");
    sk_free(sk);
}

// ---- Many streams -----------------------------------------------------------

enum { STREAM_MANY = 3000, STREAM_LIMIT = 50 };

static int stream_open;      // calls that the server has and has not ended
static int stream_open_most; // at a time

static void stream_note_end(grpc_call *call, void *self)
{
    stream_open--;
    sk_echo_end(call, self);
}

static void stream_note_begin(grpc_call *call, struct sk *sk)
{
    stream_open++;
    stream_open_most =
        stream_open > stream_open_most ? stream_open : stream_open_most;
    assert_int_equal(
        stream_Streams_Talk_receive(call, sk_echo, stream_note_end, sk),
        GRPC_OK);
}

static void stream_close_it(grpc_call *call, const stream_Text *reply,
                            struct sk *sk)
{
    (void)sk;
    assert_string_equal(reply->text.data, "x");
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
}

static void stream_count_end(grpc_call *call, const grpc_status *status,
                             void *self)
{
    struct sk *sk = self;
    (void)call;
    assert_int_equal(status->code, GRPC_OK);
    sk->ended++;
}

static void stream_ignore(grpc_call *call, const stream_Text *reply,
                          struct sk *sk)
{
    (void)call;
    (void)reply;
    (void)sk;
}

// Thousands of streams on one connection: those above the server's limit wait,
// in order, and all come to their end.
static void test_stream__thousands_wait_for_their_turn(void **state)
{
    (void)state;
    static const stream_Streams_Talk_events events = {
        .message = sk_message,
        .end = stream_count_end,
    };
    struct sk *sk = sk_new_with(
        &(grpc_server_options){.max_concurrent_streams = STREAM_LIMIT},
        &(grpc_channel_options){.authority = NULL});
    sk->act = stream_note_begin;
    sk->on_message = stream_close_it;
    stream_open = stream_open_most = 0;
    kit_turn(sk->loop);
    for (int32_t i = 0; i < STREAM_MANY; i++) {
        grpc_call *call =
            stream_Streams_Talk_start(sk->channel, &events, sk, NULL);
        assert_int_equal(sk_say(call, "x", i), GRPC_OK);
    }
    while (sk->ended < STREAM_MANY) {
        sk_clear(&sk->server_log);
        assert_int_equal(grpc_loop_step(sk->loop, 1000), GRPC_OK);
    }
    assert_int_equal(sk->handled, STREAM_MANY);
    assert_int_equal(sk->messages, STREAM_MANY);
    assert_int_equal(stream_open, 0);
    assert_int_equal(stream_open_most, STREAM_LIMIT);
    sk_free(sk);
}

// As many are open at once as the server allows, and each is heard.
static void test_stream__thousands_at_once(void **state)
{
    (void)state;
    static grpc_call *calls[STREAM_MANY];
    static const stream_Streams_Talk_events events = {
        .message = sk_message,
        .end = stream_count_end,
    };
    struct sk *sk = sk_new_with(
        &(grpc_server_options){.max_concurrent_streams = STREAM_MANY},
        &(grpc_channel_options){.authority = NULL});
    sk->act = stream_note_begin;
    sk->on_message = stream_ignore;
    stream_open = stream_open_most = 0;
    for (int32_t i = 0; i < STREAM_MANY; i++) {
        calls[i] = stream_Streams_Talk_start(sk->channel, &events, sk, NULL);
        assert_non_null(calls[i]);
    }
    kit_wait(sk->loop, &stream_open, STREAM_MANY);
    for (int round = 1; round <= 3; round++) {
        for (int32_t i = 0; i < STREAM_MANY; i++) {
            assert_int_equal(sk_say(calls[i], "x", i), GRPC_OK);
        }
        kit_wait(sk->loop, &sk->messages, round * STREAM_MANY);
    }
    for (int32_t i = 0; i < STREAM_MANY; i += 2) {
        assert_int_equal(grpc_call_half_close(calls[i]), GRPC_OK);
    }
    while (sk->ended < STREAM_MANY / 2) {
        sk_clear(&sk->server_log);
        assert_int_equal(grpc_loop_step(sk->loop, 1000), GRPC_OK);
    }
    // The others are still open.
    assert_int_equal(stream_open, STREAM_MANY / 2);
    assert_int_equal(sk->told, 0);
    for (int32_t i = 1; i < STREAM_MANY; i += 2) {
        assert_int_equal(grpc_call_half_close(calls[i]), GRPC_OK);
    }
    while (sk->ended < STREAM_MANY) {
        sk_clear(&sk->server_log);
        assert_int_equal(grpc_loop_step(sk->loop, 1000), GRPC_OK);
    }
    sk_free(sk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream__many),
        cmocka_unit_test(test_stream__many_of_none),
        cmocka_unit_test(test_stream__collect),
        cmocka_unit_test(test_stream__talk),
        cmocka_unit_test(test_stream__talk_of_nothing),
        cmocka_unit_test(test_stream__many_waited_for),
        cmocka_unit_test(test_stream__left_early),
        cmocka_unit_test(test_stream__collect_waited_for),
        cmocka_unit_test(test_stream__talk_waited_for),
        cmocka_unit_test(test_stream__headers_waited_for),
        cmocka_unit_test(test_stream__many_has_no_room),
        cmocka_unit_test(test_stream__client_has_no_room),
        cmocka_unit_test(test_stream__paused),
        cmocka_unit_test(test_stream__thousands_wait_for_their_turn),
        cmocka_unit_test(test_stream__thousands_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
