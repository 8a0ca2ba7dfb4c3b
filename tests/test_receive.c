// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/receive.h"
#include "tests/stream_kit.h"

// ---- Paused and resumed -----------------------------------------------------

static grpc_call *receive_paused; // the call that has paused itself last

static void receive_pause_server(grpc_call *call, const stream_Text *request,
                                 struct sk *sk)
{
    assert_int_equal(request->number, sk->received - 1);
    grpc_call_pause(call);
    receive_paused = call;
}

static void receive_pause_client(grpc_call *call, const stream_Text *reply,
                                 struct sk *sk)
{
    assert_int_equal(reply->number, sk->messages - 1);
    grpc_call_pause(call);
    receive_paused = call;
}

// One message for each time that it is asked for, and then the end.
static void test_receive__server_pauses_at_each_message(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    sk->act_on = receive_pause_server;
    grpc_call *call =
        stream_Streams_Collect_start(sk->channel, &sk_collect_events, sk, NULL);
    for (int32_t i = 0; i < 20; i++) {
        assert_int_equal(
            stream_Streams_Collect_send(call, &(stream_Text){.number = i}),
            GRPC_OK);
    }
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    for (int32_t i = 1; i <= 20; i++) {
        kit_turn(sk->loop);
        assert_int_equal(sk->received, i);
        assert_string_equal(sk->server_log.text, "");
        grpc_call_resume(receive_paused);
        grpc_call_resume(receive_paused);
    }
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "headers all:20 OK ");
    sk_free(sk);
}

static void test_receive__client_pauses_at_each_message(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    sk->on_message = receive_pause_client;
    (void)sk_start_many(sk, 20, NULL);
    for (int i = 1; i <= 20; i++) {
        kit_turn(sk->loop);
        assert_int_equal(sk->messages, i);
        assert_int_equal(sk->ended, 0); // the status has come long since
        grpc_call_resume(receive_paused);
    }
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "headers OK ");
    sk_free(sk);
}

static void receive_toggle(grpc_call *call, const stream_Text *reply,
                           struct sk *sk)
{
    (void)reply;
    (void)sk;
    grpc_call_pause(call);
    grpc_call_resume(call);
}

// Both within one callback: nothing is lost, nothing is given twice.
static void test_receive__pause_and_resume_within_a_message(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    sk->on_message = receive_toggle;
    (void)sk_start_many(sk, 500, NULL);
    sk_wait_end(sk, 1);
    assert_int_equal(sk->messages, 500);
    assert_string_equal(sk->log.text, "headers OK ");
    sk_free(sk);
}

// Paused before anything has come.
static void test_receive__paused_from_the_start(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    grpc_call *call = sk_start_many(sk, 3, NULL);
    grpc_call_pause(call);
    kit_turn(sk->loop);
    assert_string_equal(sk->log.text, "headers ");
    grpc_call_resume(call);
    assert_int_equal(sk->messages, 0); // not from within
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "headers reply:0 reply:1 reply:2 OK ");
    // A call that is paused ends all the same, by other causes than its peer's.
    sk_clear(&sk->log);
    call = sk_start_many(sk, 3, &(grpc_call_options){.timeout_ms = 1000});
    grpc_call_pause(call);
    kit_turn(sk->loop);
    kit_skip(sk->loop, 1001);
    sk_wait_end(sk, 2);
    assert_string_equal(sk->log.text, "headers DEADLINE_EXCEEDED ");
    grpc_call_pause(NULL);
    grpc_call_resume(NULL);
    sk_free(sk);
}

// ---- Asked for late ---------------------------------------------------------

static void receive_ask_later(grpc_call *call, struct sk *sk)
{
    (void)call;
    (void)sk;
}

