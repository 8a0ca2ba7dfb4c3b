// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/send.h"
#include "tests/stream_kit.h"

static char send_bytes_of[200000];

// send_hold is a handler that keeps its call, and asks for nothing.
static void send_hold(grpc_call *call, struct sk *sk)
{
    (void)call;
    (void)sk;
}

static void send_ignore(grpc_call *call, const stream_Text *reply,
                        struct sk *sk)
{
    (void)call;
    (void)reply;
    (void)sk;
}

static grpc_result send_big(grpc_call *call, size_t size)
{
    const stream_Text big = {.data = {send_bytes_of, size}};
    return stream_Streams_Talk_send(call, &big);
}

static int send_count(const struct sk_log *log, const char *word)
{
    int count = 0;
    for (const char *at = strstr(log->text, word); at != NULL;
         at = strstr(at + 1, word)) {
        count++;
    }
    return count;
}

// ---- Room -------------------------------------------------------------------

// What was not taken does not arrive, and writable comes once, however often
// there was no room; then there is some.
static void test_send__client_hears_of_room_once(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    grpc_call *call =
        stream_Streams_Collect_start(sk->channel, &sk_collect_events, sk, NULL);
    kit_turn(sk->loop);
    int32_t taken = 0;
    for (int round = 1; round <= 5; round++) {
        while (send_big(call, 30000) == GRPC_OK) {
            taken++;
        }
        assert_int_equal(send_big(call, 30000), GRPC_AGAIN);
        assert_int_equal(send_big(call, 1), GRPC_AGAIN);
        assert_int_equal(send_count(&sk->log, "writable"), round - 1);
        kit_turn(sk->loop);
        assert_int_equal(send_count(&sk->log, "writable"), round);
    }
    kit_turn(sk->loop);
    assert_int_equal(send_count(&sk->log, "writable"), 5);
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    sk_wait_end(sk, 1);
    assert_int_equal(sk->code, GRPC_OK);
    assert_int_equal(sk->received, taken);
    sk_free(sk);
}

static int send_told_of_room;

static void send_note_room(grpc_call *call, void *argument)
{
    (void)call;
    (void)argument;
    send_told_of_room++;
}

static void test_send__server_hears_of_room_once(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    sk->act = send_hold;
    sk->on_message = send_ignore;
    send_told_of_room = 0;
    (void)sk_start_talk(sk, NULL);
    kit_turn(sk->loop);
    grpc_call_on_writable(sk->call, send_note_room, NULL);
    const stream_Text big = {.data = {send_bytes_of, 30000}};
    int taken = 0;
    for (int round = 1; round <= 5; round++) {
        while (stream_Streams_Talk_send_reply(sk->call, &big) == GRPC_OK) {
            taken++;
        }
        assert_int_equal(stream_Streams_Talk_send_reply(sk->call, &big),
                         GRPC_AGAIN);
        assert_int_equal(send_told_of_room, round - 1);
        kit_turn(sk->loop);
        assert_int_equal(send_told_of_room, round);
    }
    // Who waits for room and then ends the call is not told any more.
    while (stream_Streams_Talk_send_reply(sk->call, &big) == GRPC_OK) {
        taken++;
    }
    assert_int_equal(grpc_call_finish(sk->call, GRPC_OK, NULL), GRPC_OK);
    sk_wait_end(sk, 1);
    assert_int_equal(sk->messages, taken);
    assert_int_equal(send_told_of_room, 5);
    grpc_call_on_writable(NULL, send_note_room, NULL);
    sk_free(sk);
}

// Before there is a connection messages wait at the call, up to the same bound.
static void test_send__before_the_connection(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    sk->on_message = send_ignore;
    grpc_call *call = sk_start_talk(sk, NULL);
    int32_t taken = 0;
    while (send_big(call, 1000) == GRPC_OK) {
        taken++;
    }
    assert_true(taken >= 64 && taken <= 66);
    assert_int_equal(send_big(call, 1000), GRPC_AGAIN);
    kit_wait(sk->loop, &sk->messages, taken);
    assert_int_equal(send_count(&sk->log, "writable"), 1);
    assert_int_equal(sk->received, taken);
    sk_free(sk);
}

