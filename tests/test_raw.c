// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/run.h"
#include "tests/stream_kit.h"

// ---- A proxy ----------------------------------------------------------------
//
// A front server without services of its own, in front of that of stream_kit.h:
// each call that comes is made once more, by name alone, and what comes from
// either side goes to the other.

struct proxy {
    struct sk *sk; // the server behind it
    grpc_server *front;
    grpc_channel *channel; // to the front
    int calls;
};

// One call that goes through: its two halves. NULL: it is over.
struct proxy_call {
    grpc_call *in;
    grpc_call *out;
};

static void proxy_release(struct proxy_call *both)
{
    if (both->in == NULL && both->out == NULL) {
        free(both);
    }
}

static void proxy_in_ended(void *argument)
{
    struct proxy_call *both = argument;
    both->in = NULL;
    if (both->out != NULL) {
        grpc_cancel(both->out);
    }
    proxy_release(both);
}

static void proxy_on_request(grpc_call *call, grpc_str message, void *argument)
{
    struct proxy_call *both = argument;
    (void)call;
    if (both->out != NULL &&
        grpc_call_send_bytes(both->out, message, NULL, NULL) == GRPC_AGAIN) {
        fail(); // the tests send no more than there is room for
    }
}

static void proxy_on_requests_end(grpc_call *call, void *argument)
{
    struct proxy_call *both = argument;
    (void)call;
    if (both->out != NULL) {
        (void)grpc_call_half_close(both->out);
    }
}

static void proxy_on_reply(grpc_call *call, grpc_str message, void *self)
{
    struct proxy_call *both = self;
    (void)call;
    if (both->in != NULL) {
        assert_int_equal(grpc_call_send_bytes(both->in, message, NULL, NULL),
                         GRPC_OK);
    }
}

static void proxy_on_status(grpc_call *call, const grpc_status *status,
                            void *self)
{
    struct proxy_call *both = self;
    grpc_metadata trailers = grpc_call_trailers(call);
    both->out = NULL;
    if (both->in != NULL) {
        grpc_call *in = both->in;
        both->in = NULL;
        for (size_t i = 0; i < trailers.count; i++) {
            const grpc_header *header = &trailers.data[i];
            assert_int_equal(grpc_call_add_trailer_bytes(
                                 in, header->key, header->value, header->size),
                             GRPC_OK);
        }
        assert_int_equal(status->code == GRPC_OK
                             ? grpc_call_finish(in, GRPC_OK, NULL)
                             : grpc_call_fail_status(in, status),
                         GRPC_OK);
    }
    proxy_release(both);
}

static void proxy_handle(grpc_call *call, void *self)
{
    static const grpc_raw_events events = {
        .message = proxy_on_reply,
        .end = proxy_on_status,
    };
    struct proxy *proxy = self;
    struct proxy_call *both = calloc(1, sizeof *both);
    const grpc_call_options options = {
        .parent = call,
        .metadata = grpc_call_headers(call),
    };
    assert_non_null(both);
    proxy->calls++;
    both->in = call;
    both->out = grpc_raw_start(proxy->sk->channel, grpc_call_method(call),
                               &events, both, &options);
    assert_non_null(both->out);
    grpc_call_on_end(call, proxy_in_ended, both);
    assert_int_equal(
        grpc_raw_receive(call, proxy_on_request, proxy_on_requests_end, both),
        GRPC_OK);
}

static struct proxy *proxy_new(void)
{
    static struct proxy proxy;
    int fds[2];
    proxy = (struct proxy){.sk = sk_new()};
    proxy.front =
        grpc_server_new(&(grpc_server_options){.loop = proxy.sk->loop});
    assert_int_equal(
        grpc_server_serve_raw(proxy.front, NULL, proxy_handle, &proxy),
        GRPC_OK);
    kit_pair_of_sockets(fds);
    assert_int_equal(grpc_server_serve_fd(proxy.front, fds[0]), GRPC_OK);
    proxy.channel = grpc_channel_new_fd(
        fds[1], &(grpc_channel_options){.loop = proxy.sk->loop});
    assert_non_null(proxy.channel);
    return &proxy;
}

static void proxy_end(struct proxy *proxy)
{
    grpc_channel_free(proxy->channel);
    kit_turn(proxy->sk->loop);
    grpc_server_free(proxy->front);
    kit_turn(proxy->sk->loop);
    sk_free(proxy->sk);
}