// The messages and the end have come before the handler asks for them.
static void test_receive__asked_for_after_the_end(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    sk->act = receive_ask_later;
    grpc_call *call = sk_start_talk(sk, NULL);
    for (int32_t i = 0; i < 5; i++) {
        assert_int_equal(sk_say(call, "x", i), GRPC_OK);
    }
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    kit_turn(sk->loop);
    assert_int_equal(sk->received, 0);
    assert_int_equal(
        stream_Streams_Talk_receive(sk->call, sk_echo, sk_echo_end, sk),
        GRPC_OK);
    assert_int_equal(sk->received, 0); // not from within
    assert_int_equal(
        stream_Streams_Talk_receive(sk->call, sk_echo, sk_echo_end, sk),
        GRPC_ESTATE);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "headers x:0 x:1 x:2 x:3 x:4 OK ");
    sk_free(sk);
}

static void test_receive__end_alone_is_asked_for_late(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    sk->act = receive_ask_later;
    grpc_call *call = sk_start_talk(sk, NULL);
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    kit_turn(sk->loop);
    assert_int_equal(
        stream_Streams_Talk_receive(sk->call, NULL, sk_echo_end, sk), GRPC_OK);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->server_log.text, "end ");
    assert_string_equal(sk->log.text, "OK ");
    sk_free(sk);
}

// Neither function is needed: requests are read and forgotten.
static void receive_forget(grpc_call *call, struct sk *sk)
{
    (void)sk;
    assert_int_equal(stream_Streams_Collect_receive(call, NULL, NULL, NULL),
                     GRPC_OK);
}

static void test_receive__without_functions(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    sk->act = receive_forget;
    grpc_call *call =
        stream_Streams_Collect_start(sk->channel, &sk_collect_events, sk, NULL);
    static char bytes[50000];
    for (int i = 0; i < 10; i++) {
        const stream_Text big = {.data = {bytes, sizeof bytes}};
        while (stream_Streams_Collect_send(call, &big) == GRPC_AGAIN) {
            kit_turn(sk->loop);
        }
    }
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    kit_turn(sk->loop);
    assert_int_equal(
        stream_Streams_Collect_reply(sk->call, &(stream_Text){.number = 7}),
        GRPC_OK);
    sk_wait_end(sk, 1);
    assert_non_null(strstr(sk->log.text, ":7 OK "));
    sk_free(sk);
}

static void receive_misuse(grpc_call *call, const stream_Text *request,
                           struct sk *sk)
{
    (void)request;
    assert_int_equal(grpc_call_receive(call, NULL, NULL, sk), GRPC_ESTATE);
    assert_int_equal(grpc_call_receive(NULL, NULL, NULL, sk), GRPC_ESTATE);
    assert_int_equal(grpc_call_finish(call, GRPC_OK, NULL), GRPC_OK);
}

static void test_receive__misuse(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    sk->act_on = receive_misuse;
    grpc_call *call = sk_start_many(sk, 1, NULL);
    assert_int_equal(grpc_call_receive(call, NULL, NULL, sk), GRPC_ESTATE);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "OK ");
    assert_null(grpc_call_scratch(NULL));
    assert_false(grpc_call_was_compressed(NULL));
    sk_free(sk);
}

// ---- Every cut --------------------------------------------------------------

// Three messages, of 0, 5 and 4 bytes, as a raw client sends them.
static const char receive_bytes[] = "0000000000 00000000050a03416e6e "
                                    "00000000040a024a6f";

struct receive_raw {
    struct test_heap heap;
    grpc_loop *loop;
    grpc_server *server;
    struct kit_peer peer;
    struct sk sk;
};

static struct receive_raw *receive_raw_new(void)
{
    static struct receive_raw raw;
    int fds[2];
    memset(&raw, 0, sizeof raw);
    test_heap_init(&raw.heap);
    raw.loop = kit_loop(&raw.heap, NULL);
    raw.server = grpc_server_new(&(grpc_server_options){.loop = raw.loop});
    assert_non_null(raw.server);
    assert_int_equal(stream_Streams_serve(raw.server, &sk_handlers, &raw.sk),
                     GRPC_OK);
    kit_pair_of_sockets(fds);
    assert_int_equal(grpc_server_serve_fd(raw.server, fds[0]), GRPC_OK);
    kit_peer_init(&raw.peer, fds[1], false);
    kit_preface(&raw.peer, true);
    kit_headers(&raw.peer, 1, false,
                ":method: POST\n:scheme: http\n:path: /stream.Streams/Collect\n"
                "content-type: application/grpc\n");
    kit_turn(raw.loop);
    kit_forget(&raw.peer);
    return &raw;
}