static void test_send__half_closed_before_the_connection(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    grpc_call *call = sk_start_talk(sk, NULL);
    assert_int_equal(sk_say(call, "a", 1), GRPC_OK);
    assert_int_equal(sk_say(call, "", 0), GRPC_OK);
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    assert_int_equal(sk_say(call, "b", 1), GRPC_ESTATE);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "headers a:1 :0 OK ");
    sk_free(sk);
}

// ---- What cannot be sent ----------------------------------------------------

static void test_send__over_the_limit(void **state)
{
    (void)state;
    struct sk *sk = sk_new_with(&(grpc_server_options){.max_send_bytes = 6},
                                &(grpc_channel_options){.max_send_bytes = 8});
    grpc_call *call = sk_start_talk(sk, NULL);
    assert_int_equal(sk_say(call, "1234567", 0), GRPC_ELIMIT); // 9 bytes
    assert_non_null(strstr(grpc_channel_error(sk->channel),
                           "trying to send message larger than max "
                           "(9 vs. 8)"));
    assert_int_equal(
        grpc_call_send_bytes(call, GRPC_STR("123456789"), NULL, NULL),
        GRPC_ELIMIT);
    sk->act_on = NULL;
    assert_int_equal(sk_say(call, "1234", 0), GRPC_OK);
    kit_wait(sk->loop, &sk->messages, 1);
    assert_string_equal(sk->log.text, "headers 1234:0 "); // it went on
    const stream_Text big = {.text = GRPC_STR("12345")};
    assert_int_equal(stream_Streams_Talk_send_reply(sk->call, &big),
                     GRPC_ELIMIT);
    assert_non_null(strstr(grpc_server_error(sk->server),
                           "trying to send message larger than max "
                           "(7 vs. 6)"));
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    sk_wait_end(sk, 1);
    assert_int_equal(sk->code, GRPC_OK);
    // A call's own limit holds instead.
    sk_clear(&sk->log);
    call = sk_start_talk(sk, &(grpc_call_options){.max_send_bytes = 3});
    assert_int_equal(sk_say(call, "12", 0), GRPC_ELIMIT);
    assert_int_equal(sk_say(call, "1", 0), GRPC_OK);
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    sk_wait_end(sk, 2);
    assert_string_equal(sk->log.text, "headers 1:0 OK ");
    sk_free(sk);
}

static void test_send__not_to_be_encoded(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    grpc_call *call = sk_start_talk(sk, NULL);
    assert_int_equal(sk_say(call, "\xff", 0), GRPC_EINVAL);
    assert_non_null(strstr(grpc_channel_error(sk->channel), "UTF-8"));
    assert_int_equal(stream_Streams_Talk_send(call, NULL), GRPC_EINVAL);
    assert_int_equal(
        grpc_call_send_bytes(call, (grpc_str){NULL, 1}, NULL, NULL),
        GRPC_EINVAL);
    assert_int_equal(grpc_call_send(NULL, &send_bytes_of), GRPC_EINVAL);
    assert_int_equal(grpc_call_send_bytes(NULL, GRPC_STR(""), NULL, NULL),
                     GRPC_EINVAL);
    assert_int_equal(sk_say(call, "fine", 1), GRPC_OK);
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "headers fine:1 OK ");
    sk_free(sk);
}

static void send_wrong_ways(grpc_call *call, const stream_Text *request,
                            struct sk *sk)
{
    const stream_Text reply = {.text = GRPC_STR("x")};
    (void)request;
    (void)sk;
    assert_int_equal(grpc_call_half_close(call), GRPC_EINVAL);
    assert_int_equal(grpc_call_reply(call, &reply), GRPC_ESTATE);
    assert_int_equal(grpc_call_send(call, &reply), GRPC_OK);
    assert_int_equal(grpc_call_finish(call, GRPC_OK, NULL), GRPC_OK);
    assert_int_equal(grpc_call_send(call, &reply), GRPC_ESTATE);
    assert_int_equal(grpc_call_finish(call, GRPC_OK, NULL), GRPC_ESTATE);
}

// Where a direction is not streamed nothing is sent but the only message.
static void test_send__in_the_wrong_direction(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    sk->act_on = send_wrong_ways;
    grpc_call *call = sk_start_many(sk, 1, NULL);
    assert_int_equal(sk_say(call, "x", 1), GRPC_ESTATE);
    assert_int_equal(grpc_call_half_close(call), GRPC_ESTATE);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "headers x:0 OK ");
    sk_free(sk);
}