// All four kinds of call, from generated stubs to a generated service, through
// a proxy that knows neither.
static void test_raw__proxy_of_each_kind(void **state)
{
    (void)state;
    struct proxy *proxy = proxy_new();
    struct sk *sk = proxy->sk;
    assert_non_null(stream_Streams_One_start(
        proxy->channel, &(stream_Text){.text = GRPC_STR("you")}, sk_end_with,
        sk, NULL));
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "Hello you:0 OK ");

    sk_clear(&sk->log);
    assert_non_null(stream_Streams_Many_start(proxy->channel,
                                              &(stream_Text){.number = 3},
                                              &sk_many_events, sk, NULL));
    sk_wait_end(sk, 2);
    assert_string_equal(sk->log.text, "headers reply:0 reply:1 reply:2 OK ");

    sk_clear(&sk->log);
    grpc_call *call = stream_Streams_Collect_start(
        proxy->channel, &sk_collect_events, sk, NULL);
    for (int32_t i = 0; i < 4; i++) {
        assert_int_equal(
            stream_Streams_Collect_send(call, &(stream_Text){.number = i}),
            GRPC_OK);
    }
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    sk_wait_end(sk, 3);
    assert_string_equal(sk->log.text, "headers all:4 OK ");

    sk_clear(&sk->log);
    sk->messages = 0;
    call = stream_Streams_Talk_start(proxy->channel, &sk_talk_events, sk, NULL);
    for (int32_t i = 1; i <= 3; i++) {
        assert_int_equal(sk_say(call, "x", i), GRPC_OK);
        kit_wait(sk->loop, &sk->messages, i);
    }
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    sk_wait_end(sk, 4);
    assert_string_equal(sk->log.text, "headers x:1 x:2 x:3 OK ");
    assert_int_equal(proxy->calls, 4);
    proxy_end(proxy);
}

static void raw_fail(grpc_call *call, const stream_Text *request, struct sk *sk)
{
    const stream_Number number = {.value = request->number};
    grpc_str value;
    (void)sk;
    assert_true(grpc_call_header(call, "user", &value));
    assert_string_equal(value.data, "ann");
    assert_int_equal(grpc_call_add_trailer(call, "cause", value.data), GRPC_OK);
    assert_int_equal(
        grpc_call_fail_with(call, GRPC_OUT_OF_RANGE, "too \"far\" \xc3\xa4",
                            GRPC_DETAILS(GRPC_DETAIL(stream_Number, &number))),
        GRPC_OK);
}

static int raw_details_seen;

static void raw_see_details(grpc_call *call, const grpc_status *status,
                            const stream_Text *reply, void *self)
{
    struct sk *sk = self;
    grpc_arena arena = {0};
    stream_Number number;
    grpc_str value;
    assert_null(reply);
    assert_int_equal(
        grpc_status_detail(status, &stream_Number_message, 0, &arena, &number),
        GRPC_OK);
    assert_int_equal(number.value, 5);
    assert_true(grpc_call_trailer(call, "cause", &value));
    assert_string_equal(value.data, "ann");
    grpc_arena_free(&arena);
    raw_details_seen++;
    sk_keep_status(sk, status);
}

// Metadata, the status and its details go through, too.
static void test_raw__proxy_of_errors(void **state)
{
    (void)state;
    struct proxy *proxy = proxy_new();
    proxy->sk->act_on = raw_fail;
    raw_details_seen = 0;
    const grpc_call_options options = {
        .metadata = GRPC_METADATA({"user", "ann", 0}),
    };
    assert_non_null(
        stream_Streams_One_start(proxy->channel, &(stream_Text){.number = 5},
                                 raw_see_details, proxy->sk, &options));
    sk_wait_end(proxy->sk, 1);
    assert_int_equal(raw_details_seen, 1);
    assert_int_equal(proxy->sk->code, GRPC_OUT_OF_RANGE);
    assert_string_equal(proxy->sk->text, "too \"far\" \xc3\xa4");
    // A method that the server behind does not know.
    sk_clear(&proxy->sk->log);
    struct kit_result result = {0};
    assert_non_null(kit_call(proxy->channel, "x", &result));
    kit_wait(proxy->sk->loop, &result.done, 1);
    assert_int_equal(result.code, GRPC_UNIMPLEMENTED);
    assert_string_equal(result.text, "unknown service kit.Greeter");
    proxy_end(proxy);
}