static void receive_raw_end(struct receive_raw *raw)
{
    kit_expect(&raw->peer, raw->loop,
               "HEADERS 1\n :status: 200\n content-type: application/grpc\n"
               "DATA 1 00000000070a03616c6c1803\n"
               "HEADERS 1 end\n grpc-status: 0\n");
    assert_int_equal(raw->sk.received, 3);
    grpc_server_free(raw->server);
    assert_int_equal(grpc_loop_free(raw->loop), GRPC_OK);
    assert_true(test_heap_is_clean(&raw->heap));
    kit_peer_fini(&raw->peer);
}

// The messages come in two frames, cut at every byte; with a turn of the loop
// between them, and without one.
static void test_receive__cut_at_every_byte(void **state)
{
    (void)state;
    uint8_t bytes[64];
    size_t size = test_unhex(receive_bytes, bytes, sizeof bytes);
    for (size_t cut = 0; cut <= size; cut++) {
        for (int turns = 0; turns < 2; turns++) {
            struct receive_raw *raw = receive_raw_new();
            kit_frame(&raw->peer, 0, 0, 1, view_of(bytes, cut));
            if (turns > 0) {
                kit_turn(raw->loop);
            }
            kit_frame(&raw->peer, 0, 1, 1, view_of(bytes + cut, size - cut));
            receive_raw_end(raw);
        }
    }
}

static void test_receive__a_frame_for_each_byte(void **state)
{
    (void)state;
    uint8_t bytes[64];
    size_t size = test_unhex(receive_bytes, bytes, sizeof bytes);
    struct receive_raw *raw = receive_raw_new();
    for (size_t i = 0; i < size; i++) {
        kit_frame(&raw->peer, 0, 0, 1, view_of(bytes + i, 1));
        if (i % 3 == 0) {
            kit_turn(raw->loop);
        }
    }
    kit_frame(&raw->peer, 0, 1, 1, view_of(NULL, 0));
    receive_raw_end(raw);
}

// Cut at every byte while nobody asks, and asked for one by one.
static void test_receive__cut_at_every_byte_and_paused(void **state)
{
    (void)state;
    uint8_t bytes[64];
    size_t size = test_unhex(receive_bytes, bytes, sizeof bytes);
    for (size_t cut = 0; cut <= size; cut++) {
        struct receive_raw *raw = receive_raw_new();
        grpc_call_pause(raw->sk.call);
        kit_frame(&raw->peer, 0, 0, 1, view_of(bytes, cut));
        kit_turn(raw->loop);
        assert_int_equal(raw->sk.received, 0);
        grpc_call_resume(raw->sk.call);
        kit_turn(raw->loop);
        grpc_call_pause(raw->sk.call);
        kit_frame(&raw->peer, 0, 1, 1, view_of(bytes + cut, size - cut));
        kit_turn(raw->loop);
        grpc_call_resume(raw->sk.call);
        receive_raw_end(raw);
    }
}

// ---- Ended from within ------------------------------------------------------

enum receive_place { RECEIVE_HEADERS, RECEIVE_MESSAGE, RECEIVE_WRITABLE };
enum receive_way { RECEIVE_CANCEL, RECEIVE_CHANNEL, RECEIVE_SERVER };

static enum receive_way receive_way;

static void receive_leave(grpc_call *call, struct sk *sk)
{
    switch (receive_way) {
    case RECEIVE_CANCEL:
        grpc_cancel(call);
        grpc_cancel(call);
        break;
    case RECEIVE_CHANNEL:
        grpc_channel_free(sk->channel);
        sk->channel = NULL;
        break;
    case RECEIVE_SERVER:
        grpc_server_free(sk->server);
        sk->server = NULL;
        break;
    }
}