static void send_at_the_end(grpc_call *call, const grpc_status *status,
                            void *self)
{
    assert_int_equal(sk_say(call, "x", 1), GRPC_ESTATE);
    assert_int_equal(grpc_call_half_close(call), GRPC_ESTATE);
    grpc_cancel(call);
    sk_end(call, status, self);
}

static void test_send__after_the_end(void **state)
{
    (void)state;
    static const stream_Streams_Talk_events events = {.end = send_at_the_end};
    struct sk *sk = sk_new();
    sk->act = send_hold;
    grpc_call *call = stream_Streams_Talk_start(sk->channel, &events, sk, NULL);
    kit_turn(sk->loop);
    grpc_cancel(call);
    assert_int_equal(sk_say(call, "x", 1), GRPC_ESTATE);
    sk_wait_end(sk, 1);
    kit_turn(sk->loop);
    assert_string_equal(sk->log.text, "CANCELLED ");
    sk_free(sk);
}

// ---- Lent bytes -------------------------------------------------------------

static int send_released;

static void send_release(void *argument)
{
    ++*(int *)argument;
}

static grpc_result send_lend(grpc_call *call, size_t size)
{
    // {data: bytes}
    static char message[sizeof send_bytes_of];
    message[0] = 0x12;
    message[1] = (char)((size - 4) % 128 + 128);
    message[2] = (char)((size - 4) / 128 % 128 + 128);
    message[3] = (char)((size - 4) / 16384);
    return grpc_call_send_bytes(call, (grpc_str){message, size}, send_release,
                                &send_released);
}

// lend_new is a Talk whose client lends; the server does not read yet.
static struct sk *lend_new(grpc_call **call)
{
    struct sk *sk = sk_new();
    send_released = 0;
    sk->act = send_hold;
    sk->on_message = send_ignore;
    *call = sk_start_talk(sk, NULL);
    kit_turn(sk->loop);
    return sk;
}

static void test_send__lent_bytes_are_given_back_when_sent(void **state)
{
    (void)state;
    grpc_call *call;
    struct sk *sk = lend_new(&call);
    assert_int_equal(send_lend(call, 150000), GRPC_OK);
    kit_turn(sk->loop);
    assert_int_equal(send_released, 0); // the window is smaller
    assert_int_equal(
        stream_Streams_Talk_receive(sk->call, sk_echo, sk_echo_end, sk),
        GRPC_OK);
    kit_wait(sk->loop, &sk->messages, 1);
    assert_int_equal(send_released, 1);
    for (int i = 2; i < 50; i++) {
        assert_int_equal(send_lend(call, 50000), GRPC_OK);
        kit_wait(sk->loop, &sk->messages, i);
        assert_int_equal(send_released, i);
    }
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    sk_wait_end(sk, 1);
    assert_int_equal(send_released, 49);
    assert_int_equal(sk->code, GRPC_OK);
    sk_free(sk);
}

// However the call ends.
static void test_send__lent_bytes_are_given_back_at_each_end(void **state)
{
    (void)state;
    for (int way = 0; way < 6; way++) {
        grpc_call *call;
        struct sk *sk = lend_new(&call);
        assert_int_equal(send_lend(call, 60000), GRPC_OK);
        assert_int_equal(send_lend(call, 150000), GRPC_OK);
        kit_turn(sk->loop);
        assert_int_equal(send_released, 1); // what fitted into the window
        assert_int_equal(send_lend(call, 150000), GRPC_AGAIN);
        switch (way) {
        case 0:
            grpc_cancel(call);
            break;
        case 1:
            assert_int_equal(grpc_call_fail(sk->call, GRPC_ABORTED, NULL),
                             GRPC_OK);
            break;
        case 2:
            grpc_server_free(sk->server);
            sk->server = NULL;
            break;
        case 3:
            grpc_channel_free(sk->channel);
            sk->channel = NULL;
            break;
        case 4:
            assert_int_equal(grpc_call_finish(sk->call, GRPC_OK, NULL),
                             GRPC_OK);
            break;
        default:
            assert_int_equal(grpc_call_half_close(call), GRPC_OK);
            kit_turn(sk->loop);
            grpc_cancel(call);
            break;
        }
        sk_wait_end(sk, 1);
        kit_turn(sk->loop);
        assert_int_equal(send_released, 2);
        sk_free(sk);
        assert_int_equal(send_released, 2);
    }
}