static void raw_hold(grpc_call *call, struct sk *sk)
{
    (void)call;
    (void)sk;
}

// A client that cancels, and a deadline, reach the server behind the proxy.
static void test_raw__proxy_of_cancellation(void **state)
{
    (void)state;
    struct proxy *proxy = proxy_new();
    struct sk *sk = proxy->sk;
    sk->act = raw_hold;
    grpc_call *call =
        stream_Streams_Talk_start(proxy->channel, &sk_talk_events, sk, NULL);
    kit_turn(sk->loop);
    assert_int_equal(sk->handled, 1);
    grpc_cancel(call);
    kit_wait(sk->loop, &sk->told, 1);
    assert_string_equal(sk->log.text, "CANCELLED ");
    call = stream_Streams_Talk_start(proxy->channel, &sk_talk_events, sk,
                                     &(grpc_call_options){.timeout_ms = 5000});
    assert_non_null(call);
    kit_turn(sk->loop);
    int64_t left = grpc_call_time_left_ms(sk->call);
    assert_true(left > 0 && left <= 5000);
    kit_skip(sk->loop, 5001);
    kit_wait(sk->loop, &sk->told, 2);
    sk_wait_end(sk, 2);
    assert_string_equal(sk->log.text, "CANCELLED DEADLINE_EXCEEDED ");
    proxy_end(proxy);
}

// ---- By name ----------------------------------------------------------------

static void raw_echo(grpc_call *call, grpc_str message, void *argument)
{
    (void)argument;
    assert_int_equal(grpc_call_send_bytes(call, message, NULL, NULL), GRPC_OK);
}

static void raw_echo_end(grpc_call *call, void *argument)
{
    (void)argument;
    assert_int_equal(grpc_call_finish(call, GRPC_OK, NULL), GRPC_OK);
}

static void raw_handle_echo(grpc_call *call, void *self)
{
    ++*(int *)self;
    assert_int_equal(grpc_raw_receive(call, raw_echo, raw_echo_end, NULL),
                     GRPC_OK);
    assert_int_equal(grpc_raw_receive(call, raw_echo, raw_echo_end, NULL),
                     GRPC_ESTATE);
}

struct raw_both {
    struct test_heap heap;
    grpc_loop *loop;
    grpc_server *server;
    grpc_channel *channel;
    int named;
    int other;
};

static struct raw_both *raw_new(void)
{
    static struct raw_both both;
    int fds[2];
    memset(&both, 0, sizeof both);
    test_heap_init(&both.heap);
    both.loop = kit_loop(&both.heap, NULL);
    both.server = grpc_server_new(&(grpc_server_options){.loop = both.loop});
    char name[] = "/a.B/Named";
    assert_int_equal(
        grpc_server_serve_raw(both.server, name, raw_handle_echo, &both.named),
        GRPC_OK);
    memset(name, 'x', sizeof name - 1); // it was copied
    assert_int_equal(
        grpc_server_serve_raw(both.server, NULL, raw_handle_echo, &both.other),
        GRPC_OK);
    kit_pair_of_sockets(fds);
    assert_int_equal(grpc_server_serve_fd(both.server, fds[0]), GRPC_OK);
    both.channel =
        grpc_channel_new_fd(fds[1], &(grpc_channel_options){.loop = both.loop});
    return &both;
}

static void raw_finish(struct raw_both *both)
{
    grpc_channel_free(both->channel);
    grpc_server_free(both->server);
    assert_int_equal(grpc_loop_free(both->loop), GRPC_OK);
    assert_true(test_heap_is_clean(&both->heap));
}

static void test_raw__unary(void **state)
{
    (void)state;
    struct raw_both *both = raw_new();
    grpc_arena arena = {0};
    grpc_str reply;
    grpc_status status =
        grpc_raw_unary(both->channel, &arena, "/a.B/Named",
                       (grpc_str){"any\0bytes", 9}, &reply, NULL);
    assert_int_equal(status.code, GRPC_OK);
    assert_int_equal(reply.size, 9);
    assert_memory_equal(reply.data, "any\0bytes", 10);
    status = grpc_raw_unary(both->channel, &arena, "/any.Other/Method",
                            GRPC_STR(""), &reply, NULL);
    assert_int_equal(status.code, GRPC_OK);
    assert_int_equal(reply.size, 0);
    assert_int_equal(both->named, 1);
    assert_int_equal(both->other, 1);
    status = grpc_raw_unary(both->channel, &arena, "no method", GRPC_STR(""),
                            &reply, NULL);
    assert_int_not_equal(status.code, GRPC_OK);
    assert_non_null(strstr(status.message, "byte that may not stand there"));
    grpc_arena_free(&arena);
    raw_finish(both);
}