static void receive_leave_on_headers(grpc_call *call, void *self)
{
    struct sk *sk = self;
    sk_note(&sk->log, "headers");
    receive_leave(call, sk);
}

static void receive_leave_on_message(grpc_call *call, const stream_Text *reply,
                                     void *self)
{
    struct sk *sk = self;
    char text[16];
    sk->messages++;
    sk_note(&sk->log, "%d", (int)reply->number);
    if (reply->number == 1) {
        receive_leave(call, sk);
        // The message is still there to be read.
        (void)snprintf(text, sizeof text, "%s", reply->text.data);
        assert_string_equal(text, "reply");
    }
}

static void receive_note_message(grpc_call *call, const stream_Text *reply,
                                 void *self)
{
    struct sk *sk = self;
    (void)call;
    sk_note(&sk->log, "%d", (int)reply->number);
}

// The client's call is ended within each of its callbacks. When it is cancelled
// none follows but the end. A channel is freed when the step returns: what has
// come with the message is given before.
static void test_receive__client_ends_from_within(void **state)
{
    (void)state;
    static const stream_Streams_Many_events on_headers = {
        .headers = receive_leave_on_headers,
        .message = receive_note_message,
        .end = sk_end,
    };
    static const stream_Streams_Many_events on_message = {
        .headers = sk_headers,
        .message = receive_leave_on_message,
        .end = sk_end,
    };
    for (int way = RECEIVE_CANCEL; way <= RECEIVE_CHANNEL; way++) {
        receive_way = (enum receive_way)way;
        struct sk *sk = sk_new();
        assert_non_null(stream_Streams_Many_start(
            sk->channel, &(stream_Text){.number = 10}, &on_headers, sk, NULL));
        sk_wait_end(sk, 1);
        assert_string_equal(sk->log.text,
                            way == RECEIVE_CANCEL
                                ? "headers CANCELLED "
                                : "headers 0 1 2 3 4 5 6 7 8 9 OK ");
        sk_free(sk);

        sk = sk_new();
        assert_non_null(stream_Streams_Many_start(
            sk->channel, &(stream_Text){.number = 10}, &on_message, sk, NULL));
        sk_wait_end(sk, 1);
        assert_string_equal(sk->log.text,
                            way == RECEIVE_CANCEL
                                ? "headers 0 1 CANCELLED "
                                : "headers 0 1 2 3 4 5 6 7 8 9 OK ");
        sk_free(sk);
    }
}

// The server is freed within a callback of the client's.
static void test_receive__client_frees_the_server_from_within(void **state)
{
    (void)state;
    static const stream_Streams_Many_events on_message = {
        .message = receive_leave_on_message,
        .end = sk_end,
    };
    receive_way = RECEIVE_SERVER;
    struct sk *sk = sk_new();
    assert_non_null(stream_Streams_Many_start(
        sk->channel, &(stream_Text){.number = 100000}, &on_message, sk, NULL));
    sk_wait_end(sk, 1);
    assert_int_equal(sk->code, GRPC_UNAVAILABLE);
    assert_int_equal(sk->told, 1);
    sk_free(sk);
}

enum receive_answer {
    ANSWER_FAIL,
    ANSWER_FINISH,
    ANSWER_SERVER,
    ANSWER_CHANNEL,
    ANSWER_CANCEL, // by its client, on the same loop
    ANSWERS,
};

static enum receive_answer receive_answer;
static int32_t receive_answer_at;
static grpc_call *receive_clients;

static void receive_answer_now(grpc_call *call, struct sk *sk)
{
    switch (receive_answer) {
    case ANSWER_FAIL:
        assert_int_equal(grpc_call_fail(call, GRPC_ABORTED, "enough"), GRPC_OK);
        assert_int_equal(grpc_call_fail(call, GRPC_ABORTED, "again"),
                         GRPC_ESTATE);
        break;
    case ANSWER_FINISH:
        assert_int_equal(grpc_call_finish(call, GRPC_OK, NULL), GRPC_OK);
        assert_int_equal(
            stream_Streams_Talk_send_reply(call, &(stream_Text){.number = 1}),
            GRPC_ESTATE);
        break;
    case ANSWER_SERVER:
        grpc_server_free(sk->server);
        sk->server = NULL;
        break;
    case ANSWER_CHANNEL:
        grpc_channel_free(sk->channel);
        sk->channel = NULL;
        break;
    case ANSWER_CANCEL:
    case ANSWERS:
        grpc_cancel(receive_clients);
        break;
    }
}