// What was not taken is not given back; few bytes may be at once.
static void test_send__lent_bytes_that_are_not_taken(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    send_released = 0;
    sk->on_message = send_ignore;
    grpc_call *call =
        sk_start_talk(sk, &(grpc_call_options){.max_send_bytes = 100000});
    // There is no stream yet: they would have to be copied.
    assert_int_equal(send_lend(call, 50000), GRPC_AGAIN);
    kit_turn(sk->loop);
    assert_string_equal(sk->log.text, "writable ");
    assert_int_equal(send_lend(call, 100001), GRPC_ELIMIT);
    assert_int_equal(send_released, 0);
    assert_int_equal(send_lend(call, 4), GRPC_OK);
    kit_wait(sk->loop, &sk->messages, 1);
    assert_int_equal(send_released, 1);
    assert_int_equal(
        grpc_call_send_bytes(call, GRPC_STR(""), send_release, &send_released),
        GRPC_OK);
    kit_wait(sk->loop, &sk->messages, 2);
    assert_int_equal(send_released, 2);
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    assert_int_equal(send_lend(call, 50000), GRPC_ESTATE);
    sk_wait_end(sk, 1);
    assert_int_equal(send_released, 2);
    sk_free(sk);
}

static void send_see(grpc_call *call, grpc_str *message, void *self)
{
    (void)call;
    *(size_t *)self += message->size;
}

// An interceptor may change them: so they are copied, and given back at once.
static void test_send__lent_bytes_before_an_interceptor(void **state)
{
    (void)state;
    size_t seen = 0;
    const grpc_interceptor interceptor = {.sent = send_see, .self = &seen};
    struct sk *sk =
        sk_new_with(&(grpc_server_options){.max_connections = 0},
                    &(grpc_channel_options){
                        .interceptors = GRPC_INTERCEPTORS(&interceptor)});
    sk->on_message = send_ignore;
    grpc_call *call = sk_start_talk(sk, NULL);
    kit_turn(sk->loop);
    send_released = 0;
    assert_int_equal(send_lend(call, 50000), GRPC_OK);
    assert_int_equal(send_released, 1);
    assert_int_equal(seen, 50000);
    kit_wait(sk->loop, &sk->messages, 1);
    assert_int_equal(send_released, 1);
    // What is not sent for being too long is not given back.
    call = sk_start_talk(sk, &(grpc_call_options){.max_send_bytes = 1000});
    kit_turn(sk->loop);
    assert_int_equal(send_lend(call, 1001), GRPC_ELIMIT);
    assert_int_equal(send_released, 1);
    sk_free(sk);
}

// A server lends, too: the same bytes to many calls.
static void test_send__lent_bytes_of_a_server(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    sk->act = send_hold;
    sk->on_message = send_ignore;
    send_released = 0;
    for (int i = 0; i < 10; i++) {
        (void)sk_start_talk(sk, NULL);
        kit_turn(sk->loop);
        assert_int_equal(send_lend(sk->call, 50000), GRPC_OK);
        assert_int_equal(grpc_call_finish(sk->call, GRPC_OK, NULL), GRPC_OK);
    }
    sk_wait_end(sk, 10);
    assert_int_equal(sk->messages, 10);
    assert_int_equal(send_released, 10);
    sk_free(sk);
}

// ---- Compression ------------------------------------------------------------

static bool send_flags[8];

static void send_keep_flag(grpc_call *call, const stream_Text *request,
                           struct sk *sk)
{
    (void)request;
    send_flags[sk->received - 1] = grpc_call_was_compressed(call);
    assert_int_equal(stream_Streams_Talk_send_reply(call, request), GRPC_OK);
}