static void test_raw__waited_for(void **state)
{
    (void)state;
    struct raw_both *both = raw_new();
    grpc_arena arena = {0};
    grpc_str message;
    grpc_call *call = grpc_raw_call(both->channel, &arena, "/a.B/Named", NULL);
    for (size_t i = 0; i < 5; i++) {
        const grpc_str bytes = {"message", i};
        assert_int_equal(grpc_call_send_bytes(call, bytes, NULL, NULL),
                         GRPC_OK);
        assert_int_equal(grpc_raw_next(call, &message), GRPC_MORE);
        assert_int_equal(message.size, i);
        assert_memory_equal(message.data, "message", i);
        assert_int_equal(message.data[i], '\0');
    }
    assert_int_equal(grpc_raw_next(call, NULL), GRPC_EINVAL);
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    assert_int_equal(grpc_raw_next(call, &message), GRPC_OK);
    assert_int_equal(message.size, 0);
    assert_string_equal(message.data, "");
    assert_int_equal(grpc_call_end(call).code, GRPC_OK);
    call = grpc_raw_call(both->channel, &arena, NULL, NULL);
    assert_int_equal(grpc_call_end(call).code, GRPC_INTERNAL);
    grpc_arena_free(&arena);
    raw_finish(both);
}

static int raw_ended;

static void raw_note_end(grpc_call *call, const grpc_status *status, void *self)
{
    (void)call;
    (void)self;
    assert_int_equal(status->code, GRPC_OK);
    raw_ended++;
}

// Events may be NULL, each of them and all.
static void test_raw__without_events(void **state)
{
    (void)state;
    struct raw_both *both = raw_new();
    const grpc_raw_events end = {.end = raw_note_end};
    raw_ended = 0;
    for (int i = 0; i < 2; i++) {
        grpc_call *call = grpc_raw_start(both->channel, "/a.B/Named",
                                         i == 0 ? NULL : &end, NULL, NULL);
        assert_non_null(call);
        assert_string_equal(grpc_call_method(call), "/a.B/Named");
        assert_int_equal(grpc_call_send_bytes(call, GRPC_STR("x"), NULL, NULL),
                         GRPC_OK);
        assert_int_equal(grpc_call_half_close(call), GRPC_OK);
        kit_turn(both->loop);
    }
    assert_int_equal(raw_ended, 1);
    assert_int_equal(both->named, 2);
    raw_finish(both);
}

static void raw_not_raw(grpc_call *call, struct sk *sk)
{
    assert_int_equal(grpc_raw_receive(call, raw_echo, raw_echo_end, sk),
                     GRPC_ESTATE);
    assert_int_equal(grpc_raw_receive(NULL, raw_echo, raw_echo_end, sk),
                     GRPC_EINVAL);
    assert_int_equal(grpc_call_finish(call, GRPC_OK, NULL), GRPC_OK);
}

static void test_raw__misuse(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    sk->act = raw_not_raw;
    (void)sk_start_talk(sk, NULL);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "OK ");
    assert_int_equal(
        grpc_server_serve_raw(sk->server, "/a.B/C", raw_handle_echo, NULL),
        GRPC_ESTATE); // it serves already
    assert_int_equal(grpc_server_serve_raw(NULL, "/a.B/C", raw_handle_echo, sk),
                     GRPC_EINVAL);
    assert_int_equal(grpc_server_serve_raw(sk->server, "/a.B/C", NULL, sk),
                     GRPC_EINVAL);
    sk_free(sk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_raw__proxy_of_each_kind),
        cmocka_unit_test(test_raw__proxy_of_errors),
        cmocka_unit_test(test_raw__proxy_of_cancellation),
        cmocka_unit_test(test_raw__unary),
        cmocka_unit_test(test_raw__waited_for),
        cmocka_unit_test(test_raw__without_events),
        cmocka_unit_test(test_raw__misuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