// receive_is_answered: by the handler itself, at once.
static bool receive_is_answered(void)
{
    return receive_answer == ANSWER_FAIL || receive_answer == ANSWER_FINISH;
}

static void receive_answer_on(grpc_call *call, const stream_Text *request,
                              struct sk *sk)
{
    assert_true(!receive_is_answered() || sk->received <= receive_answer_at);
    if (sk->received == receive_answer_at) {
        receive_answer_now(call, sk);
        assert_int_equal(request->number, receive_answer_at);
    }
}

static void receive_answer_at_end(grpc_call *call, void *self)
{
    receive_answer_now(call, self);
}

static void receive_ask(grpc_call *call, struct sk *sk)
{
    if (receive_answer_at == 0) {
        receive_answer_now(call, sk);
        return;
    }
    assert_int_equal(
        stream_Streams_Talk_receive(call, sk_echo, receive_answer_at_end, sk),
        GRPC_OK);
}

// The server's call is ended within its handler (0), at the first, the second
// and the last message, and at the end (4), with three messages that come in one
// read. The handler is told of an end that is none of its own, which takes effect
// when the step returns: what has come is given before.
static void test_receive__server_ends_from_within(void **state)
{
    (void)state;
    static const grpc_code codes[ANSWERS] = {
        [ANSWER_FAIL] = GRPC_ABORTED,       [ANSWER_FINISH] = GRPC_OK,
        [ANSWER_SERVER] = GRPC_UNAVAILABLE, [ANSWER_CHANNEL] = GRPC_CANCELLED,
        [ANSWER_CANCEL] = GRPC_CANCELLED,
    };
    for (int way = 0; way < ANSWERS; way++) {
        for (receive_answer_at = 0; receive_answer_at <= 4;
             receive_answer_at++) {
            receive_answer = (enum receive_answer)way;
            struct sk *sk = sk_new();
            sk->act = receive_ask;
            sk->act_on = receive_answer_on;
            receive_clients = sk_start_talk(sk, NULL);
            for (int32_t i = 1; i <= 3; i++) {
                assert_int_equal(sk_say(receive_clients, "x", i), GRPC_OK);
            }
            assert_int_equal(grpc_call_half_close(receive_clients), GRPC_OK);
            sk_wait_end(sk, 1);
            kit_turn(sk->loop);
            assert_int_equal(sk->code, codes[way]);
            assert_int_equal(sk->ended, 1);
            assert_int_equal(sk->told, receive_is_answered() ? 0 : 1);
            int32_t most = receive_is_answered() ? receive_answer_at : 3;
            most = most < 3 ? most : 3;
            assert_int_equal(sk->received, receive_answer_at == 0 ? 0 : most);
            sk_free(sk);
        }
    }
}

// ---- An unread stream -------------------------------------------------------