// Message by message; empty ones never are.
static void test_send__compressed(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    assert_int_equal(grpc_loop_add_compressor(sk->loop, &sk_toy), GRPC_OK);
    sk->act_on = send_keep_flag;
    send_released = 0;
    grpc_call *call =
        sk_start_talk(sk, &(grpc_call_options){.encoding = "toy"});
    assert_int_equal(sk_say(call, "a", 1), GRPC_OK);
    grpc_call_compress(call, false);
    assert_int_equal(sk_say(call, "b", 2), GRPC_OK);
    grpc_call_compress(call, true);
    assert_int_equal(sk_say(call, "", 0), GRPC_OK);
    kit_wait(sk->loop, &sk->messages, 3);
    assert_int_equal(send_lend(call, 50000), GRPC_OK);
    assert_int_equal(send_released, 1); // what is compressed is copied
    kit_wait(sk->loop, &sk->messages, 4);
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    sk_wait_end(sk, 1);
    assert_int_equal(sk->code, GRPC_OK);
    assert_true(send_flags[0]);
    assert_false(send_flags[1]);
    assert_false(send_flags[2]);
    assert_true(send_flags[3]);
    assert_int_equal(send_released, 1);
    grpc_call_compress(NULL, true);
    sk_free(sk);
}

// ---- No memory --------------------------------------------------------------

// A message that there is no memory for is not taken, and the call goes on; but
// where the connection's own output has none, it closes.
static void test_send__no_memory(void **state)
{
    (void)state;
    bool whole = false;
    int refused = 0;
    for (size_t fail = 1; !whole; fail++) {
        struct sk *sk = sk_new();
        sk->on_message = send_ignore;
        grpc_call *call = sk_start_talk(sk, NULL);
        assert_int_equal(sk_say(call, "warm", 1), GRPC_OK);
        kit_wait(sk->loop, &sk->messages, 1);
        sk->heap.fail_at = sk->heap.calls + fail;
        grpc_result result = send_big(call, sizeof send_bytes_of);
        whole = sk->heap.calls < sk->heap.fail_at;
        sk->heap.fail_at = 0;
        assert_true(result == GRPC_OK || result == GRPC_ENOMEM);
        refused += result == GRPC_ENOMEM;
        bool lost = result == GRPC_OK && !whole;
        if (!lost) {
            assert_int_equal(send_big(call, 10), whole ? GRPC_AGAIN : GRPC_OK);
            kit_wait(sk->loop, &sk->messages, 2);
            assert_int_equal(grpc_call_half_close(call), GRPC_OK);
        }
        sk_wait_end(sk, 1);
        assert_int_equal(sk->code, lost ? GRPC_UNAVAILABLE : GRPC_OK);
        sk_free(sk);
        assert_true(fail < 200);
    }
    assert_true(refused > 0);
}

// Whoever asks for room is told when there is some, as after GRPC_AGAIN.
static void test_send__room_is_asked_for(void **state)
{
    struct sk *sk = sk_new();
    static char bytes[70000];
    const stream_Text request = {.data = {bytes, sizeof bytes}};
    (void)state;
    grpc_call *call =
        stream_Streams_Collect_start(sk->channel, &sk_collect_events, sk, NULL);
    assert_true(grpc_call_has_room(call));
    assert_int_equal(stream_Streams_Collect_send(call, &request), GRPC_OK);
    assert_false(grpc_call_has_room(call));
    assert_false(grpc_call_has_room(call));
    assert_string_equal(sk->log.text, "");
    kit_turn(sk->loop);
    assert_string_equal(sk->log.text, "writable ");
    assert_true(grpc_call_has_room(call));
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    assert_false(grpc_call_has_room(call)); // never again
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "writable headers all:1 OK ");
    assert_false(grpc_call_has_room(NULL));
    sk_free(sk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_send__client_hears_of_room_once),
        cmocka_unit_test(test_send__server_hears_of_room_once),
        cmocka_unit_test(test_send__before_the_connection),
        cmocka_unit_test(test_send__half_closed_before_the_connection),
        cmocka_unit_test(test_send__over_the_limit),
        cmocka_unit_test(test_send__not_to_be_encoded),
        cmocka_unit_test(test_send__in_the_wrong_direction),
        cmocka_unit_test(test_send__after_the_end),
        cmocka_unit_test(test_send__lent_bytes_are_given_back_when_sent),
        cmocka_unit_test(test_send__lent_bytes_are_given_back_at_each_end),
        cmocka_unit_test(test_send__lent_bytes_that_are_not_taken),
        cmocka_unit_test(test_send__lent_bytes_before_an_interceptor),
        cmocka_unit_test(test_send__lent_bytes_of_a_server),
        cmocka_unit_test(test_send__compressed),
        cmocka_unit_test(test_send__no_memory),
        cmocka_unit_test(test_send__room_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