// A stream that nobody reads stops its own peer when its window is full; others
// of the connection go on, and so does the connection's window.
static void test_receive__unread_stream_stops_its_own_peer(void **state)
{
    (void)state;
    static char bytes[10000];
    struct sk *sk = sk_new();
    const stream_Text big = {.data = {bytes, sizeof bytes}};
    sk->act = receive_ask_later;
    grpc_call *unread = sk_start_talk(sk, NULL);
    int32_t sent = 0;
    for (int i = 0; i < 300; i++) {
        sent += stream_Streams_Talk_send(unread, &big) == GRPC_OK;
        kit_turn(sk->loop);
    }
    grpc_call *waits = sk->call;
    assert_true(sent < 20); // a window, and what waits in the stream
    assert_int_equal(stream_Streams_Talk_send(unread, &big), GRPC_AGAIN);
    sk->act = NULL;
    // More than the connection's window goes past it.
    grpc_call *read = sk_start_talk(sk, NULL);
    sk_clear(&sk->log);
    int32_t others = 0;
    while (others < 300) {
        if (stream_Streams_Talk_send(read, &big) == GRPC_OK) {
            others++;
        }
        kit_turn(sk->loop);
    }
    kit_wait(sk->loop, &sk->messages, 300);
    assert_int_equal(grpc_call_half_close(read), GRPC_OK);
    sk_wait_end(sk, 1);
    // Then it is read, and has lost nothing.
    sk->received = 0;
    sk->messages = 0;
    assert_int_equal(
        stream_Streams_Talk_receive(waits, sk_echo, sk_echo_end, sk), GRPC_OK);
    kit_wait(sk->loop, &sk->messages, sent);
    assert_int_equal(grpc_call_half_close(unread), GRPC_OK);
    sk_wait_end(sk, 2);
    assert_int_equal(sk->received, sent);
    assert_int_equal(sk->code, GRPC_OK);
    sk_free(sk);
}

// What waits unread is given back with the call.
static void test_receive__unread_messages_go_with_the_call(void **state)
{
    (void)state;
    static char bytes[10000];
    struct sk *sk = sk_new();
    const stream_Text big = {.data = {bytes, sizeof bytes}};
    for (int round = 0; round < 40; round++) {
        // In all more than the connection's window.
        sk->act = receive_ask_later;
        grpc_call *unread = sk_start_talk(sk, NULL);
        for (int i = 0; i < 6; i++) {
            assert_int_equal(stream_Streams_Talk_send(unread, &big), GRPC_OK);
        }
        kit_turn(sk->loop);
        if (round % 2 == 0) {
            grpc_cancel(unread);
        } else {
            assert_int_equal(grpc_call_fail(sk->call, GRPC_ABORTED, NULL),
                             GRPC_OK);
        }
        sk_wait_end(sk, round + 1);
        kit_turn(sk->loop);
    }
    sk->act = NULL;
    grpc_call *call = sk_start_talk(sk, NULL);
    for (int32_t i = 1; i <= 100; i++) {
        assert_int_equal(stream_Streams_Talk_send(call, &big), GRPC_OK);
        kit_wait(sk->loop, &sk->messages, i);
    }
    sk_free(sk);
}

// ---- Memory -----------------------------------------------------------------

static grpc_call *receive_talker;
static stream_Text receive_text;
static int receive_rounds;

static void receive_go_round(grpc_call *call, const stream_Text *reply,
                             struct sk *sk)
{
    assert_int_equal(reply->data.size, receive_text.data.size);
    if (sk->messages < receive_rounds) {
        grpc_result result = stream_Streams_Talk_send(call, &receive_text);
        assert_int_equal(result, GRPC_OK);
    }
}

// receive_talk exchanges so many messages of that size, to and fro, one at a
// time, and returns how many allocations that took.
static size_t receive_talk(struct sk *sk, size_t size, int rounds)
{
    static char bytes[1048576];
    receive_text = (stream_Text){.data = {bytes, size}};
    sk->messages = 0;
    receive_rounds = rounds;
    sk->on_message = receive_go_round;
    size_t before = sk->heap.calls;
    assert_int_equal(stream_Streams_Talk_send(receive_talker, &receive_text),
                     GRPC_OK);
    while (sk->messages < rounds) {
        assert_int_equal(grpc_loop_step(sk->loop, -1), GRPC_OK);
    }
    return sk->heap.calls - before;
}

// receive_is_warm: some of the first batches of messages allocate, as long as
// windows grow and more is under way at a time; then none does.
static bool receive_is_warm(struct sk *sk, size_t size)
{
    for (int batch = 0; batch < 30; batch++) {
        size_t live = sk->heap.live_bytes;
        if (receive_talk(sk, size, 30) == 0) {
            return sk->heap.live_bytes == live;
        }
    }
    return false;
}

// Once it is warm, a stream allocates nothing for its messages, in either
// direction.
static void test_receive__messages_allocate_nothing(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 100, 1024, 8192, 65536, 1048576};
    struct sk *sk = sk_new();
    receive_talker = sk_start_talk(sk, NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_true(receive_is_warm(sk, sizes[i]));
    }
    assert_int_equal(grpc_call_half_close(receive_talker), GRPC_OK);
    sk_wait_end(sk, 1);
    // What large messages needed is not kept without a call.
    kit_turn(sk->loop);
    assert_int_equal(sk->loop->h2.chunks.spare_max, H2_LIMIT_SPARE_CHUNKS);
    assert_true(sk->loop->h2.chunks.spare_count <= H2_LIMIT_SPARE_CHUNKS);
    sk_free(sk);
}

// The memory that a stream holds does not grow with the number of its messages.
static void test_receive__memory_of_a_stream_is_bounded(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    receive_talker = sk_start_talk(sk, NULL);
    (void)receive_talk(sk, 10, 100);
    size_t peak = sk->heap.peak_bytes;
    for (int i = 0; i < 20; i++) {
        for (size_t size = 0; size < 3000; size += 500) {
            (void)receive_talk(sk, size, 50);
        }
    }
    assert_true(sk->heap.peak_bytes <= peak + 65536);
    grpc_cancel(receive_talker);
    sk_wait_end(sk, 1);
    sk_free(sk);
}

// ---- Limits -----------------------------------------------------------------

static void test_receive__limit_of_a_call(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    const grpc_call_options options = {.max_receive_bytes = 8};
    (void)sk_start_many(sk, 3, &options); // {"reply"} 7 bytes, then 9
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "headers reply:0 RESOURCE_EXHAUSTED ");
    assert_string_equal(sk->text,
                        "grpc: received message larger than max (9 vs. 8)");
    sk_free(sk);
}

static void test_receive__limit_of_a_server(void **state)
{
    (void)state;
    struct sk *sk =
        sk_new_with(&(grpc_server_options){.max_receive_bytes = 4},
                    &(grpc_channel_options){.max_receive_bytes = 8});
    grpc_call *call = sk_start_talk(sk, NULL);
    assert_int_equal(sk_say(call, "xy", 0), GRPC_OK);
    kit_wait(sk->loop, &sk->messages, 1);
    assert_int_equal(sk_say(call, "xyz", 0), GRPC_OK);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "headers xy:0 RESOURCE_EXHAUSTED ");
    assert_int_equal(sk->told, 1);
    sk_free(sk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_receive__server_pauses_at_each_message),
        cmocka_unit_test(test_receive__client_pauses_at_each_message),
        cmocka_unit_test(test_receive__pause_and_resume_within_a_message),
        cmocka_unit_test(test_receive__paused_from_the_start),
        cmocka_unit_test(test_receive__asked_for_after_the_end),
        cmocka_unit_test(test_receive__end_alone_is_asked_for_late),
        cmocka_unit_test(test_receive__without_functions),
        cmocka_unit_test(test_receive__misuse),
        cmocka_unit_test(test_receive__cut_at_every_byte),
        cmocka_unit_test(test_receive__a_frame_for_each_byte),
        cmocka_unit_test(test_receive__cut_at_every_byte_and_paused),
        cmocka_unit_test(test_receive__client_ends_from_within),
        cmocka_unit_test(test_receive__client_frees_the_server_from_within),
        cmocka_unit_test(test_receive__server_ends_from_within),
        cmocka_unit_test(test_receive__unread_stream_stops_its_own_peer),
        cmocka_unit_test(test_receive__unread_messages_go_with_the_call),
        cmocka_unit_test(test_receive__messages_allocate_nothing),
        cmocka_unit_test(test_receive__memory_of_a_stream_is_bounded),
        cmocka_unit_test(test_receive__limit_of_a_call),
        cmocka_unit_test(test_receive__limit_of_a_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
